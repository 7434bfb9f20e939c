/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the stack knows of a port: its addresses and what its device does for us.
 * And where packets go: the routes. Both are made at start by control and never
 * change while workers run.
 *
 * Threads: read by all workers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rte_ether.h>

#include "base/addr.h"

struct steer;

#define NETIF_MAX 8
#define NETIF_ADDRS_MAX 32
#define NETIF_NAME_BYTES 32
#define ROUTES_MAX 64

/* What the device does; what it doesn't, offload.c does before transmission. */
enum {
	NETIF_TX_IP_CHECKSUM = 1u << 0,
	NETIF_TX_TCP_CHECKSUM = 1u << 1,
	NETIF_TX_SCATTER = 1u << 2,	/* takes chained mbufs */
	NETIF_TX_TSO = 1u << 3,
};

/* How a port's connections share the path (tcp_cc.h). */
enum congestion {
	CONGESTION_DEFAULT,
	CONGESTION_BBR,
	CONGESTION_CUBIC,
	CONGESTION_NEWRENO,
};

/* RFC 3168, for a port's connections (tcp_ecn.h). */
enum ecn {
	ECN_ACCEPT,	/* when the peer asks */
	ECN_ON,		/* asks as well */
	ECN_OFF,
};

struct netif {
	char name[NETIF_NAME_BYTES];
	uint8_t id;		/* index in netifs->netifs */
	struct rte_ether_addr mac;
	uint16_t mtu;		/* bytes of IP packet */
	uint16_t vlan;		/* 0: untagged */
	uint8_t congestion;	/* enum congestion */
	uint8_t ecn;		/* enum ecn */
	uint32_t offloads;	/* NETIF_TX_* */
	uint32_t tso_max_bytes;	/* largest segment to be cut, by the device or before it (cut.h); 0: none */
	uint16_t tso_max_pieces;	/* mbufs of such a segment, its header's included */
	const struct steer *steer;	/* which worker receives what; NULL: this one */
	unsigned int n_addrs;
	struct prefix addrs[NETIF_ADDRS_MAX];	/* own addresses with their on-link prefix lengths */
	struct addr linklocal;	/* fe80:: made of the MAC (RFC 4291 appendix A), set at start */
};

struct route {
	struct prefix to;
	struct addr via;
	uint8_t netif;		/* filled in by netifs_init */
};

/* A network and the port behind which it lies, for comparing 8 bytes at a time. */
struct netif_net {
	uint64_t net[2], mask[2];	/* as the bytes lie in an address */
	uint8_t len, netif;
};

struct netifs {
	unsigned int n_netifs, n_routes;
	struct netif netifs[NETIF_MAX];
	struct route routes[ROUTES_MAX];	/* longest prefix first after netifs_init */
	unsigned int n_nets;	/* 0 with a single port: nothing lies behind another */
	struct netif_net nets[NETIF_MAX * NETIF_ADDRS_MAX + ROUTES_MAX];	/* on-link and routed, longest first */
	uint64_t own_filter;	/* a bit per own address (netif.c): most strangers fail it at once */
};

/*
 * Sets link-local addresses, sorts routes and finds each route's port. 0, or
 * -EINVAL with a message in @err: a next hop on no port's link, a duplicate address.
 */
int netifs_init(struct netifs *n, char *err, size_t err_bytes);

/* The port for @dst, or NULL: no route. *route: whose next hop it goes to; NULL: @dst is on-link. */
const struct netif *netifs_way(const struct netifs *n, const struct addr *dst, const struct route **route);
/* The port and next hop (@dst itself when on-link) for @dst; NULL: no route. */
const struct netif *netifs_route(const struct netifs *n, const struct addr *dst, struct addr *next_hop);

/* The port that owns @a, or NULL. */
const struct netif *netifs_owner(const struct netifs *n, const struct addr *a);

/* Is @a an own address of any port, link-local ones included? Cheap for those that aren't. */
bool netifs_own(const struct netifs *n, const struct addr *a);

/*
 * Is @a known to lie behind another port than @nif, by the longest of the on-link
 * networks and routes that hold it? Default routes don't count.
 */
bool netifs_elsewhere(const struct netifs *n, const struct netif *nif, const struct addr *a);

/* Is @a one of this port's own addresses (the link-local one included)? */
bool netif_own(const struct netif *nif, const struct addr *a);

/* The port's own address to speak to @dst from: same version, on-link if one is. NULL: none. */
const struct addr *netif_source(const struct netif *nif, const struct addr *dst);
