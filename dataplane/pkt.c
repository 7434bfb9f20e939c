/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pkt.h"

#include <string.h>
#include <rte_byteorder.h>

#include "base/assert.h"
#include "sum.h"

bool pkt_pull_slow(struct rte_mbuf *m, uint32_t bytes)
{
	ASSERT(bytes <= PKT_PULL_MAX);
	if (bytes > m->pkt_len || !RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1 ||
	    m->data_len + rte_pktmbuf_tailroom(m) < bytes)
		return false;
	while (m->data_len < bytes) {
		struct rte_mbuf *next = m->next;
		uint16_t take = (uint16_t)RTE_MIN(bytes - m->data_len, (uint32_t)next->data_len);

		memcpy(rte_pktmbuf_mtod_offset(m, char *, m->data_len), rte_pktmbuf_mtod(next, char *), take);
		m->data_len = (uint16_t)(m->data_len + take);
		next->data_off = (uint16_t)(next->data_off + take);
		next->data_len = (uint16_t)(next->data_len - take);
		if (next->data_len == 0) {
			m->next = next->next;
			m->nb_segs--;
			rte_pktmbuf_free_seg(next);
		}
	}
	return true;
}

void pkt_trim_slow(struct rte_mbuf *m, uint32_t bytes)
{
	struct rte_mbuf *last = m;
	uint32_t left = bytes;
	uint16_t segs = 1;

	ASSERT(bytes <= m->pkt_len);
	while (left > last->data_len) {
		left -= last->data_len;
		last = last->next;
		segs++;
	}
	last->data_len = (uint16_t)left;
	rte_pktmbuf_free(last->next);	/* frees the rest of the chain; NULL is fine */
	last->next = NULL;
	m->nb_segs = segs;
	m->pkt_len = bytes;
}

/*
 * Ours, since DPDK 22.11's rte_raw_cksum_mbuf cuts the sum of a segment that begins
 * at an odd offset to 16 bits before its carries are added.
 */
uint16_t pkt_sum(const struct rte_mbuf *m, uint32_t offset)
{
	uint64_t sum = 0;
	bool odd = false;

	ASSERT(offset <= m->pkt_len);
	for (; m; m = m->next) {
		uint32_t bytes = m->data_len;
		uint64_t part;

		if (offset >= bytes) {
			offset -= bytes;
			continue;
		}
		bytes -= offset;
		part = sum_bytes(rte_pktmbuf_mtod_offset(m, const unsigned char *, offset), bytes);
		offset = 0;
		sum = sum_add(sum, odd ? sum_shifted(part) : part);
		odd ^= bytes & 1;
	}
	return sum_fold(sum);
}

uint16_t pkt_header_sum(const void *header, size_t bytes)
{
	return sum_fold(sum_short(0, header, bytes));
}

uint16_t pkt_pseudo_sum(const struct addr *src, const struct addr *dst, uint8_t proto, uint32_t l4_bytes)
{
	uint64_t sum = 0;

	/* A mapped address' first ten bytes are zero and ff:ff adds nothing: one sum for both versions. */
	sum = sum_short(sum, src->b, sizeof(src->b));
	sum = sum_short(sum, dst->b, sizeof(dst->b));
	sum = sum_add(sum, rte_cpu_to_be_16(proto));
	sum = sum_add(sum, rte_cpu_to_be_32(l4_bytes));
	return sum_fold(sum);
}

uint16_t pkt_checksum(const struct rte_mbuf *m, const struct addr *src, const struct addr *dst, uint8_t proto)
{
	uint64_t sum = pkt_sum(m, 0);

	if (src)
		sum = sum_add(sum, pkt_pseudo_sum(src, dst, proto, m->pkt_len));
	return (uint16_t)~sum_fold(sum);
}
