/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a ClientHello tells before the library gets to it: how much work it asks for,
 * so that the cheap ones can go first when many wait; and, for the choice of the
 * certificate and for what the library doesn't look after, the name, the protocols and
 * what the client can do.
 *
 * Order of calls: tls_hello_look on what has come; tls_hello_join when the session is
 * to begin, and tls_hello_read on what that gives.
 * Threads: any; pure. Ownership: slices borrow from the bytes.
 */
#pragma once

#include "tls/der.h"

enum tls_hello_kind {
	TLS_HELLO_PART,		/* more must come before anything can be done */
	TLS_HELLO_OTHER,	/* not TLS: refusing it costs nothing */
	TLS_HELLO_RESUMES,	/* offers a ticket; whether that is good is not looked at */
	TLS_HELLO_FULL,
};

/* @stream: the first bytes that a client sent, as far as they have come. */
enum tls_hello_kind tls_hello_look(struct der stream);

enum tls_hello_joined {
	TLS_HELLO_MORE,		/* it isn't whole yet */
	TLS_HELLO_WHOLE,
	TLS_HELLO_NONE,		/* that is no ClientHello, and is the library's to refuse */
};

/*
 * Puts the first handshake message of @stream, the first @bytes that a client sent,
 * together in place: it may be spread over records (RFC 8446 5.1). @body: without its
 * header.
 */
enum tls_hello_joined tls_hello_join(uint8_t *stream, size_t bytes, struct der *body);
/* The same; with TLS_HELLO_MORE *least says with how few bytes it could be whole. */
enum tls_hello_joined tls_hello_join_least(uint8_t *stream, size_t bytes, struct der *body, size_t *least);

/* What a client can check and agree to, one bit each. */
enum tls_hello_can {
	TLS_HELLO_ECDSA_P256 = 1, TLS_HELLO_ECDSA_P384 = 2,	/* with the hash that TLS 1.3 ties to the curve */
	TLS_HELLO_ECDSA = 4,					/* with any that we have, TLS 1.2 */
	TLS_HELLO_ED25519 = 8, TLS_HELLO_RSA_PSS = 16, TLS_HELLO_RSA_PKCS1 = 32,
	TLS_HELLO_CURVE_P256 = 64, TLS_HELLO_CURVE_P384 = 128,	/* curves of keys, TLS 1.2 (RFC 8422 5.1) */
};

struct tls_hello {
	struct der name;	/* server_name's host name, RFC 6066 3; empty: none */
	struct der protocols;	/* ALPN's list, RFC 7301 3.1; empty: none. Its form was checked */
	uint32_t suites;	/* bit i: tls_suites[i] */
	uint32_t groups;	/* bit i: tls_groups[i] */
	uint32_t can;		/* enum tls_hello_can */
	uint16_t version;	/* the highest that it speaks, of those up to TLS 1.3 */
	bool fallback;		/* TLS_FALLBACK_SCSV, RFC 7507 */
	bool prefers_chacha;	/* it comes first */
	bool extended_master;	/* extended_master_secret, RFC 7627 */
	bool asks_status;	/* status_request, RFC 6066 8 */
};

/* False: malformed. */
bool tls_hello_read(struct der body, struct tls_hello *out);
/* Is one of @names ("imap" or "smtp,esmtp") among the protocols? */
bool tls_hello_speaks(const struct tls_hello *hello, const char *names);
