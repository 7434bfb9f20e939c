/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections whose peer makes us keep packet buffers and takes nothing, or sends what can't
 * be used yet. RFC 9293 3.8.6.1 lets a peer that answers keep its window closed for ever, and
 * RFC 6429 says that this is no promise: whoever is short of memory may end such
 * connections. So, while packet buffers run low (mbuf_reserve.h, where new connections
 * are refused already), who has waited too long gives way, until they don't:
 *
 * - what was queued to be sent and has waited for TCP_STALL_US ends its connection with a
 *   RST. It is the oldest byte's age that counts, not the last acknowledgment's: taking a little now
 *   and then is no way out. A queue of 32 KB that moves at all is empty after a minute
 *   at 550 bytes a second, less than any network of today.
 * - early data whose hole isn't filled within TCP_HOLE_US is given back (RFC 2018
 *   section 8); the peer sends it again.
 *
 * Each turn under pressure looks at a few connections, all in turn, so work is bounded; without pressure
 * there is none, and nothing to keep in a connection.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include <rte_mbuf.h>

#include "tcp_conn.h"

/* Age is told in steps of 65 ms, kept in the mbuf itself: a connection has no room for it. */
static inline uint32_t tcp_stall_stamp(const struct stack *s)
{
	return (uint32_t)(s->now_us >> 16);
}

/* @m begins to wait. */
static inline void tcp_stall_mark(const struct stack *s, struct rte_mbuf *m)
{
	m->hash.usr = tcp_stall_stamp(s);
}

/* Packet buffers run low: looks at a few, ends or empties those that have waited too long. */
void tcp_stall_trim(struct stack *s);
