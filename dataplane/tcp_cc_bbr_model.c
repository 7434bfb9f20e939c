/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BBR's model of the path: its rate, its round trip, what may be in flight (draft-ietf-ccwg-bbr-06 section 5.5). */
#include "tcp_cc_bbr.h"

#include "tcp_sndq.h"

#define EXTRA_ACKED_ROUNDS 5u		/* half of ExtraAckedFilterLen: two filters take turns */

uint32_t bbr_max_bw(const struct tcp_conn *c)
{
	return RTE_MAX(c->bbr.max_bw[0], c->bbr.max_bw[1]);
}

uint32_t bbr_bw(const struct tcp_conn *c)
{
	return RTE_MIN(bbr_max_bw(c), c->bbr.bw_shortterm);
}

void bbr_reset_congestion_signals(struct tcp_conn *c)
{
	c->bbr.loss_in_round = false;
	c->bbr.loss_events = 0;
	c->bbr.bw_latest = 0;
	c->bbr.inflight_latest = 0;
}

void bbr_reset_short_term_model(struct tcp_conn *c)
{
	c->bbr.bw_shortterm = BBR_INFINITY;
	c->bbr.inflight_shortterm = BBR_INFINITY;
}

void bbr_save_state_upon_loss(struct tcp_conn *c)
{
	bbr_save_cwnd(c);
	c->bbr.undo_state = BBR_PROBE_RTT;
	c->bbr.undo_inflight_longterm = c->bbr.inflight_longterm;
}

/* Is @count, or later, where a round that began at @from ends? */
static bool round_ends(uint32_t count, uint32_t from)
{
	return (int32_t)(count - from) >= 0;
}

static void update_latest_delivery_signals(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;

	b->loss_round_start = round_ends(rs->prior_delivered, b->loss_round_delivered);
	b->bw_latest = RTE_MAX(b->bw_latest, rs->rate);
	b->inflight_latest = RTE_MAX(b->inflight_latest, rs->delivered);
	if (b->loss_round_start)
		b->loss_round_delivered = c->delivered;
	if (rs->newly_lost > 0 && b->loss_events < 15)
		b->loss_events++;
}

void bbr_advance_latest_delivery_signals(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	if (!c->bbr.loss_round_start)
		return;
	c->bbr.bw_latest = rs->rate;
	c->bbr.inflight_latest = rs->delivered;
	c->bbr.loss_events = 0;
}

static void update_round(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;

	b->round_start = round_ends(rs->prior_delivered, b->next_round_delivered);
	if (!b->round_start)
		return;
	bbr_start_round(c);
	if (b->rounds_since_probe_up < UINT8_MAX)
		b->rounds_since_probe_up++;
	if (b->drain_rounds < UINT8_MAX)
		b->drain_rounds++;
}

/* A sample of a user that sent little counts only when it shows more than was known. */
static void update_max_bw(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	if (rs->rate > 0 && (!rs->app_limited || rs->rate >= bbr_max_bw(c)))
		c->bbr.max_bw[1] = RTE_MAX(c->bbr.max_bw[1], rs->rate);
}

void bbr_advance_max_bw_filter(struct tcp_conn *c)
{
	if (c->bbr.max_bw[1] == 0)
		return;
	c->bbr.max_bw[0] = c->bbr.max_bw[1];
	c->bbr.max_bw[1] = 0;
}

/* Section 5.5.10.3: once a round with losses, unless they come of probing. */
static void adapt_lower_bounds(struct tcp_conn *c)
{
	struct tcp_bbr *b = &c->bbr;

	if (b->state == BBR_STARTUP || b->state == BBR_REFILL || b->state == BBR_UP || !b->loss_in_round)
		return;
	if (b->bw_shortterm == BBR_INFINITY)
		b->bw_shortterm = bbr_max_bw(c);
	if (b->inflight_shortterm == BBR_INFINITY)
		b->inflight_shortterm = c->cwnd;
	b->bw_shortterm = RTE_MAX(b->bw_latest, bbr_percent(b->bw_shortterm, BBR_BETA_PERCENT));
	b->inflight_shortterm = RTE_MAX(b->inflight_latest, bbr_percent(b->inflight_shortterm, BBR_BETA_PERCENT));
}

/* Section 5.5.9: what arrives in bursts needs more in flight than the rate says. */
static void update_ack_aggregation(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;
	uint32_t now = (uint32_t)c->stack->now_us, rounds = b->full_bw_reached ? EXTRA_ACKED_ROUNDS : 1;
	uint64_t expected = (uint64_t)bbr_bw(c) * (now - b->extra_start_us) / 1000000;

	if (b->round_start && ++b->extra_rounds >= rounds) {
		b->extra_rounds = 0;
		b->extra_acked[0] = b->full_bw_reached ? b->extra_acked[1] : 0;
		b->extra_acked[1] = 0;
	}
	if (b->extra_delivered <= expected) {
		b->extra_delivered = 0;
		b->extra_start_us = now;
		expected = 0;
	}
	b->extra_delivered += rs->newly_acked;
	if (b->extra_delivered > expected)
		b->extra_acked[1] = RTE_MAX(b->extra_acked[1], RTE_MIN(b->extra_delivered - (uint32_t)expected, c->cwnd));
}

void bbr_update_model(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	update_latest_delivery_signals(c, rs);
	update_round(c, rs);
	update_max_bw(c, rs);
	bbr_handle_echo(c, rs);
	if (c->bbr.loss_round_start) {
		adapt_lower_bounds(c);
		c->bbr.loss_in_round = false;
	}
	update_ack_aggregation(c, rs);
}

void bbr_update_min_rtt(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;
	uint16_t now = bbr_stamp(c);

	b->probe_rtt_expired = (uint16_t)(now - b->probe_rtt_min_stamp) > BBR_PROBE_RTT_STAMPS;
	if (rs->rtt_us != UINT32_MAX && (rs->rtt_us < b->probe_rtt_min_us || b->probe_rtt_expired)) {
		b->probe_rtt_min_us = rs->rtt_us;
		b->probe_rtt_min_stamp = now;
	}
	if (b->probe_rtt_min_us < b->min_rtt_us || (uint16_t)(now - b->min_rtt_stamp) > BBR_MIN_RTT_STAMPS) {
		b->min_rtt_us = RTE_MAX(b->probe_rtt_min_us, 1u);
		b->min_rtt_stamp = b->probe_rtt_min_stamp;
	}
}

bool bbr_is_inflight_too_high(const struct tcp_conn *c, uint32_t lost, uint32_t tx_in_flight)
{
	return c->sack_ok ? lost > bbr_percent(tx_in_flight, BBR_LOSS_PERCENT) : lost > 0;
}

/* At which part of @g, a burst perhaps, did the losses pass the threshold? */
static uint32_t inflight_at_loss(const struct tcp_seg *g, uint32_t lost)
{
	uint32_t inflight_prev = g->tx_in_flight > g->bytes ? g->tx_in_flight - g->bytes : 0;
	uint32_t lost_prev = lost > g->bytes ? lost - g->bytes : 0;
	uint32_t allowed = bbr_percent(inflight_prev, BBR_LOSS_PERCENT);

	if (allowed <= lost_prev)
		return inflight_prev;
	return inflight_prev + (uint32_t)((uint64_t)(allowed - lost_prev) * 100 / (100 - BBR_LOSS_PERCENT));
}

void bbr_handle_inflight_too_high(struct tcp_conn *c, uint32_t inflight, bool app_limited)
{
	struct tcp_bbr *b = &c->bbr;
	uint32_t target = bbr_percent(bbr_target_inflight(c), BBR_BETA_PERCENT);

	b->prev_probe_too_high = true;
	b->bw_probe_sample = false;	/* one answer to a probe */
	if (!app_limited)
		b->inflight_longterm = RTE_MAX(inflight, target);
	if (b->state == BBR_UP) {
		b->undo_state = BBR_UP;
		bbr_start_probe_bw_down(c);
	}
}

void bbr_handle_lost_packet(struct tcp_conn *c, const struct tcp_seg *g)
{
	struct tcp_bbr *b = &c->bbr;
	uint32_t lost = c->lost - g->lost;

	if (!b->loss_in_round) {
		b->loss_round_delivered = c->delivered;
		bbr_save_state_upon_loss(c);
	}
	b->loss_in_round = true;
	if (b->bw_probe_sample && bbr_is_inflight_too_high(c, lost, g->tx_in_flight))
		bbr_handle_inflight_too_high(c, inflight_at_loss(g, lost), g->flags & TCP_SEG_APP_LIMITED);
}
