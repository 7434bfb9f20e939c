/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_rate.h"

#include <rte_common.h>

#include "tcp_cc.h"
#include "tcp_conn.h"
#include "tcp_recovery.h"
#include "tcp_sndq.h"

void tcp_rate_sent(struct tcp_conn *c, struct tcp_seg *g, uint32_t flight_bytes)
{
	uint32_t now = (uint32_t)c->stack->now_us;

	/* The pipe was empty: what comes back from now on was sent from now on. */
	if (flight_bytes == 0)
		c->first_sent_us = c->delivered_us = now;
	g->first_sent_us = c->first_sent_us;
	g->delivered_us = c->delivered_us;
	g->delivered = c->delivered;
	g->lost = c->lost;
	g->tx_in_flight = tcp_pipe(c);
	if (c->app_limited)
		g->flags |= TCP_SEG_APP_LIMITED;
	else
		g->flags &= (uint8_t)~TCP_SEG_APP_LIMITED;
}

void tcp_rate_begin(struct tcp_conn *c)
{
	tcp_rate_look(c);
	c->stack->tcp.sample = (struct tcp_rate_sample){ .rtt_us = UINT32_MAX };
}

static bool is_newest(const struct tcp_rate_sample *rs, const struct tcp_seg *g)
{
	uint32_t sent = (uint32_t)g->sent_us;

	return !rs->any || (int32_t)(sent - rs->newest_sent_us) > 0 ||
	       (sent == rs->newest_sent_us && seq_gt(tcp_seg_end(g), rs->newest_end));
}

void tcp_rate_delivered(struct tcp_conn *c, const struct tcp_seg *g, uint32_t bytes)
{
	struct tcp_rate_sample *rs = &c->stack->tcp.sample;
	uint32_t now = (uint32_t)c->stack->now_us;

	c->delivered += bytes;
	c->delivered_us = now;
	rs->newly_acked += bytes;
	if (!(g->flags & TCP_SEG_EVER_RTX))
		rs->rtt_us = RTE_MIN(rs->rtt_us, (uint32_t)(c->stack->now_us - g->sent_us));
	if (!is_newest(rs, g))
		return;
	rs->any = true;
	rs->newest_sent_us = (uint32_t)g->sent_us;
	rs->newest_end = tcp_seg_end(g);
	rs->prior_delivered = g->delivered;
	rs->app_limited = g->flags & TCP_SEG_APP_LIMITED;
	rs->tx_in_flight = g->tx_in_flight;
	rs->lost = g->lost;	/* until tcp_rate_end */
	rs->send_elapsed_us = rs->newest_sent_us - g->first_sent_us;
	rs->ack_elapsed_us = now - g->delivered_us;
}

void tcp_rate_lost(struct tcp_conn *c, const struct tcp_seg *g)
{
	c->lost += g->bytes;
	c->stack->tcp.sample.newly_lost += g->bytes;
	tcp_cc_seg_lost(c, g);
}

const struct tcp_rate_sample *tcp_rate_end(struct tcp_conn *c)
{
	struct tcp_rate_sample *rs = &c->stack->tcp.sample;

	/* The bubble that the user made has left the pipe. */
	if (c->app_limited && (int32_t)(c->delivered - c->app_limited) > 0)
		c->app_limited = 0;
	if (!rs->any)
		return rs;
	/* Newer than what a sample began with: the next flight's sending is counted from here. */
	if ((int32_t)(rs->newest_sent_us - c->first_sent_us) > 0)
		c->first_sent_us = rs->newest_sent_us;
	rs->interval_us = RTE_MAX(rs->send_elapsed_us, rs->ack_elapsed_us);
	rs->delivered = c->delivered - rs->prior_delivered;
	rs->lost = c->lost - rs->lost;
	/* Less than any round trip: a retransmission was sent when the original had arrived already. */
	if (rs->interval_us > 0 && rs->interval_us >= c->min_rtt_us) {
		uint64_t rate = (uint64_t)rs->delivered * 1000000 / rs->interval_us;

		rs->rate = (uint32_t)RTE_MIN(rate, (uint64_t)UINT32_MAX);
		if (!tcp_cc_models(c) && (!rs->app_limited || rs->rate > c->win.delivery_rate))
			c->win.delivery_rate = rs->rate;
	}
	return rs;
}

void tcp_rate_limited_by_app(struct tcp_conn *c)
{
	c->app_limited = c->delivered + tcp_pipe(c);
	if (c->app_limited == 0)
		c->app_limited = 1;
}

void tcp_rate_look(struct tcp_conn *c)
{
	if (c->snd_unsent == 0 && c->lost_bytes <= c->rtx_bytes && tcp_pipe(c) < c->cwnd)
		tcp_rate_limited_by_app(c);
}
