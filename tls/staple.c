/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/staple.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/version.h>

struct tls_staple {
	struct ocsp_answer answer;
	size_t bytes;
	uint8_t der[];
};

struct tls_staple_place {
	struct tls_staple *current;	/* read by workers */
	bool must;
	uint32_t held;
};

bool tls_staple_possible(void)
{
	return LIBWOLFSSL_VERSION_HEX > 0x05007002;
}

static int refuse(char *err, size_t err_bytes, const char *why)
{
	snprintf(err, err_bytes, "%s", why);
	return -EINVAL;
}

/* The certificate and who issued it, of the chain. */
static int pair_of(const struct tls_cert *c, struct x509 *cert, struct x509 *issuer, char *err, size_t err_bytes)
{
	const char *why;

	if (tls_cert_issuer(c).n == 0)
		return refuse(err, err_bytes, "its issuer's certificate isn't known: it must stand behind it in the chain's file");
	if (x509_parse(tls_cert_leaf(c), cert, &why) != 0 || x509_parse(tls_cert_issuer(c), issuer, &why) != 0)
		return refuse(err, err_bytes, why);	/* they were read before */
	return 0;
}

int tls_staple_request(const struct tls_cert *c, uint8_t buf[OCSP_REQUEST_MAX_BYTES], struct der *out, char *err,
		       size_t err_bytes)
{
	struct x509 cert, issuer;
	int r = pair_of(c, &cert, &issuer, err, err_bytes);

	if (r != 0)
		return r;
	return ocsp_request(&cert, &issuer, buf, out) ? 0 : refuse(err, err_bytes, "its serial number is too long");
}

struct tls_staple *tls_staple_new(const struct tls_cert *c, struct der response, time_t now, char *err, size_t err_bytes)
{
	struct x509 cert, issuer;
	struct ocsp_answer answer;
	struct tls_staple *s;

	if (pair_of(c, &cert, &issuer, err, err_bytes) != 0 ||
	    ocsp_check(response, &cert, &issuer, now, &answer, err, err_bytes) != 0)
		return NULL;
	s = malloc(sizeof(*s) + response.n);
	if (!s) {
		refuse(err, err_bytes, "out of memory");
		return NULL;
	}
	s->answer = answer;
	s->bytes = response.n;
	memcpy(s->der, response.p, response.n);
	return s;
}

void tls_staple_free(struct tls_staple *s)
{
	free(s);
}

const struct ocsp_answer *tls_staple_answer(const struct tls_staple *s)
{
	return &s->answer;
}

struct tls_staple *tls_staple_put(const struct tls_cert *c, struct tls_staple *s)
{
	return __atomic_exchange_n(&tls_cert_staple_place(c)->current, s, __ATOMIC_ACQ_REL);
}

const struct tls_staple *tls_staple_of(const struct tls_cert *c)
{
	return tls_cert_staple_place(c)->current;
}

struct tls_staple_place *tls_staple_place_new(bool must)
{
	struct tls_staple_place *place = calloc(1, sizeof(*place));

	if (place) {
		place->must = must;
		place->held = 1;
	}
	return place;
}

struct tls_staple_place *tls_staple_place_hold(struct tls_staple_place *place)
{
	place->held++;
	return place;
}

void tls_staple_place_release(struct tls_staple_place *place)
{
	if (!place || --place->held > 0)
		return;
	tls_staple_free(place->current);
	free(place);
}

bool tls_staple_now(const struct tls_staple_place *place, time_t now, struct der *out)
{
	const struct tls_staple *s = __atomic_load_n(&place->current, __ATOMIC_ACQUIRE);

	if (!s || now >= s->answer.next_update)
		return false;
	*out = (struct der){ s->der, s->bytes };
	return true;
}

bool tls_staple_lacking(const struct tls_staple_place *place, time_t now)
{
	struct der response;

	return place->must && !tls_staple_now(place, now, &response);
}
