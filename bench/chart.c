/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/chart.h"

#include <math.h>
#include <stdlib.h>

#include "bench/html.h"
#include "bench/quantity.h"

#define WIDTH 520
#define BAR_LEFT 168		/* labels stand left of it */
#define BAR_RIGHT 418		/* values right of it */
#define ROW 24
#define TOP 8

#define PLOT_LEFT 62
#define PLOT_RIGHT 492
#define PLOT_TOP 12
#define PLOT_BOTTOM 250
#define PLOT_HEIGHT 290
#define NINES 5			/* the scale ends at 99.999 % at most */

static void figure(FILE *out, const char *title, int height)
{
	fputs("<figure>", out);
	html_element(out, "figcaption", "%s", title);
	fprintf(out, "<svg viewBox='0 0 %d %d' role='img' aria-label='", WIDTH, height);
	html_text(out, title);
	fputs("'>\n", out);
}

static double bar_x(double value, double most)
{
	return BAR_LEFT + (BAR_RIGHT - BAR_LEFT) * value / most;
}

static void draw_bar(FILE *out, const struct chart_bar *bar, const char *metric, double most, size_t row)
{
	double y = TOP + ROW * (double)row, middle = y + ROW / 2.0, right = bar_x(bar->spread.median, most);
	double from = bar_x(bar->spread.least, most), to = bar_x(bar->spread.most, most);
	char median[QUANTITY_BYTES], least[QUANTITY_BYTES], many[QUANTITY_BYTES];

	quantity_text(metric, bar->spread.median, median);
	fprintf(out, "<g class='c%u'>", bar->colour);
	html_element(out, "title", "%s: %s, %s to %s in %zu rounds", bar->label, median,
		     quantity_text(metric, bar->spread.least, least), quantity_text(metric, bar->spread.most, many),
		     bar->spread.n);
	fprintf(out, "<text class='%s' x='%d' y='%.1f' text-anchor='end'>", bar->colour == 0 ? "ours" : "peer",
		BAR_LEFT - 8, middle + 4);
	html_text(out, bar->label);
	fprintf(out, "</text><rect x='%d' y='%.1f' width='%.1f' height='%d'/>", BAR_LEFT, y + 4,
		fmax(right - BAR_LEFT, 1), ROW - 8);
	if (to - from >= 1)
		fprintf(out, "<path class='whisker' d='M%.1f %.1fV%.1fM%.1f %.1fV%.1fM%.1f %.1fH%.1f'/>", from, middle - 4,
			middle + 4, to, middle - 4, middle + 4, from, middle, to);
	fprintf(out, "<text x='%.1f' y='%.1f'>", fmax(right, to) + 6, middle + 4);
	html_text(out, median);
	fputs("</text></g>\n", out);
}

static int most_first(const void *a, const void *b)
{
	double x = ((const struct chart_bar *)a)->spread.median, y = ((const struct chart_bar *)b)->spread.median;

	return x > y ? -1 : x < y;
}

static int least_first(const void *a, const void *b)
{
	return most_first(b, a);
}

void chart_bars(FILE *out, const char *title, const char *metric, bool more_is_better, const struct chart_bar *bars,
		size_t n)
{
	struct chart_bar *sorted = calloc(n + 1, sizeof(*sorted));
	double most = 0;
	size_t rows = 0;

	for (size_t i = 0; sorted != NULL && i < n; i++) {
		if (!(bars[i].spread.median >= 0))
			continue;
		sorted[rows++] = bars[i];
		most = fmax(most, bars[i].spread.most);
	}
	if (rows > 0) {
		qsort(sorted, rows, sizeof(*sorted), more_is_better ? most_first : least_first);
		figure(out, title, TOP * 2 + ROW * (int)rows);
		fprintf(out, "<path class='axis' d='M%d %dV%d'/>\n", BAR_LEFT, TOP, TOP + ROW * (int)rows);
		for (size_t i = 0; i < rows; i++)
			draw_bar(out, &sorted[i], metric, most > 0 ? most : 1, i);
		fputs("</svg></figure>\n", out);
	}
	free(sorted);
}

struct scale {
	double least_us, most_us, nines;
};

static double plot_x(const struct scale *s, double nines)
{
	return PLOT_LEFT + (PLOT_RIGHT - PLOT_LEFT) * fmin(nines, s->nines) / s->nines;
}

static double plot_y(const struct scale *s, double us)
{
	double part = log(fmax(us, s->least_us) / s->least_us) / log(s->most_us / s->least_us);

	return PLOT_BOTTOM - (PLOT_BOTTOM - PLOT_TOP) * fmin(part, 1);
}

/* 99 % is two nines, 50 % is 0.3. */
static double nines_of(double share)
{
	return -log10(1 - share);
}

static struct scale scale_of(const struct chart_curve *curves, size_t n)
{
	struct scale s = { .least_us = INFINITY, .most_us = 0, .nines = 2 };

	for (size_t i = 0; i < n; i++) {
		const struct histogram *h = curves[i].h;

		if (h->count == 0)
			continue;
		s.least_us = fmin(s.least_us, fmax((double)h->min_ns / 1000, 0.01));
		s.most_us = fmax(s.most_us, (double)h->max_ns / 1000);
		s.nines = fmax(s.nines, fmin(ceil(log10((double)h->count)), NINES));
	}
	/* To the next 1, 2 or 5 outside, and at least a decade. */
	s.least_us = pow(10, floor(log10(s.least_us) * 3) / 3);
	s.most_us = fmax(s.most_us, s.least_us * 10);
	return s;
}

/* Of 1, 2 or 5 times a power of ten. */
static void tick(FILE *out, double us)
{
	static const char *const units[] = { "ns", "µs", "ms", "s" };
	double value = us * 1000;
	int unit = 0;

	for (; value >= 999 && unit < 3; unit++)
		value /= 1000;
	fprintf(out, "%.0f %s", value, units[unit]);
}

static void draw_grid(FILE *out, const struct scale *s)
{
	static const char *const percents[] = { "", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %" };
	static const double steps[] = { 1, 2, 5 };
	/* One line a decade when there are many, else three. */
	size_t step = log10(s->most_us / s->least_us) > 2.5 ? 3 : 1;

	for (int decade = -2; decade < 9; decade++) {
		for (size_t i = 0; i < 3; i += step) {
			double us = steps[i] * pow(10, decade), y = plot_y(s, us);

			if (us < s->least_us * 0.999 || us > s->most_us * 1.001)
				continue;
			fprintf(out, "<path class='grid' d='M%d %.1fH%d'/><text x='%d' y='%.1f' text-anchor='end'>", PLOT_LEFT,
				y, PLOT_RIGHT, PLOT_LEFT - 6, y + 4);
			tick(out, us);
			fputs("</text>\n", out);
		}
	}
	for (int i = 0; i <= (int)s->nines; i++)
		fprintf(out, "<path class='grid' d='M%.1f %dV%d'/><text x='%.1f' y='%d' text-anchor='middle'>%s</text>\n",
			plot_x(s, i), PLOT_TOP, PLOT_BOTTOM, plot_x(s, i), PLOT_BOTTOM + 16, percents[i]);
	fprintf(out, "<path class='grid' d='M%.1f %dV%d'/><text x='%.1f' y='%d' text-anchor='middle'>50 %%</text>\n",
		plot_x(s, nines_of(0.5)), PLOT_TOP, PLOT_BOTTOM, plot_x(s, nines_of(0.5)), PLOT_BOTTOM + 16);
	fprintf(out, "<text x='%d' y='%d' text-anchor='middle'>share that took no longer</text>\n",
		(PLOT_LEFT + PLOT_RIGHT) / 2, PLOT_BOTTOM + 34);
}

static void draw_curve(FILE *out, const struct scale *s, const struct chart_curve *c)
{
	uint64_t seen = 0;
	double last_x = -1, last_y = -1;

	fprintf(out, "<g class='c%u'>", c->colour);
	html_element(out, "title", "%s", c->label);
	fprintf(out, "<path class='curve d%u' d='", c->dash);
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		double us, x, y;

		if (c->h->counts[i] == 0)
			continue;
		us = (double)(histogram_upper_ns(i) < c->h->max_ns ? histogram_upper_ns(i) : c->h->max_ns) / 1000;
		if (seen == 0)
			fprintf(out, "M%.1f %.1f", plot_x(s, 0), plot_y(s, (double)c->h->min_ns / 1000));
		seen += c->h->counts[i];
		/* The longest of N stands where 1 - 1/N is: beyond it nothing is known. */
		x = plot_x(s, nines_of(fmin((double)seen, (double)c->h->count - 0.5) / (double)c->h->count));
		y = plot_y(s, us);
		if (fabs(x - last_x) < 0.5 && fabs(y - last_y) < 0.5)
			continue;
		fprintf(out, "L%.1f %.1f", x, y);
		last_x = x;
		last_y = y;
	}
	fputs("'/></g>\n", out);
}

void chart_percentiles(FILE *out, const char *title, const struct chart_curve *curves, size_t n)
{
	struct scale s = scale_of(curves, n);
	char p50[QUANTITY_BYTES], p99[QUANTITY_BYTES];

	if (n == 0 || !isfinite(s.least_us))
		return;
	figure(out, title, PLOT_HEIGHT);
	draw_grid(out, &s);
	for (size_t i = n; i > 0; i--) /* ours, which are first, on top */
		draw_curve(out, &s, &curves[i - 1]);
	fputs("</svg><ul class='legend'>", out);
	for (size_t i = 0; i < n; i++) {
		const struct histogram *h = curves[i].h;

		fprintf(out, "<li class='c%u'><svg viewBox='0 0 28 10' width='28' height='10'><path class='curve d%u' d='M0 5H28'/></svg> ",
			curves[i].colour, curves[i].dash);
		html_textf(out, "%s (%s / %s)", curves[i].label,
			   quantity_us((double)histogram_percentile_ns(h, 50) / 1000, p50),
			   quantity_us((double)histogram_percentile_ns(h, 99) / 1000, p99));
		fputs("</li>", out);
	}
	fputs("</ul></figure>\n", out);
}
