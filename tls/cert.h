/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's certificate: its chain and its private key, checked together before
 * anything is published with them, so that what is wrong is said to the operator
 * who brings it and not to every client that connects.
 *
 * Order of calls: tls_init first (tls.h); tls_cert_load; tls_cert_free when no
 * struct tls_ctx is to be made of it any more (a context keeps its own copy).
 * Threads: control only. Ownership: what is handed out borrows from the struct.
 */
#pragma once

#include "tls/key.h"

#define TLS_CERT_CHAIN_MAX 10u
#define TLS_CERT_FILE_MAX_BYTES (256u * 1024)
#define TLS_CERT_NAME_BYTES 256u

struct tls_cert_info {
	char common_name[TLS_CERT_NAME_BYTES];	/* "" when the subject has none */
	char subject[TLS_CERT_NAME_BYTES], issuer[TLS_CERT_NAME_BYTES];
	char **alt_names;			/* texts: "imap.example.test", "192.0.2.1" */
	size_t n_alt_names;
	char **dns_names;			/* of these the host names, "*.example.test" among them; for the choice by SNI */
	size_t n_dns_names;
	time_t not_before, not_after;
	enum tls_key_type key_type;
	unsigned int key_bits, strength_bits;	/* strength: tls/strength.h */
	char fingerprint[32 * 3];		/* SHA-256, "AB:CD:..." */
	char serial[64];			/* hexadecimal; a longer one (against RFC 5280) is cut */
	size_t chain_length;
	bool self_signed;
	bool must_staple;			/* RFC 7633: clients want an OCSP response with it */
	char ocsp_url[TLS_CERT_NAME_BYTES];	/* of its CA's responder, RFC 5280 4.2.2.1; "": none, or no URL */
};

/* What doesn't keep a certificate from being used, but should be told. */
enum tls_cert_warning {
	TLS_CERT_EXPIRED = 1, TLS_CERT_NOT_YET_VALID = 2, TLS_CERT_EXPIRES_SOON = 4,	/* within 14 days */
	TLS_CERT_SELF_SIGNED = 8, TLS_CERT_NO_NAMES = 16,
};

struct tls_cert;

/* From PEM texts; the key may stand in the chain's text. NULL with the reason in @err. */
struct tls_cert *tls_cert_load(struct der chain, struct der key, char *err, size_t err_bytes);
/* The same for one that a client shows. */
struct tls_cert *tls_cert_load_client(struct der chain, struct der key, char *err, size_t err_bytes);
/*
 * From files; @key_path NULL: the key is in the chain's file. @passphrase_path: a file
 * with a passphrase a line, any of which may decrypt the key; NULL or "": there is none.
 * A key or passphrase that others may read is refused. NULL with the reason, which names
 * the file.
 */
struct tls_cert *tls_cert_load_files(const char *chain_path, const char *key_path, const char *passphrase_path,
				     char *err, size_t err_bytes);
void tls_cert_free(struct tls_cert *c);

const struct tls_cert_info *tls_cert_info(const struct tls_cert *c);
/* Bits of enum tls_cert_warning at the time @now. */
unsigned int tls_cert_warnings(const struct tls_cert *c, time_t now);
/* A sentence for one bit. */
const char *tls_cert_warning_text(enum tls_cert_warning bit);
/* Does it speak for this host? */
bool tls_cert_names_host(const struct tls_cert *c, const char *name);

/* The chain as PEM text, the server's certificate first; its DER; its key. */
const char *tls_cert_chain_pem(const struct tls_cert *c);
struct der tls_cert_leaf(const struct tls_cert *c);
/* The certificate of who issued it: the next of the chain, or what was given; empty: neither. */
struct der tls_cert_issuer(const struct tls_cert *c);
/* Takes it from a PEM text, for a chain that ends before it: of the certificates there the one that has signed. False: none has. */
bool tls_cert_give_issuer(struct tls_cert *c, struct der pem);
struct tls_staple_place *tls_cert_staple_place(const struct tls_cert *c);	/* tls/staple.h */
const struct tls_key *tls_cert_key(const struct tls_cert *c);

/* SHA-256 of @data. 0, or -EIO. */
int tls_sha256(struct der data, uint8_t out[32]);
/*
 * A whole file, NUL behind it, at most TLS_CERT_FILE_MAX_BYTES. @mode: receives its
 * permission bits, or NULL. NULL with the reason in @err.
 */
char *tls_file_read(const char *path, size_t *bytes, unsigned int *mode, char *err, size_t err_bytes);
/* The same with a bound of the caller's. */
char *tls_file_read_max(const char *path, size_t max_bytes, size_t *bytes, unsigned int *mode, char *err, size_t err_bytes);
/* May only its owner, and perhaps his group, read a key file of these permissions? False with the reason in @err. */
bool tls_key_file_private(const char *path, unsigned int mode, char *err, size_t err_bytes);
