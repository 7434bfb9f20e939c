/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Delivery-rate samples (draft-ietf-ccwg-bbr-06 section 4.1), pacing, and HyStart++ (RFC 9406). */
#include <rte_mbuf.h>

#include "tcp_cc.h"
#include "tcp_conn.h"
#include "tcp_hystart.h"
#include "tcp_pace.h"
#include "tcp_script.h"
#include "tcp_sndq.h"
#include "tcp_timer.h"

#define M 1460u

static struct script s;

static void open_with(uint8_t congestion, uint32_t rtt_ms)
{
	memset(&s, 0, sizeof(s));
	s.o.sack = true;
	s.o.rtt_ms = rtt_ms;
	s.o.stack.snd_buffer_bytes = 1000000;
	tcp_peer_init(&s.p, &s.o.stack);
	s.p.netifs.netifs[0].congestion = congestion;
	script_open_passive(&s);
}

static int closed(void **st)
{
	tcp_peer_fini(&s.p);
	return 0;
}

static void send_segments(uint32_t n)
{
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, n * M));
	tcp_peer_turn(&s.p);
}

static void ack(uint32_t segments)
{
	struct tcp_rx rx = script_segment(&s, &(struct step)in(A, 0, 0, segments * M));

	tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
}

static void sack(uint32_t from, uint32_t to)
{
	struct tcp_rx rx = script_segment(&s, &(struct step)in(A, 0, 0, 0));

	rx.opts.n_sack = 1;
	rx.opts.sack[0] = (struct tcp_range){ s.iss + 1 + from * M, s.iss + 1 + to * M };
	tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
}

static unsigned int sent(void)
{
	unsigned int n = 0;

	while (script_next(&s))
		n++;
	return n;
}

static const struct tcp_rate_sample *sample(void)
{
	return &s.p.conn->stack->tcp.sample;
}

/* Ten segments in a round trip; a part of them sooner is still over the time since they were sent. */
static void samples(void **st)
{
	open_with(CONGESTION_BBR, 100);
	send_segments(10);
	assert_int_equal(sent(), 10);
	tcp_peer_run(&s.p, 100);
	ack(4);
	assert_int_equal(sample()->delivered, 4 * M);
	assert_int_equal(sample()->interval_us, 100000);
	assert_int_equal(sample()->rate, 4 * M * 10);
	assert_int_equal(sample()->rtt_us, 100000);
	assert_int_equal(sample()->prior_delivered, 0);
	tcp_peer_run(&s.p, 20);
	ack(10);
	assert_int_equal(sample()->delivered, 10 * M);
	assert_int_equal(sample()->newly_acked, 6 * M);
	assert_int_equal(sample()->rate, 10 * M * 1000 / 120);
	assert_int_equal(s.p.conn->delivered, 10 * M);
}

/* What was SACKed counts when it is SACKed, and once; a lost segment is counted, and not delivered. */
static void samples_of_sacks(void **st)
{
	open_with(CONGESTION_BBR, 100);
	send_segments(10);
	sent();
	tcp_peer_run(&s.p, 100);
	sack(1, 10);
	assert_int_equal(sample()->newly_acked, 9 * M);
	assert_int_equal(sample()->newly_lost, M);
	assert_int_equal(sample()->rate, 9 * M * 10);
	assert_int_equal(s.p.conn->lost, M);
	assert_int_equal(sent(), 1);
	tcp_peer_run(&s.p, 100);
	ack(10);
	assert_int_equal(sample()->newly_acked, M);
	assert_int_equal(s.p.conn->delivered, 10 * M);
	/* Of a segment sent twice no round trip is known. */
	assert_int_equal(sample()->rtt_us, UINT32_MAX);
}

/* A retransmission acknowledged at once: the original arrived. The sample is no faster than what was sent. */
static void early_ack(void **st)
{
	open_with(CONGESTION_BBR, 100);
	send_segments(10);
	sent();
	tcp_peer_run(&s.p, 100);
	sack(1, 10);
	assert_int_equal(sent(), 1);
	tcp_peer_run(&s.p, 5);
	ack(10);
	assert_int_equal(sample()->delivered, M);
	assert_true(sample()->rate <= M * 10);
}

/* Section 4.1.2.4: the user had nothing more; once that has left the pipe, samples count again. */
static void app_limited(void **st)
{
	open_with(CONGESTION_BBR, 100);
	send_segments(2);
	tcp_peer_run(&s.p, 100);
	ack(2);
	assert_true(s.p.conn->app_limited != 0);
	send_segments(3);
	tcp_peer_run(&s.p, 100);
	ack(5);
	assert_true(sample()->app_limited);
	send_segments(60);
	for (uint32_t at = 5; at + 5 <= 40; at += 5) {
		tcp_peer_run(&s.p, 50);
		ack(at + 5);
	}
	assert_false(sample()->app_limited);
	assert_int_equal(s.p.conn->app_limited, 0);
}

/* The first window leaves at once (RFC 6928), what follows is spread over the round trip. */
static void paced(void **st)
{
	unsigned int n, most = 0, all = 0;

	open_with(CONGESTION_CUBIC, 100);
	send_segments(100);
	assert_int_equal(sent(), 10);
	assert_false(tcp_timer_on(s.p.conn, TCP_T_OUTPUT));
	tcp_peer_run(&s.p, 100);
	ack(10);
	/* 20 in slow start, at twice the window in a round trip: two or three at once. */
	for (int ms = 0; ms < 100; ms++) {
		n = sent();
		all += n;
		most = RTE_MAX(most, n);
		if (ms == 20)
			assert_in_range(all, 8, 12);
		tcp_peer_run(&s.p, 1);
	}
	assert_int_equal(all, 20);
	assert_in_range(most, 1, 3);
}

/* A late worker makes it good, but not without bound; nothing to send, and there is no timer. */
static void late_and_idle(void **st)
{
	struct tcp_conn *c;
	uint32_t room;

	open_with(CONGESTION_CUBIC, 100);
	c = s.p.conn;
	c->pace_free = false;
	c->pacing_rate = 10000000;
	c->pace_next_us = (uint32_t)c->stack->now_us;
	room = tcp_pace_room(c);
	assert_int_equal(room, 6 * M);	/* a millisecond */
	tcp_pace_sent(c, 10 * M);
	assert_int_equal(tcp_pace_room(c), 0);
	assert_true(tcp_timer_on(c, TCP_T_OUTPUT));
	assert_in_range(tcp_timer_due_us(c, TCP_T_OUTPUT) - c->stack->now_us, 900, 1100);
	c->stack->now_us += 1000;
	assert_in_range(tcp_pace_room(c), M, 6 * M);
	c->stack->now_us += 60000000;
	assert_in_range(tcp_pace_room(c), 18000, 20000);	/* never more than two */
	tcp_timer_off(c, TCP_T_OUTPUT);
	send_segments(2);
	tcp_peer_run(&s.p, 100);
	ack(2);
	assert_false(tcp_timer_on(c, TCP_T_OUTPUT));
	assert_false(tcp_timer_on(c, TCP_T_RTX));
	sent();
}

/* However slow: two segments at once, and not longer than a second each. */
static void slow_rate(void **st)
{
	struct tcp_conn *c;

	open_with(CONGESTION_CUBIC, 100);
	c = s.p.conn;
	c->pace_free = false;
	tcp_pace_set(c, 1);
	assert_int_equal(tcp_pace_room(c), 2 * M);
	tcp_pace_sent(c, 2 * M);
	assert_int_equal(tcp_pace_room(c), 0);
	assert_in_range(tcp_timer_due_us(c, TCP_T_OUTPUT) - c->stack->now_us, 1400000, 1500000);
	tcp_timer_off(c, TCP_T_OUTPUT);
	tcp_pace_set(c, 1ull << 40);
	assert_int_equal(tcp_pace_room(c), UINT32_MAX);
}

/* One round of slow start with this round-trip time: @n acknowledgments of a segment. */
static void slow_start_round(struct tcp_conn *c, uint32_t rtt_us)
{
	uint32_t n = c->cwnd / c->mss;

	c->snd_nxt = c->snd_una + c->cwnd;
	for (uint32_t i = 0; i < n && c->cwnd < c->ssthresh; i++) {
		c->snd_una += c->mss;
		c->stack->tcp.sample.rtt_us = rtt_us;
		c->cwnd_limited = true;
		tcp_cc_acked(c, c->mss);
	}
	c->snd_una = c->snd_nxt;
}

/* RFC 9406 4.2: round trips grow by an eighth: a quarter of the growth, for five rounds, then it ends. */
static void hystart(void **st)
{
	struct tcp_conn *c;
	uint32_t cwnd, una;

	open_with(CONGESTION_CUBIC, 100);
	c = s.p.conn;
	una = c->snd_una;
	slow_start_round(c, 100000);
	slow_start_round(c, 100000);
	slow_start_round(c, 110000);	/* less than an eighth more */
	assert_false(c->win.hystart.in_css);
	slow_start_round(c, 126000);
	assert_true(c->win.hystart.in_css);
	cwnd = c->cwnd;
	slow_start_round(c, 126000);
	assert_in_range(c->cwnd, cwnd * 124 / 100, cwnd * 126 / 100);
	for (int i = 0; i < 6 && c->ssthresh == UINT32_MAX; i++)
		slow_start_round(c, 130000);
	assert_true(c->ssthresh <= c->cwnd);
	c->snd_una = c->snd_nxt = una;
}

/* They are short again: it was no queue of ours, and slow start goes on. */
static void hystart_goes_on(void **st)
{
	struct tcp_conn *c;
	uint32_t una;

	open_with(CONGESTION_NEWRENO, 100);
	c = s.p.conn;
	una = c->snd_una;
	slow_start_round(c, 100000);
	slow_start_round(c, 100000);
	slow_start_round(c, 126000);
	assert_true(c->win.hystart.in_css);
	slow_start_round(c, 101000);
	assert_false(c->win.hystart.in_css);
	assert_int_equal(c->ssthresh, UINT32_MAX);
	c->snd_una = c->snd_nxt = una;
}

#define T(f) cmocka_unit_test_teardown(f, closed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(samples), T(samples_of_sacks), T(early_ack), T(app_limited), T(paced), T(late_and_idle),
		T(slow_rate), T(hystart), T(hystart_goes_on),
	};

	return cmocka_run_group_tests_name("tcp_rate", tests, NULL, NULL);
}
