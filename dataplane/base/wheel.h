/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hierarchical timer wheel: arm, move and cancel in O(1), expiry in order of
 * ticks. Each timer is embedded in its owner; the wheel allocates nothing.
 *
 * Order of calls: wheel_init; then wheel_arm / wheel_cancel at will, also from
 * within a timer's own function; wheel_run(now) once per turn of the worker.
 * A timer fires at the first wheel_run whose now >= its deadline, at most one
 * tick late, never early.
 *
 * Threads: one wheel belongs to one worker.
 * Ownership: timers are borrowed while armed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define WHEEL_LEVELS 5
#define WHEEL_SLOTS 64

struct wheel_timer {
	TAILQ_ENTRY(wheel_timer) link;
	void (*fire)(struct wheel_timer *t, uint64_t now_us);
	uint64_t due_tick : 48;	/* the first one at which its deadline has passed */
	uint64_t slot : 16;	/* level * WHEEL_SLOTS + index, and 1; 0: not armed */
};

TAILQ_HEAD(wheel_list, wheel_timer);

struct wheel {
	uint64_t tick_us;	/* power of two */
	uint64_t now_tick;	/* ticks that wheel_run has gone through */
	uint64_t occupied[WHEEL_LEVELS];	/* a bit per slot that isn't empty */
	struct wheel_list slots[WHEEL_LEVELS][WHEEL_SLOTS];
	struct wheel_list far;	/* 64^WHEEL_LEVELS ticks ahead and more */
};

/* @tick_us: a power of two; @now_us: the clock's value at start, below 2^47 ticks: centuries. */
void wheel_init(struct wheel *w, uint64_t tick_us, uint64_t now_us);

/* Gives the timer its function; not armed yet. */
void wheel_timer_init(struct wheel_timer *t, void (*fire)(struct wheel_timer *, uint64_t));

/* Arms @t for @deadline_us, or moves it there when it is armed. */
void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t deadline_us);
void wheel_cancel(struct wheel *w, struct wheel_timer *t);

/* @t will be armed soon: has its neighbours, which that writes to, fetched from memory meanwhile. */
static inline void wheel_ahead(const struct wheel_timer *t)
{
	__builtin_prefetch(t->link.tqe_next, 1);
	__builtin_prefetch(t->link.tqe_prev, 1);
}

static inline bool wheel_armed(const struct wheel_timer *t)
{
	return t->slot != 0;
}

/* When @t, which is armed, fires: its deadline, rounded up to a tick. */
static inline uint64_t wheel_due_us(const struct wheel *w, const struct wheel_timer *t)
{
	return t->due_tick * w->tick_us;
}

/* Fires what is due. Returns how many fired. @max_fire bounds the work of one call; the rest fires in the next. */
unsigned int wheel_run(struct wheel *w, uint64_t now_us, unsigned int max_fire);

/*
 * When wheel_run has work next: the tick at which the next timer fires, or an
 * earlier one at which timers move down a level. Never later. UINT64_MAX: nothing
 * is armed.
 */
uint64_t wheel_next_us(const struct wheel *w);
