/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A section's keys, read into a struct by a table: wrong types, units, ranges,
 * unknown and repeated keys are all refused here, with the line and what is allowed.
 *
 * Threads: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "control/conf.h"

enum field_kind {
	FIELD_TEXT,	/* char[size] */
	FIELD_NAME,	/* char[size] that text_is_name */
	FIELD_BOOL,	/* bool */
	FIELD_COUNT,	/* uint64_t */
	FIELD_BYTES,	/* uint64_t */
	FIELD_DURATION,	/* uint64_t microseconds */
	FIELD_WORD,	/* int: index in `words` */
	FIELD_OTHER,	/* `read` does it */
};

/* Where a value stands, for messages. */
struct place {
	const char *file;	/* or "request" */
	const char *section;	/* "rule imap"; "" at the top */
};

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset, size;
	uint64_t min, max;	/* of numbers; 0, 0: any */
	const char *const *words;
	int (*read)(const struct conf *value, const struct place *place, void *out, struct error *err);
};

#define FIELD_OF(type, member) offsetof(type, member), sizeof(((type *)0)->member)

/*
 * Reads @object's members into @out. Keys of @skip (NULL-terminated, may be NULL) are
 * left to the caller. 0, or -errno with @err; then @out is half written.
 */
int fields_read(const struct conf *object, const struct place *place, const struct field *fields, size_t n_fields,
		const char *const *skip, void *out, struct error *err);

/* A refusal of @value, with its place: "file:line: section: key". Returns -EINVAL. */
int field_refuse(const struct conf *value, const struct place *place, struct error *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Sets where only, for an error that is filled in otherwise. */
void field_where(const struct conf *value, const struct place *place, char *buf, size_t buf_bytes);

/*
 * Calls @item for each element of a list, or once for a scalar. 0, or the first
 * non-zero answer; -EINVAL for a section.
 */
int field_each(const struct conf *value, const struct place *place, struct error *err,
	       int (*item)(const struct conf *element, const struct place *place, void *out, struct error *err),
	       void *out);
