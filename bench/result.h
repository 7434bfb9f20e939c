/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one run of a workload found, with all that it takes to repeat it: as JSON
 * for programs (bench/compare, postern-bench report) and as a table for people.
 *
 * The JSON, schema "postern-bench/1":
 *   schema, workload, name, transport, target: strings; name tells apart runs of
 *                 one workload ("tls13-full", "64x256-c64")
 *   parameters:   {NAME: number, string or boolean}
 *   seed:         integer
 *   versions:     {postern, kernel, and what else the caller names: dpdk, wolfssl}
 *   cpu:          {model, mhz, core}
 *   started:      "2026-01-31T12:00:00Z"
 *   duration_s:   seconds that were measured, without the run-up
 *   window:       [from, to] of it, seconds of CLOCK_MONOTONIC: for who watched the gateway
 *   metrics:      {NAME: number; NAME_us: {p50, p90, p99, "p99.9", max, min, mean, count};
 *                 errors: {NAME: count}}
 *   client:       {busy: its core's load, 0 to 1; limited: whether it was the limit; note;
 *                 turn_us: how long turns of its loop took, in which so much of the time went by;
 *                 off_core_s, off_core_times: others had its core while it had work (turns.h)}
 *   histogram:    [[upper_us, count], ...] of metrics.latency_us; those of other
 *                 latencies stand in histograms: {NAME: [...]}
 * The end of a metric's name says its unit (quantity.h).
 *
 * Order of calls: result_new, anything, result_write or result_print, result_free.
 * Threads: one. Ownership: strings are copied. No memory ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "bench/histogram.h"
#include "control/error.h"

#define RESULT_SCHEMA "postern-bench/1"

struct result;

/* Notes the time, the machine and the kernel, and the core that the caller runs on. */
struct result *result_new(const char *workload, const char *name, const char *transport, const char *target);
void result_free(struct result *r);	/* NULL is fine */

/* What was asked for. */
void result_parameter_int(struct result *r, const char *name, int64_t value);
void result_parameter_real(struct result *r, const char *name, double value);
void result_parameter_text(struct result *r, const char *name, const char *value);
void result_parameter_bool(struct result *r, const char *name, bool value);
void result_seed(struct result *r, uint64_t seed);	/* below 2^63 */
void result_version(struct result *r, const char *name, const char *version);

/* What came of it. */
void result_duration(struct result *r, double seconds);
void result_window(struct result *r, uint64_t from_us, uint64_t to_us);	/* CLOCK_MONOTONIC */
void result_metric(struct result *r, const char *name, double value);
/* @name without "_us": "latency" is the one that the workload is about. Nothing when @h is empty. */
void result_latency(struct result *r, const char *name, const struct histogram *h);
/* Added to what that error counted; an error that counts 0 isn't written. */
void result_error(struct result *r, const char *name, uint64_t count);
/* @note: why it was the limit, or NULL. */
void result_client(struct result *r, double busy, bool limited, const char *note);
/* The client's own delays, as struct turns has them (turns.h); nothing when there were no turns. */
void result_turns(struct result *r, const struct histogram *lengths, uint64_t off_core_ns, uint64_t off_core_times);

/* Borrowed: valid until @r changes. */
const json_t *result_json(const struct result *r);

/* To @path, "-" is standard output. 0, or -errno with @err. */
int result_write(const struct result *r, const char *path, struct error *err);

/* A table of @json, a result as above; tolerates that anything is missing. */
void result_print(const json_t *json, FILE *out);

/*
 * Reads [[upper_us, count], ...] back: what recording the buckets' upper ends would
 * have counted. False when @array isn't such a list; @h is then what it was so far.
 */
bool result_histogram(const json_t *array, struct histogram *h);
