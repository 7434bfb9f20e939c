/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/peer.h"

#include "tls/cert.h"
#include "tls/error.h"
#include "tls/trust.h"

#include <string.h>
#include <time.h>

/*
 * For how long tickets may go on from one to the next until the client must prove
 * itself anew (RFC 8446 4.6.1: the time since its CertificateVerify counts).
 */
#define PROOF_LIFETIME_S 86400
#define CLOCK_SLACK_S 60	/* as for tickets (tickets.c) */
#define TICKET_VERSION 1u

/* Once per handshake: who the client says it is. For the log also when it is refused. */
static bool take_leaf(struct tls_session *s, struct der leaf)
{
	struct tls_peer *p = s->peer;
	const char *why;
	struct x509 x;

	if (x509_parse(leaf, &x, &why) != 0 || (!p && !(p = tls_heap_alloc_zeroed(sizeof(*p)))))
		return false;
	s->peer = p;
	memset(p, 0, sizeof(*p));
	p->verified_at = time(NULL);
	p->not_after = x.not_after;
	x509_name_format(x.subject, p->subject, sizeof(p->subject));
	x509_name_attribute(x.subject, X509_OID_CN, p->common_name, sizeof(p->common_name));
	/* A part of a name could be another's. */
	if (strlen(p->common_name) == sizeof(p->common_name) - 1)
		p->common_name[0] = '\0';
	return tls_sha256(leaf, p->fingerprint) == 0;
}

static struct der sent(const WOLFSSL_X509_STORE_CTX *store, int nth)
{
	return (struct der){ store->certs[nth].buffer, store->certs[nth].length };
}

/*
 * The chain that the library has found good: is it short enough, unrevoked, and its CA in its dates?
 * Each must be the one before's issuer (RFC 5246 7.4.2; RFC 8446 4.4.2 wants it, too): the library
 * would take them in any order, and one that is passed over here must not be what it went by.
 */
static enum tls_error judge(struct tls_session *s, const WOLFSSL_X509_STORE_CTX *store)
{
	const struct tls_client_auth *auth = &s->ctx->auth;
	unsigned int depth = 0;
	time_t now = time(NULL);
	struct der issuer;
	enum tls_error e;
	const char *why;
	struct x509 x;

	if (x509_parse(sent(store, 0), &x, &why) != 0)
		return TLS_ERR_CERTIFICATE;
	e = tls_trust_revoked(auth->trust, x.issuer, x.serial, now, auth->ended_crl);
	for (int i = 1; e == TLS_ERR_NONE && i < store->totalCerts; i++) {
		issuer = x.issuer;
		if (x509_parse(sent(store, i), &x, &why) != 0 || !der_equal(x.subject, issuer))
			return TLS_ERR_CERTIFICATE;
		if (tls_trust_holds(auth->trust, sent(store, i))) {	/* many send the root, too */
			x.issuer = issuer;
			break;
		}
		if (++depth > auth->depth)
			return TLS_ERR_CHAIN;
		if (x.not_after < s->peer->not_after)
			s->peer->not_after = x.not_after;
		e = tls_trust_revoked(auth->trust, x.issuer, x.serial, now, auth->ended_crl);
	}
	if (e == TLS_ERR_NONE && !tls_trust_names(auth->trust, x.issuer, now))
		e = TLS_ERR_CERTIFICATE_DATES;
	return e;
}

/* The library's verdict on a certificate: on one of the chain that is bad, and on the client's own in any case. */
static int verify(int good, WOLFSSL_X509_STORE_CTX *store)
{
	struct tls_session *s = store->userCtx;

	if (store->totalCerts == 0)	/* a client without one, where it may be */
		return good;
	if (!s || !store->certs)
		return 0;
	if (!s->peer_seen)
		s->peer_seen = take_leaf(s, sent(store, 0));
	if (!s->peer_seen)
		return 0;
	if (good && store->error_depth == 0 && !s->peer_judged) {
		s->refused = (uint8_t)judge(s, store);
		s->peer_judged = true;
	}
	return good;
}

int tls_peer_set_context(WOLFSSL_CTX *library, const struct tls_client_auth *auth)
{
	const char *pem;

	if (auth->mode == TLS_CLIENT_AUTH_NONE) {
		wolfSSL_CTX_set_verify(library, WOLFSSL_VERIFY_NONE, NULL);
		return WOLFSSL_SUCCESS;
	}
	wolfSSL_CTX_set_verify(library, WOLFSSL_VERIFY_PEER |
			       (auth->mode == TLS_CLIENT_AUTH_REQUIRED ? WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), verify);
#ifdef WOLFSSL_REQUEST_NAMES	/* of tls/wolfssl/patches: the second choice among libraries hasn't it */
	if (wolfSSL_CTX_set_request_names(library, tls_trust_request_names(auth->trust).p,
					  (unsigned int)tls_trust_request_names(auth->trust).n) != WOLFSSL_SUCCESS)
		return BAD_FUNC_ARG;
#endif
	pem = tls_trust_pem(auth->trust);
	/* Dates are looked at in each handshake: a CA that ended must not take the rule's other clients with it. */
	return wolfSSL_CTX_load_verify_buffer_ex(library, (const unsigned char *)pem, (long)strlen(pem),
						 WOLFSSL_FILETYPE_PEM, 0, WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY);
}

void tls_peer_begin(struct tls_session *s)
{
	if (s->ctx->auth.mode != TLS_CLIENT_AUTH_NONE)
		wolfSSL_SetCertCbCtx(s->library, s);
}

void tls_peer_step(struct tls_session *s, const struct tls_identity *identity)
{
	if (s->ctx->auth.mode != TLS_CLIENT_AUTH_NONE)
		wolfSSL_CertManagerUnloadIntermediateCerts(wolfSSL_CTX_GetCertManager(identity->library));
}

enum tls_error tls_peer_complete(struct tls_session *s)
{
	if (s->ctx->auth.mode == TLS_CLIENT_AUTH_NONE)
		return TLS_ERR_NONE;
	/* Of a ticket that the library found wanting after all. */
	if (s->peer && s->peer->from_ticket && !s->resumed)
		tls_peer_free(s);
	if (s->refused != TLS_ERR_NONE)
		return (enum tls_error)s->refused;
	if (!s->peer && s->ctx->auth.mode == TLS_CLIENT_AUTH_REQUIRED)
		return TLS_ERR_NO_CERTIFICATE;
	if (s->peer && !s->peer->from_ticket && !s->peer_judged)
		return TLS_ERR_CERTIFICATE;	/* the library never asked: then nobody has looked at the lists */
	if (s->peer)
		s->peer->verified = true;
	return TLS_ERR_NONE;
}

void tls_peer_free(struct tls_session *s)
{
	tls_heap_release(s->peer);
	s->peer = NULL;
}

struct writer {
	uint8_t *at;
};

static void put_number(struct writer *w, uint64_t value, unsigned int bytes)
{
	while (bytes-- > 0)
		*w->at++ = (uint8_t)(value >> (8 * bytes));
}

static void put_bytes(struct writer *w, const void *from, size_t bytes)
{
	memcpy(w->at, from, bytes);
	w->at += bytes;
}

/* A text of at most 255 bytes. */
static void put_text(struct writer *w, const char *text)
{
	put_number(w, strlen(text), 1);
	put_bytes(w, text, strlen(text));
}

#define FIXED_BYTES (2u + 8u + 8u + 32u + 1u + 1u)	/* and the length behind it */
_Static_assert(FIXED_BYTES + sizeof(((struct tls_peer *)0)->common_name) + sizeof(((struct tls_peer *)0)->subject) <=
		       PEER_TICKET_MAX_BYTES, "PEER_TICKET_MAX_BYTES");
_Static_assert(sizeof(((struct tls_peer *)0)->subject) <= 256 && sizeof(((struct tls_peer *)0)->common_name) <= 256,
	       "a text's length is one byte");

size_t tls_peer_seal(const struct tls_session *s, uint8_t *text, size_t bytes, size_t max_bytes)
{
	static const struct tls_peer nobody;
	const struct tls_peer *p = s->peer ? s->peer : &nobody;
	struct writer w = { text + bytes };

	if (s->ctx->auth.mode == TLS_CLIENT_AUTH_NONE)
		return bytes;
	if (max_bytes < bytes || max_bytes - bytes < PEER_TICKET_MAX_BYTES)
		return 0;
	/* A session that is about to be refused gets a ticket that opens nothing. */
	put_number(&w, s->refused == TLS_ERR_NONE ? TICKET_VERSION : 0, 1);
	put_number(&w, s->peer != NULL, 1);
	put_number(&w, (uint64_t)p->verified_at, 8);
	put_number(&w, (uint64_t)p->not_after, 8);
	put_bytes(&w, p->fingerprint, sizeof(p->fingerprint));
	put_text(&w, p->common_name);
	put_text(&w, p->subject);
	put_number(&w, (uint64_t)(w.at - (text + bytes)), 2);
	return (size_t)(w.at - text);
}

static uint64_t get_number(struct der *in, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0 && in->n > 0) {
		value = value << 8 | *in->p++;
		in->n--;
	}
	return value;
}

static bool get_text(struct der *in, char *to, size_t to_bytes)
{
	size_t n = (size_t)get_number(in, 1);

	if (n > in->n || n >= to_bytes)
		return false;
	memcpy(to, in->p, n);
	to[n] = '\0';
	in->p += n;
	in->n -= n;
	return true;
}

/* What tls_peer_seal wrote; *has: a client with a certificate. False: not that. */
static bool parse(struct der in, struct tls_peer *p, bool *has)
{
	if (in.n < FIXED_BYTES || get_number(&in, 1) != TICKET_VERSION)
		return false;
	memset(p, 0, sizeof(*p));
	*has = get_number(&in, 1) != 0;
	p->verified_at = (time_t)get_number(&in, 8);
	p->not_after = (time_t)get_number(&in, 8);
	memcpy(p->fingerprint, in.p, sizeof(p->fingerprint));
	in.p += sizeof(p->fingerprint);
	in.n -= sizeof(p->fingerprint);
	return get_text(&in, p->common_name, sizeof(p->common_name)) && get_text(&in, p->subject, sizeof(p->subject)) && in.n == 0;
}

/* May the certificate still stand for the client? What was revoked since is another list, and so another binding. */
static bool still_good(const struct tls_session *s, const struct tls_peer *p)
{
	const struct tls_client_auth *auth = &s->ctx->auth;
	time_t now = time(NULL), lists_end = tls_trust_info(auth->trust)->crls_end;

	return now <= p->not_after && now - p->verified_at < PROOF_LIFETIME_S && p->verified_at - now <= CLOCK_SLACK_S &&
	       (lists_end == 0 || now <= lists_end || auth->ended_crl);
}

size_t tls_peer_open(struct tls_session *s, const uint8_t iv[TLS_TICKET_IV_BYTES], const uint8_t *text, size_t bytes)
{
	struct tls_peer p;
	size_t own;
	bool has;

	if (s->ctx->auth.mode == TLS_CLIENT_AUTH_NONE)
		return bytes;
	if (bytes < 2)
		return 0;
	own = (size_t)text[bytes - 2] << 8 | text[bytes - 1];
	if (own > bytes - 2 || !parse((struct der){ text + bytes - 2 - own, own }, &p, &has))
		return 0;
	if (has ? !still_good(s, &p) : s->ctx->auth.mode == TLS_CLIENT_AUTH_REQUIRED)
		return 0;
	/* Of several tickets that a client offers one is opened, so that nobody is taken for another of them. */
	if (s->ticket_opened && memcmp(s->ticket_iv, iv, TLS_TICKET_IV_BYTES) != 0)
		return 0;
	s->ticket_opened = true;
	memcpy(s->ticket_iv, iv, TLS_TICKET_IV_BYTES);
	if (has && !s->peer && !(s->peer = tls_heap_alloc_zeroed(sizeof(*s->peer))))
		return 0;
	if (has) {
		*s->peer = p;
		s->peer->from_ticket = true;
	}
	return bytes - 2 - own;
}
