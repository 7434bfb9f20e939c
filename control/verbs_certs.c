/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs about certificates that are in use. Making them is `postern cert`, without the daemon. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/certs_watch.h"
#include "control/gateway.h"
#include "control/log.h"
#include "control/request.h"
#include "control/staples.h"
#include "control/staples_fetch.h"
#include "control/text.h"
#include "tls/staple.h"

static json_t *warnings_json(const struct tls_cert *cert)
{
	unsigned int bits = tls_cert_warnings(cert, time(NULL));
	json_t *list = json_array();

	for (unsigned int bit = 1; bit <= bits; bit <<= 1) {
		if (bits & bit)
			json_array_append_new(list, json_string(tls_cert_warning_text((enum tls_cert_warning)bit)));
	}
	return list;
}

static json_t *rules_json(const struct gateway *g, const char *name)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < g->rules.n; i++) {
		if (name_list_has(&g->rules.defs[i].certificates, name))
			json_array_append_new(list, json_string(g->rules.defs[i].name));
	}
	return list;
}

/* A certificate's texts were chosen by whoever signed it. */
static json_t *clean_json(const char *s)
{
	char buf[2 * TLS_CERT_NAME_BYTES];

	text_clean(s, buf, sizeof(buf));
	return json_string(buf);
}

/* Its OCSP response, for those who are shown one. */
static json_t *staple_json(const struct certificate *c)
{
	const struct tls_cert_info *info = tls_cert_info(c->tls);
	char text[TIME_TEXT_BYTES];
	time_t until;
	const char *state = staples_state(c, &until);
	json_t *o = json_pack("{s:s, s:b, s:s, s:o, s:b}", "state", state, "must_staple", (int)info->must_staple,
			      "file", c->staple.path, "responder", clean_json(info->ocsp_url), "fetching", (int)c->staple.fetching);

	if (o != NULL && until != 0)
		json_object_set_new(o, "until", json_string(text_format_time((uint64_t)until * 1000000, text, sizeof(text))));
	if (o != NULL && c->staple.why[0] != '\0')
		json_object_set_new(o, "problem", clean_json(c->staple.why));
	return o;
}

static json_t *certificate_json(const struct gateway *g, const struct certificate *c)
{
	const struct tls_cert_info *info = tls_cert_info(c->tls);
	char before[TIME_TEXT_BYTES], after[TIME_TEXT_BYTES], loaded[TIME_TEXT_BYTES];
	json_t *names = json_array();

	for (size_t i = 0; i < info->n_alt_names; i++)
		json_array_append_new(names, clean_json(info->alt_names[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:I, s:s, s:I, s:I, s:s, s:s, s:I, s:b, s:s, s:s, s:s, s:o, s:o, s:o}",
		"name", c->name, "subject", clean_json(info->subject), "issuer", clean_json(info->issuer),
		"names", names,
		"not_before", text_format_time((uint64_t)info->not_before * 1000000, before, sizeof(before)),
		"not_after", text_format_time((uint64_t)info->not_after * 1000000, after, sizeof(after)),
		"days_left", (json_int_t)certificate_days_left(c, time(NULL)), "key", tls_key_type_name(info->key_type), "key_bits", (json_int_t)info->key_bits,
		"strength", (json_int_t)info->strength_bits, "fingerprint", info->fingerprint, "serial", info->serial,
		"chain_length", (json_int_t)info->chain_length, "self_signed", (int)info->self_signed,
		"chain_path", c->chain_path, "key_path", c->key_path,
		"loaded", text_format_time(c->loaded_us, loaded, sizeof(loaded)),
		"warnings", warnings_json(c->tls), "rules", rules_json(g, c->name), "ocsp", staple_json(c));
}

static json_t *cert_list(struct gateway *g, const json_t *args, struct error *err)
{
	json_t *list;

	if (request_no_args(args, err) != 0)
		return NULL;
	list = json_array();
	for (uint32_t i = 0; i < g->certs.n; i++)
		json_array_append_new(list, certificate_json(g, g->certs.list[i]));
	return list;
}

struct cert_args {
	char name[CERTIFICATE_NAME_BYTES];
	char chain[PATH_MAX], key[PATH_MAX];
	bool force;
};

static const struct field cert_fields[] = {
	{ "name", FIELD_NAME, FIELD_OF(struct cert_args, name), 0, 0, NULL, NULL },
	{ "chain", FIELD_TEXT, FIELD_OF(struct cert_args, chain), 0, 0, NULL, NULL },
	{ "key", FIELD_TEXT, FIELD_OF(struct cert_args, key), 0, 0, NULL, NULL },
	{ "force", FIELD_BOOL, FIELD_OF(struct cert_args, force), 0, 0, NULL, NULL },
};

static json_t *cert_show(struct gateway *g, const json_t *args, struct error *err)
{
	struct cert_args a = { .name = "" };
	const struct certificate *c;

	if (request_args(args, cert_fields, 1, &a, err) != 0)
		return NULL;
	c = certs_lookup(&g->certs, a.name);
	if (c != NULL)
		return certificate_json(g, c);
	error_set(err, -ENOENT, ERROR_NOT_FOUND, "args: name", "no certificate \"%s\" is loaded", a.name);
	error_hint(err, -ENOENT, "a certificate is loaded when a rule names it, or by `postern cert load`");
	return NULL;
}

/* The name's files: given, or those of the configuration. */
static struct certificate *load(const struct gateway *g, struct cert_args *a, struct error *err)
{
	if (a->name[0] == '\0') {
		error_set(err, -EINVAL, ERROR_INVALID, "args: name", "the certificate's name is missing");
		return NULL;
	}
	if (a->chain[0] == '\0' && a->key[0] != '\0') {
		error_set(err, -EINVAL, ERROR_INVALID, "args: chain", "a key without its chain");
		return NULL;
	}
	if ((a->chain[0] != '\0' && a->chain[0] != '/') || (a->key[0] != '\0' && a->key[0] != '/')) {
		error_set(err, -EINVAL, ERROR_INVALID, "args", "posternd reads the files itself: give absolute paths");
		return NULL;
	}
	if (a->chain[0] == '\0' && certs_find_files(g->config, a->name, a->chain, a->key, err) != 0)
		return NULL;
	return certificate_load(g->config, a->name, a->chain, a->key[0] != '\0' ? a->key : NULL, err);
}

static json_t *cert_load(struct gateway *g, const json_t *args, struct error *err)
{
	struct cert_args a = { .name = "" };
	struct certificate *c;
	int r = 0;

	if (request_args(args, cert_fields, sizeof(cert_fields) / sizeof(cert_fields[0]), &a, err) != 0)
		return NULL;
	c = load(g, &a, err);
	if (c == NULL)
		return NULL;
	if (!a.force && (r = certificate_check_dates(c, err)) != 0)
		error_hint(err, r, "bring one that is valid; or, with force = true, use it all the same");
	if (r == 0)
		r = gateway_put_certificate(g, c, err);
	if (r != 0) {
		certificate_release(c);
		return NULL;
	}
	log_say(LOG_INFO_LEVEL, "certificate %s: loaded from %s", a.name, a.chain);
	return certificate_json(g, certs_lookup(&g->certs, a.name));
}

static json_t *cert_remove(struct gateway *g, const json_t *args, struct error *err)
{
	struct cert_args a = { .name = "" };

	if (request_args(args, cert_fields, 1, &a, err) != 0 || gateway_remove_certificate(g, a.name, err) != 0)
		return NULL;
	log_say(LOG_INFO_LEVEL, "certificate %s: removed", a.name);
	return json_pack("{s:s}", "name", a.name);
}

/* Reads its file again; and asks its responder, if we do that. */
static json_t *cert_staple(struct gateway *g, const json_t *args, struct error *err)
{
	struct cert_args a = { .name = "" };
	struct certificate *c;

	if (request_args(args, cert_fields, 1, &a, err) != 0)
		return NULL;
	c = certs_lookup(&g->certs, a.name);
	if (c == NULL) {
		error_set(err, -ENOENT, ERROR_NOT_FOUND, "args: name", "no certificate \"%s\" is loaded", a.name);
		return NULL;
	}
	if (!tls_staple_possible()) {
		error_set(err, -ENOTSUP, ERROR_CONFLICT, "", "the TLS library of this posternd (wolfSSL %s) can't show OCSP responses",
			  g->tls_version);
		return NULL;
	}
	if (g->config->ocsp.source == OCSP_OFF) {
		error_set(err, -EINVAL, ERROR_CONFLICT, "", "OCSP responses are switched off: certificates { ocsp = off }");
		return NULL;
	}
	if (watchdog_check(&g->watchdog, err) != 0)
		return NULL;
	staples_read(c, g->config);
	if (g->config->ocsp.source == OCSP_FETCH)
		staples_fetch_now(g, c);
	return certificate_json(g, c);
}

const struct verb verbs_certs[] = {
	{ "cert.list", cert_list },
	{ "cert.show", cert_show },
	{ "cert.load", cert_load },
	{ "cert.remove", cert_remove },
	{ "cert.staple", cert_staple },
	{ NULL, NULL }
};
