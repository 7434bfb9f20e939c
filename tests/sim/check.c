/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must be true of every connection after every event. */
#include <rte_common.h>

#include "check.h"

#include "base/assert.h"
#include "stack_private.h"
#include "tcp_conn.h"
#include "tcp_rcvq.h"
#include "tcp_seg_ring.h"
#include "tcp_timer.h"
#include "tcp_undo.h"
#include "tcp_window.h"

static void check_windows(const struct tcp_conn *c)
{
	const struct stack_config *config = &c->stack->config;

	ASSERT(!tcp_synchronized(c) || tcp_window_buffer(c) > 0);
	ASSERT(tcp_window_buffer(c) <= config->rcv_buffer_bytes);
	ASSERT(seq_geq(c->rcv_adv, c->rcv_nxt));
	ASSERT(c->rcv_adv - c->rcv_nxt + c->rcv_bytes <= config->rcv_buffer_bytes);
	ASSERT(seq_leq(c->rcv_acked, c->rcv_nxt));
	ASSERT(seq_leq(c->snd_una, c->snd_nxt));
	ASSERT(!tcp_synchronized(c) || c->cwnd >= c->mss);
	ASSERT(!c->ooo || c->ooo->n > 0);
}

/* Loss recovery: what its states say of each other. (Rings and sums: tcp_sndq_check.) */
static void check_recovery(const struct tcp_conn *c)
{
	ASSERT(c->ca_state == TCP_CA_LOSS || c->frto == TCP_FRTO_OFF);
	ASSERT(c->ca_state == TCP_CA_OPEN || tcp_flight(c) > 0 || !tcp_synchronized(c));
	ASSERT(c->undo.rtx_bytes == 0 || c->undo_sent);
	ASSERT(!tcp_timer_on(c, TCP_T_RACK) || (c->sack_ok && c->in_flight));
	if (c->ca_state != TCP_CA_OPEN && tcp_synchronized(c))
		ASSERT(seq_leq(c->recovery_point, c->snd_nxt) && seq_gt(c->recovery_point, c->snd_una));
}

/* Whatever waits for something waits for a deadline, a packet or the end of the turn, never for nothing. */
static void check_liveness(const struct tcp_conn *c)
{
	const struct wheel *wheel = &c->stack->wheel;
	bool retry = tcp_timer_on(c, TCP_T_OUTPUT) || c->in_output;
	bool unsent = c->snd_unsent > 0 || (c->fin_wanted && !c->fin_sent);
	bool sending = c->state == TCPS_SYN_SENT || c->state == TCPS_SYN_RCVD ||
		       (tcp_synchronized(c) && c->state != TCPS_TIME_WAIT && (tcp_flight(c) > 0 || unsent));

	if (sending)
		ASSERT(tcp_timer_on(c, TCP_T_RTX) || retry);
	if (tcp_synchronized(c) && c->rcv_nxt != c->rcv_acked)
		ASSERT(tcp_timer_on(c, TCP_T_ACK) || retry);
	if (c->released && c->state != TCPS_CLOSED)
		ASSERT(tcp_timer_on(c, TCP_T_LIFE));
	for (unsigned int i = 0; i < TCP_T_COUNT; i++)
		if (tcp_timer_on(c, i))
			ASSERT(wheel_armed(&c->timer) && wheel_due_us(wheel, &c->timer) < tcp_timer_due_us(c, i) + TCP_TIMER_COARSE_US);
	/* Who sleeps until stack_next_us must not sleep too long: one tick of the wheel is allowed. */
	if (wheel_armed(&c->timer))
		ASSERT(stack_next_us(c->stack) <= wheel_due_us(wheel, &c->timer) + wheel->tick_us);
	if (c->state == TCPS_TIME_WAIT)
		ASSERT(c->segs == 0 && c->snd_bytes == 0);
	if (c->events != 0 && !c->released)
		ASSERT(c->in_ready || c->in_woken);
}

void tcp_check(struct stack *s)
{
	const struct tcp_stack *t = &s->tcp;
	uint32_t half_open = 0, time_wait = 0, orphans = 0, segs = 0, ooos = 0, held = 0;

	for (uint32_t i = 0; i < t->conns.capacity; i++) {
		const struct tcp_conn *c = pool_at(&t->conns, i);
		const struct tcp_seg *g;

		if (!c)
			continue;
		tcp_sndq_check(c);
		tcp_rcvq_check(c);
		check_windows(c);
		check_recovery(c);
		held += tcp_rcvq_mbufs(c);
		for (const struct rte_mbuf *m = c->snd_head; m; m = m->next)
			held++;
		check_liveness(c);
		half_open += c->in_half_open;
		time_wait += c->in_time_wait;
		orphans += c->in_orphans;
		ASSERT(c->in_orphans == (c->released && c->state != TCPS_TIME_WAIT));
		ASSERT(!c->in_orphans || c->orphan_done == (c->state == TCPS_FIN_WAIT_2));
		ooos += c->ooo != NULL;
		TCP_SEG_FOREACH(g, c)
			segs++;
		ASSERT(c->in_half_open == (c->state == TCPS_SYN_RCVD && c->passive));
	}
	ASSERT(half_open == t->n_half_open && half_open <= s->config.max_half_open);
	ASSERT(time_wait == t->n_time_wait);
	ASSERT(orphans == t->n_orphans && orphans <= RTE_MAX(s->config.max_conns / TCP_ORPHAN_SHARE, 1u));
	ASSERT(segs == pool_in_use(&t->segs));
	ASSERT(ooos == pool_in_use(&t->ooos) + pool_in_use(&t->ooos_large));
	ASSERT(held == s->reserve.held);
}
