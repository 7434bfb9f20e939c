/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From acknowledgments to "lost" and "send again": fast retransmit and recovery by
 * SACK (RFC 6675), by duplicate acknowledgments where the peer has no SACK (RFC
 * 6582), and recovery after a time-out. What is to be sent again is a mark on its
 * record (TCP_SEG_LOST without TCP_SEG_RTX); tcp_output.c sends it as cwnd allows.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

struct tcp_seg;

/* Bytes believed to be in the network: RFC 6675's pipe. */
uint32_t tcp_pipe(const struct tcp_conn *c);

/*
 * After an acknowledgment: @acked_bytes newly acknowledged, @sacked_bytes newly
 * SACKed; @duplicate as RFC 5681 section 2 defines it. @flight_bytes: in flight before.
 */
void tcp_recovery_ack(struct tcp_conn *c, uint32_t acked_bytes, uint32_t sacked_bytes,
		      bool duplicate, uint32_t flight_bytes);
/* The retransmission timer fired with data in flight (RFC 6298 5.4 to 5.6, RFC 5681 equation 4). */
void tcp_recovery_timeout(struct tcp_conn *c);

/* Marks of one record, sums kept. tcp_seg_lost returns its bytes. */
uint32_t tcp_seg_lost(struct tcp_conn *c, struct tcp_seg *g);
void tcp_seg_not_lost(struct tcp_conn *c, struct tcp_seg *g);
void tcp_seg_sent_again(struct tcp_conn *c, struct tcp_seg *g);
