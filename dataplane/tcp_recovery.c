/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_recovery.h"

#include <rte_common.h>

#include "base/assert.h"
#include "tcp_cc.h"
#include "tcp_pmtu.h"
#include "tcp_hdr.h"
#include "tcp_prr.h"
#include "tcp_rack.h"
#include "tcp_rtt.h"
#include "tcp_sack.h"
#include "tcp_seg_ring.h"
#include "tcp_sndq.h"
#include "tcp_tlp.h"
#include "tcp_undo.h"

uint32_t tcp_pipe(const struct tcp_conn *c)
{
	uint32_t gone = c->sacked_bytes + c->lost_bytes;
	uint32_t flight = tcp_flight(c);

	return (flight > gone ? flight - gone : 0) + c->rtx_bytes;
}

/* Nearly by sequence number: after *after when that fits, else first or last. */
static void queue_lost(struct tcp_conn *c, struct tcp_seg *g, struct tcp_seg **after)
{
	struct pool_rings by_time = tcp_segs_by_time(c);
	struct tcp_seg *first = tcp_seg_to_resend(c), *at = *after;
	const struct tcp_seg *next = at ? pool_ring_next(by_time, c->to_resend, at) : NULL;

	*after = g;
	if (at && seq_gt(g->seq, at->seq) && (!next || seq_lt(g->seq, next->seq)))
		pool_ring_insert_after(by_time, at, g);
	else if (first && seq_lt(g->seq, first->seq))
		pool_ring_prepend(by_time, &c->to_resend, g);
	else
		pool_ring_append(by_time, &c->to_resend, g);
}

uint32_t tcp_seg_lost(struct tcp_conn *c, struct tcp_seg *g, struct tcp_seg **after)
{
	ASSERT(tcp_seg_in_flight(g));
	pool_ring_remove(tcp_segs_by_time(c), &c->in_flight, g);
	if (g->flags & TCP_SEG_RTX)
		c->rtx_bytes -= g->bytes;
	else
		c->lost_bytes += g->bytes;
	g->flags = (uint8_t)((g->flags & ~TCP_SEG_RTX) | TCP_SEG_LOST);
	queue_lost(c, g, after);
	if (g->flags & TCP_SEG_PROBE) {
		tcp_pmtu_probe_lost(c, g);
		return 0;
	}
	tcp_rate_lost(c, g);
	return g->bytes;
}

void tcp_seg_forget(struct tcp_conn *c, struct tcp_seg *g)
{
	pool_ring_remove(tcp_segs_by_time(c), tcp_seg_in_flight(g) ? &c->in_flight : &c->to_resend, g);
	if (g->flags & TCP_SEG_RTX)
		c->rtx_bytes -= g->bytes;
	if (g->flags & TCP_SEG_LOST)
		c->lost_bytes -= g->bytes;
	g->flags &= (uint8_t)~(TCP_SEG_LOST | TCP_SEG_RTX);
}

void tcp_seg_sent_again(struct tcp_conn *c, struct tcp_seg *g)
{
	pool_ring_remove(tcp_segs_by_time(c), tcp_seg_in_flight(g) ? &c->in_flight : &c->to_resend, g);
	g->sent_us = c->stack->now_us;
	if ((g->flags & (TCP_SEG_LOST | TCP_SEG_RTX)) == TCP_SEG_LOST) {
		g->flags |= TCP_SEG_RTX;
		c->rtx_bytes += g->bytes;
	}
	g->flags |= TCP_SEG_EVER_RTX;
	pool_ring_append(tcp_segs_by_time(c), &c->in_flight, g);
	tcp_rate_sent(c, g, tcp_flight(c));
}

/* Without SACK the hole is always the first segment. */
static void mark_first(struct tcp_conn *c)
{
	struct tcp_seg *g = tcp_seg_first(c), *after = NULL;

	if (!g || (g->flags & (TCP_SEG_LOST | TCP_SEG_SACKED)))
		return;
	if (tcp_seg_data(g) > c->mss && !(g->flags & TCP_SEG_PROBE))
		tcp_sndq_split(c, g, c->mss);
	tcp_seg_lost(c, g, &after);
}

/* Each duplicate says that one segment left the network: an estimate in place of SACK. */
static void reno_estimate(struct tcp_conn *c)
{
	uint32_t flight = tcp_flight(c), most = flight > c->lost_bytes ? flight - c->lost_bytes : 0;

	c->sacked_bytes = RTE_MIN((uint32_t)c->dupacks * c->mss, most);
}

/* @flight_bytes: outstanding before the acknowledgment; @sacked_bytes: of these, SACKed before it. */
static void enter_recovery(struct tcp_conn *c, uint32_t flight_bytes, uint32_t sacked_bytes)
{
	tcp_undo_begin(c);
	tcp_cc_lost(c, flight_bytes);
	c->ca_state = TCP_CA_RECOVERY;
	c->recovery_point = c->snd_nxt;
	c->rtx_forced = true;
	tcp_prr_begin(c, flight_bytes - RTE_MIN(sacked_bytes, flight_bytes));
	count_event(c->stack->config.counters, EVENT_TCP_FAST_RECOVERY);
}

/* RFC 6582 section 3.2 step 2: duplicates of an acknowledgment that reaches just to `recover` may be answers to our own. */
static bool reno_may_enter(const struct tcp_conn *c)
{
	return c->ca_state == TCP_CA_OPEN && c->dupacks >= TCP_DUP_THRESH && seq_gt(c->snd_una, c->recovery_point);
}

/* Returns DeliveredData of RFC 9937: a segment for each duplicate, taken off again where an acknowledgment covers it. */
static uint32_t reno_ack(struct tcp_conn *c, uint32_t acked_bytes, bool duplicate, uint32_t flight_bytes)
{
	uint32_t before = c->sacked_bytes, known;

	if (acked_bytes > 0) {
		uint32_t gone = acked_bytes / c->mss;

		/* A partial acknowledgment (RFC 6582 step 3): the next hole is the new first one. */
		if (c->ca_state == TCP_CA_RECOVERY && tcp_flight(c) > 0) {
			c->dupacks = (uint8_t)(c->dupacks >= gone ? c->dupacks - gone + (gone > 0) : 0);
			mark_first(c);
			c->rtx_forced = true;
		} else {
			c->dupacks = 0;
		}
	} else if (duplicate && c->dupacks < UINT8_MAX) {
		c->dupacks++;
	}
	if (reno_may_enter(c)) {
		mark_first(c);
		enter_recovery(c, flight_bytes, before);
	}
	reno_estimate(c);
	known = acked_bytes + c->sacked_bytes;
	return known > before ? known - before : 0;
}

/* True: something was found lost. */
static bool sack_ack(struct tcp_conn *c, const struct tcp_acked *acked, uint32_t flight_bytes, bool left)
{
	uint32_t lost;

	if (acked->bytes > 0 && c->ca_state == TCP_CA_OPEN)
		c->dupacks = 0;
	if (acked->sacked_bytes > 0 && c->dupacks < UINT8_MAX)
		c->dupacks++;
	/* Nothing new: a probe stays due when it was. */
	if (acked->new_bytes == 0 && c->tlp_armed)
		return false;
	tcp_rack_update(c, acked);
	lost = tcp_rack_detect(c);
	/* What was sent and lost in a recovery that has just ended is a new loss, too. */
	if ((lost > 0 || (left && c->lost_bytes > 0)) && c->ca_state == TCP_CA_OPEN)
		enter_recovery(c, flight_bytes, c->sacked_bytes + acked->bytes - acked->new_bytes);
	return lost > 0;
}

static void leave(struct tcp_conn *c)
{
	/* RFC 6582 step 3: no burst from a window that nothing fills, unless pacing prevents it. */
	if (!tcp_cc_recovered(c) && c->ca_state == TCP_CA_RECOVERY)
		c->cwnd = c->pacing_rate > 0 ? c->ssthresh
			: RTE_MIN(c->ssthresh, RTE_MAX(tcp_flight(c), 1u * c->mss) + 3u * c->mss);
	c->ca_state = TCP_CA_OPEN;
	tcp_rack_recovered(c);
	c->rtx_forced = false;
	c->frto = TCP_FRTO_OFF;
	c->dupacks = 0;
	if (!c->sack_ok)
		c->sacked_bytes = 0;
}

/* What was to be sent again is only late: it is in flight as before, in the order of sending. */
static void not_lost(struct tcp_conn *c)
{
	struct pool_rings by_time = tcp_segs_by_time(c);

	while (c->to_resend) {
		struct tcp_seg *g = pool_ring_last(by_time, c->to_resend), *at = tcp_seg_oldest(c), *next;

		pool_ring_remove(by_time, &c->to_resend, g);
		g->flags &= (uint8_t)~TCP_SEG_LOST;
		c->lost_bytes -= g->bytes;
		if (!at || g->sent_us <= at->sent_us) {
			pool_ring_prepend(by_time, &c->in_flight, g);
			continue;
		}
		while ((next = pool_ring_next(by_time, c->in_flight, at)) != NULL && next->sent_us < g->sent_us)
			at = next;
		pool_ring_insert_after(by_time, at, g);
	}
}

/* RFC 4015: all as it was before the recovery that there was no reason for. */
static void take_back(struct tcp_conn *c, const struct tcp_acked *acked)
{
	bool timed_out = c->ca_state == TCP_CA_LOSS;

	if (timed_out) {
		not_lost(c);
		c->backoff = 0;
		/* Section 3.2 step 7: the path's round trip has grown, so the time-out must; it starts from here. */
		if (acked->has_ecr) {
			c->srtt_us = 0;
			tcp_rtt_sample(c, (tcp_ts_now(c) - acked->ts_ecr) * 1000);
		}
	}
	tcp_cc_undo(c);
	c->ca_state = TCP_CA_OPEN;
	c->undo_on = false;
	c->frto = TCP_FRTO_OFF;
	c->rtx_forced = false;
	c->dupacks = 0;
	if (!c->sack_ok)
		c->sacked_bytes = 0;
	count_event(c->stack->config.counters, EVENT_TCP_UNDO);
}

void tcp_recovery_ack(struct tcp_conn *c, const struct tcp_acked *acked, bool duplicate, uint32_t flight_bytes)
{
	uint32_t delivered = acked->new_bytes;
	bool left, lost = false;

	if (tcp_undo_proved(c, acked, duplicate))
		take_back(c, acked);
	left = c->ca_state != TCP_CA_OPEN && acked->bytes > 0 && seq_geq(c->snd_una, c->recovery_point);
	if (left)
		leave(c);
	if (c->sack_ok)
		lost = sack_ack(c, acked, flight_bytes, left);
	else
		delivered = reno_ack(c, acked->bytes, duplicate, flight_bytes);
	tcp_prr_update(c, delivered, acked->bytes > 0 && !lost);
	if (acked->bytes > 0)
		tcp_tlp_arm(c);
	if (acked->bytes > 0 && c->ca_state != TCP_CA_RECOVERY)
		tcp_cc_acked(c, acked->bytes);
}

void tcp_recovery_dsack(struct tcp_conn *c, const struct tcp_range *dup)
{
	static const struct tcp_acked nothing;

	if (tcp_undo_dsack(c, dup))
		take_back(c, &nothing);
	/* Without a retransmission the network made the copy: it tells nothing about reordering. */
	if (c->retransmits > 0 && !(c->tlp_out && c->tlp_again))
		tcp_rack_dsack(c);
}

void tcp_recovery_reordering_timeout(struct tcp_conn *c)
{
	if (tcp_rack_detect(c) > 0 && c->ca_state == TCP_CA_OPEN)
		enter_recovery(c, tcp_flight(c), c->sacked_bytes);
	tcp_prr_update(c, 0, false);
}

/* Without SACK nothing tells what arrived: all of it is to be sent again. */
static void reno_timed_out(struct tcp_conn *c)
{
	struct tcp_seg *after = NULL;

	c->sacked_bytes = 0;
	while (c->in_flight)
		tcp_seg_lost(c, tcp_seg_oldest(c), &after);
}

void tcp_recovery_timeout(struct tcp_conn *c)
{
	struct tcp_seg *g = tcp_seg_first(c);

	/* The peer SACKed the very segment it is missing: it has dropped it since. */
	if (g->flags & TCP_SEG_SACKED)
		tcp_sack_forget(c);
	c->dupacks = 0;
	if (c->ca_state == TCP_CA_OPEN)
		tcp_undo_begin(c);
	/* RFC 5682 section 2.1 step 1: not when the last time-out's window isn't done with. */
	c->frto = c->ca_state == TCP_CA_LOSS ? TCP_FRTO_OFF : TCP_FRTO_FIRST;
	/* RFC 5681 section 3.1: ssthresh isn't cut again for a retransmission lost again. */
	if (c->ca_state != TCP_CA_LOSS)
		tcp_cc_timed_out(c, tcp_flight(c));
	else
		c->cwnd = c->mss;
	if (c->sack_ok)
		tcp_rack_timed_out(c);
	else
		reno_timed_out(c);
	c->ca_state = TCP_CA_LOSS;
	c->recovery_point = c->snd_nxt;
	c->rtx_forced = true;
	tcp_rtt_backoff(c);
	count_event(c->stack->config.counters, EVENT_TCP_RTO);
}
