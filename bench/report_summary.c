/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page's beginning: postern beside the best of its peers, and where one of them is ahead. */
#include "bench/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/html.h"
#include "bench/quantity.h"

#define PATHS_MAX 8
#define FAILURES_MAX 20		/* listed; the others are counted */
#define DISTURBED 0.05

static const char *const basis_words[] = {
	[PER_CORE] = "per gateway core",
	[PER_CPU_SECOND] = "per CPU-second of the gateway",
};

/* The worst of a few hundred samples says more of the machine than of a gateway: in the tables below only. */
static bool in_summary(const struct measure *m)
{
	return m->part == NULL || strcmp(m->part, "p50") == 0 || strcmp(m->part, "p99") == 0;
}

static bool is_rate(const struct measure *m)
{
	return m->more_is_better;
}

static void quantity(FILE *out, const struct measure *m, double value)
{
	char text[QUANTITY_BYTES];

	html_text(out, quantity_text(m->metric, value, text));
}

static size_t our_paths(const struct comparison *c, const char *paths[PATHS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->cases[i].n; k++) {
			const struct series *s = &c->cases[i].series[k];
			bool known = series_is_peer(s);

			for (size_t j = 0; j < n && !known; j++)
				known = strcmp(paths[j], s->path) == 0;
			if (!known && n < PATHS_MAX)
				paths[n++] = s->path;
		}
	}
	return n;
}

static const struct series *our_series(const struct compared *c, const char *path)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!series_is_peer(&c->series[i]) && strcmp(c->series[i].path, path) == 0)
			return &c->series[i];
	}
	return NULL;
}

static void ratio_cell(FILE *out, const struct series *ours, const struct series *peer, const struct measure *m,
		       enum basis basis)
{
	struct spread value, ratio;
	char least[QUANTITY_BYTES], most[QUANTITY_BYTES], median[QUANTITY_BYTES];

	if (ours == NULL || !isfinite((value = series_spread(ours, m, basis)).median)) {
		fputs("<td class='n'>–</td>", out);
		return;
	}
	ratio = series_ratio(ours, peer, m, basis);
	fputs("<td class='n'>", out);
	if (ratio.n > 0)
		html_element(out, ratio.median >= 1 ? "span class='ahead'" : "span class='behind'", "%s",
			     quantity_ratio(ratio.median, median));
	if (ratio.n > 1)
		html_element(out, "span class='soft'", " (%s – %s)", quantity_ratio(ratio.least, least),
			     quantity_ratio(ratio.most, most));
	html_element(out, "small", "%s", quantity_text(m->metric, value.median, median));
	fputs("</td>", out);
}

static void ratio_rows(FILE *out, const struct compared *c, enum basis basis, const char *const *paths, size_t n_paths)
{
	struct measure list[REPORT_MEASURES_MAX];
	char name[160];
	bool first = true;
	size_t n;

	compared_measures(c, list, REPORT_MEASURES_MAX, &n);
	for (size_t i = 0; i < n; i++) {
		const struct measure *m = &list[i];
		const struct series *peer = compared_best_peer(c, m, basis);

		if (!in_summary(m) || (basis == PER_CPU_SECOND && !is_rate(m)) || peer == NULL)
			continue;
		fputs(first ? "<tr class='first'>" : "<tr>", out);
		html_element(out, "th", "%s", first ? report_case_name(c, name, sizeof(name)) : "");
		first = false;
		html_element(out, "td", "%s", report_measure_name(m, name, sizeof(name)));
		fputs("<td class='n'>", out);
		quantity(out, m, series_spread(peer, m, basis).median);
		html_element(out, "small class='soft'", "%s", report_series_name(peer, name, sizeof(name)));
		fputs("</td>", out);
		for (size_t k = 0; k < n_paths; k++)
			ratio_cell(out, our_series(c, paths[k]), peer, m, basis);
		fputs("</tr>\n", out);
	}
}

static void ratio_table(FILE *out, const struct comparison *c, enum basis basis, const char *const *paths, size_t n_paths)
{
	html_element(out, "h3", "%s", basis == PER_CORE ? "Per gateway core" : "Per CPU-second of the gateway");
	fputs(basis == PER_CORE ?
	      "<p class='soft'>What came through with one core for the gateway, as a client sees it.</p>\n" :
	      "<p class='soft'>The same rates over the time that the gateway's core worked: what a core "
	      "would do if it never waited for the load.</p>\n", out);
	fputs("<div class='scroll'><table class='ratios'><thead><tr><th>workload</th><th>measure</th><th class='n'>best peer</th>", out);
	for (size_t i = 0; i < n_paths; i++)
		html_element(out, "th class='n'", "postern %s", paths[i]);
	fputs("</tr></thead><tbody>\n", out);
	for (size_t i = 0; i < c->n; i++)
		ratio_rows(out, &c->cases[i], basis, paths, n_paths);
	fputs("</tbody></table></div>\n", out);
}

/* Where @peer is ahead of @ours; true if so. */
static bool note_behind(FILE *out, const struct compared *c, const struct series *ours, const struct measure *m,
			enum basis basis)
{
	const struct series *peer = compared_best_peer(c, m, basis);
	char name[160], theirs[QUANTITY_BYTES], us[QUANTITY_BYTES], ratio[QUANTITY_BYTES];
	struct spread r;

	if (peer == NULL)
		return false;
	r = series_ratio(ours, peer, m, basis);
	if (r.n == 0 || r.median >= 1)
		return false;
	fputs("<li>", out);
	html_textf(out, "%s, ", report_case_name(c, name, sizeof(name)));
	html_textf(out, "%s%s%s: ", report_measure_name(m, name, sizeof(name)), is_rate(m) ? " " : "",
		   is_rate(m) ? basis_words[basis] : "");
	html_textf(out, "%s reaches ", report_series_name(peer, name, sizeof(name)));
	html_textf(out, "%s, ", quantity_text(m->metric, series_spread(peer, m, basis).median, theirs));
	html_textf(out, "%s ", report_series_name(ours, name, sizeof(name)));
	html_textf(out, "%s (%s%s).", quantity_text(m->metric, series_spread(ours, m, basis).median, us),
		   quantity_ratio(r.median, ratio), r.most >= 1 ? ", but not in every round" : "");
	fputs("</li>\n", out);
	return true;
}

static size_t notes_behind(FILE *out, const struct comparison *c, size_t *asked)
{
	struct measure list[REPORT_MEASURES_MAX];
	size_t behind = 0, n;

	*asked = 0;
	for (size_t i = 0; i < c->n; i++) {
		compared_measures(&c->cases[i], list, REPORT_MEASURES_MAX, &n);
		for (size_t k = 0; k < n * c->cases[i].n; k++) {
			const struct measure *m = &list[k / c->cases[i].n];
			const struct series *ours = &c->cases[i].series[k % c->cases[i].n];

			if (!in_summary(m) || series_is_peer(ours))
				continue;
			for (int basis = PER_CORE; basis <= (is_rate(m) ? PER_CPU_SECOND : PER_CORE); basis++) {
				const struct series *peer = compared_best_peer(&c->cases[i], m, (enum basis)basis);

				*asked += peer != NULL && series_ratio(ours, peer, m, (enum basis)basis).n > 0;
				behind += note_behind(out, &c->cases[i], ours, m, (enum basis)basis);
			}
		}
	}
	return behind;
}

static void notes_failures(FILE *out, const struct comparison *c)
{
	const json_t *runs = json_object_get(c->described, "runs");
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *run = json_array_get(runs, i), *why = json_object_get(run, "failed");
		const char *parts[] = { "workload", "subject", "path" };

		if (why == NULL || ++n > FAILURES_MAX)
			continue;
		fputs("<li>", out);
		for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
			html_json(out, json_object_get(run, parts[k]), 0);
			fputs(k == 0 ? ", " : " ", out);
		}
		fputs("failed: ", out);
		html_json(out, why, 0);
		fputs("</li>\n", out);
	}
	if (n > FAILURES_MAX)
		html_element(out, "li", "%zu more runs failed.", n - FAILURES_MAX);
}

/* What makes a number mean less than it seems to. */
static void notes_doubts(FILE *out, const struct comparison *c)
{
	char name[160], which[160];
	size_t all = 0, disturbed = 0;
	double most = 0;

	for (size_t i = 0; i < c->n; i++) {
		report_case_name(&c->cases[i], name, sizeof(name));
		for (size_t k = 0; k < c->cases[i].n; k++) {
			const struct series *s = &c->cases[i].series[k];
			size_t limited = series_limited(s);
			uint64_t errors = series_errors(s);

			report_series_name(s, which, sizeof(which));
			if (limited > 0)
				html_element(out, "li", "%s, %s: the load generator was the limit in %zu of %zu rounds; the gateway "
					     "could have done more than its rate per core says.", name, which, limited, s->n);
			if (series_disturbed(s) > DISTURBED)
				disturbed++;
			most = series_disturbed(s) > most ? series_disturbed(s) : most;
			all++;
			if (errors > 0)
				html_element(out, "li", "%s, %s: %llu errors (listed below).", name, which,
					     (unsigned long long)errors);
		}
	}
	/* One line: on a machine that isn't quiet it is nearly all of them, and each has it in its numbers. */
	if (disturbed > 0)
		html_element(out, "li", "Others had more than %.0f %% of the gateway's core just before a round for %zu of %zu "
			     "rows of the tables below, at most %.0f %%.", DISTURBED * 100, disturbed, all, most * 100);
}

void report_summary(FILE *out, const struct comparison *c)
{
	const char *paths[PATHS_MAX];
	size_t n_paths = our_paths(c, paths), asked, behind, bytes;
	char *text = NULL;
	FILE *notes = open_memstream(&text, &bytes);

	if (notes == NULL) {
		fprintf(stderr, "postern-bench: out of memory\n");
		exit(1);
	}
	behind = notes_behind(notes, c, &asked);
	fclose(notes);
	if (asked > 0) {
		fputs("<h2 id='ratios'>postern beside the best peer</h2>\n"
		      "<p class='soft'>Each row names the peer with the best median of its own. A ratio above 1 means "
		      "that postern is ahead, also where less is better. Ratios are taken round by round: their median, in "
		      "brackets the least and the most, and below what was reached.</p>\n", out);
		ratio_table(out, c, PER_CPU_SECOND, paths, n_paths);
		ratio_table(out, c, PER_CORE, paths, n_paths);
		html_element(out, "h3", "%s", behind > 0 ? "Where a peer is ahead" : "No peer is ahead");
		html_element(out, "p", "In %zu of %zu comparisons the best peer's median is the better one.", behind, asked);
		if (behind > 0)
			fprintf(out, "<ul class='notes'>\n%s</ul>\n", text);
	}
	free(text);
	text = NULL;
	notes = open_memstream(&text, &bytes);
	if (notes == NULL)
		return;
	notes_failures(notes, c);
	notes_doubts(notes, c);
	fclose(notes);
	if (bytes > 0)
		fprintf(out, "<h3>To be read with care</h3>\n<ul class='notes'>\n%s</ul>\n", text);
	free(text);
}
