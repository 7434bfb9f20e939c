/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How connections end: FIN acknowledged, the peer's FIN, TIME-WAIT, and the one
 * function through which every connection leaves the table (RFC 9293 sections 3.6,
 * 3.10.4, 3.10.7.4).
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

/* Our FIN was acknowledged. True: the connection ended and @c may be gone. */
bool tcp_close_fin_acked(struct tcp_conn *c);
/* The peer's FIN was reached in order. */
void tcp_close_fin_received(struct tcp_conn *c);
/* The user leaves (tcp_release). */
void tcp_close_release(struct tcp_conn *c);
/* Out of the table; the user gets @events, or, when there is none, the memory is free at once: @c is gone. */
void tcp_conn_end(struct tcp_conn *c, uint32_t events);
