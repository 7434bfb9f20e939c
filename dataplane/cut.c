/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cut.h"

#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "base/assert.h"
#include "sum.h"
#include "tcp_hdr.h"

void cut_begin(struct cut *c, struct rte_mbuf *m, bool finish_tcp)
{
	uint16_t header_bytes = (uint16_t)(m->l2_len + m->l3_len + m->l4_len);

	ASSERT((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) && m->tso_segsz > 0);
	ASSERT(header_bytes <= m->data_len && header_bytes <= CUT_HEADER_BYTES_MAX);
	*c = (struct cut){
		.m = m, .at = m, .off = header_bytes, .left = m->pkt_len - header_bytes, .header_bytes = header_bytes,
		.finish_tcp = finish_tcp,
	};
}

/* Copies the next @bytes and sums them up. */
static uint64_t take(struct cut *c, char *to, uint32_t bytes)
{
	uint64_t sum = 0;
	bool odd = false;

	c->left -= bytes;
	c->done += bytes;
	while (bytes > 0) {
		uint32_t n = RTE_MIN(bytes, c->at->data_len - c->off);
		uint64_t part = sum_copy(to, rte_pktmbuf_mtod_offset(c->at, const char *, c->off), n);

		sum = sum_add(sum, odd ? sum_shifted(part) : part);
		odd ^= n & 1;
		to += n;
		bytes -= n;
		c->off += n;
		if (c->off == c->at->data_len) {
			c->at = c->at->next;
			c->off = 0;
		}
	}
	return sum;
}

/* What of the headers differs from frame to frame; FIN and PSH are the last one's. */
static void put_headers(const struct cut *c, char *header, uint32_t begin, uint32_t bytes, uint64_t data_sum)
{
	const struct rte_mbuf *m = c->m;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(header + m->l2_len + m->l3_len);
	uint16_t l4_bytes = (uint16_t)(m->l4_len + bytes);
	uint32_t sum = (uint32_t)tcp->cksum + rte_cpu_to_be_16(l4_bytes);

	if (m->ol_flags & RTE_MBUF_F_TX_IPV4)
		((struct rte_ipv4_hdr *)(header + m->l2_len))->total_length =
			rte_cpu_to_be_16((uint16_t)(m->l3_len + l4_bytes));
	else
		((struct rte_ipv6_hdr *)(header + m->l2_len))->payload_len = rte_cpu_to_be_16(l4_bytes);
	tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + begin);
	tcp->cksum = (uint16_t)((sum & 0xffff) + (sum >> 16));
	if (c->left > 0)
		tcp->tcp_flags &= (uint8_t)~(TH_FIN | TH_PSH);
	if (c->finish_tcp)
		tcp->cksum = (uint16_t)~sum_fold(sum_short(data_sum, tcp, m->l4_len));
}

struct rte_mbuf *cut_next(struct cut *c, struct rte_mempool *pool)
{
	uint32_t begin = c->done, bytes = RTE_MIN(c->left, (uint32_t)c->m->tso_segsz);
	struct rte_mbuf *f = rte_pktmbuf_alloc(pool);
	uint64_t data_sum;
	char *p;

	if (f == NULL)
		return NULL;
	p = rte_pktmbuf_append(f, (uint16_t)(c->header_bytes + bytes));
	ASSERT(p != NULL);	/* whoever asks for long segments knows how much an mbuf holds (port.c) */
	memcpy(p, rte_pktmbuf_mtod(c->m, const char *), c->header_bytes);
	data_sum = take(c, p + c->header_bytes, bytes);
	put_headers(c, p, begin, bytes, data_sum);
	f->ol_flags = c->m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK & ~RTE_MBUF_F_TX_TCP_SEG;
	if (c->finish_tcp)
		f->ol_flags &= ~RTE_MBUF_F_TX_L4_MASK;
	f->tx_offload = c->m->tx_offload;
	f->tso_segsz = 0;
	f->vlan_tci = c->m->vlan_tci;
	return f;
}

void cut_end(struct cut *c)
{
	rte_pktmbuf_free(c->m);
	c->m = NULL;
}
