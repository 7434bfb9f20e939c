/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receive window: what is promised to the peer, and when it is told.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

/* The scale that lets the window field promise @buffer_bytes (RFC 7323 section 2). */
uint8_t tcp_window_scale(uint32_t buffer_bytes);
/* The window of a SYN or SYN-ACK, which is never scaled (RFC 7323 section 2.2). */
uint16_t tcp_window_syn(const struct tcp_conn *c);
/* The window field of a segment that is about to leave. Moves rcv_adv. */
uint16_t tcp_window_advertise(struct tcp_conn *c);
/* Is there so much more room that the peer should be told at once (RFC 9293 3.8.6.2.2)? */
bool tcp_window_grew(const struct tcp_conn *c);
