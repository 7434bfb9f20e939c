/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection's deadlines (enum tcp_deadline) on one wheel timer. The timer is
 * moved only when a deadline comes before it: an acknowledgment that pushes the
 * retransmission time-out back costs nothing, the timer then fires early once and
 * goes to sleep again.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

/* Deadlines are kept in steps of 32 us, modulo 2^32: 19 hours ahead at most, a step late and never early. */
#define TCP_TIMER_SHIFT 5
/* Deadlines wake the worker at multiples of this, pacing excepted. */
#define TCP_TIMER_COARSE_US 1024u

static inline void tcp_timer_set(struct tcp_conn *c, enum tcp_deadline which, uint64_t delay_us)
{
	uint32_t step = (uint32_t)((c->stack->now_us + delay_us + (1u << TCP_TIMER_SHIFT) - 1) >> TCP_TIMER_SHIFT);

	c->deadline[which] = step ? step : 1;
}

static inline void tcp_timer_off(struct tcp_conn *c, enum tcp_deadline which)
{
	c->deadline[which] = 0;
}

static inline bool tcp_timer_on(const struct tcp_conn *c, enum tcp_deadline which)
{
	return c->deadline[which] != 0;
}

/* When it is due, on the stack's clock; it is on. */
static inline uint64_t tcp_timer_due_us(const struct tcp_conn *c, enum tcp_deadline which)
{
	uint64_t now = c->stack->now_us >> TCP_TIMER_SHIFT;

	return (now + (uint64_t)(int64_t)(int32_t)(c->deadline[which] - (uint32_t)now)) << TCP_TIMER_SHIFT;
}

void tcp_timer_init(struct tcp_conn *c);
/* After deadlines changed. */
void tcp_timer_update(struct tcp_conn *c);
void tcp_timer_stop(struct tcp_conn *c);
