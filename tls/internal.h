/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What session.c, session_io.c and context.c share and nobody else sees: the
 * insides of contexts and sessions, and the calling worker's own state.
 *
 * Threads: one worker. wolfssl/options.h comes before every header of the library.
 */
#pragma once

#include "tls/aead.h"
#include "tls/chain.h"
#include "tls/context.h"
#include "tls/heap.h"
#include "tls/strength.h"
#include "tls/tickets.h"
#include "tls/tls.h"
#include "tls/traffic.h"

#include <rte_mbuf.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

struct tls_ctx {
	WOLFSSL_CTX *library;
	bool client, require_name, once, blind;
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
	struct aead_cache aeads;
	const uint8_t *fed;				/* what the library reads before the session's queue, and its length */
	uint32_t fed_bytes;
	uint8_t gather[TLS_RECORD_MAX_BYTES + 256];	/* one record's text, from many mbufs */
};
extern __thread struct tls_worker *tls_worker;

/* A handshake message that came after the handshake, in pieces perhaps (post.c). */
struct tls_post {
	uint32_t left;		/* of its body, still to come; meaningful with header_bytes 4 */
	uint8_t header[4];	/* type and length */
	uint8_t header_bytes;
	uint8_t request;	/* a KeyUpdate's one byte */
};

struct tls_session {
	struct tls_ctx *ctx;
	WOLFSSL *library;		/* for the handshake; NULL once it isn't needed any more */
	struct chain in, out;
	uint32_t record_left;		/* bytes of the record at hand that the library may still fetch */
	uint32_t handshake_bytes;	/* fetched before the handshake was complete */
	uint32_t idle_records;		/* fetched since the last one that brought data */
	uint32_t turn_bytes;		/* what may still be read in this call: tls_read's fairness */
	bool established, peer_closed, close_sent, alert_sent;
	bool first_byte_seen, first_record_seen, refused_name;
	bool update_owed;		/* the peer asked for a KeyUpdate of ours */
	bool update_asked;		/* we asked for one of the peer's, and it hasn't come */
	bool resumed;
	uint8_t error;			/* enum tls_error */
	uint8_t alert;			/* of the peer's; TLS_ALERT_NONE */
	struct traffic_suite suite;
	struct tls_post post;
	struct traffic_keys reading, writing;
	struct traffic_keys *tickets;	/* client, TLS 1.3: the library's own keys (ticket.c); NULL: none kept */
	const struct tls_suite *agreed;
	const struct tls_group *group;	/* NULL: not known */
	char *sni, *alpn;		/* from the worker's heap; NULL: none */
};

static inline enum tls_status tls_session_fail(struct tls_session *s, enum tls_error e)
{
	if (s->error == TLS_ERR_NONE)
		s->error = (uint8_t)e;
	return TLS_FAILED;
}

/* An empty mbuf of the worker's; NULL: none left. */
static inline struct rte_mbuf *tls_worker_mbuf(void)
{
	return rte_pktmbuf_alloc(tls_worker->mbufs);
}

/* session_io.c: the library's way to the queues. */
int tls_session_recv(WOLFSSL *library, char *buf, int bytes, void *session);
int tls_session_send(WOLFSSL *library, char *buf, int bytes, void *session);
/* Appends ciphertext. False: no mbuf. */
bool tls_session_emit(struct tls_session *s, const uint8_t *data, uint32_t bytes);

/* session.c: with the first record, which is queued as a whole; then from the library's callback. */
void tls_session_take_name(struct tls_session *s, uint32_t record_bytes);
int tls_session_on_name(WOLFSSL *library, int *alert, void *ctx);

/* info.c: from the library, while it is there. False: no memory. */
bool tls_session_take_info(struct tls_session *s);
