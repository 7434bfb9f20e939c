/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames on their way to one queue of a port's device, in order. What the device has
 * no room for waits here, and TCP is told (txq_full, stack_set_tx_full) to send no more
 * data until it is gone: our own sender must not be what loses its segments. Only a
 * device that takes nothing for TXQ_STALE_US loses all, as a cable that was pulled does.
 *
 * Order of calls: zeroed memory is an empty queue; txq_put, txq_flush; txq_clear.
 *
 * Threads: the worker whose it is. Ownership: frames given are consumed, unless
 * txq_put says no.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "port.h"

struct rte_mbuf;

#define TXQ_FRAMES 512u
#define TXQ_BURST 64u		/* so many are worth a call of the driver */
#define TXQ_STALE_US 100000u

struct txq {
	uint16_t first, prepared, end;	/* of mbufs: first .. prepared are ready for the device */
	uint16_t unflushed;		/* put since the last flush */
	bool blocked;			/* the device took nothing last time */
	uint64_t blocked_us;		/* since then */
	struct rte_mbuf *mbufs[TXQ_FRAMES];
};

static inline uint16_t txq_frames(const struct txq *q)
{
	return (uint16_t)(q->end - q->first);
}

/* Does more wait than one burst? Data had better wait as well; what is small may still come. */
static inline bool txq_full(const struct txq *q)
{
	return txq_frames(q) > TXQ_BURST;
}

/* Is it time for a flush before the turn's end? */
static inline bool txq_flush_due(const struct txq *q)
{
	return q->unflushed >= TXQ_BURST;
}

/* False: no room, @m stays the caller's. */
bool txq_put(struct txq *q, struct rte_mbuf *m);
/*
 * Gives the device (port_prepare, port_tx) what it takes now; returns how many frames
 * that was. What is lost is counted.
 */
unsigned int txq_flush(struct txq *q, const struct port *p, uint16_t queue, struct counters *counters, uint64_t now_us);
/* Frees what waits. */
void txq_clear(struct txq *q);
