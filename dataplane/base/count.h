/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters with one writer (a worker) and any number of readers (control).
 *
 * A relaxed store of a value that only this thread writes compiles to a plain
 * add: no lock prefix, no fence; and a reader on another thread sees a whole
 * value, never half of one.
 *
 * Threads: counter_add by the owner only; counter_read by anyone.
 */
#pragma once

#include <stdint.h>

static inline void counter_add(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}
