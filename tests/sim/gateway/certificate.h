/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A certification authority and a server's certificate, made once in memory by the
 * code that `postern cert` uses, and TLS contexts of both sides from them.
 *
 * Order of calls: certificate_init once, before this thread is a TLS worker; then
 * contexts at will.
 * Threads: one.
 */
#pragma once

#include <stdint.h>

struct tls_ctx;

void certificate_init(void);
struct tls_ctx *certificate_server_ctx(void);
/* A server's that wants clients' certificates of the same authority, and a client's that has one. */
#define CERTIFICATE_CLIENT "ann@example.test"
struct tls_ctx *certificate_asking_ctx(void);
struct tls_ctx *certificate_known_ctx(uint16_t max_version);
/* Verifies the server's name and chain; offers this one group for the key exchange (0: all). */
struct tls_ctx *certificate_client_ctx(uint16_t group);
/* Wants another name than the server's. */
struct tls_ctx *certificate_stranger_ctx(void);
void certificate_free_ctx(struct tls_ctx *ctx);
