/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "later.h"

#include <sys/time.h>
#include <time.h>

int64_t later_s;

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += later_s;
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct timeval){ .tv_sec = now.tv_sec + later_s, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}
