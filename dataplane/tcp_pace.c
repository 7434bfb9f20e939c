/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_pace.h"

#include <rte_common.h>

#include "tcp_cc.h"
#include "tcp_conn.h"
#include "tcp_timer.h"

#define RATE_MIN 1000u	/* a segment takes a second or so: slower is what the time-out is for */

/* The window's rate, in percent: in slow start, then (it must be able to grow). */
#define SLOW_START_PERCENT 200u
#define AVOIDANCE_PERCENT 120u

static uint32_t time_of(const struct tcp_conn *c, uint32_t bytes)
{
	return (uint32_t)((uint64_t)bytes * 1000000 / c->pacing_rate);
}

static uint32_t quantum_us(const struct tcp_conn *c)
{
	return RTE_MAX(TCP_PACE_QUANTUM_US, time_of(c, 2u * c->mss));
}

/* What may leave at once after a silence, as at the start (RFC 6928): an answer of a few segments needn't wait. */
static uint32_t free_room(const struct tcp_conn *c)
{
	uint32_t window = tcp_cc_initial_window(c), flight = tcp_flight(c);

	return c->pace_free && flight < window ? window - flight : 0;
}

uint32_t tcp_pace_room(struct tcp_conn *c)
{
	uint32_t quantum, room;
	int32_t debt_us;

	if (c->stack->tx_full & 1u << c->hop.nif) {
		tcp_timer_set(c, TCP_T_OUTPUT, TCP_PACE_DEVICE_US);
		return 0;
	}
	if (c->pacing_rate == 0)
		return UINT32_MAX;
	room = free_room(c);
	if (room > 0)
		return RTE_MAX(room / c->mss, 1u) * c->mss;
	quantum = quantum_us(c);
	debt_us = RTE_MAX((int32_t)(c->pace_next_us - (uint32_t)c->stack->now_us), -(int32_t)TCP_PACE_LATE_US);
	if (debt_us >= (int32_t)quantum) {
		/* Half a quantum is worth waking up for. */
		tcp_timer_set(c, TCP_T_OUTPUT, (uint32_t)debt_us - quantum / 2);
		return 0;
	}
	room = (uint32_t)((uint64_t)(uint32_t)((int32_t)quantum - debt_us) * c->pacing_rate / 1000000);
	return RTE_MAX(room / c->mss, 1u) * c->mss;
}

void tcp_pace_sent(struct tcp_conn *c, uint32_t bytes)
{
	uint32_t oldest = (uint32_t)c->stack->now_us - TCP_PACE_LATE_US;

	if (c->pacing_rate == 0 || free_room(c) > 0)
		return;
	if ((int32_t)(c->pace_next_us - oldest) < 0)
		c->pace_next_us = oldest;
	c->pace_next_us += time_of(c, bytes);
}

void tcp_pace_set(struct tcp_conn *c, uint64_t bytes_per_s)
{
	/* Nothing was owed as long as there was no rate. */
	if (c->pacing_rate == 0)
		c->pace_next_us = (uint32_t)c->stack->now_us;
	c->pacing_rate = bytes_per_s > UINT32_MAX ? 0 : (uint32_t)RTE_MAX(bytes_per_s, (uint64_t)RATE_MIN);
}

void tcp_pace_window(struct tcp_conn *c)
{
	uint32_t percent = c->cwnd < c->ssthresh / 2 ? SLOW_START_PERCENT : AVOIDANCE_PERCENT;

	if (c->srtt_us < TCP_PACE_QUANTUM_US)
		c->pacing_rate = 0;
	else
		tcp_pace_set(c, (uint64_t)c->cwnd * percent * 10000 / c->srtt_us);
}
