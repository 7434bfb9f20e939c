/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The acknowledgment field of a segment (RFC 9293 section 3.10.7.4, fifth; RFC 5961
 * section 5): frees what was acknowledged, moves the send window, feeds round-trip
 * time, SACK, recovery and congestion control.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

enum tcp_ack_verdict {
	TCP_ACK_OK,
	TCP_ACK_DROP,	/* of what was never sent, or far too old: counted; drop the segment */
	TCP_ACK_ENDED,	/* it acknowledged our FIN and ended the connection, which may be gone */
};

/* In a synchronized state. */
enum tcp_ack_verdict tcp_ack_input(struct tcp_conn *c, const struct tcp_rx *rx);
