/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/ca.h"

#include "tls/cert.h"
#include "tls/constraints.h"
#include "tls/pem.h"
#include "tls/rng.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CERTIFICATE_MAX_BYTES 16384u
#define SERIAL_BYTES 16u
#define BACKDATE_SECONDS 300	/* a client's clock may be a little behind */

__attribute__((format(printf, 3, 4))) static void *refuse(char *err, size_t err_bytes, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, err_bytes, format, args);
	va_end(args);
	return NULL;
}

bool tls_ca_key_id(struct der spki, uint8_t id[TLS_KEY_ID_BYTES])
{
	struct der body, bits;
	uint8_t digest[32];

	if (!der_expect(&spki, DER_SEQUENCE, &body) || !der_expect(&body, DER_SEQUENCE, NULL) ||
	    !der_bits(&body, &bits) || tls_sha256(bits, digest) != 0)
		return false;
	memcpy(id, digest, TLS_KEY_ID_BYTES);
	return true;
}

void tls_ca_put_time(struct der_writer *w, time_t at)
{
	char text[32];
	struct tm tm;
	size_t n;

	gmtime_r(&at, &tm);
	n = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	if (tm.tm_year + 1900 < 2050)	/* RFC 5280 4.1.2.5: two digits of the year until then */
		der_put_element(w, DER_UTC_TIME, (struct der){ (const uint8_t *)text + 2, n - 2 });
	else
		der_put_element(w, DER_GENERALIZED_TIME, (struct der){ (const uint8_t *)text, n });
}

static void put_key_ids(struct der_writer *w, struct der subject_id, struct der issuer_id)
{
	size_t mark = der_mark(w);

	der_put_element(w, DER_CONTEXT(0), issuer_id);
	der_wrap(w, DER_SEQUENCE, mark);
	tls_extension_wrap(w, X509_OID_AUTHORITY_KEY_ID, false, mark);
	mark = der_mark(w);
	der_put_element(w, DER_OCTET_STRING, subject_id);
	tls_extension_wrap(w, X509_OID_SUBJECT_KEY_ID, false, mark);
}

/* keyUsage and basicConstraints, both critical: RFC 5280 4.2.1.3, 4.2.1.9. */
static void put_ca_extensions(struct der_writer *w)
{
	size_t mark = der_mark(w);

	der_put(w, DER_BYTES("\x03\x02\x01\x06"));	/* keyCertSign, cRLSign */
	tls_extension_wrap(w, X509_OID_KEY_USAGE, true, mark);
	mark = der_mark(w);
	der_put_integer(w, DER_BYTES("\0"));		/* no CA below it */
	der_put_element(w, DER_BOOLEAN, DER_BYTES("\xff"));
	der_wrap(w, DER_SEQUENCE, mark);
	tls_extension_wrap(w, X509_OID_BASIC_CONSTRAINTS, true, mark);
}

static void put_leaf_extensions(struct der_writer *w, unsigned int usage)
{
	size_t mark;

	tls_usage_put(w, usage);
	mark = der_mark(w);
	der_put(w, DER_BYTES("\x03\x02\x07\x80"));	/* digitalSignature */
	tls_extension_wrap(w, X509_OID_KEY_USAGE, true, mark);
	mark = der_mark(w);
	der_wrap(w, DER_SEQUENCE, mark);
	tls_extension_wrap(w, X509_OID_BASIC_CONSTRAINTS, true, mark);
}

struct body {
	struct der subject, issuer;	/* Name elements */
	struct der spki;
	struct der algorithm;
	struct der alt_names;		/* GeneralNames element; empty: none */
	struct der issuer_id;		/* empty: its own */
	struct der constraints;		/* an extension, or empty */
	time_t not_before, not_after;
	unsigned int usage;		/* enum tls_usage */
	bool ca;
};

static const uint8_t *serial_new(uint8_t serial[SERIAL_BYTES])
{
	if (tls_rng_generate(serial, SERIAL_BYTES) != 0)
		return NULL;
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);	/* positive, and always as long */
	return serial;
}

/* TBSCertificate, RFC 5280 4.1, back to front. */
static bool put_body(struct der_writer *w, const struct body *b)
{
	uint8_t serial[SERIAL_BYTES], id[TLS_KEY_ID_BYTES];
	struct der own = { id, sizeof(id) };
	struct der name = b->subject, attributes;
	size_t mark;

	if (!serial_new(serial) || !tls_ca_key_id(b->spki, id))
		return false;
	if (b->alt_names.n) {
		/* Critical when the subject is empty: RFC 5280 4.2.1.6. */
		bool named = der_expect(&name, DER_SEQUENCE, &attributes) && attributes.n > 0;

		mark = der_mark(w);
		der_put(w, b->alt_names);
		tls_extension_wrap(w, X509_OID_ALT_NAME, !named, mark);
	}
	put_key_ids(w, own, b->issuer_id.n ? b->issuer_id : own);
	der_put(w, b->constraints);
	if (b->ca)
		put_ca_extensions(w);
	else
		put_leaf_extensions(w, b->usage);
	der_wrap(w, DER_SEQUENCE, 0);
	der_wrap(w, DER_CONTEXT_CONSTRUCTED(3), 0);
	der_put(w, b->spki);
	der_put(w, b->subject);
	mark = der_mark(w);
	tls_ca_put_time(w, b->not_after);
	tls_ca_put_time(w, b->not_before);
	der_wrap(w, DER_SEQUENCE, mark);
	der_put(w, b->issuer);
	der_put(w, b->algorithm);
	der_put_integer(w, (struct der){ serial, sizeof(serial) });
	mark = der_mark(w);
	der_put_integer(w, DER_BYTES("\x02"));		/* version 3 */
	der_wrap(w, DER_CONTEXT_CONSTRUCTED(0), mark);
	der_wrap(w, DER_SEQUENCE, 0);
	return true;
}

static char *sign_body(const struct body *b, struct tls_key *key, char *err, size_t err_bytes)
{
	uint8_t buf[CERTIFICATE_MAX_BYTES];
	struct der_writer w;
	struct der tbs;
	char *text;

	der_writer_init(&w, buf, sizeof(buf));
	if (!put_body(&w, b))
		return refuse(err, err_bytes, "no random number for the serial, or a malformed key");
	if (!der_written(&w, &tbs))
		return refuse(err, err_bytes, "the certificate would be larger than %u bytes", CERTIFICATE_MAX_BYTES);
	text = tls_sign_pem(key, tbs, "CERTIFICATE");
	return text ? text : refuse(err, err_bytes, "the certificate can't be signed");
}

static bool days_good(unsigned int days, char *err, size_t err_bytes)
{
	if (days >= 1 && days <= TLS_DAYS_MAX)
		return true;
	refuse(err, err_bytes, "a certificate can be valid for 1 to %u days, not %u", TLS_DAYS_MAX, days);
	return false;
}

static char *self_sign(struct tls_key *key, const struct tls_subject *subject, bool ca, unsigned int days, time_t now,
		       char *err, size_t err_bytes)
{
	uint8_t name_buf[2048], alt_buf[CERTIFICATE_MAX_BYTES];
	struct der_writer w;
	struct body b = { .ca = ca, .usage = TLS_USAGE_SERVER, .spki = tls_key_spki(key), .algorithm = tls_key_algorithm(key),
			  .not_before = now - BACKDATE_SECONDS, .not_after = now + (time_t)days * 86400 };

	if (!days_good(days, err, err_bytes))
		return NULL;
	der_writer_init(&w, name_buf, sizeof(name_buf));
	if (tls_subject_put_name(&w, subject, err, err_bytes) != 0)
		return NULL;
	if (!der_written(&w, &b.subject))
		return refuse(err, err_bytes, "the subject is too long");
	b.issuer = b.subject;
	der_writer_init(&w, alt_buf, sizeof(alt_buf));
	if (ca && subject->n_permitted) {
		if (tls_constraints_put(&w, subject->permitted, subject->n_permitted, err, err_bytes) != 0)
			return NULL;
		if (!der_written(&w, &b.constraints))
			return refuse(err, err_bytes, "the names that the CA may sign for are too many");
	} else if (!ca) {
		if (tls_subject_put_alt_names(&w, subject, err, err_bytes) != 0)
			return NULL;
		if (!der_written(&w, &b.alt_names))
			return refuse(err, err_bytes, "the alternative names are too long");
	}
	return sign_body(&b, key, err, err_bytes);
}

char *tls_ca_make(struct tls_key *key, const struct tls_subject *subject, unsigned int days, time_t now, char *err,
		  size_t err_bytes)
{
	if (!subject->common_name || !*subject->common_name)
		return refuse(err, err_bytes, "a CA needs a name");
	return self_sign(key, subject, true, days, now, err, err_bytes);
}

char *tls_self_signed(struct tls_key *key, const struct tls_subject *subject, unsigned int days, time_t now,
		      char *err, size_t err_bytes)
{
	return self_sign(key, subject, false, days, now, err, err_bytes);
}

/* A name that a certificate of that use may hold. */
static bool alt_name_good(enum x509_alt_kind kind, struct der value, unsigned int usage, char *err, size_t err_bytes)
{
	char text[TLS_CERT_NAME_BYTES];

	x509_alt_format(kind, value, text, sizeof(text));
	if (kind == X509_ALT_IP || (kind == X509_ALT_EMAIL && usage == TLS_USAGE_CLIENT && strlen(text) == value.n &&
				    strchr(text, '@')))
		return true;
	if (kind != X509_ALT_DNS)
		return refuse(err, err_bytes, "the request asks for an alternative name (%s) that is neither a host name nor an address", text);
	if (strlen(text) != value.n || !tls_host_name_valid(text))
		return refuse(err, err_bytes, "the request asks for \"%s\", which is not a host name", text);
	return true;
}

/* The names that a request asks for, checked; the common name of a server's when it brings no others. */
static bool request_alt_names(const struct x509 *x, unsigned int usage, struct der_writer *w, struct der *out,
			      char *err, size_t err_bytes)
{
	char common[TLS_CERT_NAME_BYTES] = "";
	struct tls_subject subject = { .common_name = common, .usage = usage };
	struct der at = x509_alt_begin(x), value;
	enum x509_alt_kind kind;
	size_t n = 0;

	*out = x->alt_names;
	for (; at.n; n++) {
		if (!x509_alt_next(&at, &kind, &value))
			return refuse(err, err_bytes, "the request's alternative names are malformed");
		if (n == TLS_ALT_NAMES_MAX)
			return refuse(err, err_bytes, "the request holds more than %u alternative names", TLS_ALT_NAMES_MAX);
		if (!alt_name_good(kind, value, usage, err, err_bytes))
			return false;
	}
	if (n)
		return true;
	*out = (struct der){ 0 };
	x509_name_attribute(x->subject, X509_OID_CN, common, sizeof(common));
	if (usage == TLS_USAGE_CLIENT)
		return *common || refuse(err, err_bytes, "the request names nobody: neither alternative names nor a common name");
	if (tls_subject_put_alt_names(w, &subject, err, err_bytes) != 0)
		return refuse(err, err_bytes, "the request names no host: neither alternative names nor a host name as common name");
	return der_written(w, out);
}

static bool subject_good(struct der name, char *err, size_t err_bytes)
{
	struct der rdns, set, one;

	if (!der_expect(&name, DER_SEQUENCE, &rdns))
		return refuse(err, err_bytes, "the request's subject is malformed");
	while (rdns.n) {
		if (!der_expect(&rdns, DER_SET, &set) || set.n == 0)
			return refuse(err, err_bytes, "the request's subject is malformed");
		while (set.n)
			if (!der_expect(&set, DER_SEQUENCE, &one) || !der_expect(&one, DER_OID, NULL) ||
			    !der_read(&one, NULL, NULL, NULL) || one.n)
				return refuse(err, err_bytes, "the request's subject is malformed");
	}
	return true;
}

static bool ca_usable(const struct x509 *ca, struct tls_key *key, time_t now, char *err, size_t err_bytes)
{
	if (!ca->ca || (ca->has_usage && !(ca->usage & X509_KEY_CERT_SIGN)))
		return refuse(err, err_bytes, "the certificate of the CA isn't one that may sign others");
	if (!der_equal(ca->spki, tls_key_spki(key)))
		return refuse(err, err_bytes, "the CA's key does not belong to its certificate");
	if (now >= ca->not_after)
		return refuse(err, err_bytes, "the CA's certificate has expired");
	return true;
}

/* A request that says what it is for isn't given something else. */
static bool usage_good(const struct x509 *x, unsigned int usage, char *err, size_t err_bytes)
{
	if (x->ca)
		return refuse(err, err_bytes, "the request is for a CA; only server certificates and client certificates are issued");
	if (x->has_extended_usage && (((usage & TLS_USAGE_SERVER) && !x->server_auth) ||
				      ((usage & TLS_USAGE_CLIENT) && !x->client_auth)))
		return refuse(err, err_bytes, "the request is for a %s certificate; grant that with --usage, or have a new request made",
			      x->server_auth ? "server" : x->client_auth ? "client" : "quite different");
	return true;
}

/* For what stands in @x, with the key @spki. */
static char *issue(const struct x509 *ca, struct tls_key *ca_key, const struct x509 *x, struct der spki,
		   unsigned int usage, unsigned int days, time_t now, char *err, size_t err_bytes)
{
	uint8_t alt_buf[1024], id[TLS_KEY_ID_BYTES];
	struct der_writer w;
	struct body b = { .subject = x->subject, .issuer = ca->subject, .spki = spki, .usage = usage,
			  .algorithm = tls_key_algorithm(ca_key), .issuer_id = ca->key_id,
			  .not_before = now - BACKDATE_SECONDS, .not_after = now + (time_t)days * 86400 };

	if (!ca_usable(ca, ca_key, now, err, err_bytes) || !days_good(days, err, err_bytes) ||
	    !usage_good(x, usage, err, err_bytes))
		return NULL;
	if (!b.issuer_id.n && tls_ca_key_id(ca->spki, id))
		b.issuer_id = (struct der){ id, sizeof(id) };
	if (b.not_before < ca->not_before)
		b.not_before = ca->not_before;
	if (b.not_after > ca->not_after)
		b.not_after = ca->not_after;
	der_writer_init(&w, alt_buf, sizeof(alt_buf));
	if (!subject_good(x->subject, err, err_bytes) ||
	    !request_alt_names(x, usage, &w, &b.alt_names, err, err_bytes) ||
	    !tls_constraints_allow(ca->constraints, b.alt_names, err, err_bytes))
		return NULL;
	return sign_body(&b, ca_key, err, err_bytes);
}

char *tls_ca_issue(struct der ca_pem, struct tls_key *ca_key, const struct tls_request *request, unsigned int days,
		   time_t now, char *err, size_t err_bytes)
{
	struct pem_block b;
	struct x509 ca;
	char *text = NULL;

	if (tls_pem_cert(ca_pem, &b, &ca, err, err_bytes) == 0)
		text = issue(&ca, ca_key, &request->x, request->x.spki, request->usage, days, now, err, err_bytes);
	pem_block_fini(&b);
	return text;
}

static char *renew(const struct x509 *ca, struct tls_key *ca_key, const struct x509 *old, struct der spki,
		   unsigned int days, time_t now, char *err, size_t err_bytes)
{
	unsigned int usage = (old->server_auth ? TLS_USAGE_SERVER : 0) | (old->client_auth ? TLS_USAGE_CLIENT : 0);

	if (!der_equal(old->issuer, ca->subject) ||
	    tls_signature_check(ca->spki, old->algorithm, old->tbs, old->signature) != TLS_SIGNATURE_GOOD)
		return refuse(err, err_bytes, "it was not issued by this CA; ask the one that did");
	return issue(ca, ca_key, old, spki.n ? spki : old->spki, usage, days, now, err, err_bytes);
}

char *tls_ca_renew(struct der ca_pem, struct tls_key *ca_key, struct der old_pem, struct der spki, unsigned int days,
		   time_t now, char *err, size_t err_bytes)
{
	struct pem_block ca_block, old_block;
	struct x509 ca, old;
	char *text = NULL;

	if (tls_pem_cert(ca_pem, &ca_block, &ca, err, err_bytes) == 0) {
		if (tls_pem_cert(old_pem, &old_block, &old, err, err_bytes) == 0)
			text = renew(&ca, ca_key, &old, spki, days, now, err, err_bytes);
		pem_block_fini(&old_block);
	}
	pem_block_fini(&ca_block);
	return text;
}

int tls_pem_cert(struct der text, struct pem_block *b, struct x509 *x, char *err, size_t err_bytes)
{
	enum pem_result r;
	const char *why;

	while ((r = pem_next(&text, b)) == PEM_BLOCK) {
		if (strcmp(b->label, "CERTIFICATE") == 0) {
			if (x509_parse((struct der){ b->der, b->der_bytes }, x, &why) == 0)
				return 0;
			refuse(err, err_bytes, "the certificate can't be read: %s", why);
			return -EINVAL;
		}
		pem_block_fini(b);
	}
	refuse(err, err_bytes, r == PEM_END ? "there is no certificate in the file" : "the certificate's PEM text is damaged");
	return -EINVAL;
}
