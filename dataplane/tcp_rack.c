/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_rack.h"

#include <rte_common.h>

#include "tcp_recovery.h"
#include "tcp_seg_ring.h"
#include "tcp_timer.h"

#define RACK_REO_PERSIST 16u	/* recoveries that a widened window lasts */
#define RACK_REO_MULT_MAX 127u

void tcp_rack_init(struct tcp_conn *c)
{
	c->rack_reo_mult = 1;
}

void tcp_rack_restart(struct tcp_conn *c)
{
	/* The clock's low half is kept: a comparison must never span half an hour. */
	c->rack_xmit_us = (uint32_t)c->stack->now_us;
	c->rack_end_seq = c->snd_una;
}

/* RACK_sent_after() with the delivered one first: (xmit, end) left after @g. */
static bool sent_before(const struct tcp_seg *g, uint32_t xmit_us, uint32_t end_seq)
{
	int32_t later_us = (int32_t)(xmit_us - (uint32_t)g->sent_us);

	return later_us > 0 || (later_us == 0 && seq_gt(end_seq, tcp_seg_end(g)));
}

/* Step 2: an acknowledgment that can only be for an earlier transmission says nothing about the last one. */
static bool ambiguous(const struct tcp_conn *c, const struct tcp_seg *g, const struct tcp_acked *acked, uint32_t rtt_us)
{
	if (acked->has_ecr && seq_lt(acked->ts_ecr, (uint32_t)(g->sent_us / 1000) + c->ts_offset))
		return true;
	return rtt_us < c->min_rtt_us;
}

void tcp_rack_delivered(struct tcp_conn *c, const struct tcp_seg *g, struct tcp_acked *acked)
{
	uint32_t rtt_us = (uint32_t)(c->stack->now_us - g->sent_us);

	if (!(g->flags & TCP_SEG_EVER_RTX)) {
		/* Step 3. RFC 8985 compares sequence numbers; by the time of sending, retransmissions count too. */
		if (sent_before(g, c->rack_xmit_us, c->rack_end_seq))
			c->rack_reordering = true;
	} else if (ambiguous(c, g, acked, rtt_us)) {
		return;
	}
	if (!acked->delivered || !sent_before(g, acked->xmit_us, acked->end_seq)) {
		acked->delivered = true;
		acked->xmit_us = (uint32_t)g->sent_us;
		acked->end_seq = tcp_seg_end(g);
	}
}

void tcp_rack_update(struct tcp_conn *c, const struct tcp_acked *acked)
{
	int32_t later_us = (int32_t)(acked->xmit_us - c->rack_xmit_us);

	if (!acked->delivered)
		return;
	c->rack_rtt_us = (uint32_t)c->stack->now_us - acked->xmit_us;
	if (later_us > 0 || (later_us == 0 && seq_gt(acked->end_seq, c->rack_end_seq))) {
		c->rack_xmit_us = acked->xmit_us;
		c->rack_end_seq = acked->end_seq;
	}
}

/* Step 4, RACK_update_reo_wnd(). RACK.segs_sacked is told by bytes, as RFC 6675's IsLost does. */
static uint32_t reo_wnd_us(const struct tcp_conn *c, uint32_t rtt_us)
{
	uint64_t min_rtt_us = RTE_MIN(c->min_rtt_us, rtt_us);

	if (!c->rack_reordering &&
	    (c->ca_state != TCP_CA_OPEN || c->dupacks >= TCP_DUP_THRESH ||
	     c->sacked_bytes > (TCP_DUP_THRESH - 1) * c->mss))
		return 0;
	return (uint32_t)RTE_MIN(c->rack_reo_mult * min_rtt_us / 4, (uint64_t)c->srtt_us);
}

/* How long a segment may take that isn't lost. Before any data was delivered only the handshake tells. */
static uint32_t patience_us(const struct tcp_conn *c)
{
	uint32_t rtt_us = c->rack_rtt_us > 0 ? c->rack_rtt_us : c->srtt_us;

	return rtt_us + reo_wnd_us(c, rtt_us);
}

uint32_t tcp_rack_detect(struct tcp_conn *c)
{
	uint32_t most_us = patience_us(c), lost = 0;
	struct tcp_seg *g, *after = NULL;

	tcp_timer_off(c, TCP_T_RACK);
	c->tlp_armed = false;
	while ((g = tcp_seg_oldest(c)) != NULL && sent_before(g, c->rack_xmit_us, c->rack_end_seq)) {
		uint64_t due_us = g->sent_us + most_us;

		if (due_us > c->stack->now_us) {
			tcp_timer_set(c, TCP_T_RACK, due_us - c->stack->now_us);
			break;
		}
		lost += tcp_seg_lost(c, g, &after);
	}
	return lost;
}

void tcp_rack_timed_out(struct tcp_conn *c)
{
	uint32_t most_us = patience_us(c);
	struct tcp_seg *g, *after = NULL;

	while ((g = tcp_seg_oldest(c)) != NULL && g->sent_us + most_us <= c->stack->now_us)
		tcp_seg_lost(c, g, &after);
	g = tcp_seg_first(c);
	if (tcp_seg_in_flight(g))
		tcp_seg_lost(c, g, &after);
}

void tcp_rack_dsack(struct tcp_conn *c)
{
	/* Once a round trip: RACK.dsack_round is meaningful while it is ahead of snd_una. */
	if (c->rack_dsack_on && seq_lt(c->snd_una, c->rack_dsack_round))
		return;
	c->rack_dsack_on = true;
	c->rack_dsack_round = c->snd_nxt;
	c->rack_reo_mult = RTE_MIN(c->rack_reo_mult + 1u, RACK_REO_MULT_MAX) & 0x7fu;
	c->rack_reo_persist = RACK_REO_PERSIST;
}

void tcp_rack_recovered(struct tcp_conn *c)
{
	if (c->rack_reo_persist > 0 && --c->rack_reo_persist == 0)
		c->rack_reo_mult = 1;
}
