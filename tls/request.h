/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificate requests, PKCS#10 (RFC 2986): made from what an operator typed, and
 * read, from our own tool or any other, with their signature verified.
 *
 * Threads: control. Ownership: texts handed out are freed with free(); a struct
 * tls_request with tls_request_fini.
 */
#pragma once

#include "tls/key.h"

#define TLS_ALT_NAMES_MAX 64u

/* What a certificate is to say of its owner; NULL: nothing. UTF-8. */
struct tls_subject {
	const char *common_name;	/* at most 64 characters */
	const char *organisation, *unit, *city, *state;
	const char *country;		/* two letters, ISO 3166 */
	const char *email;
	const char *const *alt_names;	/* host names ("*." may lead) and IP addresses */
	size_t n_alt_names;
	unsigned int usage;		/* enum tls_usage; 0: a server. A client may be without a host name */
	const char *const *permitted;	/* a CA: all that it may sign for; tls/constraints.h */
	size_t n_permitted;
};

/* What a certificate is for, RFC 5280 4.2.1.12. */
enum tls_usage { TLS_USAGE_SERVER = 1, TLS_USAGE_CLIENT = 2, TLS_USAGE_BOTH = 3 };

/*
 * PEM text. The common name is also the first alternative name when it is a host name
 * or an address. NULL with the reason in @err.
 */
char *tls_request_make(struct tls_key *key, const struct tls_subject *subject, char *err, size_t err_bytes);

struct tls_request {
	struct x509 x;
	uint8_t *der;
	unsigned int usage;		/* enum tls_usage: what the CA is to grant; a server's when read */
};

/* The request in a PEM text, or its DER, its signature verified. 0, or -EINVAL with the reason in @err. */
int tls_request_read(struct der text, struct tls_request *out, char *err, size_t err_bytes);
void tls_request_fini(struct tls_request *r);

/* Is it a host name as a certificate may hold it ("*." may lead)? */
bool tls_host_name_valid(const char *name);

/* For tls/ca.c: the Name of @subject; its GeneralNames. Both check what they write. 0, or -EINVAL with the reason. */
int tls_subject_put_name(struct der_writer *w, const struct tls_subject *subject, char *err, size_t err_bytes);
int tls_subject_put_alt_names(struct der_writer *w, const struct tls_subject *subject, char *err, size_t err_bytes);
/* The ExtendedKeyUsage extension for bits of enum tls_usage. */
void tls_usage_put(struct der_writer *w, unsigned int usage);
/* One Extension around the value that was put since @mark. */
void tls_extension_wrap(struct der_writer *w, struct der oid, bool critical, size_t mark);
/* Signs what lies in @tbs and gives the whole as PEM text; NULL: memory, or the key can't sign. */
char *tls_sign_pem(struct tls_key *key, struct der tbs, const char *label);
