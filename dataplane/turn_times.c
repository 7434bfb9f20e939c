/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "turn_times.h"

#include <string.h>

void turn_times_init(struct turn_times *t, uint64_t hz, uint64_t now_us)
{
	static const uint32_t bounds_us[TURN_BOUNDS] = TURN_BOUNDS_US;

	memset(t, 0, sizeof(*t));
	t->from_us = now_us;
	for (unsigned int i = 0; i < TURN_BOUNDS; i++)
		t->bounds[i] = bounds_us[i] * hz / 1000000;
}

static void store(struct turn_longest *to, const struct turn_longest *from)
{
	__atomic_store_n(&to->cycles, from->cycles, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < TURN_WORK_COUNT; i++)
		__atomic_store_n(&to->work[i], from->work[i], __ATOMIC_RELAXED);
}

void turn_times_longest(struct turn_times *t, uint64_t cycles, const uint32_t work[TURN_WORK_COUNT], uint64_t now_us)
{
	struct turn_longest it = { .cycles = cycles };

	if (now_us - t->from_us >= TURN_LATELY_US) {
		store(&t->before, &t->lately);
		t->from_us = now_us;
	} else if (cycles <= t->lately.cycles) {
		return;
	}
	for (unsigned int i = 0; i < TURN_WORK_COUNT; i++)
		it.work[i] = work[i];
	store(&t->lately, &it);
}

struct turn_longest turn_times_read_longest(const struct turn_times *t)
{
	const struct turn_longest *from = &t->before;
	struct turn_longest it;

	if (counter_read(&t->lately.cycles) >= counter_read(&t->before.cycles))
		from = &t->lately;
	it.cycles = counter_read(&from->cycles);
	for (unsigned int i = 0; i < TURN_WORK_COUNT; i++)
		it.work[i] = counter_read(&from->work[i]);
	return it;
}
