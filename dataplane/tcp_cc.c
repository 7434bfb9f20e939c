/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_cc.h"

#include <rte_common.h>

const struct tcp_cc *tcp_cc(const struct tcp_conn *c)
{
	(void)c;
	return &tcp_cc_cubic;
}

uint32_t tcp_cc_initial_window(const struct tcp_conn *c)
{
	return RTE_MIN(10u * c->mss, RTE_MAX(2u * c->mss, 14600u));
}

void tcp_cc_init(struct tcp_conn *c)
{
	c->cwnd = tcp_cc_initial_window(c);
	/* RFC 5681: after a lost SYN one segment. */
	if (c->retransmits > 0)
		c->cwnd = c->mss;
	c->ssthresh = UINT32_MAX;
}

uint32_t tcp_cc_slow_start(struct tcp_conn *c, uint32_t bytes)
{
	uint32_t grow = RTE_MIN(bytes, c->ssthresh - c->cwnd);

	c->cwnd += grow;
	return bytes - grow;
}

void tcp_cc_acked(struct tcp_conn *c, uint32_t bytes)
{
	/* A window that isn't used says nothing about the path (RFC 7661). */
	if (!c->cwnd_limited)
		return;
	if (c->cwnd < c->ssthresh)
		bytes = tcp_cc_slow_start(c, bytes);
	if (bytes > 0)
		tcp_cc(c)->acked(c, bytes);
	/* What can't be used by any window needs no bound of its own, but no overflow either. */
	c->cwnd = RTE_MIN(c->cwnd, 1u << 30);
}

/*
 * What the path was carrying. RFC 5681's FlightSize counts what was SACKed long ago
 * and is no longer there: with one hole open for a while it is many times cwnd.
 */
static uint32_t carried(const struct tcp_conn *c, uint32_t flight_bytes)
{
	return RTE_MIN(flight_bytes, c->cwnd);
}

void tcp_cc_lost(struct tcp_conn *c, uint32_t flight_bytes)
{
	tcp_cc(c)->lost(c, carried(c, flight_bytes));
	c->cwnd = c->ssthresh;
}

void tcp_cc_timed_out(struct tcp_conn *c, uint32_t flight_bytes)
{
	tcp_cc(c)->lost(c, carried(c, flight_bytes));
	if (tcp_cc(c)->timed_out)
		tcp_cc(c)->timed_out(c);
	c->cwnd = c->mss;
}

void tcp_cc_restart(struct tcp_conn *c)
{
	c->cwnd = RTE_MIN(c->cwnd, tcp_cc_initial_window(c));
	c->cubic.epoch_us = 0;
}
