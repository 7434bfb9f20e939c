/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/names.h"

#include <stdio.h>
#include <stdlib.h>

/* The text is in lower case; a wildcard's begins with the dot behind its "*". */
struct slot {
	uint32_t hash;
	uint8_t text_bytes;	/* 0: empty */
	char text[TLS_NAME_MAX_BYTES];
	struct tls_name_certs certs;
};

struct tls_names {
	uint32_t mask;
	struct tls_name_certs fallback;
	struct slot slots[];
};

/* FNV-1a. The table's content, and so the longest run in it, is the operator's, not a stranger's. */
static uint32_t hash_of(struct der text)
{
	uint32_t h = 2166136261u;
	size_t i;

	for (i = 0; i < text.n; i++)
		h = (h ^ text.p[i]) * 16777619u;
	return h;
}

/* The slot of @text, or the empty one where it belongs: at most half of them are in use. */
static const struct slot *find(const struct tls_names *names, struct der text)
{
	uint32_t hash = hash_of(text), i = hash & names->mask;

	for (; names->slots[i].text_bytes != 0; i = (i + 1) & names->mask)
		if (names->slots[i].hash == hash && names->slots[i].text_bytes == text.n &&
		    memcmp(names->slots[i].text, text.p, text.n) == 0)
			break;
	return &names->slots[i];
}

bool tls_name_normalize(struct der host, uint8_t buf[TLS_NAME_MAX_BYTES], struct der *out)
{
	size_t i;

	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n == 0 || host.n > TLS_NAME_MAX_BYTES)
		return false;
	for (i = 0; i < host.n; i++) {
		if (host.p[i] == '\0')
			return false;
		buf[i] = host.p[i] >= 'A' && host.p[i] <= 'Z' ? (uint8_t)(host.p[i] | 0x20) : host.p[i];
	}
	*out = (struct der){ buf, host.n };
	return true;
}

/* As it stands in the table. False: nothing that a host name can match. */
static bool key_of(struct der name, uint8_t buf[TLS_NAME_MAX_BYTES], struct der *key)
{
	const uint8_t *star;

	if (!tls_name_normalize(name, buf, key))
		return false;
	star = memchr(key->p, '*', key->n);
	if (!star)
		return key->p[0] != '.';
	/* A whole left-most label, and more than a top-level domain behind it. */
	if (star != key->p || key->n < 4 || key->p[1] != '.' || memchr(key->p + 1, '*', key->n - 1) ||
	    !memchr(key->p + 2, '.', key->n - 2))
		return false;
	key->p++;
	key->n--;
	return true;
}

static void no_certs(struct tls_name_certs *certs)
{
	size_t i;

	for (i = 0; i < TLS_KEY_TYPES; i++)
		certs->by_key[i] = TLS_NO_CERT;
}

static void add(struct tls_names *names, struct der name, enum tls_key_type type, uint16_t cert)
{
	uint8_t buf[TLS_NAME_MAX_BYTES];
	struct der key;
	struct slot *s;

	if (!key_of(name, buf, &key))
		return;
	s = names->slots + (find(names, key) - names->slots);
	if (s->text_bytes == 0) {
		s->hash = hash_of(key);
		s->text_bytes = (uint8_t)key.n;
		memcpy(s->text, key.p, key.n);
		no_certs(&s->certs);
	}
	if (s->certs.by_key[type] == TLS_NO_CERT)
		s->certs.by_key[type] = cert;
}

static struct der text_of(const char *s)
{
	return (struct der){ (const uint8_t *)s, strlen(s) };
}

/* The certificate's name number @i for this purpose; an empty one behind the last. */
static struct der name_of(const struct tls_cert_info *info, size_t i)
{
	if (info->n_dns_names > 0)
		return i < info->n_dns_names ? text_of(info->dns_names[i]) : (struct der){ 0 };
	return i == 0 && info->n_alt_names == 0 ? text_of(info->common_name) : (struct der){ 0 };
}

static void set_fallback(struct tls_names *names, const struct tls_cert *first)
{
	const struct tls_cert_info *info = tls_cert_info(first);
	uint8_t buf[TLS_NAME_MAX_BYTES];
	struct der key;

	no_certs(&names->fallback);
	if (key_of(name_of(info, 0), buf, &key))
		names->fallback = find(names, key)->certs;
	names->fallback.by_key[info->key_type] = 0;
}

struct tls_names *tls_names_new(const struct tls_cert *const *certs, size_t n, char *err, size_t err_bytes)
{
	size_t count = 0, size = 4, i, k;
	struct tls_names *names;
	struct der name;

	for (i = 0; i < n; i++)
		count += tls_cert_info(certs[i])->n_dns_names + 1;
	if (count > TLS_NAMES_MAX || n > TLS_CERTS_MAX) {
		snprintf(err, err_bytes, "%zu certificates with %zu names; %u and %u are the most", n, count, TLS_CERTS_MAX,
			 TLS_NAMES_MAX);
		return NULL;
	}
	while (size < 2 * count)
		size *= 2;
	names = calloc(1, sizeof(*names) + size * sizeof(names->slots[0]));
	if (!names) {
		snprintf(err, err_bytes, "out of memory");
		return NULL;
	}
	names->mask = (uint32_t)size - 1;
	for (i = 0; i < n; i++)
		for (k = 0; (name = name_of(tls_cert_info(certs[i]), k)).n > 0; k++)
			add(names, name, tls_cert_info(certs[i])->key_type, (uint16_t)i);
	set_fallback(names, certs[0]);
	return names;
}

void tls_names_free(struct tls_names *names)
{
	free(names);
}

static const struct tls_name_certs *lookup(const struct tls_names *names, struct der key)
{
	const struct slot *s = find(names, key);

	return s->text_bytes != 0 ? &s->certs : NULL;
}

const struct tls_name_certs *tls_names_exact(const struct tls_names *names, struct der host)
{
	uint8_t buf[TLS_NAME_MAX_BYTES];
	struct der key;

	/* What begins with a dot would be another's wildcard. */
	return tls_name_normalize(host, buf, &key) && key.p[0] != '.' ? lookup(names, key) : NULL;
}

const struct tls_name_certs *tls_names_wildcard(const struct tls_names *names, struct der host)
{
	uint8_t buf[TLS_NAME_MAX_BYTES];
	const uint8_t *dot;
	struct der key;

	if (!tls_name_normalize(host, buf, &key))
		return NULL;
	dot = memchr(key.p, '.', key.n);
	if (!dot || dot == key.p)
		return NULL;
	return lookup(names, (struct der){ dot, key.n - (size_t)(dot - key.p) });
}

const struct tls_name_certs *tls_names_default(const struct tls_names *names)
{
	return &names->fallback;
}
