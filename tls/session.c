/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/internal.h"

#include <rte_prefetch.h>

#include "dataplane/base/assert.h"
#include "dataplane/base/lines.h"
#include "tls/error.h"
#include "tls/keylog.h"
#include "tls/peer.h"
#include "tls/record.h"

/* A fatal alert that the library didn't get to send, in the clear. */
static void emit_alert(struct tls_session *s, uint8_t description)
{
	const uint8_t record[7] = { 21, 3, 3, 0, 2, 2, description };	/* RFC 8446 6 */

	if (!s->alert_sent && !s->established && s->out.bytes == 0)
		tls_session_emit(s, record, sizeof(record));
	s->alert_sent = true;
}

/* What the alert said that the library has read; one in the clear was read before it (session_io.c). */
static void take_alert(struct tls_session *s)
{
	WOLFSSL_ALERT_HISTORY seen;

	if (s->alert == TLS_ALERT_NONE && wolfSSL_get_alert_history(s->library, &seen) == WOLFSSL_SUCCESS &&
	    seen.last_rx.code >= 0 && seen.last_rx.code < (int)TLS_ALERT_NONE)
		s->alert = (uint8_t)seen.last_rx.code;
}

static enum tls_status fail_by_library(struct tls_session *s, int code)
{
	enum tls_error e = tls_error_of_library(code);
	uint64_t refused = tls_heap_refused(tls_worker->heap);

	/* The library reports a failed allocation in many words; the heap knows. */
	if (refused != tls_worker->refused_seen)
		e = TLS_ERR_MEMORY;
	tls_worker->refused_seen = refused;
	tls_session_fail(s, e);
	if (s->error == TLS_ERR_ALERT)
		take_alert(s);
	/* Whoever got a fatal alert closes without an answer (RFC 8446 6.2). */
	if (!s->established && s->error != TLS_ERR_ALERT)
		emit_alert(s, tls_error_alert(s->error));
	return TLS_FAILED;
}

enum tls_status tls_session_refuse(struct tls_session *s, enum tls_error e, uint8_t alert)
{
	tls_session_fail(s, e);
	emit_alert(s, alert);
	return TLS_FAILED;
}

/* How long a ticket serves is the keys' to say; the library would stop at minutes, and tell clients so. */
static void set_ticket_lifetime(struct tls_session *s, const struct tls_identity *identity)
{
	uint32_t lifetime_s = tls_tickets_lifetime_s(tls_worker->tickets);

	wolfSSL_CTX_set_TicketHint(identity->library, (int)lifetime_s);	/* the context is this worker's own */
	wolfSSL_set_timeout(s->library, lifetime_s);
}

static bool prepare(struct tls_session *s, const struct tls_identity *identity)
{
	WOLFSSL *l = s->library;

	wolfSSL_SetIOReadCtx(l, s);
	wolfSSL_SetIOWriteCtx(l, s);
	if (wolfSSL_set_tls13_secret_cb(l, record_on_secret, s) != WOLFSSL_SUCCESS)
		return false;
	if (tls_key_log_is_open()) {
		wolfSSL_set_secret_cb(l, record_on_master_secret, NULL);
		wolfSSL_NoTicketTLSv12(l);
	}
	if (s->ctx->alpn[0]) {
		char names[TLS_ALPN_MAX_BYTES];

		strcpy(names, s->ctx->alpn);	/* the library cuts the text up */
		if (wolfSSL_UseALPN(l, names, (unsigned int)strlen(names), WOLFSSL_ALPN_FAILED_ON_MISMATCH) !=
		    WOLFSSL_SUCCESS)
			return false;
	}
	if (!s->ctx->client && tls_worker->tickets) {
		set_ticket_lifetime(s, identity);
	} else if (!s->ctx->client) {
		wolfSSL_NoTicketTLSv12(l);
		wolfSSL_no_ticket_TLSv13(l);	/* refused where 1.3 isn't spoken anyway */
	}
	if (!s->ctx->client) {
		tls_peer_begin(s);
		return true;
	}
	if (s->ctx->server_name &&
	    (wolfSSL_UseSNI(l, WOLFSSL_SNI_HOST_NAME, s->ctx->server_name, (unsigned short)strlen(s->ctx->server_name)) !=
		     WOLFSSL_SUCCESS ||
	     (!s->ctx->blind && wolfSSL_check_domain_name(l, s->ctx->server_name) != WOLFSSL_SUCCESS)))
		return false;
	return true;
}

bool tls_session_start(struct tls_session *s, const struct tls_identity *identity)
{
	s->identity = identity;
	s->library = wolfSSL_new(identity->library);
	if (s->library && prepare(s, identity))
		return true;
	tls_worker->refused_seen = tls_heap_refused(tls_worker->heap);
	return false;
}

struct tls_session *tls_session_new(struct tls_ctx *ctx)
{
	struct tls_session *s;

	ASSERT(tls_worker);
	s = tls_heap_alloc_zeroed(sizeof(*s));
	if (!s)
		return NULL;
	s->ctx = ctx;
	s->alert = TLS_ALERT_NONE;
	if (!ctx->client || tls_session_start(s, &ctx->identities[0]))
		return s;
	tls_session_free(s);
	return NULL;
}

void tls_session_free(struct tls_session *s)
{
	if (!s)
		return;
	ticket_drop(s);
	record_forget(s);
	wolfSSL_free(s->library);
	chain_free(&s->in);
	chain_free(&s->out);
	tls_heap_release(s->sni);
	tls_heap_release(s->alpn);
	tls_peer_free(s);
	tls_heap_release(s);	/* and wiped by it: the keys stand in it */
}

void tls_session_ahead(const struct tls_session *s)
{
	for (size_t at = 0; at < sizeof(*s); at += LINE_BYTES)
		rte_prefetch0((const char *)s + at);
}

uint32_t tls_input_bytes(const struct tls_session *s)
{
	return s->in.bytes;
}

/* The first byte tells: a stranger who speaks another protocol gets his answer at once, not when a "record" is full. */
static bool speaks_tls(struct tls_session *s)
{
	uint8_t first[2] = { 0 };
	uint32_t n = chain_peek(&s->in, first, sizeof(first));

	if (n == 0)
		return true;
	s->first_byte_seen = n == 2;
	return (first[0] == 22 || (s->ctx->client && first[0] == 21)) && (n == 1 || first[1] == 3);
}

static enum tls_status complete(struct tls_session *s)
{
	enum tls_error refused;

	s->established = record_take_over(s);
	s->idle_records = 0;
	if (!s->established)
		return TLS_FAILED;
	refused = tls_peer_complete(s);
	if (refused == TLS_ERR_NONE)
		return TLS_OK;
	record_fail(s, refused, (enum record_alert)tls_error_alert(refused));
	return TLS_FAILED;
}

enum tls_status tls_handshake(struct tls_session *s)
{
	enum tls_status begun;
	int result, code;

	if (s->error != TLS_ERR_NONE)
		return TLS_FAILED;
	if (s->established)
		return TLS_OK;
	if (!s->first_byte_seen && !speaks_tls(s))
		return tls_session_refuse(s, TLS_ERR_NOT_TLS, tls_error_alert(TLS_ERR_NOT_TLS));
	if (!s->library) {
		begun = tls_session_begin(s);
		if (begun != TLS_OK)
			return begun;
	}
	result = s->ctx->client ? wolfSSL_connect(s->library) : wolfSSL_accept(s->library);
	tls_peer_step(s, s->identity);
	if (result == WOLFSSL_SUCCESS)
		return complete(s);
	code = wolfSSL_get_error(s->library, result);
	if (code == WOLFSSL_ERROR_WANT_READ && s->error == TLS_ERR_NONE)
		return TLS_WANT_INPUT;
	return fail_by_library(s, code);
}

struct rte_mbuf *tls_output(struct tls_session *s)
{
	return chain_packet(&s->out);
}

uint8_t tls_session_alert(const struct tls_session *s)
{
	return s->alert;
}

enum tls_error tls_session_error(const struct tls_session *s)
{
	return (enum tls_error)s->error;
}
