/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/rule_tls.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "control/text.h"
#include "tls/strength.h"

const char *const rule_tls_policies[] = { "modern", "intermediate", "old-clients", NULL };
const char *const rule_tls_versions[] = { "1.2", "1.3", "policy", NULL };
const char *const rule_sni_words[] = { "any", "strict", NULL };

/* In the order of the names. */
static const struct level {
	uint16_t min_version;
	unsigned int strength_bits;
} levels[] = {
	{ TLS_VERSION_1_3, 128 },
	{ TLS_VERSION_1_2, 128 },
	{ TLS_VERSION_1_2, 112 },
};
#define INTERMEDIATE 1

static const uint16_t versions[] = { [RULE_TLS_12] = TLS_VERSION_1_2, [RULE_TLS_13] = TLS_VERSION_1_3 };

void rule_tls_init(struct rule_tls *tls)
{
	*tls = (struct rule_tls){ .policy = INTERMEDIATE, .min = RULE_TLS_BY_POLICY, .max = RULE_TLS_BY_POLICY };
}

bool rule_tls_equal(const struct rule_tls *a, const struct rule_tls *b)
{
	return a->policy == b->policy && a->min == b->min && a->max == b->max &&
	       a->strength_bits == b->strength_bits && a->sni == b->sni &&
	       memcmp(a->suites, b->suites, sizeof(a->suites)) == 0 && memcmp(a->groups, b->groups, sizeof(a->groups)) == 0;
}

static bool is_word(const struct conf *value, const char *word)
{
	return conf_is_scalar(value) && strcasecmp(value->text, word) == 0;
}

int rule_tls_read_strength(const struct conf *value, const struct place *place, struct rule_tls *tls, struct error *err)
{
	uint64_t bits = 0;

	if (!is_word(value, "policy") &&
	    (!conf_is_scalar(value) || text_parse_count(value->text, &bits) != 0 || bits > TLS_STRENGTH_MAX_BITS ||
	     !tls_strength_known((unsigned int)bits)))
		return field_refuse(value, place, err, "a strength is 112, 128 or 192 (bits, as NIST SP 800-57 counts), or policy");
	tls->strength_bits = bits;
	return 0;
}

static int add_id(uint16_t *list, size_t size, uint16_t id, const struct conf *value, const struct place *place,
		  struct error *err)
{
	size_t n = 0;

	for (; list[n] != 0; n++) {
		if (list[n] == id)
			return field_refuse(value, place, err, "%.80s is given twice", value->text);
	}
	if (n + 1 >= size)
		return field_refuse(value, place, err, "more than %zu", size - 1);
	list[n] = id;
	return 0;
}

static int read_cipher(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	const struct tls_suite *suite = tls_suite_by_name(value->text);
	char known[400] = "";

	if (suite != NULL)
		return add_id(((struct rule_tls *)out)->suites, TLS_SUITES_MAX, suite->id, value, place, err);
	field_refuse(value, place, err, "\"%.80s\" isn't a cipher suite that is known here", value->text);
	for (size_t i = 0, at = 0; i < tls_suites_count && at < sizeof(known); i++) {
		const struct tls_suite *s = &tls_suites[i];

		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", i > 0 ? ", " : "",
				       s->version == TLS_VERSION_1_3 ? s->iana_name : s->library_name);
	}
	return error_hint(err, -EINVAL, "%s; or their IANA names", known);
}

static int read_group(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	const struct tls_group *group = tls_group_by_name(value->text);
	char known[200] = "";

	if (group != NULL)
		return add_id(((struct rule_tls *)out)->groups, TLS_GROUPS_MAX, group->id, value, place, err);
	field_refuse(value, place, err, "\"%.80s\" isn't a key exchange group that is known here", value->text);
	for (size_t i = 0, at = 0; i < tls_groups_count && at < sizeof(known); i++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", i > 0 ? ", " : "", tls_groups[i].name);
	return error_hint(err, -EINVAL, "%s", known);
}

int rule_tls_read_ciphers(const struct conf *value, const struct place *place, struct rule_tls *tls, struct error *err)
{
	memset(tls->suites, 0, sizeof(tls->suites));
	return is_word(value, "policy") ? 0 : field_each(value, place, err, read_cipher, tls);
}

int rule_tls_read_groups(const struct conf *value, const struct place *place, struct rule_tls *tls, struct error *err)
{
	memset(tls->groups, 0, sizeof(tls->groups));
	return is_word(value, "policy") ? 0 : field_each(value, place, err, read_group, tls);
}

void rule_tls_settings(const struct rule_tls *tls, struct tls_settings *out)
{
	const struct level *level = &levels[tls->policy];

	out->strength_bits = tls->strength_bits != 0 ? (unsigned int)tls->strength_bits : level->strength_bits;
	out->min_version = tls->min == RULE_TLS_BY_POLICY ? level->min_version : versions[tls->min];
	out->max_version = tls->max == RULE_TLS_BY_POLICY ? TLS_VERSION_1_3 : versions[tls->max];
	/* TLS 1.2 can't be had with more (context.c), whatever the level says. */
	if (out->strength_bits > 128)
		out->min_version = TLS_VERSION_1_3;
	memcpy(out->suites, tls->suites, sizeof(out->suites));
	memcpy(out->groups, tls->groups, sizeof(out->groups));
	out->require_name = tls->sni == RULE_SNI_STRICT;
}

static const char *version_text(uint16_t version)
{
	return version == TLS_VERSION_1_3 ? "1.3" : "1.2";
}

static json_t *suites_json(const struct tls_settings *s)
{
	json_t *list = json_array();

	for (size_t i = 0; s->suites[0] != 0 ? s->suites[i] != 0 : i < tls_suites_count; i++) {
		const struct tls_suite *suite = s->suites[0] != 0 ? tls_suite_lookup(s->suites[i]) : &tls_suites[i];

		if (suite->bits >= s->strength_bits && suite->version >= s->min_version && suite->version <= s->max_version)
			json_array_append_new(list, json_string(suite->iana_name));
	}
	return list;
}

static json_t *groups_json(const struct tls_settings *s)
{
	json_t *list = json_array();

	for (size_t i = 0; s->groups[0] != 0 ? s->groups[i] != 0 : i < tls_groups_count; i++) {
		const struct tls_group *group = s->groups[0] != 0 ? tls_group_lookup(s->groups[i]) : &tls_groups[i];

		if (group->bits >= s->strength_bits)
			json_array_append_new(list, json_string(group->name));
	}
	return list;
}

int rule_tls_json(const struct rule_tls *tls, json_t *rule)
{
	struct tls_settings s = { 0 };
	json_t *keys;
	int r;

	rule_tls_settings(tls, &s);
	keys = json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:s}", "tls_policy", rule_tls_policies[tls->policy],
			 "tls_min", version_text(s.min_version), "tls_max", version_text(s.max_version),
			 "strength", (json_int_t)s.strength_bits, "ciphers", suites_json(&s), "groups", groups_json(&s),
			 "sni", rule_sni_words[tls->sni]);
	if (keys == NULL)
		return -ENOMEM;
	r = json_object_update(rule, keys);
	json_decref(keys);
	return r == 0 ? 0 : -ENOMEM;
}

void rule_tls_write(const struct rule_tls *tls, FILE *out)
{
	fprintf(out, "\ttls_policy = %s;\n", rule_tls_policies[tls->policy]);
	if (tls->min != RULE_TLS_BY_POLICY)
		fprintf(out, "\ttls_min = \"%s\";\n", rule_tls_versions[tls->min]);
	if (tls->max != RULE_TLS_BY_POLICY)
		fprintf(out, "\ttls_max = \"%s\";\n", rule_tls_versions[tls->max]);
	if (tls->strength_bits != 0)
		fprintf(out, "\tstrength = %" PRIu64 ";\n", tls->strength_bits);
	for (size_t i = 0; tls->suites[i] != 0; i++)
		fprintf(out, "%s\"%s\"%s", i == 0 ? "\tciphers = [" : ", ", tls_suite_lookup(tls->suites[i])->iana_name,
			tls->suites[i + 1] == 0 ? "];\n" : "");
	for (size_t i = 0; tls->groups[i] != 0; i++)
		fprintf(out, "%s\"%s\"%s", i == 0 ? "\tgroups = [" : ", ", tls_group_lookup(tls->groups[i])->name,
			tls->groups[i + 1] == 0 ? "];\n" : "");
	if (tls->sni != RULE_SNI_ANY)
		fprintf(out, "\tsni = %s;\n", rule_sni_words[tls->sni]);
}
