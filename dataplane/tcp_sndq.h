/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is queued for sending, and a record of each segment in flight: where its
 * data lies, when it left, what became of it. Loss detection, recovery and
 * round-trip times work on the records; the data stays in the mbufs that the user
 * gave until all of it is acknowledged.
 *
 * Records come from one pool per worker. Every connection can always have one; when
 * the pool runs low, new data joins the last record instead of getting its own, so
 * want of records makes loss detection coarser and never stops a connection.
 *
 * Threads: the stack's worker.
 * Ownership: tcp_sndq_append consumes the chain.
 */
#pragma once

#include "base/pool_ring.h"
#include "tcp_conn.h"

enum {
	TCP_SEG_FIN = 1u << 0,		/* its last sequence number is the FIN */
	TCP_SEG_SACKED = 1u << 1,
	TCP_SEG_LOST = 1u << 2,
	TCP_SEG_RTX = 1u << 3,		/* lost, and sent again since */
	TCP_SEG_EVER_RTX = 1u << 4,	/* no RTT sample (Karn's algorithm) */
	TCP_SEG_PROBE = 1u << 6,	/* of a larger path MTU (tcp_pmtu.c) */
	TCP_SEG_APP_LIMITED = 1u << 5,	/* sent when the user had too little to send (tcp_rate.c) */
};

/* One cache line. */
struct tcp_seg {
	struct pool_link by_seq, by_time;	/* tcp_seg_ring.h */
	struct rte_mbuf *m;	/* its first byte; NULL for a FIN alone */
	uint64_t sent_us;	/* the last time */
	uint32_t seq;
	uint32_t bytes;		/* of sequence space, the FIN counted */
	uint16_t off;		/* in m's data */
	uint8_t flags;
	/* The connection's counts when it was sent (tcp_rate.c); tx_in_flight: itself included */
	uint32_t delivered, delivered_us, first_sent_us, lost, tx_in_flight;
};
_Static_assert(sizeof(struct tcp_seg) == 64, "a record fills a cache line");

static inline uint32_t tcp_seg_end(const struct tcp_seg *g)
{
	return g->seq + g->bytes;
}

static inline uint32_t tcp_seg_data(const struct tcp_seg *g)
{
	return g->bytes - ((g->flags & TCP_SEG_FIN) ? 1 : 0);
}

/* Sent, not SACKed, not believed lost since: on c->in_flight. */
static inline bool tcp_seg_in_flight(const struct tcp_seg *g)
{
	return !(g->flags & TCP_SEG_SACKED) && (g->flags & (TCP_SEG_LOST | TCP_SEG_RTX)) != TCP_SEG_LOST;
}

/* What an acknowledgment covered; counted up by those who look at the records. */
struct tcp_acked {
	uint32_t bytes;		/* of sequence space, cumulatively */
	uint32_t sacked_bytes;	/* newly SACKed */
	uint64_t sent_us;	/* of the youngest record that was sent only once; 0: none */
	uint32_t ts_ecr;	/* the timestamp it echoes */
	bool has_ecr;
	bool again;		/* cumulatively, something that was sent again */
	bool original;		/* something from before recovery_point that never was */
	uint32_t new_bytes;	/* acknowledged or SACKed for the first time: DeliveredData of RFC 9937 */
	bool delivered;		/* the next two are set: RACK's view of the youngest record (tcp_rack.c) */
	uint32_t xmit_us, end_seq;
};

/* 0, or -ENOMEM. */
int tcp_sndq_init(struct tcp_stack *t, uint32_t max_conns);
void tcp_sndq_fini(struct tcp_stack *t);

void tcp_sndq_append(struct tcp_conn *c, struct rte_mbuf *chain);
/* Is there a record for new data (its own or the last one's)? */
bool tcp_sndq_can_record(const struct tcp_conn *c);
/* Records the next @bytes of unsent data, and a FIN, as sent now. Moves snd_nxt. */
void tcp_sndq_sent(struct tcp_conn *c, uint32_t bytes, bool fin);
/* Cuts @g after @bytes (less than its data); false: no record left. */
bool tcp_sndq_split(struct tcp_conn *c, struct tcp_seg *g, uint32_t bytes);
/* Joins the SACKed @g to a SACKed record before it, unless that makes it long. Returns the record that has it now. */
struct tcp_seg *tcp_sndq_join_sacked(struct tcp_conn *c, struct tcp_seg *g);
/* Everything before @ack is acknowledged; snd_una < ack <= snd_nxt. Moves snd_una, frees, counts into @acked. */
void tcp_sndq_acked(struct tcp_conn *c, uint32_t ack, struct tcp_acked *acked);
/* @g, which isn't SACKed yet, was delivered, says the peer. */
void tcp_sndq_delivered(struct tcp_conn *c, const struct tcp_seg *g, struct tcp_acked *acked);
/* The connection ends: frees all. */
void tcp_sndq_purge(struct tcp_conn *c);
/* ASSERTs that sums, order and cursor agree; for tests (walks everything). */
void tcp_sndq_check(const struct tcp_conn *c);
