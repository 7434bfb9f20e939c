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

static struct tls_cert *cert;
static char *ca_pem;

static struct der text(const char *pem)
{
	return (struct der){ .p = (const uint8_t *)pem, .n = strlen(pem) };
}

void certificate_init(void)
{
	const struct tls_subject ca_subject = { .common_name = "postern test CA" };
	const struct tls_subject subject = { .common_name = "imap.example.test" };
	struct tls_key *ca_key, *key;
	struct tls_request request;
	char err[256], *key_pem, *request_pem, *cert_pem;
	const char *why;

	ASSERT(tls_init(&why) == 0);
	ca_key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	ASSERT(ca_key != NULL && key != NULL);
	ca_pem = tls_ca_make(ca_key, &ca_subject, 30, time(NULL), err, sizeof(err));
	request_pem = tls_request_make(key, &subject, err, sizeof(err));
	ASSERT(ca_pem != NULL && request_pem != NULL);
	ASSERT(tls_request_read(text(request_pem), &request, err, sizeof(err)) == 0);
	cert_pem = tls_ca_issue(text(ca_pem), ca_key, &request, 20, time(NULL), err, sizeof(err));
	key_pem = tls_key_to_pem(key);
	ASSERT(cert_pem != NULL && key_pem != NULL);
	cert = tls_cert_load(text(cert_pem), text(key_pem), err, sizeof(err));
	ASSERT(cert != NULL);
	tls_request_fini(&request);
	tls_key_text_free(key_pem);
	tls_key_free(key);
	tls_key_free(ca_key);
	free(request_pem);
	free(cert_pem);
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
