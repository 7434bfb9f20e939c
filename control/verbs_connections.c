/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is connected, and ending one. */
#include <stdlib.h>
#include <string.h>

#include "control/ending.h"
#include "control/gateway.h"
#include "control/log.h"
#include "control/orders.h"
#include "control/request.h"

#define CONNECTIONS_DEFAULT 10000u

struct connection_args {
	char rule[RULE_NAME_BYTES];
	char id[40];
	uint64_t max;
};

static const struct field list_fields[] = {
	{ "rule", FIELD_NAME, FIELD_OF(struct connection_args, rule), 0, 0, NULL, NULL },
	{ "max", FIELD_COUNT, FIELD_OF(struct connection_args, max), 1, 100000, NULL, NULL },
};

static const struct field kill_fields[] = {
	{ "id", FIELD_TEXT, FIELD_OF(struct connection_args, id), 0, 0, NULL, NULL },
	{ "rule", FIELD_NAME, FIELD_OF(struct connection_args, rule), 0, 0, NULL, NULL },
};

static json_t *connections(struct gateway *g, const json_t *args, struct error *err)
{
	struct connection_args a = { .max = CONNECTIONS_DEFAULT };
	struct record *records;
	json_t *list;
	uint32_t n;

	(void)g;
	if (request_args(args, list_fields, 2, &a, err) != 0 ||
	    orders_list(&records, &n, a.rule[0] != '\0' ? UINT32_MAX : (uint32_t)a.max, err) != 0)
		return NULL;
	list = json_array();
	for (uint32_t i = 0; i < n && json_array_size(list) < a.max; i++) {
		if (a.rule[0] == '\0' || strcmp(records[i].rule, a.rule) == 0)
			json_array_append_new(list, record_json(&records[i], true));
	}
	free(records);
	return list;
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
