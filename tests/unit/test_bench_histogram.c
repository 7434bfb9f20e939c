/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/histogram.h"

#define VALUES 20000

static struct histogram h, other;

static uint64_t seed = 1;

static uint64_t random_u64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Every bucket begins where the one before it ends, and is less than 1 % wide. */
static void buckets_leave_no_gap(void **state)
{
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t lower = i > 0 ? histogram_upper_ns(i - 1) + 1 : 0, upper = histogram_upper_ns(i);

		assert_true(upper >= lower);
		assert_int_equal(histogram_bucket(lower), i);
		assert_int_equal(histogram_bucket(upper), i);
		assert_true((upper - lower) * 100 < lower || upper == lower);
	}
	assert_int_equal(histogram_upper_ns(HISTOGRAM_BUCKETS - 1), HISTOGRAM_MAX_NS);
	assert_true(HISTOGRAM_MAX_NS > 100ull * 1000 * 1000 * 1000);
}

static void nothing_recorded(void **state)
{
	histogram_init(&h);
	assert_int_equal(histogram_percentile_ns(&h, 50), 0);
	assert_int_equal(histogram_percentile_ns(&h, 100), 0);
	assert_true(histogram_mean_ns(&h) == 0);
	histogram_record_many(&h, 5, 0);
	assert_int_equal(h.count, 0);
	assert_int_equal(h.max_ns, 0);
}

/* Against the sorted list, over values of every size. */
static void percentiles_are_within_one_percent(void **state)
{
	static const double percents[] = { 0, 0.01, 1, 10, 50, 90, 99, 99.9, 99.99, 100 };
	static uint64_t values[VALUES];
	double sum = 0;

	histogram_init(&h);
	for (uint32_t i = 0; i < VALUES; i++) {
		values[i] = random_u64() % (1ull << (10 + random_u64() % 27));
		sum += (double)values[i];
		histogram_record(&h, values[i]);
	}
	qsort(values, VALUES, sizeof(values[0]), by_value);
	for (uint32_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		uint32_t rank = (uint32_t)(VALUES * percents[i] / 100 + 0.999999);
		uint64_t exact = values[rank > 0 ? rank - 1 : 0], told = histogram_percentile_ns(&h, percents[i]);

		assert_true(told >= exact);
		assert_true(told - exact <= exact / 100 + 1);
	}
	assert_int_equal(histogram_percentile_ns(&h, 100), values[VALUES - 1]);
	assert_int_equal(h.min_ns, values[0]);
	assert_int_equal(h.count, VALUES);
	assert_true(histogram_mean_ns(&h) > sum / VALUES * 0.999999 && histogram_mean_ns(&h) < sum / VALUES * 1.000001);
}

/* One slow answer in a thousand is p99.9's neighbour, not p99.9. */
static void rank_is_nearest(void **state)
{
	histogram_init(&h);
	histogram_record_many(&h, 100, 999);
	histogram_record(&h, 1000000);
	assert_int_equal(histogram_percentile_ns(&h, 99.9), 100);
	assert_int_equal(histogram_percentile_ns(&h, 99.91), 1000000);
	histogram_record(&h, 1000000);
	assert_int_equal(histogram_percentile_ns(&h, 99.9), 1000000);
}

static void too_long_counts_as_the_longest(void **state)
{
	histogram_init(&h);
	histogram_record(&h, UINT64_MAX);
	assert_int_equal(h.max_ns, HISTOGRAM_MAX_NS);
	assert_int_equal(h.sum_ns, HISTOGRAM_MAX_NS);
	assert_int_equal(h.counts[HISTOGRAM_BUCKETS - 1], 1);
	assert_int_equal(histogram_percentile_ns(&h, 50), HISTOGRAM_MAX_NS);
}

static void merged_is_as_recorded_together(void **state)
{
	static struct histogram together;

	histogram_init(&h);
	histogram_init(&other);
	histogram_init(&together);
	histogram_merge(&h, &other);	/* nothing into nothing */
	assert_int_equal(h.min_ns, 0);
	for (uint32_t i = 0; i < VALUES; i++) {
		uint64_t value = 500 + random_u64() % 1000000;

		histogram_record(&together, value);
		histogram_record(i % 3 ? &h : &other, value);
	}
	histogram_merge(&h, &other);
	assert_memory_equal(&h, &together, sizeof(h));
	histogram_init(&other);
	histogram_merge(&other, &h);	/* into nothing: its least must not be 0 */
	assert_memory_equal(&other, &together, sizeof(h));
	histogram_init(&other);
	histogram_merge(&h, &other);	/* and nothing into something */
	assert_memory_equal(&h, &together, sizeof(h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_leave_no_gap),
		cmocka_unit_test(nothing_recorded),
		cmocka_unit_test(percentiles_are_within_one_percent),
		cmocka_unit_test(rank_is_nearest),
		cmocka_unit_test(too_long_counts_as_the_longest),
		cmocka_unit_test(merged_is_as_recorded_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
