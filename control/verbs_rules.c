/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs that show and change rules. A change works on a copy of the set (gateway_apply). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/conf_json.h"
#include "control/ending.h"
#include "control/gateway.h"
#include "control/log.h"
#include "control/request.h"
#include "control/text.h"

#define CHANGES_MAX 4096u

/* How a rule differs from the configuration's. NULL: it doesn't, or the rules have a file of their own. */
static const char *difference(const struct gateway *g, const struct rule_def *def)
{
	const struct rule_def *configured;

	if (g->config->rules_file[0] != '\0')
		return NULL;
	configured = ruleset_lookup(&g->config->rules, def->name);
	return configured == NULL ? "added" : rule_def_equal(configured, def) ? NULL : "changed";
}

json_t *rule_counts_json(const struct gateway *g, const char *name)
{
	struct rule_count c;

	live_count(&g->live, name, &c);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
		"open", (json_int_t)c.open, "accepted", (json_int_t)c.accepted,
		"refused", (json_int_t)c.refused, "failed", (json_int_t)c.failed,
		"bytes_from_client", (json_int_t)c.bytes_from_client,
		"bytes_to_client", (json_int_t)c.bytes_to_client);
}

static json_t *rule_json(const struct gateway *g, const struct rule_def *def, const char *differs)
{
	json_t *o = rule_def_json(def);

	if (o == NULL)
		return NULL;
	json_object_set_new(o, "counts", rule_counts_json(g, def->name));
	json_object_set_new(o, "held_by_older_versions",
			    json_integer((json_int_t)live_retired_connections(&g->live, def->name)));
	if (differs != NULL)
		json_object_set_new(o, "differs", json_string(differs));
	return o;
}

struct name_args {
	char name[RULE_NAME_BYTES];
	bool now, removed;
};

static const struct field list_fields[] = {
	{ "removed", FIELD_BOOL, FIELD_OF(struct name_args, removed), 0, 0, NULL, NULL },
};

static const struct field name_fields[] = {
	{ "name", FIELD_NAME, FIELD_OF(struct name_args, name), 0, 0, NULL, NULL },
	{ "now", FIELD_BOOL, FIELD_OF(struct name_args, now), 0, 0, NULL, NULL },
};

static json_t *rule_list(struct gateway *g, const json_t *args, struct error *err)
{
	struct name_args a = { .name = "" };
	json_t *list;

	if (request_args(args, list_fields, 1, &a, err) != 0)
		return NULL;
	list = json_array();
	for (uint32_t i = 0; i < g->rules.n; i++)
		json_array_append_new(list, rule_json(g, &g->rules.defs[i], difference(g, &g->rules.defs[i])));
	for (uint32_t i = 0; a.removed && g->config->rules_file[0] == '\0' && i < g->config->rules.n; i++) {
		const struct rule_def *def = &g->config->rules.defs[i];

		if (ruleset_lookup(&g->rules, def->name) == NULL)
			json_array_append_new(list, rule_json(g, def, "removed"));
	}
	return list;
}

static struct rule_def *named_rule(const struct ruleset *set, const char *name, struct error *err)
{
	struct rule_def *def = name[0] != '\0' ? ruleset_lookup(set, name) : NULL;

	if (def != NULL)
		return def;
	if (name[0] == '\0') {
		error_set(err, -EINVAL, ERROR_INVALID, "args: name", "the rule's name is missing");
		return NULL;
	}
	error_set(err, -ENOENT, ERROR_NOT_FOUND, "args: name", "there is no rule \"%s\"", name);
	error_hint(err, -ENOENT, "`postern rules` lists them");
	return NULL;
}

static json_t *rule_show(struct gateway *g, const json_t *args, struct error *err)
{
	struct name_args a = { .name = "" };
	const struct rule_def *def;

	if (request_args(args, name_fields, 1, &a, err) != 0)
		return NULL;
	def = named_rule(&g->rules, a.name, err);
	return def != NULL ? rule_json(g, def, difference(g, def)) : NULL;
}

static json_t *rule_export(struct gateway *g, const json_t *args, struct error *err)
{
	json_t *result;
	char *text;

	if (request_no_args(args, err) != 0)
		return NULL;
	text = ruleset_text(&g->rules, "The rules of posternd, as they were when this was written.");
	if (text == NULL)
		return NULL;
	result = json_pack("{s:s}", "text", text);
	free(text);
	return result;
}

/* args without "name" (copied into @name), as a tree. */
static struct conf *rule_args(const json_t *args, char name[RULE_NAME_BYTES], struct error *err)
{
	const json_t *value = json_object_get(args, "name");
	struct conf *tree;
	json_t *rest;

	if (!json_is_string(value) || !text_is_name(json_string_value(value), RULE_NAME_BYTES)) {
		error_set(err, -EINVAL, ERROR_INVALID, "args: name", "a rule needs a name");
		error_hint(err, -EINVAL, "up to %d letters, digits, '_', '-' and '.'", RULE_NAME_BYTES - 1);
		return NULL;
	}
	snprintf(name, RULE_NAME_BYTES, "%s", json_string_value(value));
	rest = json_copy((json_t *)(uintptr_t)args);
	if (rest == NULL)
		return NULL;
	json_object_del(rest, "name");
	tree = conf_from_json(rest, "args", err);
	json_decref(rest);
	return tree;
}

static int change_add(struct ruleset *set, const json_t *args, char name[RULE_NAME_BYTES], struct error *err)
{
	struct conf *tree = rule_args(args, name, err);
	struct rule_def def;
	char where[RULE_NAME_BYTES + 8];
	int r;

	if (tree == NULL)
		return -EINVAL;
	rule_def_init(&def);
	snprintf(def.name, sizeof(def.name), "%s", name);
	snprintf(where, sizeof(where), "rule %s", name);
	r = rule_def_read(&def, tree, "args", err);
	if (r == 0)
		r = rule_def_check(&def, where, err);
	if (r == 0)
		r = ruleset_add(set, &def, where, err);
	rule_def_fini(&def);
	conf_free(tree);
	return r;
}

static int change_change(struct ruleset *set, const json_t *args, char name[RULE_NAME_BYTES], struct error *err)
{
	struct conf *tree = rule_args(args, name, err);
	char where[RULE_NAME_BYTES + 8];
	struct rule_def *def;
	int r = -ENOENT;

	if (tree == NULL)
		return -EINVAL;
	snprintf(where, sizeof(where), "rule %s", name);
	def = named_rule(set, name, err);
	if (def != NULL && tree->first == NULL)
		r = error_set(err, -EINVAL, ERROR_INVALID, where, "nothing to change was given");
	else if (def != NULL)
		r = rule_def_read(def, tree, "args", err);
	if (r == 0)
		r = rule_def_check(def, where, err);
	conf_free(tree);
	return r;
}

/* What remains to be done for a change after it was published. */
struct changed {
	char name[RULE_NAME_BYTES];
	bool kill;	/* the operator said now */
};

/* The rule that @args name, for the verbs that take no more than a name and perhaps now. NULL with @err. */
static struct rule_def *meant_rule(struct ruleset *set, const json_t *args, bool may_now, struct changed *changed,
				   struct error *err)
{
	struct name_args a = { .name = "" };

	if (request_args(args, name_fields, may_now ? 2 : 1, &a, err) != 0)
		return NULL;
	memcpy(changed->name, a.name, RULE_NAME_BYTES);
	changed->kill = a.now;
	return named_rule(set, a.name, err);
}

static int change_remove(struct ruleset *set, const json_t *args, struct changed *changed, struct error *err)
{
	struct rule_def *def = meant_rule(set, args, true, changed, err);

	if (def == NULL)
		return -ENOENT;
	ruleset_remove(set, def);
	return 0;
}

static int change_enabled(struct ruleset *set, const json_t *args, bool enabled, struct changed *changed,
			  struct error *err)
{
	struct rule_def *def = meant_rule(set, args, !enabled, changed, err);

	if (def == NULL)
		return -ENOENT;
	def->enabled = enabled;
	return 0;
}

static int change_one(struct ruleset *set, const char *verb, const json_t *args, struct changed *changed,
		      struct error *err)
{
	changed->kill = false;
	if (strcmp(verb, "rule.add") == 0)
		return change_add(set, args, changed->name, err);
	if (strcmp(verb, "rule.change") == 0)
		return change_change(set, args, changed->name, err);
	if (strcmp(verb, "rule.remove") == 0)
		return change_remove(set, args, changed, err);
	if (strcmp(verb, "rule.enable") == 0)
		return change_enabled(set, args, true, changed, err);
	if (strcmp(verb, "rule.disable") == 0)
		return change_enabled(set, args, false, changed, err);
	error_set(err, -EINVAL, ERROR_UNKNOWN, "verb", "\"%.60s\" doesn't change a rule", verb);
	return error_hint(err, -EINVAL, "rule.add, rule.change, rule.remove, rule.enable or rule.disable");
}

/* The change is published by now: a worker that doesn't answer is told as a warning, not as a refusal. */
static void kill_changed(const struct changed *changed, uint32_t n, json_t *result)
{
	struct error err;
	uint32_t killed, sum = 0;
	bool any = false;

	for (uint32_t i = 0; i < n; i++) {
		if (!changed[i].kill)
			continue;
		any = true;
		if (ending_rule(changed[i].name, &killed, &err) != 0)
			json_object_set_new(result, "warning", json_string(err.message));
		sum += killed;
	}
	if (any)
		json_object_set_new(result, "killed", json_integer(sum));
}

static json_t *change_verb(struct gateway *g, const char *verb, const json_t *args, struct error *err)
{
	struct changed changed;
	struct ruleset set;
	json_t *result;
	int r;

	if (ruleset_copy(&set, &g->rules) != 0)
		return NULL;
	r = change_one(&set, verb, args, &changed, err);
	if (r == 0)
		r = gateway_apply(g, &set, NULL, err);
	ruleset_fini(&set);
	if (r != 0)
		return NULL;
	log_say(LOG_INFO_LEVEL, "%s %s: published as generation %llu", verb, changed.name,
		(unsigned long long)g->live.generation);
	result = json_pack("{s:s, s:I}", "name", changed.name, "generation", (json_int_t)g->live.generation);
	if (result != NULL)
		kill_changed(&changed, 1, result);
	return result;
}

#define CHANGE_VERB(function, verb) \
static json_t *function(struct gateway *g, const json_t *args, struct error *err) \
{ \
	return change_verb(g, verb, args, err); \
}
CHANGE_VERB(rule_add, "rule.add")
CHANGE_VERB(rule_change, "rule.change")
CHANGE_VERB(rule_remove, "rule.remove")
CHANGE_VERB(rule_enable, "rule.enable")
CHANGE_VERB(rule_disable, "rule.disable")

static int apply_list(struct ruleset *set, const json_t *changes, struct changed *changed, struct error *err)
{
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *change = json_array_get(changes, i);
		const char *verb = json_string_value(json_object_get(change, "verb"));
		const json_t *args = json_object_get(change, "args");
		char at[32];
		int r;

		snprintf(at, sizeof(at), "changes[%zu]", i);
		if (verb == NULL || !json_is_object(args))
			return error_set(err, -EINVAL, ERROR_INVALID, at, "a change is {\"verb\": \"rule.…\", \"args\": {…}}");
		r = change_one(set, verb, args, &changed[i], err);
		if (r != 0) {
			error_prefix(err, at);
			return r;
		}
	}
	return 0;
}

static json_t *rules_apply(struct gateway *g, const json_t *args, struct error *err)
{
	const json_t *changes = json_object_get(args, "changes");
	size_t n = json_array_size(changes);
	struct changed *changed;
	json_t *result = NULL;
	struct ruleset set;

	if (json_object_size(args) != 1 || !json_is_array(changes) || n == 0 || n > CHANGES_MAX) {
		error_set(err, -EINVAL, ERROR_INVALID, "args: changes", "needs a list of 1 to %u changes", CHANGES_MAX);
		error_hint(err, -EINVAL, "{\"changes\": [{\"verb\": \"rule.add\", \"args\": {…}}, …]}");
		return NULL;
	}
	changed = calloc(n, sizeof(*changed));
	if (changed == NULL || ruleset_copy(&set, &g->rules) != 0) {
		free(changed);
		return NULL;
	}
	if (apply_list(&set, changes, changed, err) == 0 && gateway_apply(g, &set, NULL, err) == 0) {
		log_say(LOG_INFO_LEVEL, "rules.apply: %zu changes published as generation %llu", n,
			(unsigned long long)g->live.generation);
		result = json_pack("{s:I, s:I}", "changes", (json_int_t)n,
				   "generation", (json_int_t)g->live.generation);
	}
	if (result != NULL)
		kill_changed(changed, (uint32_t)n, result);
	ruleset_fini(&set);
	free(changed);
	return result;
}

const struct verb verbs_rules[] = {
	{ "rule.list", rule_list },
	{ "rule.show", rule_show },
	{ "rule.export", rule_export },
	{ "rule.add", rule_add },
	{ "rule.change", rule_change },
	{ "rule.remove", rule_remove },
	{ "rule.enable", rule_enable },
	{ "rule.disable", rule_disable },
	{ "rules.apply", rules_apply },
	{ NULL, NULL }
};
