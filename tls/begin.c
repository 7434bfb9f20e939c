/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As whom a server answers. The ClientHello is read here before the library is given
 * it: the name, the kinds of key that the client can use, and the protocols decide
 * which identity the session gets, or that it ends. So a session whose ClientHello
 * isn't whole costs no library state, and the library, which knows one certificate a
 * context, isn't told to change its mind half way.
 *
 * A second ClientHello, after a HelloRetryRequest, must repeat all of this (RFC 8446
 * 4.1.2); the identity stays that of the first.
 */
#include "tls/internal.h"

#include "tls/error.h"
#include "tls/hello.h"

#include <time.h>

#define ALERT_DECODE_ERROR 50u

/* Cheapest to sign with first: an RSA signature takes some fifty times as long as one on P-256. */
static const enum tls_key_type preferred[] = { TLS_KEY_P256, TLS_KEY_ED25519, TLS_KEY_P384, TLS_KEY_RSA };

static bool shares_suite_1_2(const struct tls_ctx *ctx, const struct tls_hello *hello, enum tls_auth auth)
{
	size_t i;

	for (i = 0; i < tls_suites_count; i++)
		if (tls_suites[i].auth == auth && (ctx->suites & hello->suites & 1u << i))
			return true;
	return false;
}

/* Could this client use a certificate with such a key? */
static bool can_use(const struct tls_ctx *ctx, const struct tls_hello *hello, enum tls_key_type type)
{
	static const uint32_t in_1_3[TLS_KEY_TYPES] = {
		[TLS_KEY_RSA] = TLS_HELLO_RSA_PSS, [TLS_KEY_P256] = TLS_HELLO_ECDSA_P256,
		[TLS_KEY_P384] = TLS_HELLO_ECDSA_P384, [TLS_KEY_ED25519] = TLS_HELLO_ED25519,
	}, in_1_2[TLS_KEY_TYPES] = {
		[TLS_KEY_RSA] = TLS_HELLO_RSA_PSS | TLS_HELLO_RSA_PKCS1, [TLS_KEY_P256] = TLS_HELLO_ECDSA,
		[TLS_KEY_P384] = TLS_HELLO_ECDSA, [TLS_KEY_ED25519] = TLS_HELLO_ED25519,
	}, curves[TLS_KEY_TYPES] = { [TLS_KEY_P256] = TLS_HELLO_CURVE_P256, [TLS_KEY_P384] = TLS_HELLO_CURVE_P384 };

	if (hello->version == TLS_VERSION_1_3 && ctx->max_version == TLS_VERSION_1_3)
		return (hello->can & in_1_3[type]) != 0;
	return (hello->can & in_1_2[type]) != 0 && (hello->can & curves[type]) == curves[type] &&
	       shares_suite_1_2(ctx, hello, type == TLS_KEY_RSA ? TLS_AUTH_RSA : TLS_AUTH_ECDSA);
}

/*
 * A place in the identities, or TLS_NO_CERT. @certs: may be NULL. A client that asks for an
 * OCSP response will refuse a certificate that must have one and doesn't (RFC 7633 4.2.3):
 * that comes after all others, but before none.
 */
static uint16_t pick(const struct tls_ctx *ctx, const struct tls_hello *hello, const struct tls_name_certs *certs)
{
	uint16_t at, last = TLS_NO_CERT;
	size_t i;

	for (i = 0; certs && i < sizeof(preferred) / sizeof(preferred[0]); i++) {
		at = certs->by_key[preferred[i]];
		if (at == TLS_NO_CERT || !can_use(ctx, hello, preferred[i]))
			continue;
		if (!hello->asks_status || !tls_staple_lacking(ctx->identities[at].staple, time(NULL)))
			return at;
		if (last == TLS_NO_CERT)
			last = at;
	}
	return last;
}

/* Any of them, for a client that can use none: the handshake will fail with the library's reason. */
static uint16_t any(const struct tls_name_certs *certs)
{
	size_t i;

	for (i = 0; i < sizeof(preferred) / sizeof(preferred[0]); i++)
		if (certs->by_key[preferred[i]] != TLS_NO_CERT)
			return certs->by_key[preferred[i]];
	return 0;
}

static uint16_t choose(const struct tls_ctx *ctx, const struct tls_hello *hello, bool *unknown)
{
	const struct tls_name_certs *exact = NULL, *wild = NULL, *fallback = tls_names_default(ctx->names);
	uint16_t at;

	if (hello->name.n > 0) {
		exact = tls_names_exact(ctx->names, hello->name);
		wild = tls_names_wildcard(ctx->names, hello->name);
	}
	*unknown = hello->name.n > 0 && !exact && !wild;
	at = pick(ctx, hello, exact);
	if (at == TLS_NO_CERT)
		at = pick(ctx, hello, wild);
	if (at == TLS_NO_CERT && !exact && !wild)
		at = pick(ctx, hello, fallback);
	if (at == TLS_NO_CERT)
		at = any(exact ? exact : wild ? wild : fallback);
	return at;
}

/* For the log, also when what follows fails. */
static bool keep_name(struct tls_session *s, struct der name)
{
	if (name.n == 0)
		return true;
	s->sni = tls_heap_alloc_zeroed(name.n + 1);
	if (s->sni)
		memcpy(s->sni, name.p, name.n);
	return s->sni != NULL;
}

static enum tls_status begin_as(struct tls_session *s, uint16_t identity, const struct tls_hello *hello)
{
	const struct tls_ctx *ctx = s->ctx;

	if (!tls_session_start(s, &ctx->identities[identity]))
		return tls_session_refuse(s, TLS_ERR_MEMORY, tls_error_alert(TLS_ERR_MEMORY));
	tls_staple_begin(&ctx->identities[identity], hello->asks_status);
	/* TLS 1.2 without extended master secret: served, but what it leaves isn't to be resumed (RFC 7627 5.3, 5.4). */
	if (!hello->extended_master)
		wolfSSL_NoTicketTLSv12(s->library);
	/* A client without AES instructions says so by its order, and there ChaCha20 is several times as fast. */
	if (hello->prefers_chacha && ctx->chacha_list &&
	    wolfSSL_set_cipher_list(s->library, ctx->chacha_list) != WOLFSSL_SUCCESS)
		return tls_session_refuse(s, TLS_ERR_MEMORY, tls_error_alert(TLS_ERR_MEMORY));
	return TLS_OK;
}

static enum tls_status begin_with(struct tls_session *s, const struct tls_hello *hello)
{
	const struct tls_ctx *ctx = s->ctx;
	uint16_t identity;
	bool unknown;

	if (!keep_name(s, hello->name))
		return tls_session_refuse(s, TLS_ERR_MEMORY, tls_error_alert(TLS_ERR_MEMORY));
	if (hello->fallback && hello->version < ctx->max_version)
		return tls_session_refuse(s, TLS_ERR_FALLBACK, tls_error_alert(TLS_ERR_FALLBACK));
	/* The library would ask for a group that the client doesn't have, by a HelloRetryRequest; RFC 8446 4.1.1 doesn't. */
	if (hello->version == TLS_VERSION_1_3 && ctx->max_version == TLS_VERSION_1_3 && !(hello->groups & ctx->groups))
		return tls_session_refuse(s, TLS_ERR_CIPHER, tls_error_alert(TLS_ERR_CIPHER));
	identity = choose(ctx, hello, &unknown);
	if (unknown && ctx->require_name)
		return tls_session_refuse(s, TLS_ERR_SNI, tls_error_alert(TLS_ERR_SNI));
	if (hello->protocols.n > 0 && ctx->alpn[0] && !tls_hello_speaks(hello, ctx->alpn))
		return tls_session_refuse(s, TLS_ERR_ALPN, tls_error_alert(TLS_ERR_ALPN));
	return begin_as(s, identity, hello);
}

enum tls_status tls_session_begin(struct tls_session *s)
{
	uint32_t bytes = chain_peek(&s->in, tls_worker->gather, sizeof(tls_worker->gather));
	struct tls_hello hello;
	struct der body;

	switch (tls_hello_join(tls_worker->gather, bytes, &body)) {
	case TLS_HELLO_MORE:
		/* The caller may queue no more than this (TLS_INPUT_MIN_BYTES); no client says so much. */
		if (bytes == sizeof(tls_worker->gather))
			return tls_session_refuse(s, TLS_ERR_HELLO_TOO_LONG, tls_error_alert(TLS_ERR_HELLO_TOO_LONG));
		return TLS_WANT_INPUT;
	case TLS_HELLO_NONE:
		return begin_as(s, 0, &(struct tls_hello){ 0 });	/* which refuses it */
	case TLS_HELLO_WHOLE:
		break;
	}
	if (!tls_hello_read(body, &hello))
		return tls_session_refuse(s, TLS_ERR_HANDSHAKE, ALERT_DECODE_ERROR);
	return begin_with(s, &hello);
}
