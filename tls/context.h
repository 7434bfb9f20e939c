/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the TLS sessions of one rule share: versions, algorithms, certificates. One
 * context per worker and rule: the library counts a context's sessions in it, and
 * a count that two workers write would be fought over.
 *
 * Order of calls: tls_ctx_new by control; tls_session_new (tls.h) by its one
 * worker; tls_ctx_free by control once no session of it is left, which is the
 * caller's to know.
 * Threads: as above; after tls_ctx_new it isn't written by control any more.
 * Ownership: everything given is copied.
 */
#pragma once

#include "tls/cert.h"
#include "tls/strength.h"

#define TLS_ALPN_MAX_BYTES 256u
#define TLS_VERSION_1_2 0x0303u
#define TLS_VERSION_1_3 0x0304u

struct tls_ctx;
struct tls_trust;	/* tls/trust.h */

/* What a server wants to know of its clients. An optional certificate that is shown must be good, too. */
struct tls_client_auth {
	enum { TLS_CLIENT_AUTH_NONE, TLS_CLIENT_AUTH_OPTIONAL, TLS_CLIENT_AUTH_REQUIRED } mode;
	unsigned int depth;		/* the most CAs between the client's certificate and one of the bundle */
	bool ended_crl;			/* a revocation list serves on when its next one is due */
	const struct tls_trust *trust;	/* borrowed: must outlive the context */
};

struct tls_settings {
	bool client;			/* else a server */
	uint16_t min_version;		/* TLS_VERSION_...; 0: 1.2 */
	uint16_t max_version;		/* 0: 1.3 */
	unsigned int strength_bits;	/* nothing weaker is offered: 112, 128, 192; 0: 128 */
	/* IANA's numbers in order of preference, up to a 0; none: all that are strong enough (strength.h). */
	uint16_t suites[TLS_SUITES_MAX], groups[TLS_GROUPS_MAX];
	/*
	 * Names in order of preference, by comma: "imap"; NULL: none. A client that
	 * names only others is refused (RFC 7301 3.2).
	 */
	const char *alpn;
	const char *binding;		/* tickets open under the same binding only: the rule's name. NULL: "" */
	bool require_name;		/* server: refuse a client that asks for a name that no certificate holds */
	struct tls_client_auth auth;	/* server */

	/* A client's: */
	const char *ca_pem;		/* who may have signed the server's certificate; NULL: it is not verified */
	const char *server_name;	/* sent as SNI, and the certificate must hold it; NULL: neither */
	/*
	 * For load generators: neither the certificate, its name nor the server's signature
	 * is checked, so that the client costs less than the server. Not with ca_pem.
	 */
	bool blind;
	bool once;			/* its sessions will never be resumed: some 5 KB less each (not for tls/resume.h) */
};

/* @cert: a server's, required; a client's, which it shows when it is asked, or NULL. NULL with the reason for a person in @err. */
struct tls_ctx *tls_ctx_new(const struct tls_cert *cert, const struct tls_settings *settings, char *err,
			    size_t err_bytes);
/*
 * A server with several: which of them a client gets depends on the name that it asks
 * for, and on the kinds of key that it can use: of those with that name the first with
 * an elliptic curve's, else the first with RSA's. The first of all is for clients that
 * name none, or one that isn't known.
 */
struct tls_ctx *tls_ctx_new_server(const struct tls_cert *const *certs, size_t n_certs,
				   const struct tls_settings *settings, char *err, size_t err_bytes);
void tls_ctx_free(struct tls_ctx *ctx);

/* Is the certificate strong enough? 0, or -EINVAL with the reason: for a check of rules before contexts are made. */
int tls_cert_check_strength(const struct tls_cert *cert, unsigned int strength_bits, char *err, size_t err_bytes);
