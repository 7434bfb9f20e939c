/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/aead.h"

#include <string.h>

#include <rte_mbuf.h>

#include <wolfssl/wolfcrypt/memory.h>

#include "dataplane/base/assert.h"

/* Shorter texts aren't worth another 290 cycles for the key, should it be the slot's last. */
#define WIDE_FROM_BYTES 512u

uint8_t aead_key_bytes(enum aead_kind kind)
{
	return kind == AEAD_AES_128_GCM ? 16 : 32;
}

static bool is_aes(const struct aead_slot *slot)
{
	return slot->kind != AEAD_CHACHA20_POLY1305;
}

void aead_cache_init(struct aead_cache *cache)
{
	memset(cache, 0, sizeof(*cache));
}

static void slot_clear(struct aead_slot *slot)
{
	if (!slot->owner)
		return;
	if (is_aes(slot))
		wc_AesFree(&slot->aes);
	if (slot->wide_made)
		explicit_bzero(&slot->wide, sizeof(slot->wide));
	explicit_bzero(slot, offsetof(struct aead_slot, wide));
}

void aead_cache_fini(struct aead_cache *cache)
{
	uint32_t i;

	for (i = 0; i < AEAD_SLOTS; i++)
		slot_clear(&cache->slots[i]);
	explicit_bzero(cache->flat, sizeof(cache->flat));
}

/* Owners are parts of equal structures: the low bits say little. */
static struct aead_slot *slot_at(struct aead_cache *cache, const void *owner)
{
	uint64_t mixed = (uint64_t)(uintptr_t)owner * UINT64_C(0x9e3779b97f4a7c15);

	return &cache->slots[mixed >> 32 & (AEAD_SLOTS - 1)];
}

static bool slot_fill(struct aead_slot *slot, const uint8_t *key)
{
	memcpy(slot->key, key, aead_key_bytes(slot->kind));
	return !is_aes(slot) || (wc_AesInit(&slot->aes, NULL, INVALID_DEVID) == 0 &&
				 wc_AesGcmSetKey(&slot->aes, key, aead_key_bytes(slot->kind)) == 0);
}

struct aead_slot *aead_slot(struct aead_cache *cache, const void *owner, enum aead_kind kind, const uint8_t *key)
{
	struct aead_slot *slot = slot_at(cache, owner);

	ASSERT(owner);
	if (slot->owner == owner)
		return slot;
	slot_clear(slot);
	slot->owner = owner;
	slot->kind = kind;
	slot->flat = cache->flat;
	slot->usable = slot_fill(slot, key);
	return slot;
}

void aead_forget(struct aead_cache *cache, const void *owner)
{
	struct aead_slot *slot = slot_at(cache, owner);

	if (slot->owner == owner)
		slot_clear(slot);
}

static bool wants_wide(const struct aead_slot *slot, uint32_t bytes)
{
	return bytes >= WIDE_FROM_BYTES && bytes <= AEAD_FLAT_BYTES && is_aes(slot) && gcm_wide_usable();
}

static const struct gcm_wide_key *wide_key(struct aead_slot *slot)
{
	if (!slot->wide_made)
		gcm_wide_set_key(&slot->wide, slot->key, aead_key_bytes(slot->kind));
	slot->wide_made = true;
	return &slot->wide;
}

static bool same_tag(const uint8_t *expected, const uint8_t *tag)
{
	return wc_ChaCha20Poly1305_CheckTag(expected, tag) == 0;	/* 16 bytes, in the same time for all */
}

bool aead_seal_flat(struct aead_slot *slot, const struct aead_header *header, uint8_t *text, uint32_t bytes,
		    uint8_t tag[AEAD_TAG_BYTES])
{
	if (!slot->usable)
		return false;
	if (wants_wide(slot, bytes)) {
		gcm_wide_seal(wide_key(slot), header->nonce, header->aad, header->aad_bytes, text, bytes, tag);
		return true;
	}
	if (is_aes(slot))
		return wc_AesGcmEncrypt(&slot->aes, text, text, bytes, header->nonce, AEAD_NONCE_BYTES, tag,
					AEAD_TAG_BYTES, header->aad, header->aad_bytes) == 0;
	return wc_ChaCha20Poly1305_Encrypt(slot->key, header->nonce, header->aad, header->aad_bytes, text, bytes,
					   text, tag) == 0;
}

bool aead_open_flat(struct aead_slot *slot, const struct aead_header *header, uint8_t *text, uint32_t bytes,
		    const uint8_t tag[AEAD_TAG_BYTES])
{
	uint8_t expected[AEAD_TAG_BYTES];

	if (!slot->usable)
		return false;
	if (wants_wide(slot, bytes)) {
		gcm_wide_open(wide_key(slot), header->nonce, header->aad, header->aad_bytes, text, bytes, expected);
		return same_tag(expected, tag);
	}
	if (is_aes(slot))
		return wc_AesGcmDecrypt(&slot->aes, text, text, bytes, header->nonce, AEAD_NONCE_BYTES, tag,
					AEAD_TAG_BYTES, header->aad, header->aad_bytes) == 0;
	return wc_ChaCha20Poly1305_Decrypt(slot->key, header->nonce, header->aad, header->aad_bytes, text, bytes,
					   tag, text) == 0;
}

static bool chain_begin(struct aead_slot *slot, const struct aead_header *header, bool seal)
{
	if (!slot->usable)
		return false;
	if (is_aes(slot))
		return (seal ? wc_AesGcmEncryptInit(&slot->aes, NULL, 0, header->nonce, AEAD_NONCE_BYTES) :
			       wc_AesGcmDecryptInit(&slot->aes, NULL, 0, header->nonce, AEAD_NONCE_BYTES)) == 0 &&
		       (seal ? wc_AesGcmEncryptUpdate(&slot->aes, NULL, NULL, 0, header->aad, header->aad_bytes) :
			       wc_AesGcmDecryptUpdate(&slot->aes, NULL, NULL, 0, header->aad, header->aad_bytes)) == 0;
	return wc_ChaCha20Poly1305_Init(&slot->chacha, slot->key, header->nonce,
					seal ? CHACHA20_POLY1305_AEAD_ENCRYPT : CHACHA20_POLY1305_AEAD_DECRYPT) == 0 &&
	       wc_ChaCha20Poly1305_UpdateAad(&slot->chacha, header->aad, header->aad_bytes) == 0;
}

static bool chain_piece(struct aead_slot *slot, bool seal, uint8_t *text, uint32_t bytes)
{
	if (!is_aes(slot))
		return wc_ChaCha20Poly1305_UpdateData(&slot->chacha, text, text, bytes) == 0;
	return (seal ? wc_AesGcmEncryptUpdate(&slot->aes, text, text, bytes, NULL, 0) :
		       wc_AesGcmDecryptUpdate(&slot->aes, text, text, bytes, NULL, 0)) == 0;
}

static bool chain(struct aead_slot *slot, const struct aead_header *header, bool seal, struct rte_mbuf *m,
		  uint32_t bytes)
{
	bool good = chain_begin(slot, header, seal);
	uint32_t n;

	for (; good && bytes > 0; m = m->next) {
		n = m->data_len < bytes ? m->data_len : bytes;
		good = n == 0 || chain_piece(slot, seal, rte_pktmbuf_mtod(m, uint8_t *), n);
		bytes -= n;
	}
	return good;
}

/* The chain's first @bytes into the slot's flat text, or back. */
static void copy(struct aead_slot *slot, struct rte_mbuf *m, uint32_t bytes, bool back)
{
	uint8_t *flat = slot->flat, *here;
	uint32_t n;

	for (; bytes > 0; m = m->next, flat += n, bytes -= n) {
		n = m->data_len < bytes ? m->data_len : bytes;
		here = rte_pktmbuf_mtod(m, uint8_t *);
		memcpy(back ? here : flat, back ? flat : here, n);
	}
}

bool aead_seal(struct aead_slot *slot, const struct aead_header *header, struct rte_mbuf *m, uint32_t bytes,
	       uint8_t tag[AEAD_TAG_BYTES])
{
	bool good;

	if (m->data_len >= bytes)
		return aead_seal_flat(slot, header, rte_pktmbuf_mtod(m, uint8_t *), bytes, tag);
	if (wants_wide(slot, bytes)) {
		copy(slot, m, bytes, false);
		good = aead_seal_flat(slot, header, slot->flat, bytes, tag);
		copy(slot, m, bytes, true);
		return good;
	}
	if (!chain(slot, header, true, m, bytes))
		return false;
	if (is_aes(slot))
		return wc_AesGcmEncryptFinal(&slot->aes, tag, AEAD_TAG_BYTES) == 0;
	return wc_ChaCha20Poly1305_Final(&slot->chacha, tag) == 0;
}

bool aead_open(struct aead_slot *slot, const struct aead_header *header, struct rte_mbuf *m, uint32_t bytes,
	       const uint8_t tag[AEAD_TAG_BYTES])
{
	uint8_t expected[AEAD_TAG_BYTES];

	if (m->data_len >= bytes)
		return aead_open_flat(slot, header, rte_pktmbuf_mtod(m, uint8_t *), bytes, tag);
	if (wants_wide(slot, bytes)) {
		copy(slot, m, bytes, false);
		if (!aead_open_flat(slot, header, slot->flat, bytes, tag))
			return false;
		copy(slot, m, bytes, true);
		return true;
	}
	if (!chain(slot, header, false, m, bytes))
		return false;
	if (is_aes(slot))
		return wc_AesGcmDecryptFinal(&slot->aes, tag, AEAD_TAG_BYTES) == 0;
	return wc_ChaCha20Poly1305_Final(&slot->chacha, expected) == 0 && same_tag(expected, tag);
}
