/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Explicit congestion notification (RFC 3168 section 6.1). Agreed on in the SYNs, as
 * the port allows: it answers who asks, or asks as well, once: a SYN sent again asks
 * no more, for there are paths that drop it. New data alone is marked ECT(0), never
 * retransmissions, acknowledgments and probes. A mark on received data is echoed
 * until CWR comes; an echo is answered by one reduction a window and CWR: by a window
 * as for a loss, by a model (BBR) as tcp_cc_bbr_ecn.c says.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

/* The port's wish for a connection that is dialled, before its SYN. */
void tcp_ecn_dial(struct tcp_conn *c);
/* The peer's SYN or SYN-ACK. */
void tcp_ecn_peer_syn(struct tcp_conn *c, const struct tcp_rx *rx);
/* ECE and CWR of our SYN or SYN-ACK. */
uint8_t tcp_ecn_syn_flags(const struct tcp_conn *c);
/* CE and CWR of an acceptable segment. */
void tcp_ecn_received(struct tcp_conn *c, const struct tcp_rx *rx);
/* An acknowledgment was handled; @flight_bytes: in flight before it. */
void tcp_ecn_acked(struct tcp_conn *c, const struct tcp_rx *rx, uint32_t flight_bytes);
/* An echo has been answered by less to send: CWR goes out, and what follows of this window's echoes is passed over. */
void tcp_ecn_answered(struct tcp_conn *c);
/* The window was reduced for a loss: the peer is told (section 6.1.2). */
void tcp_ecn_reduced(struct tcp_conn *c);
