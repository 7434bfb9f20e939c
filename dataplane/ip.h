/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IPv4 (RFC 791, 1122) and IPv6 (RFC 8200), both to and from the layers above as
 * addresses of one kind. Headers are checked here; what passes is for one of the
 * receiving port's own addresses, whole (fragments: ip_frag.h) and without options.
 *
 * Threads: the stack's worker.
 * Ownership: *_input and *_output consume their mbuf.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct netif;
struct rte_mbuf;
struct stack;

/* What the layer above needs to know of a received packet. */
struct ip_info {
	struct addr src, dst;
	uint16_t payload_bytes;	/* after the IP header, Ethernet padding excluded */
	uint8_t proto;
	uint8_t ttl;		/* or hop limit */
	uint8_t tos;		/* traffic class; the low two bits are ECN (RFC 3168) */
};

/*
 * The way to a far address, without the addresses: a connection keeps it beside its
 * tuple. `neigh` is a hint that is checked and renewed with each packet.
 */
struct ip_hop {
	uint32_t neigh;		/* index into the neighbour table + 1; 0: not looked up */
	uint16_t mtu;		/* bytes of IP packet: the port's, or less after ICMP (RFC 1191, 8201) */
	uint8_t nif;		/* index of the port */
	uint8_t route;		/* index + 1 of the route whose `via` is the next hop; 0: the far address itself */
};

/* The same with both addresses, filled in by ip_path_init. */
struct ip_path {
	struct ip_hop hop;
	struct addr src, dst;
};

/* What the IP header says of its content. */
struct ip_tx {
	uint8_t proto;
	uint8_t l4_bytes;	/* of transport header */
	uint8_t tos;		/* traffic class, ECN included */
};

/*
 * @src: the own address to use, or NULL to choose. 0, -ENETUNREACH (no route, or
 * @dst is the gateway's own, which is never looped back; counted as no_route),
 * -EADDRNOTAVAIL (no own address).
 */
int ip_path_init(struct stack *s, struct ip_path *p, const struct addr *src, const struct addr *dst);

/*
 * Packets of the EtherTypes 0x0800 and 0x86dd; m's data begins at the IP header
 * (m->l2_len bytes of Ethernet header lie before it). @unicast: the frame was for
 * our MAC address alone; other frames carry neighbour discovery only.
 */
void ip4_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m);
void ip6_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, bool unicast);

/*
 * Prepends IP and Ethernet headers and transmits; @m begins at the transport
 * header, tx->l4_bytes long. Sets l2_len, l3_len, l4_len and the offload requests
 * (checksum flags; for TCP the caller sets RTE_MBUF_F_TX_TCP_SEG and tso_segsz for
 * more than one segment). A packet whose next hop isn't resolved yet waits with the
 * neighbour (a bounded queue) or is dropped and counted.
 */
void ip_output_hop(struct stack *s, struct ip_hop *hop, const struct addr *src, const struct addr *dst,
		   struct rte_mbuf *m, const struct ip_tx *tx);
/* The same on a whole path. */
void ip_output(struct stack *s, struct ip_path *p, struct rte_mbuf *m, uint8_t proto, uint8_t l4_bytes, uint8_t tos);
