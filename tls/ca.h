/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stand-alone certification authority: a root that signs itself, and certificates
 * of servers and clients that it signs from requests (RFC 5280). For sites without a CA of
 * their own, for the lab and for tests.
 *
 * Threads: control. Ownership: texts handed out are freed with free().
 */
#pragma once

#include "tls/pem.h"
#include "tls/request.h"

#define TLS_CA_DAYS_DEFAULT 3650u
#define TLS_ISSUE_DAYS_DEFAULT 397u	/* what browsers and Apple's clients accept at the most */
#define TLS_DAYS_MAX 36500u

/* The root's certificate as PEM. NULL with the reason in @err. */
char *tls_ca_make(struct tls_key *key, const struct tls_subject *subject, unsigned int days, time_t now, char *err,
		  size_t err_bytes);

/*
 * Signs @request: its subject and alternative names, checked, and its usage, under
 * our own extensions; nothing else that it asks for. Ends with the CA when that ends
 * earlier. NULL with the reason in @err.
 */
char *tls_ca_issue(struct der ca_pem, struct tls_key *ca_key, const struct tls_request *request, unsigned int days,
		   time_t now, char *err, size_t err_bytes);
/* The same for what this CA has signed before, @old_pem; @spki: its new key, or empty for the old one. */
char *tls_ca_renew(struct der ca_pem, struct tls_key *ca_key, struct der old_pem, struct der spki, unsigned int days,
		   time_t now, char *err, size_t err_bytes);

/* A certificate that signs itself, for tests and first tries. NULL with the reason in @err. */
char *tls_self_signed(struct tls_key *key, const struct tls_subject *subject, unsigned int days, time_t now,
		      char *err, size_t err_bytes);

/* The first certificate of a PEM text. 0, or -EINVAL with the reason. pem_block_fini in either case. */
int tls_pem_cert(struct der text, struct pem_block *b, struct x509 *x, char *err, size_t err_bytes);

/* For tls/crl.c. RFC 7093 2, method 1: the first 160 bits of the SHA-256 of the public key's bits. False: malformed. */
#define TLS_KEY_ID_BYTES 20u
bool tls_ca_key_id(struct der spki, uint8_t id[TLS_KEY_ID_BYTES]);
/* A Time of RFC 5280 4.1.2.5. */
void tls_ca_put_time(struct der_writer *w, time_t at);
