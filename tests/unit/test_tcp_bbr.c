/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BBR's states and bounds (draft-ietf-ccwg-bbr-06) on a path made of samples: 10 MB/s
 * and 40 ms, so its bandwidth-delay product is 400 segments of 1000 bytes. One call is
 * one round trip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tcp_cc.h"
#include "tcp_cc_bbr.h"
#include "tcp_peer.h"
#include "tcp_rtt.h"
#include "tcp_sndq.h"
#include "tcp_table.h"
#include "tcp_timer.h"

#define RATE 10000000u
#define RTT_US 40000u
#define BDP 400000u

static struct tcp_peer peer;
static struct tcp_conn *c;
static uint32_t rtt_us;

static int begin(void **st)
{
	struct tuple t = { .lport = 993, .fport = 1 };

	tcp_peer_init(&peer, NULL);
	c = tcp_conn_new(peer.stack, &t);
	assert_non_null(c);
	c->mss = 1000;
	rtt_us = RTT_US;
	c->sack_ok = true;
	tcp_rtt_init(c);
	tcp_rtt_sample(c, RTT_US);
	tcp_cc_init(c);
	assert_string_equal(tcp_cc(c)->name, "bbr");
	return 0;
}

static int end(void **st)
{
	c->snd_nxt = c->snd_una;
	tcp_conn_free(c);
	tcp_peer_fini(&peer);
	return 0;
}

static void in_flight(uint32_t bytes)
{
	c->snd_nxt = c->snd_una + bytes;
}

/* A round trip's worth of acknowledgments in one, at @rate; what stays in flight is @flight. */
static struct tcp_rate_sample round_trip(uint32_t rate, uint32_t flight)
{
	struct tcp_rate_sample rs = { .rate = rate, .any = true, .rtt_us = rtt_us, .interval_us = RTT_US };

	c->stack->now_us += RTT_US;
	rs.prior_delivered = c->delivered;
	rs.delivered = rs.newly_acked = rate / (1000000 / RTT_US);
	rs.tx_in_flight = flight;
	c->delivered += rs.delivered;
	in_flight(flight);
	return rs;
}

static void acked(uint32_t rate, uint32_t flight)
{
	struct tcp_rate_sample rs = round_trip(rate, flight);

	tcp_cc_sampled(c, &rs);
}

static void lost(uint32_t bytes, uint32_t tx_in_flight, uint32_t lost_before)
{
	struct tcp_seg g = { .bytes = bytes, .tx_in_flight = tx_in_flight, .lost = c->lost };

	c->lost += lost_before + bytes;
	tcp_cc_seg_lost(c, &g);
}

static void fill_the_pipe(void)
{
	for (uint32_t rate = RATE / 8; rate <= RATE; rate *= 2)
		acked(rate, BDP);
	for (int i = 0; i < 3; i++)
		acked(RATE, 2 * BDP);
}

static void to_cruise(void)
{
	fill_the_pipe();
	acked(RATE, BDP / 2);
	acked(RATE, BDP / 2);
	assert_int_equal(c->bbr.state, BBR_CRUISE);
}

static void to_up(void)
{
	to_cruise();
	for (int i = 0; i < 64 && c->bbr.state == BBR_CRUISE; i++)
		acked(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_REFILL);
	acked(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_UP);
}

/* Section 5.3.1: as fast as the samples grow, at 2.77 times their rate; three flat rounds end it. */
static void startup(void **st)
{
	uint32_t cwnd = c->cwnd;

	assert_int_equal(c->bbr.state, BBR_STARTUP);
	/* 2.77 windows a round trip to begin with. */
	assert_in_range(c->pacing_rate, 690000, 700000);
	for (uint32_t rate = RATE / 8; rate <= RATE; rate *= 2) {
		acked(rate, BDP);
		assert_int_equal(c->bbr.state, BBR_STARTUP);
		assert_in_range(c->pacing_rate, (uint64_t)rate * 274 / 100, (uint64_t)rate * 275 / 100);
		assert_true(c->cwnd > cwnd);
		cwnd = c->cwnd;
	}
	acked(RATE, 2 * BDP);
	acked(RATE, 2 * BDP);
	assert_int_equal(c->bbr.state, BBR_STARTUP);
	acked(RATE, 2 * BDP);
	assert_int_equal(c->bbr.state, BBR_DRAIN);
	assert_in_range(c->pacing_rate, RATE / 2 * 98 / 100, RATE / 2);
}

/* Rounds in which the user had too little to send prove nothing. */
static void startup_waits_for_the_user(void **st)
{
	struct tcp_rate_sample rs;

	for (int i = 0; i < 20; i++) {
		rs = round_trip(RATE / 10, 1000);
		rs.app_limited = true;
		tcp_cc_sampled(c, &rs);
	}
	assert_int_equal(c->bbr.state, BBR_STARTUP);
	assert_false(c->bbr.full_bw_reached);
}

/* Section 5.3.1.3: six losses and more than 2 % in a round of recovery. */
static void startup_ends_by_loss(void **st)
{
	struct tcp_rate_sample rs;

	acked(RATE / 2, BDP);
	acked(RATE, BDP);
	c->ca_state = TCP_CA_RECOVERY;
	lost(1000, BDP, 0);
	/* One round with a few losses: not yet. */
	rs = round_trip(RATE, 2 * BDP);
	rs.lost = 20000;
	rs.newly_lost = 1000;
	tcp_cc_sampled(c, &rs);
	assert_int_equal(c->bbr.state, BBR_STARTUP);
	for (int i = 0; i < 6; i++) {
		rs = round_trip(RATE, 2 * BDP);
		rs.prior_delivered = c->bbr.loss_round_delivered - 1;
		rs.newly_lost = 1000;
		rs.rate = 0;
		tcp_cc_sampled(c, &rs);
	}
	rs = round_trip(RATE, 2 * BDP);
	rs.lost = 20000;
	rs.newly_lost = 1000;
	tcp_cc_sampled(c, &rs);
	assert_int_equal(c->bbr.state, BBR_DRAIN);
	assert_in_range(c->bbr.inflight_longterm, BDP, BDP * 11 / 10);
}

/* Section 5.3.2: until no more is in flight than the path holds, or three rounds. */
static void drain(void **st)
{
	fill_the_pipe();
	assert_int_equal(c->bbr.state, BBR_DRAIN);
	acked(RATE / 2, BDP * 3 / 2);
	assert_int_equal(c->bbr.state, BBR_DRAIN);
	/* And then nothing needs to be drained by ProbeBW_DOWN any more. */
	acked(RATE / 2, BDP);
	assert_int_equal(c->bbr.state, BBR_CRUISE);
}

static void drain_is_bounded(void **st)
{
	fill_the_pipe();
	for (int i = 0; i < 4; i++) {
		assert_int_equal(c->bbr.state, BBR_DRAIN);
		acked(RATE / 2, BDP * 3 / 2);
	}
	assert_int_equal(c->bbr.state, BBR_DOWN);
}

/* Section 5.3.3: down, cruise, refill, up and down again; the gains of section 5.6.1. */
static void probe_bw_cycle(void **st)
{
	int rounds = 0;

	fill_the_pipe();
	acked(RATE, BDP);
	/* All of a BDP came with one acknowledgment: so much more is let into the path (section 5.5.9). */
	assert_in_range(c->cwnd, 2 * BDP, 3 * BDP);
	assert_int_equal(c->bbr.state, BBR_CRUISE);
	assert_in_range(c->pacing_rate, RATE / 100 * 98, RATE);
	for (; c->bbr.state == BBR_CRUISE; rounds++)
		acked(RATE, BDP);
	/* 63 round trips at most, or two to three seconds (section 5.3.3.8). */
	assert_in_range(rounds, 48, 63);
	assert_int_equal(c->bbr.state, BBR_REFILL);
	acked(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_UP);
	assert_in_range(c->pacing_rate, RATE / 100 * 123, RATE / 100 * 125);
	for (int i = 0; i < 3; i++)
		acked(RATE, BDP * 5 / 4);
	assert_int_equal(c->bbr.state, BBR_DOWN);
	assert_in_range(c->pacing_rate, RATE / 100 * 88, RATE / 100 * 90);
	acked(RATE, BDP * 9 / 8);
	assert_int_equal(c->bbr.state, BBR_DOWN);
	acked(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_CRUISE);
}

/* The rate grew while probing: it goes on, and the model follows. */
static void up_finds_more(void **st)
{
	to_up();
	acked(RATE * 13 / 10, BDP);
	acked(RATE * 17 / 10, BDP);
	acked(RATE * 22 / 10, BDP);
	assert_int_equal(c->bbr.state, BBR_UP);
	assert_int_equal(bbr_bw(c), RATE * 22 / 10);
}

/* Section 5.5.10.2: more than 2 % of a probe lost bounds what may be in flight, and 15 % of that stay free. */
static void up_ends_by_loss(void **st)
{
	to_up();
	acked(RATE, BDP * 5 / 4);
	lost(1000, BDP * 5 / 4, 4000);
	assert_int_equal(c->bbr.state, BBR_UP);	/* 1 % */
	lost(1000, BDP * 5 / 4, 12000);
	assert_int_equal(c->bbr.state, BBR_DOWN);
	assert_in_range(c->bbr.inflight_longterm, BDP * 5 / 4 - 2000, BDP * 5 / 4);
	acked(RATE, BDP / 2);
	acked(RATE, BDP / 2);
	assert_int_equal(c->bbr.state, BBR_CRUISE);
	assert_in_range(c->cwnd, BDP * 5 / 4 * 84 / 100, BDP * 5 / 4 * 85 / 100);
}

/* Section 5.3.3.6: the next probe goes only as far as the one that did harm. */
static void precaution(void **st)
{
	to_up();
	lost(1000, BDP * 5 / 4, 12000);
	rtt_us--;	/* ProbeRTT isn't due */
	acked(RATE, BDP / 2);
	acked(RATE, BDP / 2);
	for (int i = 0; i < 64 && c->bbr.state != BBR_UP; i++)
		acked(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_UP);
	acked(RATE, BDP * 5 / 4);
	assert_int_equal(c->bbr.state, BBR_DOWN);
	/* No harm this time: the whole probe follows at once. */
	acked(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_REFILL);
}

/* Section 5.5.10.3: while cruising a round with losses cuts to what was delivered, by 30 % at most. */
static void cruise_yields(void **st)
{
	to_cruise();
	acked(RATE * 9 / 10, BDP);
	lost(1000, BDP, 0);
	assert_int_equal(bbr_bw(c), RATE);	/* the loss's round isn't over */
	acked(RATE * 9 / 10, BDP);
	assert_int_equal(bbr_bw(c), RATE * 9 / 10);
	for (int i = 0; i < 2; i++) {
		acked(RATE / 2, BDP / 2);
		lost(1000, BDP, 0);
		acked(RATE / 2, BDP / 2);
	}
	assert_in_range(bbr_bw(c), RATE / 2, RATE * 64 / 100);
	/* The next refill forgets it. */
	for (int i = 0; i < 64 && c->bbr.state != BBR_REFILL; i++)
		acked(RATE / 2, BDP / 2);
	assert_int_equal(bbr_bw(c), RATE);
}

/* Section 5.3.4: five seconds without a shorter round trip; half a BDP for 200 ms and a round trip. */
static void probe_rtt(void **st)
{
	uint64_t start = c->stack->now_us;
	uint32_t cwnd;

	to_cruise();
	do {
		cwnd = c->cwnd;
		acked(RATE, BDP);
	} while (c->bbr.state != BBR_PROBE_RTT && c->stack->now_us - start < 6000000);
	assert_int_equal(c->bbr.state, BBR_PROBE_RTT);
	assert_in_range(c->stack->now_us - start, 5000000, 5100000);
	assert_in_range(c->cwnd, BDP * 49 / 100, BDP / 2);
	for (int i = 0; i < 5; i++) {
		acked(RATE / 2, BDP / 2);
		assert_int_equal(c->bbr.state, BBR_PROBE_RTT);
	}
	acked(RATE / 2, BDP / 2);
	acked(RATE / 2, BDP / 2);
	assert_int_equal(c->bbr.state, BBR_CRUISE);
	assert_true(c->cwnd >= cwnd - BDP / 10);
	assert_int_equal(bbr_bw(c), RATE);	/* its low samples don't count */
}

/* Section 5.4.1: after a silence the known rate, and no ProbeRTT for its sake. */
static void restart(void **st)
{
	uint32_t cwnd;

	to_cruise();
	cwnd = c->cwnd;
	in_flight(0);
	tcp_rate_look(c);
	c->stack->now_us += 20000000;
	tcp_cc_restart(c, true);
	assert_int_equal(c->cwnd, cwnd);
	assert_in_range(c->pacing_rate, RATE / 100 * 98, RATE);
	acked(RATE, BDP);
	assert_int_not_equal(c->bbr.state, BBR_PROBE_RTT);
}

/* Section 5.6.4.4: one segment after a time-out; section 5.5.11: nothing was lost, so all is as before. */
static void time_out_and_undo(void **st)
{
	uint32_t cwnd;

	to_up();
	cwnd = c->cwnd;
	c->recovery_point = c->snd_nxt;
	tcp_cc_timed_out(c, BDP);
	c->ca_state = TCP_CA_LOSS;
	assert_int_equal(c->cwnd, c->mss);
	lost(1000, BDP, 12000);
	assert_int_equal(c->bbr.state, BBR_DOWN);
	assert_true(c->bbr.inflight_longterm < BBR_INFINITY);
	tcp_cc_undo(c);
	c->ca_state = TCP_CA_OPEN;
	assert_true(c->cwnd >= cwnd);
	assert_int_equal(c->bbr.state, BBR_REFILL);
	assert_int_equal(c->bbr.inflight_longterm, BBR_INFINITY);
	assert_int_equal(c->ssthresh, UINT32_MAX);
}

/* A window that a millisecond holds isn't paced. */
static void short_path(void **st)
{
	struct tcp_rate_sample rs;

	for (int i = 0; i < 10; i++) {
		rs = round_trip(RATE, 20000);
		rs.rtt_us = 200;
		tcp_cc_sampled(c, &rs);
	}
	assert_int_equal(c->pacing_rate, 0);
	assert_true(c->cwnd >= 4u * c->mss);
}

/* A round trip whose acknowledgment echoes a mark. */
static void echoed(uint32_t rate, uint32_t flight)
{
	struct tcp_rate_sample rs = round_trip(rate, flight);

	rs.echoed = true;
	tcp_cc_sampled(c, &rs);
}

static uint64_t reductions(void)
{
	return peer.counters.events[EVENT_TCP_ECN_REDUCTION];
}

/*
 * Section 3.7, RFC 3168 6.1.2, RFC 8511: less in flight for the rest of the cycle, though all is delivered; once for what
 * was out when the echo came, and again for what left since.
 */
static void echo_in_cruise(void **st)
{
	struct tcp_rate_sample rs;

	to_cruise();
	echoed(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_CRUISE);
	assert_int_equal(c->cwnd, BDP * 85 / 100);
	assert_int_equal(c->bbr.bw_shortterm, RATE);	/* it is delivered */
	assert_int_equal(reductions(), 1);
	assert_true(c->ecn_cwr);
	c->ecn_cwr = false;
	rs = round_trip(RATE, BDP * 85 / 100);
	rs.prior_delivered = c->bbr.loss_round_delivered - 1;
	rs.echoed = true;
	tcp_cc_sampled(c, &rs);
	assert_int_equal(reductions(), 1);
	assert_int_equal(c->cwnd, BDP * 85 / 100);
	assert_false(c->ecn_cwr);
	echoed(RATE, BDP * 85 / 100);
	assert_int_equal(reductions(), 2);
	assert_int_equal(c->cwnd, BDP * 85 / 100 * 85 / 100);
	/* The next probe lifts it. */
	for (int i = 0; i < 64 && c->bbr.state == BBR_CRUISE; i++)
		acked(RATE, c->cwnd);
	assert_int_equal(c->bbr.state, BBR_REFILL);
	assert_int_equal(c->bbr.inflight_shortterm, BBR_INFINITY);
}

/* Less is delivered as well: then the rate goes down by as much. */
static void echo_and_less_delivered(void **st)
{
	to_cruise();
	acked(RATE / 2, BDP);
	acked(RATE / 2, BDP);
	echoed(RATE / 2, BDP);
	assert_int_equal(c->bbr.bw_shortterm, RATE / 100 * 85);
	/* Not to a standstill, whatever the peer says. */
	c->bbr.inflight_shortterm = 4u * c->mss + 1;
	echoed(RATE / 2, BDP);
	assert_int_equal(c->cwnd, 4 * c->mss);
	assert_true(c->pacing_rate > RATE / 3);
}

static void echo_ends_startup(void **st)
{
	acked(RATE / 2, BDP);
	acked(RATE, BDP);
	echoed(RATE, 2 * BDP);
	assert_int_equal(c->bbr.state, BBR_DRAIN);
	assert_in_range(c->pacing_rate, RATE / 2 * 98 / 100, RATE / 2);
	assert_in_range(c->bbr.inflight_longterm, BDP, 2 * BDP);
	assert_true(c->cwnd <= 2 * BDP * 85 / 100);
}

/* A probe that is marked is over; where it got to is the bound of the next one. */
static void echo_ends_a_probe(void **st)
{
	to_up();
	acked(RATE, BDP * 9 / 8);
	echoed(RATE, BDP * 5 / 4);
	assert_int_equal(c->bbr.state, BBR_DOWN);
	assert_int_equal(c->bbr.inflight_longterm, BDP * 5 / 4);
	assert_int_equal(c->cwnd, BDP * 5 / 4 * 85 / 100);
	/* The rest of the probe is marked as well: that changes nothing. */
	echoed(RATE, BDP * 4 / 3);
	assert_int_equal(c->bbr.inflight_longterm, BDP * 5 / 4);
	rtt_us--;
	acked(RATE, BDP / 2);
	acked(RATE, BDP / 2);
	for (int i = 0; i < 64 && c->bbr.state != BBR_UP; i++)
		acked(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_UP);
	acked(RATE, BDP * 5 / 4);
	assert_int_equal(c->bbr.state, BBR_DOWN);
}

static void echo_before_a_probe(void **st)
{
	to_cruise();
	for (int i = 0; i < 64 && c->bbr.state == BBR_CRUISE; i++)
		acked(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_REFILL);
	echoed(RATE, BDP);
	assert_int_equal(c->bbr.state, BBR_DOWN);
	assert_int_equal(c->cwnd, BDP * 85 / 100);
}

/* A loss undone after a mark doesn't undo the answer to the mark. */
static void echo_stays(void **st)
{
	to_cruise();
	c->undo_on = true;
	echoed(RATE, BDP);
	assert_false(c->undo_on);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(startup), T(startup_waits_for_the_user), T(startup_ends_by_loss), T(drain), T(drain_is_bounded),
		T(probe_bw_cycle), T(up_finds_more), T(up_ends_by_loss), T(precaution), T(cruise_yields), T(probe_rtt),
		T(restart), T(time_out_and_undo), T(short_path),
		T(echo_in_cruise), T(echo_and_less_delivered), T(echo_ends_startup), T(echo_ends_a_probe), T(echo_before_a_probe),
		T(echo_stays),
	};

	return cmocka_run_group_tests_name("tcp_bbr", tests, NULL, NULL);
}
