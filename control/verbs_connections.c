/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is connected, and ending one. */
#include <stdlib.h>

#include "control/ending.h"
#include "control/gateway.h"
#include "control/log.h"
#include "control/orders.h"
#include "control/request.h"

/* In one answer: a row is some 600 bytes of text, and several times that while it is made. */
#define PAGE 512u

struct connection_args {
	char rule[RULE_NAME_BYTES];
	char id[40], after[40];
	uint64_t max;
};

static const struct field list_fields[] = {
	{ "rule", FIELD_NAME, FIELD_OF(struct connection_args, rule), 0, 0, NULL, NULL },
	{ "max", FIELD_COUNT, FIELD_OF(struct connection_args, max), 1, PAGE, NULL, NULL },
	{ "after", FIELD_TEXT, FIELD_OF(struct connection_args, after), 0, 0, NULL, NULL },
};

static const struct field kill_fields[] = {
	{ "id", FIELD_TEXT, FIELD_OF(struct connection_args, id), 0, 0, NULL, NULL },
	{ "rule", FIELD_NAME, FIELD_OF(struct connection_args, rule), 0, 0, NULL, NULL },
};

/* A place in the listing looks like a connection's id, and is none. */
static int read_place(const char *text, struct orders_place *at, struct error *err)
{
	uint64_t place = 0;

	if (text[0] != '\0' && (orders_id_parse(text, &place) != 0 || (uint32_t)place != (place & (UINT64_MAX >> 8)))) {
		error_set(err, -EINVAL, ERROR_INVALID, "args: after", "\"%.40s\" is no place in the list", text);
		return error_hint(err, -EINVAL, "give what the last answer called \"next\"");
	}
	*at = (struct orders_place){ (uint16_t)(place >> 56), (uint32_t)place };
	return 0;
}

/* A part of the list, and where it goes on: all of it at once could be a hundred megabytes. */
static json_t *connections(struct gateway *g, const json_t *args, struct error *err)
{
	struct connection_args a = { .max = PAGE };
	struct orders_place at;
	struct record_told *records;
	json_t *list, *result;
	char next[32];
	uint32_t n;

	(void)g;
	if (request_args(args, list_fields, 3, &a, err) != 0 || read_place(a.after, &at, err) != 0 ||
	    orders_list(a.rule[0] != '\0' ? a.rule : NULL, &at, (uint32_t)a.max, &records, &n, err) != 0)
		return NULL;
	list = json_array();
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, record_json(&records[i], true));
	free(records);
	result = json_pack("{s:o}", "connections", list);
	if (result != NULL && at.worker < dataplane_workers())
		json_object_set_new(result, "next", json_string(orders_id_format((uint64_t)at.worker << 56 | at.slot,
										 next, sizeof(next))));
	return result;
}

static json_t *kill_verb(struct gateway *g, const json_t *args, struct error *err)
{
	struct connection_args a = { .max = 0 };
	uint64_t id;
	uint32_t n = 1;

	(void)g;
	if (request_args(args, kill_fields, 2, &a, err) != 0)
		return NULL;
	if ((a.id[0] == '\0') == (a.rule[0] == '\0')) {
		error_set(err, -EINVAL, ERROR_INVALID, "args", "give either the connection's id or a rule");
		return NULL;
	}
	if (a.rule[0] != '\0') {
		if (ending_rule(a.rule, &n, err) != 0)
			return NULL;
		log_say(LOG_INFO_LEVEL, "kill: %u connections of rule %s", n, a.rule);
	} else {
		if (orders_id_parse(a.id, &id) != 0) {
			error_set(err, -EINVAL, ERROR_INVALID, "args: id", "\"%s\" is no connection's id", a.id);
			error_hint(err, -EINVAL, "`postern connections` shows them: 0-17");
			return NULL;
		}
		if (orders_kill(id, err) != 0)
			return NULL;
		log_say(LOG_INFO_LEVEL, "kill: connection %s", a.id);
	}
	return json_pack("{s:I}", "killed", (json_int_t)n);
}

const struct verb verbs_connections[] = {
	{ "connections", connections },
	{ "kill", kill_verb },
	{ NULL, NULL }
};
