/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_tlp.h"

#include <rte_common.h>

#include "tcp_cc.h"
#include "tcp_hdr.h"
#include "tcp_output.h"
#include "tcp_rtt.h"
#include "tcp_timer.h"

#define TLP_MAX_ACK_DELAY_US 200000u	/* WCDelAckT of section 7.2 */
#define TLP_NO_RTT_US 1000000u
#define TLP_MIN_US 10000ul		/* on a short path two round trips are a pause of the peer's scheduler */

static bool may_probe(const struct tcp_conn *c)
{
	return c->sack_ok && c->ca_state == TCP_CA_OPEN && c->sacked_bytes == 0 && !c->to_resend &&
	       !c->tlp_out && tcp_flight(c) > 0;
}

void tcp_tlp_arm(struct tcp_conn *c)
{
	uint64_t pto_us = c->srtt_us > 0 ? RTE_MAX(2u * (uint64_t)c->srtt_us, TLP_MIN_US) : TLP_NO_RTT_US, rto_due_us;

	/* The reordering timer is on: something was overtaken, RACK has its own deadline. */
	if (!may_probe(c) || (tcp_timer_on(c, TCP_T_RACK) && !c->tlp_armed))
		return;
	/* Its acknowledgment may wait for a second segment. */
	if (tcp_flight(c) <= c->mss)
		pto_us += TLP_MAX_ACK_DELAY_US;
	if (tcp_timer_on(c, TCP_T_RTX)) {
		rto_due_us = tcp_timer_due_us(c, TCP_T_RTX);
		if (rto_due_us < c->stack->now_us + pto_us)
			pto_us = rto_due_us > c->stack->now_us ? rto_due_us - c->stack->now_us : 0;
	}
	tcp_timer_set(c, TCP_T_RACK, pto_us);
	c->tlp_armed = true;
}

void tcp_tlp_timeout(struct tcp_conn *c)
{
	bool again;

	c->tlp_armed = false;
	/* One probe for each measured round trip: else the time-out, which backs off, decides. */
	if (!may_probe(c) || !c->tlp_rtt)
		return;
	c->undo_on = false;
	if (!tcp_output_tail(c, &again))
		return;
	c->tlp_out = true;
	c->tlp_again = again;
	c->tlp_rtt = false;
	c->undo.tlp_end_seq = c->snd_nxt;
	c->tlp_armed = false;
	tcp_timer_off(c, TCP_T_RACK);
	tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
	count_event(c->stack->config.counters, EVENT_TCP_TAIL_PROBE);
}

void tcp_tlp_ack(struct tcp_conn *c, const struct tcp_range *dup, bool plain)
{
	if (!c->tlp_out || seq_lt(c->snd_una, c->undo.tlp_end_seq))
		return;
	if (c->tlp_again && seq_leq(c->snd_una, c->undo.tlp_end_seq) && !(dup && dup->end == c->undo.tlp_end_seq) && !plain)
		return;
	/* The probe mended a loss that nothing else has noticed: congestion all the same. */
	if (c->tlp_again && seq_gt(c->snd_una, c->undo.tlp_end_seq) && !(dup && dup->end == c->undo.tlp_end_seq))
		tcp_cc_lost(c, tcp_flight(c));
	c->tlp_out = false;
}
