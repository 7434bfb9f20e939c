/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What both kinds of opening share: initial sequence numbers (RFC 6528),
 * timestamps' offsets, and what the two SYNs agree on.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

/* A new connection's state before any SYN: path, ISN, clocks. */
void tcp_open_init(struct tcp_conn *c, const struct ip_hop *hop);
/* The peer's SYN: rcv_nxt, and options that both sides sent. */
void tcp_open_peer_syn(struct tcp_conn *c, const struct tcp_rx *rx);
/* The handshake is complete with @rx's ACK. */
void tcp_open_established(struct tcp_conn *c, const struct tcp_rx *rx);
/* The MSS that our SYN tells the peer. */
uint32_t tcp_open_offered_mss(const struct tcp_conn *c);
/* mss from what the peer takes and the path allows; after either changed. */
void tcp_open_update_mss(struct tcp_conn *c);
