/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the CA of a store's folder has signed: ca/index.txt, a line for each
 * certificate, in the form of OpenSSL's CA database, so that its tools (`openssl
 * ocsp -index`) read it, too; ca/issued/SERIAL.pem, the certificates; and
 * ca/crlnumber, the number of the next revocation list.
 *
 * A certificate stands in the index before it leaves the CA: after a crash there may
 * be a line without a certificate, but never a certificate without its line.
 *
 * Order of calls: tls_store_lock; tls_ca_index_load; changes; tls_ca_index_save;
 * then what follows from them; tls_ca_index_fini.
 * Threads: control. Ownership: entries borrow from the index until its next change.
 */
#pragma once

#include "tls/crl.h"
#include "tls/store.h"

#define TLS_CA_INDEX "ca/index.txt"
#define TLS_CA_CRL "ca/crl"		/* .pem and .crl */
#define TLS_SERIAL_MAX_BYTES 20u	/* RFC 5280 4.1.2.2 */
#define TLS_SERIAL_TEXT_BYTES (TLS_SERIAL_MAX_BYTES * 2 + 1)

struct tls_issued {
	char name[TLS_STORE_NAME_MAX + 1];	/* of the store; "" when not known */
	char serial[TLS_SERIAL_TEXT_BYTES];	/* hexadecimal, capital, whole bytes */
	char *subject;
	time_t not_after;
	time_t revoked_at;			/* 0: it isn't */
	enum tls_reason reason;
};

struct tls_ca_index {
	struct tls_issued *all;			/* in the order in which they were issued */
	size_t n;
};

/* Reads it; none there yet is an empty one. 0, or -errno with the reason, which names the line. */
int tls_ca_index_load(const char *dir, struct tls_ca_index *index, char *err, size_t err_bytes);
void tls_ca_index_fini(struct tls_ca_index *index);
/* Adds a certificate. 0; -EEXIST: its serial is taken; -ENOMEM; -EINVAL; each with the reason. */
int tls_ca_index_add(struct tls_ca_index *index, const struct x509 *cert, const char *name, char *err, size_t err_bytes);
/* Writes it, in one step that lasts. 0, or -errno with the reason. */
int tls_ca_index_save(const char *dir, const struct tls_ca_index *index, char *err, size_t err_bytes);

/* By serial, in either case, with or without colons and leading zeros. NULL: none. */
struct tls_issued *tls_ca_index_lookup(const struct tls_ca_index *index, const char *serial);
void tls_serial_format(struct der serial, char text[TLS_SERIAL_TEXT_BYTES]);

/* Keeps a copy under its serial. 0, or -errno with the reason. */
int tls_ca_keep(const char *dir, const char *serial, const char *pem, char *err, size_t err_bytes);
/* Its text, free it; NULL with the reason. */
char *tls_ca_kept(const char *dir, const char *serial, size_t *bytes, char *err, size_t err_bytes);

/* A number for a list that no other list has had, also after a crash. 0, or -errno with the reason. */
int tls_crl_number_next(const char *dir, uint64_t *number, char *err, size_t err_bytes);
/* PEM of the list of all that is revoked. NULL with the reason. */
char *tls_ca_index_crl(const struct tls_ca_index *index, struct der ca_pem, struct tls_key *ca_key, uint64_t number,
		       time_t now, unsigned int days, char *err, size_t err_bytes);
