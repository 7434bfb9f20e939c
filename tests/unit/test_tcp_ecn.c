/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ECN (RFC 3168 section 6.1): who agrees to it, what is marked, what an echo does. */
#include <rte_mbuf.h>

#include "tcp_conn.h"
#include "tcp_script.h"

#define E TH_ECE
#define C TH_CWR
#define ECT0 2
#define CE 3
#define CUBIC .congestion = CONGESTION_CUBIC

static void step(struct script *s, struct step st)
{
	script_step(s, &st, 0);
}

/* Opens as the server with @flags on the SYN; the SYN-ACK must have @answer. */
static void open_passive(struct script *s, uint8_t flags, uint8_t answer)
{
	const struct tcp_peer_segment *g;
	struct tcp_rx rx;

	tcp_peer_init(&s->p, &s->o.stack);
	s->port = TCP_PEER_PORT;
	s->stack_port = 993;
	rx = script_peer_syn(s);
	rx.flags |= flags;
	tcp_peer_send(&s->p, s->port, 993, &rx, NULL);
	g = script_next(s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags, S | A | answer);
	assert_int_equal(g->tos, 0);
	s->iss = g->rx.seq;
	rx = script_segment(s, &(struct step)in_wnd(A, 0, 0, 0, s->o.wnd ? s->o.wnd : 60000));
	tcp_peer_send(&s->p, s->port, 993, &rx, NULL);
}

/* Dials; the SYN must have @flags. */
static void dial(struct script *s, uint8_t flags)
{
	tcp_peer_init(&s->p, &s->o.stack);
	script_dial(s, flags);
}

static void answered(struct script *s, uint8_t flags)
{
	step(s, (struct step)in(S | A | flags, (uint32_t)-1, 0, 0));
	step(s, (struct step)out(A, 0, 0, 0));
}

/* The next segment that the stack sends has these flags and this field. */
static void expect(struct script *s, uint8_t flags, uint32_t bytes, uint8_t tos)
{
	const struct tcp_peer_segment *g = script_next(s);

	assert_non_null(g);
	assert_int_equal(g->rx.flags, flags);
	assert_int_equal(g->rx.bytes, bytes);
	assert_int_equal(g->tos, tos);
}

static void send(struct script *s, uint32_t bytes)
{
	tcp_send(s->p.conn, tcp_peer_chain(&s->p, 0, bytes));
	tcp_peer_turn(&s->p);
}

static void passive(void **st)
{
	static const struct {
		uint8_t syn, answer, tos;
	} rows[] = { { E | C, E, ECT0 }, { 0, 0, 0 }, { E, 0, 0 }, { C, 0, 0 } };

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct script s = { .o = { .sack = true, .stack = { CUBIC } } };

		open_passive(&s, rows[i].syn, rows[i].answer);
		send(&s, 100);
		expect(&s, P | A, 100, rows[i].tos);
		tcp_peer_fini(&s.p);
	}
}

/* SYN-ACKs: with ECE alone it is agreed; a reflection of both flags isn't an answer. */
static void active(void **st)
{
	static const struct {
		uint8_t answer, tos;
	} rows[] = { { E, ECT0 }, { 0, 0 }, { E | C, 0 }, { C, 0 } };

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct script s = { .o = { .sack = true, .stack = { CUBIC, .ecn = ECN_ON } } };

		dial(&s, E | C);
		answered(&s, rows[i].answer);
		send(&s, 100);
		expect(&s, P | A, 100, rows[i].tos);
		tcp_peer_fini(&s.p);
	}
}

/* 6.1.1.1: no answer to a SYN that asks: the next doesn't. Then we mark nothing, but what the peer marks is echoed. */
static void active_falls_back(void **st)
{
	struct script s = { .o = { .sack = true, .stack = { CUBIC, .ecn = ECN_ON } } };

	dial(&s, E | C);
	tcp_peer_run(&s.p, 1010);
	expect(&s, S, 0, 0);
	answered(&s, E);
	send(&s, 100);
	expect(&s, P | A, 100, 0);
	s.p.tos = CE;
	step(&s, (struct step)in(P | A, 0, 10, 100));
	expect(&s, A | E, 0, 0);
	tcp_peer_fini(&s.p);
}

static void as_the_port_allows(void **st)
{
	struct script accept = { .o = { .stack = { CUBIC, .ecn = ECN_ACCEPT } } };
	struct script off = { .o = { .stack = { CUBIC, .ecn = ECN_OFF } } };

	dial(&accept, 0);
	/* Not asked for: not believed. */
	answered(&accept, E);
	send(&accept, 10);
	expect(&accept, P | A, 10, 0);
	tcp_peer_fini(&accept.p);
	open_passive(&off, E | C, 0);
	off.p.tos = CE;
	step(&off, (struct step)in(P | A, 0, 10, 0));
	expect(&off, A, 0, 0);
	tcp_peer_fini(&off.p);
}

/* 6.1.3: ECE on everything from the mark on until CWR, and again if that is marked as well. */
static void marks_are_echoed(void **st)
{
	struct script s = { .o = { .sack = true, .stack = { CUBIC } } };

	open_passive(&s, E | C, E);
	s.p.tos = ECT0;
	step(&s, (struct step)in(P | A, 0, 10, 0));
	expect(&s, A, 0, 0);
	/* A mark on a segment without data isn't the network's. */
	s.p.tos = CE;
	step(&s, (struct step)in(A, 10, 0, 0));
	s.p.tos = CE;
	step(&s, (struct step)in(P | A, 10, 10, 0));
	expect(&s, A | E, 0, 0);
	s.p.tos = ECT0;
	step(&s, (struct step)in(P | A, 20, 10, 0));
	expect(&s, A | E, 0, 0);
	send(&s, 5);
	expect(&s, P | A | E, 5, ECT0);
	step(&s, (struct step)in(P | A | C, 30, 10, 5));
	expect(&s, A, 0, 0);
	s.p.tos = CE;
	step(&s, (struct step)in(P | A | C, 40, 10, 5));
	expect(&s, A | E, 0, 0);
	assert_int_equal(s.p.counters.events[EVENT_TCP_CE_RECEIVED], 2);
	tcp_peer_fini(&s.p);
}

/* 6.1.4 to 6.1.6: not on retransmissions, window probes, acknowledgments, FINs without data. */
static void only_new_data(void **st)
{
	struct script s = { .o = { .sack = true, .wnd = 100, .stack = { CUBIC } } };
	struct step closed = in_wnd(A, 0, 0, 100, 0);

	open_passive(&s, E | C, E);
	send(&s, 300);
	expect(&s, A, 100, ECT0);
	tcp_peer_run(&s.p, 1100);
	expect(&s, A, 100, 0);
	while (script_next(&s))
		;
	step(&s, closed);
	tcp_peer_run(&s.p, 1000);
	expect(&s, A, 0, 0);
	while (script_next(&s))
		;
	step(&s, (struct step)in(A, 0, 0, 100));
	/* The time-out has reduced the window: the peer hears of it. */
	expect(&s, P | A | C, 200, ECT0);
	step(&s, (struct step)in(A, 0, 0, 300));
	step(&s, (struct step)do_shutdown);
	expect(&s, F | A, 0, 0);
	tcp_peer_fini(&s.p);
}

/* 6.1.2: the same as a loss, once for the data that was out; CWR on the next new data, once. */
static void echo_reduces_once_a_window(void **st)
{
	struct script s = { .o = { .sack = true, .stack = { CUBIC } } };
	uint32_t cwnd, sent = 0, marked_with_cwr = 0;
	const struct tcp_peer_segment *g;

	open_passive(&s, E | C, E);
	cwnd = s.p.conn->cwnd;
	send(&s, 60000);
	tcp_peer_run(&s.p, 5);
	while ((g = script_next(&s)) != NULL) {
		assert_int_equal(g->tos, ECT0);
		assert_int_equal(g->rx.flags & (E | C), 0);
		sent += g->rx.bytes;
	}
	assert_int_equal(sent, cwnd);
	/* Ten echoes about one window. */
	for (uint32_t acked = 1460; acked <= cwnd; acked += 1460) {
		struct tcp_rx rx = script_segment(&s, &(struct step)in(A | E, 0, 0, acked));

		tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	}
	tcp_peer_run(&s.p, 5);
	assert_int_equal(s.p.counters.events[EVENT_TCP_ECN_REDUCTION], 1);
	assert_int_equal(s.p.conn->cwnd, (uint32_t)((float)cwnd * 0.7f));
	while ((g = script_next(&s)) != NULL) {
		assert_int_equal(g->tos, ECT0);
		marked_with_cwr += (g->rx.flags & C) != 0;
		sent += g->rx.bytes;
	}
	assert_int_equal(marked_with_cwr, 1);
	/* An echo about what was sent since is a new one. */
	step(&s, (struct step)in(A | E, 0, 0, sent));
	assert_int_equal(s.p.counters.events[EVENT_TCP_ECN_REDUCTION], 2);
	assert_int_equal(s.p.counters.events[EVENT_TCP_RETRANSMIT], 0);
	while (script_next(&s))
		;
	tcp_peer_fini(&s.p);
}

/* The peer says it was marked whatever happens. It hurts nobody but itself, and not to a standstill. */
static void echo_always(uint8_t congestion)
{
	struct script s = { .o = { .sack = true, .stack = { .congestion = congestion } } };
	uint32_t acked = 0, sent = 0;
	unsigned int turns = 0;

	open_passive(&s, E | C, E);
	while (acked < 500000) {
		const struct tcp_peer_segment *g;
		struct tcp_rx rx;
		uint32_t end = acked;

		if (sent - acked < 30000) {
			tcp_send(s.p.conn, tcp_peer_chain(&s.p, sent, 15000));
			sent += 15000;
		}
		tcp_peer_run(&s.p, 10);
		while ((g = script_next(&s)) != NULL)
			end = g->rx.seq + g->rx.bytes - s.iss - 1;
		assert_true(s.p.conn->cwnd >= 2u * s.p.conn->mss);
		rx = script_segment(&s, &(struct step)in(A | E, 0, 0, end));
		tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
		acked = end;
		assert_true(++turns < 1000);
	}
	assert_int_equal(s.p.counters.events[EVENT_TCP_RETRANSMIT], 0);
	tcp_peer_fini(&s.p);
}

static void always_echoing(void **st)
{
	echo_always(CONGESTION_CUBIC);
	echo_always(CONGESTION_BBR);
}

/* A loss reduces the window as well: the peer, should it be echoing, must hear CWR too. */
static void loss_is_told(void **st)
{
	static const uint8_t controllers[] = { CONGESTION_CUBIC, CONGESTION_BBR };

	for (size_t i = 0; i < RTE_DIM(controllers); i++) {
		struct script s = { .o = { .sack = true, .stack = { .congestion = controllers[i] } } };

		open_passive(&s, E | C, E);
		send(&s, 100);
		expect(&s, P | A, 100, ECT0);
		tcp_peer_run(&s.p, 1100);
		expect(&s, A, 100, 0);
		while (script_next(&s))
			;
		step(&s, (struct step)in(A, 0, 0, 100));
		send(&s, 50);
		expect(&s, P | A | C, 50, ECT0);
		send(&s, 50);
		expect(&s, P | A, 50, ECT0);
		tcp_peer_fini(&s.p);
	}
}

/* Takes all that the stack has sent. Returns how much of it was data, and in *cwr how many segments told of a reduction. */
static uint32_t take_marked(struct script *s, unsigned int *cwr)
{
	const struct tcp_peer_segment *g;
	uint32_t bytes = 0;

	while ((g = script_next(s)) != NULL) {
		assert_int_equal(g->tos, g->rx.bytes > 0 ? ECT0 : 0);
		*cwr += (g->rx.flags & C) != 0;
		bytes += g->rx.bytes;
	}
	return bytes;
}

/* BBR, the default, on the wire: ECT(0); one answer for a window of echoes, CWR on what is sent next; then another. */
static void bbr(void **st)
{
	struct script s = { .o = { .sack = true } };
	uint32_t cwnd, sent;
	unsigned int cwr = 0;

	open_passive(&s, E | C, E);
	cwnd = s.p.conn->cwnd;
	send(&s, 60000);
	tcp_peer_run(&s.p, 5);
	sent = take_marked(&s, &cwr);
	assert_int_equal(sent, cwnd);
	for (uint32_t acked = 1460; acked <= cwnd; acked += 1460) {
		struct tcp_rx rx = script_segment(&s, &(struct step)in(A | E, 0, 0, acked));

		tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	}
	assert_int_equal(s.p.counters.events[EVENT_TCP_ECN_REDUCTION], 1);
	assert_true(s.p.conn->cwnd <= cwnd * 85 / 100);
	assert_int_equal(cwr, 0);
	tcp_peer_run(&s.p, 5);
	sent += take_marked(&s, &cwr);
	assert_true(sent > cwnd);
	assert_int_equal(cwr, 1);
	step(&s, (struct step)in(A | E, 0, 0, sent));
	assert_int_equal(s.p.counters.events[EVENT_TCP_ECN_REDUCTION], 2);
	assert_int_equal(s.p.counters.events[EVENT_TCP_RETRANSMIT], 0);
	take_marked(&s, &cwr);
	tcp_peer_fini(&s.p);
}

/* Without an agreement an echo is nothing, and nothing is marked. */
static void bbr_not_asked(void **st)
{
	struct script s = { .o = { .sack = true } };

	open_passive(&s, 0, 0);
	send(&s, 100);
	expect(&s, P | A, 100, 0);
	step(&s, (struct step)in(A | E, 0, 0, 100));
	assert_int_equal(s.p.counters.events[EVENT_TCP_ECN_REDUCTION], 0);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passive), cmocka_unit_test(active), cmocka_unit_test(active_falls_back),
		cmocka_unit_test(as_the_port_allows), cmocka_unit_test(marks_are_echoed), cmocka_unit_test(only_new_data),
		cmocka_unit_test(echo_reduces_once_a_window), cmocka_unit_test(always_echoing), cmocka_unit_test(loss_is_told),
		cmocka_unit_test(bbr), cmocka_unit_test(bbr_not_asked),
	};

	return cmocka_run_group_tests_name("tcp_ecn", tests, NULL, NULL);
}
