/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Authenticated encryption in place over chains of mbufs: AES-GCM and
 * ChaCha20-Poly1305, the library's primitives under our own record layer.
 *
 * A session keeps a key's 16 or 32 bytes; what is made of them (round keys, hash
 * key: about 1 KB) stands in a few slots of the worker's, last used last thrown out
 * by whoever comes to the same slot. So an idle session costs its keys only.
 *
 * Long AES-GCM texts go to gcm_wide.h where that is usable, which wants them in one
 * piece: a chain is copied there and back.
 *
 * Order of calls: aead_cache_init; aead_slot, then the functions that take it,
 * before the next aead_slot; aead_forget when a key changes or ends;
 * aead_cache_fini.
 * Threads: the worker whose cache it is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#include "tls/gcm_wide.h"
#include "tls/strength.h"

struct rte_mbuf;

#define AEAD_KEY_MAX_BYTES 32u
#define AEAD_NONCE_BYTES 12u
#define AEAD_TAG_BYTES 16u
#define AEAD_SLOTS 16u		/* a power of two */
#define AEAD_FLAT_BYTES 16448u	/* a record's text, and its type */

uint8_t aead_key_bytes(enum aead_kind kind);

struct aead_slot {
	const void *owner;	/* whose key it is; NULL: none's */
	enum aead_kind kind;
	bool usable;		/* the library took the key */
	bool wide_made;		/* from the key, for the first long text */
	uint8_t key[AEAD_KEY_MAX_BYTES];
	uint8_t *flat;		/* the cache's */
	union {
		Aes aes;
		ChaChaPoly_Aead chacha;
	};
	struct gcm_wide_key wide;
};

struct aead_cache {
	struct aead_slot slots[AEAD_SLOTS];
	uint8_t flat[AEAD_FLAT_BYTES];	/* a chain's text, in one piece */
};

void aead_cache_init(struct aead_cache *cache);
void aead_cache_fini(struct aead_cache *cache);

/* The slot with @owner's key in it; @key is read when it isn't there yet. */
struct aead_slot *aead_slot(struct aead_cache *cache, const void *owner, enum aead_kind kind, const uint8_t *key);
/* @owner's key is wiped from the cache. */
void aead_forget(struct aead_cache *cache, const void *owner);

/* What goes with a text: the nonce and the data that is authenticated with it. */
struct aead_header {
	uint8_t nonce[AEAD_NONCE_BYTES];
	const uint8_t *aad;
	uint32_t aad_bytes;
};

/*
 * Seals @bytes from the beginning of @m, in place. False: the library failed.
 * aead_open opens likewise. False: @tag isn't the text's, which is then worthless.
 */
bool aead_seal(struct aead_slot *slot, const struct aead_header *header, struct rte_mbuf *m, uint32_t bytes,
	       uint8_t tag[AEAD_TAG_BYTES]);
bool aead_open(struct aead_slot *slot, const struct aead_header *header, struct rte_mbuf *m, uint32_t bytes,
	       const uint8_t tag[AEAD_TAG_BYTES]);
/* The same for a text that lies in one piece. */
bool aead_seal_flat(struct aead_slot *slot, const struct aead_header *header, uint8_t *text, uint32_t bytes,
		    uint8_t tag[AEAD_TAG_BYTES]);
bool aead_open_flat(struct aead_slot *slot, const struct aead_header *header, uint8_t *text, uint32_t bytes,
		    const uint8_t tag[AEAD_TAG_BYTES]);
