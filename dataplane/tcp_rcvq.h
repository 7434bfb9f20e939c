/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Received data: what is in order waits for the user as a chain of mbufs; what came
 * early waits in blocks, each a chain without a hole; as many as can be when every
 * second segment of a window is lost (a full queue in slow start does that).
 *
 * Memory is bounded twice. By bytes: nothing beyond the promised window is kept.
 * By mbufs: a payload is copied behind the one before it when both are small, so
 * that a thousand 1-byte segments don't pin a thousand buffers; and the number of
 * blocks is bounded.
 *
 * Threads: the stack's worker.
 * Ownership: tcp_rcvq_input consumes its mbuf; tcp_rcvq_take gives a chain away.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

#define TCP_OOO_BLOCKS_MIN 32u
#define TCP_OOO_BLOCKS_MAX 1024u
#define TCP_OOO_BYTES_MAX (16u << 20)	/* of all connections' blocks beyond the least */

struct tcp_ooo_block {
	uint32_t start, end;
	uint32_t stamp;		/* when it last grew: newest first in SACK (RFC 2018 section 4) */
	struct rte_mbuf *head, *tail;
};

struct tcp_ooo {
	uint32_t n, stamp, max;
	struct tcp_ooo_block blocks[];	/* max of them; ascending, never touching */
};

enum tcp_rcvq_verdict {
	TCP_RCVQ_IN_ORDER,
	TCP_RCVQ_OUT_OF_ORDER,
	TCP_RCVQ_DUPLICATE,
	TCP_RCVQ_FULL,		/* a bound was reached, or packet buffers run low: dropped */
};

/* 0, or -ENOMEM. */
int tcp_rcvq_init(struct tcp_stack *t, uint32_t max_conns, uint32_t rcv_buffer_bytes);
void tcp_rcvq_fini(struct tcp_stack *t);

/*
 * Payload @m (data begins at @seq, @bytes long, within the promised window or
 * partly before rcv_nxt). Moves rcv_nxt over all that is in order now. *dup: the first
 * run of it that was there already (RFC 2883 section 4), empty when nothing was.
 */
enum tcp_rcvq_verdict tcp_rcvq_input(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint32_t bytes,
				     struct tcp_range *dup);

/* Whole mbufs of up to @max_bytes, at least one, as a packet chain; NULL: empty. */
struct rte_mbuf *tcp_rcvq_take(struct tcp_conn *c, uint32_t max_bytes);

/* Takes @bytes, fewer than the first mbuf holds, off its front. */
void tcp_rcvq_cut(struct tcp_conn *c, uint16_t bytes);

/* Where received data ends at the latest, early data included. */
uint32_t tcp_rcvq_end(const struct tcp_conn *c);

/* SACK blocks for an acknowledgment sent now, at most @max, newest first. Returns how many. */
unsigned int tcp_rcvq_sack(const struct tcp_conn *c, struct tcp_range *out, unsigned int max);

void tcp_rcvq_purge(struct tcp_conn *c);
/* Frees what came out of order; the peer sends it again (RFC 2018 section 8). */
void tcp_rcvq_renege(struct tcp_conn *c);
/* mbufs held, both queues (walks them). */
unsigned int tcp_rcvq_mbufs(const struct tcp_conn *c);
/* ASSERTs order and sums; for tests. */
void tcp_rcvq_check(const struct tcp_conn *c);
