/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Charts as inline SVG. Colours are the page's (classes, report_style.c), so that
 * they follow light and dark.
 *
 * Threads: any, one a stream. Ownership: all is borrowed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/comparison.h"
#include "bench/histogram.h"

#define CHART_COLOURS 9	/* classes c0 (postern's) to c8 */
#define CHART_DASHES 4	/* classes d0 (a solid line) to d3 */

struct chart_bar {
	const char *label;
	unsigned int colour;
	struct spread spread;		/* those without a median are left out */
};

/* Bars to the right, from 0, the best first, with the spread over rounds as a whisker. @metric says the unit. */
void chart_bars(FILE *out, const char *title, const char *metric, bool more_is_better, const struct chart_bar *bars,
		size_t n);

struct chart_curve {
	const char *label;
	unsigned int colour, dash;
	const struct histogram *h;
};

/* Latency over percentile: both scales logarithmic, the percentiles' towards 100 %. */
void chart_percentiles(FILE *out, const char *title, const struct chart_curve *curves, size_t n);
