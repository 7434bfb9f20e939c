/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two orders that records of sent segments are kept in (base/pool_ring.h):
 *
 * - c->segs: all of them, by sequence number;
 * - by the time they left: c->in_flight, or c->to_resend for what waits to be sent
 *   again; what was SACKed is on neither. So finding what was lost takes a look at the
 *   oldest record instead of a walk over a window, as RFC 8985 section 9.2 advises.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "base/pool_ring.h"
#include "tcp_sndq.h"

static inline struct pool_rings tcp_segs_by_seq(const struct tcp_conn *c)
{
	return (struct pool_rings){ c->stack->tcp.segs.objects, sizeof(struct tcp_seg), offsetof(struct tcp_seg, by_seq) };
}

static inline struct pool_rings tcp_segs_by_time(const struct tcp_conn *c)
{
	return (struct pool_rings){ c->stack->tcp.segs.objects, sizeof(struct tcp_seg), offsetof(struct tcp_seg, by_time) };
}

/* By sequence number. NULL: there is none. */
static inline struct tcp_seg *tcp_seg_first(const struct tcp_conn *c)
{
	return pool_ring_object(tcp_segs_by_seq(c), c->segs);
}

static inline struct tcp_seg *tcp_seg_last(const struct tcp_conn *c)
{
	return pool_ring_last(tcp_segs_by_seq(c), c->segs);
}

static inline struct tcp_seg *tcp_seg_next(const struct tcp_conn *c, const struct tcp_seg *g)
{
	return pool_ring_next(tcp_segs_by_seq(c), c->segs, g);
}

static inline struct tcp_seg *tcp_seg_prev(const struct tcp_conn *c, const struct tcp_seg *g)
{
	return pool_ring_prev(tcp_segs_by_seq(c), c->segs, g);
}

#define TCP_SEG_FOREACH(g, c) for ((g) = tcp_seg_first(c); (g); (g) = tcp_seg_next(c, g))

/* Of what is in flight, the one that left first. */
static inline struct tcp_seg *tcp_seg_oldest(const struct tcp_conn *c)
{
	return pool_ring_object(tcp_segs_by_time(c), c->in_flight);
}

/* The first to be sent again. */
static inline struct tcp_seg *tcp_seg_to_resend(const struct tcp_conn *c)
{
	return pool_ring_object(tcp_segs_by_time(c), c->to_resend);
}
