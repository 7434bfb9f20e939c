/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows liburcu. */
#include "policy_rcu.h"

#include <stddef.h>

/*
 * ThreadSanitizer can't see how liburcu orders memory (the library isn't
 * instrumented, and orders with its own barriers), so in its builds we tell it what
 * the RCU contract promises: publication happens before a read of what was
 * published, and a quiescent state before the end of the grace period that waits
 * for it. What it then checks is our part: that nobody reads outside.
 */
#if defined(__SANITIZE_THREAD__)
#define SANITIZE_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZE_THREAD 1
#endif
#endif

#ifdef SANITIZE_THREAD
#include <sanitizer/tsan_interface.h>
#define HAPPENS_BEFORE(address) __tsan_release(address)
#define HAPPENS_AFTER(address) __tsan_acquire(address)
#else
#define _LGPL_SOURCE	/* the reader's side inline */
#define HAPPENS_BEFORE(address) ((void)(address))
#define HAPPENS_AFTER(address) ((void)(address))
#endif

#include <urcu-qsbr.h>

static struct policy *current;
static char quiescence;	/* an address for the annotations */

void policy_reader_begin(void)
{
	urcu_qsbr_register_thread();
}

void policy_reader_end(void)
{
	HAPPENS_BEFORE(&quiescence);
	urcu_qsbr_unregister_thread();
}

const struct policy *policy_current(void)
{
	struct policy *p = rcu_dereference(current);

	HAPPENS_AFTER(&current);
	return p;
}

void policy_quiesce(void)
{
	HAPPENS_BEFORE(&quiescence);
	urcu_qsbr_quiescent_state();
}

void policy_offline(void)
{
	HAPPENS_BEFORE(&quiescence);
	urcu_qsbr_thread_offline();
}

void policy_online(void)
{
	urcu_qsbr_thread_online();
}

struct policy *policy_publish(struct policy *next)
{
	struct policy *old;

	HAPPENS_BEFORE(&current);
	old = rcu_xchg_pointer(&current, next);
	urcu_qsbr_synchronize_rcu();
	HAPPENS_AFTER(&quiescence);
	return old;
}

void policy_synchronize(void)
{
	urcu_qsbr_synchronize_rcu();
	HAPPENS_AFTER(&quiescence);
}
