/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certificate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/context.h"
#include "tls/key.h"
#include "tls/request.h"
#include "tls/tls.h"
#include "tls/trust.h"

static struct tls_cert *cert, *client_cert;
static struct tls_trust *trust;
static char *ca_pem;

static struct der text(const char *pem)
{
	return (struct der){ .p = (const uint8_t *)pem, .n = strlen(pem) };
}

static struct tls_cert *issue(struct tls_key *ca_key, const char *name, unsigned int usage)
{
	const struct tls_subject subject = { .common_name = name, .usage = usage };
	char err[256], *key_pem, *request_pem, *cert_pem;
	struct tls_request request;
	struct tls_cert *made;
	struct tls_key *key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));

	ASSERT(key != NULL);
	request_pem = tls_request_make(key, &subject, err, sizeof(err));
	ASSERT(request_pem != NULL);
	ASSERT(tls_request_read(text(request_pem), &request, err, sizeof(err)) == 0);
	request.usage = usage;
	cert_pem = tls_ca_issue(text(ca_pem), ca_key, &request, 20, time(NULL), err, sizeof(err));
	key_pem = tls_key_to_pem(key);
	ASSERT(cert_pem != NULL && key_pem != NULL);
	made = (usage == TLS_USAGE_CLIENT ? tls_cert_load_client : tls_cert_load)(text(cert_pem), text(key_pem), err, sizeof(err));
	ASSERT(made != NULL);
	tls_request_fini(&request);
	tls_key_text_free(key_pem);
	tls_key_free(key);
	free(request_pem);
	free(cert_pem);
	return made;
}

void certificate_init(void)
{
	const struct tls_subject ca_subject = { .common_name = "postern test CA" };
	struct tls_key *ca_key;
	char err[256];
	const char *why;

	ASSERT(tls_init(&why) == 0);
	ca_key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	ASSERT(ca_key != NULL);
	ca_pem = tls_ca_make(ca_key, &ca_subject, 30, time(NULL), err, sizeof(err));
	ASSERT(ca_pem != NULL);
	cert = issue(ca_key, "imap.example.test", TLS_USAGE_SERVER);
	client_cert = issue(ca_key, CERTIFICATE_CLIENT, TLS_USAGE_CLIENT);
	trust = tls_trust_load(text(ca_pem), (struct der){ 0 }, err, sizeof(err));
	ASSERT(trust != NULL);
	tls_key_free(ca_key);
}

static struct tls_ctx *ctx(const struct tls_cert *c, const struct tls_settings *settings)
{
	char err[256];
	struct tls_ctx *made = tls_ctx_new(c, settings, err, sizeof(err));

	ASSERT(made != NULL);
	return made;
}

struct tls_ctx *certificate_server_ctx(void)
{
	const struct tls_settings settings = { .binding = "imap" };

	return ctx(cert, &settings);
}

struct tls_ctx *certificate_asking_ctx(void)
{
	const struct tls_settings settings = {
		.binding = "imap", .auth = { .mode = TLS_CLIENT_AUTH_REQUIRED, .depth = 1, .trust = trust },
	};

	return ctx(cert, &settings);
}

struct tls_ctx *certificate_known_ctx(uint16_t max_version)
{
	const struct tls_settings settings = {
		.client = true, .ca_pem = ca_pem, .server_name = "imap.example.test", .max_version = max_version,
	};

	return ctx(client_cert, &settings);
}

struct tls_ctx *certificate_client_ctx(uint16_t group)
{
	const struct tls_settings settings = {
		.client = true, .ca_pem = ca_pem, .server_name = "imap.example.test", .groups = { group },
	};

	return ctx(NULL, &settings);
}

struct tls_ctx *certificate_stranger_ctx(void)
{
	const struct tls_settings settings = { .client = true, .ca_pem = ca_pem, .server_name = "other.example.test" };

	return ctx(NULL, &settings);
}

void certificate_free_ctx(struct tls_ctx *c)
{
	tls_ctx_free(c);
}
