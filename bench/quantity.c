/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/quantity.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *ending;
	const char *const *names;	/* from the smallest, NULL at the end */
	double step;			/* from one to the next */
	const char *label;		/* what of the ending isn't the unit */
};

static const char *const bit_units[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s", NULL };
static const char *const byte_units[] = { "B", "KB", "MB", "GB", NULL };
static const char *const rate_units[] = { "/s", NULL };
static const char *const percent_units[] = { "%", NULL };
static const char *const no_units[] = { "", NULL };

/* The longer ending first. KB are of 1,000, like all here: what is compared is in bits and bytes alike. */
static const struct unit units[] = {
	{ "_bits_per_s", bit_units, 1000, "" },
	{ "_per_s", rate_units, 1, "" },
	{ "_bytes_per_session", byte_units, 1000, " per session" },
	{ "_bytes", byte_units, 1000, "" },
	{ "_percent", percent_units, 1, "" },
	{ "_us", NULL, 1, "" },	/* of time the step says how many microseconds it is */
	{ "_s", NULL, 1e6, "" },
};

static const struct unit *unit_of(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].ending);

		if (length > n && strcmp(name + length - n, units[i].ending) == 0)
			return &units[i];
	}
	return NULL;
}

/* @whole: it is a count, 3 isn't 3.00. */
static const char *number(double value, bool whole, char buf[QUANTITY_BYTES])
{
	char digits[QUANTITY_BYTES];
	double size = fabs(value);
	size_t n, out = 0;

	if (!isfinite(value) || size >= 1e15) {
		snprintf(buf, QUANTITY_BYTES, "%.3g", value);
		return buf;
	}
	if (value == 0 || (whole && value == floor(value)))
		snprintf(digits, sizeof(digits), "%.0f", value);
	else
		snprintf(digits, sizeof(digits), "%.*f", size < 0.01 ? 5 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0,
			 value);
	n = strcspn(digits, ".");
	for (size_t i = 0; digits[i] != '\0'; i++) {
		if (i > 0 && i < n && (n - i) % 3 == 0 && digits[i - 1] != '-')
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = '\0';
	return buf;
}

static void scaled(double value, const char *const *names, double step, char buf[QUANTITY_BYTES])
{
	char digits[QUANTITY_BYTES];
	bool whole = true;

	while (names[1] != NULL && fabs(value) >= step) {
		value /= step;
		names++;
		whole = false;
	}
	number(value, whole, digits);
	snprintf(buf, QUANTITY_BYTES, "%.48s%s%s", digits, names[0][0] != '\0' ? " " : "", names[0]);
}

const char *quantity_number(double value, char buf[QUANTITY_BYTES])
{
	return number(value, true, buf);
}

const char *quantity_ratio(double value, char buf[QUANTITY_BYTES])
{
	char digits[QUANTITY_BYTES];

	snprintf(buf, QUANTITY_BYTES, "%.48s×", number(value, false, digits));
	return buf;
}

const char *quantity_us(double us, char buf[QUANTITY_BYTES])
{
	static const char *const names[] = { "ns", "µs", "ms", "s", NULL };

	scaled(us * 1000, names, 1000, buf);
	return buf;
}

const char *quantity_text(const char *name, double value, char buf[QUANTITY_BYTES])
{
	const struct unit *unit = unit_of(name);

	if (unit == NULL)
		scaled(value, no_units, 1, buf);
	else if (unit->names == NULL)
		quantity_us(value * unit->step, buf);
	else
		scaled(value, unit->names, unit->step, buf);
	return buf;
}

const char *quantity_label(const char *name, char buf[QUANTITY_BYTES])
{
	const struct unit *unit = unit_of(name);
	size_t n = strlen(name) - (unit != NULL ? strlen(unit->ending) : 0);

	snprintf(buf, QUANTITY_BYTES, "%.*s%s", (int)(n < QUANTITY_BYTES ? n : QUANTITY_BYTES - 1), name,
		 unit != NULL ? unit->label : "");
	for (char *c = buf; *c != '\0'; c++) {
		if (*c == '_')
			*c = ' ';
	}
	return buf;
}

void quantity_rate(char *buf, size_t buf_bytes, const char *what, uint64_t count, uint64_t *shown, uint64_t us)
{
	char text[QUANTITY_BYTES];

	snprintf(buf, buf_bytes, "%s %s/s", quantity_number((double)(count - *shown) * 1e6 / (double)us, text), what);
	*shown = count;
}
