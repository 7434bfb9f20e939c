/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/tickets.h"

#include "tls/rng.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/aes.h>

#define KEY_BYTES 32u
#define KEY_NAME_BYTES 8u	/* the rest of the name field is the time of issue */
#define NONCE_BYTES 12u
#define TAG_BYTES 16u
#define CLOCK_SLACK_S 60	/* a clock set back a little must not void every ticket */

struct key {
	uint8_t name[KEY_NAME_BYTES];
	uint8_t key[KEY_BYTES];
};

struct tls_tickets {
	uint32_t lifetime_s;
	unsigned int n;
	struct key keys[TLS_TICKETS_KEYS];	/* newest first */
};

struct tls_tickets *tls_tickets_new(const struct tls_tickets *previous, uint32_t lifetime_s)
{
	struct tls_tickets *t;
	unsigned int i;

	if (lifetime_s == 0 || lifetime_s > TLS_TICKETS_LIFETIME_MAX_S)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->lifetime_s = lifetime_s;
	t->n = 1;
	if (tls_rng_generate(t->keys[0].name, KEY_NAME_BYTES) != 0 ||
	    tls_rng_generate(t->keys[0].key, KEY_BYTES) != 0) {
		free(t);
		return NULL;
	}
	for (i = 0; previous && i < previous->n && t->n < TLS_TICKETS_KEYS; i++)
		t->keys[t->n++] = previous->keys[i];
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

	if (err == 0 && wc_AesGcmSetKey(aes, k->key, KEY_BYTES) != 0) {
		wc_AesFree(aes);
		err = -1;
	}
	return err;
}

int tls_ticket_seal(const struct tls_tickets *t, const uint8_t binding[TLS_TICKET_BINDING_BYTES], time_t now,
		    uint8_t name[TLS_TICKET_NAME_BYTES], uint8_t iv[TLS_TICKET_IV_BYTES],
		    uint8_t mac[TLS_TICKET_MAC_BYTES], uint8_t *text, size_t text_bytes)
{
	const struct key *k = &t->keys[0];
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
	wc_AesFree(&aes);
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
	wc_AesFree(&aes);
	if (err != 0)
		return TLS_TICKET_REFUSED;
	return i == 0 ? TLS_TICKET_GOOD : TLS_TICKET_AGEING;
}
