/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_keepalive.h"

#include <rte_common.h>

#include "tcp_close.h"
#include "tcp_output.h"

void tcp_keepalive_off(struct tcp_conn *c)
{
	c->keepalive = false;
	tcp_timer_off(c, TCP_T_KEEP);
}

void tcp_set_keepalive(struct tcp_conn *c, bool on)
{
	tcp_keepalive_off(c);
	if (!on || c->stack->config.keepalive_us == 0 || c->state == TCPS_CLOSED)
		return;
	c->keepalive = true;
	if (!tcp_synchronized(c))
		return;	/* the handshake has a time-out of its own, and its end counts as heard */
	tcp_keepalive_heard(c);
	tcp_timer_update(c);
}

static uint64_t probe_interval_us(const struct tcp_conn *c)
{
	return RTE_MAX(RTE_MIN(c->stack->config.keepalive_us / TCP_KEEPALIVE_PARTS, (uint64_t)TCP_KEEPALIVE_PROBE_US), 1000000u);
}

/* Then retransmission and the persist timer find out whether the peer is there (MUST-26). */
static bool outstanding(const struct tcp_conn *c)
{
	return tcp_flight(c) > 0 || c->snd_unsent > 0 || (c->fin_wanted && !c->fin_sent);
}

bool tcp_keepalive_due(struct tcp_conn *c)
{
	struct counters *counters = c->stack->config.counters;

	if (!tcp_synchronized(c) || c->state == TCPS_TIME_WAIT)
		return false;
	if (outstanding(c)) {
		tcp_keepalive_heard(c);
		return false;
	}
	/* One lost answer says nothing (MUST-29). */
	if (c->keep_probes == TCP_KEEPALIVE_PROBES) {
		count_event(counters, EVENT_TCP_KEEPALIVE_TIMEOUT);
		tcp_output_rst(c);
		tcp_conn_end(c, TCP_TIMED_OUT);
		return true;
	}
	if (!tcp_output_probe(c)) {
		tcp_timer_set(c, TCP_T_KEEP, TCP_RETRY_US);
		return false;
	}
	count_event(counters, EVENT_TCP_KEEPALIVE_PROBE);
	c->keep_probes++;
	tcp_timer_set(c, TCP_T_KEEP, probe_interval_us(c));
	return false;
}
