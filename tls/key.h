/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private keys: made, read, written, used to sign; and signatures checked
 * against a public key. RSA (2048 bits and more), P-256, P-384 and Ed25519.
 *
 * Order of calls: tls_init first (tls.h).
 * Threads: control only. Ownership: tls_key_free zeroes what it frees; slices
 * handed out borrow from the key.
 */
#pragma once

#include "tls/x509.h"

struct tls_key;

#define TLS_KEY_RSA_MIN_BITS 2048u
#define TLS_KEY_RSA_MAX_BITS 4096u	/* the library is built for no more */
#define TLS_SIGNATURE_MAX_BYTES 512u
#define TLS_KEY_PASSPHRASES_MAX 16u

/* "p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096". False: another word. */
bool tls_key_type_parse(const char *word, enum tls_key_type *type, unsigned int *bits);
/* "P-256", "RSA". */
const char *tls_key_type_name(enum tls_key_type type);

/* @bits counts for RSA only. NULL with the reason in @err. */
struct tls_key *tls_key_generate(enum tls_key_type type, unsigned int bits, char *err, size_t err_bytes);
/* The first private key in the text (PKCS#8, or the older RSA and EC forms). NULL with the reason in @err. */
struct tls_key *tls_key_from_pem(struct der text, char *err, size_t err_bytes);
/* The same, where the key may be encrypted with one of these passphrases, a line each (empty: it may not be). */
struct tls_key *tls_key_from_sealed(struct der text, struct der passphrases, char *err, size_t err_bytes);
/* Is the first private key in the text one that needs a passphrase? */
bool tls_key_is_sealed(struct der text);
void tls_key_free(struct tls_key *k);

/* PKCS#8 text, NUL-terminated: tls_key_text_free when done. NULL: no memory. */
char *tls_key_to_pem(const struct tls_key *k);
/* The same encrypted (tls/seal.h). NULL: no memory, or no random numbers. */
char *tls_key_to_sealed(const struct tls_key *k, struct der passphrase);
void tls_key_text_free(char *text);

enum tls_key_type tls_key_type(const struct tls_key *k);
unsigned int tls_key_bits(const struct tls_key *k);
struct der tls_key_pkcs8(const struct tls_key *k);
struct der tls_key_spki(const struct tls_key *k);	/* SubjectPublicKeyInfo, an element */
/* The AlgorithmIdentifier (an element) of the signatures that this key makes. */
struct der tls_key_algorithm(const struct tls_key *k);

/* Signs @message into @signature (TLS_SIGNATURE_MAX_BYTES). 0, or -EIO. */
int tls_key_sign(struct tls_key *k, struct der message, uint8_t *signature, size_t *signature_bytes);

enum tls_signature { TLS_SIGNATURE_GOOD, TLS_SIGNATURE_BAD, TLS_SIGNATURE_UNKNOWN_ALGORITHM };
/* Did the owner of @spki sign @message? @algorithm: AlgorithmIdentifier, an element. */
enum tls_signature tls_signature_check(struct der spki, struct der algorithm, struct der message,
				       struct der signature);
