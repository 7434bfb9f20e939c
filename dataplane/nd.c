/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nd.h"

#include <netinet/in.h>
#include <rte_ip.h>

#include "eth.h"
#include "pkt.h"
#include "stack_private.h"

#define TYPE_SOLICITATION 135
#define TYPE_ADVERTISEMENT 136
#define OPTION_SOURCE_MAC 1
#define OPTION_TARGET_MAC 2
#define FLAG_SOLICITED RTE_BE32(1u << 30)
#define FLAG_OVERRIDE RTE_BE32(1u << 29)
#define HOP_LIMIT 255	/* a router would have lowered it: proof that the sender is on the link */

/* Both messages (RFC 4861 4.3, 4.4). */
struct nd_message {
	uint8_t type, code;
	uint16_t checksum;
	uint32_t flags;
	struct addr target;
} __rte_packed;

/* A link-layer address option of Ethernet (RFC 2464 6). */
struct nd_option {
	uint8_t type, length;	/* in units of 8 bytes */
	struct rte_ether_addr mac;
};

static const struct addr all_nodes = { { 0xff, 2, [15] = 1 } };
static const struct addr unspecified;

struct addr nd_solicited_node(const struct addr *a)
{
	return (struct addr){ { 0xff, 2, [11] = 1, [12] = 0xff, a->b[13], a->b[14], a->b[15] } };
}

static bool is_multicast(const struct addr *a)
{
	return a->b[0] == 0xff;
}

/* RFC 2464 7. */
static struct rte_ether_addr multicast_mac(const struct addr *group)
{
	return (struct rte_ether_addr){ { 0x33, 0x33, group->b[12], group->b[13], group->b[14], group->b[15] } };
}

static void nd_send(struct stack *s, const struct netif *nif, const struct addr *src, const struct addr *dst,
		    const struct rte_ether_addr *to, const struct nd_message *message)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->config.mbufs);
	struct rte_ipv6_hdr *ip;
	struct nd_option *option;
	struct nd_message *nd;

	if (!m) {
		count_drop(s->config.counters, DROP_NO_MBUF);
		return;
	}
	nd = (struct nd_message *)rte_pktmbuf_append(m, sizeof(*nd) + sizeof(*option));
	ASSERT(nd != NULL);
	*nd = *message;
	option = (struct nd_option *)(nd + 1);
	option->type = nd->type == TYPE_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
	option->length = 1;
	option->mac = nif->mac;
	nd->checksum = 0;
	nd->checksum = pkt_checksum(m, src, dst, IPPROTO_ICMPV6);

	ip = (struct rte_ipv6_hdr *)rte_pktmbuf_prepend(m, sizeof(*ip));
	ASSERT(ip != NULL);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = RTE_BE16(sizeof(*nd) + sizeof(*option));
	ip->proto = IPPROTO_ICMPV6;
	ip->hop_limits = HOP_LIMIT;
	memcpy(&ip->src_addr, src, sizeof(*src));
	memcpy(&ip->dst_addr, dst, sizeof(*dst));
	eth_output_to(s, nif, m, to, RTE_ETHER_TYPE_IPV6);
}

void nd_solicit(struct stack *s, const struct netif *nif, const struct addr *target,
		const struct rte_ether_addr *mac)
{
	const struct addr *own = netif_source(nif, target);
	const struct nd_message nd = { .type = TYPE_SOLICITATION, .target = *target };
	struct addr group = nd_solicited_node(target);
	struct rte_ether_addr group_mac = multicast_mac(&group);

	if (!own)
		own = &nif->linklocal;
	count_event(s->config.counters, EVENT_ARP_SENT);
	nd_send(s, nif, own, mac ? target : &group, mac ? mac : &group_mac, &nd);
}

void nd_announce(struct stack *s, const struct netif *nif, const struct addr *own)
{
	const struct nd_message nd = { .type = TYPE_ADVERTISEMENT, .flags = FLAG_OVERRIDE, .target = *own };
	struct rte_ether_addr mac = multicast_mac(&all_nodes);

	nd_send(s, nif, own, &all_nodes, &mac, &nd);
}

/* Goes through all options (RFC 4861 6.1: none may be of length 0). False: malformed. */
static bool options_read(const uint8_t *p, uint32_t bytes, uint8_t wanted, const struct rte_ether_addr **mac)
{
	*mac = NULL;
	while (bytes > 0) {
		uint32_t option_bytes;

		if (bytes < 8)
			return false;
		option_bytes = p[1] * 8u;
		if (option_bytes == 0 || option_bytes > bytes)
			return false;
		if (p[0] == wanted && !*mac) {
			*mac = (const struct rte_ether_addr *)(p + 2);
			if (option_bytes != 8 || !rte_is_valid_assigned_ether_addr(*mac))
				return false;
		}
		p += option_bytes;
		bytes -= option_bytes;
	}
	return true;
}

static void answer(struct stack *s, const struct netif *nif, const struct nd_message *question,
		   const struct ip_info *info, const struct rte_ether_addr *mac, const struct rte_mbuf *m)
{
	struct nd_message nd = { .type = TYPE_ADVERTISEMENT, .flags = FLAG_OVERRIDE, .target = question->target };
	struct rte_ether_addr to;

	if (addr_equal(&info->src, &unspecified)) {
		/* Someone's duplicate address detection: told to all (RFC 4861 7.2.4). */
		to = multicast_mac(&all_nodes);
		nd_send(s, nif, &question->target, &all_nodes, &to, &nd);
		return;
	}
	if (mac) {
		to = *mac;
	} else {
		/* A unicast question needn't name its MAC: the frame does. Its header lies before the packet. */
		const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)
			(rte_pktmbuf_mtod(m, const char *) - sizeof(struct rte_ipv6_hdr) - m->l2_len);

		to = eth->src_addr;
		if (!rte_is_valid_assigned_ether_addr(&to))
			return;	/* nobody to answer to, and never a group */
	}
	nd.flags |= FLAG_SOLICITED;
	nd_send(s, nif, &question->target, &info->src, &to, &nd);
}

static void solicitation(struct stack *s, const struct netif *nif, const struct nd_message *nd,
			 const struct rte_ether_addr *mac, struct rte_mbuf *m, const struct ip_info *info)
{
	bool detection = addr_equal(&info->src, &unspecified);

	/* RFC 4861 7.1.1: a detection goes to the group and names no MAC. */
	if (detection && (mac || !is_multicast(&info->dst))) {
		stack_drop(s, DROP_ND_MALFORMED, m);
		return;
	}
	if (mac && rte_is_same_ether_addr(mac, &nif->mac)) {
		stack_drop(s, DROP_ND_MALFORMED, m);	/* our own frame come back */
		return;
	}
	if (!netif_own(nif, &nd->target)) {
		stack_drop(s, DROP_IP_NOT_OURS, m);	/* another address of the same group */
		return;
	}
	if (mac)
		neigh_heard(s, nif, &info->src, mac, false);
	if (s->config.worker == 0)
		answer(s, nif, nd, info, mac, m);
	rte_pktmbuf_free(m);
}

static void advertisement(struct stack *s, const struct netif *nif, const struct nd_message *nd,
			  const struct rte_ether_addr *mac, struct rte_mbuf *m, const struct ip_info *info)
{
	bool solicited = (nd->flags & FLAG_SOLICITED) != 0;
	const struct neigh_entry *e;
	struct rte_ether_addr known;

	if ((solicited && is_multicast(&info->dst)) || (mac && rte_is_same_ether_addr(mac, &nif->mac))) {
		stack_drop(s, DROP_ND_MALFORMED, m);
		return;
	}
	if (netifs_own(s->config.netifs, &nd->target)) {
		stack_drop(s, DROP_ADDRESS_CONFLICT, m);
		return;
	}
	e = neigh_lookup(s, nif, &nd->target);
	if (!mac && e && e->header_bytes != 0) {
		/* Without the option it confirms what we know (RFC 4861 7.2.5). */
		memcpy(&known, e->header, sizeof(known));
		mac = &known;
	}
	if (mac)
		neigh_heard(s, nif, &nd->target, mac, solicited);
	rte_pktmbuf_free(m);
}

void nd_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info)
{
	const struct rte_ether_addr *mac;
	const struct nd_message *nd;
	uint8_t wanted;

	if (info->ttl != HOP_LIMIT || !pkt_pull(m, RTE_MIN(m->pkt_len, PKT_PULL_MAX)) ||
	    m->pkt_len < sizeof(*nd) || m->pkt_len > PKT_PULL_MAX) {
		stack_drop(s, DROP_ND_MALFORMED, m);
		return;
	}
	nd = rte_pktmbuf_mtod(m, const struct nd_message *);
	wanted = nd->type == TYPE_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
	if (nd->code != 0 || is_multicast(&nd->target) || addr_is_v4(&nd->target) ||
	    !options_read((const uint8_t *)(nd + 1), m->pkt_len - (uint32_t)sizeof(*nd), wanted, &mac)) {
		stack_drop(s, DROP_ND_MALFORMED, m);
		return;
	}
	if (nd->type == TYPE_SOLICITATION)
		solicitation(s, nif, nd, mac, m, info);
	else
		advertisement(s, nif, nd, mac, m, info);
}
