/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/crl_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(char *why, size_t why_bytes, const char *reason)
{
	snprintf(why, why_bytes, "%s", reason);
	return -EINVAL;
}

static int by_value(const void *a, const void *b)
{
	const struct der *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->n ? memcmp(x->p, y->p, x->n) : 0;
}

/* One entry; false: malformed, or with a critical extension. */
static bool entry_read(struct der *entries, struct der *serial)
{
	struct der one;
	time_t at;

	if (!der_expect(entries, DER_SEQUENCE, &one) || !der_expect(&one, DER_INTEGER, serial) || serial->n == 0 ||
	    !x509_time_read(&one, &at))
		return false;
	*serial = der_trim(*serial);
	return one.n == 0 || x509_extensions_ignorable(one);
}

static int entries_read(struct der entries, struct crl *out, char *why, size_t why_bytes)
{
	struct der left = entries, serial;
	size_t n = 0;

	while (left.n) {
		if (!entry_read(&left, &serial))
			return fail(why, why_bytes, "an entry is malformed, or has a critical extension");
		n++;
	}
	out->serials = n ? calloc(n, sizeof(out->serials[0])) : NULL;
	if (n && !out->serials)
		return fail(why, why_bytes, "out of memory");
	for (left = entries; out->n < n && entry_read(&left, &serial); out->n++)
		out->serials[out->n] = serial;
	if (n)
		qsort(out->serials, n, sizeof(out->serials[0]), by_value);
	return 0;
}

static int list_read(struct der body, struct crl *out, char *why, size_t why_bytes)
{
	struct der algorithm, version, entries = { 0 }, extensions;

	if (!der_expect(&body, DER_INTEGER, &version) || version.n != 1 || version.p[0] != 1)
		return fail(why, why_bytes, "it is not a list of version 2");
	if (!der_expect_whole(&body, DER_SEQUENCE, &algorithm) || !der_equal(algorithm, out->algorithm))
		return fail(why, why_bytes, "its two signature algorithms differ");
	if (!der_expect_whole(&body, DER_SEQUENCE, &out->issuer) || !x509_time_read(&body, &out->this_update))
		return fail(why, why_bytes, "its issuer or its date is malformed");
	if (!x509_time_read(&body, &out->next_update))
		return fail(why, why_bytes, "it doesn't say when the next one comes");
	der_expect(&body, DER_SEQUENCE, &entries);
	if (der_expect(&body, DER_CONTEXT_CONSTRUCTED(0), &extensions) && !x509_extensions_ignorable(extensions))
		return fail(why, why_bytes, "it has a critical extension (a list of a part, or of changes only)");
	if (body.n)
		return fail(why, why_bytes, "it holds unknown fields");
	return entries_read(entries, out, why, why_bytes);
}

int crl_parse(struct der whole, struct crl *out, char *why, size_t why_bytes)
{
	struct der body, tbs;

	memset(out, 0, sizeof(*out));
	if (!der_expect(&whole, DER_SEQUENCE, &body) || whole.n || !der_expect_whole(&body, DER_SEQUENCE, &out->tbs) ||
	    !der_expect_whole(&body, DER_SEQUENCE, &out->algorithm) || !der_bits(&body, &out->signature) || body.n)
		return fail(why, why_bytes, "it is not a signed DER structure");
	tbs = out->tbs;
	if (!der_expect(&tbs, DER_SEQUENCE, &body))
		return fail(why, why_bytes, "it is not a signed DER structure");
	return list_read(body, out, why, why_bytes);
}

void crl_fini(struct crl *crl)
{
	free(crl->serials);
	crl->serials = NULL;
	crl->n = 0;
}

bool crl_holds(const struct crl *crl, struct der serial)
{
	struct der key = der_trim(serial);

	return crl->n && bsearch(&key, crl->serials, crl->n, sizeof(key), by_value);
}
