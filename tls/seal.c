/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/seal.h"

#include "tls/rng.h"

#include <errno.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/pwdbased.h>

#define SALT_BYTES 16u
#define BLOCK 16u
#define OID_PBES2 DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d")
#define OID_PBKDF2 DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c")
#define OID_HMAC_SHA256 DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x02\x09")
#define OID_AES256_CBC DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x01\x2a")

struct parameters {
	struct der salt, iv;
	unsigned int rounds, key_bytes;
	int hash;
};

static int derive(const struct parameters *p, struct der passphrase, uint8_t key[32])
{
	return wc_PBKDF2(key, passphrase.p, (int)passphrase.n, p->salt.p, (int)p->salt.n, (int)p->rounds,
			 (int)p->key_bytes, p->hash) == 0 ? 0 : -EIO;
}

/* One way or the other, whole blocks. */
static int cipher(const struct parameters *p, const uint8_t *key, bool encrypt, struct der in, uint8_t *out)
{
	Aes aes;
	int bad;

	if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
		return -EIO;
	bad = wc_AesSetKey(&aes, key, p->key_bytes, p->iv.p, encrypt ? AES_ENCRYPTION : AES_DECRYPTION);
	if (bad == 0)
		bad = encrypt ? wc_AesCbcEncrypt(&aes, out, in.p, (word32)in.n) :
				wc_AesCbcDecrypt(&aes, out, in.p, (word32)in.n);
	wc_AesFree(&aes);
	explicit_bzero(&aes, sizeof(aes));
	return bad == 0 ? 0 : -EIO;
}

static void put_algorithm(struct der_writer *w, const struct parameters *p)
{
	size_t mark = der_mark(w), inner, prf;
	uint8_t rounds[4] = { (uint8_t)(p->rounds >> 24), (uint8_t)(p->rounds >> 16), (uint8_t)(p->rounds >> 8),
			      (uint8_t)p->rounds };

	der_put_element(w, DER_OCTET_STRING, p->iv);
	der_put_element(w, DER_OID, OID_AES256_CBC);
	der_wrap(w, DER_SEQUENCE, mark);
	inner = prf = der_mark(w);
	der_put_element(w, DER_NULL, (struct der){ 0 });
	der_put_element(w, DER_OID, OID_HMAC_SHA256);
	der_wrap(w, DER_SEQUENCE, prf);
	der_put_integer(w, (struct der){ rounds, sizeof(rounds) });
	der_put_element(w, DER_OCTET_STRING, p->salt);
	der_wrap(w, DER_SEQUENCE, inner);
	der_put_element(w, DER_OID, OID_PBKDF2);
	der_wrap(w, DER_SEQUENCE, inner);
	der_wrap(w, DER_SEQUENCE, mark);
	der_put_element(w, DER_OID, OID_PBES2);
	der_wrap(w, DER_SEQUENCE, mark);
}

int tls_seal(struct der pkcs8, struct der passphrase, uint8_t *out, size_t out_bytes, struct der *sealed)
{
	size_t padding = BLOCK - pkcs8.n % BLOCK, n = pkcs8.n + padding, mark;
	uint8_t random[SALT_BYTES + BLOCK], key[32], *text = out + out_bytes - n;
	struct parameters p = { .salt = { random, SALT_BYTES }, .iv = { random + SALT_BYTES, BLOCK },
				.rounds = TLS_SEAL_ROUNDS, .key_bytes = 32, .hash = WC_SHA256 };
	struct der_writer w;
	int bad;

	if (out_bytes < n || tls_rng_generate(random, sizeof(random)) != 0)
		return -EIO;
	/* In its place at the buffer's end, padded as RFC 8018 6.1.1 says, then encrypted there. */
	memmove(text, pkcs8.p, pkcs8.n);
	memset(text + pkcs8.n, (int)padding, padding);
	bad = derive(&p, passphrase, key);
	if (!bad)
		bad = cipher(&p, key, true, (struct der){ text, n }, text);
	explicit_bzero(key, sizeof(key));
	if (bad) {
		explicit_bzero(text, n);
		return bad;
	}
	der_writer_init(&w, out, out_bytes);
	w.at -= n;
	mark = 0;
	der_wrap(&w, DER_OCTET_STRING, mark);
	put_algorithm(&w, &p);
	der_wrap(&w, DER_SEQUENCE, mark);
	return der_written(&w, sealed) ? 0 : -EIO;
}

static bool number_read(struct der *in, unsigned int most, unsigned int *out)
{
	struct der body;
	uint64_t v = 0;
	size_t i;

	if (!der_expect(in, DER_INTEGER, &body) || body.n == 0 || body.n > 5 || body.p[0] & 0x80)
		return false;
	for (i = 0; i < body.n; i++)
		v = v << 8 | body.p[i];
	*out = (unsigned int)v;
	return v > 0 && v <= most;
}

/* The hash of an HMAC's identifier. -1: not one of ours. */
static int hash_of(struct der oid)
{
	static const struct {
		uint8_t last;
		int hash;
	} known[] = { { 7, WC_SHA }, { 9, WC_SHA256 }, { 10, WC_SHA384 }, { 11, WC_SHA512 } };

	if (oid.n == 8 && memcmp(oid.p, "\x2a\x86\x48\x86\xf7\x0d\x02", 7) == 0)
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (oid.p[7] == known[i].last)
				return known[i].hash;
	return -1;
}

/* PBKDF2-params, RFC 8018 A.2. */
static int kdf_read(struct der body, struct parameters *p, unsigned int *asked_bytes, const char **why)
{
	struct der prf, oid;

	*asked_bytes = 0;
	p->hash = WC_SHA;	/* the default there */
	if (!der_expect(&body, DER_OCTET_STRING, &p->salt) || !number_read(&body, TLS_SEAL_ROUNDS_MAX, &p->rounds))
		return -EINVAL;
	if (der_peek(&body, DER_INTEGER) && !number_read(&body, 64, asked_bytes))
		return -EINVAL;
	if (body.n == 0)
		return 0;
	if (!der_expect(&body, DER_SEQUENCE, &prf) || !der_expect(&prf, DER_OID, &oid) || body.n)
		return -EINVAL;
	p->hash = hash_of(oid);
	*why = "its key is derived by a hash other than SHA-1, SHA-256, SHA-384 or SHA-512";
	return p->hash < 0 ? -ENOTSUP : 0;
}

static int scheme_read(struct der body, struct parameters *p, const char **why)
{
	struct der kdf, scheme, oid, pbkdf2;
	unsigned int asked_bytes;
	int bad;

	if (!der_expect(&body, DER_SEQUENCE, &kdf) || !der_expect(&body, DER_SEQUENCE, &scheme) || body.n ||
	    !der_expect(&kdf, DER_OID, &oid))
		return -EINVAL;
	*why = "its key is derived by another function than PBKDF2";
	if (!der_equal(oid, OID_PBKDF2))
		return -ENOTSUP;
	if (!der_expect(&kdf, DER_SEQUENCE, &pbkdf2))
		return -EINVAL;
	bad = kdf_read(pbkdf2, p, &asked_bytes, why);
	if (bad)
		return bad;
	if (!der_expect(&scheme, DER_OID, &oid))
		return -EINVAL;
	*why = "its cipher is not AES in CBC mode";
	if (oid.n != 9 || memcmp(oid.p, "\x60\x86\x48\x01\x65\x03\x04\x01", 8) != 0)
		return -ENOTSUP;
	p->key_bytes = oid.p[8] == 0x02 ? 16 : oid.p[8] == 0x16 ? 24 : oid.p[8] == 0x2a ? 32 : 0;
	if (!p->key_bytes)
		return -ENOTSUP;
	if (!der_expect(&scheme, DER_OCTET_STRING, &p->iv) || p->iv.n != BLOCK ||
	    (asked_bytes && asked_bytes != p->key_bytes))
		return -EINVAL;
	return 0;
}

/* Is it the padding of RFC 8018 6.1.1, and a PrivateKeyInfo before it? Another key gives neither. */
static int padding_take(uint8_t *out, size_t n, struct der *pkcs8)
{
	struct der at = { out, 0 }, body;
	uint8_t padding = out[n - 1];
	size_t i;

	if (padding == 0 || padding > BLOCK)
		return -EACCES;
	for (i = n - padding; i < n; i++)
		if (out[i] != padding)
			return -EACCES;
	*pkcs8 = at = (struct der){ out, n - padding };
	return der_expect(&at, DER_SEQUENCE, &body) && at.n == 0 && der_expect(&body, DER_INTEGER, NULL) ? 0 : -EACCES;
}

int tls_unseal(struct der sealed, struct der passphrase, uint8_t *out, struct der *pkcs8, const char **why)
{
	struct der body, algorithm, oid, scheme, text;
	struct parameters p;
	uint8_t key[32];
	int bad;

	if (!der_expect(&sealed, DER_SEQUENCE, &body) || !der_expect(&body, DER_SEQUENCE, &algorithm) ||
	    !der_expect(&body, DER_OCTET_STRING, &text) || !der_expect(&algorithm, DER_OID, &oid))
		return -EINVAL;
	*why = "it is encrypted in an older way than PBES2";
	if (!der_equal(oid, OID_PBES2))
		return -ENOTSUP;
	if (!der_expect(&algorithm, DER_SEQUENCE, &scheme) || text.n == 0 || text.n % BLOCK)
		return -EINVAL;
	bad = scheme_read(scheme, &p, why);
	if (bad)
		return bad;
	bad = derive(&p, passphrase, key);
	if (!bad)
		bad = cipher(&p, key, false, text, out);
	explicit_bzero(key, sizeof(key));
	if (!bad)
		bad = padding_take(out, text.n, pkcs8);
	if (bad)
		explicit_bzero(out, text.n);
	return bad;
}
