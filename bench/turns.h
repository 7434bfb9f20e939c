/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The load generator's own part in what it measures: an answer that comes while its loop is
 * in a long turn, or while others have its core, is seen late. So it looks at itself: how long
 * its turns took, and how long and how often it was kept off its core.
 *
 * Order of calls: turns_begin when measuring begins, turns_note after each turn, turns_end;
 * then what is in the struct counts.
 *
 * Threads: one, whose turns these are. Ownership: the struct is the caller's, without pointers.
 */
#pragma once

#include <stdint.h>

#include "bench/clock.h"
#include "bench/histogram.h"

struct turns {
	/* By time: that p99 is 200 us says that 99 % of the time went by in turns of 200 us at most. */
	struct histogram lengths;
	/* Ready to run, but others had the core; UINT64_MAX: this kernel doesn't tell. */
	uint64_t off_core_ns;
	uint64_t off_core_times;	/* it was stopped in its work for that */
};

void turns_begin(struct turns *t);
void turns_end(struct turns *t);

/* A turn is over that began @from (clock_cycles), after whatever it waited for. */
static inline void turns_note(struct turns *t, uint64_t from)
{
	uint64_t ns = clock_since_ns(from);

	histogram_record_many(&t->lengths, ns, ns);
}
