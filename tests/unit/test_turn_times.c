/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long turns took: each where its bound is, and the longest one for 10 to 20 s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "turn_times.h"

#define HZ UINT64_C(2600000000)
#define US (HZ / 1000000)	/* cycles */

static struct turn_times t;

static void note(uint64_t us, uint32_t packets, uint64_t now_us)
{
	const uint32_t work[TURN_WORK_COUNT] = { [TURN_PACKETS] = packets, [TURN_TIMERS] = 7 };

	turn_times_note(&t, us * US, work, now_us);
}

static void each_is_counted_once(void **state)
{
	(void)state;
	turn_times_init(&t, HZ, 0);
	note(0, 1, 1);
	note(20, 1, 2);
	note(21, 1, 3);
	note(5000, 1, 4);
	note(5001, 1, 5);
	note(60000000, 1, 6);
	assert_int_equal(t.counts[0], 2);
	assert_int_equal(t.counts[1], 1);
	assert_int_equal(t.counts[TURN_BOUNDS - 1], 1);
	assert_int_equal(t.counts[TURN_BOUNDS], 2);
	for (unsigned int i = 2; i < TURN_BOUNDS - 1; i++)
		assert_int_equal(t.counts[i], 0);
}

static void longest_is(uint64_t us, uint64_t packets)
{
	struct turn_longest it = turn_times_read_longest(&t);

	assert_int_equal(it.cycles, us * US);
	assert_int_equal(it.work[TURN_PACKETS], packets);
}

static void the_longest_of_late(void **state)
{
	uint64_t at_us = 1000;

	(void)state;
	turn_times_init(&t, HZ, at_us);
	longest_is(0, 0);
	note(30, 3, at_us);
	note(300, 4, at_us + 1);
	note(200, 5, at_us + 2);
	longest_is(300, 4);
	assert_int_equal(turn_times_read_longest(&t).work[TURN_TIMERS], 7);
	/* Ten seconds later it is still told; after as many again it is over. */
	note(20, 6, at_us + TURN_LATELY_US);
	note(25, 7, at_us + TURN_LATELY_US + 1);
	longest_is(300, 4);
	note(10, 8, at_us + 2 * TURN_LATELY_US);
	longest_is(25, 7);
	note(400, 9, at_us + 2 * TURN_LATELY_US + 1);
	longest_is(400, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_counted_once),
		cmocka_unit_test(the_longest_of_late),
	};

	return cmocka_run_group_tests_name("turn_times", tests, NULL, NULL);
}
