/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/tickets.h"

#include "dataplane/base/assert.h"
#include "tls/cert.h"
#include "tls/rng.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/aes.h>

#define KEY_NAME_BYTES TLS_TICKET_ID_BYTES	/* the rest of the name field is the time of issue */
#define NONCE_BYTES 12u
#define TAG_BYTES 16u
#define CLOCK_SLACK_S 60	/* a clock set back a little must not void every ticket */

struct key {
	uint8_t name[KEY_NAME_BYTES];
	struct tls_ticket_key with;
};

struct tls_tickets {
	uint32_t lifetime_s;
	unsigned int n;
	bool given;
	struct key keys[TLS_TICKETS_KEYS_MAX];	/* newest first */
};

/* The name says nothing of the key, and is the same wherever the key is. */
static bool set_name(struct key *k)
{
	uint8_t text[16 + TLS_TICKET_KEY_BYTES] = "postern ticket", hash[32];
	bool good;

	memcpy(text + 16, k->with.key, TLS_TICKET_KEY_BYTES);
	good = tls_sha256((struct der){ text, sizeof(text) }, hash) == 0;
	explicit_bzero(text, sizeof(text));
	memcpy(k->name, hash, KEY_NAME_BYTES);
	return good;
}

static struct tls_tickets *set_new(uint32_t lifetime_s)
{
	struct tls_tickets *t;

	if (lifetime_s == 0 || lifetime_s > TLS_TICKETS_LIFETIME_MAX_S)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t)
		t->lifetime_s = lifetime_s;
	return t;
}

struct tls_tickets *tls_tickets_new(const struct tls_tickets *previous, uint32_t lifetime_s)
{
	struct tls_tickets *t = set_new(lifetime_s);
	unsigned int i;

	if (!t)
		return NULL;
	t->n = 1;
	t->keys[0].with.from = (int64_t)time(NULL);
	if (tls_rng_generate(t->keys[0].with.key, TLS_TICKET_KEY_BYTES) != 0 || !set_name(&t->keys[0])) {
		tls_tickets_free(t);
		return NULL;
	}
	for (i = 0; previous && i < previous->n && t->n < TLS_TICKETS_KEYS; i++)
		t->keys[t->n++] = previous->keys[i];
	return t;
}

struct tls_tickets *tls_tickets_of(const struct tls_ticket_key *keys, unsigned int n, uint32_t lifetime_s)
{
	struct tls_tickets *t = n > 0 && n <= TLS_TICKETS_KEYS_MAX ? set_new(lifetime_s) : NULL;

	if (!t)
		return NULL;
	t->given = true;
	for (; t->n < n; t->n++) {
		t->keys[t->n].with = keys[t->n];
		if (!set_name(&t->keys[t->n])) {
			tls_tickets_free(t);
			return NULL;
		}
	}
	return t;
}

void tls_tickets_free(struct tls_tickets *t)
{
	if (t)
		explicit_bzero(t, sizeof(*t));
	free(t);
}

uint32_t tls_tickets_lifetime_s(const struct tls_tickets *t)
{
	return t->lifetime_s;
}

unsigned int tls_tickets_keys(const struct tls_tickets *t)
{
	return t->n;
}

/* Which key seals. A clock that was set back doesn't bring our own old ones back. */
static unsigned int current(const struct tls_tickets *t, time_t now)
{
	unsigned int i = 0;

	while (t->given && i + 1 < t->n && t->keys[i].with.from > (int64_t)now)
		i++;
	return i;
}

void tls_tickets_describe(const struct tls_tickets *t, unsigned int i, time_t now, struct tls_ticket_key_info *out)
{
	unsigned int at = current(t, now), k;

	ASSERT(i < t->n);
	for (k = 0; k < KEY_NAME_BYTES; k++)
		snprintf(out->id + 2 * k, 3, "%02x", t->keys[i].name[k]);
	out->from = t->keys[i].with.from;
	out->state = i < at ? TLS_TICKET_KEY_NEXT : i == at ? TLS_TICKET_KEY_CURRENT : TLS_TICKET_KEY_PREVIOUS;
}

static void put_time(uint8_t to[8], time_t at)
{
	uint64_t v = (uint64_t)at;
	unsigned int i;

	for (i = 0; i < 8; i++)
		to[i] = (uint8_t)(v >> (56 - 8 * i));
}

static int64_t get_time(const uint8_t from[8])
{
	uint64_t v = 0;
	unsigned int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | from[i];
	return (int64_t)v;
}

struct associated {
	uint8_t name[TLS_TICKET_NAME_BYTES];
	uint8_t binding[TLS_TICKET_BINDING_BYTES];
};

static int cipher_init(Aes *aes, const struct key *k)
{
	int err = wc_AesInit(aes, NULL, INVALID_DEVID);

	if (err == 0 && wc_AesGcmSetKey(aes, k->with.key, TLS_TICKET_KEY_BYTES) != 0) {
		wc_AesFree(aes);
		err = -1;
	}
	return err;
}

static void cipher_fini(Aes *aes)
{
	wc_AesFree(aes);
	explicit_bzero(aes, sizeof(*aes));
}

int tls_ticket_seal(const struct tls_tickets *t, const uint8_t binding[TLS_TICKET_BINDING_BYTES], time_t now,
		    uint8_t name[TLS_TICKET_NAME_BYTES], uint8_t iv[TLS_TICKET_IV_BYTES],
		    uint8_t mac[TLS_TICKET_MAC_BYTES], uint8_t *text, size_t text_bytes)
{
	const struct key *k = &t->keys[current(t, now)];
	struct associated with;
	Aes aes;
	int err;

	memcpy(name, k->name, KEY_NAME_BYTES);
	put_time(name + KEY_NAME_BYTES, now);
	memset(iv, 0, TLS_TICKET_IV_BYTES);
	memset(mac, 0, TLS_TICKET_MAC_BYTES);
	memcpy(with.name, name, sizeof(with.name));
	memcpy(with.binding, binding, sizeof(with.binding));
	if (tls_rng_generate(iv, NONCE_BYTES) != 0 || cipher_init(&aes, k) != 0)
		return -EIO;
	err = wc_AesGcmEncrypt(&aes, text, text, (word32)text_bytes, iv, NONCE_BYTES, mac, TAG_BYTES,
			       (const byte *)&with, sizeof(with));
	cipher_fini(&aes);
	return err == 0 ? 0 : -EIO;
}

enum tls_ticket_opened tls_ticket_open(const struct tls_tickets *t, const uint8_t binding[TLS_TICKET_BINDING_BYTES],
				       time_t now, const uint8_t name[TLS_TICKET_NAME_BYTES],
				       const uint8_t iv[TLS_TICKET_IV_BYTES],
				       const uint8_t mac[TLS_TICKET_MAC_BYTES], uint8_t *text, size_t text_bytes)
{
	int64_t issued = get_time(name + KEY_NAME_BYTES), at = (int64_t)now;
	struct associated with;
	unsigned int i;
	Aes aes;
	int err;

	for (i = 0; i < t->n && memcmp(t->keys[i].name, name, KEY_NAME_BYTES) != 0; i++)
		;
	if (i == t->n || issued > at + CLOCK_SLACK_S || issued < at - (int64_t)t->lifetime_s)
		return TLS_TICKET_REFUSED;
	memcpy(with.name, name, sizeof(with.name));
	memcpy(with.binding, binding, sizeof(with.binding));
	if (cipher_init(&aes, &t->keys[i]) != 0)
		return TLS_TICKET_REFUSED;
	err = wc_AesGcmDecrypt(&aes, text, text, (word32)text_bytes, iv, NONCE_BYTES, mac, TAG_BYTES,
			       (const byte *)&with, sizeof(with));
	cipher_fini(&aes);
	if (err != 0)
		return TLS_TICKET_REFUSED;
	return i <= current(t, now) ? TLS_TICKET_GOOD : TLS_TICKET_AGEING;
}
