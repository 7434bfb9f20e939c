/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "offload.h"

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "base/assert.h"
#include "counters.h"
#include "cut.h"
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

	/* Long ones were cut (offload_send). */
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

void offload_send(struct rte_mbuf *m, const struct netif *nif, struct rte_mempool *pool, struct counters *counters,
		  void (*transmit)(void *arg, const struct netif *nif, struct rte_mbuf *m), void *arg)
{
	struct cut cut;

	if (!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) || (nif->offloads & NETIF_TX_TSO)) {
		m = offload_finish(m, nif->offloads, pool);
		if (m == NULL)
			count_drop(counters, DROP_NO_MBUF);
		else
			transmit(arg, nif, m);
		return;
	}
	cut_begin(&cut, m, !(nif->offloads & NETIF_TX_TCP_CHECKSUM));
	while (cut_left(&cut)) {
		struct rte_mbuf *frame = cut_next(&cut, pool);

		if (frame == NULL) {
			count_drop(counters, DROP_NO_MBUF);
			break;
		}
		/* It is flat: nothing can fail. */
		transmit(arg, nif, offload_finish(frame, nif->offloads, pool));
	}
	cut_end(&cut);
}

/* Over the pseudo header, whose addresses lie together in the IP header. */
static uint32_t pseudo_sum(const void *ip_header, uint32_t tcp_bytes)
{
	const struct rte_ipv4_hdr *v4 = ip_header;
	const struct rte_ipv6_hdr *v6 = ip_header;
	uint32_t sum = v4->version_ihl >> 4 == 4 ? pkt_header_sum(&v4->src_addr, 8) : pkt_header_sum(&v6->src_addr, 32);

	return sum + RTE_BE16(IPPROTO_TCP) + rte_cpu_to_be_16((uint16_t)tcp_bytes);
}

bool offload_tcp_checksum_good(const struct rte_mbuf *m, uint32_t offset, const void *ip_header)
{
	uint32_t sum;

	switch (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
	case RTE_MBUF_F_RX_L4_CKSUM_GOOD:
	case RTE_MBUF_F_RX_L4_CKSUM_NONE:	/* the field is unfinished, the data is known to be whole */
		return true;
	case RTE_MBUF_F_RX_L4_CKSUM_BAD:
		return false;
	default:
		break;
	}
	sum = pkt_sum(m, offset) + pseudo_sum(ip_header, m->pkt_len - offset);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}
