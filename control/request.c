/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/conf_json.h"
#include "control/text.h"

uint64_t control_counters[CONTROL_COUNTER_COUNT];

static const struct verb *const tables[] = { verbs_rules, verbs_certs, verbs_tickets, verbs_connections, verbs_stats, verbs_daemon };

int request_args(const json_t *args, const struct field *fields, size_t n_fields, void *out, struct error *err)
{
	struct place place = { .file = "args", .section = "" };
	struct conf *tree = conf_from_json(args, "args", err);
	int r;

	if (tree == NULL)
		return -EINVAL;
	r = fields_read(tree, &place, fields, n_fields, NULL, out, err);
	conf_free(tree);
	return r;
}

int request_no_args(const json_t *args, struct error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)args, key, value)
		return error_set(err, -EINVAL, ERROR_UNKNOWN, "args", "\"%.60s\": this verb takes no arguments", key);
	return 0;
}

void request_each_verb(void (*visit)(const struct verb *v, void *arg), void *arg)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct verb *v = tables[i]; v->name != NULL; v++)
			visit(v, arg);
	}
}

struct wanted {
	const char *name;
	const struct verb *found;
};

static void match(const struct verb *v, void *arg)
{
	struct wanted *w = arg;

	if (strcmp(v->name, w->name) == 0)
		w->found = v;
}

static const struct verb *verb_lookup(const char *name)
{
	struct wanted w = { .name = name };

	request_each_verb(match, &w);
	return w.found;
}

static json_t *run(struct gateway *g, const json_t *request, struct error *err)
{
	static const char *const known[] = { "id", "verb", "args", NULL };
	const json_t *verb = json_object_get(request, "verb"), *args = json_object_get(request, "args");
	const struct verb *v;
	const char *key;
	json_t *value, *none, *result;

	json_object_foreach((json_t *)(uintptr_t)request, key, value) {
		unsigned int i;

		for (i = 0; known[i] != NULL && strcmp(key, known[i]) != 0; i++)
			;
		if (known[i] != NULL)
			continue;
		error_set(err, -EINVAL, ERROR_PROTOCOL, "", "\"%.60s\" is no key of a request", key);
		error_hint(err, -EINVAL, "a request is {\"id\": …, \"verb\": \"…\", \"args\": {…}}");
		return NULL;
	}
	if (!json_is_string(verb)) {
		error_set(err, -EINVAL, ERROR_PROTOCOL, "verb", "the request has no verb");
		return NULL;
	}
	v = verb_lookup(json_string_value(verb));
	if (v == NULL) {
		error_set(err, -EINVAL, ERROR_UNKNOWN, "verb", "there is no verb \"%.60s\"", json_string_value(verb));
		error_hint(err, -EINVAL, "the verb \"help\" lists them all");
		return NULL;
	}
	if (args != NULL && !json_is_object(args)) {
		error_set(err, -EINVAL, ERROR_PROTOCOL, "args", "args must be an object");
		return NULL;
	}
	none = json_object();
	result = none == NULL ? NULL : v->run(g, args != NULL ? args : none, err);
	json_decref(none);
	return result;
}

static json_t *clean_json(const char *s)
{
	char buf[1200];

	text_clean(s, buf, sizeof(buf));
	return json_string(buf);
}

static json_t *error_json(const struct error *err)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "code", clean_json(err->code), "where", clean_json(err->where),
			 "message", clean_json(err->message), "hint", clean_json(err->hint));
}

/* Consumes @answer. */
static char *finish(json_t *answer)
{
	char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL, *line = NULL;
	size_t bytes;

	json_decref(answer);
	if (text == NULL)
		return NULL;
	bytes = strlen(text);
	line = realloc(text, bytes + 2);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	line[bytes] = '\n';
	line[bytes + 1] = '\0';
	return line;
}

char *request_refusal(const struct error *err)
{
	return finish(json_pack("{s:n, s:b, s:o}", "id", "ok", 0, "error", error_json(err)));
}

char *request_answer(struct gateway *g, const char *line, size_t bytes)
{
	struct error err;
	json_error_t where;
	json_t *request = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, &where), *result, *id;
	json_t *answer;

	error_set(&err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	if (!json_is_object(request)) {
		json_decref(request);
		control_counters[CONTROL_GARBAGE]++;
		if (request == NULL)
			error_set(&err, -EINVAL, ERROR_PROTOCOL, "", "not JSON: %s", where.text);
		else
			error_set(&err, -EINVAL, ERROR_PROTOCOL, "", "a request is a JSON object");
		error_hint(&err, -EINVAL, "one line each: {\"id\": 1, \"verb\": \"version\"}");
		return request_refusal(&err);
	}
	id = json_object_get(request, "id");
	if (json_is_object(id) || json_is_array(id))
		id = NULL;
	result = run(g, request, &err);
	control_counters[result != NULL ? CONTROL_REQUESTS : CONTROL_REFUSED]++;
	if (result != NULL)
		answer = json_pack("{s:O?, s:b, s:o}", "id", id, "ok", 1, "result", result);
	else
		answer = json_pack("{s:O?, s:b, s:o}", "id", id, "ok", 0, "error", error_json(&err));
	json_decref(request);
	return finish(answer);
}
