/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Draining: new connections are refused, and those that are open end by themselves
 * or, over a given time, evenly by us, oldest first: ended all at once they would
 * all come back at once, to another gateway, in the same second.
 *
 * Threads: control. Ownership: the caller's struct.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/error.h"

struct drain {
	bool on;
	uint64_t until_us;	/* 0: connections end by themselves */
	uint64_t last_us;
	uint64_t closed;
	bool done_said;
};

/* @over_us: the time in which every connection is to be ended; 0: never by us. 0, or -errno with @err and all as it was. */
int drain_begin(struct drain *d, uint64_t over_us, uint64_t now_us, struct error *err);
/* 0, or -errno with @err and all as it was. */
int drain_end(struct drain *d, struct error *err);
/* Once a second. */
void drain_tick(struct drain *d, uint64_t now_us);
/* How many of @open connections end in this tick: an even share of what is left. */
uint64_t drain_share(uint64_t open, uint64_t now_us, uint64_t last_us, uint64_t until_us);
