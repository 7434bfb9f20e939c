/* SPDX-License-Identifier: GPL-3.0-or-later */
/* D-SACK (RFC 2883): what came twice is told, and what the peer tells is used. */
#include "tcp_script.h"

#define M 1460u

/* The next segment is an acknowledgment of @ack with exactly these blocks. */
static void expect_blocks(struct script *s, uint32_t ack, unsigned int n, const struct tcp_range *blocks)
{
	const struct tcp_peer_segment *g = script_next(s);

	assert_non_null(g);
	assert_int_equal(g->rx.ack - PEER_ISS - 1, ack);
	assert_int_equal(g->rx.opts.n_sack, n);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(g->rx.opts.sack[i].start - PEER_ISS - 1, blocks[i].start);
		assert_int_equal(g->rx.opts.sack[i].end - PEER_ISS - 1, blocks[i].end);
	}
}

static void arrives(struct script *s, uint32_t seq, uint32_t bytes)
{
	script_step(s, &(struct step)in(A, seq, bytes, 0), seq);
}

#define EXPECT(s, ack, ...) do { \
	static const struct tcp_range blocks[] = { __VA_ARGS__ }; \
	expect_blocks(s, ack, sizeof(blocks) / sizeof(blocks[0]), blocks); \
} while (0)

/* Section 4.1.1: a whole segment again, below the cumulative acknowledgment; with early data the other blocks follow. */
static void below_the_ack(void **st)
{
	struct script s = { .o = { .sack = true } };

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	arrives(&s, 0, 500);
	expect_blocks(&s, 500, 0, NULL);
	arrives(&s, 0, 500);
	EXPECT(&s, 500, { 0, 500 });
	arrives(&s, 1000, 500);
	EXPECT(&s, 500, { 1000, 1500 });
	arrives(&s, 0, 500);
	EXPECT(&s, 500, { 0, 500 }, { 1000, 1500 });
	/* Section 4.2: in part; the rest is new and in order. */
	arrives(&s, 300, 300);
	EXPECT(&s, 600, { 300, 500 }, { 1000, 1500 });
	tcp_peer_fini(&s.p);
}

/* Section 4.1.2, 4.1.3: early data again; the block around it comes second. */
static void within_a_block(void **st)
{
	struct script s = { .o = { .sack = true } };

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	arrives(&s, 1000, 500);
	EXPECT(&s, 0, { 1000, 1500 });
	arrives(&s, 1500, 500);
	EXPECT(&s, 0, { 1000, 2000 });
	arrives(&s, 3000, 500);
	EXPECT(&s, 0, { 3000, 3500 }, { 1000, 2000 });
	arrives(&s, 1500, 500);
	EXPECT(&s, 0, { 1500, 2000 }, { 1000, 2000 }, { 3000, 3500 });
	/* Section 4.2.2: over the edge of a block: what is new joins it. */
	arrives(&s, 1800, 400);
	EXPECT(&s, 0, { 1800, 2000 }, { 1000, 2200 }, { 3000, 3500 });
	/* The hole is filled, by more than it takes. */
	arrives(&s, 0, 1100);
	EXPECT(&s, 2200, { 1000, 1100 }, { 3000, 3500 });
	tcp_peer_fini(&s.p);
}

/* With timestamps three blocks fit; the duplicate is the first of them. A peer without SACK gets none. */
static void room_for_three(void **st)
{
	struct script s = { .o = { .sack = true, .ts = true } };

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	for (uint32_t i = 0; i < 4; i++) {
		arrives(&s, 1000 + 1000 * i, 100);
		script_next(&s);
	}
	arrives(&s, 1000, 100);
	EXPECT(&s, 0, { 1000, 1100 }, { 1000, 1100 }, { 4000, 4100 });
	tcp_peer_fini(&s.p);
	SCRIPT(OPTIONS(.sack = false), in(A, 0, 100, 0), out(A, 0, 0, 100), in(A, 0, 100, 0), out(A, 0, 0, 100), silent);
}

/* RFC 8985 section 6.2 step 4: each round trip with a D-SACK widens the reordering window by a quarter of the round trip. */
static void window_widens(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 100),
		send_bytes(5 * M), out(A, 0, M, 0), out(A, M, M, 0), out(A, 2 * M, M, 0), out(A, 3 * M, M, 0),
		out(P | A, 4 * M, M, 0), wait_ms(100), in_sack(0, M, 4 * M), out(A, 0, M, 0), wait_ms(5),
		in(A, 0, 0, 5 * M), wait_ms(60), in_sack(5 * M, 0, M), silent,
		/* One hole: 25 ms before, 50 ms now. */
		send_bytes(3 * M), out(A, 5 * M, M, 0), out(A, 6 * M, M, 0), out(P | A, 7 * M, M, 0), wait_ms(100),
		in_sack(5 * M, 6 * M, 7 * M), wait_ms(46), silent, wait_ms(6), out(A, 5 * M, M, 0),
		in(A, 0, 0, 8 * M), wait_ms(5000), silent);
}

/* Blocks that no TCP sends are no D-SACK: of what was never sent, upside down, from before any window. */
static void not_believed(void **st)
{
	struct script s = { .o = { .sack = true, .rtt_ms = 100 } };

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	script_step(&s, &(struct step)send_bytes(M), 1);
	script_step(&s, &(struct step)out(P | A, 0, M, 0), 2);
	script_step(&s, &(struct step)in_sack(M, 0, M + 1), 3);
	script_step(&s, &(struct step)in_sack(M, M, 0), 4);
	script_step(&s, &(struct step)in_sack(M, (uint32_t)-70000, (uint32_t)-69000), 5);
	assert_int_equal(s.p.counters.events[EVENT_TCP_DSACK], 0);
	script_step(&s, &(struct step)in_sack(M, 0, M), 6);
	assert_int_equal(s.p.counters.events[EVENT_TCP_DSACK], 1);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below_the_ack), cmocka_unit_test(within_a_block), cmocka_unit_test(room_for_three),
		cmocka_unit_test(window_widens), cmocka_unit_test(not_believed),
	};

	return cmocka_run_group_tests_name("tcp_dsack", tests, NULL, NULL);
}
