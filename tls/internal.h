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
#include "tls/remember.h"
#include "tls/names.h"
#include "tls/peer_info.h"
#include "tls/staple.h"
#include "tls/strength.h"
#include "tls/tickets.h"
#include "tls/tls.h"
#include "tls/traffic.h"

#include <rte_mbuf.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

/* What a server is with one of its certificates; a client has one of these, with the library's part only. */
struct tls_identity {
	WOLFSSL_CTX *library;
	uint8_t binding[TLS_TICKET_BINDING_BYTES];
	struct tls_staple_place *staple;	/* its certificate's; NULL: a client's */
};

struct tls_ctx {
	uint64_t id;					/* no other context of this process has it */
	bool client, require_name, once, blind;
	uint16_t max_version;
	char *server_name;				/* NULL: none */
	char alpn[TLS_ALPN_MAX_BYTES];			/* "" none */
	struct tls_client_auth auth;
	uint32_t suites, groups;			/* bit i: tls_suites[i], tls_groups[i] may be agreed on */
	char *chacha_list;				/* the suites for a client that prefers ChaCha20; NULL: as for all */
	struct tls_names *names;			/* of a server's certificates; places in identities */
	uint32_t n_identities;
	struct tls_identity *identities;
};

struct tls_remembered {
	uint64_t key;					/* 0: none */
	struct tls_resume *session;
};

/* The calling worker. */
struct tls_worker {
	struct tls_heap *heap;
	struct rte_mempool *mbufs;
	const struct tls_tickets *tickets;
	uint64_t refused_seen;				/* of the heap's refusals, those that were told */
	struct aead_cache aeads;
	struct tls_remembered remembered[TLS_REMEMBERED_MAX];	/* remember.h */
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
	WOLFSSL *library;		/* for the handshake; NULL before a server has the ClientHello, and once it isn't needed any more */
	struct chain in, out;
	uint32_t record_left;		/* bytes of the record at hand that the library may still fetch */
	uint32_t message_left;		/* of the handshake message at hand, still to be fetched; while it is in the clear */
	uint32_t handshake_bytes;	/* fetched before the handshake was complete */
	uint32_t idle_records;		/* fetched since the last one that brought data */
	uint32_t turn_bytes;		/* what may still be read in this call: tls_read's fairness */
	bool established, peer_closed, close_sent, alert_sent;
	bool first_byte_seen;
	bool answered;			/* the library has sent something */
	bool peer_seals;		/* TLS 1.2: its change_cipher_spec has come */
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
	struct tls_peer *peer;		/* likewise */
	const struct tls_identity *identity;	/* a server's, as which it answers */
	uint8_t refused;		/* enum tls_error: what the client is to hear when the handshake is complete (peer.c) */
	bool peer_seen, peer_judged, ticket_opened;
	uint8_t ticket_iv[TLS_TICKET_IV_BYTES];	/* of the one that was opened */
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

/* session.c: the library's part, of the identity that was chosen. False: no memory. */
bool tls_session_start(struct tls_session *s, const struct tls_identity *identity);
/* The session ends with @alert to the peer, when none was sent. */
enum tls_status tls_session_refuse(struct tls_session *s, enum tls_error e, uint8_t alert);
/* begin.c: once the ClientHello is whole, a server knows as whom to answer. TLS_OK: it has begun. */
enum tls_status tls_session_begin(struct tls_session *s);

/* staple_send.c: what a server's context needs, once; and before the library reads a ClientHello that @asked or not. */
bool tls_staple_prepare(struct tls_identity *identity);
void tls_staple_begin(const struct tls_identity *identity, bool asked);

/* info.c: from the library, while it is there. False: no memory. */
bool tls_session_take_info(struct tls_session *s);
