/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_cc.h"

#include <rte_common.h>

#include "tcp_ecn.h"
#include "tcp_hystart.h"
#include "tcp_pace.h"

const struct tcp_cc *tcp_cc(const struct tcp_conn *c)
{
	static const struct tcp_cc *const all[] = {
		[CONGESTION_DEFAULT] = &tcp_cc_bbr,
		[CONGESTION_BBR] = &tcp_cc_bbr,
		[CONGESTION_CUBIC] = &tcp_cc_cubic,
		[CONGESTION_NEWRENO] = &tcp_cc_newreno,
	};

	return all[c->congestion];
}

uint32_t tcp_cc_initial_window(const struct tcp_conn *c)
{
	return RTE_MIN(10u * c->mss, RTE_MAX(2u * c->mss, 14600u));
}

void tcp_cc_init(struct tcp_conn *c)
{
	c->congestion = (uint8_t)(tcp_netif(c)->congestion & 3u);
	c->cwnd = tcp_cc_initial_window(c);
	/* RFC 5681: after a lost SYN one segment. */
	if (c->retransmits > 0)
		c->cwnd = c->mss;
	c->ssthresh = UINT32_MAX;
	if (!tcp_cc_models(c)) {
		c->win.delivery_rate = 0;
		tcp_hystart_init(c);
	}
	if (!tcp_cc_models(c) && c->srtt_us > 0)
		tcp_pace_window(c);
	if (tcp_cc(c)->init)
		tcp_cc(c)->init(c);
}

uint32_t tcp_cc_slow_start(struct tcp_conn *c, uint32_t bytes)
{
	uint32_t room = c->ssthresh - c->cwnd, most = RTE_MIN(bytes, room);

	c->cwnd += RTE_MIN(tcp_hystart_acked(c, most), room);
	return bytes - most;
}

void tcp_cc_acked(struct tcp_conn *c, uint32_t bytes)
{
	/* A window that isn't used says nothing about the path (RFC 7661). */
	if (!c->cwnd_limited || tcp_cc_models(c))
		return;
	if (c->cwnd < c->ssthresh)
		bytes = tcp_cc_slow_start(c, bytes);
	if (bytes > 0)
		tcp_cc(c)->acked(c, bytes);
	/* What can't be used by any window needs no bound of its own, but no overflow either. */
	c->cwnd = RTE_MIN(c->cwnd, 1u << 30);
}

void tcp_cc_sampled(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	if (rs->any)
		c->pace_free = false;
	if (tcp_cc_models(c))
		tcp_cc(c)->sampled(c, rs);
	else
		tcp_pace_window(c);
}

void tcp_cc_seg_lost(struct tcp_conn *c, const struct tcp_seg *g)
{
	if (tcp_cc(c)->seg_lost)
		tcp_cc(c)->seg_lost(c, g);
}

/*
 * What the path was carrying. RFC 5681's FlightSize counts what was SACKed long ago
 * and is no longer there: with one hole open for a while it is many times cwnd.
 */
static uint32_t carried(const struct tcp_conn *c, uint32_t flight_bytes)
{
	return RTE_MIN(flight_bytes, c->cwnd);
}

static void save(struct tcp_conn *c)
{
	c->prior_cwnd = c->cwnd;
	c->win.prior_ssthresh = c->ssthresh;
}

void tcp_cc_lost(struct tcp_conn *c, uint32_t flight_bytes)
{
	if (!tcp_cc_models(c))
		save(c);
	tcp_cc(c)->lost(c, carried(c, flight_bytes));
	/* A model may take no notice of a loss; then there is nothing to tell. */
	if (tcp_cc_models(c))
		return;
	c->cwnd = c->ssthresh;
	tcp_ecn_reduced(c);
}

void tcp_cc_timed_out(struct tcp_conn *c, uint32_t flight_bytes)
{
	/* In fast recovery ssthresh is what this window's losses made it; one window is halved once. */
	if (!tcp_cc_models(c) && c->ca_state == TCP_CA_OPEN)
		save(c);
	if (tcp_cc_models(c) || c->ca_state == TCP_CA_OPEN)
		tcp_cc(c)->lost(c, carried(c, flight_bytes));
	if (tcp_cc(c)->timed_out)
		tcp_cc(c)->timed_out(c);
	c->cwnd = c->mss;
	tcp_ecn_reduced(c);
}

void tcp_cc_ecn(struct tcp_conn *c, uint32_t flight_bytes)
{
	tcp_cc(c)->lost(c, carried(c, flight_bytes));
	c->cwnd = c->ssthresh;
}

bool tcp_cc_recovered(struct tcp_conn *c)
{
	if (tcp_cc(c)->recovered)
		tcp_cc(c)->recovered(c);
	return tcp_cc_models(c);
}

void tcp_cc_undo(struct tcp_conn *c)
{
	/* Told so late that the window has grown past what it was: what it has learnt since is newer (RFC 9438 4.9.2). */
	if (!tcp_cc_models(c) && c->cwnd > c->prior_cwnd)
		return;
	c->cwnd = RTE_MAX(c->cwnd, c->prior_cwnd);
	if (!tcp_cc_models(c))
		c->ssthresh = c->win.prior_ssthresh;
	if (tcp_cc(c)->undo)
		tcp_cc(c)->undo(c);
}

void tcp_cc_restart(struct tcp_conn *c, bool idle)
{
	/* The user had nothing to send: a silence, not just a window acknowledged all at once. */
	c->pace_free = c->app_limited != 0 || c->delivered == 0;
	if (!tcp_cc_models(c) && idle)
		c->cwnd = RTE_MIN(c->cwnd, tcp_cc_initial_window(c));
	if (tcp_cc(c)->restart)
		tcp_cc(c)->restart(c, idle);
}
