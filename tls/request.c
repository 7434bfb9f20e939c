/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/request.h"

#include "tls/pem.h"
#include "tls/refuse.h"
#include "tls/utf8.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REQUEST_MAX_BYTES 16384u
#define COMMON_NAME_MAX 64u	/* ub-common-name, RFC 5280 appendix A */
#define ATTRIBUTE_MAX 128u	/* the largest bound of the others there */

static struct der text_slice(const char *text)
{
	return (struct der){ (const uint8_t *)text, strlen(text) };
}

/* Well-formed UTF-8 without control characters; *characters: how many. */
static bool utf8_valid(const char *text, size_t *characters)
{
	struct der left = text_slice(text);
	uint32_t c;
	size_t n;

	for (*characters = 0; left.n; (*characters)++) {
		n = utf8_read(left.p, left.n, &c);
		if (n == 0 || c < 0x20 || c == 0x7f)
			return false;
		left.p += n;
		left.n -= n;
	}
	return true;
}

bool tls_host_name_valid(const char *name)
{
	size_t n = strlen(name), label = 0, i;

	if (strncmp(name, "*.", 2) == 0) {
		name += 2;
		n -= 2;
		if (!strchr(name, '.'))
			return false;
	}
	if (n == 0 || n > 253)
		return false;
	for (i = 0; i < n; i++) {
		if (name[i] == '.') {
			if (label == 0 || name[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)name[i]) && name[i] != '_' && (name[i] != '-' || label == 0))
			return false;
		if (++label > 63)
			return false;
	}
	return label > 0 && name[n - 1] != '-';
}

static int put_attribute(struct der_writer *w, const char *what, struct der oid, unsigned int tag, const char *text,
			 char *err, size_t err_bytes)
{
	size_t mark = der_mark(w), characters, most = tag == DER_UTF8_STRING && strcmp(what, "common name") == 0 ?
		COMMON_NAME_MAX : ATTRIBUTE_MAX;

	if (!text || !*text)
		return 0;
	if (!utf8_valid(text, &characters))
		return tls_refuse(-EINVAL, err, err_bytes, "the %s is not UTF-8 text without control characters", what);
	if (characters > most)
		return tls_refuse(-EINVAL, err, err_bytes, "the %s has %zu characters; at most %zu are allowed", what, characters, most);
	if (tag == DER_PRINTABLE_STRING && (strlen(text) != 2 || !isupper((unsigned char)text[0]) ||
					    !isupper((unsigned char)text[1])))
		return tls_refuse(-EINVAL, err, err_bytes, "the country \"%s\" is not a code of two capital letters, such as DE", text);
	if (tag == DER_IA5_STRING && (strlen(text) != characters || !strchr(text, '@')))
		return tls_refuse(-EINVAL, err, err_bytes, "\"%s\" is not an e-mail address", text);
	der_put_element(w, tag, text_slice(text));
	der_put_element(w, DER_OID, oid);
	der_wrap(w, DER_SEQUENCE, mark);
	der_wrap(w, DER_SET, mark);
	return 0;
}

int tls_subject_put_name(struct der_writer *w, const struct tls_subject *s, char *err, size_t err_bytes)
{
	size_t mark = der_mark(w);
	int bad;

	/* Backwards: country comes first in the name. */
	bad = put_attribute(w, "e-mail address", X509_OID_EMAIL, DER_IA5_STRING, s->email, err, err_bytes);
	if (!bad)
		bad = put_attribute(w, "common name", X509_OID_CN, DER_UTF8_STRING, s->common_name, err, err_bytes);
	if (!bad)
		bad = put_attribute(w, "unit", X509_OID_UNIT, DER_UTF8_STRING, s->unit, err, err_bytes);
	if (!bad)
		bad = put_attribute(w, "organisation", X509_OID_ORGANISATION, DER_UTF8_STRING, s->organisation, err,
				    err_bytes);
	if (!bad)
		bad = put_attribute(w, "city", X509_OID_CITY, DER_UTF8_STRING, s->city, err, err_bytes);
	if (!bad)
		bad = put_attribute(w, "state", X509_OID_STATE, DER_UTF8_STRING, s->state, err, err_bytes);
	if (!bad)
		bad = put_attribute(w, "country", X509_OID_COUNTRY, DER_PRINTABLE_STRING, s->country, err, err_bytes);
	der_wrap(w, DER_SEQUENCE, mark);
	return bad;
}

static int put_alt_name(struct der_writer *w, const char *name, char *err, size_t err_bytes)
{
	uint8_t ip[16];

	if (inet_pton(AF_INET, name, ip) == 1)
		der_put_element(w, DER_CONTEXT(7), (struct der){ ip, 4 });
	else if (inet_pton(AF_INET6, name, ip) == 1)
		der_put_element(w, DER_CONTEXT(7), (struct der){ ip, 16 });
	else if (tls_host_name_valid(name))
		der_put_element(w, DER_CONTEXT(2), text_slice(name));
	else
		return tls_refuse(-EINVAL, err, err_bytes, "\"%s\" is neither a host name nor an IP address", name);
	return 0;
}

static bool usable_as_alt_name(const char *name)
{
	uint8_t ip[16];

	return name && strchr(name, '.') && (tls_host_name_valid(name) || inet_pton(AF_INET, name, ip) == 1);
}

int tls_subject_put_alt_names(struct der_writer *w, const struct tls_subject *s, char *err, size_t err_bytes)
{
	size_t mark = der_mark(w), i;
	bool common = usable_as_alt_name(s->common_name);

	if (s->n_alt_names > TLS_ALT_NAMES_MAX)
		return tls_refuse(-EINVAL, err, err_bytes, "more than %u alternative names", TLS_ALT_NAMES_MAX);
	for (i = s->n_alt_names; i > 0; i--) {
		if (common && strcasecmp(s->alt_names[i - 1], s->common_name) == 0)
			continue;
		if (put_alt_name(w, s->alt_names[i - 1], err, err_bytes) != 0)
			return -EINVAL;
	}
	if (common && put_alt_name(w, s->common_name, err, err_bytes) != 0)
		return -EINVAL;
	if (s->usage == TLS_USAGE_CLIENT && s->email && *s->email)
		der_put_element(w, DER_CONTEXT(1), text_slice(s->email));
	if (der_mark(w) == mark)
		return s->usage == TLS_USAGE_CLIENT ? 0 :
		       tls_refuse(-EINVAL, err, err_bytes, "there is no host name: name one by --cn or --alt, as clients check it");
	der_wrap(w, DER_SEQUENCE, mark);
	return 0;
}

void tls_usage_put(struct der_writer *w, unsigned int usage)
{
	size_t mark = der_mark(w);

	if (usage & TLS_USAGE_CLIENT)
		der_put_element(w, DER_OID, X509_OID_CLIENT_AUTH);
	if (usage & TLS_USAGE_SERVER)
		der_put_element(w, DER_OID, X509_OID_SERVER_AUTH);
	der_wrap(w, DER_SEQUENCE, mark);
	tls_extension_wrap(w, X509_OID_EXTENDED_KEY_USAGE, false, mark);
}

void tls_extension_wrap(struct der_writer *w, struct der oid, bool critical, size_t mark)
{
	der_wrap(w, DER_OCTET_STRING, mark);
	if (critical)
		der_put_element(w, DER_BOOLEAN, DER_BYTES("\xff"));
	der_put_element(w, DER_OID, oid);
	der_wrap(w, DER_SEQUENCE, mark);
}

char *tls_sign_pem(struct tls_key *key, struct der tbs, const char *label)
{
	size_t buf_bytes = tbs.n + 2 * TLS_SIGNATURE_MAX_BYTES, signature_bytes;
	uint8_t signature[TLS_SIGNATURE_MAX_BYTES], *buf;
	struct der_writer w;
	char *text = NULL;
	struct der whole;

	if (tls_key_sign(key, tbs, signature, &signature_bytes) != 0)
		return NULL;
	buf = malloc(buf_bytes);
	if (!buf)
		return NULL;
	der_writer_init(&w, buf, buf_bytes);
	der_put(&w, (struct der){ signature, signature_bytes });
	der_wrap_bits(&w, 0);
	der_put(&w, tls_key_algorithm(key));
	der_put(&w, tbs);
	der_wrap(&w, DER_SEQUENCE, 0);
	if (der_written(&w, &whole))
		text = pem_encode(label, whole);
	free(buf);
	return text;
}

char *tls_request_make(struct tls_key *key, const struct tls_subject *subject, char *err, size_t err_bytes)
{
	uint8_t buf[REQUEST_MAX_BYTES];
	struct der_writer w;
	struct der tbs;
	char *text;

	der_writer_init(&w, buf, sizeof(buf));
	if (tls_subject_put_alt_names(&w, subject, err, err_bytes) != 0)
		return NULL;
	if (der_mark(&w))
		tls_extension_wrap(&w, X509_OID_ALT_NAME, false, 0);
	if (subject->usage)
		tls_usage_put(&w, subject->usage);
	der_wrap(&w, DER_SEQUENCE, 0);		/* Extensions */
	der_wrap(&w, DER_SET, 0);
	der_put_element(&w, DER_OID, X509_OID_EXTENSION_REQUEST);
	der_wrap(&w, DER_SEQUENCE, 0);
	der_wrap(&w, DER_CONTEXT_CONSTRUCTED(0), 0);
	der_put(&w, tls_key_spki(key));
	if (tls_subject_put_name(&w, subject, err, err_bytes) != 0)
		return NULL;
	der_put_integer(&w, DER_BYTES("\0"));
	der_wrap(&w, DER_SEQUENCE, 0);
	if (!der_written(&w, &tbs)) {
		tls_refuse(-EINVAL, err, err_bytes, "the request would be larger than %u bytes", REQUEST_MAX_BYTES);
		return NULL;
	}
	text = tls_sign_pem(key, tbs, "CERTIFICATE REQUEST");
	if (!text)
		tls_refuse(-EINVAL, err, err_bytes, "the request can't be signed");
	return text;
}

static int request_check(const struct x509 *x, char *err, size_t err_bytes)
{
	if (x->key_type == TLS_KEY_UNKNOWN)
		return tls_refuse(-EINVAL, err, err_bytes, "the request's key is of a kind that is not supported; use RSA, P-256, P-384 or Ed25519");
	if (x->key_type == TLS_KEY_RSA &&
	    (x->key_bits < TLS_KEY_RSA_MIN_BITS || x->key_bits > TLS_KEY_RSA_MAX_BITS))
		return tls_refuse(-EINVAL, err, err_bytes, "the request's RSA key has %u bits; %u to %u are accepted", x->key_bits,
			      TLS_KEY_RSA_MIN_BITS, TLS_KEY_RSA_MAX_BITS);
	switch (tls_signature_check(x->spki, x->algorithm, x->tbs, x->signature)) {
	case TLS_SIGNATURE_GOOD:
		return 0;
	case TLS_SIGNATURE_BAD:
		return tls_refuse(-EINVAL, err, err_bytes, "the request's signature is wrong: it was not made by its key, or was changed since");
	case TLS_SIGNATURE_UNKNOWN_ALGORITHM:
		break;
	}
	return tls_refuse(-EINVAL, err, err_bytes, "the request is signed with an algorithm that is not supported (SHA-1 isn't)");
}

/* The request's DER, in memory of its own: of the first such block, or the text itself. */
static int request_der(struct der text, uint8_t **der, size_t *bytes, char *err, size_t err_bytes)
{
	struct pem_block b;
	enum pem_result r;

	if (text.n && text.p[0] == DER_SEQUENCE) {
		*der = malloc(text.n);
		if (!*der)
			return tls_refuse(-EINVAL, err, err_bytes, "out of memory");
		memcpy(*der, text.p, text.n);
		*bytes = text.n;
		return 0;
	}
	for (;;) {
		r = pem_next(&text, &b);
		if (r == PEM_BAD || r == PEM_NO_MEMORY)
			return tls_refuse(-EINVAL, err, err_bytes, r == PEM_BAD ? "the PEM text is damaged" : "out of memory");
		if (r == PEM_END)
			return tls_refuse(-EINVAL, err, err_bytes, "there is no certificate request in it (no BEGIN CERTIFICATE REQUEST line)");
		if (b.der && (strcmp(b.label, "CERTIFICATE REQUEST") == 0 ||
			      strcmp(b.label, "NEW CERTIFICATE REQUEST") == 0)) {
			*der = b.der;
			*bytes = b.der_bytes;
			return 0;
		}
		pem_block_fini(&b);
	}
}

int tls_request_read(struct der text, struct tls_request *out, char *err, size_t err_bytes)
{
	const char *why;
	size_t bytes = 0;
	int bad;

	memset(out, 0, sizeof(*out));
	out->usage = TLS_USAGE_SERVER;
	bad = request_der(text, &out->der, &bytes, err, err_bytes);
	if (bad)
		return bad;
	if (x509_request_parse((struct der){ out->der, bytes }, &out->x, &why) != 0)
		bad = tls_refuse(-EINVAL, err, err_bytes, "the request can't be read: %s", why);
	else
		bad = request_check(&out->x, err, err_bytes);
	if (bad)
		tls_request_fini(out);
	return bad;
}

void tls_request_fini(struct tls_request *r)
{
	free(r->der);
	r->der = NULL;
}
