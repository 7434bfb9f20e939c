/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "eth.h"

#include <rte_ether.h>

#include "arp.h"
#include "ip.h"
#include "pkt.h"
#include "stack_private.h"

/*
 * The length of the header before the packet and the packet's type, or 0 when the
 * frame is of another VLAN than the port's. A device may have taken the tag off.
 */
static uint32_t vlan_check(const struct netif *nif, const struct rte_mbuf *m, uint16_t *type)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_vlan_hdr *tag = (const struct rte_vlan_hdr *)(eth + 1);
	bool stripped = (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;
	bool tagged = eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN);

	*type = rte_be_to_cpu_16(eth->ether_type);
	if (nif->vlan == 0)
		return tagged || stripped ? 0 : sizeof(*eth);
	if (stripped)
		return tagged || (m->vlan_tci & 0xfff) != nif->vlan ? 0 : sizeof(*eth);
	if (!tagged || m->data_len < sizeof(*eth) + sizeof(*tag) ||
	    (rte_be_to_cpu_16(tag->vlan_tci) & 0xfff) != nif->vlan)
		return 0;
	*type = rte_be_to_cpu_16(tag->eth_proto);
	return sizeof(*eth) + sizeof(*tag);
}

void eth_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth;
	uint32_t l2_bytes;
	uint16_t type;
	bool unicast;

	/* The longer header at once: a frame has at least 46 bytes after it (or is a runt). */
	if (m->pkt_len < sizeof(*eth) || !pkt_pull(m, RTE_MIN(m->pkt_len, ETH_HEADER_MAX))) {
		stack_drop(s, DROP_ETH_SHORT, m);
		return;
	}
	eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	l2_bytes = vlan_check(nif, m, &type);
	if (l2_bytes == 0) {
		stack_drop(s, DROP_ETH_VLAN, m);
		return;
	}
	unicast = rte_is_same_ether_addr(&eth->dst_addr, &nif->mac);
	if (!unicast && !rte_is_multicast_ether_addr(&eth->dst_addr)) {
		stack_drop(s, DROP_ETH_OTHER_HOST, m);
		return;
	}
	m->l2_len = (uint64_t)l2_bytes & 0x7f;
	rte_pktmbuf_adj(m, (uint16_t)l2_bytes);
	switch (type) {
	case RTE_ETHER_TYPE_IPV4:
		/* A unicast datagram in a frame for all is nobody's (RFC 1122 3.3.6). */
		if (!unicast)
			break;
		ip4_input(s, nif, m);
		return;
	case RTE_ETHER_TYPE_IPV6:
		/* 33:33:…: neighbour discovery; ip6_input looks at the destination. */
		if (!unicast && (eth->dst_addr.addr_bytes[0] != 0x33 || eth->dst_addr.addr_bytes[1] != 0x33))
			break;
		ip6_input(s, nif, m, unicast);
		return;
	case RTE_ETHER_TYPE_ARP:
		if (!unicast && !rte_is_broadcast_ether_addr(&eth->dst_addr))
			break;
		arp_input(s, nif, m);
		return;
	default:
		stack_drop(s, DROP_ETH_TYPE, m);
		return;
	}
	stack_drop(s, DROP_ETH_OTHER_HOST, m);
}

uint8_t eth_header(uint8_t *header, const struct netif *nif, const struct rte_ether_addr *dst, uint16_t type)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)header;
	struct rte_vlan_hdr *tag = (struct rte_vlan_hdr *)(eth + 1);

	eth->dst_addr = *dst;
	eth->src_addr = nif->mac;
	if (nif->vlan == 0) {
		eth->ether_type = rte_cpu_to_be_16(type);
		return sizeof(*eth);
	}
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	tag->vlan_tci = rte_cpu_to_be_16(nif->vlan);
	tag->eth_proto = rte_cpu_to_be_16(type);
	return sizeof(*eth) + sizeof(*tag);
}

void eth_output(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const uint8_t *header,
		uint8_t header_bytes)
{
	char *p = rte_pktmbuf_prepend(m, header_bytes);

	ASSERT(p != NULL);	/* the stack's own mbufs have headroom for all headers */
	memcpy(p, header, header_bytes);
	m->l2_len = (uint64_t)header_bytes & 0x7f;
	count_event(s->config.counters, EVENT_TX_PACKETS);
	counter_add(&s->config.counters->events[EVENT_TX_BYTES], m->pkt_len);
	s->config.ops.transmit(s->config.ops.arg, nif, m);
}

void eth_output_to(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct rte_ether_addr *dst,
		   uint16_t type)
{
	uint8_t header[ETH_HEADER_MAX] __rte_aligned(2);
	uint8_t header_bytes = eth_header(header, nif, dst, type);

	eth_output(s, nif, m, header, header_bytes);
}
