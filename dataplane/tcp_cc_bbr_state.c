/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BBR's states: Startup, Drain, the four of ProbeBW, ProbeRTT (draft-ietf-ccwg-bbr-06 section 5.3). */
#include "tcp_cc_bbr.h"

#include "tcp_recovery.h"
#include "tcp_table.h"

#define FULL_BW_ROUNDS 3
#define FULL_BW_PERCENT 125u
#define DRAIN_ROUNDS_MAX 3u
#define RENO_ROUNDS_MAX 63u
#define PROBE_UP_ROUNDS_MAX 30u
#define PROBE_WAIT_MS 2000u		/* and up to a second more */

void bbr_reset_full_bw(struct tcp_conn *c)
{
	c->bbr.full_bw = 0;
	c->bbr.full_bw_count = 0;
	c->bbr.full_bw_now = false;
}

void bbr_enter_startup(struct tcp_conn *c)
{
	c->bbr.state = BBR_STARTUP;
}

/* Section 5.3.1.2: three rounds that brought less than a quarter more. */
static void check_full_bw_reached(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;

	if (b->full_bw_now || !b->round_start || rs->app_limited)
		return;
	if (rs->rate >= (uint64_t)b->full_bw * FULL_BW_PERCENT / 100) {
		bbr_reset_full_bw(c);
		b->full_bw = rs->rate;
		return;
	}
	b->full_bw_now = ++b->full_bw_count >= FULL_BW_ROUNDS;
	if (b->full_bw_now)
		b->full_bw_reached = true;
}

/* Section 5.3.1.3. */
static void check_startup_high_loss(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;

	if (b->state != BBR_STARTUP || b->full_bw_reached || c->ca_state == TCP_CA_OPEN || !b->loss_round_start)
		return;
	if (c->sack_ok && b->loss_events < BBR_STARTUP_LOSSES)
		return;
	if (!bbr_is_inflight_too_high(c, rs->lost, rs->tx_in_flight))
		return;
	b->undo_state = BBR_STARTUP;
	b->full_bw_reached = true;
	b->inflight_longterm = RTE_MAX(bbr_bdp(c, bbr_bw(c), 100), b->inflight_latest);
}

static void check_startup_done(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	check_startup_high_loss(c, rs);
	if (c->bbr.state == BBR_STARTUP && c->bbr.full_bw_reached) {
		c->bbr.state = BBR_DRAIN;
		c->bbr.drain_rounds = 0;
	}
}

static void check_drain_done(struct tcp_conn *c)
{
	if (c->bbr.state == BBR_DRAIN && (tcp_pipe(c) <= bbr_inflight(c, bbr_bw(c), 100) ||
					  c->bbr.drain_rounds > DRAIN_ROUNDS_MAX))
		bbr_start_probe_bw_down(c);
}

void bbr_start_probe_bw_down(struct tcp_conn *c)
{
	struct tcp_bbr *b = &c->bbr;
	uint64_t random = tcp_random(c->stack);

	bbr_reset_congestion_signals(c);
	b->probe_up_acked_per_inc = BBR_INFINITY;
	/* Many flows must not probe at the same time. */
	b->rounds_since_probe_up = random & 1;
	b->bw_probe_wait_ms = (uint16_t)(PROBE_WAIT_MS + (random >> 1) % 1000);
	b->cycle_ms = (uint16_t)bbr_now_ms(c);
	b->ack_phase = BBR_ACKS_PROBE_STOPPING;
	bbr_start_round(c);
	b->state = BBR_DOWN;
}

void bbr_start_probe_bw_refill(struct tcp_conn *c)
{
	struct tcp_bbr *b = &c->bbr;

	bbr_reset_short_term_model(c);
	b->probe_up_rounds = 0;
	b->probe_up_acked = 0;
	b->prev_probe_precautionary = false;
	b->ack_phase = BBR_ACKS_REFILLING;
	bbr_start_round(c);
	b->state = BBR_REFILL;
}

static void raise_inflight_longterm_slope(struct tcp_conn *c)
{
	struct tcp_bbr *b = &c->bbr;

	b->probe_up_acked_per_inc = RTE_MAX(c->cwnd >> b->probe_up_rounds, (uint32_t)c->mss);
	b->probe_up_rounds = RTE_MIN(b->probe_up_rounds + 1u, PROBE_UP_ROUNDS_MAX) & 31u;
}

static void start_probe_bw_up(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;

	b->ack_phase = BBR_ACKS_PROBE_STARTING;
	bbr_start_round(c);
	bbr_reset_full_bw(c);
	b->full_bw = rs->rate;
	b->state = BBR_UP;
	raise_inflight_longterm_slope(c);
}

static bool is_time_to_probe_bw(struct tcp_conn *c)
{
	const struct tcp_bbr *b = &c->bbr;
	uint32_t reno_rounds = RTE_MIN(bbr_target_inflight(c) / c->mss, RENO_ROUNDS_MAX);

	/* As often as Reno would lose a segment, but every few seconds at least (section 5.3.3.8). */
	if ((uint16_t)(bbr_now_ms(c) - b->cycle_ms) <= b->bw_probe_wait_ms &&
	    b->rounds_since_probe_up < reno_rounds)
		return false;
	bbr_start_probe_bw_refill(c);
	return true;
}

static bool is_time_to_cruise(const struct tcp_conn *c)
{
	uint32_t pipe = tcp_pipe(c);

	return pipe <= bbr_inflight_with_headroom(c) && pipe <= bbr_inflight(c, bbr_max_bw(c), 100);
}

static bool is_time_to_go_down(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;

	if (b->prev_probe_too_high && tcp_pipe(c) >= b->inflight_longterm) {
		b->prev_probe_precautionary = true;
		return true;
	}
	if (c->cwnd_limited && c->cwnd >= b->inflight_longterm) {
		bbr_reset_full_bw(c);
		b->full_bw = rs->rate;
		return false;
	}
	return b->full_bw_now;
}

static void probe_inflight_longterm_upward(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;
	uint32_t steps;

	if (!c->cwnd_limited || c->cwnd < b->inflight_longterm)
		return;
	b->probe_up_acked += rs->newly_acked;
	steps = b->probe_up_acked / b->probe_up_acked_per_inc;
	b->probe_up_acked -= steps * b->probe_up_acked_per_inc;
	b->inflight_longterm = RTE_MIN(b->inflight_longterm + steps * c->mss, 1u << 30);
	if (b->round_start)
		raise_inflight_longterm_slope(c);
}

/* True: it decided on the next state. */
static bool adapt_long_term_model(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;

	if (b->ack_phase == BBR_ACKS_PROBE_STARTING && b->round_start)
		b->ack_phase = BBR_ACKS_PROBE_FEEDBACK;
	if (b->ack_phase == BBR_ACKS_PROBE_STOPPING && b->round_start) {
		b->bw_probe_sample = false;
		b->ack_phase = BBR_ACKS_INIT;
		if (bbr_in_probe_bw(b) && !rs->app_limited)
			bbr_advance_max_bw_filter(c);
		/* The cautious probe did no harm: now a whole one. */
		if (bbr_in_probe_bw(b) && b->prev_probe_precautionary && !b->prev_probe_too_high) {
			bbr_start_probe_bw_refill(c);
			return true;
		}
	}
	if (b->inflight_longterm == BBR_INFINITY || rs->echoed || bbr_is_inflight_too_high(c, rs->lost, rs->tx_in_flight))
		return false;
	b->inflight_longterm = RTE_MAX(b->inflight_longterm, rs->tx_in_flight);
	if (b->state == BBR_UP)
		probe_inflight_longterm_upward(c, rs);
	return false;
}

static void update_probe_bw_cycle(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;

	if (!b->full_bw_reached || adapt_long_term_model(c, rs))
		return;
	switch (b->state) {
	case BBR_DOWN:
		if (!is_time_to_probe_bw(c) && is_time_to_cruise(c))
			b->state = BBR_CRUISE;
		break;
	case BBR_CRUISE:
		is_time_to_probe_bw(c);
		break;
	case BBR_REFILL:
		if (b->round_start) {
			b->bw_probe_sample = true;
			start_probe_bw_up(c, rs);
		}
		break;
	case BBR_UP:
		if (is_time_to_go_down(c, rs)) {
			b->prev_probe_too_high = false;
			bbr_start_probe_bw_down(c);
		}
		break;
	default:
		break;
	}
}

void bbr_update_state(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	check_full_bw_reached(c, rs);
	check_startup_done(c, rs);
	check_drain_done(c);
	update_probe_bw_cycle(c, rs);
}

/* Section 5.3.4.4: the pipe is drained, so the cycle goes on with cruising. */
static void exit_probe_rtt(struct tcp_conn *c)
{
	bbr_reset_short_term_model(c);
	if (c->bbr.full_bw_reached) {
		bbr_start_probe_bw_down(c);
		c->bbr.state = BBR_CRUISE;
	} else {
		bbr_enter_startup(c);
	}
}

void bbr_check_probe_rtt_done(struct tcp_conn *c)
{
	struct tcp_bbr *b = &c->bbr;
	uint32_t now_ms = bbr_now_ms(c);

	if (b->probe_rtt_done_ms == 0 || (int32_t)(now_ms - b->probe_rtt_done_ms) <= 0)
		return;
	b->probe_rtt_min_stamp = bbr_stamp(c);
	bbr_restore_cwnd(c);
	exit_probe_rtt(c);
}

static void handle_probe_rtt(struct tcp_conn *c)
{
	struct tcp_bbr *b = &c->bbr;

	tcp_rate_limited_by_app(c);
	if (b->probe_rtt_done_ms == 0) {
		if (tcp_pipe(c) > bbr_probe_rtt_cwnd(c))
			return;
		b->probe_rtt_done_ms = bbr_now_ms(c) + BBR_PROBE_RTT_MS;
		if (b->probe_rtt_done_ms == 0)
			b->probe_rtt_done_ms = 1;
		b->probe_rtt_round_done = false;
		bbr_start_round(c);
		return;
	}
	if (b->round_start)
		b->probe_rtt_round_done = true;
	if (b->probe_rtt_round_done)
		bbr_check_probe_rtt_done(c);
}

void bbr_check_probe_rtt(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;

	if (b->state != BBR_PROBE_RTT && b->probe_rtt_expired && !b->idle_restart) {
		bbr_save_cwnd(c);
		b->state = BBR_PROBE_RTT;
		b->probe_rtt_done_ms = 0;
		b->ack_phase = BBR_ACKS_PROBE_STOPPING;
		bbr_start_round(c);
	}
	if (b->state == BBR_PROBE_RTT)
		handle_probe_rtt(c);
	if (rs->delivered > 0)
		b->idle_restart = false;
}
