/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Orphans: connections that the user has released and whose peer hasn't yet taken
 * all that was sent, or hasn't closed. RFC 9293 section 3.6 lets them wait for as
 * long as the peer answers, which would be an invitation to fill the table; so they
 * are kept by age, and the oldest gives way: when the table is full, when they are
 * more than a share of it, and, past a shorter life, when packet buffers run low.
 * Of those that have nothing left to lose (FIN-WAIT-2) one goes first. One with
 * data outstanding is reset: what was cut must not look whole to the peer.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

/* @c was released, or its FIN acknowledged since: to the end of its state's list. May end other orphans. */
void tcp_orphan_join(struct tcp_conn *c);
void tcp_orphan_leave(struct tcp_conn *c);
/* Ends one released connection, TIME-WAIT first, for a new one. False: there is none. */
bool tcp_orphan_make_room(struct stack *s);
/* Packet buffers run low, or orphans are many: the old ones go, a bounded number at a time. */
void tcp_orphans_trim(struct stack *s);
