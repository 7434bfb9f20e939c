/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recoveries that there was no reason for, and how that shows (RFC 3522, 3708, 5682), segment by segment. */
#include "tcp_conn.h"
#include "tcp_script.h"

#define M 1460u		/* a full segment */
#define T 1448u		/* with timestamps */

#define FIVE(m) send_bytes(5 * (m)), out(A, 0, m, 0), out(A, m, m, 0), out(A, 2 * (m), m, 0), out(A, 3 * (m), m, 0), \
	out(P | A, 4 * (m), m, 0)

static void begin(struct script *s, bool sack, bool ts)
{
	*s = (struct script){ .o = { .sack = sack, .ts = ts, .rtt_ms = 100, .stack = { .congestion = CONGESTION_CUBIC } } };
	tcp_peer_init(&s->p, &s->o.stack);
	script_open_passive(s);
}

static void end(struct script *s, unsigned int undone)
{
	STEPS(s, wait_ms(5000), silent);
	assert_int_equal(s->p.counters.events[EVENT_TCP_UNDO], undone);
	tcp_peer_fini(&s->p);
}

/* RFC 3522 section 3.2: the acknowledgment echoes a timestamp from before the fast retransmit. */
static void eifel_in_fast_recovery(void **st)
{
	struct script s;
	uint32_t before, ts;

	begin(&s, true, true);
	before = script_cwnd(&s);
	STEPS(&s, FIVE(T), wait_ms(100));
	ts = s.last_ts;
	STEPS(&s, in_sack(0, T, 4 * T), out(A, 0, T, 0), wait_ms(3));
	assert_true(script_cwnd(&s) < before);
	s.last_ts = ts;
	STEPS(&s, in(A, 0, 0, 5 * T));
	assert_true(script_cwnd(&s) >= before);
	end(&s, 1);
}

/* The same acknowledgment, but it answers the retransmission: the loss was one. */
static void eifel_finds_a_loss(void **st)
{
	struct script s;
	uint32_t before;

	begin(&s, true, true);
	before = script_cwnd(&s);
	STEPS(&s, FIVE(T), wait_ms(100), in_sack(0, T, 4 * T), out(A, 0, T, 0), wait_ms(100), in(A, 0, 0, 5 * T));
	assert_true(script_cwnd(&s) < before);
	end(&s, 0);
}

/* RFC 3522 and 4015 after a time-out: nothing else is sent again, and the window is back. */
static void eifel_after_a_time_out(void **st)
{
	struct script s;
	uint32_t before, ts;

	begin(&s, true, true);
	before = script_cwnd(&s);
	STEPS(&s, FIVE(T));
	ts = s.last_ts;
	STEPS(&s, wait_ms(202), out(A, 4 * T, T, 0), wait_ms(302), out(A, 0, T, 0));
	assert_int_equal(script_cwnd(&s), T);
	s.last_ts = ts;
	STEPS(&s, in(A, 0, 0, T), silent);
	assert_true(script_cwnd(&s) >= before);
	STEPS(&s, in(A, 0, 0, 5 * T));
	end(&s, 1);
}

/* RFC 3708: without timestamps a D-SACK for all that was sent again tells, after recovery too. */
static void by_dsack(void **st)
{
	struct script s;
	uint32_t before;

	begin(&s, true, false);
	before = script_cwnd(&s);
	STEPS(&s, FIVE(M), wait_ms(100), in_sack(0, M, 4 * M), out(A, 0, M, 0), wait_ms(3), in(A, 0, 0, 5 * M));
	assert_true(script_cwnd(&s) < before);
	STEPS(&s, wait_ms(97), in_sack(5 * M, 0, M));
	assert_true(script_cwnd(&s) >= before);
	end(&s, 1);
}

/* Two were sent again, one of them came twice: the other had been lost. */
static void by_dsack_not_all(void **st)
{
	struct script s;
	uint32_t before;

	begin(&s, true, false);
	before = script_cwnd(&s);
	STEPS(&s, FIVE(M), wait_ms(100), in_sack2(0, 3 * M, 5 * M, M, 2 * M), out(A, 0, M, 0), out(A, 2 * M, M, 0),
	    wait_ms(2), in_sack(2 * M, 3 * M, 5 * M), wait_ms(98), in_sack2(2 * M, 0, M, 3 * M, 5 * M),
	    in(A, 0, 0, 5 * M));
	assert_true(script_cwnd(&s) < before);
	end(&s, 0);
}

/*
 * RFC 5682 section 3.1: after a time-out the first acknowledgment lets new data go, not
 * what was lost; the second one, for what was never sent again, shows that nothing was.
 */
static void frto_spurious(void **st)
{
	struct script s;
	uint32_t before;

	begin(&s, true, false);
	before = script_cwnd(&s);
	STEPS(&s, FIVE(M), wait_ms(202), out(A, 4 * M, M, 0), wait_ms(302), out(A, 0, M, 0), send_bytes(M), silent,
	    in(A, 0, 0, M), out(P | A, 5 * M, M, 0), in(A, 0, 0, 2 * M), silent);
	assert_true(script_cwnd(&s) >= before);
	STEPS(&s, in(A, 0, 0, 6 * M));
	end(&s, 1);
}

/* Section 3.1 step 3a: the second one reports the new data only: what was lost is sent again. */
static void frto_loss(void **st)
{
	struct script s;
	uint32_t before;

	begin(&s, true, false);
	before = script_cwnd(&s);
	STEPS(&s, FIVE(M), wait_ms(202), out(A, 4 * M, M, 0), wait_ms(302), out(A, 0, M, 0), send_bytes(M), silent, wait_ms(100),
	    in(A, 0, 0, M), out(P | A, 5 * M, M, 0), wait_ms(100), in_sack(M, 5 * M, 6 * M), out(A, M, M, 0),
	    out(A, 2 * M, M, 0));
	assert_true(script_cwnd(&s) < before);
	STEPS(&s, wait_ms(100), in(A, 0, 0, 6 * M));
	end(&s, 0);
}

/* Section 2.1 step 2b: without new data the retransmission of what was lost goes on. */
static void frto_without_new_data(void **st)
{
	struct script s;

	begin(&s, true, false);
	STEPS(&s, FIVE(M), wait_ms(202), out(A, 4 * M, M, 0), wait_ms(302), out(A, 0, M, 0), wait_ms(100), in(A, 0, 0, M), out(A, M, M, 0));
	while (script_next(&s))
		;
	STEPS(&s, in(A, 0, 0, 5 * M));
	end(&s, 0);
}

/* Section 2.1 step 2b: two new segments and no more, also where BBR's least window would allow four. */
static void frto_two_segments(void **st)
{
	struct script s = { .o = { .sack = true, .rtt_ms = 100, .stack = { .congestion = CONGESTION_BBR } } };

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	STEPS(&s, FIVE(M), wait_ms(202), out(A, 4 * M, M, 0), wait_ms(302), out(A, 0, M, 0), send_bytes(4 * M), silent,
	    wait_ms(100), in(A, 0, 0, M), out(A, 5 * M, M, 0), wait_ms(5), out(A, 6 * M, M, 0), wait_ms(50), silent,
	    in(A, 0, 0, 7 * M), out(A, 7 * M, M, 0), out(P | A, 8 * M, M, 0), in(A, 0, 0, 9 * M));
	end(&s, 1);
}

/* Section 2.1, without SACK: both acknowledgments move the window. */
static void frto_without_sack(void **st)
{
	struct script s;

	begin(&s, false, false);
	STEPS(&s, FIVE(M), wait_ms(302), out(A, 0, M, 0), send_bytes(M), silent,
	    in(A, 0, 0, M), out(P | A, 5 * M, M, 0), in(A, 0, 0, 2 * M), silent, in(A, 0, 0, 6 * M));
	end(&s, 1);
}

static void step(struct script *s, struct step st)
{
	script_step(s, &st, 0);
}

static void discard(struct script *s)
{
	while (script_next(s))
		;
}

/* One real loss, and growth after it until five segments fit: then these are out, from the returned place on. */
static uint32_t on_the_curve(struct script *s)
{
	uint32_t at = 5 * M;

	begin(s, true, false);
	STEPS(s, FIVE(M), wait_ms(100), in_sack(0, M, 4 * M), out(A, 0, M, 0), wait_ms(100), in(A, 0, 0, 5 * M));
	while (s->p.conn->cwnd < 6 * M) {
		step(s, (struct step)send_bytes(6 * M));
		for (uint32_t end = at + 6 * M; at < end;) {
			tcp_peer_run(&s->p, 100);
			at = s->p.conn->snd_nxt - s->iss - 1;
			discard(s);
			step(s, (struct step)in(A, 0, 0, at));
		}
	}
	step(s, (struct step)send_bytes(5 * M));
	tcp_peer_run(&s->p, 100);
	discard(s);
	assert_int_equal(s->p.conn->snd_nxt, s->iss + 1 + at + 5 * M);
	return at;
}

struct curve {
	struct tcp_cubic cubic;
	uint32_t cwnd, ssthresh;
};

static struct curve curve_of(const struct script *s)
{
	const struct tcp_conn *c = s->p.conn;

	return (struct curve){ c->win.cubic, c->cwnd, c->ssthresh };
}

/* RFC 9438 section 4.9.2: W_max, K, the epoch and W_est are what they were before the loss that was none. */
static void cubic_curve(void **st)
{
	struct curve before, after;
	struct script s;
	uint32_t at;

	at = on_the_curve(&s);
	before = curve_of(&s);
	assert_true(before.cubic.epoch_us != 0 && before.cubic.k_s > 0 && before.cubic.w_max > (float)before.cwnd / M);
	step(&s, (struct step)in_sack(at, at + M, at + 4 * M));
	step(&s, (struct step)out(A, at, M, 0));
	tcp_peer_run(&s.p, 3);
	assert_true(s.p.conn->win.cubic.epoch_us == 0 && s.p.conn->win.cubic.w_max < before.cubic.w_max);
	step(&s, (struct step)in(A, 0, 0, at + 5 * M));
	tcp_peer_run(&s.p, 97);
	step(&s, (struct step)in_sack(at + 5 * M, at, at + M));
	after = curve_of(&s);
	assert_memory_equal(&after, &before, sizeof(before));
	end(&s, 1);
}

/* Section 4.9.1: the same for a time-out, which F-RTO sees through. */
static void cubic_curve_after_a_time_out(void **st)
{
	struct curve before, after;
	struct script s;
	uint32_t at;

	at = on_the_curve(&s);
	before = curve_of(&s);
	while (s.p.conn->cwnd != M)
		tcp_peer_run(&s.p, 1);
	discard(&s);
	step(&s, (struct step)send_bytes(M));
	step(&s, (struct step)in(A, 0, 0, at + M));
	step(&s, (struct step)out(P | A, at + 5 * M, M, 0));
	step(&s, (struct step)in(A, 0, 0, at + 2 * M));
	after = curve_of(&s);
	/* This acknowledgment has moved it on already. */
	assert_true(after.cwnd >= before.cwnd && after.cwnd < before.cwnd + M);
	assert_true(after.cubic.w_est >= before.cubic.w_est);
	after.cubic.w_est = before.cubic.w_est;
	after.cwnd = before.cwnd;
	assert_memory_equal(&after, &before, sizeof(before));
	step(&s, (struct step)in(A, 0, 0, at + 6 * M));
	end(&s, 1);
}

/* Undone in the first slow start: that goes on, and its look at round trips with it. */
static void cubic_slow_start(void **st)
{
	struct script s;
	uint32_t before;

	begin(&s, true, false);
	before = script_cwnd(&s);
	STEPS(&s, FIVE(M), wait_ms(100), in_sack(0, M, 4 * M), out(A, 0, M, 0), wait_ms(3), in(A, 0, 0, 5 * M));
	assert_true(s.p.conn->ssthresh < before);
	STEPS(&s, wait_ms(97), in_sack(5 * M, 0, M));
	assert_int_equal(s.p.conn->ssthresh, UINT32_MAX);
	assert_true(s.p.conn->win.cubic.w_max == 0 && s.p.conn->win.cubic.epoch_us == 0);
	assert_int_equal(s.p.conn->win.hystart.samples, 0);
	assert_true(!s.p.conn->win.hystart.in_css && s.p.conn->win.hystart.window_end == s.p.conn->snd_nxt);
	end(&s, 1);
}

/* Section 4.9.2: known so late that the window is larger already: what is newer stays. */
static void cubic_has_gone_on(void **st)
{
	struct tcp_cubic curve;
	struct script s;
	uint32_t cwnd;

	begin(&s, true, false);
	STEPS(&s, FIVE(M), wait_ms(100), in_sack(0, M, 4 * M), out(A, 0, M, 0), wait_ms(3), in(A, 0, 0, 5 * M));
	s.p.conn->cwnd = s.p.conn->prior_cwnd + 1;
	cwnd = script_cwnd(&s);
	curve = s.p.conn->win.cubic;
	STEPS(&s, wait_ms(97), in_sack(5 * M, 0, M));
	assert_memory_equal(&s.p.conn->win.cubic, &curve, sizeof(curve));
	assert_int_equal(script_cwnd(&s), cwnd);
	assert_true(s.p.conn->ssthresh < cwnd);
	end(&s, 1);
}

/* RFC 6582 section 3.2 step 2: three duplicates right at the end of a recovery begin no new one. */
static void newreno_recover(void **st)
{
	struct script s;

	begin(&s, false, false);
	STEPS(&s, FIVE(M), wait_ms(100), in(A, 0, 0, 0), in(A, 0, 0, 0), in(A, 0, 0, 0), out(A, 0, M, 0), wait_ms(100),
	    in(A, 0, 0, 5 * M), send_bytes(100), out(P | A, 5 * M, 100, 0),
	    in(A, 0, 0, 5 * M), in(A, 0, 0, 5 * M), in(A, 0, 0, 5 * M), silent, wait_ms(50), in(A, 0, 0, 5 * M + 100),
	    /* Beyond it they do. */
	    send_bytes(100), out(P | A, 5 * M + 100, 100, 0), in(A, 0, 0, 5 * M + 100), in(A, 0, 0, 5 * M + 100),
	    in(A, 0, 0, 5 * M + 100), out(A, 5 * M + 100, 100, 0), wait_ms(100), in(A, 0, 0, 5 * M + 200));
	end(&s, 0);
	assert_int_equal(s.p.counters.events[EVENT_TCP_FAST_RECOVERY], 2);
}

/* RFC 3042: each of the first two duplicates sends a new segment, though cwnd is full. */
static void limited_transmit(void **st)
{
	struct script s;

	begin(&s, false, false);
	STEPS(&s, send_bytes(12 * M), wait_ms(90));
	for (uint32_t i = 0; i < 10; i++)
		script_step(&s, &(struct step)out(A, i * M, M, 0), 100 + i);
	STEPS(&s, silent, in(A, 0, 0, 0), out(A, 10 * M, M, 0), wait_ms(10), in(A, 0, 0, 0), wait_ms(10),
	    out(P | A, 11 * M, M, 0), in(A, 0, 0, 0), out(A, 0, M, 0), wait_ms(100), in(A, 0, 0, 12 * M));
	end(&s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eifel_in_fast_recovery), cmocka_unit_test(eifel_finds_a_loss),
		cmocka_unit_test(eifel_after_a_time_out), cmocka_unit_test(by_dsack), cmocka_unit_test(by_dsack_not_all),
		cmocka_unit_test(frto_spurious), cmocka_unit_test(frto_loss), cmocka_unit_test(frto_without_new_data),
		cmocka_unit_test(cubic_curve), cmocka_unit_test(cubic_curve_after_a_time_out),
		cmocka_unit_test(cubic_slow_start), cmocka_unit_test(cubic_has_gone_on),
		cmocka_unit_test(frto_two_segments), cmocka_unit_test(frto_without_sack),
		cmocka_unit_test(newreno_recover), cmocka_unit_test(limited_transmit),
	};

	return cmocka_run_group_tests_name("tcp_undo", tests, NULL, NULL);
}
