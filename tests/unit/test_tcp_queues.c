/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Receive queue, send queue and scoreboard against models: arrays of what came, went and was reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <rte_mbuf.h>

#include "tcp_conn.h"
#include "tcp_peer.h"
#include "tcp_rack.h"
#include "tcp_rcvq.h"
#include "tcp_recovery.h"
#include "tcp_sack.h"
#include "tcp_seg_ring.h"
#include "tcp_table.h"

#define WINDOW 20000u

static struct tcp_peer peer;
static uint64_t rng_state = 1;

static uint32_t below(uint32_t n)
{
	rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rng_state >> 33) % n;
}

static struct tcp_conn *conn_new(uint32_t seq)
{
	struct tuple t = { .lport = 1, .fport = 2 };
	struct tcp_conn *c;

	tcp_peer_init(&peer, &(struct tcp_peer_options){ .rcv_buffer_bytes = WINDOW });
	c = tcp_conn_new(peer.stack, &t);
	assert_non_null(c);
	c->state = TCPS_ESTABLISHED;
	c->rcv_nxt = c->rcv_acked = seq;
	c->rcv_adv = seq + WINDOW;
	c->snd_una = c->snd_nxt = seq;
	c->mss = 1000;
	c->sack_ok = true;
	c->cwnd = 100000;
	tcp_rack_init(c);
	return c;
}

static void conn_end(struct tcp_conn *c)
{
	tcp_sndq_purge(c);
	tcp_rcvq_purge(c);
	tcp_conn_free(c);
	tcp_peer_fini(&peer);
}

static uint8_t value_at(uint32_t off)
{
	return (uint8_t)(off * 7 + (off >> 8));
}

static struct rte_mbuf *payload(uint32_t off, uint32_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(peer.mbufs);
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)bytes);

	assert_non_null(p);
	for (uint32_t i = 0; i < bytes; i++)
		p[i] = value_at(off + i);
	return m;
}

static void take_and_verify(struct tcp_conn *c, uint32_t *taken, uint32_t max_bytes)
{
	struct rte_mbuf *chain = tcp_rcvq_take(c, max_bytes);
	uint32_t sum = 0;
	unsigned int segs = 0;

	for (const struct rte_mbuf *m = chain; m; m = m->next, segs++)
		for (uint32_t i = 0; i < m->data_len; i++, sum++)
			assert_int_equal(rte_pktmbuf_mtod(m, const uint8_t *)[i], value_at(*taken + sum));
	if (chain) {
		assert_int_equal(chain->pkt_len, sum);
		assert_int_equal(chain->nb_segs, segs);
		rte_pktmbuf_free(chain);
	}
	*taken += sum;
}

/* Pieces in any order, overlapping, again and again: what comes out is each byte once, in order. */
static void receive_in_any_order(void **st)
{
	for (unsigned int round = 0; round < 60; round++) {
		uint32_t base = below(2) ? 0u - below(30000) : below(100000), taken = 0;
		struct tcp_conn *c = conn_new(base);
		bool have[WINDOW] = { false };
		struct tcp_range dup;

		for (unsigned int i = 0; i < 600; i++) {
			uint32_t max = round % 3 == 0 ? 8 : 1400, n = 1 + below(max);
			uint32_t edge = c->rcv_nxt - base, off = below(4) ? below(WINDOW - n) : RTE_MIN(edge, WINDOW - n);
			enum tcp_rcvq_verdict v = tcp_rcvq_input(c, payload(off, n), base + off, n, &dup);

			for (uint32_t k = dup.start; k != dup.end; k++)
				assert_true(have[k - base]);
			if (dup.start == dup.end)
				for (uint32_t k = off; k < off + n; k++)
					assert_false(have[k]);
			if (v != TCP_RCVQ_FULL)
				memset(have + off, 1, n);
			while (edge < WINDOW && have[edge])
				edge++;
			assert_true(c->rcv_nxt == base + edge || v == TCP_RCVQ_FULL);
			tcp_rcvq_check(c);
			if (below(20) == 0)
				take_and_verify(c, &taken, 1 + below(5000));
		}
		for (uint32_t off = 0; off < WINDOW; off += 1000) {
			tcp_rcvq_input(c, payload(off, 1000), base + off, 1000, &dup);
			tcp_rcvq_check(c);
		}
		assert_null(c->ooo);
		while (c->rcv_bytes > 0)
			take_and_verify(c, &taken, 1 + below(9000));
		assert_int_equal(taken, WINDOW);
		conn_end(c);
	}
}

static void receive_beyond_the_window(void **st)
{
	struct tcp_conn *c = conn_new(100);
	struct tcp_range dup;
	uint32_t taken = 0;

	assert_int_equal(tcp_rcvq_input(c, payload(WINDOW, 10), 100 + WINDOW, 10, &dup), TCP_RCVQ_FULL);
	assert_int_equal(tcp_rcvq_input(c, payload(WINDOW - 5, 10), 100 + WINDOW - 5, 10, &dup), TCP_RCVQ_OUT_OF_ORDER);
	assert_int_equal(c->ooo->blocks[0].end, 100 + WINDOW);
	assert_int_equal(tcp_rcvq_input(c, payload(0, 10), 100, 10, &dup), TCP_RCVQ_IN_ORDER);
	assert_int_equal(tcp_rcvq_input(c, payload(0, 10), 100, 10, &dup), TCP_RCVQ_DUPLICATE);
	take_and_verify(c, &taken, 100);
	assert_int_equal(taken, 10);
	conn_end(c);
}

static void sack_names_the_newest_first(void **st)
{
	struct tcp_conn *c = conn_new(0);
	struct tcp_range r[TCP_SACK_MAX], dup;

	for (uint32_t i = 1; i <= 6; i++)
		tcp_rcvq_input(c, payload(i * 200, 100), i * 200, 100, &dup);
	assert_int_equal(tcp_rcvq_sack(c, r, TCP_SACK_MAX), 4);
	assert_true(r[0].start == 1200 && r[0].end == 1300 && r[1].start == 1000 && r[3].start == 600);
	tcp_rcvq_input(c, payload(300, 100), 300, 100, &dup);
	assert_int_equal(tcp_rcvq_sack(c, r, TCP_SACK_MAX), 4);
	assert_true(r[0].start == 200 && r[0].end == 500 && r[1].start == 1200);
	conn_end(c);
}

static void send_some(struct tcp_conn *c, uint32_t mss)
{
	while (c->snd_unsent > 0)
		tcp_sndq_sent(c, RTE_MIN(mss, c->snd_unsent), false);
}

/* Random acknowledgments and SACK blocks, honest or not: sums stay right, and only what was covered is marked. */
static void scoreboard_against_a_model(void **st)
{
	for (unsigned int round = 0; round < 100; round++) {
		uint32_t base = below(2) ? 0u - below(50000) : below(100000);
		struct tcp_conn *c = conn_new(base);
		static bool covered[60000];
		struct tcp_seg *g;

		memset(covered, 0, sizeof(covered));
		tcp_sndq_append(c, tcp_peer_chain(&peer, 0, 60000));
		send_some(c, round % 2 ? 1000 : 7000);
		for (unsigned int i = 0; i < 100 && tcp_flight(c) > 0; i++) {
			struct tcp_acked acked = { 0 };
			struct tcp_range r;
			uint32_t una = c->snd_una - base;

			r.start = base + una + below(60001 - una) - (below(20) == 0 ? 70000 : 0);
			r.end = r.start + below(9000);
			if (seq_gt(r.start, c->snd_una) && seq_lt(r.start, r.end) && seq_leq(r.end, c->snd_nxt))
				memset(covered + (r.start - base), 1, r.end - r.start);
			c->stack->now_us += below(3);
			tcp_sack_input(c, &r, 1, &acked);
			tcp_sndq_check(c);
			tcp_rack_update(c, &acked);
			tcp_rack_detect(c);
			tcp_sndq_check(c);
			while (below(2) && c->to_resend)
				tcp_seg_sent_again(c, tcp_seg_to_resend(c));
			TCP_SEG_FOREACH(g, c)
				for (uint32_t k = 0; (g->flags & TCP_SEG_SACKED) && k < g->bytes; k++)
					assert_true(covered[g->seq - base + k]);
			if (below(4) == 0)
				tcp_sndq_acked(c, c->snd_una + 1 + below(RTE_MIN(tcp_flight(c), 4000u)), &acked);
			tcp_sndq_check(c);
			/* Records are as many as segments, never as many as a peer likes. */
			assert_true(pool_in_use(&peer.stack->tcp.segs) <= 70);
		}
		if (below(2))
			tcp_sack_forget(c);
		if (tcp_flight(c) > 0)
			tcp_recovery_timeout(c);
		tcp_sndq_check(c);
		if (tcp_flight(c) > 0)
			tcp_sndq_acked(c, c->snd_nxt, &(struct tcp_acked){ 0 });
		assert_int_equal(c->snd_bytes, 0);
		assert_null(c->snd_head);
		conn_end(c);
	}
}

/* RFC 6675's pipe: what is neither SACKed nor lost, and what was sent again. */
static void pipe_counts(void **st)
{
	struct tcp_conn *c = conn_new(0);
	struct tcp_acked acked = { 0 };
	struct tcp_range r = { 1000, 3000 };

	c->srtt_us = c->min_rtt_us = 100000;
	tcp_sndq_append(c, tcp_peer_chain(&peer, 0, 10000));
	send_some(c, 1000);
	c->stack->now_us += 100000;
	tcp_sack_input(c, &r, 1, &acked);
	tcp_rack_update(c, &acked);
	assert_int_equal(acked.sacked_bytes, 2000);
	assert_int_equal(tcp_rack_detect(c), 0);
	assert_int_equal(tcp_pipe(c), 8000);
	r.end = 4000;
	tcp_sack_input(c, &r, 1, &acked);
	tcp_rack_update(c, &acked);
	assert_int_equal(acked.sacked_bytes, 3000);
	assert_int_equal(tcp_rack_detect(c), 1000);
	assert_int_equal(tcp_pipe(c), 6000);
	tcp_seg_sent_again(c, tcp_seg_to_resend(c));
	assert_int_equal(tcp_pipe(c), 7000);
	assert_int_equal(c->lost_bytes, 1000);
	conn_end(c);
}

/* When records run out, data joins the last one, and the first of each connection is certain. */
static void records_run_out(void **st)
{
	struct tcp_conn *c = conn_new(0);
	struct pool *segs = &peer.stack->tcp.segs;
	struct tcp_acked acked = { 0 };
	void *taken[20000];
	unsigned int n = 0;

	while (segs->n_free > peer.stack->tcp.conns.capacity)
		taken[n++] = pool_get(segs);
	tcp_sndq_append(c, tcp_peer_chain(&peer, 0, 5000));
	for (unsigned int i = 0; i < 5; i++) {
		assert_true(tcp_sndq_can_record(c));
		tcp_sndq_sent(c, 1000, false);
		tcp_sndq_check(c);
	}
	assert_int_equal(tcp_seg_first(c)->bytes, 5000);
	assert_false(tcp_sndq_split(c, tcp_seg_first(c), 1000));
	tcp_sndq_acked(c, 2500, &acked);
	tcp_sndq_check(c);
	tcp_sndq_acked(c, 5000, &acked);
	while (n > 0)
		pool_put(segs, taken[--n]);
	conn_end(c);
}

static void small_writes_share_buffers(void **st)
{
	struct tcp_conn *c = conn_new(0);
	unsigned int mbufs = 0;

	for (unsigned int i = 0; i < 1000; i++)
		tcp_sndq_append(c, payload(i, 1));
	for (const struct rte_mbuf *m = c->snd_head; m; m = m->next)
		mbufs++;
	assert_int_equal(mbufs, 1);
	assert_int_equal(c->snd_unsent, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(rte_pktmbuf_mtod(c->snd_head, const uint8_t *)[i], value_at(i));
	conn_end(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receive_in_any_order), cmocka_unit_test(receive_beyond_the_window),
		cmocka_unit_test(sack_names_the_newest_first), cmocka_unit_test(scoreboard_against_a_model),
		cmocka_unit_test(pipe_counts), cmocka_unit_test(records_run_out),
		cmocka_unit_test(small_writes_share_buffers),
	};

	return cmocka_run_group_tests_name("tcp_queues", tests, NULL, NULL);
}
