/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the TLS library can do on this machine: that it computes rightly, which
 * instructions of the processor it uses, and how fast it is with them. A library
 * without AES instructions encrypts some thirty times slower and looks healthy
 * otherwise, so posternd says what it found and refuses such a one.
 *
 * Order of calls: tls_selftest_answers is called by tls_init; the rest after it.
 * Threads: control, before the workers run (the measurements want a quiet core).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Known answers of the cipher, the hash and the generator. NULL: all right; else what isn't. */
const char *tls_selftest_answers(void);

struct tls_selftest {
	const char *version;		/* "5.9.2" */
	char features[256];		/* "TLS 1.2, TLS 1.3, X25519MLKEM768, ..." */
	char instructions[128];		/* of the processor, that the library uses: "aesni avx2 ..." */
	bool aes_instructions;		/* AES and carry-less multiplication, compiled in and present */
	const char *wide;		/* gcm_wide_says */
	double aes128_gcm_mb_s;		/* records of 16 KB, one core */
	double p256_signs_s;
};

/* Takes up to 40 ms. */
void tls_selftest_run(struct tls_selftest *out);

/*
 * What no server can do without in a full handshake of TLS 1.3 with a P-256 key and
 * X25519, in microseconds, the best of many: its signature, its key pair, the secret.
 */
struct tls_selftest_floor {
	double sign_us, key_us, secret_us;
};

/* Takes some 60 ms. Zeros: the library failed. */
void tls_selftest_floor(struct tls_selftest_floor *out);

/* Of the TLS library alone, without a test: "5.9.2". */
const char *tls_library_version(void);
