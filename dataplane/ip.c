/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ip.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "ip_frag.h"
#include "ip_source.h"
#include "nd.h"
#include "pkt.h"
#include "stack_private.h"

#define IP4_BYTES 20u
#define IP6_BYTES 40u
#define TCP_HEADER_MAX 60u
#define HOP_LIMIT 64

static const struct addr all_nodes = { { 0xff, 2, [15] = 1 } };

static bool v6_unspecified(const struct addr *a)
{
	static const struct addr unspecified;

	return addr_equal(a, &unspecified);
}

static bool v6_linklocal(const struct addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static bool can_be_reached(const struct addr *a)
{
	return addr_is_v4(a) ? !ip_v4_impossible(addr_to_v4(a)) : a->b[0] != 0xff && !ip_v6_special(a);
}

/* A link-local address means one link only: the port whose own one is the source, or the only port. */
static const struct netif *linklocal_port(const struct netifs *n, const struct addr *src)
{
	if (!src)
		return n->n_netifs == 1 ? &n->netifs[0] : NULL;
	return netifs_owner(n, src);
}

int ip_path_init(struct stack *s, struct ip_path *p, const struct addr *src, const struct addr *dst)
{
	const struct netifs *n = s->config.netifs;
	const struct netif *nif = NULL;
	const struct route *route = NULL;

	if (can_be_reached(dst) && !netifs_own(n, dst))
		nif = v6_linklocal(dst) ? linklocal_port(n, src) : netifs_way(n, dst, &route);
	if (!nif) {
		count_drop(s->config.counters, DROP_NO_ROUTE);
		return -ENETUNREACH;
	}
	if (!src)
		src = netif_source(nif, dst);
	if (!src)
		return -EADDRNOTAVAIL;
	ASSERT(addr_is_v4(src) == addr_is_v4(dst));
	p->src = *src;
	p->dst = *dst;
	p->hop = (struct ip_hop){
		.mtu = nif->mtu, .nif = nif->id, .route = route ? (uint8_t)(route - n->routes + 1) : 0,
	};
	return 0;
}

/* Brings the transport header into one piece and cuts what comes after the packet, then hands it up. */
static void deliver(struct stack *s, const struct netif *nif, struct rte_mbuf *m, struct ip_info *info,
		    uint32_t l3_bytes)
{
	uint32_t total = l3_bytes + info->payload_bytes;

	pkt_trim(m, total);
	if (!pkt_pull(m, RTE_MIN(total, l3_bytes + TCP_HEADER_MAX))) {
		stack_drop(s, DROP_IP_SHORT, m);
		return;
	}
	m->l3_len = l3_bytes & 0x1ff;
	rte_pktmbuf_adj(m, (uint16_t)l3_bytes);
	switch (info->proto) {
	case IPPROTO_TCP:
		tcp_input(s, nif, m, info);
		return;
	case IPPROTO_ICMP:
		icmp4_input(s, nif, m, info);
		return;
	default:
		icmp6_input(s, nif, m, info);
		return;
	}
}

/* Why the IPv4 header isn't acceptable, or DROP_COUNT. */
static enum drop v4_check(const struct stack *s, const struct netif *nif, const struct rte_mbuf *m,
			  const struct rte_ipv4_hdr *ip, struct ip_info *info)
{
	uint64_t device = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	uint16_t total = rte_be_to_cpu_16(ip->total_length);
	enum drop why;

	if (ip->version_ihl != (4 << 4 | 5))
		return ip->version_ihl >> 4 == 4 && (ip->version_ihl & 0xf) > 5 ? DROP_IP_OPTIONS : DROP_IP_HEADER;
	if (total < IP4_BYTES || total > m->pkt_len)
		return DROP_IP_SHORT;
	if (device == RTE_MBUF_F_RX_IP_CKSUM_BAD ||
	    (device == RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN && pkt_header_sum(ip, IP4_BYTES) != 0xffff))
		return DROP_IP_CHECKSUM;
	info->src = addr_from_v4(ip->src_addr);
	info->dst = addr_from_v4(ip->dst_addr);
	if (!netif_own(nif, &info->dst))
		return DROP_IP_NOT_OURS;
	why = ip_source_check(s->config.netifs, nif, &info->src, &info->dst);
	if (why != DROP_COUNT)
		return why;
	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		return DROP_IP_FRAGMENT;
	if (ip->next_proto_id != IPPROTO_TCP && ip->next_proto_id != IPPROTO_ICMP)
		return DROP_IP_PROTOCOL;
	info->payload_bytes = (uint16_t)(total - IP4_BYTES);
	info->proto = ip->next_proto_id;
	info->ttl = ip->time_to_live;
	info->tos = ip->type_of_service;
	return DROP_COUNT;
}

void ip4_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m)
{
	struct ip_info info;
	enum drop why;

	if (!pkt_pull(m, IP4_BYTES)) {
		stack_drop(s, DROP_IP_SHORT, m);
		return;
	}
	why = v4_check(s, nif, m, rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *), &info);
	if (why == DROP_IP_FRAGMENT && s->frags) {
		ip_frag_input(s, nif, m, true);
		return;
	}
	if (why != DROP_COUNT) {
		stack_drop(s, why, m);
		return;
	}
	deliver(s, nif, m, &info, IP4_BYTES);
}

/* The groups that we are in: all nodes, and the solicited-node one of each own address. */
static bool v6_our_group(const struct netif *nif, const struct addr *group)
{
	struct addr mine;

	if (addr_equal(group, &all_nodes))
		return true;
	for (unsigned int i = 0; i < nif->n_addrs; i++) {
		mine = nd_solicited_node(&nif->addrs[i].addr);
		if (!addr_is_v4(&nif->addrs[i].addr) && addr_equal(group, &mine))
			return true;
	}
	mine = nd_solicited_node(&nif->linklocal);
	return addr_equal(group, &mine);
}

static enum drop v6_next_header(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_ICMPV6:
		return DROP_COUNT;
	case IPPROTO_FRAGMENT:
		return DROP_IP_FRAGMENT;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_ESP:
	case IPPROTO_AH:
	case IPPROTO_MH:
	case 139:	/* HIP, RFC 7401 */
	case 140:	/* Shim6, RFC 5533 */
		return DROP_IP_OPTIONS;
	default:
		return DROP_IP_PROTOCOL;
	}
}

/* A mapped source would pass for the IPv4 address itself (addr.h). */
static enum drop v6_source(const struct netifs *n, const struct netif *nif, const struct ip_info *info)
{
	return addr_is_v4(&info->src) ? DROP_IP_SOURCE : ip_source_check(n, nif, &info->src, &info->dst);
}

static enum drop v6_check(const struct stack *s, const struct netif *nif, const struct rte_mbuf *m,
			  const struct rte_ipv6_hdr *ip, bool unicast, struct ip_info *info)
{
	uint32_t first = rte_be_to_cpu_32(ip->vtc_flow);
	uint16_t payload = rte_be_to_cpu_16(ip->payload_len);
	enum drop why;
	bool ours;

	if (first >> 28 != 6)
		return DROP_IP_HEADER;
	if (payload > m->pkt_len - IP6_BYTES)
		return DROP_IP_SHORT;
	memcpy(&info->src, &ip->src_addr, sizeof(info->src));
	memcpy(&info->dst, &ip->dst_addr, sizeof(info->dst));
	/* A mapped destination would look like one of our IPv4 addresses (addr.h). */
	if (ip_v6_special(&info->dst))
		return DROP_IP_NOT_OURS;
	ours = netif_own(nif, &info->dst);
	if (unicast ? !ours && !v6_our_group(nif, &info->dst) : !v6_our_group(nif, &info->dst))
		return DROP_IP_NOT_OURS;
	/* "::" asks by neighbour discovery whether an address is free; nothing else comes from it. */
	why = v6_unspecified(&info->src) && ip->proto == IPPROTO_ICMPV6
		      ? DROP_COUNT : v6_source(s->config.netifs, nif, info);
	if (why == DROP_COUNT)
		why = v6_next_header(ip->proto);
	if (why != DROP_COUNT)
		return why;
	if (!ours && ip->proto != IPPROTO_ICMPV6)
		return DROP_IP_NOT_OURS;
	info->payload_bytes = payload;
	info->proto = ip->proto;
	info->ttl = ip->hop_limits;
	info->tos = (uint8_t)(first >> 20);
	return DROP_COUNT;
}

void ip6_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, bool unicast)
{
	struct ip_info info;
	enum drop why;

	if (!pkt_pull(m, IP6_BYTES)) {
		stack_drop(s, DROP_IP_SHORT, m);
		return;
	}
	why = v6_check(s, nif, m, rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *), unicast, &info);
	if (why == DROP_IP_FRAGMENT && s->frags && netif_own(nif, &info.dst)) {
		ip_frag_input(s, nif, m, false);
		return;
	}
	if (why != DROP_COUNT) {
		stack_drop(s, why, m);
		return;
	}
	deliver(s, nif, m, &info, IP6_BYTES);
}

static void header4(struct rte_mbuf *m, const struct addr *src, const struct addr *dst, const struct ip_tx *tx)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_prepend(m, IP4_BYTES);

	ASSERT(ip != NULL && m->pkt_len <= UINT16_MAX);
	ip->version_ihl = 4 << 4 | 5;
	ip->type_of_service = tx->tos;
	ip->total_length = rte_cpu_to_be_16((uint16_t)m->pkt_len);
	ip->packet_id = 0;	/* never fragmented, so it needs no identity (RFC 6864 4.1) */
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = HOP_LIMIT;
	ip->next_proto_id = tx->proto;
	ip->hdr_checksum = 0;
	ip->src_addr = addr_to_v4(src);
	ip->dst_addr = addr_to_v4(dst);
	m->l3_len = IP4_BYTES;
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
}

static void header6(struct rte_mbuf *m, const struct addr *src, const struct addr *dst, const struct ip_tx *tx)
{
	uint32_t payload = m->pkt_len;
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)rte_pktmbuf_prepend(m, IP6_BYTES);

	ASSERT(ip != NULL && payload <= UINT16_MAX);
	ip->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)tx->tos << 20);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)payload);
	ip->proto = tx->proto;
	ip->hop_limits = HOP_LIMIT;
	memcpy(&ip->src_addr, src, sizeof(*src));
	memcpy(&ip->dst_addr, dst, sizeof(*dst));
	m->l3_len = IP6_BYTES;
	m->ol_flags |= RTE_MBUF_F_TX_IPV6;
}

void ip_output_hop(struct stack *s, struct ip_hop *hop, const struct addr *src, const struct addr *dst,
		   struct rte_mbuf *m, const struct ip_tx *tx)
{
	m->l4_len = tx->l4_bytes;
	if (tx->proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod(m, struct rte_tcp_hdr *);
		uint32_t bytes = m->ol_flags & RTE_MBUF_F_TX_TCP_SEG ? 0 : m->pkt_len;

		/* Devices want the pseudo header's sum in the field, and so does offload.c. */
		tcp->cksum = pkt_pseudo_sum(src, dst, tx->proto, bytes);
		m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	}
	if (addr_is_v4(dst))
		header4(m, src, dst, tx);
	else
		header6(m, src, dst, tx);
	neigh_output(s, hop, dst, m);
}

void ip_output(struct stack *s, struct ip_path *p, struct rte_mbuf *m, uint8_t proto, uint8_t l4_bytes, uint8_t tos)
{
	ip_output_hop(s, &p->hop, &p->src, &p->dst, m,
		      &(struct ip_tx){ .proto = proto, .l4_bytes = l4_bytes, .tos = tos });
}
