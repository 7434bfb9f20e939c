/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is promised to a peer, what may wait, and the budget of all queues (tcp_window.h, tcp_room.h, mbuf_reserve.h). */
#include <stdlib.h>

#include <rte_mbuf.h>

#include "stack_private.h"
#include "tcp_conn.h"
#include "tcp_rcvq.h"
#include "tcp_room.h"
#include "tcp_script.h"
#include "tcp_window.h"

#define M 1448u		/* payload of a full segment with timestamps */

/* A peer that sends rounds of data, and what it was promised. */
struct flow {
	struct script s;
	uint32_t at;		/* sent so far */
	uint32_t edge;		/* the largest promised, from the first byte */
	uint32_t wnd;		/* the last one told */
	unsigned int told;	/* segments that came out */
};

/* All that comes out: no edge goes back by more than scaling rounds (RFC 9293 3.8.6, RFC 7323 2.4). */
static void look(struct flow *f)
{
	uint32_t unit = 1u << f->s.p.conn->rcv_wscale;
	const struct tcp_peer_segment *g;

	while ((g = script_next(&f->s)) != NULL) {
		uint32_t edge;

		if (g->dport != f->s.port)
			continue;	/* another connection's */
		f->wnd = (uint32_t)g->rx.wnd * unit;
		edge = g->rx.ack - PEER_ISS - 1 + f->wnd;
		assert_true(edge + unit > f->edge);
		f->edge = edge > f->edge ? edge : f->edge;
		f->told++;
	}
}

static void flow_open(struct flow *f, const struct options *o)
{
	*f = (struct flow){ .s.o = *o };
	tcp_peer_init(&f->s.p, &o->stack);
	script_open_passive(&f->s);
	look(f);
}

static void put(struct flow *f, uint32_t bytes)
{
	struct tcp_rx rx = script_segment(&f->s, &(struct step)in(A, f->at, bytes, 0));

	tcp_peer_send(&f->s.p, f->s.port, 993, &rx, NULL);
	f->at += bytes;
}

static uint32_t take(struct flow *f, uint32_t bytes)
{
	struct rte_mbuf *m;
	uint32_t sum = 0;

	while (sum < bytes && (m = tcp_recv(f->s.p.conn, bytes - sum)) != NULL) {
		sum += m->pkt_len;
		rte_pktmbuf_free(m);
	}
	tcp_peer_turn(&f->s.p);
	look(f);
	return sum;
}

/* Rounds of @rtt_ms in which @segments come and the user takes all of it. */
static void rounds(struct flow *f, unsigned int n, uint32_t segments, uint32_t rtt_ms)
{
	for (unsigned int i = 0; i < n; i++) {
		for (uint32_t k = 0; k < segments; k++)
			put(f, M);
		assert_int_equal(take(f, UINT32_MAX), segments * M);
		tcp_peer_run(&f->s.p, rtt_ms);
		look(f);
	}
}

static uint32_t held(const struct flow *f)
{
	return stack_reserve(f->s.p.stack)->held;
}

/* RFC 7323 2.2 and 2.3: the shift is chosen for the bound, the window of a SYN isn't scaled. */
static void scale(void **st)
{
	static const struct { uint32_t buffer; uint8_t shift; } rows[] = {
		{ 1000, 0 }, { 65535, 0 }, { 65536, 1 }, { 1000000, 4 }, { 4194304, 7 }, { 16777216, 9 }, { UINT32_MAX, 14 },
	};
	struct flow f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(tcp_window_scale(rows[i].buffer), rows[i].shift);
	/* A peer without the option never sees more than the field says, whatever it sends. */
	flow_open(&f, &(struct options)OPTIONS(.ts = true, .stack = { .rcv_buffer_bytes = 4194304 }));
	assert_int_equal(f.s.p.conn->rcv_wscale, 0);
	rounds(&f, 8, 40, 50);
	assert_int_equal(tcp_window_buffer(f.s.p.conn), UINT16_MAX);
	assert_int_equal(f.wnd, UINT16_MAX);
	tcp_peer_fini(&f.s.p);
}

static const struct options fat = OPTIONS(.ts = true, .sack = true, .wscale = true, .rtt_ms = 100,
					  .stack = { .rcv_buffer_bytes = 1000000, .snd_buffer_bytes = 1000000 });

/* It begins at 64 KB and is four times what a round trip brings, up to the bound. */
static void growth(void **st)
{
	struct flow f;

	flow_open(&f, &fat);
	rounds(&f, 3, 1, 100);
	assert_in_range(f.wnd, 65536 - 2 * M, 65536);
	rounds(&f, 3, 30, 100);
	assert_in_range(tcp_window_buffer(f.s.p.conn), 4 * 30 * M * 9 / 10, 4 * 30 * M);
	rounds(&f, 3, 60, 100);
	assert_in_range(tcp_window_buffer(f.s.p.conn), 4 * 60 * M * 9 / 10, 4 * 60 * M);
	rounds(&f, 6, 200, 100);
	assert_in_range(tcp_window_buffer(f.s.p.conn), 1000000 - 64, 1000000);
	assert_in_range(f.wnd, 1000000 - 2 * M - 64, 1000000);
	tcp_peer_fini(&f.s.p);
}

/* Much in all, little in a round trip: no reason to grow. */
static void slow_sender(void **st)
{
	struct flow f;

	flow_open(&f, &fat);
	rounds(&f, 60, 10, 100);
	assert_int_equal(tcp_window_buffer(f.s.p.conn), 65536);
	tcp_peer_fini(&f.s.p);
}

/* Without timestamps the round trip is what our own data measured. */
static void growth_without_timestamps(void **st)
{
	struct options o = fat;
	struct flow f;

	o.ts = false;
	flow_open(&f, &o);
	rounds(&f, 4, 40, 100);
	assert_in_range(tcp_window_buffer(f.s.p.conn), 4 * 40 * M * 9 / 10, 4 * 40 * M);
	tcp_peer_fini(&f.s.p);
}

/* A user who leaves what comes waiting has less promised anew; the edge stays where it was. */
static void shrinks_without_going_back(void **st)
{
	uint32_t left, edge;
	struct flow f;

	flow_open(&f, &fat);
	rounds(&f, 3, 40, 100);
	rounds(&f, 3, 150, 100);
	while (f.at + M <= f.edge)
		put(&f, M);
	look(&f);
	assert_true(tcp_recv_bytes(f.s.p.conn) > 700000);
	for (unsigned int i = 0; i < 20; i++) {
		take(&f, 4 * M);
		tcp_peer_run(&f.s.p, 100);
		look(&f);
	}
	left = tcp_recv_bytes(f.s.p.conn);
	assert_true(left > 500000);
	assert_int_equal(tcp_window_buffer(f.s.p.conn), 65536);
	/* What is read opens nothing until less waits than the buffer has. */
	edge = f.edge;
	while (tcp_recv_bytes(f.s.p.conn) > 0) {
		assert_true(f.edge == edge || tcp_recv_bytes(f.s.p.conn) < 65536);
		take(&f, 4 * M);
		tcp_peer_run(&f.s.p, 100);
		look(&f);
	}
	assert_in_range(f.wnd, 65536 - M, 65536);
	tcp_peer_fini(&f.s.p);
}

/* Much may wait within a round, as long as the user is done with it once. */
static void bursts_shrink_nothing(void **st)
{
	struct flow f;

	flow_open(&f, &fat);
	rounds(&f, 3, 40, 100);
	rounds(&f, 3, 150, 100);
	for (unsigned int i = 0; i < 10; i++) {
		for (unsigned int k = 0; k < 150; k++)
			put(&f, M);
		take(&f, 4 * M);	/* a round ends with this one, all but it still there */
		take(&f, UINT32_MAX);
		tcp_peer_run(&f.s.p, 100);
		look(&f);
	}
	assert_in_range(tcp_window_buffer(f.s.p.conn), 4 * 150 * M * 9 / 10, 4 * 150 * M);
	tcp_peer_fini(&f.s.p);
}

/* Rounds in which as much comes as is taken. */
static void keep_waiting(struct flow *f, uint32_t segments, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		for (uint32_t k = 0; k < segments; k++)
			put(f, M);
		take(f, segments * M);
		tcp_peer_run(&f->s.p, 100);
		look(f);
	}
}

/* What waits through whole rounds shrinks it by half of that, two records don't; then it grows by quarters. */
static void standing_queue(void **st)
{
	uint32_t before, shrunk;
	struct flow f;

	flow_open(&f, &fat);
	rounds(&f, 3, 40, 100);
	rounds(&f, 3, 150, 100);
	for (unsigned int k = 0; k < 20; k++)
		put(&f, M);		/* less than two records */
	keep_waiting(&f, 150, 3);
	assert_int_equal(tcp_recv_bytes(f.s.p.conn), 20 * M);
	before = tcp_window_buffer(f.s.p.conn);
	assert_in_range(before, 4 * 150 * M * 9 / 10, 4 * 150 * M);
	for (unsigned int k = 0; k < 80; k++)
		put(&f, M);
	keep_waiting(&f, 100, 2);
	shrunk = tcp_window_buffer(f.s.p.conn);
	assert_in_range(shrunk, before - 100 * M - 64, before - 50 * M);
	assert_int_equal(take(&f, UINT32_MAX), 100 * M);
	rounds(&f, 2, 250, 100);	/* the first began with what waited */
	assert_in_range(tcp_window_buffer(f.s.p.conn), shrunk, shrunk + shrunk / 4);
	rounds(&f, 6, 250, 100);
	assert_in_range(tcp_window_buffer(f.s.p.conn), 1000000 - 64, 1000000);
	tcp_peer_fini(&f.s.p);
}

/* RFC 9293 3.8.6.2.2: the window opens by a segment or half of the buffer, or not at all. */
static void silly_windows(void **st)
{
	struct flow f;
	unsigned int told;

	flow_open(&f, &(struct options)OPTIONS(.sack = true, .stack = { .rcv_buffer_bytes = 4400 }));
	put(&f, 1460);
	assert_int_equal(take(&f, UINT32_MAX), 1460);
	for (unsigned int i = 0; i < 4; i++)
		put(&f, 1100);
	look(&f);
	assert_int_equal(f.wnd, 0);
	told = f.told;
	/* 1100 free, and a full segment has 1460: silence, and a probe hears of 0 as well. */
	assert_int_equal(take(&f, 1100), 1100);
	assert_int_equal(f.told, told);
	f.at--;
	put(&f, 1);
	look(&f);
	assert_int_equal(f.told, told + 1);
	assert_int_equal(f.wnd, 0);
	/* 2200: half of the buffer, told at once. */
	assert_int_equal(take(&f, 1100), 1100);
	assert_int_equal(f.told, told + 2);
	assert_int_equal(f.wnd, 2200);
	/* Open already: less than two segments more isn't worth a segment. */
	assert_int_equal(take(&f, 1100), 1100);
	assert_int_equal(f.told, told + 2);
	assert_int_equal(take(&f, 1100), 1100);
	assert_int_equal(f.told, told + 3);
	assert_int_equal(f.wnd, 4400);
	tcp_peer_fini(&f.s.p);
}

/* RFC 9293 3.8.6.1: a closed window takes no data, and an acknowledgment all the same. */
static void zero_window(void **st)
{
	SCRIPT(OPTIONS(.stack = { .rcv_buffer_bytes = 2000 }),
		send_bytes(10), out(P | A, 0, 10, 0),
		in(A, 0, 1000, 0), out_wnd(A, 10, 0, 1000, 1000), in(A, 1000, 1000, 0), out_wnd(A, 10, 0, 2000, 0),
		in(A, 2000, 1, 10), out_wnd(A, 10, 0, 2000, 0), recv_all(2000), out_wnd(A, 10, 0, 2000, 2000),
		in(A, 2000, 1, 10), out(A, 10, 0, 2001), recv_all(1));
}

/* Half of the budget held, by whomever: no buffer grows. */
static void budget(void **st)
{
	struct options o = fat;
	struct tcp_conn *full;
	struct rte_mbuf *m;
	struct flow f;

	o.stack.queue_mbufs = 64;
	flow_open(&f, &o);
	full = f.s.p.conn;
	for (unsigned int i = 0; i < 36; i++)
		put(&f, M);
	look(&f);
	f.s.port_first++;
	f.s.p.conn = NULL;
	script_open_passive(&f.s);
	f.at = f.edge = 0;
	rounds(&f, 5, 18, 100);
	assert_int_equal(held(&f), 36);
	assert_int_equal(tcp_window_buffer(f.s.p.conn), 65536);
	while ((m = tcp_recv(full, UINT32_MAX)) != NULL)
		rte_pktmbuf_free(m);
	rounds(&f, 3, 18, 100);
	assert_in_range(tcp_window_buffer(f.s.p.conn), 4 * 18 * M * 9 / 10, 4 * 18 * M);
	tcp_peer_fini(&f.s.p);
}

/* More: little in order is kept, and no promise moves; what is dropped comes again. */
static void budget_exhausted(void **st)
{
	struct options o = fat;
	struct flow f;
	uint32_t kept;

	o.stack.queue_mbufs = 32;
	flow_open(&f, &o);
	/* Early data, then so much in order that the budget is gone. */
	f.at = 30 * M;
	put(&f, M);
	look(&f);
	assert_int_equal(held(&f), 1);
	f.at = 0;
	for (unsigned int i = 0; i < 27; i++)
		put(&f, M);
	look(&f);
	assert_int_equal(held(&f), 28);
	/* Under 1/8 is free: nothing more in order, since much waits; and no promise moves. */
	kept = f.edge;
	assert_int_equal(f.s.p.counters.drops[DROP_TCP_OOO_FULL], 0);
	put(&f, M);
	put(&f, M);
	look(&f);
	assert_int_equal(f.edge, kept);
	assert_true(f.s.p.counters.drops[DROP_TCP_OOO_FULL] > 0);
	assert_in_range(held(&f), 28, 30);
	/* Nothing is stuck: the user takes, the window opens, what was dropped comes again. */
	assert_true(take(&f, UINT32_MAX) >= 27 * M);
	f.at = f.s.p.conn->rcv_nxt - PEER_ISS - 1;
	put(&f, M);
	look(&f);
	assert_true(f.edge > kept);
	take(&f, UINT32_MAX);
	assert_true(held(&f) <= 1);
	tcp_peer_fini(&f.s.p);
}

/* More holes than a small queue of early data has blocks for, in a window that allows them. */
static void many_holes(void **st)
{
	struct flow f;

	flow_open(&f, &fat);
	for (uint32_t i = 0; i < 300; i++) {
		f.at = 200 * i + 100;
		put(&f, 100);
		look(&f);
	}
	assert_int_equal(f.s.p.counters.drops[DROP_TCP_OOO_FULL], 0);
	assert_int_equal(f.s.p.conn->ooo->n, 300);
	for (uint32_t i = 0; i < 300; i++) {
		f.at = 200 * i;
		put(&f, 100);
		look(&f);
	}
	assert_null(f.s.p.conn->ooo);
	assert_int_equal(take(&f, UINT32_MAX), 60000);
	assert_int_equal(held(&f), 0);
	tcp_peer_fini(&f.s.p);
}

/* Thousands that wait: each promises 64 KB, none holds a buffer. */
static void idle_connections(void **st)
{
	struct options o = fat;
	struct script s;

	o.stack.max_conns = 4000;
	s = (struct script){ .o = o };
	tcp_peer_init(&s.p, &o.stack);
	for (uint16_t i = 0; i < 3000; i++, s.port_first++) {
		s.p.conn = NULL;
		script_open_passive(&s);
		s.o.rtt_ms = 0;
		script_step(&s, &(struct step)in(P | A, 0, 300, 0), i);
		script_step(&s, &(struct step)out(A, 0, 0, 300), i);
		script_step(&s, &(struct step)recv_all(300), i);
		script_step(&s, &(struct step)send_bytes(500), i);
		script_step(&s, &(struct step)out(P | A, 0, 500, 300), i);
		script_step(&s, &(struct step)in(A, 300, 0, 500), i);
	}
	assert_int_equal(stack_conns(s.p.stack), 3000);
	assert_int_equal(stack_reserve(s.p.stack)->held, 0);
	assert_int_equal(rte_mempool_in_use_count(s.p.mbufs), 0);
	tcp_peer_fini(&s.p);
}

/* What may wait unsent follows the flight; a peer that takes nothing has two records queued. */
static void room(void **st)
{
	struct options o = fat;
	struct tcp_conn *c;
	struct flow f;

	o.wnd = 20000;
	flow_open(&f, &o);
	c = f.s.p.conn;
	assert_int_equal(tcp_send_room(c), TCP_UNSENT_MIN);
	tcp_send(c, tcp_peer_chain(&f.s.p, 0, TCP_UNSENT_MIN));
	assert_int_equal(tcp_send_room(c), 0);
	tcp_peer_run(&f.s.p, 20);
	look(&f);
	/* Ten segments left; the sender may have a quarter of them waiting besides. */
	assert_int_equal(tcp_flight(c), 10 * M);
	assert_int_equal(tcp_room(c), 10 * M / 4 + 10 * M);
	assert_true(tcp_events(c) & TCP_WRITABLE);
	/* A window that closes holds what waits: no more is taken. */
	tcp_send(c, tcp_peer_chain(&f.s.p, TCP_UNSENT_MIN, tcp_send_room(c)));
	script_step(&f.s, &(struct step)in_wnd(A, 0, 0, 10 * M, 0), 1);
	look(&f);
	assert_int_equal(tcp_flight(c), 0);
	assert_int_equal(tcp_send_room(c), 0);
	assert_true(c->room_wanted);
	assert_in_range(tcp_send_queued(c), TCP_UNSENT_MIN, TCP_UNSENT_MIN + 10 * M / 4);
	/* It opens: told as soon as a quarter can be queued. */
	tcp_events(c);
	script_step(&f.s, &(struct step)in_wnd(A, 0, 0, 10 * M, 60000), 2);
	tcp_peer_run(&f.s.p, 50);
	look(&f);
	assert_true(tcp_events(c) & TCP_WRITABLE);
	assert_true(tcp_send_room(c) >= TCP_UNSENT_MIN / 4);
	tcp_peer_fini(&f.s.p);
}

/* The budget bounds what a user may queue, and gives it back when all is acknowledged. */
static void room_within_budget(void **st)
{
	struct options o = fat;
	struct tcp_conn *c;
	struct flow f;
	uint32_t sum = 0, n;

	o.stack.queue_mbufs = 16;
	o.wnd = 60000;
	flow_open(&f, &o);
	c = f.s.p.conn;
	while ((n = tcp_send_room(c)) > 0) {
		n = RTE_MIN(n, 1000u);
		tcp_send(c, tcp_peer_chain(&f.s.p, sum, n));
		sum += n;
	}
	assert_in_range(held(&f), 13, 16);
	assert_true(c->room_wanted);
	for (unsigned int i = 0; i < 20 && tcp_send_queued(c) > 0; i++) {
		tcp_peer_run(&f.s.p, 20);
		look(&f);
		script_step(&f.s, &(struct step)in(A, 0, 0, c->snd_nxt - f.s.iss - 1), i);
	}
	look(&f);
	assert_int_equal(tcp_send_queued(c), 0);
	assert_int_equal(held(&f), 0);
	assert_true(tcp_events(c) & TCP_WRITABLE);
	assert_int_equal(tcp_send_room(c), TCP_UNSENT_MIN);
	tcp_peer_fini(&f.s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scale), cmocka_unit_test(growth), cmocka_unit_test(slow_sender),
		cmocka_unit_test(growth_without_timestamps), cmocka_unit_test(shrinks_without_going_back),
		cmocka_unit_test(bursts_shrink_nothing), cmocka_unit_test(standing_queue),
		cmocka_unit_test(silly_windows), cmocka_unit_test(zero_window), cmocka_unit_test(budget),
		cmocka_unit_test(budget_exhausted), cmocka_unit_test(many_holes), cmocka_unit_test(idle_connections), cmocka_unit_test(room),
		cmocka_unit_test(room_within_budget),
	};

	return cmocka_run_group_tests_name("tcp_window", tests, NULL, NULL);
}
