/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Payload and FIN (RFC 9293 section 3.10.7.4, seventh and eighth). */
#include <rte_common.h>
#include <rte_mbuf.h>

#include "join.h"
#include "tcp_close.h"
#include "tcp_input.h"
#include "tcp_list.h"
#include "tcp_open.h"
#include "tcp_output.h"
#include "tcp_rcvq.h"
#include "tcp_stall.h"
#include "tcp_window.h"

/* After tcp_release nobody takes it: tell the peer that it was lost (RFC 9293 3.6.1). */
static void refuse_text(struct tcp_conn *c)
{
	tcp_output_rst(c);
	tcp_conn_end(c, 0);
}

/*
 * A hole is there: one acknowledgment for each such segment, so that the peer's fast retransmit can count. A long
 * one (join.h) was several; with SACK one acknowledgment tells of them all.
 */
static void acknowledge_hole(struct tcp_conn *c, uint32_t segments)
{
	uint32_t n = c->sack_ok ? 1 : RTE_MIN(segments, TCP_DUP_THRESH);

	if (c->ack_now)
		tcp_output_ack(c);
	for (; n > 1; n--)
		tcp_output_ack(c);
	c->ack_now = true;
}

/* What counts as one segment: the port may have joined several before we saw them (GRO, or the peer's own TSO). */
static uint32_t longest(const struct tcp_conn *c)
{
	return RTE_MIN(tcp_open_offered_mss(c), c->stack->config.rcv_buffer_bytes / 2);
}

static void input_payload(struct tcp_conn *c, struct rte_mbuf *m, const struct tcp_rx *rx)
{
	uint32_t segment_bytes = join_segment_bytes(m, rx->bytes);
	uint32_t segments = (rx->bytes + segment_bytes - 1) / segment_bytes;
	bool had_hole = c->ooo != NULL;
	struct tcp_range dup;

	if (c->ts_ok)
		tcp_window_stamp(c, rx->opts.ts_ecr);
	c->rcv_mss = (uint16_t)RTE_MAX(c->rcv_mss, RTE_MIN(segment_bytes, longest(c)));
	for (struct rte_mbuf *piece = m; piece; piece = piece->next)
		tcp_stall_mark(c->stack, piece);
	switch (tcp_rcvq_input(c, m, rx->seq, rx->bytes, &dup)) {
	case TCP_RCVQ_IN_ORDER:
		if (had_hole)
			c->ack_now = true;	/* RFC 5681 section 4.2 */
		tcp_notify(c, TCP_READABLE);
		break;
	case TCP_RCVQ_OUT_OF_ORDER:
		count_event(c->stack->config.counters, EVENT_TCP_OUT_OF_ORDER);
		tcp_window_round(c);
		acknowledge_hole(c, segments);
		break;
	case TCP_RCVQ_DUPLICATE:
		count_event(c->stack->config.counters, EVENT_TCP_DUPLICATE);
		acknowledge_hole(c, segments);
		break;
	case TCP_RCVQ_FULL:
		count_drop(c->stack->config.counters, DROP_TCP_OOO_FULL);
		acknowledge_hole(c, segments);
		break;
	}
	/* In an acknowledgment of its own: the next one may have another to tell. */
	if (dup.start != dup.end && c->sack_ok)
		tcp_output_ack_dup(c, &dup);
}

/* Notes the FIN of @rx when it can be one: not before data that came, not beyond the window. */
static void note_fin(struct tcp_conn *c, const struct tcp_rx *rx)
{
	uint32_t fin_seq = rx->seq + rx->bytes;

	if (c->fin_ahead || seq_lt(fin_seq, tcp_rcvq_end(c)) || seq_gt(fin_seq, c->rcv_adv))
		return;
	c->fin_ahead = true;
	c->fin_seq = fin_seq;
}

void tcp_input_text(struct tcp_conn *c, struct rte_mbuf *m, const struct tcp_rx *rx)
{
	struct tcp_rx in = *rx;

	if (c->fin_received || (in.bytes == 0 && !(in.flags & TH_FIN))) {
		rte_pktmbuf_free(m);
		return;
	}
	if (in.bytes > 0 && c->released && seq_gt(in.seq + in.bytes, c->rcv_nxt)) {
		rte_pktmbuf_free(m);
		refuse_text(c);
		return;
	}
	if (in.flags & TH_FIN)
		note_fin(c, &in);
	if (in.bytes > 0 && c->fin_ahead && seq_gt(in.seq + in.bytes, c->fin_seq)) {
		/* Data after the end: no TCP sends that. */
		stack_drop(c->stack, DROP_TCP_SEQUENCE, m);
		return;
	}
	if (in.bytes > 0 && !mbuf_reserve_allows(&c->stack->reserve, MBUF_USE_PAYLOAD)) {
		/* As if the wire had lost it; and what waits behind a hole gives its buffers back. */
		tcp_rcvq_renege(c);
		stack_drop(c->stack, DROP_NO_MBUF, m);
		return;
	}
	if (in.bytes > 0)
		input_payload(c, m, &in);
	else
		rte_pktmbuf_free(m);
	if (c->fin_ahead && c->rcv_nxt == c->fin_seq)
		tcp_close_fin_received(c);
	else if (in.flags & TH_FIN)
		c->ack_now = true;
}
