/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_list.h"

#include "tcp_orphan.h"

static bool owned(const struct tcp_conn *c)
{
	return !c->released && !(c->passive && c->state == TCPS_SYN_RCVD);
}

void tcp_list_ready_leave(struct tcp_conn *c)
{
	struct tcp_stack *t = &c->stack->tcp;

	if (c->in_ready)
		TAILQ_REMOVE(&t->ready, c, ready_link);
	if (c->in_woken)
		TAILQ_REMOVE(&t->woken, c, ready_link);
	c->in_ready = c->in_woken = false;
}

void tcp_notify(struct tcp_conn *c, uint32_t events)
{
	if (!owned(c))
		return;
	c->events = (uint8_t)(c->events | events);
	if (c->in_ready)
		return;
	tcp_list_ready_leave(c);
	TAILQ_INSERT_TAIL(&c->stack->tcp.ready, c, ready_link);
	c->in_ready = true;
}

void tcp_list_woken(struct tcp_conn *c)
{
	if (c->in_ready || c->in_woken)
		return;
	TAILQ_INSERT_TAIL(&c->stack->tcp.woken, c, ready_link);
	c->in_woken = true;
}

void tcp_lists_turn(struct tcp_stack *t)
{
	struct tcp_conn *c;

	TAILQ_FOREACH(c, &t->woken, ready_link) {
		c->in_woken = false;
		c->in_ready = true;
	}
	TAILQ_CONCAT(&t->ready, &t->woken, ready_link);
}

void tcp_list_output(struct tcp_conn *c)
{
	if (c->in_output)
		return;
	TAILQ_INSERT_TAIL(&c->stack->tcp.output, c, output_link);
	c->in_output = true;
}

void tcp_list_half_open(struct tcp_conn *c)
{
	TAILQ_INSERT_TAIL(&c->stack->tcp.half_open, c, age_link);
	c->in_half_open = true;
	c->stack->tcp.n_half_open++;
}

void tcp_list_half_open_leave(struct tcp_conn *c)
{
	if (!c->in_half_open)
		return;
	TAILQ_REMOVE(&c->stack->tcp.half_open, c, age_link);
	c->in_half_open = false;
	c->stack->tcp.n_half_open--;
}

void tcp_list_time_wait(struct tcp_conn *c)
{
	if (c->in_time_wait)
		return;
	tcp_orphan_leave(c);
	TAILQ_INSERT_TAIL(&c->stack->tcp.time_wait, c, age_link);
	c->in_time_wait = true;
	c->stack->tcp.n_time_wait++;
}

void tcp_lists_leave(struct tcp_conn *c)
{
	struct tcp_stack *t = &c->stack->tcp;

	tcp_list_ready_leave(c);
	tcp_list_half_open_leave(c);
	tcp_orphan_leave(c);
	if (c->in_output)
		TAILQ_REMOVE(&t->output, c, output_link);
	if (c->in_time_wait) {
		TAILQ_REMOVE(&t->time_wait, c, age_link);
		t->n_time_wait--;
	}
	c->in_output = c->in_time_wait = false;
}
