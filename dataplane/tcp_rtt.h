/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Round-trip time and retransmission time-out (RFC 6298). Samples come from the
 * records of segments that were sent only once (Karn's algorithm), in microseconds;
 * for segments sent again, from the echoed timestamp, in milliseconds.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

void tcp_rtt_init(struct tcp_conn *c);
/* Nothing is known (srtt_us is 0): rttvar_us stands for the time-out alone until the first sample. */
void tcp_rtt_unknown(struct tcp_conn *c, uint32_t rto_us);
/* RFC 6298 (2.2), (2.3). Ends the back-off (5.7's condition: a sample that is sure). */
void tcp_rtt_sample(struct tcp_conn *c, uint32_t rtt_us);
/* The time-out now, doublings included, at most TCP_RTO_MAX_US. */
uint32_t tcp_rto_us(const struct tcp_conn *c);
void tcp_rtt_backoff(struct tcp_conn *c);
