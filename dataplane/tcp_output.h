/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sending: what the send queue, the windows and the marks of recovery allow; pure
 * acknowledgments and window updates when no data carries them. Called at the end
 * of a turn for connections on the output list, so that what a turn wrote and
 * acknowledged leaves together; and by timers.
 *
 * When the mbuf pool is empty nothing is lost: a deadline calls again.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

/* Everything that may be sent now. */
void tcp_output(struct tcp_conn *c);

/* SYN or SYN-ACK, as the state says, first or again. False: no mbuf. */
bool tcp_output_syn(struct tcp_conn *c);
/* An acknowledgment without data, now. False: no mbuf. */
bool tcp_output_ack(struct tcp_conn *c);
/* The same, and it tells that @dup came twice (D-SACK, RFC 2883 section 4). */
bool tcp_output_ack_dup(struct tcp_conn *c, const struct tcp_range *dup);
/* A challenge ACK (RFC 5961), unless the last one was just before: then counted. */
void tcp_output_challenge(struct tcp_conn *c);
/* An acknowledgment of the number before snd_una: the peer must answer (persist and keepalive, RFC 9293 3.8.6.1, 3.8.4). */
bool tcp_output_probe(struct tcp_conn *c);
/* A probe of the flight's end, whatever cwnd says: new data where there is some, else (*again) its last segment. False: it couldn't be sent. */
bool tcp_output_tail(struct tcp_conn *c, bool *again);
/* Unsent data into a window smaller than a segment: SWS avoidance's override (RFC 9293 3.8.6.2.1). */
void tcp_output_override(struct tcp_conn *c);
/* A connection's own RST. */
void tcp_output_rst(struct tcp_conn *c);
/* RST in answer to a segment of no connection (RFC 9293 3.10.7.1), rate-limited. */
void tcp_reply_rst(struct stack *s, const struct ip_info *info, const struct tuple *t, const struct tcp_rx *rx);
