/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of a rule's certificates speaks for a host name: a hash of all their names,
 * made once, so that a look-up costs two probes however many there are.
 *
 * Names are a certificate's dNSNames; its common name only when it has none (RFC 9525
 * 6.3 has clients ignore that, but a server must choose something). A "*" counts as
 * the whole left-most label only (RFC 9525 6.3). Of two certificates with one name and
 * one kind of key the first given wins.
 *
 * Threads: made by control, then read by anyone. Ownership: everything is copied.
 */
#pragma once

#include "tls/cert.h"

#define TLS_NAME_MAX_BYTES 253u	/* RFC 1035 3.1, as text without the last dot */
#define TLS_NAMES_MAX 65536u	/* of all certificates of a rule together */
#define TLS_CERTS_MAX 1024u	/* of a rule */
#define TLS_NO_CERT UINT16_MAX
#define TLS_KEY_TYPES (TLS_KEY_ED25519 + 1)

struct tls_names;

/* Certificates by the kind of their key: places in the list, or TLS_NO_CERT. */
struct tls_name_certs {
	uint16_t by_key[TLS_KEY_TYPES];
};

/* NULL with the reason in @err: too many names, no memory. */
struct tls_names *tls_names_new(const struct tls_cert *const *certs, size_t n, char *err, size_t err_bytes);
void tls_names_free(struct tls_names *names);

/* Those that hold @host itself, or "*" in the place of its first label. Case and a last dot don't count. NULL: none. */
const struct tls_name_certs *tls_names_exact(const struct tls_names *names, struct der host);
const struct tls_name_certs *tls_names_wildcard(const struct tls_names *names, struct der host);
/* For a client that names no host that is known: the first certificate, and those of other keys with its first name. */
const struct tls_name_certs *tls_names_default(const struct tls_names *names);

/* @host in lower case, without a last dot: *@out lies in @buf. False: too long, empty, or with a NUL. */
bool tls_name_normalize(struct der host, uint8_t buf[TLS_NAME_MAX_BYTES], struct der *out);
