/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library's way to a session's queues of mbufs.
 *
 * The library is shown whole records only. It would take a record's first bytes
 * into a buffer of its own and wait with it; a thousand clients that each send
 * half a record would pin that buffer a thousand times. So what isn't complete
 * stays in the mbufs, which the caller bounds anyway, and between two calls the
 * library holds no record at all.
 */
#include "tls/record.h"

#include "dataplane/base/assert.h"

#define SMALL_BYTES 512u
#define MESSAGE_HEADER_BYTES 4u		/* RFC 8446 4 */

bool tls_session_emit(struct tls_session *s, const uint8_t *data, uint32_t bytes)
{
	return record_copy(&s->out, data, bytes);
}

/*
 * A peer that sends single bytes must not pin an mbuf of 2 KB for each: what is
 * small moves into the room behind what came before it. So of any two neighbours
 * in the queue one is at least a quarter full.
 */
static bool absorb(struct chain *in, const struct rte_mbuf *m)
{
	if (m->data_len > SMALL_BYTES || m->data_len > chain_room(in))
		return false;
	return record_copy(in, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
}

void tls_input(struct tls_session *s, struct rte_mbuf *m)
{
	struct rte_mbuf *next;

	for (; m; m = next) {
		next = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		if (absorb(&s->in, m))
			rte_pktmbuf_free_seg(m);
		else
			chain_append(&s->in, m);
	}
}

/*
 * An alert in the clear that ends the handshake. A client that can't use our answer
 * has no keys to seal its alert with, while the library has begun to expect sealed
 * records only and would call it a bad one. An alert of two bytes can't be sealed:
 * that has a type of its own in TLS 1.3, and more bytes before it (RFC 8446 5.2, RFC
 * 5246 6.2.3).
 */
static bool is_plain_alert(struct tls_session *s)
{
	uint8_t record[RECORD_HEADER_BYTES + 2];

	if (chain_peek(&s->in, record, sizeof(record)) < sizeof(record) || record[0] != 21 ||
	    record[3] != 0 || record[4] != 2)
		return false;
	/* Fatal, or close_notify or user_canceled, which end a handshake as well. */
	if (record[5] != 2 && record[6] != 0 && record[6] != 90)
		return false;
	s->alert = record[6];
	return true;
}

/*
 * TLS 1.3: change_cipher_spec is for middleboxes, and dropped however often it comes
 * (RFC 8446 5); the library puts up with one. Not before a server has the ClientHello.
 */
static void drop_change_cipher_specs(struct tls_session *s)
{
	static const uint8_t wanted[RECORD_HEADER_BYTES + 1] = { RECORD_CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1 };
	uint8_t record[sizeof(wanted)];

	while (s->answered && wolfSSL_version(s->library) == TLS_VERSION_1_3 &&
	       chain_peek(&s->in, record, sizeof(record)) == sizeof(record) && memcmp(record, wanted, sizeof(wanted)) == 0 &&
	       s->handshake_bytes < TLS_HANDSHAKE_MAX_BYTES) {
		chain_skip(&s->in, sizeof(wanted));
		s->handshake_bytes += (uint32_t)sizeof(wanted);
	}
}

/* The first record and the one behind it, both here as a whole, become one; @bytes: the first's, header included. */
static bool join_next(struct tls_session *s, uint8_t *record, uint32_t bytes, uint32_t next_bytes)
{
	struct chain joined = { 0 };
	uint32_t payload = bytes - RECORD_HEADER_BYTES + next_bytes;

	record[3] = (uint8_t)(payload >> 8);
	record[4] = (uint8_t)payload;
	if (!record_copy(&joined, record, bytes)) {
		chain_free(&joined);
		tls_session_fail(s, TLS_ERR_MEMORY);
		return false;
	}
	chain_skip(&s->in, bytes + RECORD_HEADER_BYTES);
	s->handshake_bytes += RECORD_HEADER_BYTES;
	chain_join(&joined, &s->in);
	s->in = joined;
	return true;
}

/* Goes on through the messages of a record's payload; false: it ends within a message's header. */
static bool walk_messages(const uint8_t *payload, uint32_t bytes, uint32_t *message_left)
{
	uint32_t at = 0, n;

	while (at < bytes) {
		if (*message_left == 0) {
			if (bytes - at < MESSAGE_HEADER_BYTES)
				return false;
			*message_left = (uint32_t)payload[at + 1] << 16 | (uint32_t)payload[at + 2] << 8 | payload[at + 3];
			at += MESSAGE_HEADER_BYTES;
		}
		n = *message_left < bytes - at ? *message_left : bytes - at;
		*message_left -= n;
		at += n;
	}
	return true;
}

/*
 * The library wants the header of a handshake message in one piece, and a record may
 * cut it (RFC 8446 5.1): then that record is put together with the next one. Only in
 * the clear: what is sealed isn't anybody's to look into here. @bytes: the record with
 * its header, now and then. False: it can't be fetched yet, or memory is out.
 */
static bool make_headers_whole(struct tls_session *s, uint32_t *bytes)
{
	uint8_t *record = tls_worker->gather;
	uint32_t left, next_bytes;

	for (;;) {
		const uint8_t *next = record + *bytes;

		left = s->message_left;
		if (*bytes + RECORD_HEADER_BYTES > sizeof(tls_worker->gather))
			return true;
		chain_peek(&s->in, record, *bytes + RECORD_HEADER_BYTES);
		if (walk_messages(record + RECORD_HEADER_BYTES, *bytes - RECORD_HEADER_BYTES, &left))
			break;
		if (s->in.bytes < *bytes + RECORD_HEADER_BYTES)
			return false;
		next_bytes = (uint32_t)next[3] << 8 | next[4];
		/* What isn't allowed is for the library to refuse. */
		if (next[0] != RECORD_HANDSHAKE || next_bytes == 0 ||
		    *bytes - RECORD_HEADER_BYTES + next_bytes > TLS_RECORD_MAX_BYTES)
			return true;
		if (s->in.bytes < *bytes + RECORD_HEADER_BYTES + next_bytes || !join_next(s, record, *bytes, next_bytes))
			return false;
		*bytes += next_bytes;
	}
	s->message_left = left;
	return true;
}

/* May the library fetch the next record? Sets record_left when so. */
static bool record_begin(struct tls_session *s)
{
	uint8_t header[RECORD_HEADER_BYTES];
	uint32_t bytes;

	drop_change_cipher_specs(s);
	if (chain_peek(&s->in, header, RECORD_HEADER_BYTES) < RECORD_HEADER_BYTES)
		return false;
	bytes = RECORD_HEADER_BYTES + ((uint32_t)header[3] << 8 | header[4]);
	if (bytes > RECORD_HEADER_BYTES + RECORD_CIPHERTEXT_MAX_BYTES)
		bytes = RECORD_HEADER_BYTES;	/* the library refuses it by its header */
	if (s->in.bytes < bytes)
		return false;
	if (header[0] == RECORD_HANDSHAKE && !s->peer_seals && !make_headers_whole(s, &bytes))
		return false;
	s->peer_seals = s->peer_seals || header[0] == RECORD_CHANGE_CIPHER_SPEC;
	s->record_left = bytes;
	return true;
}

/* After the handshake the library gets what ticket.c has for it, and nothing else. */
static int recv_fed(uint8_t *to, uint32_t bytes)
{
	struct tls_worker *w = tls_worker;

	if (w->fed_bytes == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	if (bytes > w->fed_bytes)
		bytes = w->fed_bytes;
	memcpy(to, w->fed, bytes);
	w->fed += bytes;
	w->fed_bytes -= bytes;
	return (int)bytes;
}

int tls_session_recv(WOLFSSL *library, char *buf, int bytes, void *session)
{
	struct tls_session *s = session;
	uint32_t n;

	(void)library;
	if (bytes <= 0)
		return WOLFSSL_CBIO_ERR_GENERAL;
	if (s->established)
		return recv_fed((uint8_t *)buf, (uint32_t)bytes);
	if (s->record_left == 0) {
		if (!record_begin(s))
			return s->error == TLS_ERR_NONE ? WOLFSSL_CBIO_ERR_WANT_READ : WOLFSSL_CBIO_ERR_GENERAL;
		if (is_plain_alert(s)) {
			s->error = TLS_ERR_ALERT;
			return WOLFSSL_CBIO_ERR_GENERAL;
		}
	}
	n = (uint32_t)bytes < s->record_left ? (uint32_t)bytes : s->record_left;
	s->handshake_bytes += n;
	if (s->handshake_bytes > TLS_HANDSHAKE_MAX_BYTES) {
		s->error = TLS_ERR_HELLO_TOO_LONG;
		return WOLFSSL_CBIO_ERR_GENERAL;
	}
	chain_peek(&s->in, (uint8_t *)buf, n);
	chain_skip(&s->in, n);
	s->record_left -= n;
	return (int)n;
}

int tls_session_send(WOLFSSL *library, char *buf, int bytes, void *session)
{
	struct tls_session *s = session;

	(void)library;
	if (bytes < 0)
		return WOLFSSL_CBIO_ERR_GENERAL;
	/* Its keys are behind ours now: nothing of its own may leave, an answer to a bad ticket either. */
	if (s->established)
		return bytes;
	s->answered = true;
	record_on_sent(s, (const uint8_t *)buf, (uint32_t)bytes);
	if (!tls_session_emit(s, (const uint8_t *)buf, (uint32_t)bytes)) {
		s->error = TLS_ERR_MEMORY;
		return WOLFSSL_CBIO_ERR_GENERAL;
	}
	return bytes;
}
