/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Round-trip time, congestion control and the table of connections. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "steer.h"
#include "tcp_cc.h"
#include "tcp_conn.h"
#include "tcp_peer.h"
#include "tcp_rtt.h"
#include "tcp_table.h"

static struct tcp_peer peer;

static struct tcp_conn *conn_new(uint16_t fport)
{
	struct tuple t = { .lport = 993, .fport = fport };
	struct tcp_conn *c = tcp_conn_new(peer.stack, &t);

	assert_non_null(c);
	c->mss = 1000;
	peer.netifs.netifs[0].congestion = CONGESTION_CUBIC;
	tcp_rtt_init(c);
	tcp_cc_init(c);
	return c;
}

/* The example of RFC 6298 section 2, counted by hand. */
static void rtt_by_hand(void **st)
{
	struct tcp_conn *c;

	tcp_peer_init(&peer, NULL);
	c = conn_new(1);
	assert_int_equal(tcp_rto_us(c), 1000000);
	tcp_rtt_sample(c, 400000);
	assert_int_equal(c->srtt_us, 400000);
	assert_int_equal(c->rttvar_us, 200000);
	assert_int_equal(tcp_rto_us(c), 1200000);
	tcp_rtt_sample(c, 800000);	/* var = 3/4 200 + 1/4 400, srtt = 7/8 400 + 1/8 800 */
	assert_int_equal(c->rttvar_us, 250000);
	assert_int_equal(c->srtt_us, 450000);
	assert_int_equal(tcp_rto_us(c), 1450000);
	for (int i = 0; i < 100; i++)
		tcp_rtt_sample(c, 1000);
	assert_int_equal(tcp_rto_us(c), TCP_RTO_MIN_US);
	assert_int_equal(c->min_rtt_us, 1000);
	for (int i = 0; i < 12; i++) {
		uint32_t before = tcp_rto_us(c);

		tcp_rtt_backoff(c);
		assert_int_equal(tcp_rto_us(c), before * 2 > TCP_RTO_MAX_US ? TCP_RTO_MAX_US : before * 2);
	}
	tcp_rtt_sample(c, UINT32_MAX);
	assert_true(tcp_rto_us(c) <= TCP_RTO_MAX_US);
	tcp_conn_free(c);
	tcp_peer_fini(&peer);
}

static void initial_window(void **st)
{
	static const struct {
		uint16_t mss;
		uint32_t window;
	} cases[] = { { 1460, 14600 }, { 536, 5360 }, { 1220, 12200 }, { 8960, 17920 }, { 64, 640 } };
	struct tcp_conn *c;

	tcp_peer_init(&peer, NULL);
	c = conn_new(1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c->mss = cases[i].mss;
		assert_int_equal(tcp_cc_initial_window(c), cases[i].window);
	}
	tcp_conn_free(c);
	tcp_peer_fini(&peer);
}

static void slow_start_doubles(void **st)
{
	struct tcp_conn *c;

	tcp_peer_init(&peer, NULL);
	c = conn_new(1);
	tcp_cc_acked(c, 10000);
	assert_int_equal(c->cwnd, 10000);	/* not in use: it doesn't grow */
	c->cwnd_limited = true;
	c->pacing_rate = 1000000;
	tcp_cc_acked(c, 10000);
	assert_int_equal(c->cwnd, 20000);
	tcp_cc_lost(c, 20000);
	assert_int_equal(c->ssthresh, 14000);
	assert_int_equal(c->cwnd, 14000);
	tcp_cc_timed_out(c, 14000);
	assert_int_equal(c->cwnd, 1000);
	assert_int_equal(c->ssthresh, 9800);
	/* Much of what isn't acknowledged may be SACKed: it doesn't make the window larger. */
	c->cwnd = 10000;
	tcp_cc_lost(c, 500000);
	assert_int_equal(c->cwnd, 7000);
	tcp_cc_timed_out(c, 500000);
	assert_int_equal(c->ssthresh, 4900);
	tcp_conn_free(c);
	tcp_peer_fini(&peer);
}

/* One round trip of congestion avoidance: all of cwnd is acknowledged, segment by segment. */
static void round_trip(struct tcp_conn *c, uint32_t rtt_us)
{
	uint32_t segments = c->cwnd / c->mss;

	for (uint32_t i = 0; i < segments; i++) {
		c->stack->now_us += rtt_us / segments;
		c->cwnd_limited = true;
		tcp_cc_acked(c, c->mss);
	}
}

static void newreno_adds_a_segment_per_round_trip(void **st)
{
	struct tcp_conn *c;

	tcp_peer_init(&peer, NULL);
	c = conn_new(1);
	c->cwnd = c->ssthresh = 50000;
	for (uint32_t i = 0; i < 50; i++)
		tcp_cc_newreno.acked(c, 1000);
	assert_in_range(c->cwnd, 50900, 51100);
	tcp_cc_newreno.lost(c, 50000);
	assert_int_equal(c->ssthresh, 25000);
	tcp_cc_newreno.lost(c, 100);
	assert_int_equal(c->ssthresh, 2000);
	tcp_conn_free(c);
	tcp_peer_fini(&peer);
}

/* After a loss at W CUBIC is back at W after K seconds, concave before and convex after (RFC 9438 4.2). */
static void cubic_follows_its_curve(void **st)
{
	const uint32_t w_max = 500, rtt_us = 100000;
	double k = cbrt(w_max * 0.3 / 0.4), t;
	struct tcp_conn *c;
	uint64_t start;
	uint32_t at_k = 0, half = 0;

	tcp_peer_init(&peer, NULL);
	c = conn_new(1);
	c->srtt_us = rtt_us;
	c->cwnd = w_max * 1000;
	tcp_cc_lost(c, w_max * 1000);
	assert_int_equal(c->cwnd, w_max * 700);
	start = c->stack->now_us;
	for (t = 0; t < 2 * k; t = (double)(c->stack->now_us - start) * 1e-6) {
		round_trip(c, rtt_us);
		if (!half && t >= k / 2)
			half = c->cwnd / 1000;
		if (!at_k && t >= k)
			at_k = c->cwnd / 1000;
	}
	/* Half the time brings seven eighths of the way. */
	assert_in_range(half, w_max * 94 / 100, w_max * 98 / 100);
	assert_in_range(at_k, w_max * 98 / 100, w_max * 103 / 100);
	assert_in_range(c->cwnd / 1000, w_max * 120 / 100, w_max * 145 / 100);
	tcp_conn_free(c);
	tcp_peer_fini(&peer);
}

/* On a short path CUBIC is no slower than Reno (section 4.3). */
static void cubic_is_friendly(void **st)
{
	struct tcp_conn *c;

	tcp_peer_init(&peer, NULL);
	c = conn_new(1);
	c->srtt_us = 1000;
	c->cwnd = 20000;
	tcp_cc_lost(c, 20000);
	assert_int_equal(c->cwnd, 14000);
	/* Reno with alpha 0.53 is back at 20 after about 11 round trips. */
	for (int i = 0; i < 13; i++)
		round_trip(c, 1000);
	assert_in_range(c->cwnd, 19500, 23000);
	tcp_conn_free(c);
	tcp_peer_fini(&peer);
}

static void table_finds_what_is_there(void **st)
{
	struct tcp_conn *c[64];

	tcp_peer_init(&peer, &(struct tcp_peer_options){ .max_conns = 64 });
	for (uint16_t i = 0; i < 64; i++)
		c[i] = conn_new(i);
	for (uint16_t i = 0; i < 64; i++) {
		struct tuple t = { .lport = 993, .fport = i };

		assert_ptr_equal(tcp_lookup(peer.stack, &t), c[i]);
		t.lport = 994;
		assert_null(tcp_lookup(peer.stack, &t));
		assert_null(tcp_conn_new(peer.stack, &t));	/* full */
	}
	for (uint16_t i = 0; i < 64; i += 2)
		tcp_conn_free(c[i]);
	for (uint16_t i = 0; i < 64; i++) {
		struct tuple t = { .lport = 993, .fport = i };

		assert_ptr_equal(tcp_lookup(peer.stack, &t), i % 2 ? c[i] : NULL);
	}
	for (uint16_t i = 1; i < 64; i += 2)
		tcp_conn_free(c[i]);
	tcp_peer_fini(&peer);
}

/* Ports of dialled connections: all different, never in use, and steered to the worker that dials. */
static void ports_come_back_to_the_worker(void **st)
{
	static struct steer steer;
	struct addr to;
	uint16_t first = 0;
	bool random = false;

	tcp_peer_init(&peer, &(struct tcp_peer_options){ .max_conns = 300 });
	steer_init(&steer, 3, 40, 128);
	peer.netifs.netifs[0].steer = &steer;
	peer.stack->config.worker = 2;
	assert_int_equal(addr_parse("192.0.2.2", &to), 0);
	for (int i = 0; i < 300; i++) {
		int why = 0;
		struct tcp_conn *c = tcp_connect(peer.stack, &to, 143, NULL, &why);

		assert_non_null(c);
		assert_int_equal(steer_tuple(&steer, tcp_tuple(c)), 2);
		assert_true(tcp_tuple(c)->lport >= 10000);
		assert_ptr_equal(tcp_lookup(peer.stack, tcp_tuple(c)), c);
		random |= i > 0 && (tcp_tuple(c)->lport < first || tcp_tuple(c)->lport > first + 1000);
		first = i == 0 ? tcp_tuple(c)->lport : first;
		while (tcp_peer_next(&peer))
			;
	}
	assert_true(random);
	assert_int_equal(addr_parse("2001:db8::1", &to), 0);
	for (int why = 0, i = 0; i < 1; i++) {
		assert_null(tcp_connect(peer.stack, &to, 143, NULL, &why));
		assert_int_equal(why, -ENETUNREACH);
	}
	tcp_peer_fini(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rtt_by_hand), cmocka_unit_test(initial_window), cmocka_unit_test(slow_start_doubles),
		cmocka_unit_test(newreno_adds_a_segment_per_round_trip), cmocka_unit_test(cubic_follows_its_curve),
		cmocka_unit_test(cubic_is_friendly), cmocka_unit_test(table_finds_what_is_there),
		cmocka_unit_test(ports_come_back_to_the_worker),
	};

	return cmocka_run_group_tests_name("tcp_control", tests, NULL, NULL);
}
