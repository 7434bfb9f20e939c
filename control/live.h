/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the operator's rules to the snapshot that workers read (dataplane/policy.h),
 * and the care for what older snapshots' connections still hold.
 *
 * Order of calls: live_init; live_build then live_publish or live_discard, any
 * number of times; live_reap now and then; live_fini after the workers stopped.
 *
 * A rule that didn't change, with a certificate that didn't change, is the same
 * struct rule in the next snapshot. One that left is retired, and freed by
 * live_reap when no connection of any worker holds it any more. A rule's numbers
 * (struct rule_count) go by its name: they outlive its versions, and end with the
 * last of them.
 *
 * Threads: control. Ownership: live owns rules, contexts, numbers, tickets.
 */
#pragma once

#include "control/certs.h"
#include "control/error.h"
#include "control/ruleset.h"
#include "dataplane/policy.h"

struct live_rule;
struct live_numbers;
struct live_next;	/* a snapshot that isn't published yet */

struct live_limits {
	uint64_t handshake_timeout_us, idle_timeout_us;	/* of rules that say nothing */
};

struct live {
	uint16_t n_workers;
	uint64_t generation;
	struct policy *current;		/* NULL before the first publication */
	struct live_rule *rules;	/* of the current snapshot */
	struct live_rule *retired;
	struct live_numbers *numbers;
	struct tls_tickets *tickets;
	uint32_t n_retired;
};

/* Consumes @tickets. */
void live_init(struct live *l, uint16_t n_workers, struct tls_tickets *tickets);
void live_fini(struct live *l);

/* Every rule's certificate must be in @certs. 0, or -errno with @err and nothing changed. */
int live_build(struct live *l, const struct ruleset *rules, const struct certs *certs,
	       const struct live_limits *limits, struct live_next **out, struct error *err);
/* Waits for a grace period. Consumes @next; @rules: those it was built of, whose names keep their numbers. */
void live_publish(struct live *l, struct live_next *next, const struct ruleset *rules);
void live_discard(struct live *l, struct live_next *next);

/* Frees retired rules that no connection holds; waits for a grace period if there are any. How many. */
unsigned int live_reap(struct live *l);
/* Publishes other keys for session tickets, and wipes the last ones: waits for two grace periods. Consumes @fresh. 0, or -errno with @err. */
int live_put_tickets(struct live *l, struct tls_tickets *fresh, struct error *err);

/* A rule's numbers, all workers together; zeros for a name that never was published. */
void live_count(const struct live *l, const char *name, struct rule_count *sum);
/* Connections that hold a version of the rule other than the current one (or any, when it is gone). */
uint64_t live_retired_connections(const struct live *l, const char *name);
