/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks whether every worker still turns. One that stands still serves nobody, and
 * would hold up every change of rules too (a grace period waits for it): it is
 * named, and changes are refused meanwhile instead of hanging.
 *
 * It watches the count of the worker's turns and its last quiescent state: either
 * moving is life.
 *
 * Threads: control. Ownership: the caller's struct.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/error.h"
#include "dataplane/policy.h"

#define WATCHDOG_PATIENCE_US UINT64_C(1000000)

struct watchdog {
	uint16_t n_workers;
	struct {
		uint64_t quiesced_us, turns;	/* as last seen to move */
		uint64_t moved_us;
		bool stuck;
	} workers[WORKERS_MAX];
	uint64_t now_us;
	uint64_t stalls;	/* how often one was found standing */
};

void watchdog_init(struct watchdog *w, uint16_t n_workers);
/* Now and then, at least once a second while workers run. */
void watchdog_tick(struct watchdog *w, uint64_t now_us);
/* 0; or -EBUSY with @err, which names the worker and its CPU. */
int watchdog_check(const struct watchdog *w, struct error *err);
