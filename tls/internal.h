/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What session.c, session_io.c and context.c share and nobody else sees: the
 * insides of contexts and sessions, and the calling worker's own state.
 *
 * Threads: one worker. wolfssl/options.h comes before every header of the library.
 */
#pragma once

#include "tls/context.h"
#include "tls/heap.h"
#include "tls/tickets.h"
#include "tls/tls.h"

#include <rte_mbuf.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

struct tls_ctx {
	WOLFSSL_CTX *library;
	bool client, require_name, blind;
	char *server_name;				/* NULL: none */
	char alpn[TLS_ALPN_MAX_BYTES];			/* "" none */
	uint8_t binding[TLS_TICKET_BINDING_BYTES];
	uint8_t *leaf_der;				/* for require_name */
	struct x509 leaf;
};

/* The calling worker. */
struct tls_worker {
	struct tls_heap *heap;
	struct rte_mempool *mbufs;
	const struct tls_tickets *tickets;
	uint64_t refused_seen;				/* of the heap's refusals, those that were told */
	struct rte_mbuf *spare;				/* an empty one, so that a read that finds nothing costs no allocation */
	uint8_t gather[TLS_RECORD_MAX_BYTES];		/* one record's plaintext, from many mbufs */
};
extern __thread struct tls_worker *tls_worker;

struct tls_session {
	struct tls_ctx *ctx;
	WOLFSSL *library;
	struct rte_mbuf *in, *in_tail, *out, *out_tail;	/* chains; lengths are kept in the two fields below */
	uint32_t in_bytes, out_bytes;
	uint32_t record_left;		/* bytes of the record at hand that the library may still fetch */
	uint32_t handshake_bytes;	/* fetched before the handshake was complete */
	uint32_t idle_records;		/* fetched since the last one that brought data */
	uint32_t turn_bytes;		/* what the library may fetch in this call: tls_read's fairness */
	bool established, peer_closed, close_sent, throttled, alert_sent;
	bool first_byte_seen, first_record_seen, refused_name;
	uint8_t error;			/* enum tls_error */
	uint8_t alert;			/* of the peer's; TLS_ALERT_NONE */
	char *sni;			/* from the worker's heap; NULL: none came */
};

/* session_io.c: the library's way to the queues. */
int tls_session_recv(WOLFSSL *library, char *buf, int bytes, void *session);
int tls_session_send(WOLFSSL *library, char *buf, int bytes, void *session);
/* Appends ciphertext. False: no mbuf. */
bool tls_session_emit(struct tls_session *s, const uint8_t *data, uint32_t bytes);
void tls_session_drop_queues(struct tls_session *s);
/* The first bytes of what is queued, without taking them; how many there were. */
uint32_t tls_session_peek(const struct tls_session *s, uint8_t *to, uint32_t bytes);
/* An empty mbuf of the worker's; NULL: none left. */
struct rte_mbuf *tls_worker_mbuf(void);

/* session.c: with the first record, which is queued as a whole; then from the library's callback. */
void tls_session_take_name(struct tls_session *s, uint32_t record_bytes);
int tls_session_on_name(WOLFSSL *library, int *alert, void *ctx);
