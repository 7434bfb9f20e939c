/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * core_distance A B: how long a cache line takes from one core to another and back, in
 * nanoseconds; bench/compare and bench/scale ask. Two cores of one die are some 50 apart,
 * of two dies 300, and a hypervisor may move what it calls a core from one to the other
 * at any time: what two programs pass each other through memory then costs twice as much.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_TRIPS 2000u
#define SAMPLES 20u		/* the least counts: others may have had the cores in between */

static _Alignas(128) uint32_t line;	/* 1: the other one's turn */
static bool stop;

static bool go_to(const char *core)
{
	char *end;
	unsigned long number = strtoul(core, &end, 10);
	cpu_set_t set;

	if (*core == '\0' || *end != '\0' || number >= CPU_SETSIZE) {
		fprintf(stderr, "core_distance: '%s' is no core: a number as in /proc/cpuinfo\n", core);
		return false;
	}
	CPU_ZERO(&set);
	CPU_SET(number, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return true;
	fprintf(stderr, "core_distance: core %lu can't be used: %s\n", number, strerror(errno));
	return false;
}

static void *answer(void *core)
{
	if (!go_to(core))
		exit(1);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		if (__atomic_load_n(&line, __ATOMIC_ACQUIRE) == 1)
			__atomic_store_n(&line, 0, __ATOMIC_RELEASE);
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double sample_ns(void)
{
	uint64_t began = now_ns();

	for (unsigned int i = 0; i < ROUND_TRIPS; i++) {
		__atomic_store_n(&line, 1, __ATOMIC_RELEASE);
		while (__atomic_load_n(&line, __ATOMIC_ACQUIRE) == 1)
			;
	}
	return (double)(now_ns() - began) / ROUND_TRIPS;
}

int main(int argc, char **argv)
{
	double least = 0;
	pthread_t other;

	if (argc != 3 || strcmp(argv[1], argv[2]) == 0) {
		fprintf(stderr, "usage: core_distance CORE OTHER-CORE\n");
		return 2;
	}
	if (!go_to(argv[1]) || pthread_create(&other, NULL, answer, argv[2]) != 0)
		return 1;
	for (unsigned int i = 0; i < SAMPLES; i++) {
		double ns = sample_ns();

		if (i == 0 || ns < least)
			least = ns;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(other, NULL);
	printf("%.0f\n", least);
	return 0;
}
