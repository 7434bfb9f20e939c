/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_timer.h"

#include <rte_common.h>

#include "tcp_close.h"
#include "tcp_keepalive.h"
#include "tcp_list.h"
#include "tcp_output.h"
#include "tcp_pmtu.h"
#include "tcp_recovery.h"
#include "tcp_rtt.h"
#include "tcp_table.h"
#include "tcp_tlp.h"
#include "tcp_uto.h"

/*
 * Only pacing needs the wheel's finest step. All else waits for a whole millisecond or
 * so, in company: it must not wake a sleeping worker more often.
 */
static uint64_t wake_us(const struct tcp_conn *c, enum tcp_deadline which)
{
	uint64_t due_us = tcp_timer_due_us(c, which);

	return which == TCP_T_OUTPUT ? due_us : RTE_ALIGN_CEIL(due_us, (uint64_t)TCP_TIMER_COARSE_US);
}

static uint64_t first_deadline(const struct tcp_conn *c)
{
	uint64_t first = UINT64_MAX;

	for (unsigned int i = 0; i < TCP_T_COUNT; i++)
		if (tcp_timer_on(c, i))
			first = RTE_MIN(first, wake_us(c, i));
	return first;
}

void tcp_timer_update(struct tcp_conn *c)
{
	uint64_t first = first_deadline(c);

	if (first == UINT64_MAX)
		return;
	if (!wheel_armed(&c->timer) || first < wheel_due_us(&c->stack->wheel, &c->timer))
		wheel_arm(&c->stack->wheel, &c->timer, first);
}

void tcp_timer_stop(struct tcp_conn *c)
{
	for (unsigned int i = 0; i < TCP_T_COUNT; i++)
		tcp_timer_off(c, i);
	if (wheel_armed(&c->timer))
		wheel_cancel(&c->stack->wheel, &c->timer);
}

/* Nobody answers: give up at a deadline that only progress moves (RFC 9293 3.8.3). */
static void begin_user_timeout(struct tcp_conn *c)
{
	if (!tcp_timer_on(c, TCP_T_LIFE))
		tcp_timer_set(c, TCP_T_LIFE, tcp_uto_us(c));
}

/*
 * R1 is reached (RFC 9293 3.8.3, MUST-20): perhaps it isn't the peer. A client that has sent only a SYN
 * has never been shown to exist: what it doesn't answer says nothing about the way to it.
 */
static void advise_ip(struct tcp_conn *c)
{
	if (c->backoff >= TCP_R1 && !(c->passive && c->state == TCPS_SYN_RCVD))
		neigh_advise_bad(c->stack, &c->hop, &c->tuple.faddr);
}

static void syn_timeout(struct tcp_conn *c)
{
	c->ecn_ask = false;	/* what asks may be dropped (RFC 3168 6.1.1.1) */
	if (tcp_output_syn(c)) {
		c->retransmits++;
		count_event(c->stack->config.counters, EVENT_TCP_RETRANSMIT);
		tcp_rtt_backoff(c);
		tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
	} else {
		tcp_timer_set(c, TCP_T_RTX, TCP_RETRY_US);
	}
}

/* Zero-window probe, or what a small window takes. A peer that answers may keep it closed for ever (RFC 9293 3.8.6.1). */
static void persist(struct tcp_conn *c)
{
	if (seq_gt(c->snd_una + c->snd_wnd, c->snd_nxt))
		tcp_output_override(c);
	if (tcp_flight(c) > 0)
		return;
	begin_user_timeout(c);
	if (tcp_output_probe(c)) {
		count_event(c->stack->config.counters, EVENT_TCP_ZERO_WINDOW_PROBE);
		tcp_rtt_backoff(c);
		tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
	} else {
		tcp_timer_set(c, TCP_T_RTX, TCP_RETRY_US);
	}
}

static void rtx_timeout(struct tcp_conn *c)
{
	if (!tcp_synchronized(c)) {
		syn_timeout(c);
		advise_ip(c);
	} else if (tcp_flight(c) > 0) {
		begin_user_timeout(c);
		tcp_pmtu_timed_out(c);
		tcp_recovery_timeout(c);
		tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
		advise_ip(c);
	} else if (c->snd_unsent > 0 || (c->fin_wanted && !c->fin_sent)) {
		persist(c);
	}
}

static void life_timeout(struct tcp_conn *c)
{
	switch (c->state) {
	case TCPS_SYN_SENT:
		tcp_conn_end(c, TCP_TIMED_OUT);
		break;
	case TCPS_TIME_WAIT:
		tcp_conn_end(c, 0);
		break;
	case TCPS_SYN_RCVD:
	case TCPS_FIN_WAIT_2:
		tcp_conn_end(c, TCP_TIMED_OUT);
		break;
	default:
		count_event(c->stack->config.counters, EVENT_TCP_TIMED_OUT);
		tcp_output_rst(c);
		tcp_conn_end(c, TCP_TIMED_OUT);
		break;
	}
}

static bool due(struct tcp_conn *c, enum tcp_deadline which)
{
	if (!tcp_timer_on(c, which) || tcp_timer_due_us(c, which) > c->stack->now_us)
		return false;
	tcp_timer_off(c, which);
	return true;
}

static void fire(struct wheel_timer *t, uint64_t now_us)
{
	struct tcp_conn *c = container_of(t, struct tcp_conn, timer);
	bool output = false;

	(void)now_us;
	if (due(c, TCP_T_LIFE)) {
		life_timeout(c);	/* it may be gone */
		return;
	}
	if (due(c, TCP_T_KEEP) && tcp_keepalive_due(c))
		return;
	/* Before the time-out, which a probe at the same time puts off. */
	if (due(c, TCP_T_RACK)) {
		if (c->tlp_armed)
			tcp_tlp_timeout(c);
		else
			tcp_recovery_reordering_timeout(c);
		output = true;
	}
	if (due(c, TCP_T_RTX)) {
		rtx_timeout(c);
		output = true;
	}
	if (due(c, TCP_T_ACK)) {
		c->ack_now = true;
		output = true;
	}
	if (due(c, TCP_T_OUTPUT))
		output = true;
	if (output)
		tcp_list_output(c);
	tcp_timer_update(c);
}

void tcp_timer_init(struct tcp_conn *c)
{
	wheel_timer_init(&c->timer, fire);
}
