/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/constraints.h"
#include "tls/refuse.h"

#include "tls/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define NAME_DNS DER_CONTEXT(2)
#define NAME_EMAIL DER_CONTEXT(1)
#define NAME_IP DER_CONTEXT(7)

/* "192.0.2.0/24" as address and mask, side by side. 0: it isn't a network; else the bytes of both. */
static size_t network_parse(const char *text, uint8_t out[32])
{
	char address[64], *end;
	const char *slash = strchr(text, '/');
	unsigned long prefix;
	size_t n, i;

	if (!slash || (size_t)(slash - text) >= sizeof(address) || slash[1] < '0' || slash[1] > '9')
		return 0;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	n = inet_pton(AF_INET, address, out) == 1 ? 4 : inet_pton(AF_INET6, address, out) == 1 ? 16 : 0;
	prefix = strtoul(slash + 1, &end, 10);
	if (*end || prefix > n * 8)
		return 0;
	for (i = 0; i < n; i++) {
		unsigned int bits = prefix > i * 8 ? (unsigned int)(prefix - i * 8) : 0;

		out[n + i] = bits >= 8 ? 0xff : (uint8_t)(0xff00u >> bits);
		out[i] &= out[n + i];
	}
	return n * 2;
}

static void put_subtree(struct der_writer *w, unsigned int tag, const void *base, size_t bytes)
{
	size_t mark = der_mark(w);

	der_put_element(w, tag, (struct der){ base, bytes });
	der_wrap(w, DER_SEQUENCE, mark);
}

/* A mailbox's limit is a host, or with a dot before it all hosts below it. */
static void put_domain(struct der_writer *w, const char *domain)
{
	char below[256];
	size_t n = (size_t)snprintf(below, sizeof(below), ".%s", domain);

	put_subtree(w, NAME_EMAIL, below, n);
	put_subtree(w, NAME_EMAIL, domain, n - 1);
	put_subtree(w, NAME_DNS, domain, n - 1);
}

int tls_constraints_put(struct der_writer *w, const char *const *permitted, size_t n, char *err, size_t err_bytes)
{
	static const uint8_t none[32];
	bool domains = false, networks[2] = { false, false };
	uint8_t network[32];
	size_t mark = der_mark(w), inner, bytes, i;

	for (i = 0; i < n; i++) {
		bytes = network_parse(permitted[i], network);
		if (bytes)
			networks[bytes == 32] = true;
		else if (*permitted[i] != '*' && tls_host_name_valid(permitted[i]))
			domains = true;
		else
			return tls_refuse(-EINVAL, err, err_bytes, "\"%s\" is neither a domain (example.com) nor a network (192.0.2.0/24)", permitted[i]);
	}
	/* Backwards: what is excluded comes last. A kind of name without a limit would be free. */
	if (!networks[1])
		put_subtree(w, NAME_IP, none, 32);
	if (!networks[0])
		put_subtree(w, NAME_IP, none, 8);
	if (!domains) {
		put_subtree(w, NAME_EMAIL, "", 0);
		put_subtree(w, NAME_DNS, "", 0);
	}
	if (der_mark(w) > mark)
		der_wrap(w, DER_CONTEXT_CONSTRUCTED(1), mark);
	inner = der_mark(w);
	for (i = n; i > 0; i--) {
		bytes = network_parse(permitted[i - 1], network);
		if (bytes)
			put_subtree(w, NAME_IP, network, bytes);
		else
			put_domain(w, permitted[i - 1]);
	}
	der_wrap(w, DER_CONTEXT_CONSTRUCTED(0), inner);
	der_wrap(w, DER_SEQUENCE, mark);
	tls_extension_wrap(w, X509_OID_NAME_CONSTRAINTS, true, mark);
	return 0;
}

static bool ends_with(struct der name, struct der end)
{
	return name.n >= end.n && strncasecmp((const char *)name.p + name.n - end.n, (const char *)end.p, end.n) == 0;
}

static bool covers(unsigned int tag, struct der base, struct der name)
{
	const uint8_t *at;
	size_t i;

	if (tag == NAME_IP) {
		for (i = 0; base.n == name.n * 2 && i < name.n; i++)
			if ((name.p[i] & base.p[name.n + i]) != base.p[i])
				return false;
		return base.n == name.n * 2;
	}
	if (base.n == 0)
		return true;
	if (tag == NAME_EMAIL && base.p[0] != '.' && !memchr(base.p, '@', base.n)) {
		at = memchr(name.p, '@', name.n);
		return at && (size_t)(name.p + name.n - at - 1) == base.n && ends_with(name, base);
	}
	return ends_with(name, base) &&
	       (name.n == base.n || base.p[0] == '.' || name.p[name.n - base.n - 1] == '.');
}

/* How the subtrees of a list stand to a name: is there one of its kind, and one that covers it? False: malformed. */
static bool look_through(struct der list, unsigned int tag, struct der name, bool *same_kind, bool *covered)
{
	struct der subtree, base;
	uint8_t kind;

	*same_kind = *covered = false;
	while (list.n) {
		if (!der_expect(&list, DER_SEQUENCE, &subtree) || !der_read(&subtree, &kind, &base, NULL))
			return false;
		if (kind != tag)
			continue;
		*same_kind = true;
		*covered = *covered || covers(tag, base, name);
	}
	return true;
}

bool tls_constraints_allow(struct der constraints, struct der alt_names, char *err, size_t err_bytes)
{
	struct x509 names = { .alt_names = alt_names };
	struct der body = { 0 }, permitted = { 0 }, excluded = { 0 }, at = x509_alt_begin(&names), value;
	bool same_kind, covered, outside;
	enum x509_alt_kind kind;
	char text[256];
	unsigned int tag;

	if (!constraints.n)
		return true;
	if (!der_expect(&constraints, DER_SEQUENCE, &body))
		return tls_refuse(-EINVAL, err, err_bytes, "the CA's name constraints are malformed") == 0;
	der_expect(&body, DER_CONTEXT_CONSTRUCTED(0), &permitted);
	der_expect(&body, DER_CONTEXT_CONSTRUCTED(1), &excluded);
	while (at.n && x509_alt_next(&at, &kind, &value)) {
		if (kind == X509_ALT_OTHER)
			continue;
		tag = kind == X509_ALT_DNS ? NAME_DNS : kind == X509_ALT_IP ? NAME_IP : NAME_EMAIL;
		if (!look_through(permitted, tag, value, &same_kind, &covered))
			return tls_refuse(-EINVAL, err, err_bytes, "the CA's name constraints are malformed") == 0;
		outside = same_kind && !covered;
		if (!look_through(excluded, tag, value, &same_kind, &covered))
			return tls_refuse(-EINVAL, err, err_bytes, "the CA's name constraints are malformed") == 0;
		if (outside || covered) {
			x509_alt_format(kind, value, text, sizeof(text));
			tls_refuse(-EINVAL, err, err_bytes, "%s is outside the names that the CA may sign for (its certificate says so, and clients would refuse this one)", text);
			return false;
		}
	}
	return true;
}
