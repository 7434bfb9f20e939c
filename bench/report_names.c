/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How things are called and coloured, everywhere alike. */
#include "bench/report.h"

#include <stdio.h>
#include <string.h>

#include "bench/chart.h"
#include "bench/quantity.h"

const char *report_case_name(const struct compared *c, char *buf, size_t buf_bytes)
{
	bool same = strcmp(c->workload, c->name) == 0 || c->name[0] == '\0';

	snprintf(buf, buf_bytes, "%s%s%s", c->workload, same ? "" : " ", same ? "" : c->name);
	return buf;
}

const char *report_measure_name(const struct measure *m, char *buf, size_t buf_bytes)
{
	char label[QUANTITY_BYTES];

	quantity_label(m->metric, label);
	snprintf(buf, buf_bytes, "%s%s%s", label, m->part != NULL ? " " : "", m->part != NULL ? m->part : "");
	return buf;
}

const char *report_series_name(const struct series *s, char *buf, size_t buf_bytes)
{
	snprintf(buf, buf_bytes, "%s%s%s", s->subject, s->path[0] != '\0' ? " " : "", s->path);
	return buf;
}

unsigned int report_colour(const struct comparison *c, const char *subject)
{
	static const char *const known[] = { COMPARISON_SUBJECT, "haproxy", "nginx", "hitch", "stunnel" };
	unsigned int colour = sizeof(known) / sizeof(known[0]);

	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i], subject) == 0)
			return i;
	}
	/* The others by the order in which they came; there may be more of them than colours. */
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->cases[i].n; k++) {
			const char *other = c->cases[i].series[k].subject;
			bool before = true;

			if (strcmp(other, subject) == 0)
				return colour;
			for (unsigned int j = 0; j < sizeof(known) / sizeof(known[0]); j++)
				before = before && strcmp(known[j], other) != 0;
			/* A subject that comes again has its colour already. */
			for (size_t l = 0; l <= i && before; l++) {
				for (size_t m = 0; m < (l < i ? c->cases[l].n : k) && before; m++)
					before = strcmp(c->cases[l].series[m].subject, other) != 0;
			}
			if (before && ++colour == CHART_COLOURS)
				colour = sizeof(known) / sizeof(known[0]);
		}
	}
	return colour;
}
