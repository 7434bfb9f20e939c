/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls_reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "reference: %s\n", what);
	exit(1);
}

static int receive(WOLFSSL *library, char *buf, int bytes, void *context)
{
	struct reference *r = context;
	uint32_t n = r->in_bytes - r->in_at;

	(void)library;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	n = n < (uint32_t)bytes ? n : (uint32_t)bytes;
	memcpy(buf, r->in + r->in_at, n);
	r->in_at += n;
	return (int)n;
}

static int transmit(WOLFSSL *library, char *buf, int bytes, void *context)
{
	struct reference *r = context;

	(void)library;
	if ((uint32_t)bytes > REFERENCE_BYTES - r->out_bytes)
		die("its buffer is full");
	memcpy(r->out + r->out_bytes, buf, (size_t)bytes);
	r->out_bytes += (uint32_t)bytes;
	return bytes;
}

void reference_init(struct reference *r, const struct tls_cert *cert, const struct tls_suite *suite)
{
	struct der key = { NULL, 0 };

	memset(r, 0, sizeof(*r));
	r->chunk_min = r->chunk_max = 1448;
	r->seed = 1;
	r->ctx = wolfSSL_CTX_new(cert ? wolfTLS_server_method() :
				 suite && suite->version == TLS_VERSION_1_2 ? wolfTLSv1_2_client_method() : wolfTLS_client_method());
	if (!r->ctx)
		die("no context");
	if (cert) {
		key = tls_key_pkcs8(tls_cert_key(cert));
		if (wolfSSL_CTX_use_certificate_chain_buffer(r->ctx, (const unsigned char *)tls_cert_chain_pem(cert),
							     (long)strlen(tls_cert_chain_pem(cert))) != WOLFSSL_SUCCESS ||
		    wolfSSL_CTX_use_PrivateKey_buffer(r->ctx, key.p, (long)key.n, WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS)
			die("its certificate is refused");
	}
	wolfSSL_CTX_set_verify(r->ctx, WOLFSSL_VERIFY_NONE, NULL);
	wolfSSL_CTX_SetIORecv(r->ctx, receive);
	wolfSSL_CTX_SetIOSend(r->ctx, transmit);
	if (suite && (wolfSSL_CTX_set_cipher_list(r->ctx, suite->library_name) != WOLFSSL_SUCCESS))
		die("no such suite");
	r->library = wolfSSL_new(r->ctx);
	if (!r->library)
		die("no session");
	wolfSSL_SetIOReadCtx(r->library, r);
	wolfSSL_SetIOWriteCtx(r->library, r);
}

void reference_fini(struct reference *r)
{
	wolfSSL_free(r->library);
	wolfSSL_CTX_free(r->ctx);
}

static uint32_t next_chunk(struct reference *r)
{
	r->seed = r->seed * 6364136223846793005ull + 1442695040888963407ull;
	return r->chunk_min + (uint32_t)(r->seed >> 33) % (r->chunk_max - r->chunk_min + 1);
}

bool reference_carry(struct reference *r, struct tls_session *ours)
{
	struct rte_mbuf *m = tls_output(ours), *i;
	bool any = m || r->out_bytes > 0;
	uint32_t at, n;

	if (r->in_at == r->in_bytes)
		r->in_at = r->in_bytes = 0;
	for (i = m; i; i = i->next) {
		if (i->data_len > REFERENCE_BYTES - r->in_bytes)
			die("too much for it");
		memcpy(r->in + r->in_bytes, rte_pktmbuf_mtod(i, const uint8_t *), i->data_len);
		r->in_bytes += i->data_len;
	}
	rte_pktmbuf_free(m);
	for (at = 0; at < r->out_bytes; at += n) {
		n = next_chunk(r);
		n = n < r->out_bytes - at ? n : r->out_bytes - at;
		tls_input(ours, pair_data(r->out + at, n));
	}
	r->out_bytes = 0;
	return any;
}

void reference_handshake(struct reference *r, struct tls_session *ours)
{
	enum tls_status status;
	int done;

	do {
		done = wolfSSL_negotiate(r->library);
		status = tls_handshake(ours);
		if (status == TLS_FAILED)
			die(tls_error_name(tls_session_error(ours)));
		if (done == WOLFSSL_SUCCESS && status == TLS_OK)
			break;
	} while (reference_carry(r, ours));
	reference_carry(r, ours);
	if (done != WOLFSSL_SUCCESS || status != TLS_OK)
		die("no handshake");
}
