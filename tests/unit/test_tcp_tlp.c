/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tail loss probes (RFC 8985 section 7), segment by segment. */
#include "tcp_script.h"

#define M 1460u

#define THREE send_bytes(3 * M), out(A, 0, M, 0), out(A, M, M, 0), out(P | A, 2 * M, M, 0)

static void begin(struct script *s, bool sack)
{
	*s = (struct script){ .o = { .sack = sack, .rtt_ms = 50, .stack = { .congestion = CONGESTION_CUBIC } } };
	tcp_peer_init(&s->p, &s->o.stack);
	script_open_passive(s);
}

static uint64_t count(const struct script *s, enum event e)
{
	return s->p.counters.events[e];
}

/* Section 7.2, 7.3: after two round trips the last segment again; its SACK shows the loss of the others, no time-out does. */
static void last_segment_again(void **st)
{
	struct script s;

	begin(&s, true);
	STEPS(&s, THREE, wait_ms(98), silent, wait_ms(4), out(A, 2 * M, M, 0), wait_ms(50), in_sack(0, 2 * M, 3 * M),
	    wait_ms(20), out(A, 0, M, 0), wait_ms(50), in(A, 0, 0, M), out(A, M, M, 0), wait_ms(50), in(A, 0, 0, 3 * M),
	    wait_ms(5000), silent);
	assert_int_equal(count(&s, EVENT_TCP_RTO), 0);
	assert_int_equal(count(&s, EVENT_TCP_TAIL_PROBE), 1);
	tcp_peer_fini(&s.p);
}

/* Section 7.3: what the window of the peer lets go is a better probe. */
static void new_data_first(void **st)
{
	struct script s;

	begin(&s, true);
	STEPS(&s, send_bytes(11 * M), wait_ms(60));
	for (uint32_t i = 0; i < 10; i++)
		script_step(&s, &(struct step)out(A, i * M, M, 0), 100 + i);
	STEPS(&s, wait_ms(110), out(P | A, 10 * M, M, 0), wait_ms(50), in(A, 0, 0, 11 * M), wait_ms(5000), silent);
	assert_int_equal(count(&s, EVENT_TCP_TAIL_PROBE), 1);
	tcp_peer_fini(&s.p);
}

/* Section 7.2: one segment alone may be waiting for its acknowledgment's delay; and not without SACK. */
static void delayed_acknowledgment(void **st)
{
	struct script s;

	begin(&s, true);
	STEPS(&s, send_bytes(M), out(P | A, 0, M, 0), wait_ms(195), in(A, 0, 0, M), wait_ms(5000), silent);
	assert_int_equal(count(&s, EVENT_TCP_TAIL_PROBE), 0);
	tcp_peer_fini(&s.p);
	begin(&s, false);
	STEPS(&s, THREE, wait_ms(190), silent, in(A, 0, 0, 3 * M));
	tcp_peer_fini(&s.p);
}

/* Section 7.3: one probe; without a new measurement the next is a time-out. */
static void one_probe(void **st)
{
	struct script s;

	begin(&s, true);
	STEPS(&s, THREE, wait_ms(102), out(A, 2 * M, M, 0), wait_ms(195), silent, wait_ms(10), out(A, 0, M, 0), in(A, 0, 0, 3 * M));
	assert_int_equal(count(&s, EVENT_TCP_TAIL_PROBE), 1);
	assert_int_equal(count(&s, EVENT_TCP_RTO), 1);
	tcp_peer_fini(&s.p);
}

/* Section 7.4.1 case 1: the probe was needless, a D-SACK says; the window stays. */
static void needless(void **st)
{
	struct script s;
	uint32_t before;

	begin(&s, true);
	before = script_cwnd(&s);
	STEPS(&s, THREE, wait_ms(102), out(A, 2 * M, M, 0), in(A, 0, 0, 3 * M), wait_ms(50), in_sack(3 * M, 2 * M, 3 * M),
	    send_bytes(M), out(P | A, 3 * M, M, 0), wait_ms(50), in(A, 0, 0, 4 * M));
	assert_true(script_cwnd(&s) >= before);
	tcp_peer_fini(&s.p);
}

/* Section 7.4.2: the probe mended the loss of the last segment: that was congestion. */
static void mended(void **st)
{
	struct script s;
	uint32_t before;

	begin(&s, true);
	before = script_cwnd(&s);
	STEPS(&s, THREE, wait_ms(50), in(A, 0, 0, 2 * M), wait_ms(210), out(A, 2 * M, M, 0), wait_ms(50), in(A, 0, 0, 3 * M),
	    send_bytes(M), out(P | A, 3 * M, M, 0), wait_ms(50), in(A, 0, 0, 4 * M));
	assert_true(script_cwnd(&s) < before);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_segment_again), cmocka_unit_test(new_data_first),
		cmocka_unit_test(delayed_acknowledgment), cmocka_unit_test(one_probe), cmocka_unit_test(needless),
		cmocka_unit_test(mended),
	};

	return cmocka_run_group_tests_name("tcp_tlp", tests, NULL, NULL);
}
