/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *e, int err, const char *code, const char *where, const char *format, ...)
{
	va_list args;

	if (e == NULL)
		return err;
	memset(e, 0, sizeof(*e));
	snprintf(e->code, sizeof(e->code), "%s", code);
	snprintf(e->where, sizeof(e->where), "%s", where);
	va_start(args, format);
	vsnprintf(e->message, sizeof(e->message), format, args);
	va_end(args);
	return err;
}

int error_hint(struct error *e, int err, const char *format, ...)
{
	va_list args;

	if (e == NULL)
		return err;
	va_start(args, format);
	vsnprintf(e->hint, sizeof(e->hint), format, args);
	va_end(args);
	return err;
}

void error_prefix(struct error *e, const char *prefix)
{
	char rest[sizeof(e->where)];

	if (e == NULL)
		return;
	memcpy(rest, e->where, sizeof(rest));
	if (rest[0] == '\0')
		snprintf(e->where, sizeof(e->where), "%s", prefix);
	else
		snprintf(e->where, sizeof(e->where), "%.100s: %.150s", prefix, rest);
}

const char *error_format(const struct error *e, char *buf, size_t buf_bytes)
{
	snprintf(buf, buf_bytes, "%s%s%s%s%s%s", e->where, e->where[0] != '\0' ? ": " : "",
		 e->message, e->hint[0] != '\0' ? " (" : "", e->hint, e->hint[0] != '\0' ? ")" : "");
	return buf;
}
