/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may still take packet buffers when they run low, in the pool that all workers
 * share or in the worker's own share of it. Buffers come back when peers acknowledge
 * and splices move on, and both need some themselves; so each use gives up before the
 * next, and what is left at last is for headers and ACKs:
 *
 * - below 1/2 free, windows and queues don't grow (tcp_window.c, tcp_room.c)
 * - below 1/8, new connections; and the others may queue only a little
 * - below 1/16, received payload, dropped as if the wire had lost it
 * - below 1/32, en- and decryption, which is put off, and what it would queue for
 *   sending. Payload alone can't come here, so a splice can always move what it has;
 *   queues for sending can, and they are emptied by acknowledgments.
 *
 * A worker's share is spent by what lies in its connections' queues: received, early,
 * and to be sent. It counts buffers, not bytes, since a buffer with one byte in it is
 * gone as well. A promised window spends nothing: windows of all connections together
 * are many times the pool, as they must be where nearly all are idle.
 *
 * Threads: the worker's; the pool is looked at without its caches, which is quick and
 * errs to the careful side.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <rte_mempool.h>

/* The part that must be free, as a shift. */
enum mbuf_use {
	MBUF_USE_GROWTH = 1,
	MBUF_USE_CONNECTION = 3,
	MBUF_USE_QUEUE = 3,
	MBUF_USE_PAYLOAD = 4,
	MBUF_USE_RECORD = 5,
};

struct mbuf_reserve {
	const struct rte_mempool *pool;
	uint32_t share;		/* buffers that this worker's queues may hold */
	uint32_t held;		/* that they do hold */
};

static inline bool mbuf_reserve_allows(const struct mbuf_reserve *r, enum mbuf_use use)
{
	return r->held + (r->share >> use) <= r->share &&
	       rte_mempool_get_ops(r->pool->ops_index)->get_count(r->pool) >= r->pool->size >> use;
}
