/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may still take packet buffers when the pool runs low. Buffers come back when
 * peers acknowledge and splices move on, and both need some themselves; so each use
 * gives up before the next, and what is left at last is for headers and ACKs:
 *
 * - below 1/8, new connections; and the others may queue only a little (tcp_stack.c)
 * - below 1/16, received payload, dropped as if the wire had lost it
 * - below 1/32, en- and decryption, which is put off: it frees what it turns over
 *
 * Threads: any; a glance at the pool's common part, without the caches in front of
 * it, which is quick and errs to the careful side.
 */
#pragma once

#include <stdbool.h>
#include <rte_mempool.h>

/* The part of the pool that must be free, as a shift. */
enum mbuf_use {
	MBUF_USE_CONNECTION = 3,
	MBUF_USE_QUEUE = 3,
	MBUF_USE_PAYLOAD = 4,
	MBUF_USE_RECORD = 5,
};

static inline bool mbuf_reserve_allows(const struct rte_mempool *pool, enum mbuf_use use)
{
	return rte_mempool_get_ops(pool->ops_index)->get_count(pool) >= pool->size >> use;
}
