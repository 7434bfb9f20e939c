/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/conf_json.h"

#include <inttypes.h>
#include <stdio.h>

struct convert {
	const char *where;
	struct error *err;
	unsigned int depth;
};

static struct conf *refuse(const struct convert *cv, const char *key, const char *message)
{
	error_set(cv->err, -EINVAL, ERROR_INVALID, cv->where, "\"%.60s\": %s", key != NULL ? key : "", message);
	return NULL;
}

static struct conf *convert(struct convert *cv, struct conf *parent, const char *key, const json_t *value);

static struct conf *convert_members(struct convert *cv, struct conf *object, const json_t *value)
{
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)(uintptr_t)value, key, member) {
		if (convert(cv, object, key, member) == NULL)
			return NULL;
	}
	return object;
}

static struct conf *convert_items(struct convert *cv, struct conf *list, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (convert(cv, list, NULL, json_array_get(value, i)) == NULL)
			return NULL;
	}
	return list;
}

static struct conf *convert_scalar(struct convert *cv, struct conf *parent, const char *key, const json_t *value)
{
	char number[32];

	switch (json_typeof(value)) {
	case JSON_STRING:
		return conf_add(parent, CONF_STRING, key, json_string_value(value), 0);
	case JSON_INTEGER:
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return conf_add(parent, CONF_WORD, key, number, 0);
	case JSON_TRUE:
	case JSON_FALSE:
		return conf_add(parent, CONF_WORD, key, json_is_true(value) ? "true" : "false", 0);
	case JSON_REAL:
		return refuse(cv, key, "a number with a fraction has no meaning here");
	default:
		return refuse(cv, key, "null has no meaning here; leave the key out");
	}
}

static struct conf *convert(struct convert *cv, struct conf *parent, const char *key, const json_t *value)
{
	bool object = json_is_object(value);
	struct conf *c;

	if (!object && !json_is_array(value))
		return convert_scalar(cv, parent, key, value);
	if (cv->depth == CONF_DEPTH_MAX)
		return refuse(cv, key, "nested too deep");
	c = conf_add(parent, object ? CONF_OBJECT : CONF_LIST, key, NULL, 0);
	if (c == NULL)
		return NULL;
	cv->depth++;
	if ((object ? convert_members(cv, c, value) : convert_items(cv, c, value)) == NULL) {
		if (parent == NULL)
			conf_free(c);
		return NULL;
	}
	cv->depth--;
	return c;
}

struct conf *conf_from_json(const json_t *value, const char *where, struct error *err)
{
	struct convert cv = { .where = where, .err = err };

	error_set(err, -ENOMEM, ERROR_INTERNAL, where, "out of memory");
	return convert(&cv, NULL, NULL, value);
}
