/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SYN cookies (RFC 4987 section 3.6): under a flood of SYNs the answer's sequence
 * number and timestamp carry what a half-open connection would remember, so that
 * none need be kept. Used while the backlog is under pressure, and only then.
 *
 * What fits: the peer's MSS, rounded down to one of eight; and in the low six bits
 * of the timestamp, when the client sends timestamps, its window scale, whether it
 * takes SACK, and whether it asked for ECN. A client without timestamps goes
 * without these.
 *
 * Under pressure no half-open connection is given up for another: those that are
 * there keep their options and their retransmissions, newcomers get cookies.
 *
 * Threads: the stack's worker. Steering sends a SYN and its ACK to the same one.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

void tcp_cookie_init(struct stack *s);

/* Is this SYN to be answered by a cookie? Switches cookies on and off (tcp_cookie_update). */
bool tcp_cookie_wanted(struct stack *s);
/* Switches them off again when the backlog has emptied; at the end of a turn. */
void tcp_cookie_update(struct stack *s);

/* Answers the SYN @rx of @t and remembers nothing. */
void tcp_cookie_syn(struct stack *s, const struct tuple *t, const struct ip_hop *hop, const struct tcp_rx *rx);

/*
 * A segment with ACK, without SYN and RST, of no connection. False: no cookie can be
 * out, the segment is the caller's. True: @m is consumed, whether its cookie was
 * good (then the connection is there, and has the segment's data) or not.
 */
bool tcp_cookie_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info,
		      const struct tuple *t, struct tcp_rx *rx);
