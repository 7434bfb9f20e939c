/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/internal.h"

#include "tls/strength.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>

struct reason {
	char *buf;
	size_t bytes;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct reason *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->buf, r->bytes, format, args);
	va_end(args);
	return -EINVAL;
}

static int refuse_by_library(const struct reason *r, const char *what, long code)
{
	char text[WOLFSSL_MAX_ERROR_SZ];

	wolfSSL_ERR_error_string_n((unsigned long)(code < 0 ? -code : code), text, sizeof(text));
	return refuse(r, "%s: the TLS library says: %s", what, text);
}

int tls_cert_check_strength(const struct tls_cert *cert, unsigned int strength_bits, char *err, size_t err_bytes)
{
	const struct tls_cert_info *info = tls_cert_info(cert);
	const struct reason r = { err, err_bytes };

	if (strength_bits == 0)
		strength_bits = TLS_STRENGTH_DEFAULT_BITS;
	if (!tls_strength_known(strength_bits))
		return refuse(&r, "a strength of %u bits can't be required; 112, 128 and 192 can%s", strength_bits,
			      strength_bits == 256 ? " (no TLS cipher suite reaches 256: their best hash, SHA-384, gives 192)" : "");
	if (info->strength_bits < strength_bits)
		return refuse(&r, "the certificate's key (%s, %u bits) is worth %u bits of strength, and %u are required; "
				  "use %s, or require less",
			      tls_key_type_name(info->key_type), info->key_bits, info->strength_bits, strength_bits,
			      strength_bits > 128 ? "a P-384 key" : "a P-256 or RSA 3072 key");
	return 0;
}

/* Above 128 bits only TLS 1.3: in 1.2 the hash that is signed is chosen apart from the suite. */
static uint16_t least_version(const struct tls_settings *settings, unsigned int strength_bits)
{
	return strength_bits > 128 || settings->min_version == TLS_VERSION_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
}

static WOLFSSL_METHOD *method(const struct tls_settings *settings)
{
	if (settings->max_version == TLS_VERSION_1_2)
		return settings->client ? wolfTLSv1_2_client_method() : wolfTLSv1_2_server_method();
	return settings->client ? wolfTLS_client_method() : wolfTLS_server_method();
}

static int set_suites(WOLFSSL_CTX *library, uint16_t version, unsigned int strength_bits, const struct reason *r)
{
	char list[512];
	size_t i, at = 0;

	list[0] = '\0';
	for (i = 0; i < tls_suites_count; i++) {
		if (tls_suites[i].version < version || tls_suites[i].bits < strength_bits)
			continue;
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", at ? ":" : "", tls_suites[i].library_name);
	}
	if (wolfSSL_CTX_set_cipher_list(library, list) != WOLFSSL_SUCCESS)
		return refuse(r, "the TLS library refuses the cipher suites %s", list);
	return 0;
}

/* One by one: a library without the hybrid is used without it. */
static int set_groups(WOLFSSL_CTX *library, unsigned int strength_bits, uint16_t only, const struct reason *r)
{
	int groups[8], n = 0;
	size_t i;

	for (i = 0; i < tls_groups_count; i++) {
		if (tls_groups[i].bits < strength_bits || (only != 0 && tls_groups[i].id != only))
			continue;
		groups[n] = tls_groups[i].id;
		if (wolfSSL_CTX_set_groups(library, groups, n + 1) == WOLFSSL_SUCCESS)
			n++;
	}
	if (n == 0 || wolfSSL_CTX_set_groups(library, groups, n) != WOLFSSL_SUCCESS)
		return refuse(r, "the TLS library refuses the key exchange groups");
	return 0;
}

/* The library's callback for both directions of a ticket. */
static int ticket(WOLFSSL *library, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
		  unsigned char iv[WOLFSSL_TICKET_IV_SZ], unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int sealing,
		  unsigned char *text, int text_bytes, int *out_bytes, void *context)
{
	const struct tls_tickets *tickets = tls_worker ? tls_worker->tickets : NULL;
	const struct tls_ctx *ctx = context;
	time_t now = time(NULL);

	if (!tickets || text_bytes <= 0)
		return sealing ? WOLFSSL_TICKET_RET_FATAL : WOLFSSL_TICKET_RET_REJECT;
	*out_bytes = text_bytes;
	if (sealing)
		return tls_ticket_seal(tickets, ctx->binding, now, name, iv, mac, text, (size_t)text_bytes) == 0 ?
			       WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_FATAL;
	switch (tls_ticket_open(tickets, ctx->binding, now, name, iv, mac, text, (size_t)text_bytes)) {
	case TLS_TICKET_GOOD:
		return WOLFSSL_TICKET_RET_OK;
	case TLS_TICKET_AGEING:
		/* In 1.3 every connection gets a new ticket, and the library takes CREATE for a refusal. */
		return wolfSSL_version(library) == TLS_VERSION_1_3 ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_CREATE;
	case TLS_TICKET_REFUSED:
		break;
	}
	return WOLFSSL_TICKET_RET_REJECT;
}

/* The library's names of the fields' sizes must be ours. */
_Static_assert(WOLFSSL_TICKET_NAME_SZ == TLS_TICKET_NAME_BYTES && WOLFSSL_TICKET_IV_SZ == TLS_TICKET_IV_BYTES &&
		       WOLFSSL_TICKET_MAC_SZ == TLS_TICKET_MAC_BYTES,
	       "ticket fields");

/* What a ticket is bound to: all that decides whom and how this context serves. */
static int set_binding(struct tls_ctx *ctx, const struct tls_cert *cert, const struct tls_settings *settings,
		       uint16_t version, unsigned int strength_bits)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "postern ticket 1|%s|%04x|%u|%d|%s|%.200s", tls_cert_info(cert)->fingerprint,
			 version, strength_bits, settings->require_name, ctx->alpn,
			 settings->binding ? settings->binding : "");

	return tls_sha256((struct der){ (const uint8_t *)text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1 },
			  ctx->binding);
}

static int set_server(struct tls_ctx *ctx, const struct tls_cert *cert, const struct reason *r)
{
	const char *chain = tls_cert_chain_pem(cert);
	struct der key = tls_key_pkcs8(tls_cert_key(cert)), leaf = tls_cert_leaf(cert);
	const char *why;
	int code;

	code = wolfSSL_CTX_use_certificate_chain_buffer(ctx->library, (const unsigned char *)chain, (long)strlen(chain));
	if (code != WOLFSSL_SUCCESS)
		return refuse_by_library(r, "the certificate chain is refused", code);
	code = wolfSSL_CTX_use_PrivateKey_buffer(ctx->library, key.p, (long)key.n, WOLFSSL_FILETYPE_ASN1);
	if (code != WOLFSSL_SUCCESS)
		return refuse_by_library(r, "the private key is refused", code);
	ctx->leaf_der = malloc(leaf.n);
	if (!ctx->leaf_der)
		return refuse(r, "out of memory");
	memcpy(ctx->leaf_der, leaf.p, leaf.n);
	if (x509_parse((struct der){ ctx->leaf_der, leaf.n }, &ctx->leaf, &why) != 0)
		return refuse(r, "the certificate can't be read: %s", why);
	wolfSSL_CTX_set_verify(ctx->library, WOLFSSL_VERIFY_NONE, NULL);	/* no certificate of the client's */
	wolfSSL_CTX_set_servername_callback(ctx->library, tls_session_on_name);
	if (wolfSSL_CTX_set_TicketEncCb(ctx->library, ticket) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_set_TicketEncCtx(ctx->library, ctx) != WOLFSSL_SUCCESS)
		return refuse(r, "the TLS library refuses session tickets");
	return 0;
}

/* blind: any signature will do. RSA's are cheap to check, and stay checked. */
static int believe_ecc(WOLFSSL *library, const unsigned char *signature, unsigned int signature_bytes,
		       const unsigned char *hash, unsigned int hash_bytes, const unsigned char *key,
		       unsigned int key_bytes, int *result, void *context)
{
	*result = 1;
	return 0;
}

static int set_client(struct tls_ctx *ctx, const struct tls_settings *settings, unsigned int strength_bits,
		      const struct reason *r)
{
	int code;

	if (settings->server_name) {
		ctx->server_name = strdup(settings->server_name);
		if (!ctx->server_name)
			return refuse(r, "out of memory");
	}
	/* A ticket is used for as long as its server says, RFC 8446 4.6.1; the library would stop after minutes. */
	if (wolfSSL_CTX_UseSessionTicket(ctx->library) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_set_timeout(ctx->library, TLS_TICKETS_LIFETIME_MAX_S) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_SetMinRsaKey_Sz(ctx->library, strength_bits > 112 ? 3072 : 2048) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_SetMinEccKey_Sz(ctx->library, strength_bits > 128 ? 384 : 256) != WOLFSSL_SUCCESS)
		return refuse(r, "the TLS library refuses the strength of %u bits", strength_bits);
	if (settings->blind) {
		wolfSSL_CTX_SetEccVerifyCb(ctx->library, believe_ecc);
		wolfSSL_CTX_SetEd25519VerifyCb(ctx->library, believe_ecc);
	}
	if (!settings->ca_pem) {
		wolfSSL_CTX_set_verify(ctx->library, WOLFSSL_VERIFY_NONE, NULL);
		return 0;
	}
	code = wolfSSL_CTX_load_verify_buffer(ctx->library, (const unsigned char *)settings->ca_pem,
					      (long)strlen(settings->ca_pem), WOLFSSL_FILETYPE_PEM);
	if (code != WOLFSSL_SUCCESS)
		return refuse_by_library(r, "the CA's certificate is refused", code);
	wolfSSL_CTX_set_verify(ctx->library, WOLFSSL_VERIFY_PEER, NULL);
	return 0;
}

static int set_common(struct tls_ctx *ctx, uint16_t version, unsigned int strength_bits, uint16_t group,
		      const struct reason *r)
{
	int err;

	if (wolfSSL_CTX_SetMinVersion(ctx->library, version == TLS_VERSION_1_3 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2) !=
		    WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_set_group_messages(ctx->library) != WOLFSSL_SUCCESS)
		return refuse(r, "the TLS library refuses version %04x", version);
	err = set_suites(ctx->library, version, strength_bits, r);
	if (err == 0)
		err = set_groups(ctx->library, strength_bits, group, r);
	wolfSSL_CTX_set_session_cache_mode(ctx->library, WOLFSSL_SESS_CACHE_OFF);
	wolfSSL_CTX_SetIORecv(ctx->library, tls_session_recv);
	wolfSSL_CTX_SetIOSend(ctx->library, tls_session_send);
	return err;
}

struct tls_ctx *tls_ctx_new(const struct tls_cert *cert, const struct tls_settings *settings, char *err,
			    size_t err_bytes)
{
	unsigned int strength_bits = settings->strength_bits ? settings->strength_bits : TLS_STRENGTH_DEFAULT_BITS;
	uint16_t version = least_version(settings, strength_bits);
	const struct reason r = { err, err_bytes };
	struct tls_ctx *ctx;
	int fault;

	if (!settings->client && !cert) {
		refuse(&r, "a TLS server needs a certificate");
		return NULL;
	}
	if (!tls_strength_known(strength_bits) && settings->client) {
		refuse(&r, "a strength of %u bits can't be required; 112, 128 and 192 can", strength_bits);
		return NULL;
	}
	if (settings->blind && (!settings->client || settings->ca_pem)) {
		refuse(&r, "only a TLS client without a CA can be blind");
		return NULL;
	}
	if (!settings->client && tls_cert_check_strength(cert, strength_bits, err, err_bytes) != 0)
		return NULL;
	if (settings->max_version && settings->max_version < version) {
		refuse(&r, "the highest TLS version is below the lowest%s",
		       strength_bits > 128 ? " (more than 128 bits of strength need TLS 1.3)" : "");
		return NULL;
	}
	if (settings->alpn && strlen(settings->alpn) >= TLS_ALPN_MAX_BYTES) {
		refuse(&r, "the list of ALPN names is longer than %u bytes", TLS_ALPN_MAX_BYTES - 1);
		return NULL;
	}
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx || !(ctx->library = wolfSSL_CTX_new(method(settings)))) {
		refuse(&r, "out of memory");
		tls_ctx_free(ctx);
		return NULL;
	}
	ctx->client = settings->client;
	ctx->require_name = settings->require_name;
	ctx->blind = settings->blind;
	ctx->once = settings->once;
	strcpy(ctx->alpn, settings->alpn ? settings->alpn : "");
	fault = set_common(ctx, version, strength_bits, settings->group, &r);
	if (fault == 0)
		fault = settings->client ? set_client(ctx, settings, strength_bits, &r) : set_server(ctx, cert, &r);
	if (fault == 0 && !settings->client && set_binding(ctx, cert, settings, version, strength_bits) != 0)
		fault = refuse(&r, "the TLS library can't hash");
	if (fault == 0)
		return ctx;
	tls_ctx_free(ctx);
	return NULL;
}

void tls_ctx_free(struct tls_ctx *ctx)
{
	if (!ctx)
		return;
	wolfSSL_CTX_free(ctx->library);
	free(ctx->server_name);
	free(ctx->leaf_der);
	free(ctx);
}
