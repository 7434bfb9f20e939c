/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Results side by side: which gateway (subject) over which path did what in which
 * round of which case (a workload and its settings' name), and what may be said of it:
 * medians, spreads, and ratios round by round.
 *
 * It reads results of postern-bench ("postern-bench/1", result.h) and what
 * bench/compare found ("postern-compare/1"):
 *   schema, started, machine: {...}, settings: {...},
 *   runs: [{subject: "haproxy", "postern", ...; path: "veth-gso", "memif", ...;
 *           receive: how the kernel was set to receive, or absent; round;
 *           gateway: {wall_s; charged_s: the CPU time that rates are divided by, charged_as: its
 *                     name (without them core_busy_s or process_cpu_s); core_busy_before: the
 *                     share of its core that others had, just before; ..._bytes_per_session};
 *           result: {postern-bench/1}; or failed: why there is none}]
 *
 * Order of calls: comparison_init, comparison_load for each file, the questions,
 * comparison_fini.
 * Threads: one. Ownership: strings and JSON are the comparison's, until _fini. No
 * memory ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <jansson.h>

#include "bench/histogram.h"
#include "control/error.h"

#define COMPARISON_SCHEMA "postern-compare/1"
#define COMPARISON_SUBJECT "postern"	/* it is compared with all others, its peers */

struct round {
	int number;
	const json_t *result, *gateway;	/* @gateway may be NULL */
};

struct series {	/* of one subject on one path */
	const char *subject;
	const char *path, *setting;	/* "veth-gso", "own"; "" where there is none */
	struct round *rounds;
	size_t n;
};

struct compared {	/* a case */
	const char *workload, *name;
	struct series *series;
	size_t n;
};

struct comparison {
	struct compared *cases;	/* as they came */
	size_t n;
	json_t *files;		/* all that was read */
	const json_t *described;	/* the last file of bench/compare, or NULL */
};

void comparison_init(struct comparison *c);
void comparison_fini(struct comparison *c);

/*
 * Adds what @path holds, one result or a list of them. @label: the subject of results
 * of postern-bench; NULL: the file's name. 0, or -errno with the reason.
 */
int comparison_load(struct comparison *c, const char *path, const char *label, struct error *err);

static inline bool series_is_peer(const struct series *s)
{
	return strcmp(s->subject, COMPARISON_SUBJECT) != 0;
}

/* Something that was measured of which more, or less, is better. */
struct measure {
	const char *metric;	/* "requests_per_s", "latency_us", "memory_bytes_per_session" */
	const char *part;	/* "p99", or NULL */
	bool more_is_better;
};

/* Those that any result of @c has. The first @max; how many in *n. */
void compared_measures(const struct compared *c, struct measure *list, size_t max, size_t *n);

/*
 * A rate per second of the gateway's one core (with all it waits), or per second in
 * which that core worked. For all but rates both are the value itself.
 */
enum basis { PER_CORE, PER_CPU_SECOND };

/* NAN: not measured. */
double round_value(const struct round *r, const struct measure *m, enum basis basis);

/* The name of the CPU time that PER_CPU_SECOND goes by, and its share of the wall's; NULL: none is known. */
const char *round_cpu(const struct round *r, double *share);

struct spread {
	double median, least, most;	/* NAN when n is 0 */
	size_t n;
};

struct spread series_spread(const struct series *s, const struct measure *m, enum basis basis);

/* The peer with the best median, or NULL. */
const struct series *compared_best_peer(const struct compared *c, const struct measure *m, enum basis basis);

/*
 * How many times better @s is than @peer: above 1, @s is ahead, also where less is
 * better. Round by round where both have the round (rounds interleave, so what slowed
 * the machine slowed both), else the medians' ratio.
 */
struct spread series_ratio(const struct series *s, const struct series *peer, const struct measure *m,
			   enum basis basis);

/* All rounds' latencies (metrics.latency_us) together; false if there are none. */
bool series_histogram(const struct series *s, struct histogram *h);
uint64_t series_errors(const struct series *s);
/* In how many rounds the client was the limit. */
size_t series_limited(const struct series *s);
/* The largest share of the gateway's core that others had just before a round; 0 if nobody looked. */
double series_disturbed(const struct series *s);
