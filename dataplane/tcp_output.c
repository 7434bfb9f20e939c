/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_output.h"

#include <rte_mbuf.h>

#include "base/assert.h"
#include "tcp_cc.h"
#include "tcp_ecn.h"
#include "tcp_list.h"
#include "tcp_open.h"
#include "tcp_pace.h"
#include "tcp_packet.h"
#include "tcp_pmtu.h"
#include "tcp_prr.h"
#include "tcp_rack.h"
#include "tcp_rcvq.h"
#include "tcp_recovery.h"
#include "tcp_room.h"
#include "tcp_rtt.h"
#include "tcp_seg_ring.h"
#include "tcp_sndq.h"
#include "tcp_timer.h"
#include "tcp_tlp.h"
#include "tcp_undo.h"
#include "tcp_uto.h"
#include "tcp_window.h"

static const struct tcp_data no_data;

/* Every segment but a SYN acknowledges everything. */
static void acknowledged(struct tcp_conn *c)
{
	c->rcv_acked = c->rcv_nxt;
	c->ack_now = false;
	tcp_timer_off(c, TCP_T_ACK);
	if (c->quick_acks > 0)
		c->quick_acks--;
}

/* @dup: a run received twice, to be told in front of the other blocks (RFC 2883 section 4); NULL: none. */
static size_t put_options(struct tcp_conn *c, uint8_t *p, uint32_t data_bytes, const struct tcp_range *dup)
{
	struct tcp_opts o = { .has_ts = c->ts_ok };

	if (o.has_ts) {
		o.ts_val = tcp_ts_now(c);
		o.ts_ecr = c->ts_recent;
	}
	if (data_bytes == 0 && c->sack_ok) {
		if (dup)
			o.sack[o.n_sack++] = *dup;
		o.n_sack = (uint8_t)(o.n_sack + tcp_rcvq_sack(c, o.sack + o.n_sack, TCP_SACK_MAX - o.n_sack));
	}
	/* What isn't in every segment isn't deducted from the MSS either. */
	if (c->uto_due && data_bytes + TCP_UTO_BYTES <= c->mss) {
		tcp_uto_put(c, &o);
		c->uto_due = false;
	}
	return tcp_opts_put(p, &o);
}

static bool send_with(struct tcp_conn *c, uint32_t seq, uint8_t flags, const struct tcp_data *d,
		      const struct tcp_range *dup)
{
	uint8_t opts[TCP_OPTS_MAX];
	size_t opts_bytes = put_options(c, opts, d->bytes, dup);
	uint32_t promised = c->rcv_adv;

	if (c->ecn_ece)
		flags |= TH_ECE;
	if (!tcp_packet_send(c, seq, flags | TH_ACK, tcp_window_advertise(c), opts, opts_bytes, d)) {
		c->rcv_adv = promised;
		c->tx_blocked = true;
		return false;
	}
	acknowledged(c);
	return true;
}

static bool send_segment(struct tcp_conn *c, uint32_t seq, uint8_t flags, const struct tcp_data *d)
{
	return send_with(c, seq, flags, d, NULL);
}

bool tcp_output_ack_dup(struct tcp_conn *c, const struct tcp_range *dup)
{
	return send_with(c, c->snd_nxt, 0, &no_data, dup);
}

bool tcp_output_ack(struct tcp_conn *c)
{
	return send_segment(c, c->snd_nxt, 0, &no_data);
}

bool tcp_output_probe(struct tcp_conn *c)
{
	return send_segment(c, c->snd_una - 1, 0, &no_data);
}

void tcp_output_challenge(struct tcp_conn *c)
{
	uint32_t now_ms = (uint32_t)(c->stack->now_us / 1000);

	if (now_ms - c->challenge_ms < TCP_CHALLENGE_MS) {
		count_drop(c->stack->config.counters, DROP_TCP_CHALLENGE_RATE);
		return;
	}
	c->challenge_ms = now_ms;
	count_event(c->stack->config.counters, EVENT_TCP_CHALLENGE_ACK);
	if (!tcp_output_ack(c))
		c->tx_blocked = false;	/* the peer will ask again */
}

bool tcp_output_syn(struct tcp_conn *c)
{
	uint8_t opts[TCP_OPTS_MAX], flags = TH_SYN;
	bool answer = c->state == TCPS_SYN_RCVD;
	struct tcp_opts o = {
		.has_mss = true,
		.has_wscale = !answer || c->wscale_ok,
		.wscale = c->rcv_wscale,
		.sack_permitted = !answer || c->sack_ok,
		.has_ts = !answer || c->ts_ok,
		.ts_val = tcp_ts_now(c),
		.ts_ecr = c->ts_recent,
	};
	uint16_t wnd = tcp_window_syn(c);

	flags |= tcp_ecn_syn_flags(c);
	if (tcp_uto_enabled(c->stack))
		tcp_uto_put(c, &o);
	o.mss = (uint16_t)tcp_open_offered_mss(c);
	if (answer) {
		flags |= TH_ACK;
		c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + wnd);
	}
	if (!tcp_packet_send(c, c->snd_una, flags, wnd, opts, tcp_opts_put_syn(opts, &o), &no_data))
		return false;
	c->last_sent_us = (uint32_t)c->stack->now_us;
	if (answer)
		c->rcv_acked = c->rcv_nxt;
	return true;
}

void tcp_output_rst(struct tcp_conn *c)
{
	uint8_t opts[TCP_OPTS_MAX];
	size_t n = put_options(c, opts, c->mss, NULL);

	count_event(c->stack->config.counters, EVENT_TCP_RST_SENT);
	tcp_packet_send(c, c->snd_nxt, TH_RST | TH_ACK, 0, opts, n, &no_data);
}

void tcp_reply_rst(struct stack *s, const struct ip_info *info, const struct tuple *t, const struct tcp_rx *rx)
{
	struct tcp_tx tx = { .lport = t->lport, .fport = t->fport, .flags = TH_RST };
	struct ip_path path;

	if ((rx->flags & TH_RST) || !tcp_rst_allowed(s, &info->src))
		return;
	if (rx->flags & TH_ACK) {
		tx.seq = rx->ack;
	} else {
		tx.flags |= TH_ACK;
		tx.ack = rx->end;
	}
	if (ip_path_init(s, &path, &info->dst, &info->src) != 0)
		return;
	count_event(s->config.counters, EVENT_TCP_RST_SENT);
	tcp_packet_send_bare(s, &path, &tx);
}

/* Sends @g's data again, one segment of it; what is longer becomes a record of its own. */
static bool send_again(struct tcp_conn *c, struct tcp_seg *g)
{
	struct tcp_data d = { .m = g->m, .off = g->off };
	uint8_t flags = 0;
	uint32_t sent = 0;

	if (tcp_seg_data(g) > c->mss)
		tcp_sndq_split(c, g, c->mss);
	/* Without a record to split into, the whole goes out, segment by segment. */
	do {
		d.bytes = RTE_MIN(tcp_seg_data(g) - sent, (uint32_t)c->mss);
		if ((g->flags & TCP_SEG_FIN) && sent + d.bytes == tcp_seg_data(g))
			flags = TH_FIN;
		if (!send_segment(c, g->seq + sent, flags, &d))
			return false;
		sent += d.bytes;
		for (uint32_t n = d.bytes; n > 0;) {
			uint32_t here = RTE_MIN(n, d.m->data_len - d.off);

			d.off += here;
			n -= here;
			if (d.off == d.m->data_len) {
				d.m = d.m->next;
				d.off = 0;
			}
		}
		count_event(c->stack->config.counters, EVENT_TCP_RETRANSMIT);
		c->retransmits++;
	} while (sent < tcp_seg_data(g));
	tcp_seg_sent_again(c, g);
	tcp_pace_sent(c, sent);
	tcp_prr_sent(c, sent);
	tcp_undo_sent_again(c, sent);
	c->last_sent_us = (uint32_t)c->stack->now_us;
	return true;
}

/* What recovery marked as lost, oldest first, as far as cwnd goes. */
static void send_lost(struct tcp_conn *c)
{
	struct tcp_seg *g;

	while ((g = tcp_seg_to_resend(c)) != NULL) {
		if (!c->rtx_forced && tcp_pipe(c) + RTE_MIN(g->bytes, (uint32_t)c->mss) > c->cwnd) {
			c->cwnd_limited = true;
			break;
		}
		if (!c->rtx_forced && tcp_pace_room(c) == 0)
			break;
		if (!send_again(c, g))
			break;
		/* The time-out is the oldest's: RACK may find it lost again when little of that is left. */
		if (c->rtx_forced || g == tcp_seg_first(c))
			tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
		c->rtx_forced = false;
	}
}

static bool may_send_data(const struct tcp_conn *c)
{
	return tcp_synchronized(c) && c->state != TCPS_TIME_WAIT;
}

/* Bytes of unsent data for one transmission now; 0: wait. */
static uint32_t next_bytes(struct tcp_conn *c, bool override)
{
	uint32_t edge = c->snd_una + c->snd_wnd, room, pipe = tcp_pipe(c), most, paced;
	const struct netif *nif = tcp_netif(c);

	if (seq_leq(edge, c->snd_nxt))
		return 0;
	room = edge - c->snd_nxt;
	if (c->cwnd <= pipe || (c->cwnd - pipe < c->mss && c->cwnd - pipe < c->snd_unsent && pipe > 0)) {
		c->cwnd_limited = true;
		return 0;
	}
	room = RTE_MIN(room, c->cwnd - pipe);
	/* RFC 5682 section 2.1 step 2b: two new segments, whatever the window; then the next acknowledgment decides. */
	if (c->frto == TCP_FRTO_NEW) {
		uint32_t sent = c->snd_nxt - c->recovery_point;

		if (sent >= 2u * c->mss)
			return 0;
		room = RTE_MIN(room, 2u * c->mss - sent);
	}
	paced = tcp_pace_room(c);
	if (paced == 0 && !override)
		return 0;
	most = c->mss;
	/* CWR is for one segment; not every device knows that. */
	if (!c->ecn_cwr && nif->tso_max_bytes > c->mss)
		most = RTE_MAX(RTE_MIN(nif->tso_max_bytes, 64000u) / c->mss, 1u) * c->mss;
	most = RTE_MIN(most, RTE_MAX(paced, (uint32_t)c->mss));
	most = RTE_MIN(most, c->snd_unsent);
	if (most > room)
		most = room >= c->mss ? room / c->mss * c->mss : room;
	if (most > c->mss)
		most = tcp_packet_most(c, &(struct tcp_data){ .m = c->snd_next, .off = c->snd_next_off, .bytes = most });
	/* Silly window avoidance (RFC 9293 3.8.6.2.1): a full segment, all there is, or half the largest window. */
	if (most < c->mss && most < c->snd_unsent && most < c->snd_wnd_max / 2 && !override)
		return 0;
	return most;
}

static bool send_one(struct tcp_conn *c, uint32_t bytes, bool fin, bool probe)
{
	struct tcp_data d = { .m = c->snd_next, .off = c->snd_next_off, .bytes = bytes, .whole = probe, .ect = c->ecn_ok };
	uint8_t flags = fin ? TH_FIN : 0;

	if (!tcp_sndq_can_record(c)) {
		c->tx_blocked = true;
		return false;
	}
	if (bytes > 0 && bytes == c->snd_unsent)
		flags |= TH_PSH;
	if (bytes > 0 && c->ecn_cwr)
		flags |= TH_CWR;
	if (!send_segment(c, c->snd_nxt, flags, &d))
		return false;
	if (tcp_flight(c) == 0) {
		tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
		tcp_rack_restart(c);
	}
	c->ecn_cwr = c->ecn_cwr && bytes == 0;
	tcp_sndq_sent(c, bytes, fin);
	tcp_pace_sent(c, bytes);
	tcp_prr_sent(c, bytes);
	tcp_tlp_arm(c);
	c->last_sent_us = (uint32_t)c->stack->now_us;
	if (fin)
		c->state = c->state == TCPS_CLOSE_WAIT ? TCPS_LAST_ACK : TCPS_FIN_WAIT_1;
	return true;
}

static void send_new(struct tcp_conn *c, bool override)
{
	/* Before the first look at cwnd: one TSO packet can be all of it. */
	if (c->snd_unsent > 0 && tcp_flight(c) == 0)
		tcp_cc_restart(c, (uint32_t)c->stack->now_us - c->last_sent_us > tcp_rto_us(c));
	while (c->snd_unsent > 0) {
		uint32_t probe = tcp_pmtu_probe(c), seq = c->snd_nxt, bytes = probe ? probe : next_bytes(c, override);
		bool fin = c->fin_wanted && bytes == c->snd_unsent &&
			   seq_lt(c->snd_nxt + bytes, c->snd_una + c->snd_wnd) && bytes <= c->mss;

		if (bytes == 0 || !send_one(c, bytes, fin, probe > 0))
			return;
		if (probe > 0)
			tcp_pmtu_probe_sent(c, seq, bytes);
		override = false;
	}
	if (c->fin_wanted && !c->fin_sent && seq_lt(c->snd_nxt, c->snd_una + c->snd_wnd))
		send_one(c, 0, true, false);
}

/* F-RTO (RFC 5682 section 2.1 step 2b): new data first; where there is none, the lost is sent again after all. */
static void send_frto(struct tcp_conn *c)
{
	uint32_t before = c->snd_nxt;

	send_new(c, false);
	if (c->snd_nxt == before && seq_leq(c->snd_nxt, c->recovery_point))
		c->frto = TCP_FRTO_OFF;
}

/* Is cwnd in use, so that it may grow? In slow start half of it will do (RFC 7661's idea). */
static bool cwnd_used(const struct tcp_conn *c)
{
	uint32_t pipe = tcp_pipe(c);

	return c->cwnd < c->ssthresh && !tcp_cc_models(c) ? pipe >= c->cwnd / 2 : pipe + c->mss > c->cwnd;
}

bool tcp_output_tail(struct tcp_conn *c, bool *again)
{
	uint32_t edge = c->snd_una + c->snd_wnd, bytes = RTE_MIN(c->snd_unsent, (uint32_t)c->mss), data;
	struct tcp_seg *g = tcp_seg_last(c);

	*again = bytes == 0 || seq_gt(c->snd_nxt + bytes, edge);
	if (!*again)
		return send_one(c, bytes, c->fin_wanted && bytes == c->snd_unsent && seq_lt(c->snd_nxt + bytes, edge), false);
	if (g->flags & TCP_SEG_PROBE)
		return false;
	data = tcp_seg_data(g);
	if (data > c->mss) {
		if (!tcp_sndq_split(c, g, (data - 1) / c->mss * c->mss))
			return false;
		g = tcp_seg_next(c, g);
	}
	return send_again(c, g);
}

void tcp_output_override(struct tcp_conn *c)
{
	send_new(c, true);
}

/* Nothing in flight and yet something to send: only the persist timer can bring it forward. */
static void arm_persist(struct tcp_conn *c)
{
	bool waiting = c->snd_unsent > 0 || (c->fin_wanted && !c->fin_sent);

	if (tcp_flight(c) == 0 && waiting && !tcp_timer_on(c, TCP_T_RTX) && !tcp_timer_on(c, TCP_T_OUTPUT))
		tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
}

/* Output again soon; pacing may want it sooner still. */
static void arm_retry(struct tcp_conn *c)
{
	if (!tcp_timer_on(c, TCP_T_OUTPUT) || tcp_timer_due_us(c, TCP_T_OUTPUT) > c->stack->now_us + TCP_RETRY_US)
		tcp_timer_set(c, TCP_T_OUTPUT, TCP_RETRY_US);
}

static void acknowledge(struct tcp_conn *c)
{
	uint32_t pending = c->rcv_nxt - c->rcv_acked;

	if (c->ack_now || tcp_window_grew(c) || pending >= 2u * c->rcv_mss ||
	    (pending > 0 && c->quick_acks > 0))
		tcp_output_ack(c);
	else if (pending > 0 && !tcp_timer_on(c, TCP_T_ACK))
		tcp_timer_set(c, TCP_T_ACK, TCP_ACK_DELAY_US);
}

void tcp_output(struct tcp_conn *c)
{
	if (!tcp_synchronized(c))
		return;
	c->tx_blocked = false;
	c->cwnd_limited = false;
	tcp_timer_off(c, TCP_T_OUTPUT);
	if (may_send_data(c)) {
		if (c->frto == TCP_FRTO_NEW)
			send_frto(c);
		if (c->frto != TCP_FRTO_NEW)
			send_lost(c);
		if (!c->tx_blocked)
			send_new(c, false);
		c->cwnd_limited |= cwnd_used(c);
		arm_persist(c);
	}
	if (!c->tx_blocked)
		acknowledge(c);
	if (tcp_room_news(c) || c->tx_blocked)
		arm_retry(c);
	tcp_timer_update(c);
}
