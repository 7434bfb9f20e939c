/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's client as its certificate names it. The library verifies the chain and
 * that the client has the key; here its answer is taken, the lists of what is revoked
 * are asked, and who the client is goes into its session ticket, as a resumed session
 * brings no certificate.
 *
 * Order of calls: tls_peer_set_context once per identity; on each session tls_peer_begin
 * before the library's first call, tls_peer_step after each of its calls, tls_peer_complete
 * when the handshake is; tls_peer_seal and tls_peer_open from the ticket callback.
 * Threads: the session's worker. For context.c, session.c and ticket callbacks.
 */
#pragma once

#include "tls/internal.h"

/* What stands behind the library's text in a ticket; room for it: WOLFSSL_TICKET_EXTRA_PADDING_SZ (wolfssl/recipe). */
#define PEER_TICKET_MAX_BYTES 448u

/* The library's part: whom to ask for a certificate, and whom to believe. WOLFSSL_SUCCESS, or its error. */
int tls_peer_set_context(WOLFSSL_CTX *library, const struct tls_client_auth *auth);
void tls_peer_begin(struct tls_session *s);
/* The library keeps a chain's CAs for good once it has verified them; they serve one handshake here. */
void tls_peer_step(struct tls_session *s, const struct tls_identity *identity);
/* Is the client still welcome? TLS_ERR_NONE, or why not: the handshake is complete, and ends with an alert. */
enum tls_error tls_peer_complete(struct tls_session *s);
void tls_peer_free(struct tls_session *s);

/* Appends the client to a ticket's @text of @bytes, with room for @max_bytes. Its new length; 0: no room. */
size_t tls_peer_seal(const struct tls_session *s, uint8_t *text, size_t bytes, size_t max_bytes);
/* Takes the client out of it. The length of what is the library's; 0: this ticket won't do. */
size_t tls_peer_open(struct tls_session *s, const uint8_t iv[TLS_TICKET_IV_BYTES], const uint8_t *text, size_t bytes);
