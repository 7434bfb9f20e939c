/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealing. The text is encrypted where it lies, its header goes into the headroom
 * in front of it, its tag into the room behind: TCP sends the mbufs that it received
 * from the other side. What isn't ours to write, or lies across two records, is
 * copied first.
 */
#include "tls/record.h"

#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/base/assert.h"

#define TRAILER_MAX_BYTES (1u + AEAD_TAG_BYTES)	/* TLS 1.3: the type, sealed */

bool record_copy(struct chain *to, const uint8_t *data, uint32_t bytes)
{
	struct rte_mbuf *m;
	uint32_t room, n;

	while (bytes > 0) {
		room = chain_room(to);
		if (room == 0) {
			m = tls_worker_mbuf();
			if (!m)
				return false;
			chain_append(to, m);
			room = rte_pktmbuf_tailroom(m);
		}
		n = bytes < room ? bytes : room;
		memcpy(rte_pktmbuf_mtod_offset(to->tail, uint8_t *, to->tail->data_len), data, n);
		to->tail->data_len = (uint16_t)(to->tail->data_len + n);
		to->bytes += n;
		data += n;
		bytes -= n;
	}
	return true;
}

static bool make_room_behind(struct chain *text)
{
	struct rte_mbuf *m;

	if (chain_room(text) >= TRAILER_MAX_BYTES)
		return true;
	m = tls_worker_mbuf();
	if (m)
		chain_append(text, m);
	return m != NULL;
}

/* Behind make_room_behind. */
static void put_behind(struct chain *text, const uint8_t *data, uint16_t bytes)
{
	memcpy(rte_pktmbuf_mtod_offset(text->tail, uint8_t *, text->tail->data_len), data, bytes);
	text->tail->data_len = (uint16_t)(text->tail->data_len + bytes);
	text->bytes += bytes;
}

static bool put_in_front(struct chain *text, const uint8_t *data, uint16_t bytes)
{
	struct rte_mbuf *m = text->head;

	if (!chain_writable(m) || rte_pktmbuf_headroom(m) < bytes) {
		m = tls_worker_mbuf();
		if (!m)
			return false;
		m->data_off = (uint16_t)(m->data_off + bytes);
		m->next = text->head;
		text->head = m;
	}
	m->data_off = (uint16_t)(m->data_off - bytes);
	m->data_len = (uint16_t)(m->data_len + bytes);
	text->bytes += bytes;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), data, bytes);
	return true;
}

static bool seal(struct tls_session *s, uint8_t type, struct chain *text)
{
	uint32_t explicit_bytes = traffic_explicit_bytes(s->suite), bytes;
	uint8_t record[RECORD_HEADER_BYTES + 8] = { s->suite.tls13 ? RECORD_DATA : type, 3, 3 };
	uint8_t aad[TRAFFIC_AAD_MAX_BYTES], tag[AEAD_TAG_BYTES];
	struct aead_header header;
	struct aead_slot *slot;

	if (!make_room_behind(text)) {
		tls_session_fail(s, TLS_ERR_MEMORY);
		return false;
	}
	if (s->suite.tls13)
		put_behind(text, &type, 1);
	bytes = explicit_bytes + text->bytes + AEAD_TAG_BYTES;
	record[3] = (uint8_t)(bytes >> 8);
	record[4] = (uint8_t)bytes;
	if (explicit_bytes) {
		uint64_t iv = rte_cpu_to_be_64(s->writing.explicit_iv);

		memcpy(record + RECORD_HEADER_BYTES, &iv, sizeof(iv));
		s->writing.explicit_iv++;
	}
	traffic_header(&s->writing, s->suite, record, text->bytes, aad, &header);
	slot = aead_slot(&tls_worker->aeads, &s->writing, s->suite.kind, s->writing.key);
	s->writing.seq++;
	if (!aead_seal(slot, &header, text->head, text->bytes, tag)) {
		tls_session_fail(s, TLS_ERR_INTERNAL);
		return false;
	}
	put_behind(text, tag, sizeof(tag));
	if (!put_in_front(text, record, (uint16_t)(RECORD_HEADER_BYTES + explicit_bytes))) {
		tls_session_fail(s, TLS_ERR_MEMORY);
		return false;
	}
	return true;
}

bool record_write(struct tls_session *s, enum record_type type, struct chain *text)
{
	ASSERT(text->bytes > 0 && text->bytes <= TLS_RECORD_MAX_BYTES);
	if (!seal(s, (uint8_t)type, text)) {
		chain_free(text);	/* half-sealed text must not leave */
		return false;
	}
	chain_join(&s->out, text);
	return true;
}

bool record_write_bytes(struct tls_session *s, enum record_type type, const uint8_t *text, uint32_t bytes)
{
	struct chain copy = { 0 };

	if (record_copy(&copy, text, bytes))
		return record_write(s, type, &copy);
	chain_free(&copy);
	tls_session_fail(s, TLS_ERR_MEMORY);
	return false;
}

void record_send_alert(struct tls_session *s, uint8_t level, enum record_alert alert)
{
	const uint8_t text[2] = { level, (uint8_t)alert };

	record_write_bytes(s, RECORD_ALERT, text, sizeof(text));
}

enum record_result record_fail(struct tls_session *s, enum tls_error e, enum record_alert alert)
{
	tls_session_fail(s, e);
	if (!s->alert_sent && !s->close_sent)
		record_send_alert(s, ALERT_LEVEL_FATAL, alert);
	s->alert_sent = true;
	return RECORD_FAILED;
}

/* May the key seal one more record? */
static bool key_lasts(struct tls_session *s)
{
	if (s->writing.seq < traffic_records_max(s->suite))
		return true;
	if (s->suite.tls13)
		return record_update_keys(s, false);
	/* No way to a new key but a new connection (RFC 9325 4.4). */
	record_send_alert(s, ALERT_LEVEL_WARNING, ALERT_CLOSE_NOTIFY);
	s->close_sent = true;
	tls_session_fail(s, TLS_ERR_KEY_LIMIT);
	return false;
}

/* Up to one record's worth of *plain into @text, by copy only where it must be. False: no mbuf. */
static bool next_text(struct chain *plain, struct chain *text)
{
	uint32_t n;

	while (plain->head && text->bytes < TLS_RECORD_MAX_BYTES) {
		struct rte_mbuf *m = plain->head;

		n = TLS_RECORD_MAX_BYTES - text->bytes;
		if (m->data_len <= n && (m->data_len == 0 || chain_writable(m))) {
			m = chain_shift(plain);
			if (m->data_len > 0)
				chain_append(text, m);
			else
				rte_pktmbuf_free_seg(m);
			continue;
		}
		n = m->data_len < n ? m->data_len : n;
		if (!record_copy(text, rte_pktmbuf_mtod(m, const uint8_t *), n))
			return false;
		chain_skip(plain, n);
	}
	return true;
}

enum tls_status tls_write(struct tls_session *s, struct rte_mbuf *m)
{
	struct chain plain = { m, m ? rte_pktmbuf_lastseg(m) : NULL, m ? m->pkt_len : 0 }, text = { 0 };

	ASSERT((s->established || s->error != TLS_ERR_NONE) && !s->close_sent);
	while (s->error == TLS_ERR_NONE && plain.head) {
		if (!next_text(&plain, &text)) {
			tls_session_fail(s, TLS_ERR_MEMORY);
			break;
		}
		if (text.bytes == 0 || !key_lasts(s) || !record_write(s, RECORD_DATA, &text))
			break;
	}
	chain_free(&text);
	chain_free(&plain);
	return s->error == TLS_ERR_NONE ? TLS_OK : TLS_FAILED;
}

uint32_t tls_write_bytes(uint32_t plain_bytes)
{
	/* Header 5, and explicit nonce 8 or type 1; tag 16; a KeyUpdate of 27 before one of them. */
	return plain_bytes + (plain_bytes / TLS_RECORD_MAX_BYTES + 2) * 32;
}

void tls_close(struct tls_session *s)
{
	if (s->close_sent || s->error != TLS_ERR_NONE || !s->established)
		return;
	record_send_alert(s, ALERT_LEVEL_WARNING, ALERT_CLOSE_NOTIFY);
	s->close_sent = true;
}
