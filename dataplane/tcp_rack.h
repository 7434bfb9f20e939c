/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RACK (RFC 8985): a segment is lost when one that left later was delivered, and so
 * much more time has passed that it can't just have been overtaken. Sequence numbers
 * and counts of duplicates don't matter, so retransmissions that are lost again are
 * found as well.
 *
 * Work is bounded: what is delivered is looked at once, what is lost once; c->in_flight
 * is in the order of sending, so the first record that isn't lost ends the search.
 *
 * Order of calls, for each acknowledgment: tcp_rack_delivered for each record it
 * covers newly; tcp_rack_update; tcp_rack_detect.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

struct tcp_acked;
struct tcp_seg;

void tcp_rack_init(struct tcp_conn *c);
/* Nothing was in flight: the first segment of a new flight leaves. */
void tcp_rack_restart(struct tcp_conn *c);
/* Section 6.2 step 2, @g newly acknowledged or SACKed; step 3: was it overtaken? */
void tcp_rack_delivered(struct tcp_conn *c, const struct tcp_seg *g, struct tcp_acked *acked);
/* The end of step 2: RACK.segment is the youngest one delivered. */
void tcp_rack_update(struct tcp_conn *c, const struct tcp_acked *acked);
/* Section 6.2 step 5. Marks what is lost, sets the reordering timer for the rest. Returns the bytes newly lost. */
uint32_t tcp_rack_detect(struct tcp_conn *c);
/* Section 6.3: the retransmission timer fired. Marks what has been out too long. */
void tcp_rack_timed_out(struct tcp_conn *c);

/* Section 6.2 step 4: how wide the reordering window is. A D-SACK came; a recovery ended. */
void tcp_rack_dsack(struct tcp_conn *c);
void tcp_rack_recovered(struct tcp_conn *c);
