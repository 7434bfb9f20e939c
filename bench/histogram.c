/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/histogram.h"

#include <math.h>
#include <string.h>

void histogram_init(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}

uint64_t histogram_upper_ns(uint32_t bucket)
{
	uint32_t shift;
	uint64_t part;

	if (bucket < 2u << HISTOGRAM_SUB_BITS) /* one value each */
		return bucket;
	shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
	part = bucket - (shift << HISTOGRAM_SUB_BITS);
	return ((part + 1) << shift) - 1;
}

uint64_t histogram_percentile_ns(const struct histogram *h, double percent)
{
	uint64_t rank, seen = 0;

	if (h->count == 0)
		return 0;
	/* 99.9 % of 1,000 shall be 999, not the 1,000 that 999.0000000001 would become. */
	rank = (uint64_t)ceil((double)h->count * percent / 100 - 1e-6);
	if (rank < 1)
		rank = 1;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= rank)
			return histogram_upper_ns(i) < h->max_ns ? histogram_upper_ns(i) : h->max_ns;
	}
	return h->max_ns;
}

double histogram_mean_ns(const struct histogram *h)
{
	return h->count > 0 ? (double)h->sum_ns / (double)h->count : 0;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->count == 0)
		return;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	if (from->min_ns < into->min_ns || into->count == 0)
		into->min_ns = from->min_ns;
	into->count += from->count;
	into->sum_ns += from->sum_ns;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->counts[i] += from->counts[i];
}
