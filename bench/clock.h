/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time for latencies: the processor's own counter, which costs some 20 cycles to read
 * and ticks evenly on every x86 and ARM machine that DPDK runs on.
 *
 * Order of calls: clock_init after EAL's start, then anything.
 * Threads: any after clock_init.
 */
#pragma once

#include <stdint.h>

#include <rte_cycles.h>

extern double clock_ns_per_cycle;

void clock_init(void);

static inline uint64_t clock_cycles(void)
{
	return rte_rdtsc();
}

static inline uint64_t clock_ns(uint64_t cycles)
{
	return (uint64_t)((double)cycles * clock_ns_per_cycle);
}

/* How long ago @then was, in nanoseconds. */
static inline uint64_t clock_since_ns(uint64_t then)
{
	uint64_t now = clock_cycles();

	return now > then ? clock_ns(now - then) : 0;
}

/* CLOCK_MONOTONIC in microseconds: what turns and timers count by. */
uint64_t clock_now_us(void);
