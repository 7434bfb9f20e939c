/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tail loss probe (RFC 8985 section 7): when the end of a flight isn't acknowledged for
 * two round trips, one segment goes out, new or the last one again. Its acknowledgment
 * shows RACK what was lost, so the time-out and its window of one segment are for paths
 * that are dead. It shares the deadline TCP_T_RACK with the reordering timer: a probe is
 * due only while nothing is SACKed.
 *
 * Order of calls: tcp_tlp_arm after new data was sent and after an acknowledgment;
 * tcp_tlp_timeout when it is due; tcp_tlp_ack with each acknowledgment.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

struct tcp_acked;
struct tcp_range;

/* Section 7.2. Nothing happens unless a probe may be sent. */
void tcp_tlp_arm(struct tcp_conn *c);
/* Section 7.3. */
void tcp_tlp_timeout(struct tcp_conn *c);
/* Section 7.4: what became of the probe. @dup: a D-SACK, or NULL; @plain: a duplicate acknowledgment without SACK. */
void tcp_tlp_ack(struct tcp_conn *c, const struct tcp_range *dup, bool plain);
