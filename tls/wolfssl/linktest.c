/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Linked by `build` with each compiler that is here: what postern relies on is
 * in the library, and the library starts.
 */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/ssl.h>
#include <stdio.h>

int tls_rng_generate(unsigned char *out, unsigned int out_bytes);

#if defined(HAVE_SECURE_RENEGOTIATION) || !defined(NO_OLD_TLS) || defined(HAVE_LIBZ) || \
	defined(OPENSSL_EXTRA) || !defined(WOLFSSL_TLS13) || !defined(HAVE_SESSION_TICKET) || \
	!defined(HAVE_SECRET_CALLBACK) || !defined(WOLFSSL_CERT_REQ) || !defined(WOLFSSL_CERT_EXT)
#error "wolfSSL was not configured as the recipe says"
#endif

/* In postern it is tls/rng.c; no random number is needed to start. */
int tls_rng_generate(unsigned char *out, unsigned int out_bytes)
{
	return out && out_bytes ? -1 : 0;
}

int main(void)
{
	WOLFSSL_CTX *ctx;

	if (wolfSSL_Init() != WOLFSSL_SUCCESS)
		return 1;
	ctx = wolfSSL_CTX_new(wolfTLS_server_method());
	if (!ctx || wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1_2) != WOLFSSL_SUCCESS)
		return 1;
	wolfSSL_CTX_set_group_messages(ctx);
	wolfSSL_CTX_free(ctx);
	printf("wolfSSL %s starts\n", wolfSSL_lib_version());
	return wolfSSL_Cleanup() == WOLFSSL_SUCCESS ? 0 : 1;
}
