/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An open loop: so many events a second, each with the moment at which it is meant to
 * happen. Whoever is late does it later, but measures from that moment: a slow answer
 * delays none of the questions that others would have asked meanwhile (no coordinated
 * omission).
 *
 * Order of calls: schedule_init; while schedule_due tells a moment: do it, schedule_take.
 * Threads: one.
 */
#pragma once

#include <stdint.h>

#include "bench/clock.h"

struct schedule {
	double interval_cycles, next;
};

static inline void schedule_init(struct schedule *s, double per_s)
{
	s->interval_cycles = 1e9 / per_s / clock_ns_per_cycle;
	s->next = (double)clock_cycles();
}

/* When the next one should have happened, in clock_cycles; 0: that is still to come. */
static inline uint64_t schedule_due(const struct schedule *s)
{
	return (double)clock_cycles() >= s->next ? (uint64_t)s->next : 0;
}

static inline void schedule_take(struct schedule *s)
{
	s->next += s->interval_cycles;
}

/* The same on the turn's clock. */
static inline uint64_t schedule_next_us(const struct schedule *s, uint64_t now_us)
{
	double left = s->next - (double)clock_cycles();

	return left > 0 ? now_us + (uint64_t)(left * clock_ns_per_cycle / 1000) : now_us;
}
