/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Splices: a client leg under TLS joined to a plaintext leg to an internal server.
 * A splice moves bytes only into room that the other side has, so a slow reader on
 * one side closes the window on the other, and memory per connection is bounded.
 *
 * Order of calls: splices_new; per turn splices_run after stack_input and before
 * the turn's transmissions, and splices_shake after them; splices_order for what control
 * asks; splices_free.
 *
 * Threads: the worker that owns the stack.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane.h"
#include "stack.h"

struct policy;
struct rte_mempool;
struct rte_ring;
struct splices;

struct splices_config {
	uint16_t worker;
	uint32_t max_splices;
	bool ignore_unpublished;	/* no RST to a SYN that nothing publishes */
	struct stack *stack;
	struct rte_mempool *mbufs;	/* the stack's */
	uint64_t handshake_budget_us;	/* how long one turn's handshakes may take; one is always served */
	uint64_t (*clock_us)(void);	/* goes on while a turn lasts, as the stack's clock doesn't */
	struct counters *counters;
	struct rte_ring *log;	/* of struct record_told; full: the record is lost and counted */
};

/* NULL: no memory. The stack's syn hook must lead to splices_syn. */
struct splices *splices_new(const struct splices_config *config);
/* Ends every splice first, as splices_close_all does. */
void splices_free(struct splices *all);

/* May this SYN begin a connection under @policy (NULL: none yet)? Counts a refusal. */
enum stack_verdict splices_syn(struct splices *all, const struct policy *policy, const struct tuple *t);

/* A bounded part of what is to do on open connections. Returns how many splices had work. */
unsigned int splices_run(struct splices *all, const struct policy *policy, uint64_t now_us);
/* TLS handshakes, for the time that a turn has for them: what they send leaves in the next turn. */
unsigned int splices_shake(struct splices *all);
/* Is work left that these two put off? Then the worker must not sleep. */
bool splices_pending(const struct splices *all);

/* Ends all in good order (close_notify, FIN) with DRAINED in the log. */
void splices_close_all(struct splices *all);

/* A bounded part of @o; true when it is done. */
bool splices_order(struct splices *all, struct order *o);

uint32_t splices_open(const struct splices *all);
