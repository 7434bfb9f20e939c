/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening. A record is decrypted in the mbufs that it came in, once all of it is
 * here; only where it shares an mbuf with its neighbour is its part copied, and a
 * small one moves into the room behind the text before it, so that little data
 * never holds many mbufs. Nothing of a record leaves before its tag was compared.
 */
#include "tls/record.h"

#include <string.h>

#include "dataplane/base/assert.h"

#define SMALL_BYTES 512u

struct header {
	uint8_t bytes[RECORD_HEADER_BYTES + 8];	/* with the explicit nonce */
	uint32_t payload_bytes;			/* text and tag */
};

/* What the header alone decides (RFC 8446 5.2, RFC 5246 6.2). */
static enum record_result check_header(struct tls_session *s, const uint8_t *header, uint32_t bytes)
{
	bool known = header[0] == RECORD_DATA ||
		     (!s->suite.tls13 && (header[0] == RECORD_ALERT || header[0] == RECORD_HANDSHAKE));

	if (!known)
		return record_fail(s, TLS_ERR_RECORD, ALERT_UNEXPECTED_MESSAGE);
	/* TLS 1.3 doesn't look at the version, which its tag covers (RFC 8446 5.1, 5.2). */
	if (!s->suite.tls13 && (header[1] != 3 || header[2] != 3))
		return record_fail(s, TLS_ERR_VERSION, ALERT_PROTOCOL_VERSION);
	if (bytes > RECORD_CIPHERTEXT_MAX_BYTES)
		return record_fail(s, TLS_ERR_RECORD, ALERT_RECORD_OVERFLOW);
	return RECORD_READ;
}

/* Is the next record here and may it be read? Takes its header then. */
static enum record_result begin(struct tls_session *s, struct header *h)
{
	uint32_t explicit_bytes = traffic_explicit_bytes(s->suite), bytes;

	if (chain_peek(&s->in, h->bytes, RECORD_HEADER_BYTES) < RECORD_HEADER_BYTES)
		return RECORD_WANT_INPUT;
	bytes = (uint32_t)h->bytes[3] << 8 | h->bytes[4];
	if (check_header(s, h->bytes, bytes) != RECORD_READ)
		return RECORD_FAILED;
	if (s->in.bytes < RECORD_HEADER_BYTES + bytes)
		return RECORD_WANT_INPUT;
	if (s->turn_bytes == 0)
		return RECORD_THROTTLED;
	if (++s->idle_records > RECORD_IDLE_MAX)
		return record_fail(s, TLS_ERR_RECORD, ALERT_UNEXPECTED_MESSAGE);
	if (bytes < explicit_bytes + AEAD_TAG_BYTES + s->suite.tls13)
		return record_fail(s, TLS_ERR_RECORD, ALERT_BAD_RECORD_MAC);
	h->payload_bytes = bytes - explicit_bytes;
	/* TLS 1.3 seals the type and padding with the text, together no longer than a full text and its type. */
	if (h->payload_bytes - AEAD_TAG_BYTES > TLS_RECORD_MAX_BYTES + s->suite.tls13)
		return record_fail(s, TLS_ERR_RECORD, ALERT_RECORD_OVERFLOW);
	bytes += RECORD_HEADER_BYTES;
	s->turn_bytes -= bytes < s->turn_bytes ? bytes : s->turn_bytes;
	chain_peek(&s->in, h->bytes, RECORD_HEADER_BYTES + explicit_bytes);
	chain_skip(&s->in, RECORD_HEADER_BYTES + explicit_bytes);
	return RECORD_READ;
}

static struct aead_slot *prepare(struct tls_session *s, const struct header *h, uint8_t aad[TRAFFIC_AAD_MAX_BYTES],
				 struct aead_header *header)
{
	traffic_header(&s->reading, s->suite, h->bytes, h->payload_bytes - AEAD_TAG_BYTES, aad, header);
	s->reading.seq++;
	return aead_slot(&tls_worker->aeads, &s->reading, s->suite.kind, s->reading.key);
}

/* TLS 1.3: takes the type, and the padding behind it, off a text (RFC 8446 5.4). False: there is none. */
static bool strip_flat(const uint8_t *text, uint32_t *bytes, uint8_t *type)
{
	uint32_t n = *bytes;

	while (n > 0 && text[n - 1] == 0)
		n--;
	if (n == 0)
		return false;
	*type = text[n - 1];
	*bytes = n - 1;
	return true;
}

static bool strip(struct chain *text, uint8_t *type)
{
	while (text->bytes > 0) {
		uint32_t here = text->tail->data_len, n = here;

		if (strip_flat(rte_pktmbuf_mtod(text->tail, const uint8_t *), &n, type)) {
			chain_trim(text, here - n);
			return true;
		}
		chain_trim(text, here);
	}
	return false;
}

/* A text that isn't data. */
static enum record_result other(struct tls_session *s, uint8_t type, const uint8_t *text, uint32_t bytes)
{
	if (type == RECORD_HANDSHAKE)
		return post_handshake(s, text, bytes);
	/* Nothing may stand between the pieces of a handshake message (RFC 8446 5.1). */
	if (type != RECORD_ALERT || s->post.header_bytes > 0)
		return record_fail(s, TLS_ERR_RECORD, ALERT_UNEXPECTED_MESSAGE);
	return post_alert(s, text, bytes);
}

static enum record_result data(struct tls_session *s, uint32_t bytes)
{
	if (s->post.header_bytes > 0)
		return record_fail(s, TLS_ERR_RECORD, ALERT_UNEXPECTED_MESSAGE);
	if (bytes > 0)
		s->idle_records = 0;
	return RECORD_READ;
}

/* Into the room behind @plain, by copy. */
static enum record_result open_behind(struct tls_session *s, const struct header *h, struct chain *plain)
{
	uint8_t *text = rte_pktmbuf_mtod_offset(plain->tail, uint8_t *, plain->tail->data_len);
	uint32_t bytes = h->payload_bytes - AEAD_TAG_BYTES;
	uint8_t aad[TRAFFIC_AAD_MAX_BYTES], type = h->bytes[0];
	struct aead_header header;
	struct aead_slot *slot = prepare(s, h, aad, &header);

	chain_peek(&s->in, text, h->payload_bytes);
	chain_skip(&s->in, h->payload_bytes);
	if (!aead_open_flat(slot, &header, text, bytes, text + bytes))
		return record_fail(s, TLS_ERR_RECORD, ALERT_BAD_RECORD_MAC);
	if (s->suite.tls13 && !strip_flat(text, &bytes, &type))
		return record_fail(s, TLS_ERR_RECORD, ALERT_UNEXPECTED_MESSAGE);
	if (type != RECORD_DATA)
		return other(s, type, text, bytes);
	if (data(s, bytes) != RECORD_READ)
		return RECORD_FAILED;
	plain->tail->data_len = (uint16_t)(plain->tail->data_len + bytes);
	plain->bytes += bytes;
	return RECORD_READ;
}

/* The first @bytes of what came, in mbufs that may be written. False: no mbuf. */
static bool take(struct tls_session *s, uint32_t bytes, struct chain *payload)
{
	while (bytes > 0) {
		struct rte_mbuf *m = s->in.head;
		uint32_t n = m->data_len < bytes ? m->data_len : bytes;
		struct chain copy = { 0 };

		bytes -= n;
		if (n == m->data_len && chain_writable(m)) {
			chain_append(payload, chain_shift(&s->in));
			continue;
		}
		if (!record_copy(chain_room(payload) >= n ? payload : &copy, rte_pktmbuf_mtod(m, const uint8_t *), n)) {
			chain_free(&copy);
			return false;
		}
		chain_join(payload, &copy);
		chain_skip(&s->in, n);
	}
	return true;
}

static enum record_result opened(struct tls_session *s, uint8_t type, struct chain *text, struct chain *plain)
{
	enum record_result result;

	if (s->suite.tls13 && !strip(text, &type))
		return record_fail(s, TLS_ERR_RECORD, ALERT_UNEXPECTED_MESSAGE);
	if (type != RECORD_DATA) {
		uint32_t bytes = chain_peek(text, tls_worker->gather, sizeof(tls_worker->gather));

		return other(s, type, tls_worker->gather, bytes);
	}
	result = data(s, text->bytes);
	if (result == RECORD_READ)
		chain_join(plain, text);
	return result;
}

/* In place. */
static enum record_result open_chain(struct tls_session *s, const struct header *h, struct chain *plain)
{
	uint8_t aad[TRAFFIC_AAD_MAX_BYTES], tag[AEAD_TAG_BYTES];
	enum record_result result;
	struct chain text = { 0 };
	struct aead_header header;
	struct aead_slot *slot;

	if (!take(s, h->payload_bytes, &text)) {
		chain_free(&text);
		return record_fail(s, TLS_ERR_MEMORY, ALERT_INTERNAL_ERROR);
	}
	chain_peek_end(&text, tag, AEAD_TAG_BYTES);
	if (text.bytes > AEAD_TAG_BYTES)
		chain_trim(&text, AEAD_TAG_BYTES);
	slot = prepare(s, h, aad, &header);
	if (aead_open(slot, &header, text.head, h->payload_bytes - AEAD_TAG_BYTES, tag)) {
		if (text.bytes > h->payload_bytes - AEAD_TAG_BYTES)	/* an empty text of TLS 1.2 */
			chain_free(&text);
		result = opened(s, h->bytes[0], &text, plain);
	} else {
		result = record_fail(s, TLS_ERR_RECORD, ALERT_BAD_RECORD_MAC);
	}
	chain_free(&text);
	return result;
}

static enum record_result read_one(struct tls_session *s, struct chain *plain)
{
	enum record_result result;
	struct header h;

	result = begin(s, &h);
	if (result != RECORD_READ)
		return result;
	if (chain_room(plain) >= h.payload_bytes &&
	    (h.payload_bytes <= SMALL_BYTES || s->in.head->data_len > h.payload_bytes))
		return open_behind(s, &h, plain);
	return open_chain(s, &h, plain);
}

/* The peer's key has sealed what it safely may: TLS 1.3 asks for another, once. False: failed. */
static bool key_lasts(struct tls_session *s)
{
	if (s->reading.seq < traffic_records_max(s->suite))
		return true;
	/* TLS 1.2: whoever counts as we do ends by himself, and says so in a record more. */
	if (!s->suite.tls13 && s->reading.seq < traffic_records_max(s->suite) + RECORD_IDLE_MAX)
		return true;
	if (!s->suite.tls13 || s->reading.seq >= TRAFFIC_RECORDS)
		return record_fail(s, TLS_ERR_KEY_LIMIT, ALERT_INTERNAL_ERROR) == RECORD_READ;
	if (!s->update_asked && !s->close_sent)
		s->update_asked = record_update_keys(s, true);
	return s->error == TLS_ERR_NONE;
}

static void answer(struct tls_session *s)
{
	/* One for all that were asked for in this call (RFC 8446 4.6.3). */
	if (s->update_owed && s->error == TLS_ERR_NONE && !s->close_sent)
		record_update_keys(s, false);
	s->update_owed = false;
}

enum tls_status tls_read(struct tls_session *s, struct rte_mbuf **plain, uint32_t budget_bytes)
{
	enum record_result result = RECORD_READ;
	struct chain text = { 0 };

	*plain = NULL;
	if (s->error != TLS_ERR_NONE)
		return TLS_FAILED;
	if (s->peer_closed)
		return TLS_CLOSED;
	ASSERT(s->established);
	s->turn_bytes = budget_bytes;
	while (result == RECORD_READ)
		result = key_lasts(s) ? read_one(s, &text) : RECORD_FAILED;
	answer(s);
	*plain = chain_packet(&text);
	switch (result) {
	case RECORD_WANT_INPUT:
		return TLS_WANT_INPUT;
	case RECORD_CLOSED:
		s->peer_closed = true;
		return TLS_CLOSED;
	case RECORD_FAILED:
		return *plain ? TLS_OK : TLS_FAILED;	/* what was read stays good; the next call says what went wrong */
	default:
		return TLS_OK;
	}
}
