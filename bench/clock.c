/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/clock.h"

#include <time.h>

double clock_ns_per_cycle = 1;

void clock_init(void)
{
	clock_ns_per_cycle = 1e9 / (double)rte_get_tsc_hz();
}

uint64_t clock_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
