/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receive window: what is promised to the peer, and when it is told.
 *
 * It begins small and grows with what comes and doesn't stay with the user, measured
 * in rounds of a round trip, up to the configured bound. A peer in slow start sends
 * twice as much in the round that follows, and by its end is told to send twice that;
 * one that the window held up would send all at once when it opens, into queues that
 * can't hold it. So the buffer is four times what a round brought. Early data counts:
 * while a hole is mended the peer needs a window of more than the flight.
 *
 * A user who takes little, like a splice with a slow client, thereby keeps the window
 * of his peer small; and one with whom data waits through the whole of a round has it
 * shrink, by half of the least that waited: the peer fills whatever is promised, so that
 * much only stands in the queue, and by the time it is read no cache has it any more. What
 * shrank grows again by quarters. That is, less is promised anew: a promise
 * is never taken back (RFC 9293 3.8.6). When packet buffers run low (mbuf_reserve.h)
 * the buffer doesn't grow, and then no more than the least is promised.
 *
 * The round trip is the shortest that the peer's timestamps show within the round: its
 * echo of an old acknowledgment looks long, that of a fresh one right. Without
 * timestamps it is what our own data measured.
 *
 * Order of calls: tcp_window_init once rcv_nxt and rcv_wscale are known; tcp_window_stamp
 * for each segment with data; tcp_window_round when the user took some, or some came early.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

/* The scale that lets the window field promise @buffer_bytes (RFC 7323 section 2). */
uint8_t tcp_window_scale(uint32_t buffer_bytes);
void tcp_window_init(struct tcp_conn *c);
/* RCV.BUFF now, in bytes. */
uint32_t tcp_window_buffer(const struct tcp_conn *c);
/* The timestamp that a segment with data echoes (RFC 7323 section 3.2). */
void tcp_window_stamp(struct tcp_conn *c, uint32_t ts_ecr);
/* The user took data, or some came early: is the round over, and may the buffer grow? */
void tcp_window_round(struct tcp_conn *c);

/* The window of a SYN or SYN-ACK, which is never scaled (RFC 7323 section 2.2). */
uint16_t tcp_window_syn(const struct tcp_conn *c);
/* The window field of a segment that is about to leave. Moves rcv_adv. */
uint16_t tcp_window_advertise(struct tcp_conn *c);
/* Is there so much more room that the peer should be told at once (RFC 9293 3.8.6.2.2)? */
bool tcp_window_grew(const struct tcp_conn *c);
