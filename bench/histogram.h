/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A histogram of latencies in fixed memory: from a nanosecond to beyond 100 s, at
 * most 1 % off, however many are recorded. Values are counted in buckets whose
 * width grows with the value: below 128 ns each has its own, above that each
 * power of two is divided into 128. (The idea of Gil Tene's HdrHistogram.)
 *
 * It says nothing of what was never measured: a client that waits for a slow
 * answer before it asks again must measure from when it should have asked.
 *
 * Order of calls: histogram_init, histogram_record..., then the questions; again
 * from histogram_init to begin anew.
 *
 * Threads: one at a time. Several record into their own and are merged.
 * Ownership: the struct is the caller's, some 31 KB, without pointers.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_TOP_BITS 37	/* 2^37 ns: 137 s */
#define HISTOGRAM_BUCKETS ((HISTOGRAM_TOP_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_MAX_NS ((1ull << HISTOGRAM_TOP_BITS) - 1)	/* longer ones count as this long */

struct histogram {
	uint64_t count;
	uint64_t min_ns, max_ns;	/* exact; 0 when nothing was recorded */
	uint64_t sum_ns;		/* of 584 years at most */
	uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *h);

static inline uint32_t histogram_bucket(uint64_t ns)
{
	uint32_t top;

	if (ns < 1u << HISTOGRAM_SUB_BITS)
		return (uint32_t)ns;
	if (ns > HISTOGRAM_MAX_NS)
		ns = HISTOGRAM_MAX_NS;
	/* The highest bit says which power of two, the seven below it which part of that. */
	top = 63 - (uint32_t)__builtin_clzll(ns);
	return ((top - HISTOGRAM_SUB_BITS) << HISTOGRAM_SUB_BITS) + (uint32_t)(ns >> (top - HISTOGRAM_SUB_BITS));
}

/* @count values of @ns each. */
static inline void histogram_record_many(struct histogram *h, uint64_t ns, uint64_t count)
{
	if (count == 0)
		return;
	if (ns > HISTOGRAM_MAX_NS)
		ns = HISTOGRAM_MAX_NS;
	if (ns > h->max_ns)
		h->max_ns = ns;
	if (ns < h->min_ns || h->count == 0)
		h->min_ns = ns;
	h->count += count;
	h->sum_ns += ns * count;
	h->counts[histogram_bucket(ns)] += count;
}

static inline void histogram_record(struct histogram *h, uint64_t ns)
{
	histogram_record_many(h, ns, 1);
}

/* The longest value that is counted in @bucket. */
uint64_t histogram_upper_ns(uint32_t bucket);

/*
 * The value that @percent (0 to 100) of all values don't exceed, by nearest rank:
 * the upper end of its bucket, so never below the truth, and less than 1 % above
 * it. 0 when nothing was recorded.
 */
uint64_t histogram_percentile_ns(const struct histogram *h, double percent);

double histogram_mean_ns(const struct histogram *h);	/* exact */

/* Adds what @from counted. */
void histogram_merge(struct histogram *into, const struct histogram *from);
