/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segments of known connections (RFC 9293 section 3.10.7.3 and 3.10.7.4). tcp_input
 * of tcp_private.h checks and dispatches; these do the states' work.
 *
 * Threads: the stack's worker.
 * Ownership: consume @m, whose data begins at the payload.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

/* SYN-SENT. */
void tcp_input_syn_sent(struct tcp_conn *c, struct rte_mbuf *m, struct tcp_rx *rx);
/* SYN-RECEIVED and all synchronized states. */
void tcp_input_conn(struct tcp_conn *c, struct rte_mbuf *m, struct tcp_rx *rx);
/* Payload and FIN of an acceptable segment (seventh and eighth of 3.10.7.4). */
void tcp_input_text(struct tcp_conn *c, struct rte_mbuf *m, const struct tcp_rx *rx);
