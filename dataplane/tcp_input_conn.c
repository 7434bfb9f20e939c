/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 9293 section 3.10.7.3 and 3.10.7.4, in their order, with RFC 5961 and RFC 7323. */
#include <rte_mbuf.h>

#include "tcp_ack.h"
#include "tcp_close.h"
#include "tcp_ecn.h"
#include "tcp_input.h"
#include "tcp_keepalive.h"
#include "tcp_list.h"
#include "tcp_open.h"
#include "tcp_output.h"
#include "tcp_timer.h"
#include "tcp_uto.h"

static void drop(struct tcp_conn *c, enum drop d, struct rte_mbuf *m)
{
	stack_drop(c->stack, d, m);
}

static void answer_rst(struct tcp_conn *c, const struct tcp_rx *rx)
{
	struct ip_info info = { .src = c->tuple.faddr, .dst = c->tuple.laddr };

	tcp_reply_rst(c->stack, &info, &c->tuple, rx);
}

/* The connection is ended by the peer's RST. */
static void reset(struct tcp_conn *c, uint32_t event)
{
	count_event(c->stack->config.counters, EVENT_TCP_RST_RECEIVED);
	tcp_conn_end(c, event);
}

/* Both SYNs met (RFC 9293 figure 8): now as if passive, but the user has it already. */
static void simultaneous_open(struct tcp_conn *c)
{
	c->state = TCPS_SYN_RCVD;
	tcp_output_syn(c);
	tcp_timer_update(c);
}

void tcp_input_syn_sent(struct tcp_conn *c, struct rte_mbuf *m, struct tcp_rx *rx)
{
	bool ack = rx->flags & TH_ACK;

	if (ack && rx->ack != c->snd_nxt) {
		answer_rst(c, rx);
		drop(c, DROP_TCP_ACK, m);
		return;
	}
	if (rx->flags & TH_RST) {
		if (ack)
			reset(c, TCP_REFUSED);
		else
			count_drop(c->stack->config.counters, DROP_TCP_RST);
		rte_pktmbuf_free(m);
		return;
	}
	if (!(rx->flags & TH_SYN)) {
		drop(c, DROP_TCP_SEQUENCE, m);
		return;
	}
	tcp_open_peer_syn(c, rx);
	/* Data with the SYN isn't kept; the peer sends it again. */
	rte_pktmbuf_free(m);
	if (!ack) {
		simultaneous_open(c);
		return;
	}
	tcp_open_established(c, rx);
	c->ack_now = true;
	tcp_list_output(c);
}

/* RFC 7323 section 5.3, R1. True: it was too old and is gone. */
static bool paws_rejects(struct tcp_conn *c, const struct tcp_rx *rx)
{
	uint32_t now_ms = (uint32_t)(c->stack->now_us / 1000);

	if (!c->ts_ok || (rx->flags & TH_RST))
		return false;
	if (!rx->opts.has_ts)
		return true;	/* section 3.2: once agreed on, in every segment */
	return seq_lt(rx->opts.ts_val, c->ts_recent) && now_ms - c->ts_recent_ms < TCP_PAWS_MS;
}

/*
 * R3: the timestamp to echo comes from the segment that the last acknowledgment met.
 * It has passed paws_rejects: one that looks older says that ts_recent is outdated (5.5).
 */
static void remember_timestamp(struct tcp_conn *c, const struct tcp_rx *rx)
{
	if (!c->ts_ok || !rx->opts.has_ts || seq_gt(rx->seq, c->rcv_acked))
		return;
	c->ts_recent = rx->opts.ts_val;
	c->ts_recent_ms = (uint32_t)(c->stack->now_us / 1000);
}

/*
 * RFC 9293 3.10.7.4 first, with two allowances: an empty segment may lie anywhere
 * between our last acknowledgment and the right edge itself (reordered ACKs, and
 * ACKs of a peer that filled the window), and at a closed window a segment at
 * rcv_nxt is good for its ACK, RST and FIN.
 */
static bool acceptable(const struct tcp_conn *c, const struct tcp_rx *rx)
{
	if (rx->end == rx->seq)
		return seq_geq(rx->seq, c->rcv_acked) && seq_leq(rx->seq, c->rcv_adv);
	if (rx->seq == c->rcv_nxt)
		return true;
	return seq_lt(rx->seq, c->rcv_adv) && seq_gt(rx->end, c->rcv_nxt);
}

/* Anything but a RST is answered, empty ones at a bounded rate: else two TCPs could answer each other for ever. */
static void reject(struct tcp_conn *c, const struct tcp_rx *rx, struct rte_mbuf *m, enum drop d)
{
	bool repeated = rx->bytes > 0 || (rx->flags & TH_FIN);

	/* Its FIN again, and nothing else that calls itself one. */
	if (c->state == TCPS_TIME_WAIT && (rx->flags & TH_FIN) && rx->end == c->rcv_nxt)
		tcp_timer_set(c, TCP_T_LIFE, TCP_TIME_WAIT_US);
	if (repeated && seq_leq(rx->end, c->rcv_nxt))
		count_event(c->stack->config.counters, EVENT_TCP_DUPLICATE);
	if (!(rx->flags & TH_RST)) {
		if (repeated && seq_leq(rx->end, c->rcv_nxt))
			tcp_output_ack_dup(c, &(struct tcp_range){ rx->seq, rx->end });
		else if (repeated)
			tcp_output_ack(c);
		else
			tcp_output_challenge(c);
	}
	drop(c, d, m);
}

/* RFC 5961 section 3.2. */
static void input_rst(struct tcp_conn *c, const struct tcp_rx *rx, struct rte_mbuf *m)
{
	bool in_window = seq_geq(rx->seq, c->rcv_nxt) && seq_lt(rx->seq, c->rcv_adv);

	if (rx->seq == c->rcv_nxt && c->state != TCPS_TIME_WAIT) {
		rte_pktmbuf_free(m);
		reset(c, c->state == TCPS_SYN_RCVD ? TCP_REFUSED : TCP_RESET);
		return;
	}
	/* In TIME-WAIT a RST is passed over (RFC 1337). */
	if (in_window && c->state != TCPS_TIME_WAIT)
		tcp_output_challenge(c);
	drop(c, DROP_TCP_RST, m);
}

/* SYN-RECEIVED: the acknowledgment that completes the handshake. True: go on with the segment. */
static bool input_handshake(struct tcp_conn *c, const struct tcp_rx *rx)
{
	if (rx->ack != c->snd_nxt) {
		answer_rst(c, rx);
		count_drop(c->stack->config.counters, DROP_TCP_ACK);
		return false;
	}
	tcp_open_established(c, rx);
	c->snd_wnd = (uint32_t)rx->wnd << c->snd_wscale;
	c->snd_wnd_max = c->snd_wnd;
	c->snd_wl1 = rx->seq;
	c->snd_wl2 = rx->ack;
	return true;
}

/* A SYN on a connection (RFC 5961 section 4.2). Its SYN again: the answer was lost, so answer again. */
static void input_syn(struct tcp_conn *c, const struct tcp_rx *rx, struct rte_mbuf *m)
{
	if (c->state == TCPS_SYN_RCVD && rx->seq == c->rcv_nxt - 1 && c->passive) {
		count_event(c->stack->config.counters, EVENT_TCP_DUPLICATE);
		if (tcp_output_syn(c))
			c->retransmits++;	/* no RTT sample from an answer sent twice */
		rte_pktmbuf_free(m);
		return;
	}
	tcp_output_challenge(c);
	drop(c, DROP_TCP_SEQUENCE, m);
}

void tcp_input_conn(struct tcp_conn *c, struct rte_mbuf *m, struct tcp_rx *rx)
{
	bool simultaneous = c->state == TCPS_SYN_RCVD && !c->passive && (rx->flags & TH_ACK) &&
			    rx->seq == c->rcv_nxt - 1;

	if (rx->flags & TH_RST) {
		input_rst(c, rx, m);
		return;
	}
	if (simultaneous && (rx->flags & TH_SYN)) {
		/* The SYN-ACK of a simultaneous open: the SYN is known, its ACK counts. */
		rx->flags &= (uint8_t)~TH_SYN;
		rx->seq++;
	}
	if (rx->flags & TH_SYN) {
		input_syn(c, rx, m);
		return;
	}
	if (paws_rejects(c, rx)) {
		reject(c, rx, m, DROP_TCP_PAWS);
		return;
	}
	if (!acceptable(c, rx)) {
		reject(c, rx, m, DROP_TCP_SEQUENCE);
		return;
	}
	if (!(rx->flags & TH_ACK)) {
		drop(c, DROP_TCP_FLAGS, m);
		return;
	}
	if (c->state == TCPS_SYN_RCVD && !input_handshake(c, rx)) {
		rte_pktmbuf_free(m);
		return;
	}
	remember_timestamp(c, rx);
	tcp_keepalive_heard(c);
	tcp_uto_received(c, &rx->opts);
	tcp_ecn_received(c, rx);
	switch (tcp_ack_input(c, rx)) {
	case TCP_ACK_OK:
		tcp_list_output(c);
		tcp_input_text(c, m, rx);
		break;
	case TCP_ACK_DROP:
	case TCP_ACK_ENDED:
		rte_pktmbuf_free(m);
		break;
	}
}
