/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keepalive (RFC 9293 section 3.8.4): probes on a schedule, and only when nothing is outstanding. */
#include <rte_mbuf.h>

#include "tcp_conn.h"
#include "tcp_script.h"

#define IDLE_MS 80000	/* probes then are 10 s apart */
#define KEEP { .keepalive_us = IDLE_MS * 1000u }

static void begin(struct script *s)
{
	tcp_peer_init(&s->p, &s->o.stack);
	script_open_passive(s);
	tcp_set_keepalive(s->p.conn, true);
}

static void step(struct script *s, struct step st)
{
	script_step(s, &st, 0);
}

/* MUST-24, 25: off unless asked for, whatever the configuration says. */
static void off_by_default(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .stack = KEEP), wait_ms(10 * IDLE_MS), silent, state("ESTABLISHED"));
}

/* An answer stops the probing until the next silence; the probe is empty, at SND.NXT - 1 (SHLD-12). */
static void answered(void **st)
{
	struct script s = { .o = { .ts = true, .stack = KEEP } };

	begin(&s);
	for (int i = 0; i < 20; i++) {
		step(&s, (struct step)wait_ms(IDLE_MS - 10));
		step(&s, (struct step)silent);
		step(&s, (struct step)wait_ms(20));
		step(&s, (struct step)out(A, (uint32_t)-1, 0, 0));
		step(&s, (struct step)in(A, 0, 0, 0));
	}
	step(&s, (struct step)state("ESTABLISHED"));
	assert_int_equal(s.p.counters.events[EVENT_TCP_KEEPALIVE_PROBE], 20);
	assert_int_equal(s.p.counters.events[EVENT_TCP_ZERO_WINDOW_PROBE], 0);
	tcp_set_keepalive(s.p.conn, false);
	step(&s, (struct step)wait_ms(2 * IDLE_MS));
	step(&s, (struct step)silent);
	tcp_peer_fini(&s.p);
}

/* MUST-29: one unanswered probe ends nothing; nine do, with a RST that a peer behind a dead path won't see. */
static void unanswered(void **st)
{
	struct script s = { .o = { .sack = true, .stack = KEEP } };

	begin(&s);
	step(&s, (struct step)wait_ms(IDLE_MS + 10));
	for (unsigned int i = 0; i < TCP_KEEPALIVE_PROBES; i++) {
		step(&s, (struct step)out(A, (uint32_t)-1, 0, 0));
		step(&s, (struct step)state("ESTABLISHED"));
		step(&s, (struct step)wait_ms(10002));
	}
	step(&s, (struct step)out(R | A, 0, 0, 0));
	step(&s, (struct step)events(TCP_TIMED_OUT));
	step(&s, (struct step)do_release);
	step(&s, (struct step)conns(0));
	assert_int_equal(s.p.counters.events[EVENT_TCP_KEEPALIVE_TIMEOUT], 1);
	tcp_peer_fini(&s.p);
}

/* Whatever arrives puts it off: data, and the peer's own keepalive's answer to ours. A peer that is gone answers RST. */
static void put_off(void **st)
{
	struct script s = { .o = { .sack = true, .stack = KEEP } };

	begin(&s);
	step(&s, (struct step)wait_ms(IDLE_MS / 2));
	step(&s, (struct step)in(P | A, 0, 1, 0));
	step(&s, (struct step)out(A, 0, 0, 1));
	step(&s, (struct step)recv_all(1));
	step(&s, (struct step)wait_ms(IDLE_MS - 10));
	step(&s, (struct step)silent);
	step(&s, (struct step)wait_ms(20));
	step(&s, (struct step)out(A, (uint32_t)-1, 0, 1));
	step(&s, (struct step)in(R, 1, 0, 0));
	step(&s, (struct step)events(TCP_RESET));
	step(&s, (struct step)do_release);
	tcp_peer_fini(&s.p);
}

/* MUST-26: not while data is outstanding; the retransmission time-out and the user time-out judge then. */
static void not_with_data_outstanding(void **st)
{
	struct script s = { .o = { .sack = true, .stack = { .keepalive_us = 10000000 } } };
	const struct tcp_peer_segment *g;

	begin(&s);
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 10));
	tcp_peer_run(&s.p, 100000);
	while ((g = script_next(&s)) != NULL)
		assert_int_equal(g->rx.bytes, 10);
	assert_int_equal(s.p.counters.events[EVENT_TCP_KEEPALIVE_PROBE], 0);
	tcp_peer_fini(&s.p);
}

/* Its one slot in the wheel, and no packet buffer: an idle connection costs nothing else. */
static void idle_costs_one_slot(void **st)
{
	struct script s = { .o = { .sack = true, .stack = KEEP } };
	uint64_t due;

	begin(&s);
	/* The handshake's retransmission time-out may be what the timer still waits for. */
	tcp_peer_run(&s.p, 2000);
	assert_true(wheel_armed(&s.p.conn->timer));
	due = s.p.conn->timer.due_tick;
	for (unsigned int i = 2000; i < IDLE_MS - 10; i++) {
		tcp_peer_run(&s.p, 1);
		assert_true(s.p.conn->timer.due_tick == due);
	}
	assert_int_equal(rte_mempool_avail_count(s.p.mbufs), s.p.mbufs->size);
	assert_null(script_next(&s));
	tcp_peer_fini(&s.p);
}

/* Asked for while dialling: it begins when the handshake is complete, and ends with tcp_release. */
static void active_and_released(void **st)
{
	struct script s = { .o = { .stack = { .keepalive_us = 20000000 } } };
	const struct tcp_peer_segment *g;
	struct addr to;
	struct tcp_rx rx;
	int why;

	tcp_peer_init(&s.p, &s.o.stack);
	assert_int_equal(addr_parse("192.0.2.2", &to), 0);
	s.p.conn = tcp_connect(s.p.stack, &to, 143, NULL, &why);
	assert_non_null(s.p.conn);
	tcp_set_keepalive(s.p.conn, true);
	tcp_peer_turn(&s.p);
	g = script_next(&s);
	assert_non_null(g);
	s.iss = g->rx.seq;
	s.port = 143;
	s.stack_port = g->sport;
	rx = script_segment(&s, &(struct step)in(S | A, (uint32_t)-1, 0, 0));
	tcp_peer_send(&s.p, 143, s.stack_port, &rx, NULL);
	step(&s, (struct step)out(A, 0, 0, 0));
	step(&s, (struct step)wait_ms(20010));
	step(&s, (struct step)out(A, (uint32_t)-1, 0, 0));
	step(&s, (struct step)in(A, 0, 0, 0));
	step(&s, (struct step)do_release);
	step(&s, (struct step)out(F | A, 0, 0, 0));
	step(&s, (struct step)in(A, 0, 0, 1));
	step(&s, (struct step)wait_ms(50000));
	step(&s, (struct step)silent);
	step(&s, (struct step)wait_ms(11000));
	step(&s, (struct step)conns(0));
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_by_default), cmocka_unit_test(answered), cmocka_unit_test(unanswered),
		cmocka_unit_test(put_off), cmocka_unit_test(not_with_data_outstanding),
		cmocka_unit_test(idle_costs_one_slot), cmocka_unit_test(active_and_released),
	};

	return cmocka_run_group_tests_name("tcp_keepalive", tests, NULL, NULL);
}
