/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Authenticated encryption over chains: whatever the way a text lies in mbufs, and
 * whoever computes (wolfCrypt or gcm_wide.h), ciphertext and tag are wolfCrypt's own
 * of the text in one piece, and nothing around the text changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include "tls/aead.h"
#include "eal.h"

#define TEXT_MAX_BYTES (AEAD_FLAT_BYTES + 2000u)	/* some too long for the wide way */
#define EDGE 0xa5u

static struct rte_mempool *pool;
static struct aead_cache *cache;
static uint8_t plain[TEXT_MAX_BYTES], sealed[TEXT_MAX_BYTES], got[TEXT_MAX_BYTES];
static uint64_t seed = 20260101;

static uint32_t next_random(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

static void fill(uint8_t *to, uint32_t bytes)
{
	while (bytes-- > 0)
		*to++ = (uint8_t)next_random(256);
}

struct text {
	enum aead_kind kind;
	uint8_t key[AEAD_KEY_MAX_BYTES], aad[13], tag[AEAD_TAG_BYTES];
	struct aead_header header;
	uint32_t bytes;
};

/* @t's text is in plain, what it should become in sealed and t->tag. */
static void make(struct text *t, enum aead_kind kind, uint32_t bytes)
{
	int r;
	Aes aes;

	t->kind = kind;
	t->bytes = bytes;
	fill(t->key, sizeof(t->key));
	fill(t->aad, sizeof(t->aad));
	fill(plain, bytes);
	fill(t->header.nonce, sizeof(t->header.nonce));
	t->header.aad = t->aad;
	t->header.aad_bytes = next_random(2) ? 5 : 13;
	if (kind == AEAD_CHACHA20_POLY1305) {
		r = wc_ChaCha20Poly1305_Encrypt(t->key, t->header.nonce, t->aad, t->header.aad_bytes, plain, bytes,
						sealed, t->tag);
	} else {
		assert_int_equal(wc_AesInit(&aes, NULL, INVALID_DEVID), 0);
		assert_int_equal(wc_AesGcmSetKey(&aes, t->key, aead_key_bytes(kind)), 0);
		r = wc_AesGcmEncrypt(&aes, sealed, plain, bytes, t->header.nonce, sizeof(t->header.nonce), t->tag,
				     sizeof(t->tag), t->aad, t->header.aad_bytes);
		wc_AesFree(&aes);
	}
	assert_int_equal(r, 0);
}

/* In mbufs of up to @piece_max bytes, at any offset, some empty; what isn't text is EDGE. */
static struct rte_mbuf *chain_of(const uint8_t *text, uint32_t bytes, uint32_t piece_max)
{
	struct rte_mbuf *head = NULL, **end = &head, *m;
	uint32_t n;

	do {
		n = next_random(8) ? 1 + next_random(piece_max) : 0;
		n = n < bytes ? n : bytes;
		m = *end = rte_pktmbuf_alloc(pool);
		assert_non_null(m);
		memset(m->buf_addr, EDGE, m->buf_len);
		m->data_off = (uint16_t)next_random(m->buf_len - n + 1);
		m->data_len = (uint16_t)n;
		memcpy(rte_pktmbuf_mtod(m, uint8_t *), text, n);
		text += n;
		bytes -= n;
		end = &m->next;
	} while (bytes > 0);
	return head;
}

/* The first @bytes into got; all else in the mbufs is as it was. */
static void collect(const struct rte_mbuf *m, uint32_t bytes)
{
	uint32_t at = 0, i, n;

	for (; m; m = m->next) {
		const uint8_t *buf = m->buf_addr;

		n = m->data_len;
		memcpy(got + at, buf + m->data_off, n);
		at += n;
		for (i = 0; i < m->buf_len; i++)
			if ((i < m->data_off || i >= m->data_off + n) && buf[i] != EDGE)
				fail_msg("byte %u of an mbuf with its text at %u to %u", i, m->data_off, m->data_off + n);
	}
	assert_int_equal(at, bytes);
}

static struct aead_slot *slot_of(const struct text *t)
{
	return aead_slot(cache, t, t->kind, t->key);
}

static void check_chain(struct text *t, uint32_t piece_max)
{
	struct rte_mbuf *m = chain_of(plain, t->bytes, piece_max);
	uint8_t tag[AEAD_TAG_BYTES];

	assert_true(aead_seal(slot_of(t), &t->header, m, t->bytes, tag));
	assert_memory_equal(tag, t->tag, sizeof(tag));
	collect(m, t->bytes);
	assert_memory_equal(got, sealed, t->bytes);
	assert_true(aead_open(slot_of(t), &t->header, m, t->bytes, tag));
	collect(m, t->bytes);
	assert_memory_equal(got, plain, t->bytes);
	rte_pktmbuf_free(m);
}

static void check_flat(struct text *t)
{
	uint8_t tag[AEAD_TAG_BYTES], *text = malloc(t->bytes);	/* exact: ASan sees a step beyond */

	assert_non_null(text);
	memcpy(text, plain, t->bytes);
	assert_true(aead_seal_flat(slot_of(t), &t->header, text, t->bytes, tag));
	assert_memory_equal(tag, t->tag, sizeof(tag));
	assert_memory_equal(text, sealed, t->bytes);
	assert_true(aead_open_flat(slot_of(t), &t->header, text, t->bytes, tag));
	assert_memory_equal(text, plain, t->bytes);
	free(text);
}

/* One bit of tag, text or header: it doesn't open. */
static void check_forged(struct text *t, uint32_t piece_max)
{
	uint32_t what = next_random(3), bit = 1u << next_random(8);
	uint8_t tag[AEAD_TAG_BYTES];
	struct rte_mbuf *m;

	memcpy(tag, t->tag, sizeof(tag));
	if (what == 0)
		tag[next_random(AEAD_TAG_BYTES)] ^= (uint8_t)bit;
	else if (what == 1)
		sealed[next_random(t->bytes)] ^= (uint8_t)bit;
	else
		t->aad[next_random(t->header.aad_bytes)] ^= (uint8_t)bit;
	m = chain_of(sealed, t->bytes, piece_max);
	assert_false(aead_open(slot_of(t), &t->header, m, t->bytes, tag));
	collect(m, t->bytes);
	rte_pktmbuf_free(m);
}

static void check(enum aead_kind kind, uint32_t bytes)
{
	uint32_t piece_max = bytes > 5000 || next_random(4) ? 100 + next_random(1900) : 1 + next_random(100);
	struct text t;

	make(&t, kind, bytes);
	check_chain(&t, piece_max);
	check_flat(&t);
	check_forged(&t, piece_max);
	aead_forget(cache, &t);
}

static void check_all(void)
{
	static const enum aead_kind kinds[] = { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305 };
	static const uint32_t lengths[] = { 1, 15, 16, 17, 511, 512, 513, 16384, 16385, AEAD_FLAT_BYTES,
					    AEAD_FLAT_BYTES + 1, TEXT_MAX_BYTES };
	size_t k, i;

	for (k = 0; k < 3; k++) {
		for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
			check(kinds[k], lengths[i]);
		for (i = 0; i < 150; i++)
			check(kinds[k], 1 + next_random(next_random(2) ? 16385 : 1500));
	}
}

static void test_wolfcrypt(void **state)
{
	(void)state;
	assert_false(gcm_wide_usable());
	check_all();
}

static void test_wide(void **state)
{
	(void)state;
	gcm_wide_init();
	print_message("# %s\n", gcm_wide_says());
	assert_null(strstr(gcm_wide_says(), "wrongly"));
	if (!gcm_wide_usable())
		skip();
	check_all();
}

/* Each length of one piece, by key and direction; the edges of the library's inner loops are among them. */
static void test_wide_lengths(void **state)
{
	uint32_t bytes;
	struct text t;

	(void)state;
	if (!gcm_wide_usable())
		skip();
	for (bytes = 1; bytes < 2200; bytes++) {
		make(&t, bytes % 2 ? AEAD_AES_128_GCM : AEAD_AES_256_GCM, bytes);
		check_flat(&t);
		aead_forget(cache, &t);
	}
}

/* Two keys in one slot by turns, short and long texts: the wide key is always the slot's own. */
static void test_shared_slot(void **state)
{
	static struct text t[AEAD_SLOTS + 1];	/* two of them meet */
	static uint8_t short_tag[AEAD_TAG_BYTES];
	uint32_t i, round;
	uint8_t byte;

	(void)state;
	for (round = 0; round < 20; round++) {
		for (i = 0; i <= AEAD_SLOTS; i++) {
			make(&t[i], i % 3 ? AEAD_AES_128_GCM : AEAD_AES_256_GCM, 600 + i);
			aead_forget(cache, &t[i]);
			byte = 1;
			assert_true(aead_seal_flat(slot_of(&t[i]), &t[i].header, &byte, 1, short_tag));
			check_chain(&t[i], 2000);
			check_flat(&t[i]);
		}
	}
	for (i = 0; i <= AEAD_SLOTS; i++)
		aead_forget(cache, &t[i]);
}

static int start(void **state)
{
	(void)state;
	cache = aligned_alloc(_Alignof(struct aead_cache), sizeof(*cache));
	assert_non_null(cache);
	aead_cache_init(cache);
	pool = test_mbuf_pool("aead", 8191);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	aead_cache_fini(cache);
	free(cache);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	rte_mempool_free(pool);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wolfcrypt),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_wide_lengths),
		cmocka_unit_test(test_shared_slot),
	};

	return cmocka_run_group_tests_name("aead", tests, start, stop);
}
