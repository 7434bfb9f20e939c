/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/base/assert.h"
#include "tls/context.h"
#include "tls/store.h"

bool certificate_same(const struct certificate *a, const struct certificate *b)
{
	return strcmp(tls_cert_chain_pem(a->tls), tls_cert_chain_pem(b->tls)) == 0;
}

int certificate_check_dates(const struct certificate *c, struct error *err)
{
	unsigned int bits = tls_cert_warnings(c->tls, time(NULL));
	char where[CERTIFICATE_NAME_BYTES + 16];

	if (!(bits & (TLS_CERT_EXPIRED | TLS_CERT_NOT_YET_VALID)))
		return 0;
	snprintf(where, sizeof(where), "certificate %s", c->name);
	return error_set(err, -EINVAL, ERROR_INVALID, where, "%s",
			 tls_cert_warning_text(bits & TLS_CERT_EXPIRED ? TLS_CERT_EXPIRED : TLS_CERT_NOT_YET_VALID));
}

struct certificate *certificate_load(const struct config *config, const char *name, const char *chain_path,
				     const char *key_path, struct error *err)
{
	struct certificate *c = calloc(1, sizeof(*c));
	char why[1000] = "", where[CERTIFICATE_NAME_BYTES + 16];
	struct files_stamp stamp;
	struct timespec now;

	files_stamp(chain_path, key_path != NULL ? key_path : chain_path, &stamp);	/* before: what changes meanwhile shows */
	snprintf(where, sizeof(where), "certificate %s", name);
	if (c == NULL) {
		error_set(err, -ENOMEM, ERROR_INTERNAL, where, "out of memory");
		return NULL;
	}
	c->tls = tls_store_load_files(chain_path, key_path, config->passphrase_file, why, sizeof(why));
	if (c->tls == NULL) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "%s", why);
		free(c);
		return NULL;
	}
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->chain_path, sizeof(c->chain_path), "%s", chain_path);
	snprintf(c->key_path, sizeof(c->key_path), "%s", key_path != NULL ? key_path : chain_path);
	c->files.read = stamp;
	clock_gettime(CLOCK_REALTIME, &now);
	c->loaded_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	c->held = 1;
	return c;
}

struct certificate *certificate_hold(struct certificate *c)
{
	c->held++;
	return c;
}

void certificate_release(struct certificate *c)
{
	if (c == NULL || --c->held > 0)
		return;
	tls_cert_free(c->tls);
	free(c);
}

void certificate_list_release(struct certificate **list, uint32_t n)
{
	for (uint32_t i = 0; list != NULL && i < n; i++)
		certificate_release(list[i]);
	free(list);
}

struct certificate **certs_of_rule(const struct certs *certs, const struct rule_def *def, struct error *err)
{
	struct certificate **list = calloc(def->certificates.n + 1, sizeof(struct certificate *));

	for (uint32_t i = 0; list != NULL && i < def->certificates.n; i++) {
		struct certificate *c = certs_lookup(certs, def->certificates.names[i]);

		ASSERT(c != NULL);	/* certs_load_missing saw to it */
		list[i] = certificate_hold(c);
	}
	if (list == NULL)
		error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	return list;
}

/* The hosts that the rule names are there for its clients to be found under: each needs a certificate. */
static int check_names(struct certificate *const *list, const struct rule_def *def, struct error *err)
{
	for (uint32_t i = 0; i < def->names.n; i++) {
		uint32_t k = 0;

		while (k < def->certificates.n && !tls_cert_names_host(list[k]->tls, def->names.names[i]))
			k++;
		if (k < def->certificates.n)
			continue;
		error_set(err, -EINVAL, ERROR_INVALID, "", "no certificate of the rule is for the name %s", def->names.names[i]);
		return error_hint(err, -EINVAL, "add one that is, or take the name out of the rule's `names`");
	}
	return 0;
}

struct tls_ctx *certificate_context(struct certificate *const *list, const struct trust *trust,
				    const struct rule_def *def, struct error *err)
{
	uint32_t n = def->certificates.n;
	struct tls_settings settings = { .alpn = rule_def_alpn(def), .binding = def->name };
	const struct tls_cert **certs;
	struct tls_ctx *ctx = NULL;
	char why[400] = "";

	if (check_names(list, def, err) != 0)
		return NULL;
	rule_tls_settings(&def->tls, &settings);
	rule_client_settings(&def->client, trust != NULL ? trust->tls : NULL, &settings.auth);
	certs = calloc(n + 1, sizeof(*certs));
	for (uint32_t i = 0; certs != NULL && i < n; i++) {
		certs[i] = list[i]->tls;
		if (tls_cert_check_strength(certs[i], settings.strength_bits, why, sizeof(why)) == 0)
			continue;
		error_set(err, -EINVAL, ERROR_INVALID, "", "certificate %s: %s", list[i]->name, why);
		free(certs);
		return NULL;
	}
	if (certs != NULL)
		ctx = tls_ctx_new_server(certs, n, &settings, why, sizeof(why));
	if (ctx == NULL)
		error_set(err, -EINVAL, ERROR_INVALID, "", "%s", certs != NULL ? why : "out of memory");
	free(certs);
	return ctx;
}

void certs_fini(struct certs *certs)
{
	for (uint32_t i = 0; i < certs->n; i++)
		certificate_release(certs->list[i]);
	free(certs->list);
	trusts_fini(&certs->trusts);
	*certs = (struct certs){ 0 };
}

int certs_copy(struct certs *out, const struct certs *certs)
{
	*out = (struct certs){ .size = certs->n + 1 };
	out->list = calloc(out->size, sizeof(struct certificate *));
	if (out->list == NULL)
		return -ENOMEM;
	for (; out->n < certs->n; out->n++)
		out->list[out->n] = certificate_hold(certs->list[out->n]);
	if (trusts_copy(&out->trusts, &certs->trusts) == 0)
		return 0;
	certs_fini(out);
	return -ENOMEM;
}

struct certificate *certs_lookup(const struct certs *certs, const char *name)
{
	for (uint32_t i = 0; i < certs->n; i++) {
		if (strcmp(certs->list[i]->name, name) == 0)
			return certs->list[i];
	}
	return NULL;
}

int certs_put(struct certs *certs, struct certificate *c)
{
	for (uint32_t i = 0; i < certs->n; i++) {
		if (strcmp(certs->list[i]->name, c->name) == 0) {
			certificate_release(certs->list[i]);
			certs->list[i] = c;
			return 0;
		}
	}
	if (certs->n == certs->size) {
		uint32_t size = certs->size > 0 ? certs->size * 2 : 8;
		struct certificate **more = realloc(certs->list, size * sizeof(struct certificate *));

		if (more == NULL)
			return -ENOMEM;
		certs->list = more;
		certs->size = size;
	}
	certs->list[certs->n++] = c;
	return 0;
}

void certs_remove(struct certs *certs, const char *name)
{
	for (uint32_t i = 0; i < certs->n; i++) {
		if (strcmp(certs->list[i]->name, name) != 0)
			continue;
		certificate_release(certs->list[i]);
		memmove(&certs->list[i], &certs->list[i + 1], (certs->n - i - 1) * sizeof(certs->list[0]));
		certs->n--;
		return;
	}
}

int certs_find_files(const struct config *config, const char *name, char *chain_path, char *key_path,
		     struct error *err)
{
	const struct config_certificate *cert = config->certificates;
	const char *folder = config->certificates_directory;
	char where[CERTIFICATE_NAME_BYTES + 16], why[256];

	for (; cert != NULL && strcmp(cert->name, name) != 0; cert = cert->next)
		;
	if (cert != NULL) {
		snprintf(chain_path, PATH_MAX, "%s", cert->chain);
		snprintf(key_path, PATH_MAX, "%s", cert->key);
		return 0;
	}
	snprintf(where, sizeof(where), "certificate %s", name);
	if (tls_store_path(folder, name, TLS_STORE_CHAIN, chain_path, why, sizeof(why)) == 0 &&
	    tls_store_path(folder, name, TLS_STORE_KEY, key_path, why, sizeof(why)) == 0 &&
	    access(chain_path, F_OK) == 0)
		return 0;
	error_set(err, -ENOENT, ERROR_NOT_FOUND, where, "there is no certificate of this name");
	return error_hint(err, -ENOENT, "make or import it with `postern cert … --dir %s`, or describe its files in %s: "
			  "certificate %s { chain = …; key = …; }", folder, config->file, name);
}

static int load_missing(struct certs *certs, const struct config *config, const char *name, struct error *err)
{
	char chain[PATH_MAX], key[PATH_MAX];
	struct certificate *c;
	int r = certs_find_files(config, name, chain, key, err);

	if (r != 0)
		return r;
	c = certificate_load(config, name, chain, key, err);
	if (c == NULL)
		return -EINVAL;
	if (certs_put(certs, c) == 0)
		return 0;
	certificate_release(c);
	return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
}

int certs_load_missing(struct certs *certs, const struct config *config, const struct ruleset *rules,
		       struct error *err)
{
	for (uint32_t i = 0; i < rules->n; i++) {
		const struct name_list *names = &rules->defs[i].certificates;

		for (uint32_t k = 0; k < names->n; k++) {
			char prefix[RULE_NAME_BYTES + 8];
			int r;

			if (certs_lookup(certs, names->names[k]) != NULL)
				continue;
			r = load_missing(certs, config, names->names[k], err);
			if (r == 0)
				continue;
			snprintf(prefix, sizeof(prefix), "rule %s", rules->defs[i].name);
			error_prefix(err, prefix);
			return r;
		}
	}
	return trusts_load_missing(&certs->trusts, rules, err);
}

int certs_reload(struct certs *out, const struct certs *before, const struct config *config,
		 const struct ruleset *rules, struct error *err)
{
	int r;

	*out = (struct certs){ 0 };
	r = certs_load_missing(out, config, rules, err);
	if (r != 0) {
		certs_fini(out);
		return r;
	}
	if (before != NULL)
		trusts_reuse(&out->trusts, &before->trusts);
	for (uint32_t i = 0; before != NULL && i < out->n; i++) {
		struct certificate *old = certs_lookup(before, out->list[i]->name);

		if (old != NULL && certificate_same(old, out->list[i]) &&
		    strcmp(old->chain_path, out->list[i]->chain_path) == 0 &&
		    strcmp(old->key_path, out->list[i]->key_path) == 0) {
			old->files.read = out->list[i]->files.read;
			certificate_release(out->list[i]);
			out->list[i] = certificate_hold(old);
		}
	}
	return 0;
}
