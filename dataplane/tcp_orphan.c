/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_orphan.h"

#include <rte_common.h>

#include "tcp_close.h"
#include "tcp_list.h"
#include "tcp_output.h"
#include "tcp_timer.h"

/* Ended in one look: bounded work. */
#define TRIM_MAX 8u

static uint32_t most(const struct stack *s)
{
	return RTE_MAX(s->config.max_conns / TCP_ORPHAN_SHARE, 1u);
}

static uint32_t *ring_of(struct tcp_conn *c)
{
	struct tcp_stack *t = &c->stack->tcp;

	return c->orphan_done ? &t->orphans_done : &t->orphans;
}

void tcp_orphan_leave(struct tcp_conn *c)
{
	if (!c->in_orphans)
		return;
	pool_ring_remove(tcp_conns_by_owner(&c->stack->tcp), ring_of(c), c);
	c->in_orphans = false;
	c->stack->tcp.n_orphans--;
}

static void evict(struct tcp_conn *c)
{
	count_event(c->stack->config.counters, EVENT_TCP_ORPHAN_EVICTED);
	if (!c->orphan_done)
		tcp_output_rst(c);
	tcp_conn_end(c, 0);
}

void tcp_orphans_trim(struct stack *s)
{
	struct tcp_stack *t = &s->tcp;

	for (unsigned int i = 0; i < TRIM_MAX && (!mbuf_reserve_allows(&s->reserve, MBUF_USE_QUEUE) || t->n_orphans > most(s) / 2); i++) {
		struct tcp_conn *c = tcp_list_first(t, t->orphans);

		/* Its life was set when it became an orphan, and only then. */
		if (!c || tcp_timer_due_us(c, TCP_T_LIFE) > s->now_us + TCP_ORPHAN_US - TCP_ORPHAN_PRESSED_US)
			break;
		evict(c);
	}
}

void tcp_orphan_join(struct tcp_conn *c)
{
	struct stack *s = c->stack;
	struct tcp_stack *t = &s->tcp;

	tcp_orphan_leave(c);
	while (t->n_orphans >= most(s)) {
		struct tcp_conn *oldest = tcp_list_first(t, t->orphans_done);

		evict(oldest ? oldest : tcp_list_first(t, t->orphans));
	}
	c->orphan_done = c->state == TCPS_FIN_WAIT_2;
	c->in_orphans = true;
	t->n_orphans++;
	pool_ring_append(tcp_conns_by_owner(t), ring_of(c), c);
	tcp_orphans_trim(s);
}

bool tcp_orphan_make_room(struct stack *s)
{
	struct tcp_stack *t = &s->tcp;
	struct tcp_conn *c = tcp_list_first(t, t->time_wait);

	if (c) {
		count_event(s->config.counters, EVENT_TCP_TIME_WAIT_EVICTED);
		tcp_conn_end(c, 0);
		return true;
	}
	c = tcp_list_first(t, t->orphans_done);
	if (!c)
		c = tcp_list_first(t, t->orphans);
	if (!c)
		return false;
	evict(c);
	return true;
}
