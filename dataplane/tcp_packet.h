/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One segment as an mbuf: header, options, and data either copied behind them or
 * attached to the queued mbufs.
 *
 * Attaching costs two more mbufs and their bookkeeping, and a device without
 * scatter would have it copied anyway (offload.c); so short payloads and such
 * devices get a copy at once, which is one mbuf.
 *
 * Threads: the stack's worker.
 * Ownership: the packet is handed to ip_output; queued data is borrowed (reference
 * counts keep it until the device has sent it).
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

struct tcp_data {
	struct rte_mbuf *m;	/* NULL: none */
	uint32_t off, bytes;
	bool whole;		/* one segment, though longer than the MSS: a probe (tcp_pmtu.c) */
	bool ect;		/* may be marked instead of dropped (tcp_ecn.c) */
};

/*
 * Builds and transmits a segment; @opts_bytes of options at @opts. More than one
 * segment's data is for the device to cut (TSO). False: no mbuf, nothing sent.
 */
bool tcp_packet_send(struct tcp_conn *c, uint32_t seq, uint8_t flags, uint16_t wnd,
		     const uint8_t *opts, size_t opts_bytes, const struct tcp_data *data);

/* How much of @data, in whole segments but at least one, the device takes as one packet to cut (TSO). */
uint32_t tcp_packet_most(const struct tcp_conn *c, const struct tcp_data *data);

/* A bare header on @path, for no connection. False: as above. */
bool tcp_packet_send_bare(struct stack *s, struct ip_path *path, const struct tcp_tx *tx);
