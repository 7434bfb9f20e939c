/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client's tickets. In TLS 1.3 they come after the handshake, and what is made of
 * one is the library's business: so a client that may resume keeps its library,
 * whose keys stand still where the handshake ended. A ticket that our record layer
 * has opened is sealed again under those, and the library reads it as if it had
 * come just then. Such a record never leaves this process.
 */
#include "tls/record.h"

#include <string.h>

bool ticket_keep(struct tls_session *s)
{
	if (!s->suite.tls13)
		return true;	/* in TLS 1.2 it came with the handshake */
	s->tickets = tls_heap_alloc_zeroed(sizeof(*s->tickets));
	if (s->tickets)
		*s->tickets = s->reading;
	return s->tickets != NULL;
}

void ticket_drop(struct tls_session *s)
{
	if (s->tickets)
		aead_forget(&tls_worker->aeads, s->tickets);
	tls_heap_release(s->tickets);	/* and wiped by it */
	s->tickets = NULL;
}

bool ticket_feed(struct tls_session *s, const uint8_t *message, uint32_t bytes)
{
	uint32_t sealed = bytes + 1 + AEAD_TAG_BYTES;
	uint8_t *record = tls_heap_alloc(RECORD_HEADER_BYTES + sealed), aad[TRAFFIC_AAD_MAX_BYTES], nothing;
	struct aead_header header;
	struct aead_slot *slot;
	int code = 0;

	if (!record)
		return true;	/* no ticket, then */
	memcpy(record, (const uint8_t[]){ RECORD_DATA, 3, 3, (uint8_t)(sealed >> 8), (uint8_t)sealed }, RECORD_HEADER_BYTES);
	memcpy(record + RECORD_HEADER_BYTES, message, bytes);
	record[RECORD_HEADER_BYTES + bytes] = RECORD_HANDSHAKE;
	traffic_header(s->tickets, s->suite, record, bytes + 1, aad, &header);
	s->tickets->seq++;
	slot = aead_slot(&tls_worker->aeads, s->tickets, s->suite.kind, s->tickets->key);
	if (aead_seal_flat(slot, &header, record + RECORD_HEADER_BYTES, bytes + 1,
			   record + RECORD_HEADER_BYTES + bytes + 1)) {
		tls_worker->fed = record;
		tls_worker->fed_bytes = RECORD_HEADER_BYTES + sealed;
		code = wolfSSL_get_error(s->library, wolfSSL_read(s->library, &nothing, sizeof(nothing)));
		tls_worker->fed = NULL;
		tls_worker->fed_bytes = 0;
	}
	aead_forget(&tls_worker->aeads, s->tickets);
	tls_heap_release(record);
	return code == 0 || code == WOLFSSL_ERROR_WANT_READ;
}
