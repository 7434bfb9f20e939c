/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of BBR (draft-ietf-ccwg-bbr-06) among themselves: tcp_cc_bbr.c steers by
 * the model, tcp_cc_bbr_model.c keeps it, tcp_cc_bbr_ecn.c heeds marks of congestion,
 * tcp_cc_bbr_state.c decides what to try next.
 * Functions have the draft's names.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include <rte_common.h>

#include "tcp_conn.h"
#include "tcp_rate.h"

enum bbr_state {
	BBR_STARTUP,
	BBR_DRAIN,
	BBR_DOWN, BBR_CRUISE, BBR_REFILL, BBR_UP,	/* ProbeBW */
	BBR_PROBE_RTT,
};

enum bbr_ack_phase {
	BBR_ACKS_INIT,
	BBR_ACKS_REFILLING,
	BBR_ACKS_PROBE_STARTING,
	BBR_ACKS_PROBE_FEEDBACK,
	BBR_ACKS_PROBE_STOPPING,
};

#define BBR_INFINITY UINT32_MAX
#define BBR_LOSS_PERCENT 2u		/* BBR.LossThresh */
#define BBR_BETA_PERCENT 70u
#define BBR_HEADROOM_PERCENT 15u
#define BBR_STARTUP_LOSSES 6u		/* BBRStartupFullLossCnt */
#define BBR_STAMP_SHIFT 14		/* stamps: steps of 16.4 ms, and 18 minutes until they repeat */
#define BBR_MIN_RTT_STAMPS (10000000u >> BBR_STAMP_SHIFT)		/* MinRTTFilterLen */
#define BBR_PROBE_RTT_STAMPS (5000000u >> BBR_STAMP_SHIFT)	/* ProbeRTTInterval */
#define BBR_PROBE_RTT_MS 200u

static inline bool bbr_in_probe_bw(const struct tcp_bbr *b)
{
	return b->state >= BBR_DOWN && b->state <= BBR_UP;
}

static inline uint32_t bbr_now_ms(const struct tcp_conn *c)
{
	return (uint32_t)(c->stack->now_us / 1000);
}

static inline uint16_t bbr_stamp(const struct tcp_conn *c)
{
	return (uint16_t)(c->stack->now_us >> BBR_STAMP_SHIFT);
}

static inline uint32_t bbr_percent(uint32_t value, uint32_t percent)
{
	return (uint32_t)RTE_MIN((uint64_t)value * percent / 100, (uint64_t)UINT32_MAX);
}

static inline uint32_t bbr_min_cwnd(const struct tcp_conn *c)
{
	return 4u * c->mss;		/* MinPipeCwnd */
}

static inline void bbr_start_round(struct tcp_conn *c)
{
	c->bbr.next_round_delivered = c->delivered;
}

/* tcp_cc_bbr.c: steering */
uint32_t bbr_bdp(const struct tcp_conn *c, uint32_t rate, uint32_t gain_percent);
uint32_t bbr_inflight(const struct tcp_conn *c, uint32_t rate, uint32_t gain_percent);	/* the same, quantized */
uint32_t bbr_inflight_with_headroom(const struct tcp_conn *c);
uint32_t bbr_target_inflight(const struct tcp_conn *c);
uint32_t bbr_probe_rtt_cwnd(const struct tcp_conn *c);
void bbr_save_cwnd(struct tcp_conn *c);
void bbr_restore_cwnd(struct tcp_conn *c);

/* tcp_cc_bbr_model.c: what the path does */
uint32_t bbr_max_bw(const struct tcp_conn *c);
uint32_t bbr_bw(const struct tcp_conn *c);
void bbr_reset_congestion_signals(struct tcp_conn *c);
void bbr_reset_short_term_model(struct tcp_conn *c);
void bbr_save_state_upon_loss(struct tcp_conn *c);
bool bbr_is_inflight_too_high(const struct tcp_conn *c, uint32_t lost, uint32_t tx_in_flight);
void bbr_update_model(struct tcp_conn *c, const struct tcp_rate_sample *rs);
void bbr_update_min_rtt(struct tcp_conn *c, const struct tcp_rate_sample *rs);
void bbr_advance_latest_delivery_signals(struct tcp_conn *c, const struct tcp_rate_sample *rs);
void bbr_advance_max_bw_filter(struct tcp_conn *c);
/* A probe has gone too far: with so much in flight the path was congested. */
void bbr_handle_inflight_too_high(struct tcp_conn *c, uint32_t inflight, bool app_limited);
void bbr_handle_lost_packet(struct tcp_conn *c, const struct tcp_seg *g);

/* tcp_cc_bbr_ecn.c: what routers say */
void bbr_handle_echo(struct tcp_conn *c, const struct tcp_rate_sample *rs);

/* tcp_cc_bbr_state.c: what to try */
void bbr_reset_full_bw(struct tcp_conn *c);
void bbr_enter_startup(struct tcp_conn *c);
void bbr_start_probe_bw_down(struct tcp_conn *c);
void bbr_start_probe_bw_refill(struct tcp_conn *c);
void bbr_update_state(struct tcp_conn *c, const struct tcp_rate_sample *rs);
void bbr_check_probe_rtt(struct tcp_conn *c, const struct tcp_rate_sample *rs);
void bbr_check_probe_rtt_done(struct tcp_conn *c);
