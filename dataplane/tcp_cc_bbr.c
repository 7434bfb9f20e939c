/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BBR: from its model to pacing rate and cwnd (draft-ietf-ccwg-bbr-06 sections 5.2, 5.4, 5.6). */
#include "tcp_cc_bbr.h"

#include "tcp_cc.h"
#include "tcp_pace.h"

/* Section 5.6.1. */
static const struct {
	uint16_t pacing_percent, cwnd_percent;
} gains[] = {
	[BBR_STARTUP] = { 277, 200 },
	[BBR_DRAIN] = { 50, 200 },
	[BBR_DOWN] = { 90, 200 },
	[BBR_CRUISE] = { 100, 200 },
	[BBR_REFILL] = { 100, 200 },
	[BBR_UP] = { 125, 225 },
	[BBR_PROBE_RTT] = { 100, 50 },
};

#define PACING_MARGIN_PERCENT 1u

uint32_t bbr_bdp(const struct tcp_conn *c, uint32_t rate, uint32_t gain_percent)
{
	uint64_t bdp = (uint64_t)rate * c->bbr.min_rtt_us / 1000000 * gain_percent / 100;

	if (c->bbr.min_rtt_us == BBR_INFINITY)
		return tcp_cc_initial_window(c);
	return (uint32_t)RTE_MIN(bdp, (uint64_t)1 << 30);
}

/*
 * SetSendQuantum(): what is sent, or acknowledged, at once. Also where nothing is paced: on
 * a LAN a worker that sleeps makes round trips many times longer than the shortest one.
 */
static uint32_t send_quantum(const struct tcp_conn *c)
{
	uint32_t rate = c->pacing_rate > 0 ? c->pacing_rate : bbr_max_bw(c);

	return RTE_MAX(RTE_MIN(rate / (1000000 / TCP_PACE_QUANTUM_US), 65536u), 2u * c->mss);
}

static uint32_t quantization_budget(const struct tcp_conn *c, uint32_t inflight)
{
	inflight = RTE_MAX(inflight, 3 * send_quantum(c));
	inflight = RTE_MAX(inflight, bbr_min_cwnd(c));
	return c->bbr.state == BBR_UP ? inflight + 2u * c->mss : inflight;
}

uint32_t bbr_inflight(const struct tcp_conn *c, uint32_t rate, uint32_t gain_percent)
{
	return quantization_budget(c, bbr_bdp(c, rate, gain_percent));
}

uint32_t bbr_inflight_with_headroom(const struct tcp_conn *c)
{
	uint32_t most = c->bbr.inflight_longterm, headroom;

	if (most == BBR_INFINITY)
		return BBR_INFINITY;
	headroom = RTE_MAX(bbr_percent(most, BBR_HEADROOM_PERCENT), (uint32_t)c->mss);
	return RTE_MAX(most > headroom ? most - headroom : 0, bbr_min_cwnd(c));
}

uint32_t bbr_target_inflight(const struct tcp_conn *c)
{
	return RTE_MIN(bbr_bdp(c, bbr_bw(c), 100), c->cwnd);
}

uint32_t bbr_probe_rtt_cwnd(const struct tcp_conn *c)
{
	return RTE_MAX(bbr_bdp(c, bbr_bw(c), gains[BBR_PROBE_RTT].cwnd_percent), bbr_min_cwnd(c));
}

/* The last cwnd that neither recovery nor ProbeRTT had cut. */
void bbr_save_cwnd(struct tcp_conn *c)
{
	if (c->ca_state == TCP_CA_OPEN && c->bbr.state != BBR_PROBE_RTT)
		c->prior_cwnd = c->cwnd;
	else
		c->prior_cwnd = RTE_MAX(c->prior_cwnd, c->cwnd);
}

void bbr_restore_cwnd(struct tcp_conn *c)
{
	c->cwnd = RTE_MAX(c->cwnd, c->prior_cwnd);
}

static void set_pacing_rate(struct tcp_conn *c, uint32_t gain_percent)
{
	uint64_t rate = (uint64_t)bbr_bw(c) * gain_percent / 100 * (100 - PACING_MARGIN_PERCENT) / 100;

	/* A window that a quantum holds anyway: cwnd alone steers. */
	if (c->bbr.min_rtt_us < TCP_PACE_QUANTUM_US)
		c->pacing_rate = 0;
	else if (c->bbr.full_bw_reached || rate > c->pacing_rate)
		tcp_pace_set(c, rate);
}

static void bound_cwnd_for_model(struct tcp_conn *c)
{
	const struct tcp_bbr *b = &c->bbr;
	uint32_t cap = BBR_INFINITY;

	if (b->state == BBR_CRUISE || b->state == BBR_PROBE_RTT)
		cap = bbr_inflight_with_headroom(c);
	else if (bbr_in_probe_bw(b))
		cap = b->inflight_longterm;
	cap = RTE_MIN(cap, b->inflight_shortterm);
	c->cwnd = RTE_MIN(c->cwnd, RTE_MAX(cap, bbr_min_cwnd(c)));
}

static void set_cwnd(struct tcp_conn *c, uint32_t newly_acked)
{
	const struct tcp_bbr *b = &c->bbr;
	uint32_t most = bbr_bdp(c, bbr_bw(c), gains[b->state].cwnd_percent);

	most = quantization_budget(c, most + RTE_MAX(b->extra_acked[0], b->extra_acked[1]));
	if (b->full_bw_reached)
		c->cwnd = RTE_MIN(c->cwnd + newly_acked, most);
	else if (c->cwnd < most || c->delivered < tcp_cc_initial_window(c))
		c->cwnd += newly_acked;
	c->cwnd = RTE_MAX(c->cwnd, bbr_min_cwnd(c));
	if (b->state == BBR_PROBE_RTT)
		c->cwnd = RTE_MIN(c->cwnd, bbr_probe_rtt_cwnd(c));
	bound_cwnd_for_model(c);
}

static void sampled(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	if (!rs->any)
		return;
	bbr_update_model(c, rs);
	bbr_update_state(c, rs);
	bbr_update_min_rtt(c, rs);
	bbr_check_probe_rtt(c, rs);
	bbr_advance_latest_delivery_signals(c, rs);
	set_pacing_rate(c, gains[c->bbr.state].pacing_percent);
	set_cwnd(c, rs->newly_acked);
}

static void init(struct tcp_conn *c)
{
	struct tcp_bbr *b = &c->bbr;
	uint32_t srtt_us = c->srtt_us ? c->srtt_us : 1000;

	*b = (struct tcp_bbr){
		.min_rtt_us = c->srtt_us ? c->srtt_us : BBR_INFINITY, .min_rtt_stamp = bbr_stamp(c),
		.probe_rtt_min_us = BBR_INFINITY, .probe_rtt_min_stamp = bbr_stamp(c),
		.inflight_longterm = BBR_INFINITY, .probe_up_acked_per_inc = BBR_INFINITY,
		.extra_start_us = (uint32_t)c->stack->now_us, .undo_state = BBR_PROBE_RTT,
	};
	c->prior_cwnd = 0;
	bbr_start_round(c);
	bbr_reset_congestion_signals(c);
	bbr_reset_short_term_model(c);
	bbr_enter_startup(c);
	tcp_pace_set(c, (uint64_t)tcp_cc_initial_window(c) * gains[BBR_STARTUP].pacing_percent * 10000 / srtt_us);
}

static void lost(struct tcp_conn *c, uint32_t flight_bytes)
{
	(void)flight_bytes;
	bbr_save_state_upon_loss(c);
}

/* Section 5.5.11.2. What the draft restores of the short-term model is given up altogether: the next refill would. */
static void undo(struct tcp_conn *c)
{
	struct tcp_bbr *b = &c->bbr;
	uint8_t was = b->undo_state;

	b->loss_in_round = false;
	bbr_reset_full_bw(c);
	bbr_reset_short_term_model(c);
	b->inflight_longterm = RTE_MAX(b->inflight_longterm, b->undo_inflight_longterm);
	b->undo_state = BBR_PROBE_RTT;	/* nothing to go back to */
	if (was == BBR_STARTUP && b->state != BBR_STARTUP) {
		b->full_bw_reached = false;
		if (b->state != BBR_PROBE_RTT)
			bbr_enter_startup(c);
	} else if (was == BBR_UP && b->state != BBR_UP && b->state != BBR_PROBE_RTT) {
		bbr_start_probe_bw_refill(c);
	}
}

/* Section 5.4.1: no slow start after a pause, the rate that was known is paced. */
static void restart(struct tcp_conn *c, bool idle)
{
	(void)idle;
	if (c->app_limited == 0)
		return;
	c->bbr.idle_restart = true;
	c->bbr.extra_start_us = (uint32_t)c->stack->now_us;
	if (bbr_in_probe_bw(&c->bbr))
		set_pacing_rate(c, 100);
	else if (c->bbr.state == BBR_PROBE_RTT)
		bbr_check_probe_rtt_done(c);
}

const struct tcp_cc tcp_cc_bbr = {
	.name = "bbr",
	.init = init,
	.lost = lost,
	.undo = undo,
	.restart = restart,
	.sampled = sampled,
	.seg_lost = bbr_handle_lost_packet,
	.recovered = bbr_restore_cwnd,
};
