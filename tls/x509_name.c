/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in certificates: distinguished names and alternative names as text, and host names matched against them. */
#include "tls/x509.h"

#include "tls/utf8.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

/* The next character of a text of that tag: T61String as Latin-1, as CAs used it, and BMPString in 16 bits. */
static uint32_t character_next(struct der *value, unsigned int tag)
{
	uint32_t c = 0;
	size_t n = 1;

	if (tag == DER_T61_STRING) {
		c = value->p[0];
	} else if (tag == DER_BMP_STRING) {
		n = value->n > 1 ? 2 : 1;
		c = n == 2 ? (uint32_t)value->p[0] << 8 | value->p[1] : 0;
		if (c >= 0xd800 && c < 0xe000)
			c = 0;
	} else {
		n = utf8_read(value->p, value->n, &c);
		if (n == 0) {
			c = 0;
			n = 1;
		}
	}
	value->p += n;
	value->n -= n;
	return c;
}

/*
 * Appends a text as UTF-8, cut between characters. What a stranger put into a name
 * must not steer a terminal, break a log line, or make JSON impossible.
 */
static size_t text_append_as(char *buf, size_t buf_bytes, size_t at, struct der value, unsigned int tag)
{
	uint8_t out[4];
	uint32_t c;
	size_t n;

	while (value.n) {
		c = character_next(&value, tag);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			c = '?';
		n = utf8_write(out, c);
		if (at + n >= buf_bytes)
			break;
		memcpy(buf + at, out, n);
		at += n;
	}
	if (buf_bytes)
		buf[at] = '\0';
	return at;
}

static size_t text_append(char *buf, size_t buf_bytes, size_t at, struct der value)
{
	return text_append_as(buf, buf_bytes, at, value, DER_UTF8_STRING);
}

/* The next attribute of a name; *rdns starts as the body of the Name. */
static bool attribute_next(struct der *rdns, struct der *set, struct der *oid, struct der *value, uint8_t *tag)
{
	struct der one;

	if (set->n == 0 && !der_expect(rdns, DER_SET, set))
		return false;
	return der_expect(set, DER_SEQUENCE, &one) && der_expect(&one, DER_OID, oid) &&
	       der_read(&one, tag, value, NULL);
}

bool x509_name_attribute(struct der name, struct der oid, char *buf, size_t buf_bytes)
{
	struct der rdns, set = { 0 }, this, value;
	bool found = false;
	uint8_t tag;

	if (!der_expect(&name, DER_SEQUENCE, &rdns))
		return false;
	while (attribute_next(&rdns, &set, &this, &value, &tag)) {
		if (der_equal(this, oid)) {
			text_append_as(buf, buf_bytes, 0, value, tag);
			found = true;
		}
	}
	return found;
}

static const char *attribute_label(struct der oid)
{
	static const struct {
		struct der oid;
		const char *label;
	} known[] = {
		{ { (const uint8_t *)"\x55\x04\x03", 3 }, "CN" },
		{ { (const uint8_t *)"\x55\x04\x06", 3 }, "C" },
		{ { (const uint8_t *)"\x55\x04\x07", 3 }, "L" },
		{ { (const uint8_t *)"\x55\x04\x08", 3 }, "ST" },
		{ { (const uint8_t *)"\x55\x04\x0a", 3 }, "O" },
		{ { (const uint8_t *)"\x55\x04\x0b", 3 }, "OU" },
		{ { (const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9 }, "emailAddress" },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (der_equal(known[i].oid, oid))
			return known[i].label;
	return "other";
}

void x509_name_format(struct der name, char *buf, size_t buf_bytes)
{
	struct der rdns, set = { 0 }, oid, value;
	const char *label;
	uint8_t tag;
	size_t at = 0;

	if (buf_bytes)
		buf[0] = '\0';
	if (!der_expect(&name, DER_SEQUENCE, &rdns))
		return;
	while (attribute_next(&rdns, &set, &oid, &value, &tag)) {
		label = attribute_label(oid);
		if (at)
			at = text_append(buf, buf_bytes, at, DER_BYTES(", "));
		at = text_append(buf, buf_bytes, at, (struct der){ (const uint8_t *)label, strlen(label) });
		at = text_append(buf, buf_bytes, at, DER_BYTES("="));
		at = text_append_as(buf, buf_bytes, at, value, tag);
	}
}

struct der x509_alt_begin(const struct x509 *x)
{
	struct der names = x->alt_names, body = { 0 };

	der_expect(&names, DER_SEQUENCE, &body);
	return body;
}

bool x509_alt_next(struct der *at, enum x509_alt_kind *kind, struct der *value)
{
	uint8_t tag;

	if (!der_read(at, &tag, value, NULL))
		return false;
	*kind = tag == DER_CONTEXT(2) ? X509_ALT_DNS :
		tag == DER_CONTEXT(7) && (value->n == 4 || value->n == 16) ? X509_ALT_IP :
		tag == DER_CONTEXT(1) ? X509_ALT_EMAIL : X509_ALT_OTHER;
	return true;
}

void x509_alt_format(enum x509_alt_kind kind, struct der value, char *buf, size_t buf_bytes)
{
	if (!buf_bytes)
		return;
	buf[0] = '\0';
	if (kind == X509_ALT_IP)
		inet_ntop(value.n == 4 ? AF_INET : AF_INET6, value.p, buf, (socklen_t)buf_bytes);
	else if (kind == X509_ALT_OTHER)
		snprintf(buf, buf_bytes, "other");
	else
		text_append(buf, buf_bytes, 0, value);
}

static bool dns_matches(struct der pattern, const char *name)
{
	size_t n = strlen(name);
	const char *dot;

	if (n && name[n - 1] == '.')	/* the root's dot, which a client may send */
		n--;
	if (pattern.n >= 3 && pattern.p[0] == '*' && pattern.p[1] == '.') {
		dot = memchr(name, '.', n);
		if (!dot || dot == name)
			return false;
		n -= (size_t)(dot - name) + 1;
		name = dot + 1;
		pattern.p += 2;
		pattern.n -= 2;
		if (!memchr(pattern.p, '.', pattern.n))	/* "*.com" speaks for nobody */
			return false;
	}
	return n == pattern.n && n > 0 && strncasecmp((const char *)pattern.p, name, n) == 0;
}

bool x509_names_host(const struct x509 *x, const char *name)
{
	struct der at = x509_alt_begin(x), value;
	enum x509_alt_kind kind;
	uint8_t ip[16];
	size_t ip_bytes = 0;

	if (inet_pton(AF_INET, name, ip) == 1)
		ip_bytes = 4;
	else if (inet_pton(AF_INET6, name, ip) == 1)
		ip_bytes = 16;
	while (x509_alt_next(&at, &kind, &value)) {
		if (kind == X509_ALT_DNS && !ip_bytes && dns_matches(value, name))
			return true;
		if (kind == X509_ALT_IP && ip_bytes == value.n && memcmp(ip, value.p, value.n) == 0)
			return true;
	}
	return false;
}
