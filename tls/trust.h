/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom a server believes about its clients: the certificates of CAs, and their
 * revocation lists (RFC 5280 5). Everything is checked at loading, so that a
 * handshake only looks up.
 *
 * A list must be signed by a CA of the bundle. Where there are lists, each CA in a
 * client's chain needs one: a CA without would be one whose revocations nobody sees.
 *
 * Order of calls: tls_init (tls.h); tls_trust_load; contexts are made with it;
 * tls_trust_free when none is left.
 * Threads: made and freed by control; never written in between, read by all workers.
 * Ownership: what was given is copied.
 */
#pragma once

#include "tls/tls.h"
#include "tls/x509.h"

#define TLS_TRUST_CAS_MAX 256u
#define TLS_TRUST_CRLS_MAX 64u
#define TLS_TRUST_CRL_FILE_MAX_BYTES (16u * 1024 * 1024)	/* some 400,000 certificates */
#define TLS_TRUST_ID_BYTES 32u
#define TLS_TRUST_NAMES_MAX_BYTES 4096u

struct tls_trust;

struct tls_trust_info {
	size_t n_cas, n_crls, n_revoked;
	time_t cas_end;			/* when the last of the CAs ends */
	time_t crls_end;		/* when the first of the lists ends; 0: there are none */
	char subject[256];		/* of the first CA */
	uint8_t id[TLS_TRUST_ID_BYTES];	/* changes with anything in it: tickets are bound to it */
};

/* @cas: PEM. @crls: PEM or DER; n 0: none. NULL with the reason in @err. */
struct tls_trust *tls_trust_load(struct der cas, struct der crls, char *err, size_t err_bytes);
/* From files; @crl_path: NULL, none. NULL with the reason, which names the file. */
struct tls_trust *tls_trust_load_files(const char *ca_path, const char *crl_path, char *err, size_t err_bytes);
void tls_trust_free(struct tls_trust *t);

const struct tls_trust_info *tls_trust_info(const struct tls_trust *t);
const char *tls_trust_pem(const struct tls_trust *t);
/*
 * The CAs' names as a CertificateRequest has them (RFC 8446 4.2.4, RFC 5246 7.4.4): DER, each behind its length.
 * Empty where they would be more than TLS_TRUST_NAMES_MAX_BYTES: a part would keep the others' clients from answering.
 */
struct der tls_trust_request_names(const struct tls_trust *t);
/* Is it one of the bundle's own certificates? */
bool tls_trust_holds(const struct tls_trust *t, struct der cert);
/* Does the bundle hold a CA of this name that is in its dates at @now? */
bool tls_trust_names(const struct tls_trust *t, struct der subject, time_t now);
/*
 * What the lists say of a certificate: TLS_ERR_NONE, TLS_ERR_REVOKED, or TLS_ERR_CRL:
 * its CA has no list, or one that has ended while @ended_too is false.
 */
enum tls_error tls_trust_revoked(const struct tls_trust *t, struct der issuer, struct der serial, time_t now,
				 bool ended_too);
