/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "offload.h"

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "base/assert.h"
#include "netif.h"
#include "pkt.h"

/* One mbuf with the chain's bytes and requests, or NULL. Consumes @m. */
static struct rte_mbuf *flatten(struct rte_mbuf *m, struct rte_mempool *pool)
{
	struct rte_mbuf *flat = rte_pktmbuf_alloc(pool);
	char *to;

	to = flat ? rte_pktmbuf_append(flat, (uint16_t)RTE_MIN(m->pkt_len, (uint32_t)UINT16_MAX)) : NULL;
	if (!to || m->pkt_len > UINT16_MAX) {
		rte_pktmbuf_free(flat);
		rte_pktmbuf_free(m);
		return NULL;
	}
	for (const struct rte_mbuf *seg = m; seg; seg = seg->next) {
		memcpy(to, rte_pktmbuf_mtod(seg, const char *), seg->data_len);
		to += seg->data_len;
	}
	flat->ol_flags = m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK;
	flat->tx_offload = m->tx_offload;
	flat->vlan_tci = m->vlan_tci;
	rte_pktmbuf_free(m);
	return flat;
}

static void ip_checksum(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, m->l2_len);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	m->ol_flags &= ~RTE_MBUF_F_TX_IP_CKSUM;
}

/* The field holds the pseudo header's sum already (ip_output), as devices want it: summing it in is enough. */
static void tcp_checksum(struct rte_mbuf *m)
{
	uint32_t offset = (uint32_t)(m->l2_len + m->l3_len);
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, struct rte_tcp_hdr *, offset);

	ASSERT(m->data_len >= offset + sizeof(*tcp));
	tcp->cksum = (uint16_t)~pkt_sum(m, offset);
	m->ol_flags &= ~RTE_MBUF_F_TX_L4_MASK;
}

struct rte_mbuf *offload_finish(struct rte_mbuf *m, uint32_t offloads, struct rte_mempool *pool)
{
	uint64_t flags = m->ol_flags;

	/* TCP made segments of the port's own size: without TSO no larger ones. */
	ASSERT(!(flags & RTE_MBUF_F_TX_TCP_SEG) || (offloads & NETIF_TX_TSO));
	if (m->nb_segs > 1 && !(offloads & NETIF_TX_SCATTER)) {
		m = flatten(m, pool);
		if (!m)
			return NULL;
	}
	if ((flags & RTE_MBUF_F_TX_IP_CKSUM) && !(offloads & NETIF_TX_IP_CHECKSUM))
		ip_checksum(m);
	if ((flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM && !(offloads & NETIF_TX_TCP_CHECKSUM))
		tcp_checksum(m);
	return m;
}

bool offload_tcp_checksum_good(const struct rte_mbuf *m, const void *ip_header)
{
	const struct rte_ipv4_hdr *v4 = ip_header;
	const struct rte_ipv6_hdr *v6 = ip_header;
	struct addr src, dst;

	switch (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
	case RTE_MBUF_F_RX_L4_CKSUM_GOOD:
	case RTE_MBUF_F_RX_L4_CKSUM_NONE:	/* the field is unfinished, the data is known to be whole */
		return true;
	case RTE_MBUF_F_RX_L4_CKSUM_BAD:
		return false;
	default:
		break;
	}
	if (v4->version_ihl >> 4 == 4) {
		src = addr_from_v4(v4->src_addr);
		dst = addr_from_v4(v4->dst_addr);
	} else {
		memcpy(&src, &v6->src_addr, sizeof(src));
		memcpy(&dst, &v6->dst_addr, sizeof(dst));
	}
	return pkt_checksum(m, &src, &dst, IPPROTO_TCP) == 0;
}
