/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * D-SACK, the sender's side (RFC 2883 section 4): the peer says that something came
 * twice. So a retransmission was needless, which RACK's reordering window (RFC 8985),
 * the tail loss probe and the undo of recoveries (RFC 3708) want to know. The
 * receiver's side is in tcp_rcvq.c and tcp_output.c.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

/* Is the first SACK block of @rx one? Then *dup is what came twice, and it is counted. */
bool tcp_dsack_input(struct tcp_conn *c, const struct tcp_rx *rx, struct tcp_range *dup);
