/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The timer wheel against a plain list: nothing early, nothing late, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wheel.h"

#define TICK 16u
#define START 123456789u

struct item {
	struct wheel_timer timer;
	struct wheel *wheel;
	unsigned int fired;
	uint64_t fired_us;
	struct wheel_timer *cancels;	/* cancelled when this one fires */
	uint64_t rearm_us;		/* armed again for fired_us + this when it fires */
	uint64_t due_tick;		/* the model's: when it fires; 0: not armed */
};

static uint64_t last_tick;	/* of the last timer that fired in this run */

static uint64_t ticks(uint64_t us)
{
	return us / TICK + (us % TICK != 0);
}

static void fire(struct wheel_timer *t, uint64_t now_us)
{
	struct item *i = (struct item *)((char *)t - offsetof(struct item, timer));

	assert_false(wheel_armed(t));
	assert_true(now_us >= wheel_due_us(i->wheel, t));
	i->fired++;
	i->fired_us = now_us;
	if (i->cancels)
		wheel_cancel(i->wheel, i->cancels);
	if (i->rearm_us)
		wheel_arm(i->wheel, t, now_us + i->rearm_us);
}

static void fire_in_order(struct wheel_timer *t, uint64_t now_us)
{
	struct item *i = (struct item *)((char *)t - offsetof(struct item, timer));

	assert_true(i->due_tick != 0 && i->due_tick >= last_tick && i->due_tick <= now_us / TICK);
	last_tick = i->due_tick;
	i->due_tick = 0;
	fire(t, now_us);
}

static void item_init(struct item *i, struct wheel *w)
{
	memset(i, 0, sizeof(*i));
	i->wheel = w;
	wheel_timer_init(&i->timer, fire);
}

static void fires_at_its_tick(void **state)
{
	/* At each level's edges, and in the list of the far. */
	static const uint64_t deltas[] = {
		1, 15, 16, 17, 63 * 16, 64 * 16, 65 * 16, 4095 * 16 + 3, 4096 * 16, 262144ull * 16,
		262145ull * 16 + 1, 16777216ull * 16, (1ull << 30) * 16 - 5, (1ull << 30) * 16,
		(1ull << 31) * 16 + 7, (1ull << 40) * 16,
	};

	for (size_t k = 0; k < sizeof(deltas) / sizeof(deltas[0]); k++) {
		uint64_t deadline = START + deltas[k];
		struct wheel w;
		struct item i;

		wheel_init(&w, TICK, START);
		item_init(&i, &w);
		wheel_arm(&w, &i.timer, deadline);
		assert_true(wheel_armed(&i.timer));
		wheel_run(&w, deadline - 1, 10);
		/* Not early, unless the tick of deadline - 1 isn't over: then neither. */
		assert_int_equal(i.fired, 0);
		wheel_run(&w, deadline + TICK, 10);
		assert_int_equal(i.fired, 1);
		assert_int_equal(wheel_next_us(&w), UINT64_MAX);
	}
}

static void next_leads_to_it_in_few_steps(void **state)
{
	for (unsigned int k = 0; k < 2000; k++) {
		uint64_t delta = ((uint64_t)(unsigned int)rand() << 16 ^ (unsigned int)rand()) >> (k % 44);
		uint64_t now = START, next;
		unsigned int steps = 0;
		struct wheel w;
		struct item i;

		wheel_init(&w, TICK, now);
		item_init(&i, &w);
		wheel_arm(&w, &i.timer, START + delta);
		while (i.fired == 0) {
			next = wheel_next_us(&w);
			assert_true(next > now);
			assert_true(next <= (delta ? ticks(START + delta) : START / TICK + 1) * TICK ||
				    next == (START / TICK + 1) * TICK);
			now = next;
			wheel_run(&w, now, 1);
			steps++;
		}
		/* A step per level, and the epochs of the far list (2^30 ticks each). */
		assert_true(steps <= WHEEL_LEVELS + 1 + delta / TICK / (1u << 30));
		assert_true(now - (START + delta) <= TICK || now < START + delta + TICK);
	}
}

static void moving_and_cancelling(void **state)
{
	struct wheel w;
	struct item i;

	wheel_init(&w, TICK, START);
	item_init(&i, &w);
	wheel_cancel(&w, &i.timer);	/* not armed: nothing happens */
	wheel_arm(&w, &i.timer, START + 1000);
	wheel_arm(&w, &i.timer, START + 500000);
	wheel_run(&w, START + 2000, 10);
	assert_int_equal(i.fired, 0);
	wheel_arm(&w, &i.timer, START + 3000);
	wheel_run(&w, START + 3200, 10);
	assert_int_equal(i.fired, 1);
	wheel_arm(&w, &i.timer, START + 9000);
	wheel_cancel(&w, &i.timer);
	assert_int_equal(wheel_next_us(&w), UINT64_MAX);
	wheel_run(&w, START + 20000, 10);
	assert_int_equal(i.fired, 1);
}

static void a_timer_cancels_another_of_its_slot(void **state)
{
	struct wheel w;
	struct item a, b, c;

	wheel_init(&w, TICK, START);
	item_init(&a, &w);
	item_init(&b, &w);
	item_init(&c, &w);
	a.cancels = &b.timer;
	wheel_arm(&w, &a.timer, START + 100);
	wheel_arm(&w, &b.timer, START + 100);
	wheel_arm(&w, &c.timer, START + 100);
	assert_int_equal(wheel_run(&w, START + 1000, 10), 2);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
	assert_int_equal(c.fired, 1);
}

static void rearming_itself_for_now_ends(void **state)
{
	struct wheel w;
	struct item i;
	uint64_t next;

	wheel_init(&w, TICK, START);
	item_init(&i, &w);
	wheel_timer_init(&i.timer, fire);
	wheel_arm(&w, &i.timer, START);	/* overdue already */
	i.rearm_us = 1;
	next = wheel_next_us(&w);
	assert_true(next <= START + TICK);
	/* One tick, one firing, however much is allowed. */
	assert_int_equal(wheel_run(&w, next, 1000000), 1);
	assert_int_equal(wheel_run(&w, next, 1000000), 0);
	assert_int_equal(wheel_run(&w, next + TICK, 1000000), 1);
}

static void a_period_keeps_its_beat(void **state)
{
	struct wheel w;
	struct item i;

	wheel_init(&w, TICK, 0);
	item_init(&i, &w);
	i.rearm_us = 1600;
	wheel_arm(&w, &i.timer, 1600);
	for (uint64_t now = 0; now <= 160000; now += TICK)
		wheel_run(&w, now, 10);
	assert_int_equal(i.fired, 100);
}

static void work_of_one_run_is_bounded(void **state)
{
	enum { N = 5000 };
	static struct item items[N];
	unsigned int total = 0, runs = 0, fired;
	struct wheel w;

	wheel_init(&w, TICK, START);
	for (unsigned int k = 0; k < N; k++) {
		item_init(&items[k], &w);
		/* All in one slot of a high level: their cascade needs a bound as well. */
		wheel_arm(&w, &items[k].timer, START + 262144ull * TICK * 3 + k % 64 * TICK);
	}
	do {
		fired = wheel_run(&w, START + 262144ull * TICK * 4, 7);
		assert_true(fired <= 7);
		total += fired;
		runs++;
		if (total < N)
			assert_true(wheel_next_us(&w) <= START + 262144ull * TICK * 4);
		/* 7 may fire, so 112 may move: the rest waits where it was. */
		if (runs == 1)
			assert_true(w.occupied[3] != 0 || w.occupied[2] != 0);
	} while (total < N && runs < 10 * N);
	assert_int_equal(total, N);
	assert_int_equal(wheel_next_us(&w), UINT64_MAX);
}

static uint64_t random_delta(void)
{
	return (((uint64_t)(unsigned int)rand() << 31 | (unsigned int)rand()) & ((1ull << 46) - 1)) >>
	       (unsigned int)rand() % 46;
}

/* All timers whose tick has come have fired (and cleared due_tick), and no other. */
static void model_check(const struct wheel *w, const struct item *items, unsigned int n, uint64_t now)
{
	uint64_t first = UINT64_MAX;

	for (unsigned int k = 0; k < n; k++) {
		assert_int_equal(wheel_armed(&items[k].timer), items[k].due_tick != 0);
		if (items[k].due_tick == 0)
			continue;
		assert_true(items[k].due_tick > now / TICK);
		if (items[k].due_tick < first)
			first = items[k].due_tick;
	}
	if (first == UINT64_MAX)
		assert_int_equal(wheel_next_us(w), UINT64_MAX);
	else
		assert_true(wheel_next_us(w) <= first * TICK && wheel_next_us(w) > now);
}

static void random_operations_as_a_list_has_them(void **state)
{
	enum { N = 150 };
	static struct item items[N];

	for (unsigned int seed = 1; seed <= 400; seed++) {
		uint64_t now = (uint64_t)seed << (seed % 43);
		struct wheel w;

		srand(seed);
		wheel_init(&w, TICK, now);
		for (unsigned int k = 0; k < N; k++) {
			item_init(&items[k], &w);
			wheel_timer_init(&items[k].timer, fire_in_order);
		}
		for (unsigned int step = 0; step < 3000; step++) {
			struct item *i = &items[(unsigned int)rand() % N];
			unsigned int what = (unsigned int)rand() % 8;

			if (what < 4) {
				uint64_t deadline = now + random_delta();

				wheel_arm(&w, &i->timer, deadline);
				i->due_tick = ticks(deadline) > now / TICK ? ticks(deadline) : now / TICK + 1;
			} else if (what == 4) {
				wheel_cancel(&w, &i->timer);
				i->due_tick = 0;
			} else {
				uint64_t next = wheel_next_us(&w);

				/* In one run, or in many small ones: the order is the same. */
				unsigned int max_fire = what == 7 ? 1 : N;

				now = what == 5 && next != UINT64_MAX ? next : now + (random_delta() >> 8);
				last_tick = 0;
				do
					assert_true(wheel_run(&w, now, max_fire) <= max_fire);
				while (wheel_next_us(&w) <= now);
				model_check(&w, items, N, now);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_at_its_tick),
		cmocka_unit_test(next_leads_to_it_in_few_steps),
		cmocka_unit_test(moving_and_cancelling),
		cmocka_unit_test(a_timer_cancels_another_of_its_slot),
		cmocka_unit_test(rearming_itself_for_now_ends),
		cmocka_unit_test(a_period_keeps_its_beat),
		cmocka_unit_test(work_of_one_run_is_bounded),
		cmocka_unit_test(random_operations_as_a_list_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
