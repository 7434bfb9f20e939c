/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/secrecy.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "control/log.h"

static void no_core_dumps(void)
{
	const struct rlimit none = { 0, 0 };

	/* Both: a core_pattern that is a pipe doesn't care for the limit. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		log_say(LOG_WARNING_LEVEL, "core dumps can't be switched off (%s): one would hold private keys",
			strerror(errno));
}

/*
 * All of the process, each page from when it is first used. Only without a limit: under
 * one, what is allocated later might be refused, and DPDK reserves far more addresses
 * than it uses.
 */
static void lock_memory(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit have = { 0, 0 };

	(void)setrlimit(RLIMIT_MEMLOCK, &all);	/* what came of it is seen below */
	if (getrlimit(RLIMIT_MEMLOCK, &have) == 0 && have.rlim_cur == RLIM_INFINITY &&
	    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
		return;
	log_say(LOG_WARNING_LEVEL, "memory can't be locked, so that keys may be written to swap space; start posternd "
		"as root or with LimitMEMLOCK=infinity, or encrypt the swap space");
}

void secrecy_begin(bool core_dumps)
{
	if (core_dumps)
		log_say(LOG_WARNING_LEVEL, "core dumps are allowed: a core file holds private keys and mail");
	else
		no_core_dumps();
	lock_memory();
}
