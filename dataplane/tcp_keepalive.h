/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keepalive (RFC 9293 section 3.8.4): a connection on which nothing is outstanding
 * and nothing was heard for the configured time is probed, an eighth of that time
 * apart (75 s at most); TCP_KEEPALIVE_PROBES without an answer end it. Off unless
 * the user asks for it (MUST-24, 25). A received segment only moves the deadline;
 * the wheel's timer looks again when it fires, so an idle connection costs one slot.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_timer.h"

/* A segment of the peer's was acceptable. */
static inline void tcp_keepalive_heard(struct tcp_conn *c)
{
	if (!c->keepalive)
		return;
	c->keep_probes = 0;
	tcp_timer_set(c, TCP_T_KEEP, c->stack->config.keepalive_us);
}

/* TCP_T_KEEP is due. True: the peer is gone, and @c with it. */
bool tcp_keepalive_due(struct tcp_conn *c);
void tcp_keepalive_off(struct tcp_conn *c);
