/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The random numbers of TLS: one generator per thread, in place of wolfSSL's own.
 *
 * wolfSSL would give each session a Hash-DRBG: seeded by a system call, tested,
 * a global mutex on the way, and a getpid on each use; about a tenth of a whole
 * handshake. The library is therefore built with CUSTOM_RAND_GENERATE_BLOCK
 * naming tls_rng_generate.
 *
 * Construction: "fast key erasure" (D. J. Bernstein, 2017) over ChaCha20 (RFC
 * 8439). 256 bits from getrandom(2) key the cipher; of each 1024-byte stretch of
 * key stream the first 32 bytes become the next key at once and the rest is
 * output, each byte of which is erased as it is handed out. So what is in memory
 * says nothing of what was generated before. Fresh entropy is mixed in every
 * 1 MB of output, at the thread's first use, and in a forked child before its
 * first output, which therefore never repeats its parent's.
 *
 * Threads: any; no state is shared.
 */
#pragma once

/* 0, or a negative error of the library when the kernel gives no entropy. */
int tls_rng_generate(unsigned char *out, unsigned int out_bytes);
