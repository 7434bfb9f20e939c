/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lists that a connection can be in: ready (news for the user), output (may
 * have something to send at the turn's end), half-open, TIME-WAIT. Joining twice
 * is harmless, and so is leaving without having joined.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

/* News for the user: TCP_* of tcp.h. Nothing happens when nobody owns the connection yet or any more. */
void tcp_notify(struct tcp_conn *c, uint32_t events);
/* To be looked at in the next turn. */
void tcp_list_woken(struct tcp_conn *c);
/* Moves the woken ones to the ready list: a new turn. */
void tcp_lists_turn(struct tcp_stack *t);

void tcp_list_output(struct tcp_conn *c);
void tcp_list_half_open(struct tcp_conn *c);
void tcp_list_half_open_leave(struct tcp_conn *c);
void tcp_list_time_wait(struct tcp_conn *c);
void tcp_list_ready_leave(struct tcp_conn *c);
void tcp_lists_leave(struct tcp_conn *c);
