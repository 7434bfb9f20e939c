/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/rule_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/text.h"
#include "dataplane/base/addr.h"
#include "tls/context.h"
#include "tls/request.h"

#define CA_MAX_BYTES (1u << 20)
/* What internal servers have: RSA keys of 2048 bits, as a rule. */
#define STRENGTH_BITS 112u

const char *const rule_backend_versions[] = { "1.2", "1.3", NULL };

bool rule_backend_equal(const struct rule_backend *a, const struct rule_backend *b)
{
	return a->tls == b->tls && strcmp(a->ca, b->ca) == 0 && strcmp(a->name, b->name) == 0 && a->tls_min == b->tls_min;
}

int rule_backend_check(const struct rule_backend *b, const char *where, struct error *err)
{
	struct addr address;

	if (!b->tls)
		return 0;
	if (b->ca[0] == '\0') {
		error_set(err, -EINVAL, ERROR_INVALID, where, "backend_tls, but nothing to verify the servers by");
		return error_hint(err, -EINVAL, "give backend_ca = the file of the CA that signed their certificate");
	}
	if (b->ca[0] != '/') {
		error_set(err, -EINVAL, ERROR_INVALID, where, "backend_ca = %.80s isn't an absolute path", b->ca);
		return error_hint(err, -EINVAL, "rules come by the control socket, too, which has no folder of its own");
	}
	if (b->name[0] == '\0') {
		error_set(err, -EINVAL, ERROR_INVALID, where, "backend_tls, but no name that the servers' certificate holds");
		return error_hint(err, -EINVAL, "give backend_name = imap.internal.example, for example");
	}
	/* RFC 6066 3: no address as SNI. */
	if (!tls_host_name_valid(b->name) || b->name[0] == '*' || addr_parse(b->name, &address) == 0) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "backend_name = %.80s isn't a host name", b->name);
		return error_hint(err, -EINVAL, "give one that stands in the servers' certificates, not an address");
	}
	return 0;
}

int rule_backend_json(const struct rule_backend *b, json_t *rule)
{
	json_t *keys = json_pack("{s:b, s:s, s:s, s:s}", "backend_tls", (int)b->tls, "backend_ca", b->ca,
				 "backend_name", b->name, "backend_tls_min", rule_backend_versions[b->tls_min]);
	int r = keys != NULL ? json_object_update(rule, keys) : -1;

	json_decref(keys);
	return r == 0 ? 0 : -ENOMEM;
}

void rule_backend_write(const struct rule_backend *b, FILE *out)
{
	if (b->tls)
		fprintf(out, "\tbackend_tls = true;\n");
	if (b->ca[0] != '\0')
		fprintf(out, "\tbackend_ca = \"%s\";\n", b->ca);
	if (b->name[0] != '\0')
		fprintf(out, "\tbackend_name = \"%s\";\n", b->name);
	if (b->tls_min != 0)
		fprintf(out, "\tbackend_tls_min = \"%s\";\n", rule_backend_versions[b->tls_min]);
}

char *rule_backend_read_ca(const struct rule_backend *b, struct error *err)
{
	char *text = NULL;
	size_t bytes;

	if (text_read_file(b->ca, CA_MAX_BYTES, &text, &bytes, err) != 0)
		error_prefix(err, "backend_ca");
	return text;
}

struct tls_ctx *rule_backend_context(const struct rule_backend *b, const char *ca_pem, const char *alpn, struct error *err)
{
	const struct tls_settings settings = {
		.client = true,
		.ca_pem = ca_pem,
		.server_name = b->name,
		.min_version = b->tls_min == 1 ? TLS_VERSION_1_3 : TLS_VERSION_1_2,
		.strength_bits = STRENGTH_BITS,
		.alpn = alpn,
	};
	char why[400] = "";
	struct tls_ctx *ctx = tls_ctx_new(NULL, &settings, why, sizeof(why));

	if (ctx == NULL) {
		error_set(err, -EINVAL, ERROR_INVALID, "", "backend_ca %s: %s", b->ca, why);
		error_hint(err, -EINVAL, "it must hold CA certificates in PEM");
	}
	return ctx;
}

int rule_backend_try(const struct rule_backend *b, struct error *err)
{
	char *ca_pem = b->tls ? rule_backend_read_ca(b, err) : NULL;
	struct tls_ctx *ctx = ca_pem != NULL ? rule_backend_context(b, ca_pem, NULL, err) : NULL;
	int r = !b->tls || ctx != NULL ? 0 : -EINVAL;

	tls_ctx_free(ctx);
	free(ca_pem);
	return r;
}
