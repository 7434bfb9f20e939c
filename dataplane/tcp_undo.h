/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Was a recovery needless? Three ways to know: an acknowledgment that answers the
 * original and not the retransmission, by its timestamp (Eifel, RFC 3522); D-SACKs for
 * all that was sent again (RFC 3708); and after a time-out, two acknowledgments that
 * could come only if the first flight is alive (F-RTO, RFC 5682). Then windows are
 * what they were before (RFC 4015), through tcp_cc_undo.
 *
 * Order of calls: tcp_undo_begin when cwnd is about to be reduced; tcp_undo_sent_again
 * for each retransmission; tcp_undo_proved with each acknowledgment in recovery,
 * tcp_undo_dsack with each D-SACK.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

struct tcp_acked;
struct tcp_range;

/* TCP_FRTO_FIRST: waiting for the first acknowledgment after the time-out; _NEW: it came, new data goes first. */
enum tcp_frto { TCP_FRTO_OFF, TCP_FRTO_FIRST, TCP_FRTO_NEW };

void tcp_undo_begin(struct tcp_conn *c);
void tcp_undo_sent_again(struct tcp_conn *c, uint32_t bytes);
/* All that was sent again has come twice. */
bool tcp_undo_dsack(struct tcp_conn *c, const struct tcp_range *dup);
/* This acknowledgment shows that the originals arrived. Moves F-RTO on (RFC 5682 section 2.1, 3.1). */
bool tcp_undo_proved(struct tcp_conn *c, const struct tcp_acked *acked, bool duplicate);
