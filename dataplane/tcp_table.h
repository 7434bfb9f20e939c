/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker's connections by tuple: a chained hash table, keyed with SipHash so
 * that nobody outside can aim at one chain, sized at start so that a chain's
 * expected length stays below one. TIME-WAIT is bounded by the same pool: when it
 * is empty, the oldest connection in TIME-WAIT makes room.
 *
 * Threads: the stack's worker.
 * Ownership: tcp_conn_new gives a connection, tcp_conn_free takes it back.
 */
#pragma once

#include "tcp_conn.h"

/* 0, or -ENOMEM. */
int tcp_table_init(struct tcp_stack *t, uint32_t max_conns);
void tcp_table_fini(struct tcp_stack *t);

/* Borrows. */
struct tcp_conn *tcp_lookup(const struct stack *s, const struct tuple *tuple);
/* Has what tcp_lookup and segments of these @n (<= TCP_AHEAD_MAX) tuples need fetched into the cache (tcp_ahead.h). */
void tcp_table_ahead(const struct stack *s, const struct tuple *tuples, unsigned int n);

/* A zeroed connection in the table, TCPS_CLOSED, its timer initialised; NULL when full. */
struct tcp_conn *tcp_conn_new(struct stack *s, const struct tuple *tuple);
/* Takes it out of the table: its tuple may be used again. Harmless when it is out already. */
void tcp_table_remove(struct tcp_conn *c);
/* Out of the table, all lists and the wheel; queues must be empty. */
void tcp_conn_free(struct tcp_conn *c);

/* 64 random bits of the stack's own generator (SipHash in counter mode). */
uint64_t tcp_random(struct stack *s);
