/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/text.h"

void field_where(const struct conf *value, const struct place *place, char *buf, size_t buf_bytes)
{
	char line[16] = "";

	if (value->line > 0)
		snprintf(line, sizeof(line), ":%u", value->line);
	snprintf(buf, buf_bytes, "%.150s%s%s%s%s%s", place->file, line, place->section[0] != '\0' ? ": " : "",
		 place->section, value->key != NULL ? ": " : "", value->key != NULL ? value->key : "");
}

int field_refuse(const struct conf *value, const struct place *place, struct error *err, const char *format, ...)
{
	char where[256], message[400];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	field_where(value, place, where, sizeof(where));
	return error_set(err, -EINVAL, ERROR_INVALID, where, "%s", message);
}

static int read_text(const struct field *f, const struct conf *value, const struct place *place, char *out,
		     struct error *err)
{
	if (strlen(value->text) >= f->size)
		return field_refuse(value, place, err, "longer than %zu characters", f->size - 1);
	if (f->kind == FIELD_NAME && !text_is_name(value->text, f->size)) {
		field_refuse(value, place, err, "\"%.60s\" isn't a name", value->text);
		return error_hint(err, -EINVAL, "use letters, digits, '_', '-' and '.'");
	}
	snprintf(out, f->size, "%s", value->text);
	return 0;
}

static int read_bool(const struct conf *value, const struct place *place, bool *out, struct error *err)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };

	for (unsigned int i = 0; i < 6; i++) {
		if (strcasecmp(value->text, words[i]) == 0) {
			*out = i % 2 == 1;
			return 0;
		}
	}
	return field_refuse(value, place, err, "\"%.60s\" is neither true nor false", value->text);
}

static int read_number(const struct field *f, const struct conf *value, const struct place *place, uint64_t *out,
		       struct error *err)
{
	static const char *const examples[] = {
		[FIELD_COUNT] = "write a whole number, such as 20000",
		[FIELD_BYTES] = "write a size, such as 65536, 64kb (of 1024) or 1mb",
		[FIELD_DURATION] = "write a time, such as 500ms, 10s, 30min, 2h or 1d",
	};
	int r = f->kind == FIELD_COUNT ? text_parse_count(value->text, out) :
		f->kind == FIELD_BYTES ? text_parse_bytes(value->text, out) : text_parse_duration(value->text, out);
	char low[32], high[32];

	if (r == -EINVAL) {
		field_refuse(value, place, err, "\"%.60s\" isn't a %s", value->text,
			     f->kind == FIELD_COUNT ? "number" : f->kind == FIELD_BYTES ? "size" : "time");
		return error_hint(err, -EINVAL, "%s", examples[f->kind]);
	}
	if (r == 0 && ((f->min == 0 && f->max == 0) || (*out >= f->min && *out <= f->max)))
		return 0;
	if (f->kind == FIELD_DURATION) {
		text_format_duration(f->min, low, sizeof(low));
		text_format_duration(f->max, high, sizeof(high));
	} else {
		snprintf(low, sizeof(low), "%" PRIu64, f->min);
		snprintf(high, sizeof(high), "%" PRIu64, f->max);
	}
	return field_refuse(value, place, err, "%.60s is out of range: from %s to %s", value->text, low, high);
}

static int read_word(const struct field *f, const struct conf *value, const struct place *place, int *out,
		     struct error *err)
{
	char all[200] = "";

	for (int i = 0; f->words[i] != NULL; i++) {
		size_t used = strlen(all);

		if (strcasecmp(value->text, f->words[i]) == 0) {
			*out = i;
			return 0;
		}
		snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "", f->words[i]);
	}
	return field_refuse(value, place, err, "\"%.60s\" is none of: %s", value->text, all);
}

static int read_one(const struct field *f, const struct conf *value, const struct place *place, void *out,
		    struct error *err)
{
	char *member = (char *)out + f->offset;

	if (f->kind == FIELD_OTHER)
		return f->read(value, place, out, err);
	if (!conf_is_scalar(value))
		return field_refuse(value, place, err, "%s stands where one value was expected",
				    conf_type_name(value->type));
	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_NAME:
		return read_text(f, value, place, member, err);
	case FIELD_BOOL:
		return read_bool(value, place, (bool *)member, err);
	case FIELD_WORD:
		return read_word(f, value, place, (int *)member, err);
	default:
		return read_number(f, value, place, (uint64_t *)(void *)member, err);
	}
}

static int refuse_key(const struct conf *value, const struct place *place, const struct field *fields, size_t n_fields,
		      const char *const *skip, struct error *err)
{
	char all[sizeof(err->hint)] = "the keys here are: ";

	for (size_t i = 0; i < n_fields; i++) {
		size_t used = strlen(all);

		snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "", fields[i].key);
	}
	for (; skip != NULL && *skip != NULL; skip++) {
		size_t used = strlen(all);

		snprintf(all + used, sizeof(all) - used, ", %s", *skip);
	}
	field_refuse(value, place, err, "unknown key");
	snprintf(err->code, sizeof(err->code), "%s", ERROR_UNKNOWN);
	return error_hint(err, -EINVAL, "%s", all);
}

static bool in_list(const char *const *list, const char *key)
{
	for (; list != NULL && *list != NULL; list++) {
		if (strcmp(*list, key) == 0)
			return true;
	}
	return false;
}

int fields_read(const struct conf *object, const struct place *place, const struct field *fields, size_t n_fields,
		const char *const *skip, void *out, struct error *err)
{
	for (const struct conf *c = object->first; c != NULL; c = c->next) {
		const struct conf *earlier = conf_lookup(object, c->key);
		size_t i;
		int r;

		if (in_list(skip, c->key))
			continue;
		for (i = 0; i < n_fields && strcmp(fields[i].key, c->key) != 0; i++)
			;
		if (i == n_fields)
			return refuse_key(c, place, fields, n_fields, skip, err);
		if (earlier != c)
			return field_refuse(c, place, err, "given twice (first in line %u)", earlier->line);
		r = read_one(&fields[i], c, place, out, err);
		if (r != 0)
			return r;
	}
	return 0;
}

int field_each(const struct conf *value, const struct place *place, struct error *err,
	       int (*item)(const struct conf *element, const struct place *place, void *out, struct error *err),
	       void *out)
{
	int r = 0;

	if (conf_is_scalar(value))
		return item(value, place, out, err);
	if (value->type != CONF_LIST)
		return field_refuse(value, place, err, "a section stands where a list was expected");
	for (const struct conf *c = value->first; r == 0 && c != NULL; c = c->next) {
		struct conf named = *c;	/* an element has no key of its own; messages want one */

		if (!conf_is_scalar(c))
			return field_refuse(value, place, err, "%s stands inside the list", conf_type_name(c->type));
		named.key = value->key;
		named.line = c->line;
		r = item(&named, place, out, err);
	}
	return r;
}
