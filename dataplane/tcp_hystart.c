/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and constants are RFC 9406's (sections 4.2, 4.3). */
#include "tcp_hystart.h"

#include <rte_common.h>

#include "tcp_conn.h"

#define MIN_RTT_THRESH_US 4000u
#define MAX_RTT_THRESH_US 16000u
#define MIN_RTT_DIVISOR 8u
#define N_RTT_SAMPLE 8u
#define CSS_GROWTH_DIVISOR 4u
#define CSS_ROUNDS 5u
#define L_UNPACED 8u			/* segments an acknowledgment may add where nothing is paced */

#define NONE UINT32_MAX

void tcp_hystart_init(struct tcp_conn *c)
{
	c->win.hystart = (struct tcp_hystart){
		.last_round_min_rtt_us = NONE, .current_round_min_rtt_us = NONE,
		.css_baseline_min_rtt_us = NONE, .window_end = c->snd_nxt,
	};
}

static void begin_round(struct tcp_conn *c)
{
	struct tcp_hystart *h = &c->win.hystart;

	h->last_round_min_rtt_us = h->current_round_min_rtt_us;
	h->current_round_min_rtt_us = NONE;
	h->samples = 0;
	h->window_end = c->snd_nxt;
	if (h->in_css && ++h->css_rounds >= CSS_ROUNDS)
		c->ssthresh = c->cwnd;
}

static void judge(struct tcp_hystart *h)
{
	uint32_t thresh;

	if (h->samples < N_RTT_SAMPLE || h->current_round_min_rtt_us == NONE)
		return;
	if (h->in_css) {
		/* It was something else: a burst of another flow, say. */
		if (h->current_round_min_rtt_us < h->css_baseline_min_rtt_us)
			h->in_css = false;
		return;
	}
	if (h->last_round_min_rtt_us == NONE)
		return;
	thresh = RTE_MAX(MIN_RTT_THRESH_US, RTE_MIN(h->last_round_min_rtt_us / MIN_RTT_DIVISOR, MAX_RTT_THRESH_US));
	if (h->current_round_min_rtt_us >= h->last_round_min_rtt_us + thresh) {
		h->css_baseline_min_rtt_us = h->current_round_min_rtt_us;
		h->in_css = true;
		h->css_rounds = 0;
	}
}

uint32_t tcp_hystart_acked(struct tcp_conn *c, uint32_t bytes)
{
	struct tcp_hystart *h = &c->win.hystart;
	uint32_t rtt_us = c->stack->tcp.sample.rtt_us;

	if (c->ssthresh != UINT32_MAX)
		return bytes;
	if (seq_geq(c->snd_una, h->window_end))
		begin_round(c);
	if (rtt_us != UINT32_MAX) {
		h->current_round_min_rtt_us = RTE_MIN(h->current_round_min_rtt_us, rtt_us);
		if (h->samples < N_RTT_SAMPLE)
			h->samples++;
	}
	judge(h);
	if (c->pacing_rate == 0)
		bytes = RTE_MIN(bytes, L_UNPACED * c->mss);
	return h->in_css ? bytes / CSS_GROWTH_DIVISOR : bytes;
}
