/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time in ticks is a number of WHEEL_LEVELS digits to the base 64. A timer lies on
 * the level of the highest digit in which its tick differs from now_tick, in the
 * slot of its own digit there. So all timers of level 0 are due before any of
 * level 1, and so on: the next event is always the first slot of the lowest level
 * in use. When now_tick enters a slot of a higher level, the slot's timers move
 * to lower ones (they "cascade"); the list `far` is the level above the highest.
 */
#include "base/wheel.h"

#include "base/assert.h"

#define SLOT_BITS 6
#define SLOT_MASK (WHEEL_SLOTS - 1u)
#define SLOT_FAR (WHEEL_LEVELS * WHEEL_SLOTS)
#define TICK_MAX ((1ull << 48) - 1)	/* of due_tick's bits */
#define EPOCH_BITS (WHEEL_LEVELS * SLOT_BITS)

/* Cascading is cheaper than firing: this many moves are allowed per max_fire. */
#define MOVES_PER_FIRE 16u

_Static_assert(WHEEL_SLOTS == 1 << SLOT_BITS, "a slot is one digit");

static inline unsigned int digit(uint64_t tick, unsigned int level)
{
	return (unsigned int)(tick >> (level * SLOT_BITS)) & SLOT_MASK;
}

void wheel_init(struct wheel *w, uint64_t tick_us, uint64_t now_us)
{
	ASSERT(tick_us != 0 && (tick_us & (tick_us - 1)) == 0);
	w->tick_us = tick_us;
	w->now_tick = now_us / tick_us;
	ASSERT(w->now_tick < TICK_MAX / 2);
	for (unsigned int l = 0; l < WHEEL_LEVELS; l++) {
		w->occupied[l] = 0;
		for (unsigned int i = 0; i < WHEEL_SLOTS; i++)
			TAILQ_INIT(&w->slots[l][i]);
	}
	TAILQ_INIT(&w->far);
}

void wheel_timer_init(struct wheel_timer *t, void (*fire)(struct wheel_timer *, uint64_t))
{
	t->fire = fire;
	t->slot = 0;
}

/* The tick at which @deadline_us has passed for certain. */
static inline uint64_t tick_of(const struct wheel *w, uint64_t deadline_us)
{
	unsigned int shift = (unsigned int)__builtin_ctzll(w->tick_us);

	return (deadline_us >> shift) + ((deadline_us & (w->tick_us - 1)) != 0);
}

/* What an entered slot's timer is due at. */
static inline uint64_t tick_from(const struct wheel *w, const struct wheel_timer *t)
{
	return t->due_tick > w->now_tick ? t->due_tick : w->now_tick;
}

static inline struct wheel_list *list_of(struct wheel *w, unsigned int slot)
{
	return slot == SLOT_FAR ? &w->far : &w->slots[slot / WHEEL_SLOTS][slot % WHEEL_SLOTS];
}

/* Puts @t where @tick belongs. tick >= now_tick; equal means due in this very step of wheel_run. */
static void insert(struct wheel *w, struct wheel_timer *t, uint64_t tick)
{
	uint64_t differ = tick ^ w->now_tick;
	unsigned int level = differ ? (63u - (unsigned int)__builtin_clzll(differ)) / SLOT_BITS : 0;
	unsigned int slot = SLOT_FAR;

	if (level < WHEEL_LEVELS) {
		slot = level * WHEEL_SLOTS + digit(tick, level);
		w->occupied[level] |= 1ull << digit(tick, level);
	}
	t->slot = (slot + 1) & UINT16_MAX;
	TAILQ_INSERT_TAIL(list_of(w, slot), t, link);
}

static void take_out(struct wheel *w, struct wheel_timer *t)
{
	unsigned int slot = t->slot - 1u;
	struct wheel_list *list = list_of(w, slot);

	TAILQ_REMOVE(list, t, link);
	t->slot = 0;
	if (slot != SLOT_FAR && TAILQ_EMPTY(list))
		w->occupied[slot / WHEEL_SLOTS] &= ~(1ull << (slot % WHEEL_SLOTS));
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t deadline_us)
{
	uint64_t tick = tick_of(w, deadline_us);

	/* A thousand years ahead: never. */
	if (tick > TICK_MAX)
		tick = TICK_MAX;
	if (wheel_armed(t))
		take_out(w, t);
	t->due_tick = tick & TICK_MAX;
	/* What is overdue waits for the next tick: a timer that re-arms itself for now can't hold wheel_run. */
	insert(w, t, tick > w->now_tick ? tick : w->now_tick + 1);
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (wheel_armed(t))
		take_out(w, t);
}

/*
 * The first slot that has timers: its level, and in @tick when it begins.
 * WHEEL_LEVELS: only the far list; WHEEL_LEVELS + 1: nothing is armed.
 */
static unsigned int next_event(const struct wheel *w, uint64_t *tick)
{
	unsigned int level = WHEEL_LEVELS;

	/* A slot that now_tick has entered and that isn't emptied yet comes first, highest level first. */
	while (--level > 0) {
		*tick = w->now_tick;
		if (w->occupied[level] >> digit(w->now_tick, level) & 1)
			return level;
	}
	for (level = 0; level < WHEEL_LEVELS; level++) {
		unsigned int above = (level + 1) * SLOT_BITS;

		if (w->occupied[level] == 0)
			continue;
		*tick = w->now_tick >> above << above |
			(uint64_t)__builtin_ctzll(w->occupied[level]) << (level * SLOT_BITS);
		return level;
	}
	*tick = ((w->now_tick >> EPOCH_BITS) + 1) << EPOCH_BITS;
	return TAILQ_EMPTY(&w->far) ? WHEEL_LEVELS + 1 : WHEEL_LEVELS;
}

/* Moves the timers of an entered slot down. False: the budget ended before the slot did. */
static bool cascade(struct wheel *w, unsigned int level, uint64_t *moves)
{
	struct wheel_list *list = &w->slots[level][digit(w->now_tick, level)];
	struct wheel_timer *t;

	while ((t = TAILQ_FIRST(list)) != NULL) {
		if (*moves == 0)
			return false;
		--*moves;
		take_out(w, t);
		insert(w, t, tick_from(w, t));
	}
	return true;
}

/* A new epoch began: what lies in it leaves the far list. Once in 2^30 ticks, so without a budget. */
static void enter_epoch(struct wheel *w)
{
	struct wheel_list old = TAILQ_HEAD_INITIALIZER(old);
	struct wheel_timer *t;

	TAILQ_CONCAT(&old, &w->far, link);
	while ((t = TAILQ_FIRST(&old)) != NULL) {
		TAILQ_REMOVE(&old, t, link);
		insert(w, t, tick_from(w, t));
	}
}

/* The next to fire, perhaps long not used: while one fires, it and its owner's fields before it come from memory. */
static inline void ahead(const struct wheel_timer *t)
{
	if (t == NULL)
		return;
	__builtin_prefetch(t);
	__builtin_prefetch((const char *)t - 64);
}

unsigned int wheel_run(struct wheel *w, uint64_t now_us, unsigned int max_fire)
{
	uint64_t target = now_us / w->tick_us, tick, moves = (uint64_t)max_fire * MOVES_PER_FIRE;
	unsigned int fired = 0, level;

	while ((level = next_event(w, &tick)) <= WHEEL_LEVELS && tick <= target) {
		struct wheel_timer *t;

		w->now_tick = tick;
		if (level == WHEEL_LEVELS) {
			enter_epoch(w);
			continue;
		}
		if (level > 0) {
			if (!cascade(w, level, &moves))
				return fired;
			continue;
		}
		while ((t = TAILQ_FIRST(&w->slots[0][digit(tick, 0)])) != NULL) {
			if (fired == max_fire)
				return fired;
			ahead(TAILQ_NEXT(t, link));
			take_out(w, t);
			fired++;
			t->fire(t, now_us);
		}
	}
	if (target > w->now_tick)
		w->now_tick = target;
	return fired;
}

uint64_t wheel_next_us(const struct wheel *w)
{
	uint64_t tick;

	if (next_event(w, &tick) > WHEEL_LEVELS)
		return UINT64_MAX;
	return tick * w->tick_us;
}
