/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library's own record layer as the other end of a session of ours: a WOLFSSL
 * object, client or server, whose bytes pass through two buffers.
 *
 * Order of calls: reference_init; reference_handshake; then its functions and ours;
 * reference_fini.
 * Threads: one, a worker's.
 */
#pragma once

#include "tls/internal.h"
#include "tls_pair.h"

#define REFERENCE_BYTES (1u << 17)

struct reference {
	WOLFSSL_CTX *ctx;
	WOLFSSL *library;
	uint32_t chunk_min, chunk_max;	/* bytes of the mbufs that ours gets */
	uint64_t seed;
	uint32_t in_at, in_bytes, out_bytes;
	uint8_t in[REFERENCE_BYTES], out[REFERENCE_BYTES];
};

/* @cert: a server's; NULL: a client. @suite: the only one it offers; NULL: any. */
void reference_init(struct reference *r, const struct tls_cert *cert, const struct tls_suite *suite);
void reference_fini(struct reference *r);
/* Both to the end; it must come to be. */
void reference_handshake(struct reference *r, struct tls_session *ours);
/* Carries what is there both ways, once; false: there was nothing. */
bool reference_carry(struct reference *r, struct tls_session *ours);
