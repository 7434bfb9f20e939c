/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_sndq.h"

#include <rte_mbuf.h>

#include "base/assert.h"
#include "tcp_pmtu.h"
#include "tcp_rack.h"
#include "tcp_seg_ring.h"
#include "tcp_stall.h"

/* Records beyond the one that each connection has for sure. */
#define SEGS_SHARED_MIN 4096u
/* What is SACKed is kept in records up to this: if the peer drops it after all, it leaves again bit by bit. */
#define SACKED_RUN_BYTES 65536u

int tcp_sndq_init(struct tcp_stack *t, uint32_t max_conns)
{
	return pool_init(&t->segs, sizeof(struct tcp_seg), 3 * max_conns + SEGS_SHARED_MIN);
}

void tcp_sndq_fini(struct tcp_stack *t)
{
	pool_fini(&t->segs);
}

/* Small writes share a buffer: a thousand of one byte must not hold a thousand. True also for nothing. */
static bool copied_behind(struct tcp_conn *c, const struct rte_mbuf *m)
{
	struct rte_mbuf *last = c->snd_tail;

	if (m->data_len == 0)
		return true;
	if (!last || m->data_len > TCP_SMALL_BYTES || !RTE_MBUF_DIRECT(last) || rte_mbuf_refcnt_read(last) != 1 ||
	    rte_pktmbuf_tailroom(last) < m->data_len)
		return false;
	if (!c->snd_next) {
		c->snd_next = last;
		c->snd_next_off = last->data_len;
	}
	memcpy(rte_pktmbuf_mtod_offset(last, char *, last->data_len), rte_pktmbuf_mtod(m, const char *), m->data_len);
	last->data_len = (uint16_t)(last->data_len + m->data_len);
	return true;
}

void tcp_sndq_append(struct tcp_conn *c, struct rte_mbuf *chain)
{
	struct rte_mbuf *m = chain, *next;

	for (; m; m = next) {
		next = m->next;
		m->next = NULL;
		c->snd_bytes += m->data_len;
		c->snd_unsent += m->data_len;
		if (copied_behind(c, m)) {
			rte_pktmbuf_free_seg(m);
			continue;
		}
		tcp_stall_mark(c->stack, m);
		if (c->snd_tail)
			c->snd_tail->next = m;
		else
			c->snd_head = m;
		c->snd_tail = m;
		c->stack->reserve.held++;
		if (!c->snd_next) {
			c->snd_next = m;
			c->snd_next_off = 0;
		}
	}
}

/* Moves a position in the queue by @bytes; at the very end it becomes NULL. */
static void advance(struct rte_mbuf **m, uint16_t *off, uint32_t bytes)
{
	while (bytes > 0) {
		uint32_t here = (uint32_t)(*m)->data_len - *off;

		if (bytes < here) {
			*off = (uint16_t)(*off + bytes);
			return;
		}
		bytes -= here;
		*m = (*m)->next;
		*off = 0;
	}
}

/* The pool keeps one record in reserve for each connection that has none. */
static bool spare_record(const struct tcp_conn *c)
{
	const struct tcp_stack *t = &c->stack->tcp;

	return t->segs.n_free > t->conns.capacity;
}

static bool can_join_last(const struct tcp_conn *c)
{
	const struct tcp_seg *last = tcp_seg_last(c);

	return last && last->m && !(last->flags & (TCP_SEG_FIN | TCP_SEG_SACKED | TCP_SEG_LOST | TCP_SEG_PROBE));
}

bool tcp_sndq_can_record(const struct tcp_conn *c)
{
	return c->segs == 0 || spare_record(c) || can_join_last(c);
}

void tcp_sndq_sent(struct tcp_conn *c, uint32_t bytes, bool fin)
{
	uint32_t flight = tcp_flight(c);
	struct tcp_seg *g;

	ASSERT(bytes <= c->snd_unsent && !c->fin_sent && bytes + fin > 0);
	if (c->segs == 0 || spare_record(c)) {
		g = pool_get(&c->stack->tcp.segs);
		ASSERT(g);
		g->seq = c->snd_nxt;
		g->m = bytes > 0 ? c->snd_next : NULL;
		g->off = bytes > 0 ? c->snd_next_off : 0;
		pool_ring_append(tcp_segs_by_seq(c), &c->segs, g);
	} else {
		ASSERT(can_join_last(c));
		g = tcp_seg_last(c);
		pool_ring_remove(tcp_segs_by_time(c), &c->in_flight, g);
	}
	g->sent_us = c->stack->now_us;
	pool_ring_append(tcp_segs_by_time(c), &c->in_flight, g);
	g->bytes += bytes + fin;
	if (fin) {
		g->flags |= TCP_SEG_FIN;
		c->fin_sent = true;
	}
	if (bytes > 0)
		advance(&c->snd_next, &c->snd_next_off, bytes);
	c->snd_unsent -= bytes;
	c->snd_nxt += bytes + fin;
	tcp_rate_sent(c, g, flight);
}

bool tcp_sndq_split(struct tcp_conn *c, struct tcp_seg *g, uint32_t bytes)
{
	struct tcp_seg *rest;

	ASSERT(bytes > 0 && bytes < g->bytes && bytes <= tcp_seg_data(g));
	if (!spare_record(c))
		return false;
	if (g->flags & TCP_SEG_PROBE)
		tcp_pmtu_probe_over(c, g);
	rest = pool_get(&c->stack->tcp.segs);
	ASSERT(rest);
	rest->seq = g->seq + bytes;
	rest->bytes = g->bytes - bytes;
	rest->sent_us = g->sent_us;
	rest->flags = g->flags;
	rest->delivered = g->delivered;
	rest->delivered_us = g->delivered_us;
	rest->first_sent_us = g->first_sent_us;
	rest->lost = g->lost;
	rest->tx_in_flight = g->tx_in_flight;
	rest->m = g->m;
	rest->off = g->off;
	advance(&rest->m, &rest->off, bytes);
	if (tcp_seg_data(rest) == 0) {
		rest->m = NULL;
		rest->off = 0;
	}
	g->bytes = bytes;
	g->flags &= (uint8_t)~TCP_SEG_FIN;
	pool_ring_insert_after(tcp_segs_by_seq(c), g, rest);
	if (!(g->flags & TCP_SEG_SACKED))
		pool_ring_insert_after(tcp_segs_by_time(c), g, rest);
	return true;
}

/* @bytes of @g are no longer outstanding. */
static void uncount(struct tcp_conn *c, const struct tcp_seg *g, uint32_t bytes)
{
	if (g->flags & TCP_SEG_SACKED)
		c->sacked_bytes -= bytes;
	if (g->flags & TCP_SEG_LOST)
		c->lost_bytes -= bytes;
	if (g->flags & TCP_SEG_RTX)
		c->rtx_bytes -= bytes;
}

static void drop_record(struct tcp_conn *c, struct tcp_seg *g)
{
	if (!(g->flags & TCP_SEG_SACKED))
		pool_ring_remove(tcp_segs_by_time(c), tcp_seg_in_flight(g) ? &c->in_flight : &c->to_resend, g);
	pool_ring_remove(tcp_segs_by_seq(c), &c->segs, g);
	pool_put(&c->stack->tcp.segs, g);
}

struct tcp_seg *tcp_sndq_join_sacked(struct tcp_conn *c, struct tcp_seg *g)
{
	struct tcp_seg *before = tcp_seg_prev(c, g);

	if (!before || !(before->flags & TCP_SEG_SACKED) || ((before->flags | g->flags) & TCP_SEG_PROBE) ||
	    before->bytes + g->bytes > SACKED_RUN_BYTES)
		return g;
	before->bytes += g->bytes;
	before->flags |= g->flags & (TCP_SEG_FIN | TCP_SEG_EVER_RTX);
	pool_ring_remove(tcp_segs_by_seq(c), &c->segs, g);
	pool_put(&c->stack->tcp.segs, g);
	return before;
}

static void free_before(struct tcp_conn *c, const struct rte_mbuf *stop)
{
	while (c->snd_head && c->snd_head != stop) {
		struct rte_mbuf *m = c->snd_head;

		c->snd_head = m->next;
		c->stack->reserve.held--;
		m->next = NULL;
		rte_pktmbuf_free_seg(m);
	}
	if (!c->snd_head)
		c->snd_tail = NULL;
}

void tcp_sndq_delivered(struct tcp_conn *c, const struct tcp_seg *g, struct tcp_acked *acked)
{
	if (!(g->flags & TCP_SEG_EVER_RTX)) {
		acked->sent_us = RTE_MAX(acked->sent_us, g->sent_us);
		acked->original |= seq_lt(g->seq, c->recovery_point);
	}
	tcp_rack_delivered(c, g, acked);
}

void tcp_sndq_acked(struct tcp_conn *c, uint32_t ack, struct tcp_acked *acked)
{
	struct tcp_seg *g;

	acked->bytes = ack - c->snd_una;
	while ((g = tcp_seg_first(c)) != NULL && seq_lt(g->seq, ack)) {
		uint32_t bytes = seq_leq(tcp_seg_end(g), ack) ? g->bytes : ack - g->seq;
		uint32_t data = RTE_MIN(bytes, tcp_seg_data(g));

		uncount(c, g, bytes);
		if (!(g->flags & TCP_SEG_SACKED)) {
			acked->new_bytes += bytes;
			acked->again |= (g->flags & TCP_SEG_EVER_RTX) != 0;
			tcp_rate_delivered(c, g, bytes);
			tcp_sndq_delivered(c, g, acked);
		}
		c->snd_bytes -= data;
		if (bytes < g->bytes) {
			if (g->flags & TCP_SEG_PROBE)
				tcp_pmtu_probe_over(c, g);
			g->seq += bytes;
			g->bytes -= bytes;
			advance(&g->m, &g->off, bytes);
			if (tcp_seg_data(g) == 0)
				g->m = NULL;
			break;
		}
		if (g->flags & TCP_SEG_PROBE)
			tcp_pmtu_probe_acked(c, g);
		drop_record(c, g);
	}
	c->snd_una = ack;
	g = tcp_seg_first(c);
	free_before(c, g && g->m ? g->m : c->snd_next);
}

void tcp_sndq_purge(struct tcp_conn *c)
{
	struct tcp_seg *g;

	while ((g = tcp_seg_first(c)) != NULL)
		drop_record(c, g);
	free_before(c, NULL);
	c->snd_next = NULL;
	c->snd_next_off = 0;
	c->snd_bytes = c->snd_unsent = 0;
	c->sacked_bytes = c->lost_bytes = c->rtx_bytes = 0;
}

/* Records on the ring, in the order of sending where @in_flight. */
static unsigned int check_ring(const struct tcp_conn *c, uint32_t ring, bool in_flight)
{
	struct pool_rings by_time = tcp_segs_by_time(c);
	const struct tcp_seg *g = pool_ring_object(by_time, ring), *next;
	unsigned int n = 0;

	for (; g; g = next, n++) {
		next = pool_ring_next(by_time, ring, g);
		ASSERT(!(g->flags & TCP_SEG_SACKED) && tcp_seg_in_flight(g) == in_flight);
		ASSERT(!next || pool_ring_prev(by_time, ring, next) == g);
		ASSERT(!in_flight || !next || g->sent_us <= next->sent_us);
	}
	return n;
}

static void check_rings(const struct tcp_conn *c)
{
	unsigned int in_flight = 0, lost = 0;
	const struct tcp_seg *g;

	TCP_SEG_FOREACH(g, c) {
		in_flight += tcp_seg_in_flight(g);
		lost += (g->flags & (TCP_SEG_LOST | TCP_SEG_RTX)) == TCP_SEG_LOST;
	}
	ASSERT(in_flight == check_ring(c, c->in_flight, true) && lost == check_ring(c, c->to_resend, false));
}

void tcp_sndq_check(const struct tcp_conn *c)
{
	uint32_t queued = 0, sent = 0, sacked = 0, lost = 0, rtx = 0, seq = c->snd_una;
	const struct rte_mbuf *m;
	const struct tcp_seg *g;

	TCP_SEG_FOREACH(g, c) {
		ASSERT(g->seq == seq && g->bytes > 0);
		ASSERT((g->m == NULL) == (tcp_seg_data(g) == 0));
		ASSERT(!g->m || g->off < g->m->data_len);
		ASSERT(!(g->flags & TCP_SEG_FIN) || !tcp_seg_next(c, g));
		ASSERT(!(g->flags & TCP_SEG_SACKED) || !(g->flags & (TCP_SEG_LOST | TCP_SEG_RTX)));
		ASSERT(!(g->flags & TCP_SEG_RTX) || (g->flags & TCP_SEG_LOST));
		seq += g->bytes;
		sent += tcp_seg_data(g);
		sacked += (g->flags & TCP_SEG_SACKED) ? g->bytes : 0;
		lost += (g->flags & TCP_SEG_LOST) ? g->bytes : 0;
		rtx += (g->flags & TCP_SEG_RTX) ? g->bytes : 0;
	}
	if (tcp_synchronized(c))
		ASSERT(seq == c->snd_nxt);
	/* Without SACK, sacked_bytes is an estimate from duplicate ACKs (tcp_recovery.c). */
	ASSERT(sacked == c->sacked_bytes || !c->sack_ok);
	ASSERT(lost == c->lost_bytes && rtx == c->rtx_bytes);
	check_rings(c);
	for (m = c->snd_head; m; m = m->next) {
		queued += m->data_len;
		ASSERT(m->next || m == c->snd_tail);
	}
	ASSERT(sent + c->snd_unsent == c->snd_bytes && queued >= c->snd_bytes);
	ASSERT((c->snd_next == NULL) == (c->snd_unsent == 0));
	ASSERT(c->snd_bytes > 0 || !c->snd_head);
}
