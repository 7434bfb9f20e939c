/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/trusts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/log.h"
#include "control/text.h"

void trust_stamp(const struct trust *t, struct files_stamp *out)
{
	files_stamp(t->ca_path, t->crl_path[0] != '\0' ? t->crl_path : NULL, out);
}

struct trust *trust_load(const char *ca_path, const char *crl_path, struct error *err)
{
	struct trust *t = calloc(1, sizeof(*t));
	char why[1400] = "";

	if (t == NULL) {
		error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
		return NULL;
	}
	snprintf(t->ca_path, sizeof(t->ca_path), "%s", ca_path);
	snprintf(t->crl_path, sizeof(t->crl_path), "%s", crl_path);
	trust_stamp(t, &t->files.read);	/* before: what changes meanwhile shows */
	t->tls = tls_trust_load_files(ca_path, crl_path[0] != '\0' ? crl_path : NULL, why, sizeof(why));
	if (t->tls == NULL) {
		error_set(err, -EINVAL, ERROR_INVALID, "client_ca", "%s", why);
		free(t);
		return NULL;
	}
	t->held = 1;
	return t;
}

bool trust_same(const struct trust *a, const struct trust *b)
{
	return memcmp(tls_trust_info(a->tls)->id, tls_trust_info(b->tls)->id, TLS_TRUST_ID_BYTES) == 0;
}

bool trust_is_current(const struct trust *t, time_t now, bool ended_crl, char *why, size_t why_bytes)
{
	const struct tls_trust_info *info = tls_trust_info(t->tls);
	char until[TIME_TEXT_BYTES];

	if (now > info->cas_end) {
		text_format_time((uint64_t)info->cas_end * 1000000, until, sizeof(until));
		snprintf(why, why_bytes, "%s: the last of its CAs has expired (%.10s)", t->ca_path, until);
		return false;
	}
	if (!ended_crl && info->n_crls > 0 && now > info->crls_end) {
		text_format_time((uint64_t)info->crls_end * 1000000, until, sizeof(until));
		snprintf(why, why_bytes, "%s: a revocation list has ended (%.10s)", t->crl_path, until);
		return false;
	}
	return true;
}

struct trust *trust_hold(struct trust *t)
{
	if (t != NULL)
		t->held++;
	return t;
}

void trust_release(struct trust *t)
{
	if (t == NULL || --t->held > 0)
		return;
	tls_trust_free(t->tls);
	free(t);
}

void trusts_fini(struct trusts *trusts)
{
	for (uint32_t i = 0; i < trusts->n; i++)
		trust_release(trusts->list[i]);
	free(trusts->list);
	*trusts = (struct trusts){ 0 };
}

int trusts_copy(struct trusts *out, const struct trusts *trusts)
{
	*out = (struct trusts){ 0 };
	if (trusts->n == 0)
		return 0;
	out->list = calloc(trusts->n, sizeof(struct trust *));
	if (out->list == NULL)
		return -ENOMEM;
	for (; out->n < trusts->n; out->n++)
		out->list[out->n] = trust_hold(trusts->list[out->n]);
	return 0;
}

static struct trust *lookup(const struct trusts *trusts, const char *ca_path, const char *crl_path)
{
	for (uint32_t i = 0; trusts != NULL && i < trusts->n; i++) {
		if (strcmp(trusts->list[i]->ca_path, ca_path) == 0 && strcmp(trusts->list[i]->crl_path, crl_path) == 0)
			return trusts->list[i];
	}
	return NULL;
}

struct trust *trusts_of_rule(const struct trusts *trusts, const struct rule_def *def)
{
	return def->client.certificate == TLS_CLIENT_AUTH_NONE ? NULL : lookup(trusts, def->client.ca, def->client.crl);
}

int trusts_put(struct trusts *trusts, struct trust *t)
{
	struct trust **more;

	for (uint32_t i = 0; i < trusts->n; i++) {
		if (strcmp(trusts->list[i]->ca_path, t->ca_path) == 0 && strcmp(trusts->list[i]->crl_path, t->crl_path) == 0) {
			trust_release(trusts->list[i]);
			trusts->list[i] = t;
			return 0;
		}
	}
	more = realloc(trusts->list, (trusts->n + 1) * sizeof(struct trust *));
	if (more == NULL)
		return -ENOMEM;
	trusts->list = more;
	trusts->list[trusts->n++] = t;
	return 0;
}

static void drop_unnamed(struct trusts *trusts, const struct ruleset *rules)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < trusts->n; i++) {
		bool named = false;

		for (uint32_t k = 0; k < rules->n && !named; k++)
			named = trusts_of_rule(trusts, &rules->defs[k]) == trusts->list[i];
		if (named)
			trusts->list[kept++] = trusts->list[i];
		else
			trust_release(trusts->list[i]);
	}
	trusts->n = kept;
}

int trusts_load_missing(struct trusts *trusts, const struct ruleset *rules, struct error *err)
{
	char prefix[RULE_NAME_BYTES + 8];

	drop_unnamed(trusts, rules);
	for (uint32_t i = 0; i < rules->n; i++) {
		const struct rule_def *def = &rules->defs[i];
		struct trust *t;

		if (def->client.certificate == TLS_CLIENT_AUTH_NONE || trusts_of_rule(trusts, def) != NULL)
			continue;
		t = trust_load(def->client.ca, def->client.crl, err);
		if (t == NULL) {
			snprintf(prefix, sizeof(prefix), "rule %s", def->name);
			error_prefix(err, prefix);
			return -EINVAL;
		}
		if (trusts_put(trusts, t) != 0) {
			trust_release(t);
			return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
		}
	}
	return 0;
}

void trusts_reuse(struct trusts *trusts, const struct trusts *before)
{
	for (uint32_t i = 0; i < trusts->n; i++) {
		struct trust *fresh = trusts->list[i], *old = lookup(before, fresh->ca_path, fresh->crl_path);

		if (old == NULL || !trust_same(old, fresh))
			continue;
		old->files.read = fresh->files.read;
		trust_release(fresh);
		trusts->list[i] = trust_hold(old);
	}
}

int trusts_check_new(const struct trusts *trusts, const struct trusts *before, const struct ruleset *rules,
		     struct error *err)
{
	char where[RULE_NAME_BYTES + 8], why[RULE_PATH_BYTES + 128];

	for (uint32_t i = 0; i < rules->n; i++) {
		const struct rule_def *def = &rules->defs[i];
		const struct trust *t = trusts_of_rule(trusts, def);

		if (t == NULL || lookup(before, t->ca_path, t->crl_path) == t ||
		    trust_is_current(t, time(NULL), def->client.crl_expired == 1, why, sizeof(why)))
			continue;
		snprintf(where, sizeof(where), "rule %s", def->name);
		return error_set(err, -EINVAL, ERROR_INVALID, where, "%s", why);
	}
	return 0;
}

uint32_t trusts_fresh(const struct trusts *trusts, const struct trusts *before)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < trusts->n; i++)
		n += lookup(before, trusts->list[i]->ca_path, trusts->list[i]->crl_path) != trusts->list[i];
	return n;
}

void trusts_tell_ends(struct trusts *trusts, time_t now)
{
	char why[RULE_PATH_BYTES + 128];

	for (uint32_t i = 0; i < trusts->n; i++) {
		struct trust *t = trusts->list[i];

		if (t->told || trust_is_current(t, now, false, why, sizeof(why)))
			continue;
		t->told = true;
		log_say(LOG_ERROR_LEVEL, "client certificates: %s", why);
	}
}
