/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS without I/O: ciphertext mbufs in, plaintext mbufs out, and the reverse.
 * The caller moves the bytes; nothing here knows of TCP, sockets or NICs, and no
 * one outside tls/ knows which record layer runs behind this.
 *
 * Order of calls, server or client side:
 *   tls_session_new
 *   tls_input + tls_handshake, until TLS_OK     (send what tls_output gives after each call)
 *   tls_input + tls_read, tls_write             (likewise)
 *   tls_close (close_notify), tls_session_free
 * After TLS_FAILED: tls_output may hold an alert to send; then free.
 *
 * Threads: a session lives on one worker, which called tls_worker_init before.
 * Ownership: mbufs passed in are consumed, mbufs handed out are the caller's.
 * Memory: sessions allocate from the worker's heap (tls/heap.h), output mbufs from
 * the worker's mempool; both are bounded, and a bound that is hit is TLS_FAILED
 * with TLS_ERR_MEMORY for this session and nothing for the others.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;
struct tls_ctx;		/* tls/context.h */
struct tls_session;
struct tls_tickets;	/* tls/tickets.h */
struct tls_peer;	/* tls/peer_info.h */

enum tls_status {
	TLS_OK,
	TLS_WANT_INPUT,	/* nothing more can be done until tls_input brings bytes */
	TLS_CLOSED,	/* the peer's close_notify arrived; what came before it was read */
	TLS_FAILED,	/* see tls_session_error */
};

/* Why a session failed; the names go into logs and statistics. */
#define TLS_ERRORS(X) \
	X(NONE, "none", "no error") \
	X(NOT_TLS, "not_tls", "the client's first bytes were not a TLS record") \
	X(RECORD, "bad_record", "a record was malformed, too long or failed its authentication") \
	X(HANDSHAKE, "bad_handshake", "a handshake message was malformed or out of order") \
	X(HELLO_TOO_LONG, "hello_too_long", "the handshake sent more bytes than the limit") \
	X(VERSION, "no_shared_version", "no protocol version in common") \
	X(CIPHER, "no_shared_cipher", "no cipher suite, group or signature algorithm in common") \
	X(SNI, "unknown_name", "the client asked for a name that no certificate holds") \
	X(ALPN, "no_shared_protocol", "the client speaks other protocols than the rule's, by ALPN") \
	X(FALLBACK, "fallback", "the client came with an older TLS version after one that failed; both sides know a newer one") \
	X(CERTIFICATE, "bad_certificate", "the peer's certificate was refused") \
	X(CERTIFICATE_DATES, "certificate_dates", "the peer's certificate has expired, or isn't valid yet") \
	X(CERTIFICATE_NAME, "certificate_name", "the peer's certificate is for another name") \
	X(CERTIFICATE_SIGNER, "certificate_signer", "the peer's certificate wasn't signed by the CA") \
	X(NO_CERTIFICATE, "no_certificate", "the client sent no certificate, and the rule requires one") \
	X(REVOKED, "certificate_revoked", "the peer's certificate, or one that signed it, was revoked") \
	X(CRL, "crl_unusable", "the list of revoked certificates has ended, or a CA of the chain has none") \
	X(CHAIN, "chain_too_long", "the peer's chain of certificates is longer than is allowed") \
	X(ALERT, "peer_alert", "the peer sent a fatal alert") \
	X(KEY_LIMIT, "key_limit", "a TLS 1.2 key has protected as many records as it safely can") \
	X(MEMORY, "no_memory", "the worker's TLS memory or mbufs are used up") \
	X(INTERNAL, "internal", "the TLS library reported an error of its own")

enum tls_error {
#define X(id, name, text) TLS_ERR_##id,
	TLS_ERRORS(X)
#undef X
	TLS_ERR_COUNT
};

const char *tls_error_name(enum tls_error e);	/* "no_shared_version" */
const char *tls_error_text(enum tls_error e);	/* a sentence */

/* What was agreed; strings are static or live as long as the session. */
struct tls_info {
	const char *version;	/* "TLSv1.3" */
	const char *cipher;	/* IANA name */
	const char *group;	/* "X25519"; "" when not known */
	const char *sni;	/* "" when the client sent none */
	const char *alpn;	/* "" when none was agreed */
	bool resumed;
	unsigned int strength_bits;
	const struct tls_peer *peer;	/* a client that showed a certificate; NULL: none */
};

#define TLS_RECORD_MAX_BYTES 16384u	/* plaintext of one record, RFC 8446 5.1 */
/*
 * A record is decrypted when all of it is here: a caller that bounds what it queues
 * by tls_input must bound it no lower than this, or a large record would wait for ever.
 */
#define TLS_INPUT_MIN_BYTES (TLS_RECORD_MAX_BYTES + 256u + 5u)
#define TLS_HANDSHAKE_MAX_BYTES 65536u	/* what a peer may send before the handshake is complete */

/* Once per process, before anything else here: the library, its self-test. 0, or -errno with *why set (static). */
int tls_init(const char **why);

/* Once per worker, on its thread. @heap_bytes bounds all its sessions together; @mbufs gives the output. 0, or -ENOMEM. */
int tls_worker_init(size_t heap_bytes, struct rte_mempool *mbufs);
void tls_worker_fini(void);
/* Bytes of the worker's heap in use now (calling worker). */
size_t tls_worker_heap_used(void);
/* The keys that seal and open session tickets from now on; valid until the next call. NULL: no tickets. */
void tls_worker_set_tickets(const struct tls_tickets *tickets);

/* NULL when memory is out. @ctx must outlive the session. */
struct tls_session *tls_session_new(struct tls_ctx *ctx);
void tls_session_free(struct tls_session *s);
/* @s is needed soon: has it fetched from memory meanwhile. */
void tls_session_ahead(const struct tls_session *s);

/* Queues ciphertext (a chain); consumes @m. Cheap: nothing is decrypted yet. */
void tls_input(struct tls_session *s, struct rte_mbuf *m);
/* Ciphertext bytes queued and not yet eaten by the record layer; counts into the caller's buffer bound. */
uint32_t tls_input_bytes(const struct tls_session *s);

/* TLS_OK when complete, TLS_WANT_INPUT, TLS_FAILED. */
enum tls_status tls_handshake(struct tls_session *s);

/*
 * Decrypts up to about @budget_bytes (whole records) into *plain, a chain or NULL.
 * TLS_OK: more may follow at once (also with *plain NULL: the budget went into
 * records without data); TLS_WANT_INPUT: all whole records that came are
 * read; TLS_CLOSED: close_notify. *plain may be set with any of them but TLS_FAILED.
 */
enum tls_status tls_read(struct tls_session *s, struct rte_mbuf **plain, uint32_t budget_bytes);

/* Encrypts the whole chain into records; consumes @plain. TLS_OK or TLS_FAILED. */
enum tls_status tls_write(struct tls_session *s, struct rte_mbuf *plain);
/* An upper bound of the ciphertext bytes that tls_write makes of @plain_bytes. */
uint32_t tls_write_bytes(uint32_t plain_bytes);

/* Queues close_notify (RFC 8446 6.1). Reading may go on. */
void tls_close(struct tls_session *s);

/* All ciphertext produced so far, one chain, or NULL. */
struct rte_mbuf *tls_output(struct tls_session *s);

enum tls_error tls_session_error(const struct tls_session *s);
/* The alert that the peer sent, with TLS_ERR_ALERT (RFC 8446 6); TLS_ALERT_NONE: none, or not known. */
#define TLS_ALERT_NONE 255u
uint8_t tls_session_alert(const struct tls_session *s);
const char *tls_alert_name(uint8_t alert);	/* "unknown_ca"; "" for none, "unassigned" for what has no name */
/* The SNI that the client sent, as soon as its ClientHello was read; "". Lives as long as the session. */
const char *tls_session_name(const struct tls_session *s);
/* The client's certificate, as soon as it came, also when it was refused; NULL: none. Lives as long as the session. */
const struct tls_peer *tls_session_peer(const struct tls_session *s);
/* Meaningful after the handshake. */
void tls_session_info(const struct tls_session *s, struct tls_info *info);
