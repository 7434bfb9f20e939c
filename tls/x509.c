/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/x509.h"

#include <errno.h>

static int fail(const char **why, const char *what)
{
	*why = what;
	return -EINVAL;
}

/* The two digits at @p, or -1. */
static int two_digits(const uint8_t *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + (p[1] - '0');
}

bool x509_time_read(struct der *in, time_t *out)
{
	struct tm tm = { 0 };
	struct der body;
	uint8_t tag;
	int field[6], year, i;

	if (!der_read(in, &tag, &body, NULL))
		return false;
	if (tag == DER_UTC_TIME && body.n == 13) {
		year = two_digits(body.p);
		if (year < 0)
			return false;
		year += year < 50 ? 2000 : 1900;
		body.p += 2;
	} else if (tag == DER_GENERALIZED_TIME && body.n == 15) {
		if (two_digits(body.p) < 0 || two_digits(body.p + 2) < 0)
			return false;
		year = two_digits(body.p) * 100 + two_digits(body.p + 2);
		body.p += 4;
	} else {
		return false;
	}
	for (i = 0; i < 5; i++) {
		field[i] = two_digits(body.p + (size_t)i * 2);
		if (field[i] < 0)
			return false;
	}
	if (body.p[10] != 'Z' || field[0] < 1 || field[0] > 12 || field[1] < 1 || field[1] > 31 ||
	    field[2] > 23 || field[3] > 59 || field[4] > 60)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = field[0] - 1;
	tm.tm_mday = field[1];
	tm.tm_hour = field[2];
	tm.tm_min = field[3];
	tm.tm_sec = field[4];
	*out = timegm(&tm);
	return true;
}

static unsigned int integer_bits(struct der i)
{
	while (i.n && i.p[0] == 0) {
		i.p++;
		i.n--;
	}
	return i.n == 0 || i.n > 4096 ? 0 :
		(unsigned int)(i.n * 8) - (unsigned int)(__builtin_clz(i.p[0]) - 24);
}

bool x509_key_info(struct der spki, enum tls_key_type *type, unsigned int *bits)
{
	struct der body, algorithm, oid, key, curve, rsa, modulus;

	*type = TLS_KEY_UNKNOWN;
	*bits = 0;
	if (!der_expect(&spki, DER_SEQUENCE, &body) || !der_expect(&body, DER_SEQUENCE, &algorithm) ||
	    !der_expect(&algorithm, DER_OID, &oid) || !der_bits(&body, &key))
		return false;
	if (der_equal(oid, X509_OID_RSA)) {
		if (!der_expect(&key, DER_SEQUENCE, &rsa) || !der_expect(&rsa, DER_INTEGER, &modulus))
			return false;
		*type = TLS_KEY_RSA;
		*bits = integer_bits(modulus);
	} else if (der_equal(oid, X509_OID_EC)) {
		if (!der_expect(&algorithm, DER_OID, &curve))
			return true;	/* spelled-out curves: not one of ours */
		if (der_equal(curve, X509_OID_P256)) {
			*type = TLS_KEY_P256;
			*bits = 256;
		} else if (der_equal(curve, X509_OID_P384)) {
			*type = TLS_KEY_P384;
			*bits = 384;
		}
	} else if (der_equal(oid, X509_OID_ED25519)) {
		*type = TLS_KEY_ED25519;
		*bits = 255;
	}
	return true;
}

static bool usage_read(struct der value, struct x509 *out)
{
	struct der bits;

	if (!der_expect(&value, DER_BIT_STRING, &bits) || bits.n < 1 || bits.p[0] > 7)
		return false;
	out->has_usage = true;
	out->usage = bits.n > 1 ? bits.p[1] : 0;
	return true;
}

static bool basic_read(struct der value, struct x509 *out)
{
	struct der body, flag;

	if (!der_expect(&value, DER_SEQUENCE, &body))
		return false;
	out->has_basic = true;
	out->ca = false;
	if (der_expect(&body, DER_BOOLEAN, &flag))
		out->ca = flag.n == 1 && flag.p[0] != 0;
	return true;
}

static bool extended_usage_read(struct der value, struct x509 *out)
{
	struct der body, oid;

	if (!der_expect(&value, DER_SEQUENCE, &body))
		return false;
	out->has_extended_usage = true;
	while (body.n) {
		if (!der_expect(&body, DER_OID, &oid))
			return false;
		if (der_equal(oid, X509_OID_SERVER_AUTH) || der_equal(oid, X509_OID_ANY_USAGE))
			out->server_auth = true;
		if (der_equal(oid, X509_OID_CLIENT_AUTH) || der_equal(oid, X509_OID_ANY_USAGE))
			out->client_auth = true;
		if (der_equal(oid, X509_OID_OCSP_SIGNING))
			out->ocsp_signing = true;
	}
	return true;
}

/* RFC 7633 4: TLS extensions by their numbers, of which status_request is one. */
static bool features_read(struct der value, struct x509 *out)
{
	struct der body, number;

	if (!der_expect(&value, DER_SEQUENCE, &body) || value.n)
		return false;
	while (body.n) {
		if (!der_expect(&body, DER_INTEGER, &number))
			return false;
		if (number.n == 1 && number.p[0] == 5)
			out->must_staple = true;
	}
	return true;
}

/* RFC 5280 4.2.2.1. */
static bool access_read(struct der value, struct x509 *out)
{
	struct der body, one, method, location;

	if (!der_expect(&value, DER_SEQUENCE, &body) || value.n)
		return false;
	while (body.n) {
		if (!der_expect(&body, DER_SEQUENCE, &one) || !der_expect(&one, DER_OID, &method))
			return false;
		if (der_equal(method, X509_OID_OCSP) && out->ocsp_url.n == 0 && der_expect(&one, DER_CONTEXT(6), &location))
			out->ocsp_url = location;
	}
	return true;
}

static bool extension_read(struct der oid, struct der value, struct x509 *out)
{
	struct der body = value;

	if (der_equal(oid, X509_OID_KEY_USAGE))
		return usage_read(value, out);
	if (der_equal(oid, X509_OID_BASIC_CONSTRAINTS))
		return basic_read(value, out);
	if (der_equal(oid, X509_OID_EXTENDED_KEY_USAGE))
		return extended_usage_read(value, out);
	if (der_equal(oid, X509_OID_TLS_FEATURE))
		return features_read(value, out);
	if (der_equal(oid, X509_OID_INFO_ACCESS))
		return access_read(value, out);
	if (der_equal(oid, X509_OID_SUBJECT_KEY_ID))
		return der_expect(&value, DER_OCTET_STRING, &out->key_id);
	if (der_equal(oid, X509_OID_ALT_NAME)) {
		if (!der_expect(&body, DER_SEQUENCE, NULL) || body.n)
			return false;
		out->alt_names = value;
	}
	if (der_equal(oid, X509_OID_NAME_CONSTRAINTS)) {
		if (!der_expect(&body, DER_SEQUENCE, NULL) || body.n)
			return false;
		out->constraints = value;
	}
	return true;
}

/* Extensions ::= SEQUENCE OF Extension, as an element. */
static bool extensions_read(struct der in, struct x509 *out)
{
	struct der list, one, oid, value, critical;

	if (!der_expect(&in, DER_SEQUENCE, &list))
		return false;
	while (list.n) {
		if (!der_expect(&list, DER_SEQUENCE, &one) || !der_expect(&one, DER_OID, &oid))
			return false;
		der_expect(&one, DER_BOOLEAN, &critical);
		if (!der_expect(&one, DER_OCTET_STRING, &value) || !extension_read(oid, value, out))
			return false;
	}
	return true;
}

bool x509_extensions_ignorable(struct der in)
{
	struct der list, one, oid, critical, value;

	if (!der_expect(&in, DER_SEQUENCE, &list) || in.n)
		return false;
	while (list.n) {
		critical = (struct der){ 0 };
		if (!der_expect(&list, DER_SEQUENCE, &one) || !der_expect(&one, DER_OID, &oid))
			return false;
		der_expect(&one, DER_BOOLEAN, &critical);
		if (!der_expect(&one, DER_OCTET_STRING, &value) || one.n)
			return false;
		if (critical.n && critical.p[0])
			return false;
	}
	return true;
}

/* The outer frame that certificates and requests share. */
static int frame_read(struct der in, struct x509 *out, struct der *signed_body, const char **why)
{
	struct der body, tbs;

	memset(out, 0, sizeof(*out));
	if (!der_peek(&in, DER_SEQUENCE) || !der_read(&in, NULL, &body, &out->whole) || in.n ||
	    !der_expect_whole(&body, DER_SEQUENCE, &out->tbs) || !der_expect_whole(&body, DER_SEQUENCE, &out->algorithm) ||
	    !der_bits(&body, &out->signature) || body.n)
		return fail(why, "it is not a signed DER structure");
	tbs = out->tbs;
	if (!der_expect(&tbs, DER_SEQUENCE, signed_body))
		return fail(why, "it is not a signed DER structure");
	return 0;
}

static int key_read(struct der *body, struct x509 *out, const char **why)
{
	if (!der_expect_whole(body, DER_SEQUENCE, &out->spki) || !x509_key_info(out->spki, &out->key_type, &out->key_bits))
		return fail(why, "its public key is malformed");
	return 0;
}

int x509_parse(struct der whole, struct x509 *out, const char **why)
{
	struct der body, version, number, validity, algorithm, extensions;
	int err;

	err = frame_read(whole, out, &body, why);
	if (err)
		return err;
	if (!der_expect(&body, DER_CONTEXT_CONSTRUCTED(0), &version) ||
	    !der_expect(&version, DER_INTEGER, &number) || number.n != 1 || number.p[0] != 2)
		return fail(why, "it is not an X.509 version 3 certificate");
	if (!der_expect(&body, DER_INTEGER, &out->serial) || out->serial.n == 0)
		return fail(why, "its serial number is malformed");
	if (!der_expect_whole(&body, DER_SEQUENCE, &algorithm) || !der_equal(algorithm, out->algorithm))
		return fail(why, "its two signature algorithms differ");
	if (!der_expect_whole(&body, DER_SEQUENCE, &out->issuer))
		return fail(why, "its issuer is malformed");
	if (!der_expect(&body, DER_SEQUENCE, &validity) || !x509_time_read(&validity, &out->not_before) ||
	    !x509_time_read(&validity, &out->not_after))
		return fail(why, "its validity is malformed");
	if (!der_expect_whole(&body, DER_SEQUENCE, &out->subject))
		return fail(why, "its subject is malformed");
	err = key_read(&body, out, why);
	if (err)
		return err;
	der_expect(&body, DER_CONTEXT(1), NULL);	/* unique identifiers, of version 2 */
	der_expect(&body, DER_CONTEXT(2), NULL);
	if (der_expect(&body, DER_CONTEXT_CONSTRUCTED(3), &extensions) && !extensions_read(extensions, out))
		return fail(why, "its extensions are malformed");
	return body.n ? fail(why, "it holds unknown fields") : 0;
}

int x509_request_parse(struct der whole, struct x509 *out, const char **why)
{
	struct der body, number, attributes, attribute, oid, values;
	int err;

	err = frame_read(whole, out, &body, why);
	if (err)
		return err;
	if (!der_expect(&body, DER_INTEGER, &number) || number.n != 1 || number.p[0] != 0)
		return fail(why, "it is not a PKCS#10 request of version 1");
	if (!der_expect_whole(&body, DER_SEQUENCE, &out->subject))
		return fail(why, "its subject is malformed");
	err = key_read(&body, out, why);
	if (err)
		return err;
	if (!der_expect(&body, DER_CONTEXT_CONSTRUCTED(0), &attributes) || body.n)
		return fail(why, "its attributes are malformed");
	while (attributes.n) {
		if (!der_expect(&attributes, DER_SEQUENCE, &attribute) ||
		    !der_expect(&attribute, DER_OID, &oid) || !der_expect(&attribute, DER_SET, &values))
			return fail(why, "its attributes are malformed");
		if (der_equal(oid, X509_OID_EXTENSION_REQUEST) && !extensions_read(values, out))
			return fail(why, "its requested extensions are malformed");
	}
	return 0;
}
