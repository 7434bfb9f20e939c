/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificate revocation lists, version 2 (RFC 5280 5), as the CA of tls/ca.h signs them.
 *
 * Threads: control. Ownership: texts handed out are freed with free().
 */
#pragma once

#include "tls/ca.h"

#define TLS_CRL_DAYS_DEFAULT 30u

/* RFC 5280 5.3.1, those that fit what this CA issues. */
enum tls_reason {
	TLS_REASON_UNSPECIFIED = 0, TLS_REASON_KEY_COMPROMISE = 1, TLS_REASON_CA_COMPROMISE = 2,
	TLS_REASON_AFFILIATION_CHANGED = 3, TLS_REASON_SUPERSEDED = 4, TLS_REASON_CESSATION = 5,
};

/* "keyCompromise", as the RFC has it; case doesn't matter. False: another word. */
bool tls_reason_parse(const char *word, enum tls_reason *reason);
const char *tls_reason_name(enum tls_reason reason);

struct tls_revoked {
	struct der serial;		/* big-endian */
	time_t at;
	enum tls_reason reason;
};

/* PEM of the list number @number, good until @next_update. NULL with the reason in @err. */
char *tls_crl_make(struct der ca_pem, struct tls_key *ca_key, const struct tls_revoked *all, size_t n,
		   uint64_t number, time_t now, time_t next_update, char *err, size_t err_bytes);
