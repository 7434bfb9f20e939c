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
#include "tls/internal.h"

#include "dataplane/base/assert.h"

#include <rte_mbuf.h>

#define HEADER_BYTES 5u				/* RFC 8446 5.1 */
#define CIPHERTEXT_MAX_BYTES (TLS_RECORD_MAX_BYTES + 256u)	/* RFC 8446 5.2 */
#define SMALL_BYTES 512u
#define IDLE_RECORDS_MAX 64u			/* key updates, empty records and the like, in a row */

struct rte_mbuf *tls_worker_mbuf(void)
{
	struct rte_mbuf *m = tls_worker->spare;

	tls_worker->spare = NULL;
	return m ? m : rte_pktmbuf_alloc(tls_worker->mbufs);
}

bool tls_session_emit(struct tls_session *s, const uint8_t *data, uint32_t bytes)
{
	struct rte_mbuf *m = s->out_tail;
	uint32_t n;

	while (bytes > 0) {
		if (!m || rte_pktmbuf_tailroom(m) == 0) {
			m = tls_worker_mbuf();
			if (!m)
				return false;
			if (s->out_tail)
				s->out_tail->next = m;
			else
				s->out = m;
			s->out_tail = m;
		}
		n = rte_pktmbuf_tailroom(m);
		if (n > bytes)
			n = bytes;
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len), data, n);
		m->data_len = (uint16_t)(m->data_len + n);
		s->out_bytes += n;
		data += n;
		bytes -= n;
	}
	return true;
}

/*
 * A peer that sends single bytes must not pin an mbuf of 2 KB for each: what is
 * small moves into the room behind what came before it. So of any two neighbours
 * in the queue one is at least a quarter full.
 */
static bool absorb(struct rte_mbuf *tail, const struct rte_mbuf *m)
{
	if (m->data_len > SMALL_BYTES || m->data_len > rte_pktmbuf_tailroom(tail) || !RTE_MBUF_DIRECT(tail) ||
	    rte_mbuf_refcnt_read(tail) != 1)
		return false;
	memcpy(rte_pktmbuf_mtod_offset(tail, uint8_t *, tail->data_len), rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	tail->data_len = (uint16_t)(tail->data_len + m->data_len);
	return true;
}

void tls_input(struct tls_session *s, struct rte_mbuf *m)
{
	struct rte_mbuf *next;

	for (; m; m = next) {
		next = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		s->in_bytes += m->data_len;
		if (s->in_tail && absorb(s->in_tail, m)) {
			rte_pktmbuf_free_seg(m);
			continue;
		}
		if (s->in_tail)
			s->in_tail->next = m;
		else
			s->in = m;
		s->in_tail = m;
	}
}

static void drop_chain(struct rte_mbuf *m)
{
	struct rte_mbuf *next;

	for (; m; m = next) {
		next = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
	}
}

void tls_session_drop_queues(struct tls_session *s)
{
	drop_chain(s->in);
	drop_chain(s->out);
	s->in = s->in_tail = s->out = s->out_tail = NULL;
	s->in_bytes = s->out_bytes = 0;
}

uint32_t tls_session_peek(const struct tls_session *s, uint8_t *to, uint32_t bytes)
{
	const struct rte_mbuf *m;
	uint32_t at = 0, n;

	for (m = s->in; m && at < bytes; m = m->next) {
		n = m->data_len < bytes - at ? m->data_len : bytes - at;
		memcpy(to + at, rte_pktmbuf_mtod(m, const uint8_t *), n);
		at += n;
	}
	return at;
}

static void take(struct tls_session *s, uint8_t *to, uint32_t bytes)
{
	struct rte_mbuf *m;
	uint32_t n;

	ASSERT(bytes <= s->in_bytes);
	s->in_bytes -= bytes;
	while (bytes > 0) {
		m = s->in;
		n = m->data_len < bytes ? m->data_len : bytes;
		memcpy(to, rte_pktmbuf_mtod(m, const uint8_t *), n);
		to += n;
		bytes -= n;
		m->data_off = (uint16_t)(m->data_off + n);
		m->data_len = (uint16_t)(m->data_len - n);
		if (m->data_len)
			continue;
		s->in = m->next;
		if (!s->in)
			s->in_tail = NULL;
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
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
	uint8_t record[HEADER_BYTES + 2];

	if (s->established || tls_session_peek(s, record, sizeof(record)) < sizeof(record) || record[0] != 21 ||
	    record[3] != 0 || record[4] != 2)
		return false;
	/* Fatal, or close_notify or user_canceled, which end a handshake as well. */
	if (record[5] != 2 && record[6] != 0 && record[6] != 90)
		return false;
	s->alert = record[6];
	return true;
}

/* May the library fetch the next record? Sets record_left when so. */
static bool record_begin(struct tls_session *s)
{
	uint8_t header[HEADER_BYTES];
	uint32_t bytes;

	if (tls_session_peek(s, header, HEADER_BYTES) < HEADER_BYTES)
		return false;
	bytes = HEADER_BYTES + ((uint32_t)header[3] << 8 | header[4]);
	if (bytes > HEADER_BYTES + CIPHERTEXT_MAX_BYTES)
		bytes = HEADER_BYTES;	/* the library refuses it by its header */
	if (s->in_bytes < bytes)
		return false;
	if (s->turn_bytes == 0) {
		s->throttled = true;
		return false;
	}
	if (!s->first_record_seen)
		tls_session_take_name(s, bytes);
	s->record_left = bytes;
	s->turn_bytes -= bytes < s->turn_bytes ? bytes : s->turn_bytes;
	return true;
}

int tls_session_recv(WOLFSSL *library, char *buf, int bytes, void *session)
{
	struct tls_session *s = session;
	uint32_t n;

	(void)library;
	if (bytes <= 0)
		return WOLFSSL_CBIO_ERR_GENERAL;
	if (s->record_left == 0) {
		if (!record_begin(s))
			return WOLFSSL_CBIO_ERR_WANT_READ;
		if (is_plain_alert(s)) {
			s->error = TLS_ERR_ALERT;
			return WOLFSSL_CBIO_ERR_GENERAL;
		}
		if (s->established && ++s->idle_records > IDLE_RECORDS_MAX) {
			s->error = TLS_ERR_RECORD;
			return WOLFSSL_CBIO_ERR_GENERAL;
		}
	}
	n = (uint32_t)bytes < s->record_left ? (uint32_t)bytes : s->record_left;
	if (!s->established) {
		s->handshake_bytes += n;
		if (s->handshake_bytes > TLS_HANDSHAKE_MAX_BYTES) {
			s->error = TLS_ERR_HELLO_TOO_LONG;
			return WOLFSSL_CBIO_ERR_GENERAL;
		}
	}
	take(s, (uint8_t *)buf, n);
	s->record_left -= n;
	return (int)n;
}

int tls_session_send(WOLFSSL *library, char *buf, int bytes, void *session)
{
	struct tls_session *s = session;

	(void)library;
	if (bytes < 0)
		return WOLFSSL_CBIO_ERR_GENERAL;
	if (!tls_session_emit(s, (const uint8_t *)buf, (uint32_t)bytes)) {
		s->error = TLS_ERR_MEMORY;
		return WOLFSSL_CBIO_ERR_GENERAL;
	}
	return bytes;
}
