/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_ack.h"

#include <rte_common.h>

#include "tcp_cc.h"
#include "tcp_close.h"
#include "tcp_ecn.h"
#include "tcp_dsack.h"
#include "tcp_list.h"
#include "tcp_output.h"
#include "tcp_recovery.h"
#include "tcp_room.h"
#include "tcp_rtt.h"
#include "tcp_sack.h"
#include "tcp_sndq.h"
#include "tcp_timer.h"
#include "tcp_tlp.h"

static void window_opened(struct tcp_conn *c)
{
	c->backoff = 0;
	if (tcp_timer_on(c, TCP_T_RTX) && tcp_timer_due_us(c, TCP_T_RTX) > c->stack->now_us + tcp_rto_us(c))
		tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
}

/* SND.WL1 and SND.WL2 keep an old segment from setting the window. True: it changed. */
static bool update_window(struct tcp_conn *c, const struct tcp_rx *rx)
{
	uint32_t wnd = (uint32_t)rx->wnd << c->snd_wscale, old = c->snd_wnd;
	bool newer = seq_lt(c->snd_wl1, rx->seq) || (c->snd_wl1 == rx->seq && seq_leq(c->snd_wl2, rx->ack));

	/* The window counts from snd_una: with a new one comes its window, though an old segment brings both. */
	if (!newer && !seq_gt(rx->ack, c->snd_una))
		return false;
	c->snd_wnd = wnd;
	c->snd_wl1 = seq_max(c->snd_wl1, rx->seq);
	c->snd_wl2 = rx->ack;
	c->snd_wnd_max = RTE_MAX(c->snd_wnd_max, wnd);
	if (old < c->mss && wnd > old)
		window_opened(c);
	return wnd != old;
}

static void sample_rtt(struct tcp_conn *c, const struct tcp_acked *acked)
{
	if (acked->sent_us != 0) {
		tcp_rtt_sample(c, (uint32_t)RTE_MIN(c->stack->now_us - acked->sent_us, (uint64_t)TCP_RTO_MAX_US));
	} else if (acked->bytes > 0 && acked->has_ecr) {
		uint32_t rtt_ms = tcp_ts_now(c) - acked->ts_ecr;

		if (rtt_ms <= TCP_RTO_MAX_US / 1000)
			tcp_rtt_sample(c, rtt_ms * 1000);
	}
}

static void progress(struct tcp_conn *c)
{
	neigh_advise_good(c->stack, &c->hop, &c->tuple.faddr);
	if (tcp_flight(c) > 0)
		tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
	else
		tcp_timer_off(c, TCP_T_RTX);
	tcp_room_news(c);
	if (c->fin_sent && tcp_flight(c) == 0)
		tcp_notify(c, TCP_WRITABLE);
}

enum tcp_ack_verdict tcp_ack_input(struct tcp_conn *c, const struct tcp_rx *rx)
{
	struct tcp_acked acked = { .has_ecr = c->ts_ok && rx->opts.ts_ecr != 0, .ts_ecr = rx->opts.ts_ecr };
	uint32_t flight = tcp_flight(c);
	struct tcp_range dup;
	bool window_changed, dsack;

	if (seq_gt(rx->ack, c->snd_nxt) || seq_lt(rx->ack, c->snd_una - c->snd_wnd_max)) {
		count_drop(c->stack->config.counters, DROP_TCP_ACK);
		tcp_output_challenge(c);
		return TCP_ACK_DROP;
	}
	if (seq_lt(rx->ack, c->snd_una))
		return TCP_ACK_OK;
	window_changed = update_window(c, rx);
	if (flight > 0)
		tcp_rate_begin(c);
	if (seq_gt(rx->ack, c->snd_una))
		tcp_sndq_acked(c, rx->ack, &acked);
	if (c->sack_ok && flight > 0)
		tcp_sack_input(c, rx->opts.sack, rx->opts.n_sack, &acked);
	sample_rtt(c, &acked);
	if (acked.bytes > 0)
		progress(c);
	/* A peer that answers may keep its window closed (RFC 9293 3.8.6.1), but not refuse what it has room for. */
	if (!c->released && c->state != TCPS_TIME_WAIT && (acked.bytes > 0 || flight == 0 || c->snd_wnd == 0))
		tcp_timer_off(c, TCP_T_LIFE);
	/* Also when nothing is in flight any more: that is when the second copy arrives. */
	dsack = tcp_dsack_input(c, rx, &dup);
	if (dsack)
		tcp_recovery_dsack(c, &dup);
	tcp_tlp_ack(c, dsack ? &dup : NULL, acked.bytes == 0 && rx->opts.n_sack == 0 && rx->bytes == 0 && !window_changed);
	if (flight == 0)
		return TCP_ACK_OK;
	/* RFC 3168 6.1.2: no growth in the window that was reduced. */
	if (c->ecn_slow)
		c->cwnd_limited = false;
	tcp_recovery_ack(c, &acked,
			 acked.bytes == 0 && rx->bytes == 0 && !window_changed && !(rx->flags & TH_FIN), flight);
	tcp_ecn_acked(c, rx, flight);
	tcp_cc_sampled(c, tcp_rate_end(c));
	if (c->fin_sent && acked.bytes > 0 && c->snd_una == c->snd_nxt && tcp_close_fin_acked(c))
		return TCP_ACK_ENDED;
	return TCP_ACK_OK;
}
