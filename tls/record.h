/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record layer after the handshake (RFC 8446 5, RFC 5246 6.2): records are
 * sealed and opened in the mbufs that TCP brought or will send, with keys and
 * counts taken from the library at the handshake's end, as kernel TLS does it. The
 * library is then given up, and with it most of a session's memory.
 *
 * Order of calls: record_take_over once; then record_write and record_read, which
 * tls_write and tls_read are made of.
 * Threads: the session's worker. For session.c, record_*.c, post.c and ticket.c.
 */
#pragma once

#include "tls/internal.h"

#define RECORD_HEADER_BYTES 5u				/* RFC 8446 5.1 */
#define RECORD_CIPHERTEXT_MAX_BYTES (TLS_RECORD_MAX_BYTES + 256u)	/* RFC 8446 5.2 */
#define RECORD_IDLE_MAX 64u				/* key updates, empty records and the like, in a row */

enum record_type {
	RECORD_CHANGE_CIPHER_SPEC = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_DATA = 23,
};

enum record_alert {	/* RFC 8446 6 */
	ALERT_CLOSE_NOTIFY = 0,
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_BAD_RECORD_MAC = 20,
	ALERT_RECORD_OVERFLOW = 22,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_DECODE_ERROR = 50,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_USER_CANCELED = 90,
	ALERT_NO_RENEGOTIATION = 100,
};
#define ALERT_LEVEL_WARNING 1u
#define ALERT_LEVEL_FATAL 2u

/* What reading one record came to. */
enum record_result {
	RECORD_READ,		/* go on */
	RECORD_WANT_INPUT,	/* the next one isn't here as a whole */
	RECORD_THROTTLED,	/* it is, but this turn's budget is used up */
	RECORD_CLOSED,		/* close_notify */
	RECORD_FAILED,		/* the session's error is set */
};

/* record_keys.c: the handshake is complete: keys, counts and what was agreed, from the library. False: failed. */
bool record_take_over(struct tls_session *s);
/* The library tells of a TLS 1.3 secret; of TLS 1.2's, for the key log; of what it has sent. */
int record_on_secret(WOLFSSL *library, int id, const unsigned char *secret, int bytes, void *session);
int record_on_master_secret(WOLFSSL *library, void *secret, int bytes, void *unused);
void record_on_sent(struct tls_session *s, const uint8_t *data, uint32_t bytes);
/* Sends a KeyUpdate, which asks for one in return or not, and changes our keys. False: failed. */
bool record_update_keys(struct tls_session *s, bool request);
/* The peer has changed its keys. */
bool record_peer_updated_keys(struct tls_session *s);
/* Wipes what the worker has made of the keys. */
void record_forget(struct tls_session *s);

/* record_write.c: one record at the end of what is to be sent; consumes @text. False: failed. */
bool record_write(struct tls_session *s, enum record_type type, struct chain *text);
bool record_write_bytes(struct tls_session *s, enum record_type type, const uint8_t *text, uint32_t bytes);
void record_send_alert(struct tls_session *s, uint8_t level, enum record_alert alert);
/* The session ends, and its peer hears why. */
enum record_result record_fail(struct tls_session *s, enum tls_error e, enum record_alert alert);
/* Copies @data behind @to's last byte. False: no mbuf. */
bool record_copy(struct chain *to, const uint8_t *data, uint32_t bytes);

/* post.c: one record's text, when it isn't data. */
enum record_result post_alert(struct tls_session *s, const uint8_t *text, uint32_t bytes);
enum record_result post_handshake(struct tls_session *s, const uint8_t *text, uint32_t bytes);

/* ticket.c: a client's library learns of tickets. */
bool ticket_keep(struct tls_session *s);
/* A whole NewSessionTicket message. False: the library refuses it. */
bool ticket_feed(struct tls_session *s, const uint8_t *message, uint32_t bytes);
void ticket_drop(struct tls_session *s);
