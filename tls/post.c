/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a peer sends after the handshake besides data: alerts, KeyUpdate, tickets. */
#include "tls/record.h"

#define HELLO_REQUEST 0u	/* RFC 5246 7.4 */
#define CLIENT_HELLO 1u
#define NEW_SESSION_TICKET 4u	/* RFC 8446 4 */
#define KEY_UPDATE 24u

static enum record_result unexpected(struct tls_session *s)
{
	return record_fail(s, TLS_ERR_HANDSHAKE, ALERT_UNEXPECTED_MESSAGE);
}

enum record_result post_alert(struct tls_session *s, const uint8_t *text, uint32_t bytes)
{
	/* One alert a record, whole (RFC 8446 5.1). */
	if (bytes != 2)
		return record_fail(s, TLS_ERR_RECORD, bytes == 0 ? ALERT_UNEXPECTED_MESSAGE : ALERT_DECODE_ERROR);
	if (text[1] == ALERT_CLOSE_NOTIFY)
		return RECORD_CLOSED;
	/* In TLS 1.3 every other alert is an error, whatever its level says (RFC 8446 6). */
	if (text[1] == ALERT_USER_CANCELED || (!s->suite.tls13 && text[0] == ALERT_LEVEL_WARNING))
		return RECORD_READ;
	s->alert = text[1];
	s->alert_sent = true;	/* whoever got a fatal one is silent (RFC 8446 6.2) */
	tls_session_fail(s, TLS_ERR_ALERT);
	return RECORD_FAILED;
}

static enum record_result key_update(struct tls_session *s, uint8_t request)
{
	if (request > 1)
		return record_fail(s, TLS_ERR_HANDSHAKE, ALERT_ILLEGAL_PARAMETER);
	if (!record_peer_updated_keys(s))
		return RECORD_FAILED;
	s->update_owed = s->update_owed || request;
	s->update_asked = false;
	return RECORD_READ;
}

/* May this message come now, and how long may it be? */
static enum record_result check_message(struct tls_session *s, uint8_t type, uint32_t bytes)
{
	if (s->suite.tls13 && type == KEY_UPDATE)
		return bytes == 1 ? RECORD_READ : record_fail(s, TLS_ERR_HANDSHAKE, ALERT_DECODE_ERROR);
	if (s->suite.tls13 && s->ctx->client && type == NEW_SESSION_TICKET)
		return RECORD_READ;
	if (!s->suite.tls13 && s->ctx->client && type == HELLO_REQUEST && bytes == 0)
		return RECORD_READ;	/* ignored, as a client may (RFC 5246 7.4.1.1) */
	if (!s->suite.tls13 && !s->ctx->client && type == CLIENT_HELLO) {
		/* Not even a warning's worth of negotiating: no, and good-bye (RFC 5746 5, RFC 9325 3.5). */
		record_send_alert(s, ALERT_LEVEL_WARNING, ALERT_NO_RENEGOTIATION);
		s->alert_sent = true;
		tls_session_fail(s, TLS_ERR_HANDSHAKE);
		return RECORD_FAILED;
	}
	return unexpected(s);
}

/* The message whose header is in s->post is complete; @rest: bytes behind it in this record. */
static enum record_result message_end(struct tls_session *s, uint32_t rest)
{
	s->post.header_bytes = 0;
	if (s->post.header[0] != KEY_UPDATE)
		return RECORD_READ;
	/* What follows must be under the new keys, so in a record of its own (RFC 8446 5.1). */
	return rest > 0 ? unexpected(s) : key_update(s, s->post.request);
}

/* A ticket that lies in one record, as every server's does: of one in pieces no use is made. */
static bool offer_ticket(struct tls_session *s, const uint8_t *body, uint32_t bytes)
{
	if (s->post.header[0] != NEW_SESSION_TICKET || !s->tickets)
		return true;
	return ticket_feed(s, body - sizeof(s->post.header), bytes + (uint32_t)sizeof(s->post.header));
}

enum record_result post_handshake(struct tls_session *s, const uint8_t *text, uint32_t bytes)
{
	struct tls_post *p = &s->post;
	uint32_t at = 0, n;
	enum record_result result;

	if (bytes == 0)
		return unexpected(s);
	while (at < bytes) {
		if (p->header_bytes < sizeof(p->header)) {
			p->header[p->header_bytes++] = text[at++];
			if (p->header_bytes < sizeof(p->header))
				continue;
			p->left = (uint32_t)p->header[1] << 16 | (uint32_t)p->header[2] << 8 | p->header[3];
			result = check_message(s, p->header[0], p->left);
			if (result != RECORD_READ)
				return result;
			if (at >= sizeof(p->header) && bytes - at >= p->left && !offer_ticket(s, text + at, p->left))
				return record_fail(s, TLS_ERR_HANDSHAKE, ALERT_DECODE_ERROR);
		}
		n = p->left < bytes - at ? p->left : bytes - at;
		if (n > 0)
			p->request = text[at];
		at += n;
		p->left -= n;
		if (p->left > 0)
			continue;
		result = message_end(s, bytes - at);
		if (result != RECORD_READ)
			return result;
	}
	return RECORD_READ;
}
