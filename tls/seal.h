/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private keys under a passphrase: encrypted PKCS#8 (RFC 5958 3) by PBES2 (RFC 8018):
 * PBKDF2 with HMAC-SHA-256 and AES-256 in CBC mode, as every tool reads it.
 *
 * A passphrase is any bytes, as typed. Opening also takes AES-128 and AES-192,
 * and PBKDF2 over SHA-1, SHA-384 and SHA-512.
 *
 * Threads: control.
 */
#pragma once

#include "tls/der.h"

/* OWASP's number for PBKDF2 with HMAC-SHA-256 (2023): some tenths of a second. */
#define TLS_SEAL_ROUNDS 600000u
#define TLS_SEAL_ROUNDS_MAX 5000000u	/* what a file may ask of us */

/* EncryptedPrivateKeyInfo around @pkcs8, in @out of @out_bytes (its length and 256 are enough). *sealed borrows. 0, or -EIO. */
int tls_seal(struct der pkcs8, struct der passphrase, uint8_t *out, size_t out_bytes, struct der *sealed);
/*
 * What is in it, in @out of at least @sealed's length; *pkcs8 borrows. 0; -EACCES: the
 * passphrase is wrong; -ENOTSUP: another algorithm, named in *why; -EINVAL: malformed.
 */
int tls_unseal(struct der sealed, struct der passphrase, uint8_t *out, struct der *pkcs8, const char **why);
