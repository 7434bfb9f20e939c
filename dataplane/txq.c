/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "txq.h"

#include <string.h>

#include <rte_mbuf.h>

bool txq_put(struct txq *q, struct rte_mbuf *m)
{
	if (q->end == TXQ_FRAMES) {
		if (q->first == 0)
			return false;
		memmove(q->mbufs, q->mbufs + q->first, txq_frames(q) * sizeof(q->mbufs[0]));
		q->prepared = (uint16_t)(q->prepared - q->first);
		q->end = txq_frames(q);
		q->first = 0;
	}
	q->mbufs[q->end++] = m;
	q->unflushed++;
	return true;
}

static void prepare(struct txq *q, const struct port *p, uint16_t queue, struct counters *counters)
{
	uint16_t n = (uint16_t)(q->end - q->prepared), kept = port_prepare(p, queue, q->mbufs + q->prepared, n);

	for (uint16_t i = kept; i < n; i++)
		count_drop(counters, DROP_TX_REFUSED);
	q->end = q->prepared = (uint16_t)(q->prepared + kept);
}

static void drop_stale(struct txq *q, struct counters *counters, uint64_t now_us)
{
	if (!q->blocked) {
		q->blocked = true;
		q->blocked_us = now_us;
	}
	if (now_us - q->blocked_us < TXQ_STALE_US)
		return;
	for (uint16_t i = q->first; i < q->end; i++)
		count_drop(counters, DROP_TX_FULL);
	txq_clear(q);
}

unsigned int txq_flush(struct txq *q, const struct port *p, uint16_t queue, struct counters *counters, uint64_t now_us)
{
	uint16_t from = q->first, taken;

	q->unflushed = 0;
	if (q->end > q->prepared)
		prepare(q, p, queue, counters);
	while (q->first < q->end) {
		taken = port_tx(p, queue, q->mbufs + q->first, txq_frames(q), counters);
		q->first = (uint16_t)(q->first + taken);
		if (taken == 0)
			break;
	}
	taken = (uint16_t)(q->first - from);
	if (q->first == q->end)
		q->first = q->prepared = q->end = 0;
	if (taken > 0 || q->end == 0)
		q->blocked = false;
	else
		drop_stale(q, counters, now_us);
	return taken;
}

void txq_clear(struct txq *q)
{
	rte_pktmbuf_free_bulk(q->mbufs + q->first, txq_frames(q));
	q->first = q->prepared = q->end = q->unflushed = 0;
	q->blocked = false;
}
