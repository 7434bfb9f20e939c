/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Responses on their way into handshakes. The library asks for one when a client has,
 * and puts it where it belongs: into TLS 1.3's Certificate, or a CertificateStatus.
 */
#include "tls/internal.h"

#include <time.h>

#if LIBWOLFSSL_VERSION_HEX > 0x05007002

static int answer(WOLFSSL *library, void *identity)
{
	struct der response;
	uint8_t *copy;

	if (!tls_staple_now(((const struct tls_identity *)identity)->staple, time(NULL), &response))
		return WOLFSSL_OCSP_STATUS_CB_NOACK;
	copy = tls_heap_alloc(response.n);	/* the library's to free */
	if (!copy)
		return WOLFSSL_OCSP_STATUS_CB_NOACK;
	memcpy(copy, response.p, response.n);
	if (wolfSSL_set_tlsext_status_ocsp_resp(library, copy, (int)response.n) == WOLFSSL_SUCCESS)
		return WOLFSSL_OCSP_STATUS_CB_OK;
	tls_heap_release(copy);
	return WOLFSSL_OCSP_STATUS_CB_NOACK;
}

bool tls_staple_prepare(struct tls_identity *identity)
{
	return wolfSSL_CTX_set_tlsext_status_cb(identity->library, answer) == WOLFSSL_SUCCESS &&
	       wolfSSL_CTX_set_tlsext_status_arg(identity->library, identity) == WOLFSSL_SUCCESS &&
	       wolfSSL_CTX_DisableOCSPStapling(identity->library) == WOLFSSL_SUCCESS;
}

void tls_staple_begin(const struct tls_identity *identity, bool asked)
{
	struct der response;

	if (!asked)
		return;
	/* A client that asks would be promised a CertificateStatus that doesn't come. The context is this worker's own. */
	if (tls_staple_now(identity->staple, time(NULL), &response))
		wolfSSL_CTX_EnableOCSPStapling(identity->library);
	else
		wolfSSL_CTX_DisableOCSPStapling(identity->library);
}

#else

bool tls_staple_prepare(struct tls_identity *identity)
{
	(void)identity;
	return true;
}

void tls_staple_begin(const struct tls_identity *identity, bool asked)
{
	(void)identity;
	(void)asked;
}

#endif
