/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/ocsp.h"

#include "tls/key.h"

#include <errno.h>
#include <stdio.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/hash.h>

#define OID_BASIC_RESPONSE DER_BYTES("\x2b\x06\x01\x05\x05\x07\x30\x01\x01")
#define SHA1_BYTES 20u
#define HASH_MAX_BYTES 64u
#define RESPONDER_CERTS_MAX 8u

static const struct hash {
	const char *oid;
	uint8_t oid_bytes, bytes;
	enum wc_HashType type;
} hashes[] = {
	{ "\x2b\x0e\x03\x02\x1a", 5, SHA1_BYTES, WC_HASH_TYPE_SHA },
	{ "\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9, 32, WC_HASH_TYPE_SHA256 },
	{ "\x60\x86\x48\x01\x65\x03\x04\x02\x02", 9, 48, WC_HASH_TYPE_SHA384 },
	{ "\x60\x86\x48\x01\x65\x03\x04\x02\x03", 9, 64, WC_HASH_TYPE_SHA512 },
};

static int fail(char *why, size_t why_bytes, const char *reason)
{
	snprintf(why, why_bytes, "%s", reason);
	return -EINVAL;
}

static bool digest(const struct hash *h, struct der data, uint8_t out[HASH_MAX_BYTES])
{
	return wc_Hash(h->type, data.p, (word32)data.n, out, h->bytes) == 0;
}

/* The key's bits alone, as CertID and ResponderID take its hash (RFC 6960 4.1.1, 4.2.1). */
static bool key_bits(const struct x509 *x, struct der *bits)
{
	struct der spki = x->spki, body;

	return der_expect(&spki, DER_SEQUENCE, &body) && der_expect(&body, DER_SEQUENCE, NULL) && der_bits(&body, bits);
}

bool ocsp_request(const struct x509 *cert, const struct x509 *issuer, uint8_t buf[OCSP_REQUEST_MAX_BYTES],
		  struct der *out)
{
	uint8_t name[HASH_MAX_BYTES], key[HASH_MAX_BYTES];
	struct der_writer w;
	size_t whole, algorithm;
	struct der bits;

	if (!key_bits(issuer, &bits) || !digest(&hashes[0], issuer->subject, name) || !digest(&hashes[0], bits, key))
		return false;
	der_writer_init(&w, buf, OCSP_REQUEST_MAX_BYTES);
	whole = der_mark(&w);
	der_put_element(&w, DER_INTEGER, cert->serial);
	der_put_element(&w, DER_OCTET_STRING, (struct der){ key, SHA1_BYTES });
	der_put_element(&w, DER_OCTET_STRING, (struct der){ name, SHA1_BYTES });
	algorithm = der_mark(&w);
	der_put_element(&w, DER_NULL, (struct der){ 0 });
	der_put_element(&w, DER_OID, (struct der){ (const uint8_t *)hashes[0].oid, hashes[0].oid_bytes });
	der_wrap(&w, DER_SEQUENCE, algorithm);
	der_wrap(&w, DER_SEQUENCE, whole);	/* CertID */
	der_wrap(&w, DER_SEQUENCE, whole);	/* Request */
	der_wrap(&w, DER_SEQUENCE, whole);	/* requestList */
	der_wrap(&w, DER_SEQUENCE, whole);	/* TBSRequest */
	der_wrap(&w, DER_SEQUENCE, whole);
	return der_written(&w, out);
}

/* What is signed, and by whom. */
struct basic {
	struct der tbs, algorithm, signature;
	struct der certs;	/* the list's body; empty: none */
	struct der by_name, by_key;	/* one of them is empty */
	struct der singles;
};

static bool time_read(struct der *in, time_t *out)
{
	return der_peek(in, DER_GENERALIZED_TIME) && x509_time_read(in, out);
}

static bool tbs_read(struct der tbs, struct basic *out)
{
	struct der body, id;
	time_t produced;

	if (!der_expect(&tbs, DER_SEQUENCE, &body))
		return false;
	if (der_expect(&body, DER_CONTEXT_CONSTRUCTED(0), &id)) {	/* a version other than the first */
		struct der version;

		if (!der_expect(&id, DER_INTEGER, &version) || version.n != 1 || version.p[0] != 0)
			return false;
	}
	if (der_expect(&body, DER_CONTEXT_CONSTRUCTED(1), &id)) {
		if (!der_expect_whole(&id, DER_SEQUENCE, &out->by_name) || id.n)
			return false;
	} else if (!der_expect(&body, DER_CONTEXT_CONSTRUCTED(2), &id) || !der_expect(&id, DER_OCTET_STRING, &out->by_key) ||
		   out->by_key.n != SHA1_BYTES) {
		return false;
	}
	if (!time_read(&body, &produced) || !der_expect(&body, DER_SEQUENCE, &out->singles))
		return false;
	return body.n == 0 || (der_expect(&body, DER_CONTEXT_CONSTRUCTED(1), &id) && body.n == 0 &&
			       x509_extensions_ignorable(id));
}

static bool basic_read(struct der whole, struct basic *out)
{
	struct der body, certs;

	*out = (struct basic){ 0 };
	if (!der_expect(&whole, DER_SEQUENCE, &body) || whole.n || !der_expect_whole(&body, DER_SEQUENCE, &out->tbs) ||
	    !der_expect_whole(&body, DER_SEQUENCE, &out->algorithm) || !der_bits(&body, &out->signature))
		return false;
	if (der_expect(&body, DER_CONTEXT_CONSTRUCTED(0), &certs) &&
	    (!der_expect(&certs, DER_SEQUENCE, &out->certs) || certs.n))
		return false;
	return body.n == 0 && tbs_read(out->tbs, out);
}

/* RFC 6960 4.2.1. */
static const char *status_text(unsigned int status)
{
	switch (status) {
	case 1: return "the responder says that our request is malformed";
	case 2: return "the responder says that it has an internal error";
	case 3: return "the responder says that we should try later";
	case 5: return "the responder wants signed requests";
	case 6: return "the responder doesn't answer for this certificate (unauthorized)";
	default: return "it isn't an OCSP response";
	}
}

static int response_read(struct der response, struct basic *out, char *why, size_t why_bytes)
{
	struct der body, status, bytes, inner, type, basic;

	if (response.n > OCSP_RESPONSE_MAX_BYTES)
		return fail(why, why_bytes, "it is too long");
	if (!der_expect(&response, DER_SEQUENCE, &body) || response.n || !der_expect(&body, DER_ENUMERATED, &status) ||
	    status.n != 1)
		return fail(why, why_bytes, "it isn't an OCSP response");
	if (status.p[0] != 0)
		return fail(why, why_bytes, status_text(status.p[0]));
	if (!der_expect(&body, DER_CONTEXT_CONSTRUCTED(0), &bytes) || body.n || !der_expect(&bytes, DER_SEQUENCE, &inner) ||
	    bytes.n || !der_expect(&inner, DER_OID, &type) || !der_equal(type, OID_BASIC_RESPONSE) ||
	    !der_expect(&inner, DER_OCTET_STRING, &basic) || inner.n || !basic_read(basic, out))
		return fail(why, why_bytes, "it is malformed, or of a kind that isn't known");
	return 0;
}

static bool is_responder(const struct basic *b, const struct x509 *x)
{
	uint8_t key[HASH_MAX_BYTES];
	struct der bits;

	if (b->by_name.n)
		return der_equal(b->by_name, x->subject);
	return key_bits(x, &bits) && digest(&hashes[0], bits, key) &&
	       der_equal(b->by_key, (struct der){ key, SHA1_BYTES });
}

static bool signed_by(const struct basic *b, const struct x509 *x)
{
	return tls_signature_check(x->spki, b->algorithm, b->tbs, b->signature) == TLS_SIGNATURE_GOOD;
}

/* A responder that the issuer itself has named (RFC 6960 4.2.2.2). */
static bool is_delegate(const struct x509 *x, const struct x509 *issuer, time_t now)
{
	return x->ocsp_signing && der_equal(x->issuer, issuer->subject) && x->not_before <= now && now <= x->not_after &&
	       tls_signature_check(issuer->spki, x->algorithm, x->tbs, x->signature) == TLS_SIGNATURE_GOOD;
}

static int check_signer(const struct basic *b, const struct x509 *issuer, time_t now, char *why, size_t why_bytes)
{
	struct der certs = b->certs, whole;
	struct x509 x;
	const char *reason;
	unsigned int n = 0;
	bool met = false;

	if (is_responder(b, issuer))
		return signed_by(b, issuer) ? 0 : fail(why, why_bytes, "its signature isn't good");
	while (certs.n) {
		if (!der_expect_whole(&certs, DER_SEQUENCE, &whole) || ++n > RESPONDER_CERTS_MAX)
			return fail(why, why_bytes, "its list of certificates is malformed, or too long");
		if (x509_parse(whole, &x, &reason) != 0 || !is_responder(b, &x))
			continue;
		met = true;
		if (is_delegate(&x, issuer, now))
			return signed_by(b, &x) ? 0 : fail(why, why_bytes, "its signature isn't good");
	}
	return fail(why, why_bytes, met ? "it was signed by a responder whom the certificate's issuer has not named" :
					  "it was signed by someone other than the certificate's issuer");
}

static bool is_hash(const struct hash *h, struct der data, struct der claimed)
{
	uint8_t out[HASH_MAX_BYTES];

	return digest(h, data, out) && der_equal(claimed, (struct der){ out, h->bytes });
}

/* Is a CertID that of @cert? */
static bool is_about(struct der id, const struct x509 *cert, const struct x509 *issuer)
{
	struct der algorithm, oid, name, key, serial, bits;
	size_t i;

	if (!der_expect(&id, DER_SEQUENCE, &algorithm) || !der_expect(&algorithm, DER_OID, &oid) ||
	    !der_expect(&id, DER_OCTET_STRING, &name) || !der_expect(&id, DER_OCTET_STRING, &key) ||
	    !der_expect(&id, DER_INTEGER, &serial) || id.n || !key_bits(issuer, &bits))
		return false;
	for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (der_equal(oid, (struct der){ (const uint8_t *)hashes[i].oid, hashes[i].oid_bytes }))
			return der_equal(der_trim(serial), der_trim(cert->serial)) && is_hash(&hashes[i], issuer->subject, name) &&
			       is_hash(&hashes[i], bits, key);
	return false;
}

/* What follows a SingleResponse's CertID. */
static int single_read(struct der in, struct ocsp_answer *out, char *why, size_t why_bytes)
{
	struct der body, when;

	*out = (struct ocsp_answer){ .status = OCSP_GOOD };
	if (der_expect(&in, DER_CONTEXT_CONSTRUCTED(1), &body)) {
		out->status = OCSP_REVOKED;
		if (!time_read(&body, &out->revoked))
			return fail(why, why_bytes, "it is malformed");
	} else if (der_expect(&in, DER_CONTEXT(2), &body)) {
		return fail(why, why_bytes, "the responder doesn't know the certificate");
	} else if (!der_expect(&in, DER_CONTEXT(0), &body) || body.n) {
		return fail(why, why_bytes, "it is malformed");
	}
	if (!time_read(&in, &out->this_update))
		return fail(why, why_bytes, "it is malformed");
	if (!der_expect(&in, DER_CONTEXT_CONSTRUCTED(0), &when))
		return fail(why, why_bytes, "it doesn't say until when it is in force");
	if (!time_read(&when, &out->next_update) || when.n)
		return fail(why, why_bytes, "it is malformed");
	if (in.n && (!der_expect(&in, DER_CONTEXT_CONSTRUCTED(1), &body) || in.n || !x509_extensions_ignorable(body)))
		return fail(why, why_bytes, "it has an extension that isn't known, and is critical");
	return 0;
}

static int check_dates(const struct ocsp_answer *a, time_t now, char *why, size_t why_bytes)
{
	if (a->next_update <= a->this_update)
		return fail(why, why_bytes, "it ends before it begins");
	if (a->next_update <= now)
		return fail(why, why_bytes, "it has ended");
	if (a->this_update > now + OCSP_SKEW_S)
		return fail(why, why_bytes, "it begins in the future (is the clock right?)");
	return 0;
}

int ocsp_check(struct der response, const struct x509 *cert, const struct x509 *issuer, time_t now,
	       struct ocsp_answer *out, char *why, size_t why_bytes)
{
	struct der one, id;
	struct basic b;
	int r;

	r = response_read(response, &b, why, why_bytes);
	if (r != 0)
		return r;
	while (b.singles.n) {
		if (!der_expect(&b.singles, DER_SEQUENCE, &one) || !der_expect(&one, DER_SEQUENCE, &id))
			return fail(why, why_bytes, "it is malformed");
		if (!is_about(id, cert, issuer))
			continue;
		r = single_read(one, out, why, why_bytes);
		if (r == 0)
			r = check_dates(out, now, why, why_bytes);
		return r == 0 ? check_signer(&b, issuer, now, why, why_bytes) : r;
	}
	return fail(why, why_bytes, "it is about another certificate");
}
