/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/no_core.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int no_core_dumps(void)
{
	const struct rlimit none = { 0, 0 };

	/* Both: a core_pattern that is a pipe doesn't care for the limit. */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 ? 0 : -errno;
}
