/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/gcm_wide.h"

#include <stdio.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/aes.h>

#include <intel-ipsec-mb.h>

#include "dataplane/base/assert.h"

_Static_assert(sizeof(struct gcm_key_data) <= GCM_WIDE_KEY_BYTES, "the library's key fits");

static char says[96] = "libipsec-mb wasn't looked for";

const char *gcm_wide_says(void)
{
	return says;
}

/*
 * The library's functions, by the length of the key; NULL: not usable. They need
 * nothing of the manager that names them.
 */
static struct functions {
	aes_gcm_pre_t set_key;
	aes_gcm_enc_dec_t seal, open;
} aes_128, aes_256;

static const struct functions *functions(const struct gcm_wide_key *key)
{
	return key->key_bytes == 16 ? &aes_128 : &aes_256;
}

bool gcm_wide_usable(void)
{
	return aes_128.set_key != NULL;
}

void gcm_wide_set_key(struct gcm_wide_key *key, const uint8_t *bytes, uint32_t key_bytes)
{
	ASSERT(key_bytes == 16 || key_bytes == 32);
	key->key_bytes = key_bytes;
	functions(key)->set_key(bytes, (struct gcm_key_data *)key->made);
}

static void run(aes_gcm_enc_dec_t function, const struct gcm_wide_key *key, const uint8_t *nonce, const uint8_t *aad,
		uint32_t aad_bytes, uint8_t *text, uint32_t bytes, uint8_t *tag)
{
	struct gcm_context_data context;

	ASSERT(nonce && aad && text);	/* or the library would do nothing */
	function((const struct gcm_key_data *)key->made, &context, text, text, bytes, nonce, aad, aad_bytes, tag, 16);
	explicit_bzero(&context, sizeof(context));	/* there is key stream in it */
}

void gcm_wide_seal(const struct gcm_wide_key *key, const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes,
		   uint8_t *text, uint32_t bytes, uint8_t tag[16])
{
	run(functions(key)->seal, key, nonce, aad, aad_bytes, text, bytes, tag);
}

void gcm_wide_open(const struct gcm_wide_key *key, const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes,
		   uint8_t *text, uint32_t bytes, uint8_t tag[16])
{
	run(functions(key)->open, key, nonce, aad, aad_bytes, text, bytes, tag);
}

/* Before the library is asked, which would test itself with whatever it found (also under valgrind). */
static bool processor_is_wide(void)
{
	return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("vpclmulqdq");
}

static const char *take_functions(IMB_MGR *manager)
{
	init_mb_mgr_avx512(manager);
	if ((manager->features & IMB_CPUFLAGS_AVX512_T2) != IMB_CPUFLAGS_AVX512_T2)
		return "finds not all that it needs in this processor";
	if ((manager->features & IMB_FEATURE_SELF_TEST) && !(manager->features & IMB_FEATURE_SELF_TEST_PASS))
		return "fails its own test";
	aes_128 = (struct functions){ manager->gcm128_pre, manager->gcm128_enc, manager->gcm128_dec };
	aes_256 = (struct functions){ manager->gcm256_pre, manager->gcm256_enc, manager->gcm256_dec };
	return NULL;
}

/* One text with wolfCrypt's tag and ciphertext, and back. */
static bool answers(Aes *reference, const struct gcm_wide_key *key, uint32_t bytes)
{
	static const uint8_t nonce[12] = { 0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88 };
	static const uint8_t aad[13] = { 1, 2, 3, 4, 5, 6, 7, 8, 23, 3, 3, 64, 1 };
	uint8_t plain[2100], want[2100], text[2100], want_tag[16], tag[16];
	uint32_t i, aad_bytes = bytes % 2 ? 5 : sizeof(aad);	/* TLS 1.3's and 1.2's */

	ASSERT(bytes <= sizeof(plain));
	for (i = 0; i < bytes; i++)
		plain[i] = text[i] = (uint8_t)(i * 7 + bytes);
	if (wc_AesGcmEncrypt(reference, want, plain, bytes, nonce, sizeof(nonce), want_tag, sizeof(want_tag), aad,
			     aad_bytes) != 0)
		return false;
	gcm_wide_seal(key, nonce, aad, aad_bytes, text, bytes, tag);
	if (memcmp(text, want, bytes) != 0 || memcmp(tag, want_tag, sizeof(tag)) != 0)
		return false;
	memset(tag, 0, sizeof(tag));
	gcm_wide_open(key, nonce, aad, aad_bytes, text, bytes, tag);
	return memcmp(text, plain, bytes) == 0 && memcmp(tag, want_tag, sizeof(tag)) == 0;
}

/* wolfCrypt's own answers were compared with known ones before (selftest.c). */
static bool all_answer(uint32_t key_bytes)
{
	static const uint32_t lengths[] = { 1, 16, 20, 255, 256, 271, 512, 768, 1025, 1400, 2048, 2100 };
	static const uint8_t bytes[32] = { 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c };
	struct gcm_wide_key key;
	Aes reference;
	bool good;
	size_t i;

	if (wc_AesInit(&reference, NULL, INVALID_DEVID) != 0)
		return false;
	good = wc_AesGcmSetKey(&reference, bytes, key_bytes) == 0;
	gcm_wide_set_key(&key, bytes, key_bytes);
	for (i = 0; good && i < sizeof(lengths) / sizeof(lengths[0]); i++)
		good = answers(&reference, &key, lengths[i]);
	wc_AesFree(&reference);
	return good;
}

static const char *begin(void)
{
	const char *why;
	IMB_MGR *manager;

	if (!processor_is_wide())
		return "isn't used: this processor has no 512-bit AES instructions";
	manager = alloc_mb_mgr(0);
	if (!manager)
		return "isn't used: it doesn't start";
	why = take_functions(manager);
	free_mb_mgr(manager);
	if (!why && (!all_answer(16) || !all_answer(32)))
		why = "computes AES-GCM wrongly on this machine";
	return why;
}

void gcm_wide_init(void)
{
	const char *why = begin();

	if (why) {
		memset(&aes_128, 0, sizeof(aes_128));
		memset(&aes_256, 0, sizeof(aes_256));
	}
	snprintf(says, sizeof(says), "libipsec-mb %s%s%s", imb_get_version_str(), why ? " " : "", why ? why : "");
}
