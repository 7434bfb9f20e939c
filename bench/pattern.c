/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/pattern.h"

#include <string.h>

#include <rte_mbuf.h>

#define PIECE_BYTES 1448u

static uint8_t stream[PATTERN_PERIOD + PATTERN_RUN];

void pattern_init(void)
{
	for (uint32_t i = 0; i < sizeof(stream); i++)
		stream[i] = (uint8_t)(((uint64_t)(i % PATTERN_PERIOD) * 0x9e3779b97f4a7c15ull) >> 56);
}

const uint8_t *pattern_at(uint64_t offset)
{
	return stream + offset % PATTERN_PERIOD;
}

struct rte_mbuf *pattern_chain(struct rte_mempool *pool, uint64_t offset, uint32_t bytes)
{
	struct rte_mbuf *pieces[64], *head = NULL, *tail = NULL;
	uint32_t n = (bytes + PIECE_BYTES - 1) / PIECE_BYTES;

	if (n == 0 || n > RTE_DIM(pieces) || rte_pktmbuf_alloc_bulk(pool, pieces, n) != 0)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pieces[i];
		uint32_t piece = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;

		memcpy(rte_pktmbuf_mtod(m, void *), pattern_at(offset), piece);
		m->data_len = (uint16_t)piece;
		m->pkt_len = piece;
		offset += piece;
		bytes -= piece;
		if (head) {
			tail->next = m;
			head->nb_segs++;
			head->pkt_len += piece;
		} else {
			head = m;
		}
		tail = m;
	}
	return head;
}

bool pattern_check(const struct rte_mbuf *chain, uint64_t offset)
{
	for (; chain; chain = chain->next) {
		/* A buffer is far below PATTERN_RUN. */
		if (memcmp(rte_pktmbuf_mtod(chain, const void *), pattern_at(offset), chain->data_len) != 0)
			return false;
		offset += chain->data_len;
	}
	return true;
}
