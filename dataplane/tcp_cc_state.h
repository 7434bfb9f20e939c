/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each congestion controller keeps in a connection (struct tcp_conn has a union
 * of them); only the controller named looks into it.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tcp_cubic {
	uint32_t epoch_us;	/* start of this congestion avoidance stage, the clock's low half; 0: none */
	float w_max, k_s, w_est, cwnd_prior;	/* windows in segments, K in seconds */
};

/* Slow start's look at round trips (tcp_hystart.c), under RFC 9406's names. */
struct tcp_hystart {
	uint32_t last_round_min_rtt_us, current_round_min_rtt_us, css_baseline_min_rtt_us;
	uint32_t window_end;		/* a sequence number: where this round ends */
	uint8_t samples;		/* of this round, as far as they count */
	uint8_t css_rounds : 7;
	bool in_css : 1;		/* in conservative slow start */
};

/* Proportional rate reduction (tcp_prr.c), under RFC 9937's names. */
struct tcp_prr {
	uint32_t delivered, out, recover_fs;	/* bytes */
};

/* All of those that move a window. */
struct tcp_window_cc {
	struct tcp_cubic cubic;
	union {
		struct tcp_hystart hystart;	/* until the first loss */
		struct tcp_cubic cubic_undo;	/* from a loss on: the curve before it */
	};
	struct tcp_prr prr;
	uint32_t prior_ssthresh;	/* before the last loss, for tcp_cc_undo */
	uint32_t delivery_rate;		/* the last sample, bytes per second */
};

/* BBR, under the names of draft-ietf-ccwg-bbr-06. Rates are bytes per second, UINT32_MAX: no bound. */
struct tcp_bbr {
	uint32_t max_bw[2];		/* of the last ProbeBW cycle, of this one */
	uint32_t bw_latest, bw_shortterm;
	uint32_t inflight_latest, inflight_shortterm, inflight_longterm;
	uint32_t full_bw;
	uint32_t min_rtt_us, probe_rtt_min_us;
	uint32_t extra_acked[2];	/* of the last five rounds and those before */
	uint32_t extra_start_us, extra_delivered;
	uint32_t next_round_delivered, loss_round_delivered;
	union {
		struct {
			uint32_t probe_up_acked, probe_up_acked_per_inc;	/* ProbeBW_UP */
		};
		uint32_t probe_rtt_done_ms;	/* ProbeRTT; 0: not known yet */
	};
	uint32_t undo_inflight_longterm;
	/* Times of which only the last seconds matter: milliseconds, and bbr_stamp() */
	uint16_t cycle_ms, bw_probe_wait_ms;	/* when ProbeBW_DOWN began, how long until the next probe */
	uint16_t min_rtt_stamp, probe_rtt_min_stamp;
	uint8_t state;			/* enum bbr_state */
	uint8_t rounds_since_probe_up;
	uint8_t drain_rounds;
	uint8_t probe_up_rounds : 5, ack_phase : 3;
	uint8_t extra_rounds : 3, full_bw_count : 2, undo_state : 3;
	uint8_t loss_events : 4;
	bool full_bw_now : 1, full_bw_reached : 1, round_start : 1, loss_round_start : 1;
	bool loss_in_round : 1, bw_probe_sample : 1, prev_probe_too_high : 1, prev_probe_precautionary : 1;
	bool idle_restart : 1, probe_rtt_expired : 1, probe_rtt_round_done : 1;
};
