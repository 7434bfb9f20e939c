/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows liburcu. */
#include "policy_rcu.h"

#include <stddef.h>
#define _LGPL_SOURCE
#include <urcu-qsbr.h>

static struct policy *current;

void policy_reader_begin(void)
{
	urcu_qsbr_register_thread();
}

void policy_reader_end(void)
{
	urcu_qsbr_unregister_thread();
}

const struct policy *policy_current(void)
{
	return rcu_dereference(current);
}

void policy_quiesce(void)
{
	urcu_qsbr_quiescent_state();
}

void policy_offline(void)
{
	urcu_qsbr_thread_offline();
}

void policy_online(void)
{
	urcu_qsbr_thread_online();
}

struct policy *policy_publish(struct policy *next)
{
	struct policy *old = rcu_xchg_pointer(&current, next);

	urcu_qsbr_synchronize_rcu();
	return old;
}
