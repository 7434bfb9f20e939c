/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an operator may bring as certificate, key or request: any text, and any
 * DER below it. The first byte chooses which parser gets the rest, and whether it
 * comes as it is or as the contents of a well-formed PEM block.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/crl_read.h"
#include "tls/pem.h"
#include "tls/tls.h"
#include "tls/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tls_key *key;
static char *key_pem, *ca_pem;

static void prepare(void)
{
	struct tls_subject who = { .common_name = "Fuzz CA" };
	char err[256];
	const char *why;

	if (key)
		return;
	if (tls_init(&why) != 0)
		abort();
	key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	key_pem = tls_key_to_pem(key);
	ca_pem = tls_ca_make(key, &who, 10, time(NULL), err, sizeof(err));
	if (!ca_pem)
		abort();
}

static void try_certificate(struct der text)
{
	struct tls_cert *cert;
	char err[256];

	cert = tls_cert_load(text, (struct der){ (uint8_t *)key_pem, strlen(key_pem) }, err, sizeof(err));
	if (cert) {
		tls_cert_names_host(cert, "a.example.test");
		tls_cert_warnings(cert, 0);
	}
	tls_cert_free(cert);
}

static void try_parts(struct der der)
{
	char text[64];
	const char *why;
	struct x509 x;

	if (x509_parse(der, &x, &why) != 0 && x509_request_parse(der, &x, &why) != 0)
		return;
	x509_name_format(x.subject, text, sizeof(text));
	x509_name_attribute(x.subject, X509_OID_CN, text, sizeof(text));
	x509_names_host(&x, "imap.example.test");
	x509_names_host(&x, "192.0.2.1");
	tls_signature_check(x.spki, x.algorithm, x.tbs, x.signature);
}

/* As a revocation list by itself, and as one of a bundle of CAs. */
static void try_lists(struct der text)
{
	struct crl crl;
	char why[400];

	if (crl_parse(text, &crl, why, sizeof(why)) == 0)
		crl_holds(&crl, crl.issuer);
	crl_fini(&crl);
	tls_trust_free(tls_trust_load((struct der){ (uint8_t *)ca_pem, strlen(ca_pem) }, text, why, sizeof(why)));
	tls_trust_free(tls_trust_load(text, text, why, sizeof(why)));
}

static void try_request(struct der text)
{
	struct tls_request r;
	char err[256], *pem;

	if (tls_request_read(text, &r, err, sizeof(err)) != 0)
		return;
	pem = tls_ca_issue((struct der){ (uint8_t *)ca_pem, strlen(ca_pem) }, key, &r, 1, time(NULL), err, sizeof(err));
	free(pem);
	tls_request_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const labels[] = { "CERTIFICATE", "PRIVATE KEY", "CERTIFICATE REQUEST", "EC PRIVATE KEY", "RSA PRIVATE KEY" };
	struct der text;
	char *pem = NULL, err[256];

	prepare();
	if (size < 1)
		return 0;
	text = (struct der){ data + 1, size - 1 };
	try_parts(text);
	try_lists(text);
	if (data[0] & 0x80) {
		pem = pem_encode(labels[(data[0] >> 3 & 7) % 5], text);
		if (!pem)
			return 0;
		text = (struct der){ (uint8_t *)pem, strlen(pem) };
	}
	switch (data[0] % 3) {
	case 0:
		try_certificate(text);
		break;
	case 1:
		tls_key_free(tls_key_from_pem(text, err, sizeof(err)));
		break;
	default:
		try_request(text);
	}
	free(pem);
	return 0;
}
