/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AES-GCM with the processor's 512-bit AES and carry-less multiplication (VAES,
 * VPCLMULQDQ, AVX-512), by libipsec-mb: more than twice as fast as wolfCrypt's,
 * which uses the 128-bit ones. Only for where all of this is there; wolfCrypt's
 * answers are what it has to give, and is what does the work everywhere else.
 *
 * Texts in one piece only: each call of that library writes to a variable of the
 * whole process (its error number), which costs more than copying once several
 * workers do so for each packet.
 *
 * Order of calls: gcm_wide_init; the others only if that said that it is usable.
 * Threads: gcm_wide_init by control before the workers run; the rest by any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_WIDE_KEY_BYTES 1280u	/* at least the library's gcm_key_data */

/* Round keys, and powers of the hash key. Wiped by its owner. */
struct gcm_wide_key {
	_Alignas(64) uint8_t made[GCM_WIDE_KEY_BYTES];
	uint32_t key_bytes;		/* 16 or 32 */
};

/* Looks for library and instructions, and compares its answers with wolfCrypt's. Takes some 2 ms. */
void gcm_wide_init(void);
bool gcm_wide_usable(void);
/* For people: "libipsec-mb 1.3.0", or why it isn't usable. */
const char *gcm_wide_says(void);

/* @key_bytes: 16 or 32. */
void gcm_wide_set_key(struct gcm_wide_key *key, const uint8_t *bytes, uint32_t key_bytes);

/* In place (NIST SP 800-38D 7); a nonce of 12 bytes. @bytes may be 0, @text not NULL. */
void gcm_wide_seal(const struct gcm_wide_key *key, const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes,
		   uint8_t *text, uint32_t bytes, uint8_t tag[16]);
/* Decrypts, and gives the tag that the text should have had: the caller compares. */
void gcm_wide_open(const struct gcm_wide_key *key, const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes,
		   uint8_t *text, uint32_t bytes, uint8_t tag[16]);
