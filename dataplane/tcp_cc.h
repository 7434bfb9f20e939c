/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Congestion control: how cwnd and the pacing rate move. When to send, what is lost
 * and when recovery begins and ends is decided elsewhere (tcp_output.c, tcp_pace.c,
 * tcp_recovery.c); an algorithm sees the occasions below. Windows are in bytes.
 *
 * There are two kinds. One moves a window by what is acknowledged and lost (CUBIC,
 * NewReno): it sets ssthresh at a loss, and recovery brings cwnd there. The other
 * keeps a model of the path from rate samples (BBR): `sampled` is set, and cwnd is
 * its own business, in recovery too.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

struct tcp_rate_sample;
struct tcp_seg;

struct tcp_cc {
	const char *name;
	/* The connection is established, with mss and perhaps a round-trip time. NULL: nothing to do. */
	void (*init)(struct tcp_conn *c);
	/* Window: new data was acknowledged, outside of fast recovery, while cwnd was the limit. */
	void (*acked)(struct tcp_conn *c, uint32_t bytes);
	/* Window: fast recovery begins with @flight_bytes in the network: set ssthresh. Model: it begins. */
	void (*lost)(struct tcp_conn *c, uint32_t flight_bytes);
	/* A retransmission time-out, after lost. NULL: nothing more to do. */
	void (*timed_out)(struct tcp_conn *c);
	/* What lost and timed_out did was a mistake: nothing was lost. cwnd and ssthresh are restored already. */
	void (*undo)(struct tcp_conn *c);
	/* Sending begins with nothing in flight; @idle: after a pause longer than the time-out. */
	void (*restart)(struct tcp_conn *c, bool idle);

	/* Model: after each acknowledgment that delivered something or found losses. */
	void (*sampled)(struct tcp_conn *c, const struct tcp_rate_sample *rs);
	/* Model: @g has just been found lost. */
	void (*seg_lost)(struct tcp_conn *c, const struct tcp_seg *g);
	/* Model: all that was outstanding when recovery began is acknowledged. */
	void (*recovered)(struct tcp_conn *c);
};

extern const struct tcp_cc tcp_cc_newreno;	/* RFC 5681, 6582 */
extern const struct tcp_cc tcp_cc_cubic;	/* RFC 9438 */
extern const struct tcp_cc tcp_cc_bbr;		/* draft-ietf-ccwg-bbr */

/* The one in use: the port's choice when the connection began. */
const struct tcp_cc *tcp_cc(const struct tcp_conn *c);

/* RFC 6928: 10 segments, 14600 bytes at most when segments are large. */
uint32_t tcp_cc_initial_window(const struct tcp_conn *c);
/* mss is known: cwnd and ssthresh at their start values. */
void tcp_cc_init(struct tcp_conn *c);
void tcp_cc_acked(struct tcp_conn *c, uint32_t bytes);
void tcp_cc_sampled(struct tcp_conn *c, const struct tcp_rate_sample *rs);
void tcp_cc_seg_lost(struct tcp_conn *c, const struct tcp_seg *g);
void tcp_cc_lost(struct tcp_conn *c, uint32_t flight_bytes);
void tcp_cc_timed_out(struct tcp_conn *c, uint32_t flight_bytes);
/* Window: the peer echoes a mark of congestion; as for a loss (RFC 3168 6.1.2), but nothing is lost, and no undo. */
void tcp_cc_ecn(struct tcp_conn *c, uint32_t flight_bytes);
/* True: the algorithm keeps cwnd itself, nothing else may move it. */
bool tcp_cc_recovered(struct tcp_conn *c);
void tcp_cc_undo(struct tcp_conn *c);
/* Sending begins with nothing in flight; @idle: after a pause longer than the time-out (RFC 5681 section 4.1). */
void tcp_cc_restart(struct tcp_conn *c, bool idle);

/* Does it keep a model, and cwnd itself? Then there is no ssthresh and no PRR. */
static inline bool tcp_cc_models(const struct tcp_conn *c)
{
	return tcp_cc(c)->sampled != NULL;
}

/* Slow start (RFC 5681 section 3.1). Returns what is left of @bytes once ssthresh is reached. */
uint32_t tcp_cc_slow_start(struct tcp_conn *c, uint32_t bytes);
