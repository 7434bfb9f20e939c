/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/selftest.h"

#include "tls/aead.h"
#include "tls/cert.h"
#include "tls/rng.h"
#include "tls/strength.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/ssl.h>
#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/cpuid.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>

#define MEASURE_NS 18000000
#define RECORD_BYTES 16384u

/* AES-128-GCM, test case 4 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B. */
static bool cipher_answers(void)
{
	static const uint8_t key[16] = { 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
					 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08 };
	static const uint8_t iv[12] = { 0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88 };
	static const uint8_t with[20] = { 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
					  0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2 };
	static const uint8_t plain[20] = { 0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59,
					   0x09, 0xc5, 0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53 };
	static const uint8_t cipher[20] = { 0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72,
					    0x21, 0xb7, 0x84, 0xd0, 0xd4, 0x9c, 0xe3, 0xaa, 0x21, 0x2f };
	uint8_t out[20], tag[16], back[20];
	bool good;
	Aes aes;

	if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
		return false;
	good = wc_AesGcmSetKey(&aes, key, sizeof(key)) == 0 &&
	       wc_AesGcmEncrypt(&aes, out, plain, sizeof(plain), iv, sizeof(iv), tag, sizeof(tag), with,
				sizeof(with)) == 0 &&
	       memcmp(out, cipher, sizeof(cipher)) == 0 &&
	       wc_AesGcmDecrypt(&aes, back, out, sizeof(out), iv, sizeof(iv), tag, sizeof(tag), with,
				sizeof(with)) == 0 &&
	       memcmp(back, plain, sizeof(plain)) == 0;
	tag[0] ^= 1;
	good = good && wc_AesGcmDecrypt(&aes, back, out, sizeof(out), iv, sizeof(iv), tag, sizeof(tag), with,
					sizeof(with)) != 0;
	wc_AesFree(&aes);
	return good;
}

/* SHA-256 of "abc": FIPS 180-2, appendix B.1. */
static bool hash_answers(void)
{
	static const uint8_t want[4] = { 0xba, 0x78, 0x16, 0xbf };
	uint8_t got[32];

	return tls_sha256(DER_BYTES("abc"), got) == 0 && memcmp(got, want, sizeof(want)) == 0;
}

static bool generator_answers(void)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 }, zero[32] = { 0 };

	return tls_rng_generate(a, sizeof(a)) == 0 && tls_rng_generate(b, sizeof(b)) == 0 &&
	       memcmp(a, b, sizeof(a)) != 0 && memcmp(a, zero, sizeof(a)) != 0;
}

/*
 * A public key of X25519 against the slow way to it, with the vector registers'
 * upper halves dirty: the library's table look-up once took what it found there
 * (tls/wolfssl/patches/5.9.2-x25519-avx2.patch).
 */
static bool exchange_answers(void)
{
	static uint8_t base[32] = { 9 };	/* RFC 7748 4.1 */
	uint8_t secret[32], quick[32], slow[32];
	unsigned int i;

	for (i = 0; i < 16; i++) {
		if (tls_rng_generate(secret, sizeof(secret)) != 0)
			return false;
		secret[0] &= 248;
		secret[31] = (uint8_t)((secret[31] & 127) | 64);
#ifdef __x86_64__
		if (__builtin_cpu_supports("avx2"))
			__asm__ volatile("vpcmpeqd %%ymm9, %%ymm9, %%ymm9" ::: "xmm9");
#endif
		if (wc_curve25519_make_pub(sizeof(quick), quick, sizeof(secret), secret) != 0 ||
		    wc_curve25519_generic(sizeof(slow), slow, sizeof(secret), secret, sizeof(base), base) != 0 ||
		    memcmp(quick, slow, sizeof(quick)) != 0)
			return false;
	}
	return true;
}

const char *tls_selftest_answers(void)
{
	if (!cipher_answers())
		return "the TLS library computes AES-GCM wrongly on this machine";
	if (!hash_answers())
		return "the TLS library computes SHA-256 wrongly on this machine";
	if (!generator_answers())
		return "the kernel gives no random numbers";
	if (!exchange_answers())
		return "the TLS library computes X25519 wrongly on this machine";
	return NULL;
}

__attribute__((format(printf, 3, 4))) static void add(char *list, size_t list_bytes, const char *format, ...)
{
	size_t at = strlen(list);
	va_list args;

	va_start(args, format);
	vsnprintf(list + at, list_bytes - at, format, args);
	va_end(args);
}

static bool has_group(uint16_t id)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
	int group = id;
	bool has = ctx && wolfSSL_CTX_set_groups(ctx, &group, 1) == WOLFSSL_SUCCESS;

	wolfSSL_CTX_free(ctx);
	return has;
}

static void find_features(struct tls_selftest *out)
{
	size_t i;

	add(out->features, sizeof(out->features), "TLS 1.2, TLS 1.3");
	for (i = 0; i < tls_groups_count; i++)
		if (has_group(tls_groups[i].id))
			add(out->features, sizeof(out->features), ", %s", tls_groups[i].name);
#ifdef HAVE_SESSION_TICKET
	add(out->features, sizeof(out->features), ", tickets");
#endif
#ifdef HAVE_ALPN
	add(out->features, sizeof(out->features), ", ALPN");
#endif
#ifdef HAVE_CERTIFICATE_STATUS_REQUEST
	add(out->features, sizeof(out->features), ", OCSP stapling");
#endif
#ifdef HAVE_CRL
	add(out->features, sizeof(out->features), ", CRL");
#endif
#ifdef HAVE_PK_CALLBACKS
	add(out->features, sizeof(out->features), ", key callbacks");
#endif
}

static void find_instructions(struct tls_selftest *out)
{
#if defined(HAVE_CPUID_INTEL) && defined(WOLFSSL_AESNI)
	static const struct {
		unsigned long bit;
		const char *name;
	} known[] = { { CPUID_AESNI, "aesni" }, { CPUID_AVX1, "avx" }, { CPUID_AVX2, "avx2" },
		      { CPUID_BMI2, "bmi2" },	{ CPUID_ADX, "adx" },  { CPUID_MOVBE, "movbe" } };
	unsigned long have = (unsigned long)cpuid_get_flags();
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (have & known[i].bit)
			add(out->instructions, sizeof(out->instructions), "%s%s", out->instructions[0] ? " " : "",
			    known[i].name);
	out->aes_instructions = (have & CPUID_AESNI) != 0;
#elif defined(WOLFSSL_ARMASM)
	add(out->instructions, sizeof(out->instructions), "aes pmull");
	out->aes_instructions = true;
#else
	add(out->instructions, sizeof(out->instructions), "none");
#endif
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double measure_cipher(void)
{
	uint8_t key[16] = { 1 }, tag[AEAD_TAG_BYTES], *record = calloc(1, RECORD_BYTES);
	struct aead_cache *cache = aligned_alloc(_Alignof(struct aead_cache), sizeof(*cache));
	const struct aead_header header = { .nonce = { 2 }, .aad = key, .aad_bytes = 5 };
	int64_t began = now_ns(), spent = 0, records = 0;
	struct aead_slot *slot;

	if (record && cache) {
		aead_cache_init(cache);
		slot = aead_slot(cache, record, AEAD_AES_128_GCM, key);
		for (; spent < MEASURE_NS; spent = now_ns() - began, records++)
			if (!aead_seal_flat(slot, &header, record, RECORD_BYTES, tag))
				break;
		aead_cache_fini(cache);
	}
	free(cache);
	free(record);
	return spent ? (double)records * RECORD_BYTES * 1000.0 / (double)spent : 0;
}

static double measure_signs(void)
{
	uint8_t signature[TLS_SIGNATURE_MAX_BYTES];
	struct der message = DER_BYTES("how many of these in a second?");
	int64_t began, spent = 0, signs = 0;
	struct tls_key *key;
	char err[128];
	size_t n;

	key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	if (!key)
		return 0;
	for (began = now_ns(); spent < MEASURE_NS; spent = now_ns() - began, signs++)
		if (tls_key_sign(key, message, signature, &n) != 0)
			break;
	tls_key_free(key);
	return spent ? (double)signs * 1e9 / (double)spent : 0;
}

const char *tls_library_version(void)
{
	return LIBWOLFSSL_VERSION_STRING;
}

void tls_selftest_run(struct tls_selftest *out)
{
	memset(out, 0, sizeof(*out));
	out->version = tls_library_version();
	find_features(out);
	find_instructions(out);
	out->wide = gcm_wide_says();
	out->aes128_gcm_mb_s = measure_cipher();
	out->p256_signs_s = measure_signs();
}

/* The best of what fits into MEASURE_NS, in microseconds; 0: it failed. */
static double best_us(int (*operation)(void *), void *with)
{
	int64_t from = now_ns(), began, best = INT64_MAX;

	do {
		began = now_ns();
		if (operation(with) != 0)
			return 0;
		if (now_ns() - began < best)
			best = now_ns() - began;
	} while (now_ns() - from < MEASURE_NS);
	return (double)best / 1000;
}

struct floor_keys {
	WC_RNG rng;
	ecc_key signer;
	curve25519_key own, peer;
};

static int sign_once(void *with)
{
	struct floor_keys *k = with;
	uint8_t hash[32] = { 1 }, signature[ECC_MAX_SIG_SIZE];
	word32 n = sizeof(signature);

	return wc_ecc_sign_hash(hash, sizeof(hash), signature, &n, &k->rng, &k->signer);
}

static int make_key_once(void *with)
{
	struct floor_keys *k = with;

	return wc_curve25519_make_key(&k->rng, CURVE25519_KEYSIZE, &k->own);
}

static int derive_once(void *with)
{
	struct floor_keys *k = with;
	uint8_t secret[CURVE25519_KEYSIZE];
	word32 n = sizeof(secret);

	return wc_curve25519_shared_secret_ex(&k->own, &k->peer, secret, &n, EC25519_LITTLE_ENDIAN);
}

void tls_selftest_floor(struct tls_selftest_floor *out)
{
	struct floor_keys k = { 0 };

	*out = (struct tls_selftest_floor){ 0 };
	if (wc_InitRng(&k.rng) != 0)
		return;
	if (wc_ecc_init(&k.signer) == 0 && wc_curve25519_init(&k.own) == 0 && wc_curve25519_init(&k.peer) == 0) {
		if (wc_ecc_make_key_ex(&k.rng, 32, &k.signer, ECC_SECP256R1) == 0 &&
		    wc_curve25519_make_key(&k.rng, CURVE25519_KEYSIZE, &k.peer) == 0) {
			out->sign_us = best_us(sign_once, &k);
			out->key_us = best_us(make_key_once, &k);
			out->secret_us = best_us(derive_once, &k);
		}
		wc_ecc_free(&k.signer);
		wc_curve25519_free(&k.own);
		wc_curve25519_free(&k.peer);
	}
	wc_FreeRng(&k.rng);
}
