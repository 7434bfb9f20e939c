/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A TLS client and server face to face in memory: what one puts out is cut into
 * pieces and put into the other.
 *
 * Threads: one; both sessions are of the same worker unless a test says otherwise.
 */
#pragma once

#include "eal.h"
#include "tls/context.h"
#include "tls/tickets.h"
#include "tls/tls.h"

#include <rte_mbuf.h>
#include <rte_mempool.h>

#define PAIR_HEAP_BYTES (16u * 1024 * 1024)

struct pair {
	struct tls_session *client, *server;
	uint64_t seed;			/* of the cutting */
	uint32_t chunk_min, chunk_max;	/* bytes of a piece */
	uint64_t to_server_bytes, to_client_bytes;
};

/* The library, a worker's heap, a pool of mbufs. */
void pair_start(void);
void pair_stop(void);
struct rte_mempool *pair_mempool(void);
/* The second choice among libraries (tls/wolfssl/recipe) lacks some of what the first can. */
bool pair_library_is_older(void);

/* A certificate of the given kind ("p256", "rsa2048", ...), self-signed, for imap.example.test. */
struct tls_cert *pair_cert(const char *kind);
/* The same for other names, the first of which is the common name; with @n 1 there are no alternative ones but it. */
struct tls_cert *pair_cert_for(const char *kind, const char *const *names, size_t n);
/* Contexts; they must come to be. */
struct tls_ctx *pair_server_ctx(const struct tls_cert *cert, struct tls_settings settings);
struct tls_ctx *pair_client_ctx(struct tls_settings settings);

void pair_init(struct pair *p, struct tls_ctx *client, struct tls_ctx *server);
void pair_fini(struct pair *p);
/* Carries what is there both ways, once; false: there was nothing. */
bool pair_carry(struct pair *p);
/* Until both are done or one has failed; the server's status. */
enum tls_status pair_handshake(struct pair *p);

/* A chain of @bytes, filled with a function of @offset (the stream's position). */
struct rte_mbuf *pair_bytes(uint64_t offset, uint32_t bytes);
/* A chain of the given bytes. */
struct rte_mbuf *pair_data(const void *data, uint32_t bytes);
/* Checks a chain against that function, frees it, returns its length. */
uint32_t pair_check(struct rte_mbuf *m, uint64_t offset);
/* mbufs of the pool that aren't in it. */
unsigned int pair_mbufs_out(void);
