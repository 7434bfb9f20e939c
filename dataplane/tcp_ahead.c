/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_ahead.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "base/assert.h"
#include "base/lines.h"
#include "stack_private.h"
#include "tcp_table.h"

static bool tuple4(const uint8_t *p, uint32_t bytes, struct tuple *t)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)p;

	if (bytes < sizeof(*ip) + sizeof(struct rte_tcp_hdr) || ip->version_ihl != (4 << 4 | 5) ||
	    ip->next_proto_id != IPPROTO_TCP)
		return false;
	t->faddr = addr_from_v4(ip->src_addr);
	t->laddr = addr_from_v4(ip->dst_addr);
	return true;
}

static bool tuple6(const uint8_t *p, uint32_t bytes, struct tuple *t)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)p;

	if (bytes < sizeof(*ip) + sizeof(struct rte_tcp_hdr) || ip->proto != IPPROTO_TCP)
		return false;
	memcpy(&t->faddr, &ip->src_addr, sizeof(t->faddr));
	memcpy(&t->laddr, &ip->dst_addr, sizeof(t->laddr));
	return true;
}

/* The tuple of a plain TCP segment; false: it is something else. */
static bool tuple_of(const struct rte_mbuf *m, struct tuple *t)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t at = RTE_ETHER_HDR_LEN, bytes = m->data_len, ports;
	uint16_t type;

	if (bytes < at + sizeof(struct rte_vlan_hdr))
		return false;
	memcpy(&type, p + at - sizeof(type), sizeof(type));
	if (type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		at += (uint32_t)sizeof(struct rte_vlan_hdr);
		memcpy(&type, p + at - sizeof(type), sizeof(type));
	}
	ports = at + (uint32_t)(type == RTE_BE16(RTE_ETHER_TYPE_IPV4) ? sizeof(struct rte_ipv4_hdr) :
									sizeof(struct rte_ipv6_hdr));
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) ? !tuple4(p + at, bytes - at, t) :
	    type != RTE_BE16(RTE_ETHER_TYPE_IPV6) || !tuple6(p + at, bytes - at, t))
		return false;
	t->fport = (uint16_t)(p[ports] << 8 | p[ports + 1]);
	t->lport = (uint16_t)(p[ports + 2] << 8 | p[ports + 3]);
	return true;
}

/* Of 512 bytes each, and as much again for the splice and TLS: some 4 MB. */
#define CONNS_IN_CACHE 4096u

bool tcp_ahead_pays(const struct stack *s)
{
	return tcp_conns(s) > CONNS_IN_CACHE;
}

/* All lines but the last. */
void tcp_ahead_of(const struct tcp_conn *c)
{
	for (size_t at = 0; at < 7 * LINE_BYTES; at += LINE_BYTES)
		rte_prefetch0((const char *)c + at);
}

void tcp_ahead(const struct stack *s, struct rte_mbuf *const *mbufs, unsigned int n)
{
	struct tuple tuples[TCP_AHEAD_MAX];
	unsigned int found = 0;

	ASSERT(n <= TCP_AHEAD_MAX);
	for (unsigned int i = 0; i < n; i++)
		found += tuple_of(mbufs[i], &tuples[found]);
	tcp_table_ahead(s, tuples, found);
}
