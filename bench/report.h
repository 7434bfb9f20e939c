/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern-bench report: results (comparison.h) as one HTML page that needs nothing
 * else, no script and no other file: what is better than what by how much, charts,
 * the numbers, and all that it takes to repeat the run.
 *
 * Order of calls: report_main does all; report_page for what is loaded already.
 * Threads: one.
 */
#pragma once

#include <stdio.h>

#include "bench/comparison.h"

/* `postern-bench report ...`; argv[0] is "report". The program's exit status. */
int report_main(int argc, char **argv);

void report_page(FILE *out, const struct comparison *c, const char *title);

/* What report_page is made of. */
void report_summary(FILE *out, const struct comparison *c);	/* ratios, and notes on them */
void report_case(FILE *out, const struct comparison *c, const struct compared *one);

/* "request 64x256-c64" */
const char *report_case_name(const struct compared *c, char *buf, size_t buf_bytes);
/* "p99 latency", "requests" */
const char *report_measure_name(const struct measure *m, char *buf, size_t buf_bytes);
/* "haproxy veth-gso" */
const char *report_series_name(const struct series *s, char *buf, size_t buf_bytes);
/* The same subject has the same colour everywhere, postern 0. */
unsigned int report_colour(const struct comparison *c, const char *subject);

#define REPORT_MEASURES_MAX 24

extern const char report_style[];
