/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much the user may queue for sending.
 *
 * What is in flight must be kept until it is acknowledged, and that follows the path:
 * congestion control and the peer's window bound it. Beyond that little is of use,
 * enough that a user who is told of room by acknowledgments never lets the connection
 * run dry when many come at once: a quarter of what is in flight, and two TLS records.
 * So a client with a long fat path may have megabytes queued, and one that reads
 * slowly, or not at all, makes its splice stop reading from the server when two
 * records wait.
 *
 * When packet buffers run low (mbuf_reserve.h) the quarter goes first, then all but a
 * little of the whole.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

/* Bytes that may be queued now. */
uint32_t tcp_room(const struct tcp_conn *c);
/* Is so little left that TCP_WRITABLE is due when there is more? */
bool tcp_room_is_small(const struct tcp_conn *c);
/*
 * Something was acknowledged or sent: tells a user who waits for room. True: there
 * is none for want of buffers, and no acknowledgment will come that says when.
 */
bool tcp_room_news(struct tcp_conn *c);
