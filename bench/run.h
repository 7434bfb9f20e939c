/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One run of a workload: opens connections, lets it warm up, measures, ends, and
 * tells what was found. Bounded in count (--connections) and time: every phase has an
 * end of its own.
 *
 *   HOLDING    until --held sessions are there besides; at most --open-timeout
 *   OPENING    until as many connections are open as the workload wants, where it
 *              waits for that (workload.h); at most --open-timeout
 *   WARMING    --warmup seconds
 *   MEASURING  --seconds
 *   ENDING     workloads finish what they have under way, connections close; at most
 *              a few seconds, then they are reset
 *
 * Threads: one. Ownership: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/histogram.h"
#include "bench/result.h"
#include "bench/transport.h"

#define RUN_ERRORS_MAX 64

struct backend;
struct clients;
struct options;
struct workload;

enum run_phase { RUN_HOLDING, RUN_OPENING, RUN_WARMING, RUN_MEASURING, RUN_ENDING, RUN_ENDED };

struct run {
	const struct options *options;
	const struct workload *workload;
	struct transport *transport;
	struct clients *clients;
	struct backend *backend;	/* NULL: the internal server is another process */
	enum run_phase phase;
	uint64_t phase_from_us;

	/* The workload may move these at any time: */
	uint32_t want_open;		/* connections to hold; starts as --connections */
	uint32_t want_dialing;		/* of these, at most so many not yet through their TLS handshake */

	/* Recorded into while phase == RUN_MEASURING; the one the workload is about. */
	struct histogram latency;
	double measured_s;		/* after MEASURING: how long that was */

	uint64_t random;		/* run_random's state, from --seed */
	struct {
		const char *name;
		uint64_t count;
	} errors[RUN_ERRORS_MAX];
	unsigned int n_errors;
};

/* Is what happens now part of the result? */
static inline bool run_measuring(const struct run *r)
{
	return r->phase == RUN_MEASURING;
}

/* Have connections to be given up now, as the workload sees fit? */
static inline bool run_ending(const struct run *r)
{
	return r->phase >= RUN_ENDING;
}

/* Counts an error; @name lives as long as the run. Any makes the exit status 1 (--allow-errors apart). */
void run_error(struct run *r, const char *name);
void run_errors(struct run *r, const char *name, uint64_t count);
uint64_t run_errors_total(const struct run *r);

/* The same numbers for the same seed. */
uint64_t run_random(struct run *r);
double run_random_unit(struct run *r);	/* [0, 1) */

/* The whole run, to its end. What it found is in @result. 0, or -errno when it couldn't be done at all. */
int run_workload(struct run *r, const struct options *o, const struct workload *w, struct transport *t,
		 struct result *result, struct error *err);
/* Only the backend, until --seconds are over or a signal comes. */
int run_backend(const struct options *o, struct transport *t, struct result *result, struct error *err);
