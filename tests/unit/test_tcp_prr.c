/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Proportional rate reduction (RFC 9937 section 6), by hand: windows of 1000-byte segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tcp_conn.h"
#include "tcp_peer.h"
#include "tcp_prr.h"
#include "tcp_recovery.h"
#include "tcp_table.h"

#define M 1000u

static struct tcp_peer peer;

/* Fast recovery begins with @pipe bytes in the network out of @flight, to go down to @ssthresh. */
static struct tcp_conn *recovering(uint32_t flight, uint32_t pipe, uint32_t ssthresh)
{
	struct tuple t = { .lport = 1, .fport = 2 };
	struct tcp_conn *c;

	tcp_peer_init(&peer, NULL);
	c = tcp_conn_new(peer.stack, &t);
	assert_non_null(c);
	c->mss = M;
	c->congestion = CONGESTION_CUBIC;
	c->snd_nxt = c->snd_una + flight;
	c->sacked_bytes = flight - pipe;
	c->ssthresh = ssthresh;
	c->ca_state = TCP_CA_RECOVERY;
	tcp_prr_begin(c, flight);
	return c;
}

static void end(struct tcp_conn *c)
{
	tcp_conn_free(c);
	tcp_peer_fini(&peer);
}

static uint32_t room(const struct tcp_conn *c)
{
	return c->cwnd > tcp_pipe(c) ? c->cwnd - tcp_pipe(c) : 0;
}

/* As much of cwnd as it allows is sent, in whole segments: the pipe grows by it. Returns how many. */
static uint32_t send_all(struct tcp_conn *c)
{
	uint32_t n = room(c) / M;

	c->snd_nxt += n * M;
	tcp_prr_sent(c, n * M);
	return n;
}

static void delivered(struct tcp_conn *c, uint32_t bytes, bool safe)
{
	c->sacked_bytes += bytes;
	tcp_prr_update(c, bytes, safe);
}

/* Half the window to go: every second segment delivered sends one; the fast retransmit at once. */
static void every_second(void **st)
{
	struct tcp_conn *c = recovering(20 * M, 20 * M, 10 * M);
	uint32_t sent = 0;

	for (uint32_t i = 1; i <= 17; i++) {
		delivered(c, M, false);
		sent += send_all(c);
		assert_int_equal(sent, i == 1 ? 1 : i / 2);
		assert_true(tcp_pipe(c) >= 10 * M);
	}
	/* Arrived: as much as is delivered. */
	for (uint32_t i = 0; i < 5; i++) {
		delivered(c, M, false);
		send_all(c);
		assert_int_equal(tcp_pipe(c), 10 * M);
	}
	end(c);
}

/* Losses took more than the reduction: back up to ssthresh, a segment more for each that is delivered, not at once. */
static void slow_start_reduction_bound(void **st)
{
	struct tcp_conn *c = recovering(20 * M, 4 * M, 10 * M);
	uint32_t pipe = 4 * M;

	for (unsigned int i = 0; i < 6; i++) {
		delivered(c, M, true);
		assert_int_equal(send_all(c), 2);
		assert_int_equal(tcp_pipe(c), pipe + M);
		pipe = tcp_pipe(c);
	}
	assert_int_equal(pipe, 10 * M);
	delivered(c, M, true);
	assert_int_equal(send_all(c), 1);
	assert_int_equal(tcp_pipe(c), 10 * M);
	end(c);
}

/* While acknowledgments show more losses: only as much as is delivered (conservative reduction bound). */
static void conservative_reduction_bound(void **st)
{
	struct tcp_conn *c = recovering(20 * M, 4 * M, 10 * M);

	for (unsigned int i = 0; i < 6; i++) {
		delivered(c, M, false);
		assert_int_equal(send_all(c), 1);
		assert_int_equal(tcp_pipe(c), 4 * M);
	}
	end(c);
}

/* Marks without an acknowledgment (the reordering timer) make no room; nor can cwnd fall below a segment. */
static void nothing_for_nothing(void **st)
{
	struct tcp_conn *c = recovering(20 * M, 10 * M, 10 * M);

	delivered(c, 2 * M, true);
	send_all(c);
	c->lost_bytes += 5 * M;
	tcp_prr_update(c, 0, false);
	assert_true(room(c) <= M);
	c->sacked_bytes = tcp_flight(c) - c->lost_bytes;
	tcp_prr_update(c, 0, false);
	assert_true(c->cwnd >= M);
	end(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_second), cmocka_unit_test(slow_start_reduction_bound),
		cmocka_unit_test(conservative_reduction_bound), cmocka_unit_test(nothing_for_nothing),
	};

	return cmocka_run_group_tests_name("tcp_prr", tests, NULL, NULL);
}
