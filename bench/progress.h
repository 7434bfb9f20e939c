/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line on standard error, once a second, that says how far a run is: on a terminal
 * the same line again and again, else (--progress) a line each.
 *
 * Threads: one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct options;
struct run;

struct progress {
	bool on, terminal;
	uint64_t shown_us, busy;
};

void progress_init(struct progress *p, const struct options *o);
/* Says something when a second has passed. */
void progress_show(struct progress *p, struct run *r, uint64_t now_us);
void progress_clear(struct progress *p);
