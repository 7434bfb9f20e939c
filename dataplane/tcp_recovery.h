/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From acknowledgments to "lost" and "send again": fast retransmit and recovery by
 * RACK (RFC 8985) with SACK, by duplicate acknowledgments where the peer has none (RFC
 * 6582), and recovery after a time-out. What is to be sent again is a mark on its
 * record (TCP_SEG_LOST without TCP_SEG_RTX) and waits on c->to_resend; tcp_output.c sends it
 * as cwnd allows.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

struct tcp_acked;
struct tcp_range;
struct tcp_seg;

/* Bytes believed to be in the network: RFC 6675's pipe. */
uint32_t tcp_pipe(const struct tcp_conn *c);

/* After an acknowledgment of @acked; @duplicate as RFC 5681 section 2 defines it. @flight_bytes: in flight before. */
void tcp_recovery_ack(struct tcp_conn *c, const struct tcp_acked *acked, bool duplicate, uint32_t flight_bytes);
/* The peer has received @dup twice (RFC 2883). */
void tcp_recovery_dsack(struct tcp_conn *c, const struct tcp_range *dup);
/* The reordering timer fired (RFC 8985 section 6.2 step 5). */
void tcp_recovery_reordering_timeout(struct tcp_conn *c);
/* The retransmission timer fired with data in flight (RFC 6298 5.4 to 5.6, RFC 5681 equation 4). */
void tcp_recovery_timeout(struct tcp_conn *c);

/*
 * Marks of one record, rings and sums kept. tcp_seg_lost: @g is in flight; *after, NULL
 * at first, is the caller's through a run of calls in ascending order. Returns its bytes, or 0 for a
 * probe, whose loss isn't congestion's.
 */
uint32_t tcp_seg_lost(struct tcp_conn *c, struct tcp_seg *g, struct tcp_seg **after);
/* @g goes off its ring, without marks. */
void tcp_seg_forget(struct tcp_conn *c, struct tcp_seg *g);
void tcp_seg_sent_again(struct tcp_conn *c, struct tcp_seg *g);
