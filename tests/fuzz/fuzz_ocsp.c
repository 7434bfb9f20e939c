/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a responder may answer, or lie in the file: any bytes. Certificate and issuer are
 * those of the corpus' own responses (good and revoked, by the CA and by one that it
 * named), which stand first in the input: two lengths of 2 bytes, the certificates, then
 * the response.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tls/ocsp.h"
#include "tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool part(struct der *in, size_t n, struct der *out)
{
	if (n > in->n)
		return false;
	*out = (struct der){ in->p, n };
	in->p += n;
	in->n -= n;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const time_t moments[] = { 0, 1795600000, 1796000000, 2147483647 };
	static bool started;
	struct der in = { data, size }, lengths, cert_der, issuer_der, out;
	uint8_t buf[OCSP_REQUEST_MAX_BYTES];
	struct x509 cert, issuer;
	struct ocsp_answer answer;
	const char *why;
	char text[200];

	if (!started && tls_init(&why) != 0)
		abort();
	started = true;
	if (!part(&in, 4, &lengths) || !part(&in, (size_t)lengths.p[0] << 8 | lengths.p[1], &cert_der) ||
	    !part(&in, (size_t)lengths.p[2] << 8 | lengths.p[3], &issuer_der) || x509_parse(cert_der, &cert, &why) != 0 ||
	    x509_parse(issuer_der, &issuer, &why) != 0)
		return 0;
	ocsp_request(&cert, &issuer, buf, &out);
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		if (ocsp_check(in, &cert, &issuer, moments[i], &answer, text, sizeof(text)) == 0 &&
		    (answer.next_update <= moments[i] || answer.this_update > moments[i] + OCSP_SKEW_S))
			abort();
	}
	return 0;
}
