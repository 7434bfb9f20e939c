/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/rule_client.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define DEPTH 2u

const char *const rule_client_words[] = { "none", "optional", "required", NULL };
const char *const rule_crl_words[] = { "refuse", "accept", NULL };

void rule_client_init(struct rule_client *c)
{
	*c = (struct rule_client){ .certificate = TLS_CLIENT_AUTH_NONE, .depth = DEPTH };
}

bool rule_client_equal(const struct rule_client *a, const struct rule_client *b)
{
	return a->certificate == b->certificate && a->crl_expired == b->crl_expired && a->depth == b->depth &&
	       strcmp(a->ca, b->ca) == 0 && strcmp(a->crl, b->crl) == 0;
}

static int check_path(const char *key, const char *path, const char *where, struct error *err)
{
	if (path[0] == '\0' || path[0] == '/')
		return 0;
	error_set(err, -EINVAL, ERROR_INVALID, where, "%s = \"%.80s\": that isn't a whole path", key, path);
	return error_hint(err, -EINVAL, "write it from / on");
}

int rule_client_check(const struct rule_client *c, const char *where, struct error *err)
{
	int r = check_path("client_ca", c->ca, where, err);

	if (r == 0)
		r = check_path("client_crl", c->crl, where, err);
	if (r != 0)
		return r;
	if (c->certificate != TLS_CLIENT_AUTH_NONE && c->ca[0] == '\0') {
		error_set(err, -EINVAL, ERROR_INVALID, where, "client_certificate = %s, but no client_ca",
			  rule_client_words[c->certificate]);
		return error_hint(err, -EINVAL, "give client_ca = the file with the CAs that sign clients' certificates");
	}
	return 0;
}

void rule_client_settings(const struct rule_client *c, const struct tls_trust *trust, struct tls_client_auth *out)
{
	*out = (struct tls_client_auth){ .mode = TLS_CLIENT_AUTH_NONE };
	if (c->certificate == TLS_CLIENT_AUTH_OPTIONAL)
		out->mode = TLS_CLIENT_AUTH_OPTIONAL;
	else if (c->certificate == TLS_CLIENT_AUTH_REQUIRED)
		out->mode = TLS_CLIENT_AUTH_REQUIRED;
	out->depth = (unsigned int)c->depth;
	out->ended_crl = c->crl_expired == 1;
	out->trust = trust;
}

int rule_client_json(const struct rule_client *c, json_t *rule)
{
	json_t *keys = json_pack("{s:s, s:s, s:s, s:s, s:I}", "client_certificate", rule_client_words[c->certificate],
				 "client_ca", c->ca, "client_crl", c->crl, "client_crl_expired",
				 rule_crl_words[c->crl_expired], "client_depth", (json_int_t)c->depth);
	int r = keys != NULL ? json_object_update(rule, keys) : -1;

	json_decref(keys);
	return r == 0 ? 0 : -ENOMEM;
}

static void write_path(const char *key, const char *path, FILE *out)
{
	if (path[0] == '\0')
		return;
	fprintf(out, "\t%s = \"", key);
	for (; *path != '\0'; path++)
		fprintf(out, *path == '"' || *path == '\\' ? "\\%c" : "%c", *path);
	fprintf(out, "\";\n");
}

void rule_client_write(const struct rule_client *c, FILE *out)
{
	if (c->certificate != TLS_CLIENT_AUTH_NONE)
		fprintf(out, "\tclient_certificate = %s;\n", rule_client_words[c->certificate]);
	write_path("client_ca", c->ca, out);
	write_path("client_crl", c->crl, out);
	if (c->crl_expired != 0)
		fprintf(out, "\tclient_crl_expired = %s;\n", rule_crl_words[c->crl_expired]);
	if (c->depth != DEPTH)
		fprintf(out, "\tclient_depth = %" PRIu64 ";\n", c->depth);
}
