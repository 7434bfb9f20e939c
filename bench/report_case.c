/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One workload's part of the page: charts, and all its numbers. */
#include "bench/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/chart.h"
#include "bench/html.h"
#include "bench/quantity.h"

#define CURVES_MAX 12

static void *zeroed(size_t n, size_t bytes)
{
	void *list = calloc(n + 1, bytes);

	if (list == NULL) {
		fprintf(stderr, "postern-bench: out of memory\n");
		exit(1);
	}
	return list;
}

static void parameters(FILE *out, const struct compared *one)
{
	json_t *list = json_object_get(one->series[0].rounds[0].result, "parameters");
	const char *name;
	json_t *value;
	bool first = true;

	fputs("<p class='soft'>", out);
	json_object_foreach(list, name, value) {
		html_textf(out, "%s%s ", first ? "" : " · ", name);
		html_json(out, value, 1);
		first = false;
	}
	fputs("</p>\n", out);
}

static void bars(FILE *out, const struct comparison *c, const struct compared *one, const struct measure *m,
		 enum basis basis)
{
	struct chart_bar *list = zeroed(one->n, sizeof(*list));
	char (*labels)[160] = zeroed(one->n, sizeof(*labels));
	char name[160], title[256];

	for (size_t i = 0; i < one->n; i++)
		list[i] = (struct chart_bar){
			.label = report_series_name(&one->series[i], labels[i], sizeof(labels[i])),
			.colour = report_colour(c, one->series[i].subject),
			.spread = series_spread(&one->series[i], m, basis),
		};
	snprintf(title, sizeof(title), "%s%s", report_measure_name(m, name, sizeof(name)),
		 !m->more_is_better ? " (less is better)" : basis == PER_CORE ? ", per gateway core" : ", per CPU-second");
	chart_bars(out, title, m->metric, m->more_is_better, list, one->n);
	free(labels);
	free(list);
}

/* Of a peer with several paths only the one with the better p99: more curves than a few can't be told apart. */
static bool worth_a_curve(const struct compared *one, const struct series *s)
{
	const struct measure p99 = { .metric = "latency_us", .part = "p99" };
	double mine = series_spread(s, &p99, PER_CORE).median;

	for (size_t i = 0; i < one->n && series_is_peer(s); i++) {
		const struct series *other = &one->series[i];
		double theirs = series_spread(other, &p99, PER_CORE).median;

		if (other != s && strcmp(other->subject, s->subject) == 0 && (theirs < mine || (theirs <= mine && other < s)))
			return false;
	}
	return true;
}

static void curves(FILE *out, const struct comparison *c, const struct compared *one)
{
	struct chart_curve list[CURVES_MAX];
	struct histogram *histograms = zeroed(CURVES_MAX, sizeof(*histograms));
	char (*labels)[160] = zeroed(CURVES_MAX, sizeof(*labels));
	size_t n = 0;

	for (int peers = 0; peers < 2; peers++) {
		for (size_t i = 0; i < one->n && n < CURVES_MAX; i++) {
			const struct series *s = &one->series[i];
			unsigned int before = 0;

			if (series_is_peer(s) != (peers == 1) || !worth_a_curve(one, s) ||
			    !series_histogram(s, &histograms[n]))
				continue;
			for (size_t k = 0; k < n; k++)
				before += list[k].colour == report_colour(c, s->subject);
			list[n] = (struct chart_curve){
				.label = report_series_name(s, labels[n], sizeof(labels[n])),
				.colour = report_colour(c, s->subject),
				.dash = before % CHART_DASHES,
				.h = &histograms[n],
			};
			n++;
		}
	}
	chart_percentiles(out, "latency over percentile (median / p99), of a peer on its better path", list, n);
	free(labels);
	free(histograms);
}

static void charts(FILE *out, const struct comparison *c, const struct compared *one, const struct measure *list, size_t n)
{
	fputs("<div class='charts'>\n", out);
	for (size_t i = 0; i < n; i++) {
		const struct measure *m = &list[i];

		if (m->part != NULL && strcmp(m->part, "p50") != 0 && strcmp(m->part, "p99") != 0)
			continue;
		bars(out, c, one, m, PER_CORE);
		if (m->more_is_better)
			bars(out, c, one, m, PER_CPU_SECOND);
	}
	curves(out, c, one);
	fputs("</div>\n", out);
}

static void spread_cell(FILE *out, const struct measure *m, struct spread s)
{
	char median[QUANTITY_BYTES], least[QUANTITY_BYTES], most[QUANTITY_BYTES];

	if (s.n == 0) {
		fputs("<td class='n'>–</td>", out);
		return;
	}
	fputs("<td class='n'>", out);
	html_text(out, quantity_text(m->metric, s.median, median));
	if (s.n > 1)
		html_element(out, "small class='soft'", "%s – %s", quantity_text(m->metric, s.least, least),
			     quantity_text(m->metric, s.most, most));
	fputs("</td>", out);
}

/* How much of its core the gateway used, and how much of its own the client: medians' places are enough here. */
static void load_cells(FILE *out, const struct series *s)
{
	double share, most_busy = NAN, shares = 0;
	const char *cpu = NULL;
	size_t known = 0;

	for (size_t i = 0; i < s->n; i++) {
		const json_t *busy = json_object_get(json_object_get(s->rounds[i].result, "client"), "busy");
		const char *which = round_cpu(&s->rounds[i], &share);

		if (which != NULL) {
			cpu = which;
			shares += share;
			known++;
		}
		if (json_is_number(busy))
			most_busy = fmax(most_busy, json_number_value(busy));
	}
	if (known > 0)
		html_element(out, "td class='n'", "%.0f %%", shares / (double)known * 100);
	else
		fputs("<td class='n'>–</td>", out);
	html_element(out, "td", "%s", cpu != NULL ? cpu : "–");
	if (series_disturbed(s) > 0)
		html_element(out, "td class='n'", "%.0f %%", series_disturbed(s) * 100);
	else
		fputs("<td class='n'>–</td>", out);
	if (isfinite(most_busy))
		html_element(out, series_limited(s) > 0 ? "td class='n behind'" : "td class='n'", "%.0f %%", most_busy * 100);
	else
		fputs("<td class='n'>–</td>", out);
}

static void errors_cell(FILE *out, const struct series *s)
{
	bool any = false;

	fputs("<td>", out);
	for (size_t i = 0; i < s->n; i++) {
		json_t *errors = json_object_get(json_object_get(s->rounds[i].result, "metrics"), "errors");
		const char *name;
		json_t *count;

		json_object_foreach(errors, name, count) {
			html_textf(out, "%s%s %" JSON_INTEGER_FORMAT " (round %d)", any ? ", " : "", name,
				   json_integer_value(count), s->rounds[i].number);
			any = true;
		}
	}
	fputs(any ? "</td>" : "none</td>", out);
}

static void numbers(FILE *out, const struct compared *one, const struct measure *list, size_t n)
{
	char name[160];

	fputs("<div class='scroll'><table class='numbers'><thead><tr><th>gateway</th><th class='n'>rounds</th>", out);
	for (size_t i = 0; i < n; i++) {
		html_element(out, "th class='n'", "%s", report_measure_name(&list[i], name, sizeof(name)));
		if (list[i].more_is_better)
			html_element(out, "th class='n'", "%s per CPU-s", name);
	}
	fputs("<th class='n'>gateway's core</th><th>by</th><th class='n'>others before</th><th class='n'>client's core</th><th>errors</th></tr></thead><tbody>\n",
	      out);
	for (size_t i = 0; i < one->n; i++) {
		const struct series *s = &one->series[i];

		fprintf(out, "<tr%s>", series_is_peer(s) ? "" : " class='ours'");
		fputs("<th>", out);
		html_text(out, report_series_name(s, name, sizeof(name)));
		if (s->setting[0] != '\0')
			html_element(out, "small class='soft'", "%s", s->setting);
		fprintf(out, "</th><td class='n'>%zu</td>", s->n);
		for (size_t k = 0; k < n; k++) {
			spread_cell(out, &list[k], series_spread(s, &list[k], PER_CORE));
			if (list[k].more_is_better)
				spread_cell(out, &list[k], series_spread(s, &list[k], PER_CPU_SECOND));
		}
		load_cells(out, s);
		errors_cell(out, s);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

void report_case(FILE *out, const struct comparison *c, const struct compared *one)
{
	struct measure list[REPORT_MEASURES_MAX];
	char name[160];
	size_t n;

	html_element(out, "h2", "%s", report_case_name(one, name, sizeof(name)));
	parameters(out, one);
	compared_measures(one, list, REPORT_MEASURES_MAX, &n);
	charts(out, c, one, list, n);
	numbers(out, one, list, n);
}
