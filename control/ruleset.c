/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/ruleset.h"

#include <stdlib.h>
#include <string.h>

#include "control/fields.h"
#include "control/text.h"

void ruleset_fini(struct ruleset *set)
{
	for (uint32_t i = 0; i < set->n; i++)
		rule_def_fini(&set->defs[i]);
	free(set->defs);
	*set = (struct ruleset){ 0 };
}

int ruleset_copy(struct ruleset *out, const struct ruleset *set)
{
	*out = (struct ruleset){ .size = set->n + 1 };
	out->defs = calloc(out->size, sizeof(*out->defs));
	if (out->defs == NULL)
		return -ENOMEM;
	for (; out->n < set->n; out->n++) {
		if (rule_def_copy(&out->defs[out->n], &set->defs[out->n]) != 0) {
			ruleset_fini(out);
			return -ENOMEM;
		}
	}
	return 0;
}

struct rule_def *ruleset_lookup(const struct ruleset *set, const char *name)
{
	for (uint32_t i = 0; i < set->n; i++) {
		if (strcmp(set->defs[i].name, name) == 0)
			return &set->defs[i];
	}
	return NULL;
}

int ruleset_add(struct ruleset *set, struct rule_def *def, const char *where, struct error *err)
{
	if (!text_is_name(def->name, RULE_NAME_BYTES)) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "\"%.60s\" isn't a name for a rule", def->name);
		return error_hint(err, -EINVAL, "use up to %d letters, digits, '_', '-' and '.'", RULE_NAME_BYTES - 1);
	}
	if (ruleset_lookup(set, def->name) != NULL)
		return error_set(err, -EEXIST, ERROR_EXISTS, where, "there is a rule named \"%s\" already", def->name);
	if (set->n == RULES_MAX)
		return error_set(err, -ENOSPC, ERROR_CONFLICT, where, "more than %u rules", RULES_MAX);
	if (set->n == set->size) {
		uint32_t size = set->size > 0 ? set->size * 2 : 8;
		struct rule_def *more = realloc(set->defs, size * sizeof(*more));

		if (more == NULL)
			return error_set(err, -ENOMEM, ERROR_INTERNAL, where, "out of memory");
		set->defs = more;
		set->size = size;
	}
	set->defs[set->n++] = *def;
	rule_def_init(def);
	return 0;
}

void ruleset_remove(struct ruleset *set, struct rule_def *def)
{
	uint32_t at = (uint32_t)(def - set->defs);

	rule_def_fini(def);
	memmove(def, def + 1, (set->n - at - 1) * sizeof(*def));
	set->n--;
}

static int read_rule(struct ruleset *set, const struct conf *section, const char *file, struct error *err)
{
	struct place place = { .file = file, .section = "rule" };
	struct rule_def def;
	char where[256];
	int r;

	rule_def_init(&def);
	field_where(section, &place, where, sizeof(where));
	if (strlen(section->key) >= sizeof(def.name))
		return field_refuse(section, &place, err, "the name is longer than %zu characters", sizeof(def.name) - 1);
	snprintf(def.name, sizeof(def.name), "%s", section->key);
	r = rule_def_read(&def, section, file, err);
	if (r == 0)
		r = rule_def_check(&def, where, err);
	if (r == 0)
		r = ruleset_add(set, &def, where, err);
	rule_def_fini(&def);
	return r;
}

int ruleset_read(struct ruleset *set, const struct conf *root, const char *file, struct error *err)
{
	struct place place = { .file = file, .section = "" };

	for (const struct conf *c = root->first; c != NULL; c = c->next) {
		if (strcmp(c->key, "rule") != 0)
			continue;
		if (c->type != CONF_OBJECT)
			return field_refuse(c, &place, err, "%s stands where a section was expected: rule NAME { … }",
					    conf_type_name(c->type));
		for (const struct conf *section = c->first; section != NULL; section = section->next) {
			int r;

			if (section->type != CONF_OBJECT) {
				field_refuse(c, &place, err, "the rule has no name");
				return error_hint(err, -EINVAL, "write rule NAME { … }");
			}
			r = read_rule(set, section, file, err);
			if (r != 0)
				return r;
		}
	}
	return ruleset_check(set, err);
}

/* A rule that terminates TLS takes an address and port whole; one of passthrough a name there, "" all others. */
struct published {
	const struct rule_def *def;
	uint16_t port;
	const char *name;
};

static int listener_compare(const struct published *x, const struct published *y)
{
	int c = memcmp(&x->def->listen, &y->def->listen, sizeof(x->def->listen));

	return c != 0 ? c : (int)x->port - (int)y->port;
}

static int published_compare(const void *a, const void *b)
{
	const struct published *x = a, *y = b;
	int c = listener_compare(x, y);

	return c != 0 ? c : strcmp(x->name, y->name);
}

static int refuse_both(const struct published *a, const struct published *b, struct error *err)
{
	char endpoint[ENDPOINT_TEXT_BYTES], name[300] = "";

	endpoint_format(&b->def->listen, b->port, endpoint, sizeof(endpoint));
	if (a->def->passthrough && b->def->passthrough && b->name[0] != '\0')
		snprintf(name, sizeof(name), " for the name %s", b->name);
	else if (a->def->passthrough && b->def->passthrough)
		snprintf(name, sizeof(name), " for all names that no other rule has");
	error_set(err, -EINVAL, ERROR_CONFLICT, "", "rules %s and %s both publish %s%s", a->def->name, b->def->name,
		  endpoint, name);
	if (name[0] != '\0')
		return error_hint(err, -EINVAL, "give one of them other names, another address or another port");
	return error_hint(err, -EINVAL, "give one of them another address or port, or remove it first%s",
			  a->def->passthrough != b->def->passthrough ? "; only passthrough rules can share one, by their names" : "");
}

static uint32_t publish(const struct rule_def *def, struct published *out)
{
	*out = (struct published){ def, rule_def_port(def), "" };
	if (!def->passthrough || def->names.n == 0)
		return 1;
	for (uint32_t i = 0; i < def->names.n; i++)
		out[i] = (struct published){ def, rule_def_port(def), def->names.names[i] };
	return def->names.n;
}

/* Those of one address and port stand together, so a rule that doesn't share it stands beside one that it collides with. */
static int check_published(struct published *all, size_t n, struct error *err)
{
	for (size_t i = 1; i < n; i++) {
		const struct published *a = &all[i - 1], *b = &all[i];

		if (listener_compare(a, b) == 0 &&
		    (!a->def->passthrough || !b->def->passthrough || published_compare(a, b) == 0))
			return refuse_both(a, b, err);
	}
	return 0;
}

int ruleset_check(const struct ruleset *set, struct error *err)
{
	struct published *all;
	size_t n = 0;
	int r;

	for (uint32_t i = 0; i < set->n; i++)
		n += set->defs[i].passthrough && set->defs[i].names.n > 0 ? set->defs[i].names.n : 1;
	all = calloc(n + 1, sizeof(*all));
	if (all == NULL)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	n = 0;
	for (uint32_t i = 0; i < set->n; i++)
		n += publish(&set->defs[i], &all[n]);
	qsort(all, n, sizeof(*all), published_compare);
	r = check_published(all, n, err);
	free(all);
	return r;
}

char *ruleset_text(const struct ruleset *set, const char *heading)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	bool bad;

	if (out == NULL)
		return NULL;
	fprintf(out, "# %s\n", heading);
	for (uint32_t i = 0; i < set->n; i++) {
		fprintf(out, "\n");
		rule_def_write(&set->defs[i], out);
	}
	bad = ferror(out) != 0;
	if (fclose(out) == 0 && !bad)
		return text;
	free(text);
	return NULL;
}
