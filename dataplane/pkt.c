/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pkt.h"

#include <rte_ip.h>

#include "base/assert.h"

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

uint16_t pkt_checksum(const struct rte_mbuf *m, const struct addr *src, const struct addr *dst, uint8_t proto)
{
	uint32_t sum = 0;
	uint16_t data;
	int rc = rte_raw_cksum_mbuf(m, 0, m->pkt_len, &data);

	ASSERT(rc == 0);	/* the lengths of the segments add up */
	if (src) {
		/* A mapped address' first ten bytes are zero and ff:ff adds nothing: one sum for both versions. */
		sum = __rte_raw_cksum(src, sizeof(*src), sum);
		sum = __rte_raw_cksum(dst, sizeof(*dst), sum);
		sum += rte_cpu_to_be_16(proto);
		sum += rte_cpu_to_be_16((uint16_t)(m->pkt_len >> 16));
		sum += rte_cpu_to_be_16((uint16_t)m->pkt_len);
	}
	return (uint16_t)~__rte_raw_cksum_reduce(sum + data);
}
