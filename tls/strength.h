/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How strong each algorithm is, in bits, and what may be offered at a required
 * strength. Source: NIST SP 800-57 Part 1 Rev. 5, table 2 (ciphers, RSA and
 * elliptic-curve key sizes) and table 3 (hashes).
 *
 * A cipher suite counts as the weaker of its cipher (key length) and of its hash
 * where that must resist collisions (half its length): the transcript that the
 * server signs is hashed with it. So AES-256 with SHA-384 is 192, ChaCha20 with
 * SHA-256 is 128, and nothing in TLS 1.2 or 1.3 reaches 256. The post-quantum
 * hybrids count as their classical half, until SP 800-57 rates ML-KEM.
 *
 * Only AEAD suites with ephemeral elliptic-curve keys stand here (RFC 9325 4.2).
 *
 * Threads: any; constant tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_STRENGTH_MIN_BITS 112u	/* RSA 2048 */
#define TLS_STRENGTH_DEFAULT_BITS 128u
#define TLS_STRENGTH_MAX_BITS 192u

enum aead_kind {
	AEAD_AES_128_GCM,	/* RFC 5116 5.1 */
	AEAD_AES_256_GCM,	/* RFC 5116 5.2 */
	AEAD_CHACHA20_POLY1305,	/* RFC 8439 */
};

enum tls_auth { TLS_AUTH_ANY, TLS_AUTH_ECDSA, TLS_AUTH_RSA };	/* which signatures a TLS 1.2 suite is for; ECDSA's also Ed25519 */

struct tls_suite {
	uint16_t id;			/* IANA */
	uint16_t version;		/* 0x0304 or 0x0303 */
	unsigned int bits;
	enum aead_kind cipher;
	enum tls_auth auth;
	const char *library_name;	/* as wolfSSL's cipher list has it; in TLS 1.2 OpenSSL's name, too */
	const char *iana_name;
};

struct tls_group {
	uint16_t id;			/* IANA supported group */
	unsigned int bits;
	const char *name;		/* IANA */
};

/* In our order of preference. */
extern const struct tls_suite tls_suites[];
extern const size_t tls_suites_count;
extern const struct tls_group tls_groups[];
extern const size_t tls_groups_count;

#define TLS_SUITES_MAX 16u	/* room for the tables, and a 0 behind them */
#define TLS_GROUPS_MAX 8u

/* NULL: not in the table. */
const struct tls_suite *tls_suite_lookup(uint16_t id);
const struct tls_group *tls_group_lookup(uint16_t id);
/* By IANA's name or OpenSSL's; a group's also as NIST and SEC call it. Case doesn't count. NULL: not in the table. */
const struct tls_suite *tls_suite_by_name(const char *name);
const struct tls_group *tls_group_by_name(const char *name);

/* A strength that a rule may ask for: 112, 128 or 192. */
bool tls_strength_known(unsigned int bits);

/* Strength of a key with @key_bits (modulus, or order of the curve); 0: less than anything in the table. */
unsigned int tls_strength_of_rsa(unsigned int key_bits);
unsigned int tls_strength_of_curve(unsigned int key_bits);
