/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_list.h"

#include <rte_prefetch.h>

#include "tcp_orphan.h"

static bool owned(const struct tcp_conn *c)
{
	return !c->released && !(c->passive && c->state == TCPS_SYN_RCVD);
}

void tcp_list_ready_leave(struct tcp_conn *c)
{
	struct tcp_stack *t = &c->stack->tcp;

	if (c->in_ready)
		pool_ring_remove(tcp_conns_by_owner(t), &t->ready, c);
	if (c->in_woken)
		pool_ring_remove(tcp_conns_by_owner(t), &t->woken, c);
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
	pool_ring_append(tcp_conns_by_owner(&c->stack->tcp), &c->stack->tcp.ready, c);
	c->in_ready = true;
	/* Before the turn is over its user hears of it, and an acknowledgment is sent or put off. */
	rte_prefetch0(c->user);
	wheel_ahead(&c->timer);
}

void tcp_list_woken(struct tcp_conn *c)
{
	if (c->in_ready || c->in_woken)
		return;
	pool_ring_append(tcp_conns_by_owner(&c->stack->tcp), &c->stack->tcp.woken, c);
	c->in_woken = true;
}

void tcp_lists_turn(struct tcp_stack *t)
{
	struct pool_rings by_owner = tcp_conns_by_owner(t);

	for (struct tcp_conn *c = tcp_list_first(t, t->woken); c; c = pool_ring_next(by_owner, t->woken, c)) {
		c->in_woken = false;
		c->in_ready = true;
	}
	pool_ring_concat(by_owner, &t->ready, &t->woken);
}

void tcp_list_output(struct tcp_conn *c)
{
	if (c->in_output)
		return;
	pool_ring_append(tcp_conns_by_output(&c->stack->tcp), &c->stack->tcp.output, c);
	c->in_output = true;
}

static void output_leave(struct tcp_conn *c)
{
	struct tcp_stack *t = &c->stack->tcp;

	if (c->in_output)
		pool_ring_remove(tcp_conns_by_output(t), &t->output, c);
	c->in_output = false;
}

struct tcp_conn *tcp_list_output_next(struct tcp_stack *t)
{
	struct tcp_conn *c = pool_ring_object(tcp_conns_by_output(t), t->output);

	if (c)
		output_leave(c);
	return c;
}

/* Behind the others of its kind, which are older. */
static void join_old(struct tcp_conn *c, uint32_t *ring)
{
	ASSERT(!c->in_ready && !c->in_woken);
	pool_ring_append(tcp_conns_by_owner(&c->stack->tcp), ring, c);
}

static void leave_old(struct tcp_conn *c, uint32_t *ring)
{
	pool_ring_remove(tcp_conns_by_owner(&c->stack->tcp), ring, c);
}

void tcp_list_half_open(struct tcp_conn *c)
{
	join_old(c, &c->stack->tcp.half_open);
	c->in_half_open = true;
	c->stack->tcp.n_half_open++;
}

void tcp_list_half_open_leave(struct tcp_conn *c)
{
	if (!c->in_half_open)
		return;
	leave_old(c, &c->stack->tcp.half_open);
	c->in_half_open = false;
	c->stack->tcp.n_half_open--;
}

void tcp_list_time_wait(struct tcp_conn *c)
{
	if (c->in_time_wait)
		return;
	tcp_orphan_leave(c);
	join_old(c, &c->stack->tcp.time_wait);
	c->in_time_wait = true;
	c->stack->tcp.n_time_wait++;
}

void tcp_lists_leave(struct tcp_conn *c)
{
	struct tcp_stack *t = &c->stack->tcp;

	tcp_list_ready_leave(c);
	tcp_list_half_open_leave(c);
	tcp_orphan_leave(c);
	output_leave(c);
	if (c->in_time_wait) {
		leave_old(c, &t->time_wait);
		t->n_time_wait--;
	}
	c->in_time_wait = false;
}
