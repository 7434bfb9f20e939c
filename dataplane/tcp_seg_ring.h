/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of sent segments by the time they left: a second list besides the one by
 * sequence numbers, as RFC 8985 section 9.2 advises, so that finding what was lost
 * takes a look at the oldest record instead of a walk over a window. A record is on
 * one ring at a time: what is in flight, or what waits to be sent again. What was
 * SACKed is on none.
 *
 * A ring is one pointer, to its first record (NULL: empty); the last one is before it.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_sndq.h"

static inline void seg_ring_insert_after(struct tcp_seg *at, struct tcp_seg *g)
{
	g->ring_prev = at;
	g->ring_next = at->ring_next;
	at->ring_next->ring_prev = g;
	at->ring_next = g;
}

static inline void seg_ring_append(struct tcp_seg **ring, struct tcp_seg *g)
{
	if (*ring)
		seg_ring_insert_after((*ring)->ring_prev, g);
	else
		*ring = g->ring_next = g->ring_prev = g;
}

static inline void seg_ring_prepend(struct tcp_seg **ring, struct tcp_seg *g)
{
	seg_ring_append(ring, g);
	*ring = g;
}

static inline void seg_ring_remove(struct tcp_seg **ring, struct tcp_seg *g)
{
	if (g->ring_next == g) {
		*ring = NULL;
		return;
	}
	g->ring_prev->ring_next = g->ring_next;
	g->ring_next->ring_prev = g->ring_prev;
	if (*ring == g)
		*ring = g->ring_next;
}
