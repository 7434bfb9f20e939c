/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/internal.h"

#include "tls/peer.h"
#include "tls/strength.h"
#include "tls/trust.h"

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

static int refuse_strength(const struct reason *r, unsigned int bits)
{
	return refuse(r, "a strength of %u bits can't be required; 112, 128 and 192 can%s", bits,
		      bits == 256 ? " (no TLS cipher suite reaches 256: their best hash, SHA-384, gives 192)" : "");
}

int tls_cert_check_strength(const struct tls_cert *cert, unsigned int strength_bits, char *err, size_t err_bytes)
{
	const struct tls_cert_info *info = tls_cert_info(cert);
	const struct reason r = { err, err_bytes };

	if (strength_bits == 0)
		strength_bits = TLS_STRENGTH_DEFAULT_BITS;
	if (!tls_strength_known(strength_bits))
		return refuse_strength(&r, strength_bits);
	if (info->strength_bits < strength_bits)
		return refuse(&r, "the certificate's key (%s, %u bits) is worth %u bits of strength, and %u are required; "
				  "use %s, or require less",
			      tls_key_type_name(info->key_type), info->key_bits, info->strength_bits, strength_bits,
			      strength_bits > 128 ? "a P-384 key" : "a P-256 or RSA 3072 key");
	return 0;
}

/* What was asked for, checked and with nothing left open. */
struct plan {
	const struct tls_settings *settings;
	const struct reason *r;
	unsigned int strength_bits;
	uint16_t min_version, max_version;
	uint16_t suites[TLS_SUITES_MAX], groups[TLS_GROUPS_MAX];	/* up to a 0 */
	uint32_t suite_bits, group_bits;				/* the same, bit i: tls_suites[i], tls_groups[i] */
	char list[TLS_SUITES_MAX * 32], chacha_list[TLS_SUITES_MAX * 32];	/* the library's text of them */
};

static WOLFSSL_METHOD *method(const struct plan *p)
{
	if (p->max_version == TLS_VERSION_1_2)
		return p->settings->client ? wolfTLSv1_2_client_method() : wolfTLSv1_2_server_method();
	return p->settings->client ? wolfTLS_client_method() : wolfTLS_server_method();
}

static int plan_versions(struct plan *p)
{
	const struct tls_settings *s = p->settings;

	/* Above 128 bits only TLS 1.3: in 1.2 the hash that is signed is chosen apart from the suite. */
	p->min_version = p->strength_bits > 128 || s->min_version == TLS_VERSION_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
	p->max_version = s->max_version ? s->max_version : TLS_VERSION_1_3;
	if (p->max_version < p->min_version)
		return refuse(p->r, "the highest TLS version is below the lowest%s",
			      p->strength_bits > 128 ? " (more than 128 bits of strength need TLS 1.3)" : "");
	return 0;
}

/* Those that serve a version that is spoken: a list may name others, which are left out. */
static int plan_suites(struct plan *p)
{
	const uint16_t *asked = p->settings->suites;
	uint32_t versions = 0;
	size_t i, n = 0;

	for (i = 0; asked[0] ? asked[i] != 0 : i < tls_suites_count; i++) {
		const struct tls_suite *suite = asked[0] ? tls_suite_lookup(asked[i]) : &tls_suites[i];

		if (!suite || n == TLS_SUITES_MAX - 1)
			return refuse(p->r, "cipher suite %04x isn't known here", asked[i]);
		if (suite->bits < p->strength_bits && asked[0])
			return refuse(p->r, "cipher suite %s is worth %u bits of strength, and %u are required", suite->iana_name,
				      suite->bits, p->strength_bits);
		if (suite->bits < p->strength_bits || suite->version < p->min_version || suite->version > p->max_version)
			continue;
		p->suites[n++] = suite->id;
		p->suite_bits |= 1u << (suite - tls_suites);
		versions |= suite->version == TLS_VERSION_1_3 ? 2 : 1;
	}
	if (p->max_version == TLS_VERSION_1_3 && !(versions & 2))
		return refuse(p->r, "no cipher suite for TLS 1.3 is among those that were given");
	if (p->min_version == TLS_VERSION_1_2 && !(versions & 1))
		return refuse(p->r, "no cipher suite for TLS 1.2 is among those that were given");
	return 0;
}

static int plan_groups(struct plan *p)
{
	const uint16_t *asked = p->settings->groups;
	size_t i, n = 0;

	for (i = 0; asked[0] ? asked[i] != 0 : i < tls_groups_count; i++) {
		const struct tls_group *group = asked[0] ? tls_group_lookup(asked[i]) : &tls_groups[i];

		if (!group || n == TLS_GROUPS_MAX - 1)
			return refuse(p->r, "key exchange group %u isn't known here", asked[i]);
		if (group->bits < p->strength_bits && asked[0])
			return refuse(p->r, "key exchange group %s is worth %u bits of strength, and %u are required", group->name,
				      group->bits, p->strength_bits);
		if (group->bits < p->strength_bits)
			continue;
		p->groups[n++] = group->id;
		p->group_bits |= 1u << (group - tls_groups);
	}
	return 0;
}

static bool is_chacha(uint16_t id)
{
	return tls_suite_lookup(id)->cipher == AEAD_CHACHA20_POLY1305;
}

static void list_suites(const struct plan *p, bool chacha, bool others, char *list, size_t list_bytes)
{
	size_t at = strlen(list), i;

	for (i = 0; p->suites[i]; i++)
		if (is_chacha(p->suites[i]) ? chacha : others)
			at += (size_t)snprintf(list + at, list_bytes - at, "%s%s", at ? ":" : "",
					       tls_suite_lookup(p->suites[i])->library_name);
}

static int plan_make(struct plan *p, const struct tls_settings *settings, const struct reason *r)
{
	int err;

	*p = (struct plan){ .settings = settings, .r = r,
			    .strength_bits = settings->strength_bits ? settings->strength_bits : TLS_STRENGTH_DEFAULT_BITS };
	if (!tls_strength_known(p->strength_bits))
		return refuse_strength(r, p->strength_bits);
	if (settings->auth.mode != TLS_CLIENT_AUTH_NONE && (settings->client || !settings->auth.trust))
		return refuse(r, "only a TLS server asks for a certificate, and only with CAs to check it by");
	if (settings->blind && (!settings->client || settings->ca_pem))
		return refuse(r, "only a TLS client without a CA can be blind");
	if (settings->alpn && strlen(settings->alpn) >= TLS_ALPN_MAX_BYTES)
		return refuse(r, "the list of ALPN names is longer than %u bytes", TLS_ALPN_MAX_BYTES - 1);
	err = plan_versions(p);
	if (err == 0)
		err = plan_suites(p);
	if (err == 0)
		err = plan_groups(p);
	list_suites(p, true, true, p->list, sizeof(p->list));
	list_suites(p, true, false, p->chacha_list, sizeof(p->chacha_list));
	if (p->chacha_list[0] != '\0')
		list_suites(p, false, true, p->chacha_list, sizeof(p->chacha_list));
	return err;
}

/* One by one: a library without the hybrid is used without it. */
static int set_groups(WOLFSSL_CTX *library, const struct plan *p)
{
	int groups[TLS_GROUPS_MAX], n = 0;
	size_t i;

	for (i = 0; p->groups[i]; i++) {
		groups[n] = p->groups[i];
		if (wolfSSL_CTX_set_groups(library, groups, n + 1) == WOLFSSL_SUCCESS)
			n++;
	}
	if (n == 0 || wolfSSL_CTX_set_groups(library, groups, n) != WOLFSSL_SUCCESS)
		return refuse(p->r, "the TLS library refuses the key exchange groups");
	return 0;
}

/* The library's callback for both directions of a ticket. */
static int ticket(WOLFSSL *library, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
		  unsigned char iv[WOLFSSL_TICKET_IV_SZ], unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int sealing,
		  unsigned char *text, int text_bytes, int *out_bytes, void *context)
{
	const struct tls_tickets *tickets = tls_worker ? tls_worker->tickets : NULL;
	const struct tls_identity *identity = context;
	struct tls_session *s = wolfSSL_GetIOReadCtx(library);
	enum tls_ticket_opened opened;
	time_t now = time(NULL);
	size_t bytes;

	if (!tickets || text_bytes <= 0)
		return sealing ? WOLFSSL_TICKET_RET_FATAL : WOLFSSL_TICKET_RET_REJECT;
	if (sealing) {
		bytes = tls_peer_seal(s, text, (size_t)text_bytes, (size_t)*out_bytes);
		*out_bytes = (int)bytes;
		return bytes > 0 && tls_ticket_seal(tickets, identity->binding, now, name, iv, mac, text, bytes) == 0 ?
			       WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_FATAL;
	}
	opened = tls_ticket_open(tickets, identity->binding, now, name, iv, mac, text, (size_t)text_bytes);
	bytes = opened == TLS_TICKET_REFUSED ? 0 : tls_peer_open(s, iv, text, (size_t)text_bytes);
	if (bytes == 0)
		return WOLFSSL_TICKET_RET_REJECT;
	*out_bytes = (int)bytes;
	switch (opened) {
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

/* Another bundle, another list of what is revoked: clients that were known by the last ones prove themselves anew. */
static void describe_clients(const struct tls_client_auth *auth, char *text, size_t text_bytes)
{
	const struct tls_trust_info *info = tls_trust_info(auth->trust);
	size_t at = (size_t)snprintf(text, text_bytes, "%d.%u.%d.", auth->mode, auth->depth, auth->ended_crl), i;

	for (i = 0; i < sizeof(info->id); i++)
		at += (size_t)snprintf(text + at, text_bytes - at, "%02x", info->id[i]);
}

/* What a ticket is bound to: all that decides whom and how this context serves. */
static int set_binding(struct tls_identity *identity, const struct tls_cert *cert, const struct plan *p)
{
	const struct tls_settings *s = p->settings;
	char text[1280], groups[TLS_GROUPS_MAX * 5] = "", clients[160] = "";
	size_t i, at = 0;
	int n;

	for (i = 0; p->groups[i]; i++)
		at += (size_t)snprintf(groups + at, sizeof(groups) - at, "%04x.", p->groups[i]);
	if (s->auth.mode != TLS_CLIENT_AUTH_NONE)
		describe_clients(&s->auth, clients, sizeof(clients));
	n = snprintf(text, sizeof(text), "postern ticket 3|%s|%04x|%04x|%u|%d|%s|%s|%s|%s|%.200s", tls_cert_info(cert)->fingerprint,
		     p->min_version, p->max_version, p->strength_bits, s->require_name, s->alpn ? s->alpn : "", p->list, groups, clients,
		     s->binding ? s->binding : "");
	if (n < 0 || n >= (int)sizeof(text))	/* else what was cut off would bind nothing */
		return refuse(p->r, "the rule's policy is too long for a ticket");
	if (tls_sha256((struct der){ (const uint8_t *)text, (size_t)n }, identity->binding) != 0)
		return refuse(p->r, "the TLS library can't hash");
	return 0;
}

static int set_certificate(WOLFSSL_CTX *library, const struct tls_cert *cert, const struct plan *p)
{
	const char *chain = tls_cert_chain_pem(cert);
	struct der key = tls_key_pkcs8(tls_cert_key(cert));
	int code;

	code = wolfSSL_CTX_use_certificate_chain_buffer(library, (const unsigned char *)chain, (long)strlen(chain));
	if (code != WOLFSSL_SUCCESS)
		return refuse_by_library(p->r, "the certificate chain is refused", code);
	code = wolfSSL_CTX_use_PrivateKey_buffer(library, key.p, (long)key.n, WOLFSSL_FILETYPE_ASN1);
	if (code != WOLFSSL_SUCCESS)
		return refuse_by_library(p->r, "the private key is refused", code);
	return 0;
}

/* How strong the keys of the peer's chain must be. */
static int set_key_strength(WOLFSSL_CTX *library, const struct plan *p)
{
	if (wolfSSL_CTX_SetMinRsaKey_Sz(library, p->strength_bits > 112 ? 3072 : 2048) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_SetMinEccKey_Sz(library, p->strength_bits > 128 ? 384 : 256) != WOLFSSL_SUCCESS)
		return refuse(p->r, "the TLS library refuses the strength of %u bits", p->strength_bits);
	return 0;
}

static int set_server(struct tls_identity *identity, const struct tls_cert *cert, const struct plan *p)
{
	int code;

	if (set_certificate(identity->library, cert, p) != 0)
		return -EINVAL;
	code = tls_peer_set_context(identity->library, &p->settings->auth);
	if (code != WOLFSSL_SUCCESS)
		return refuse_by_library(p->r, "the CAs of clients' certificates are refused", code);
	if (set_key_strength(identity->library, p) != 0)
		return -EINVAL;
	if (wolfSSL_CTX_set_TicketEncCb(identity->library, ticket) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_set_TicketEncCtx(identity->library, identity) != WOLFSSL_SUCCESS)
		return refuse(p->r, "the TLS library refuses session tickets");
	identity->staple = tls_staple_place_hold(tls_cert_staple_place(cert));
	if (!tls_staple_prepare(identity))
		return refuse(p->r, "the TLS library refuses OCSP responses");
	return set_binding(identity, cert, p);
}

/* blind: any signature will do. RSA's are cheap to check, and stay checked. */
static int believe_ecc(WOLFSSL *library, const unsigned char *signature, unsigned int signature_bytes,
		       const unsigned char *hash, unsigned int hash_bytes, const unsigned char *key,
		       unsigned int key_bytes, int *result, void *context)
{
	*result = 1;
	return 0;
}

static int set_client(struct tls_ctx *ctx, const struct tls_cert *cert, const struct plan *p)
{
	WOLFSSL_CTX *library = ctx->identities[0].library;
	const struct tls_settings *settings = p->settings;
	const struct reason *r = p->r;
	int code;

	if (settings->server_name) {
		ctx->server_name = strdup(settings->server_name);
		if (!ctx->server_name)
			return refuse(r, "out of memory");
	}
	/* A ticket is used for as long as its server says, RFC 8446 4.6.1; the library would stop after minutes. */
	if (wolfSSL_CTX_UseSessionTicket(library) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_set_timeout(library, TLS_TICKETS_LIFETIME_MAX_S) != WOLFSSL_SUCCESS)
		return refuse(r, "the TLS library refuses session tickets");
	if (set_key_strength(library, p) != 0 || (cert && set_certificate(library, cert, p) != 0))
		return -EINVAL;
	if (settings->blind) {
		wolfSSL_CTX_SetEccVerifyCb(library, believe_ecc);
		wolfSSL_CTX_SetEd25519VerifyCb(library, believe_ecc);
	}
	if (!settings->ca_pem) {
		wolfSSL_CTX_set_verify(library, WOLFSSL_VERIFY_NONE, NULL);
		return 0;
	}
	code = wolfSSL_CTX_load_verify_buffer(library, (const unsigned char *)settings->ca_pem,
					      (long)strlen(settings->ca_pem), WOLFSSL_FILETYPE_PEM);
	if (code != WOLFSSL_SUCCESS)
		return refuse_by_library(r, "the CA's certificate is refused", code);
	wolfSSL_CTX_set_verify(library, WOLFSSL_VERIFY_PEER, NULL);
	return 0;
}

static int set_common(WOLFSSL_CTX *library, const struct plan *p)
{
	if (wolfSSL_CTX_SetMinVersion(library, p->min_version == TLS_VERSION_1_3 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2) !=
		    WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_set_group_messages(library) != WOLFSSL_SUCCESS)
		return refuse(p->r, "the TLS library refuses version %04x", p->min_version);
	if (wolfSSL_CTX_set_cipher_list(library, p->list) != WOLFSSL_SUCCESS)
		return refuse(p->r, "the TLS library refuses the cipher suites %s", p->list);
	wolfSSL_CTX_set_session_cache_mode(library, WOLFSSL_SESS_CACHE_OFF);
	wolfSSL_CTX_SetIORecv(library, tls_session_recv);
	wolfSSL_CTX_SetIOSend(library, tls_session_send);
	return set_groups(library, p);
}

/* What doesn't depend on a certificate. NULL with the reason. */
static struct tls_ctx *ctx_new(const struct plan *p, size_t n_identities)
{
	struct tls_ctx *ctx = calloc(1, sizeof(*ctx));
	bool ok = ctx && (ctx->identities = calloc(n_identities, sizeof(ctx->identities[0])));

	while (ok && ctx->n_identities < n_identities) {
		WOLFSSL_CTX *library = wolfSSL_CTX_new(method(p));

		ok = library != NULL;
		if (ok)
			ctx->identities[ctx->n_identities++].library = library;
		if (ok && set_common(library, p) != 0)
			goto refused;
	}
	/* Only where it makes a difference. */
	if (ok && !p->settings->client && p->chacha_list[0] != '\0' && strcmp(p->chacha_list, p->list) != 0)
		ok = (ctx->chacha_list = strdup(p->chacha_list)) != NULL;
	if (ok)
		return ctx;
	refuse(p->r, "out of memory");
refused:
	tls_ctx_free(ctx);
	return NULL;
}

static uint64_t last_id;

static struct tls_ctx *ctx_make(const struct plan *p, size_t n_identities)
{
	struct tls_ctx *ctx = ctx_new(p, n_identities);

	if (!ctx)
		return NULL;
	ctx->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	ctx->client = p->settings->client;
	ctx->require_name = p->settings->require_name;
	ctx->blind = p->settings->blind;
	ctx->once = p->settings->once;
	ctx->max_version = p->max_version;
	ctx->suites = p->suite_bits;
	ctx->groups = p->group_bits;
	ctx->auth = p->settings->auth;
	strcpy(ctx->alpn, p->settings->alpn ? p->settings->alpn : "");
	return ctx;
}

/* In TLS 1.2 a suite is for one kind of signature: no certificate may be left without any. */
static int check_suites(const struct tls_cert *cert, const struct plan *p)
{
	enum tls_auth auth = tls_cert_info(cert)->key_type == TLS_KEY_RSA ? TLS_AUTH_RSA : TLS_AUTH_ECDSA;
	size_t i;

	if (p->min_version == TLS_VERSION_1_3)
		return 0;
	for (i = 0; p->suites[i]; i++)
		if (tls_suite_lookup(p->suites[i])->auth == auth)
			return 0;
	return refuse(p->r, "no TLS 1.2 cipher suite that was given serves a certificate with a key of type %s",
		      tls_key_type_name(tls_cert_info(cert)->key_type));
}

struct tls_ctx *tls_ctx_new_server(const struct tls_cert *const *certs, size_t n_certs,
				   const struct tls_settings *settings, char *err, size_t err_bytes)
{
	const struct reason r = { err, err_bytes };
	struct tls_ctx *ctx;
	struct plan p;
	size_t i;

	if (n_certs == 0)
		refuse(&r, "a TLS server needs a certificate");
	if (n_certs == 0 || plan_make(&p, settings, &r) != 0)
		return NULL;
	for (i = 0; i < n_certs; i++)
		if (tls_cert_check_strength(certs[i], p.strength_bits, err, err_bytes) != 0 || check_suites(certs[i], &p) != 0)
			return NULL;
	ctx = ctx_make(&p, n_certs);
	if (!ctx)
		return NULL;
	ctx->names = tls_names_new(certs, n_certs, err, err_bytes);
	for (i = 0; ctx->names && i < n_certs && set_server(&ctx->identities[i], certs[i], &p) == 0; i++)
		;
	if (ctx->names && i == n_certs)
		return ctx;
	tls_ctx_free(ctx);
	return NULL;
}

struct tls_ctx *tls_ctx_new(const struct tls_cert *cert, const struct tls_settings *settings, char *err,
			    size_t err_bytes)
{
	const struct reason r = { err, err_bytes };
	struct tls_ctx *ctx;
	struct plan p;

	if (!settings->client)
		return tls_ctx_new_server(&cert, cert ? 1 : 0, settings, err, err_bytes);
	if (plan_make(&p, settings, &r) != 0)
		return NULL;
	ctx = ctx_make(&p, 1);
	if (ctx && set_client(ctx, cert, &p) == 0)
		return ctx;
	tls_ctx_free(ctx);
	return NULL;
}

void tls_ctx_free(struct tls_ctx *ctx)
{
	size_t i;

	if (!ctx)
		return;
	for (i = 0; i < ctx->n_identities; i++) {
		wolfSSL_CTX_free(ctx->identities[i].library);
		tls_staple_place_release(ctx->identities[i].staple);
	}
	tls_names_free(ctx->names);
	free(ctx->identities);
	free(ctx->chacha_list);
	free(ctx->server_name);
	free(ctx);
}
