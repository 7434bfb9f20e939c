/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The path's MTU. Smaller: by ICMP (RFC 1191, RFC 8201), or, where a black hole
 * swallows large packets and sends none, because full-sized segments time out again
 * and again (RFC 4821 section 7.7, RFC 8899 section 4.3): then segments go down to
 * a base that passes nearly everywhere. Larger: by probes, single larger segments of
 * real data, at once after a black hole and ten minutes after anything else (RFC 1191
 * section 6.3, RFC 8201 section 4). A probe that is lost says nothing of congestion
 * (RFC 4821 section 7.5): the window stays, its data goes again in two segments.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

struct tcp_seg;

/* A router says that @mtu is the most that passes; believed already (tcp_icmp.c). */
void tcp_pmtu_too_big(struct tcp_conn *c, uint16_t mtu);
/* The retransmission timer fired with data in flight, before that is answered for. */
void tcp_pmtu_timed_out(struct tcp_conn *c);

/* Payload bytes of a probe to send now instead of a segment; 0: none. */
uint32_t tcp_pmtu_probe(struct tcp_conn *c);
/* The probe left, as the last record. */
void tcp_pmtu_probe_sent(struct tcp_conn *c, uint32_t seq, uint32_t bytes);
/* What became of @g, a record with TCP_SEG_PROBE: acknowledged whole; lost; or it is cut up and says nothing any more. */
void tcp_pmtu_probe_acked(struct tcp_conn *c, struct tcp_seg *g);
void tcp_pmtu_probe_lost(struct tcp_conn *c, struct tcp_seg *g);
void tcp_pmtu_probe_over(struct tcp_conn *c, struct tcp_seg *g);
