/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/turns.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

/* What the scheduler counts of this thread: time on a core, time that it waited for one, and how often it ran. */
static uint64_t waited_ns(void)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "re");
	uint64_t waited;
	int n;

	if (file == NULL)
		return UINT64_MAX;
	n = fscanf(file, "%*u %" SCNu64, &waited);
	fclose(file);
	return n == 1 ? waited : UINT64_MAX;
}

static uint64_t stopped_times(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint64_t)usage.ru_nivcsw : 0;
}

void turns_begin(struct turns *t)
{
	histogram_init(&t->lengths);
	t->off_core_times = stopped_times();
	t->off_core_ns = waited_ns();
}

void turns_end(struct turns *t)
{
	uint64_t now_ns = waited_ns();

	t->off_core_ns = now_ns == UINT64_MAX || t->off_core_ns == UINT64_MAX ? UINT64_MAX : now_ns - t->off_core_ns;
	t->off_core_times = stopped_times() - t->off_core_times;
}
