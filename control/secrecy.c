/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/secrecy.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "control/log.h"
#include "control/no_core.h"

/*
 * May more be locked than the limit says? As root may, whatever the limit: who can't raise
 * it can still have CAP_IPC_LOCK. Tried on addresses without memory.
 */
static bool limit_counts(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit have = { 0, 0 };
	void *beyond;
	size_t bytes;
	bool counts;

	(void)setrlimit(RLIMIT_MEMLOCK, &all);	/* what came of it is seen below */
	if (getrlimit(RLIMIT_MEMLOCK, &have) != 0 || have.rlim_cur == RLIM_INFINITY)
		return have.rlim_cur != RLIM_INFINITY;
	bytes = (size_t)have.rlim_cur + (1u << 20);
	beyond = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (beyond == MAP_FAILED)
		return true;
	counts = mlock2(beyond, bytes, MLOCK_ONFAULT) != 0;
	munmap(beyond, bytes);
	return counts;
}

/*
 * All of the process, each page from when it is first used. Only without a limit: under
 * one, what is allocated later might be refused, and DPDK reserves far more addresses
 * than it uses.
 */
static void lock_memory(void)
{
	if (!limit_counts() && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
		return;
	log_say(LOG_WARNING_LEVEL, "memory can't be locked, so that keys may be written to swap space; start posternd "
		"as root, with CAP_IPC_LOCK or with LimitMEMLOCK=infinity, or encrypt the swap space");
}

void secrecy_begin(bool core_dumps)
{
	int r = core_dumps ? 0 : no_core_dumps();

	if (core_dumps)
		log_say(LOG_WARNING_LEVEL, "core dumps are allowed: a core file holds private keys and mail");
	else if (r != 0)
		log_say(LOG_WARNING_LEVEL, "core dumps can't be switched off (%s): one would hold private keys", strerror(-r));
	lock_memory();
}
