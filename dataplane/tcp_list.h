/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lists that a connection can be in: ready (news for the user), output (may
 * have something to send at the turn's end), half-open, TIME-WAIT. Joining twice
 * is harmless, and so is leaving without having joined.
 *
 * Whom nobody owns has no news: half-open, orphaned and in TIME-WAIT a connection
 * uses the link for its age that is its user's news' otherwise.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

static inline struct pool_rings tcp_conns_by_owner(const struct tcp_stack *t)
{
	return (struct pool_rings){ t->conns.objects, sizeof(struct tcp_conn), offsetof(struct tcp_conn, owner_link) };
}

static inline struct pool_rings tcp_conns_by_output(const struct tcp_stack *t)
{
	return (struct pool_rings){ t->conns.objects, sizeof(struct tcp_conn), offsetof(struct tcp_conn, output_link) };
}

/* The first of one of the stack's rings, output excepted; NULL: empty. */
static inline struct tcp_conn *tcp_list_first(const struct tcp_stack *t, uint32_t ring)
{
	return pool_ring_object(tcp_conns_by_owner(t), ring);
}

/* News for the user: TCP_* of tcp.h. Nothing happens when nobody owns the connection yet or any more. */
void tcp_notify(struct tcp_conn *c, uint32_t events);
/* To be looked at in the next turn. */
void tcp_list_woken(struct tcp_conn *c);
/* Moves the woken ones to the ready list: a new turn. */
void tcp_lists_turn(struct tcp_stack *t);

void tcp_list_output(struct tcp_conn *c);
/* Takes the first that may have something to send; NULL: none. */
struct tcp_conn *tcp_list_output_next(struct tcp_stack *t);
void tcp_list_half_open(struct tcp_conn *c);
void tcp_list_half_open_leave(struct tcp_conn *c);
void tcp_list_time_wait(struct tcp_conn *c);
void tcp_list_ready_leave(struct tcp_conn *c);
void tcp_lists_leave(struct tcp_conn *c);
