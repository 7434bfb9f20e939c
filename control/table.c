/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct table {
	const char *const *heads;
	size_t columns, n, size;
	char **cells;
	bool broken;	/* no memory: what there is gets printed, with a word about it */
};

struct table *table_new(const char *const *heads)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		fprintf(stderr, "postern: out of memory\n");
		exit(1);
	}
	t->heads = heads;
	while (heads[t->columns] != NULL)
		t->columns++;
	return t;
}

void table_cell(struct table *t, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	if (t->n == t->size) {
		size_t size = t->size > 0 ? t->size * 2 : 64;
		char **more = realloc(t->cells, size * sizeof(char *));

		if (more == NULL) {
			t->broken = true;
			return;
		}
		t->cells = more;
		t->size = size;
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	t->cells[t->n++] = text;
}

size_t table_width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_cell(FILE *out, const char *text, size_t wide, bool right, bool last)
{
	size_t pad = wide - table_width(text);

	if (right)
		fprintf(out, "%*s", (int)pad, "");
	fputs(text, out);
	if (!right && !last)
		fprintf(out, "%*s", (int)pad, "");
	fputs(last ? "\n" : "  ", out);
}

static const char *cell(const struct table *t, size_t i)
{
	return i < t->n && t->cells[i] != NULL ? t->cells[i] : "";
}

void table_print(struct table *t, FILE *out)
{
	size_t *wide = calloc(t->columns, sizeof(*wide));

	for (size_t c = 0; wide != NULL && c < t->columns; c++) {
		wide[c] = table_width(t->heads[c] + (t->heads[c][0] == '>'));
		for (size_t i = c; i < t->n; i += t->columns) {
			if (table_width(cell(t, i)) > wide[c])
				wide[c] = table_width(cell(t, i));
		}
	}
	for (size_t c = 0; wide != NULL && c < t->columns; c++) {
		bool right = t->heads[c][0] == '>';

		print_cell(out, t->heads[c] + right, wide[c], right, c + 1 == t->columns);
	}
	for (size_t i = 0; wide != NULL && i < t->n; i++) {
		size_t c = i % t->columns;

		print_cell(out, cell(t, i), wide[c], t->heads[c][0] == '>', c + 1 == t->columns);
	}
	if (t->broken || wide == NULL)
		fprintf(stderr, "postern: out of memory: the table isn't whole\n");
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(wide);
	free(t);
}

const char *table_bytes(uint64_t bytes, char *buf, size_t buf_bytes)
{
	static const char units[] = "kMGTPE";
	double value = (double)bytes;
	int unit = -1;

	while (value >= 1023.5) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(buf, buf_bytes, "%" PRIu64, bytes);
	else
		snprintf(buf, buf_bytes, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
	return buf;
}

const char *table_age(uint64_t us, char *buf, size_t buf_bytes)
{
	uint64_t s = us / 1000000;

	if (s < 10)
		snprintf(buf, buf_bytes, "%.1fs", (double)us / 1e6);
	else if (s < 60)
		snprintf(buf, buf_bytes, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, buf_bytes, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, buf_bytes, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(buf, buf_bytes, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	return buf;
}
