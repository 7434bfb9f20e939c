/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Congestion control: how cwnd moves. When to send, what is lost and when recovery
 * begins and ends is decided elsewhere (tcp_output.c, tcp_recovery.c); an algorithm
 * sees four occasions. Windows are in bytes.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

struct tcp_cc {
	const char *name;
	/* New data was acknowledged, outside of fast recovery, while cwnd was the limit. */
	void (*acked)(struct tcp_conn *c, uint32_t bytes);
	/* Fast recovery begins with @flight_bytes in flight: set ssthresh. */
	void (*lost)(struct tcp_conn *c, uint32_t flight_bytes);
	/* A retransmission time-out, after lost: the path may be another one now. NULL: nothing more to do. */
	void (*timed_out)(struct tcp_conn *c);
};

extern const struct tcp_cc tcp_cc_newreno;	/* RFC 5681, 6582 */
extern const struct tcp_cc tcp_cc_cubic;	/* RFC 9438 */

/* The one in use. */
const struct tcp_cc *tcp_cc(const struct tcp_conn *c);

/* RFC 6928: 10 segments, 14600 bytes at most when segments are large. */
uint32_t tcp_cc_initial_window(const struct tcp_conn *c);
/* mss is known: cwnd and ssthresh at their start values. */
void tcp_cc_init(struct tcp_conn *c);
void tcp_cc_acked(struct tcp_conn *c, uint32_t bytes);
void tcp_cc_lost(struct tcp_conn *c, uint32_t flight_bytes);
void tcp_cc_timed_out(struct tcp_conn *c, uint32_t flight_bytes);
/* Sending begins after a pause longer than the time-out (RFC 5681 section 4.1). */
void tcp_cc_restart(struct tcp_conn *c);

/* Slow start (RFC 5681 section 3.1). Returns what is left of @bytes once ssthresh is reached. */
uint32_t tcp_cc_slow_start(struct tcp_conn *c, uint32_t bytes);
