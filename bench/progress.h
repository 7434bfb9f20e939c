/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line on standard error, once a second, that says how far a run is: on a terminal
 * the same line again and again, else (--progress) a line each. And a line for each
 * phase in the file that --phases names: who watches the run from outside goes by it.
 *
 * Threads: one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct options;
struct run;

struct progress {
	bool on, terminal;
	int phases;	/* file descriptor; -1: nobody asks */
	uint64_t shown_us, busy;
};

/* 0, or -errno with @err when the file for phases can't be written. */
int progress_init(struct progress *p, const struct options *o, struct error *err);
/* Says something when a second has passed. */
void progress_show(struct progress *p, struct run *r, uint64_t now_us);
/* The run has entered its phase. */
void progress_phase(const struct progress *p, const struct run *r);
/* Clears the line and closes the file. */
void progress_fini(struct progress *p);
