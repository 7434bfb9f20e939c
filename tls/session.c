/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/internal.h"

#include "dataplane/base/assert.h"
#include "tls/error.h"
#include "tls/hello.h"

#include <rte_mbuf.h>

#define RECORD_OVERHEAD_BYTES 40u	/* header 5, TLS 1.2: explicit nonce 8, tag 16; 1.3: type 1, tag 16; some to spare */

static enum tls_status fail(struct tls_session *s, enum tls_error e)
{
	if (s->error == TLS_ERR_NONE)
		s->error = (uint8_t)e;
	return TLS_FAILED;
}

/* A fatal alert that the library didn't get to send, in the clear. */
static void emit_alert(struct tls_session *s, uint8_t description)
{
	const uint8_t record[7] = { 21, 3, 3, 0, 2, 2, description };	/* RFC 8446 6 */

	if (!s->alert_sent && !s->established && s->out_bytes == 0)
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
	fail(s, e);
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
	wolfSSL_free(s->library);
	tls_session_drop_queues(s);
	tls_heap_release(s->sni);
	tls_heap_release(s);
}

/* The name that the first record asks for; the log wants it also when the handshake fails. */
void tls_session_take_name(struct tls_session *s, uint32_t record_bytes)
{
	struct der name;

	s->first_record_seen = true;
	if (s->ctx->client || record_bytes > sizeof(tls_worker->gather))
		return;
	tls_session_peek(s, tls_worker->gather, record_bytes);
	name = tls_hello_server_name((struct der){ tls_worker->gather, record_bytes });
	if (name.n == 0)
		return;
	s->sni = tls_heap_alloc_zeroed(name.n + 1);
	if (s->sni)
		memcpy(s->sni, name.p, name.n);
	else
		fail(s, TLS_ERR_MEMORY);
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
	return s->in_bytes;
}

/* The first byte tells: a stranger who speaks another protocol gets his answer at once, not when a "record" is full. */
static bool speaks_tls(struct tls_session *s)
{
	uint8_t first[2] = { 0 };
	uint32_t n = tls_session_peek(s, first, sizeof(first));

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
		fail(s, TLS_ERR_NOT_TLS);
		emit_alert(s, tls_error_alert(TLS_ERR_NOT_TLS));
		return TLS_FAILED;
	}
	s->turn_bytes = UINT32_MAX;
	result = s->ctx->client ? wolfSSL_connect(s->library) : wolfSSL_accept(s->library);
	if (result == WOLFSSL_SUCCESS) {
		s->established = true;
		s->idle_records = 0;
		return TLS_OK;
	}
	code = wolfSSL_get_error(s->library, result);
	if (code == WOLFSSL_ERROR_WANT_READ && s->error == TLS_ERR_NONE)
		return TLS_WANT_INPUT;
	return fail_by_library(s, code);
}

/* Decrypted bytes behind *tail, at most one mbuf's room of them. The library's result. */
static int read_some(struct tls_session *s, struct rte_mbuf **head, struct rte_mbuf **tail)
{
	struct rte_mbuf *m = *tail;
	int n;

	if (!m || rte_pktmbuf_tailroom(m) == 0) {
		m = tls_worker_mbuf();
		if (!m) {
			fail(s, TLS_ERR_MEMORY);
			return -1;
		}
	}
	n = wolfSSL_read(s->library, rte_pktmbuf_mtod_offset(m, void *, m->data_len), rte_pktmbuf_tailroom(m));
	if (n <= 0) {
		if (m != *tail)
			tls_worker->spare = m;
		return n;
	}
	m->data_len = (uint16_t)(m->data_len + n);
	if (m != *tail) {
		if (*tail) {
			(*tail)->next = m;
			(*head)->nb_segs++;
		} else {
			*head = m;
		}
		*tail = m;
	}
	(*head)->pkt_len += (uint32_t)n;
	s->idle_records = 0;
	return n;
}

enum tls_status tls_read(struct tls_session *s, struct rte_mbuf **plain, uint32_t budget_bytes)
{
	struct rte_mbuf *tail = NULL;
	int n = 1, code;

	*plain = NULL;
	if (s->error != TLS_ERR_NONE)
		return TLS_FAILED;
	if (s->peer_closed)
		return TLS_CLOSED;
	ASSERT(s->established);
	s->turn_bytes = budget_bytes;
	s->throttled = false;
	while (n > 0)
		n = read_some(s, plain, &tail);
	code = s->error != TLS_ERR_NONE ? 0 : wolfSSL_get_error(s->library, n);
	if (code == WOLFSSL_ERROR_WANT_READ && s->error == TLS_ERR_NONE)
		return s->throttled ? TLS_OK : TLS_WANT_INPUT;
	if (code == WOLFSSL_ERROR_ZERO_RETURN) {
		s->peer_closed = true;
		return TLS_CLOSED;
	}
	fail_by_library(s, code);
	return *plain ? TLS_OK : TLS_FAILED;	/* what was read stays good; the next call says what went wrong */
}

uint32_t tls_write_bytes(uint32_t plain_bytes)
{
	return plain_bytes + (plain_bytes / TLS_RECORD_MAX_BYTES + 1) * RECORD_OVERHEAD_BYTES;
}

/* The next record's worth of the chain at *m + *at, in one piece. */
static const uint8_t *gather(struct rte_mbuf **m, uint32_t *at, uint32_t *bytes)
{
	const uint8_t *piece = NULL;
	uint32_t n;

	*bytes = 0;
	while (*m && *bytes < TLS_RECORD_MAX_BYTES) {
		n = (*m)->data_len - *at;
		if (n > TLS_RECORD_MAX_BYTES - *bytes)
			n = TLS_RECORD_MAX_BYTES - *bytes;
		if (!piece && !(*m)->next) {
			piece = rte_pktmbuf_mtod_offset(*m, const uint8_t *, *at);	/* alone: no copy */
		} else {
			memcpy(tls_worker->gather + *bytes, rte_pktmbuf_mtod_offset(*m, const uint8_t *, *at), n);
			piece = tls_worker->gather;
		}
		*bytes += n;
		*at += n;
		if (*at == (*m)->data_len) {
			*m = (*m)->next;
			*at = 0;
		}
	}
	return piece;
}

enum tls_status tls_write(struct tls_session *s, struct rte_mbuf *plain)
{
	struct rte_mbuf *m = plain;
	const uint8_t *piece;
	uint32_t at = 0, bytes;
	int n;

	ASSERT((s->established || s->error != TLS_ERR_NONE) && !s->close_sent);
	while (s->error == TLS_ERR_NONE && m) {
		piece = gather(&m, &at, &bytes);
		if (bytes == 0)
			break;
		n = wolfSSL_write(s->library, piece, (int)bytes);
		if (n != (int)bytes)
			fail_by_library(s, wolfSSL_get_error(s->library, n));
	}
	rte_pktmbuf_free(plain);
	return s->error == TLS_ERR_NONE ? TLS_OK : TLS_FAILED;
}

void tls_close(struct tls_session *s)
{
	if (s->close_sent || s->error != TLS_ERR_NONE || !s->established)
		return;
	s->close_sent = true;
	if (wolfSSL_shutdown(s->library) == WOLFSSL_FATAL_ERROR)
		fail_by_library(s, wolfSSL_get_error(s->library, WOLFSSL_FATAL_ERROR));
}

struct rte_mbuf *tls_output(struct tls_session *s)
{
	struct rte_mbuf *m = s->out, *i;
	uint16_t segments = 0;

	if (!m)
		return NULL;
	for (i = m; i; i = i->next)
		segments++;
	m->nb_segs = segments;
	m->pkt_len = s->out_bytes;
	s->out = s->out_tail = NULL;
	s->out_bytes = 0;
	return m;
}

uint8_t tls_session_alert(const struct tls_session *s)
{
	return s->alert;
}

enum tls_error tls_session_error(const struct tls_session *s)
{
	return (enum tls_error)s->error;
}
