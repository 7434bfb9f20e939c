/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loss detection by time (RFC 8985), segment by segment. */
#include "tcp_script.h"

#define M 1460u
/* Five segments leave after a handshake of 100 ms. */
#define FIVE send_bytes(5 * M), out(A, 0, M, 0), out(A, M, M, 0), out(A, 2 * M, M, 0), out(A, 3 * M, M, 0), \
	out(P | A, 4 * M, M, 0)

#define TINY(i) send_bytes(100), out(P | A, 5 * M + 100 * (i), 100, 0)

/* Section 6.2 step 4: three segments SACKed above a hole, and it is sent again at once, and once. */
static void three_above(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 100),
		FIVE, wait_ms(100), in_sack(0, M, 2 * M), silent, in_sack(0, M, 3 * M), silent,
		in_sack(0, M, 4 * M), out(A, 0, M, 0), in_sack(0, M, 5 * M), silent, in(A, 0, 0, 5 * M), wait_ms(5000), silent);
}

/* Section 6.2 step 5: with fewer, when a quarter of the round trip has passed without it. */
static void reordering_timer(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 100),
		FIVE, wait_ms(100), in_sack(0, M, 2 * M), wait_ms(23), silent, wait_ms(4), out(A, 0, M, 0),
		in(A, 0, 0, 5 * M), wait_ms(5000), silent);
}

/* Step 3: a segment overtaken isn't lost, and from then on three above are no proof, only time is. */
static void overtaken(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 100),
		FIVE, wait_ms(100), in_sack(0, M, 2 * M), wait_ms(10), in(A, 0, 0, 2 * M), wait_ms(1), in(A, 0, 0, 5 * M),
		silent, TINY(0), TINY(1), TINY(2), TINY(3), wait_ms(100), in_sack(5 * M, 5 * M + 100, 5 * M + 200),
		in_sack(5 * M, 5 * M + 100, 5 * M + 300), in_sack(5 * M, 5 * M + 100, 5 * M + 400), silent,
		wait_ms(23), silent, wait_ms(4), out(A, 5 * M, 100, 0), in(A, 0, 0, 5 * M + 400), wait_ms(5000), silent);
}

/* A retransmission that is lost again is found by what was sent after it: no time-out is needed. */
static void lost_again(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 100),
		FIVE, wait_ms(100), in_sack(0, M, 4 * M), out(A, 0, M, 0), wait_ms(1),
		send_bytes(M), out(P | A, 5 * M, M, 0), wait_ms(100),
		in_sack(0, M, 6 * M), out(A, 0, M, 0), in(A, 0, 0, 6 * M), wait_ms(5000), silent);
}

/* The time-out is counted from when the oldest left last: an older one would fire before the answer can be here. */
static void lost_again_and_late(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 100),
		FIVE, wait_ms(100), in_sack(0, M, 4 * M), out(A, 0, M, 0), wait_ms(1),
		send_bytes(M), out(P | A, 5 * M, M, 0), wait_ms(100),
		in_sack(0, M, 6 * M), out(A, 0, M, 0), wait_ms(200), silent, wait_ms(60), out(A, 0, M, 0),
		in(A, 0, 0, 6 * M), wait_ms(5000), silent);
}

/* Two holes are sent again in order, and what lies between isn't. */
static void two_holes(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 100, .stack = { .congestion = CONGESTION_CUBIC }),
		FIVE, wait_ms(100), in_sack(0, M, 2 * M), in_sack2(0, 3 * M, 4 * M, M, 2 * M),
		in_sack2(0, 3 * M, 5 * M, M, 2 * M), out(A, 0, M, 0), wait_ms(50), in_sack(2 * M, 3 * M, 5 * M),
		out(A, 2 * M, M, 0), in(A, 0, 0, 5 * M), wait_ms(5000), silent);
}

/* Section 6.3: a time-out takes the first segment and what has been out for a round trip for lost; not what left just now. */
static void time_out_marks(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 100),
		send_bytes(2 * M), out(A, 0, M, 0), out(P | A, M, M, 0), wait_ms(202), out(A, M, M, 0),	/* a probe */
		wait_ms(250), send_bytes(M), out(P | A, 2 * M, M, 0), wait_ms(52), out(A, 0, M, 0), wait_ms(20), in(A, 0, 0, M), out(A, M, M, 0),
		in(A, 0, 0, 3 * M), wait_ms(5000), silent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_above), cmocka_unit_test(reordering_timer), cmocka_unit_test(overtaken),
		cmocka_unit_test(lost_again), cmocka_unit_test(lost_again_and_late),
		cmocka_unit_test(two_holes), cmocka_unit_test(time_out_marks),
	};

	return cmocka_run_group_tests_name("tcp_rack", tests, NULL, NULL);
}
