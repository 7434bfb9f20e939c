/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The user time-out: how long data may stay unacknowledged before the connection is
 * given up (R2 of RFC 9293 section 3.8.3). The configuration's, or, where it allows
 * that, what both sides agree on by the option of RFC 5482: never less than
 * TCP_UTO_MIN_S, and never more than the configured limit, whatever the peer asks.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

/* Of this connection, in microseconds. */
uint64_t tcp_uto_us(const struct tcp_conn *c);
/* Is the option sent and honoured at all? */
bool tcp_uto_enabled(const struct stack *s);
/* Our own time-out as an option of @o. */
void tcp_uto_put(const struct tcp_conn *c, struct tcp_opts *o);
/* The options of an acceptable segment. */
void tcp_uto_received(struct tcp_conn *c, const struct tcp_opts *o);
