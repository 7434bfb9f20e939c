/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/internal.h"

#include "dataplane/base/assert.h"
#include "tls/error.h"
#include "tls/hello.h"
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
	if (s->refused_name)
		e = TLS_ERR_SNI;
	tls_session_fail(s, e);
	if (s->error == TLS_ERR_ALERT)
		take_alert(s);
	/* Whoever got a fatal alert closes without an answer (RFC 8446 6.2). */
	if (!s->established && s->error != TLS_ERR_ALERT)
		emit_alert(s, tls_error_alert(s->error));
	return TLS_FAILED;
}

/* How long a ticket serves is the keys' to say; the library would stop at minutes, and tell clients so. */
static void set_ticket_lifetime(struct tls_session *s)
{
	uint32_t lifetime_s = tls_tickets_lifetime_s(tls_worker->tickets);

	wolfSSL_CTX_set_TicketHint(s->ctx->library, (int)lifetime_s);	/* the context is this worker's own */
	wolfSSL_set_timeout(s->library, lifetime_s);
}

static bool prepare(struct tls_session *s)
{
	WOLFSSL *l = s->library;

	wolfSSL_SetIOReadCtx(l, s);
	wolfSSL_SetIOWriteCtx(l, s);
	if (wolfSSL_set_tls13_secret_cb(l, record_on_secret, s) != WOLFSSL_SUCCESS)
		return false;
	if (s->ctx->alpn[0]) {
		char names[TLS_ALPN_MAX_BYTES];

		strcpy(names, s->ctx->alpn);	/* the library cuts the text up */
		if (wolfSSL_UseALPN(l, names, (unsigned int)strlen(names), WOLFSSL_ALPN_FAILED_ON_MISMATCH) !=
		    WOLFSSL_SUCCESS)
			return false;
	}
	if (!s->ctx->client && tls_worker->tickets) {
		set_ticket_lifetime(s);
	} else if (!s->ctx->client) {
		wolfSSL_NoTicketTLSv12(l);
		wolfSSL_no_ticket_TLSv13(l);	/* refused where 1.3 isn't spoken anyway */
	}
	if (!s->ctx->client)
		return true;
	if (s->ctx->server_name &&
	    (wolfSSL_UseSNI(l, WOLFSSL_SNI_HOST_NAME, s->ctx->server_name, (unsigned short)strlen(s->ctx->server_name)) !=
		     WOLFSSL_SUCCESS ||
	     (!s->ctx->blind && wolfSSL_check_domain_name(l, s->ctx->server_name) != WOLFSSL_SUCCESS)))
		return false;
	return true;
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
	s->library = wolfSSL_new(ctx->library);
	if (s->library && prepare(s))
		return s;
	tls_worker->refused_seen = tls_heap_refused(tls_worker->heap);
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
	tls_heap_release(s);	/* and wiped by it: the keys stand in it */
}

/* The name that the first record asks for; the log wants it also when the handshake fails. */
void tls_session_take_name(struct tls_session *s, uint32_t record_bytes)
{
	struct der name;

	s->first_record_seen = true;
	if (s->ctx->client || record_bytes > sizeof(tls_worker->gather))
		return;
	chain_peek(&s->in, tls_worker->gather, record_bytes);
	name = tls_hello_server_name((struct der){ tls_worker->gather, record_bytes });
	if (name.n == 0)
		return;
	s->sni = tls_heap_alloc_zeroed(name.n + 1);
	if (s->sni)
		memcpy(s->sni, name.p, name.n);
	else
		tls_session_fail(s, TLS_ERR_MEMORY);
}

/* The library has read the ClientHello: will the name do? What the library read counts, whatever record it came in. */
int tls_session_on_name(WOLFSSL *library, int *alert, void *unused)
{
	struct tls_session *s = wolfSSL_GetIOReadCtx(library);
	char name[TLS_CERT_NAME_BYTES];
	unsigned short bytes;
	void *asked = NULL;

	(void)unused;
	bytes = wolfSSL_SNI_GetRequest(library, WOLFSSL_SNI_HOST_NAME, &asked);
	if (!s || !asked || bytes == 0 || !s->ctx->require_name)
		return 0;
	if (bytes < sizeof(name)) {
		memcpy(name, asked, bytes);
		name[bytes] = '\0';
		if (strlen(name) == bytes && x509_names_host(&s->ctx->leaf, name))
			return 0;
	}
	s->refused_name = true;
	*alert = tls_error_alert(TLS_ERR_SNI);
	return fatal_return;
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

enum tls_status tls_handshake(struct tls_session *s)
{
	int result, code;

	if (s->error != TLS_ERR_NONE)
		return TLS_FAILED;
	if (s->established)
		return TLS_OK;
	if (!s->first_byte_seen && !speaks_tls(s)) {
		tls_session_fail(s, TLS_ERR_NOT_TLS);
		emit_alert(s, tls_error_alert(TLS_ERR_NOT_TLS));
		return TLS_FAILED;
	}
	result = s->ctx->client ? wolfSSL_connect(s->library) : wolfSSL_accept(s->library);
	if (result == WOLFSSL_SUCCESS) {
		s->established = record_take_over(s);
		s->idle_records = 0;
		return s->established ? TLS_OK : TLS_FAILED;
	}
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
