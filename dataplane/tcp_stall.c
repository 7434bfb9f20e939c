/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_stall.h"

#include "tcp_close.h"
#include "tcp_output.h"
#include "tcp_rcvq.h"

/* Looked at in one turn: bounded work. */
#define TRIM_MAX 8u

static bool older(const struct stack *s, const struct rte_mbuf *m, uint64_t us)
{
	return m && tcp_stall_stamp(s) - m->hash.usr > us >> 16;
}

static void look(struct tcp_conn *c)
{
	struct stack *s = c->stack;

	/* What nobody owns any more has an end of its own (tcp_orphan.h). */
	if (c->released || !tcp_synchronized(c))
		return;
	if (older(s, c->snd_head, TCP_STALL_US)) {
		count_event(s->config.counters, EVENT_TCP_STALLED);
		tcp_output_rst(c);
		tcp_conn_end(c, TCP_STALLED);
	} else if (c->ooo && older(s, c->ooo->blocks[0].head, TCP_HOLE_US)) {
		count_event(s->config.counters, EVENT_TCP_RENEGED);
		tcp_rcvq_renege(c);
	}
}

void tcp_stall_trim(struct stack *s)
{
	struct tcp_stack *t = &s->tcp;

	for (unsigned int i = 0; i < TRIM_MAX && !mbuf_reserve_allows(&s->reserve, MBUF_USE_QUEUE); i++) {
		struct tcp_conn *c = pool_at(&t->conns, t->stall_cursor);

		t->stall_cursor = (t->stall_cursor + 1) % t->conns.capacity;
		if (c)
			look(c);
	}
}
