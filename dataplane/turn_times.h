/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a worker's turns take, and what was in the longest one lately: whoever has news
 * waits for the turn that goes on. A long turn with little in it isn't the worker's doing: the
 * kernel or a hypervisor had the core meanwhile, or a page was not in memory.
 *
 * Order of calls: turn_times_init; turn_times_note after each turn that found work.
 *
 * Threads: the worker; turn_times_read may be called by control. A longest turn that is
 * replaced in that moment may be read half.
 * Ownership: the struct is the caller's, without pointers.
 */
#pragma once

#include <stdint.h>

#include "base/count.h"

/* Microseconds; the last kind of turns is longer than all of these. */
#define TURN_BOUNDS_US { 20, 50, 100, 200, 500, 1000, 2000, 5000 }
#define TURN_BOUNDS 8u

/* What a turn did, and the name of it. */
#define TURN_WORK(X) \
	X(PACKETS, "packets") \
	X(SERVED, "served")	/* open connections that had news */ \
	X(HANDSHAKES, "handshakes") \
	X(TIMERS, "timers") \
	X(ORDERS, "orders")	/* from control */

enum turn_work {
#define X(id, name) TURN_##id,
	TURN_WORK(X) TURN_WORK_COUNT
#undef X
};

struct turn_longest {
	uint64_t cycles, work[TURN_WORK_COUNT];
};

struct turn_times {
	uint64_t bounds[TURN_BOUNDS];		/* in cycles */
	uint64_t counts[TURN_BOUNDS + 1];	/* turns, each where its bound is */
	uint64_t from_us;			/* since when `lately` is meant; before that it was `before` */
	struct turn_longest lately, before;
};

/* @hz: cycles a second of the counter that turns are measured by. */
void turn_times_init(struct turn_times *t, uint64_t hz, uint64_t now_us);

/* The rare part of the next one: @cycles is the longest lately, or `lately` is over. */
void turn_times_longest(struct turn_times *t, uint64_t cycles, const uint32_t work[TURN_WORK_COUNT], uint64_t now_us);

#define TURN_LATELY_US UINT64_C(10000000)

/* A turn that found work is over. */
static inline void turn_times_note(struct turn_times *t, uint64_t cycles, const uint32_t work[TURN_WORK_COUNT],
				   uint64_t now_us)
{
	unsigned int i = 0;

	while (i < TURN_BOUNDS && cycles > t->bounds[i])
		i++;
	counter_add(&t->counts[i], 1);
	if (cycles > t->lately.cycles || now_us - t->from_us >= TURN_LATELY_US)
		turn_times_longest(t, cycles, work, now_us);
}

/* The longest turn of the last 10 to 20 s in which there was work. */
struct turn_longest turn_times_read_longest(const struct turn_times *t);
