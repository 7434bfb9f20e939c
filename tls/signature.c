/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signature algorithms: their identifiers, and signatures checked against a public key (RFC 3279, 5758, 8410). */
#include "tls/key.h"

#include "dataplane/base/assert.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>

enum family { RSA, ECDSA, ED25519 };

static const struct algorithm {
	const char *oid;
	uint8_t oid_bytes;
	enum family family;
	enum wc_HashType hash;
	int hash_oid;		/* as wolfCrypt numbers it */
} algorithms[] = {
	{ "\x2a\x86\x48\xce\x3d\x04\x03\x02", 8, ECDSA, WC_HASH_TYPE_SHA256, SHA256h },
	{ "\x2a\x86\x48\xce\x3d\x04\x03\x03", 8, ECDSA, WC_HASH_TYPE_SHA384, SHA384h },
	{ "\x2a\x86\x48\xce\x3d\x04\x03\x04", 8, ECDSA, WC_HASH_TYPE_SHA512, SHA512h },
	{ "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9, RSA, WC_HASH_TYPE_SHA256, SHA256h },
	{ "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", 9, RSA, WC_HASH_TYPE_SHA384, SHA384h },
	{ "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", 9, RSA, WC_HASH_TYPE_SHA512, SHA512h },
	{ "\x2b\x65\x70", 3, ED25519, WC_HASH_TYPE_NONE, 0 },
};

struct der tls_key_algorithm(const struct tls_key *k)
{
	switch (tls_key_type(k)) {
	case TLS_KEY_P256:
		return DER_BYTES("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02");
	case TLS_KEY_P384:
		return DER_BYTES("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03");
	case TLS_KEY_RSA:
		return DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00");
	case TLS_KEY_ED25519:
		return DER_BYTES("\x30\x05\x06\x03\x2b\x65\x70");
	case TLS_KEY_UNKNOWN:
		break;
	}
	ASSERT(!"a key without a type");
	return (struct der){ 0 };
}

static const struct algorithm *algorithm_lookup(struct der identifier)
{
	struct der body, oid;
	size_t i;

	if (!der_expect(&identifier, DER_SEQUENCE, &body) || !der_expect(&body, DER_OID, &oid))
		return NULL;
	for (i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (der_equal(oid, (struct der){ (const uint8_t *)algorithms[i].oid, algorithms[i].oid_bytes }))
			return &algorithms[i];
	return NULL;
}

static bool check_rsa(struct der spki, const struct algorithm *a, const uint8_t *digest, word32 digest_bytes,
		      struct der signature)
{
	uint8_t want[MAX_DER_DIGEST_SZ], got[TLS_KEY_RSA_MAX_BITS / 8];
	word32 at = 0, want_bytes;
	bool good = false;
	RsaKey key;
	int n;

	if (wc_InitRsaKey(&key, NULL) != 0)
		return false;
	if (wc_RsaPublicKeyDecode(spki.p, &at, &key, (word32)spki.n) == 0 &&
	    wc_RsaEncryptSize(&key) <= (int)sizeof(got)) {
		want_bytes = wc_EncodeSignature(want, digest, digest_bytes, a->hash_oid);
		n = wc_RsaSSL_Verify(signature.p, (word32)signature.n, got, sizeof(got), &key);
		good = n > 0 && (word32)n == want_bytes && memcmp(got, want, want_bytes) == 0;
	}
	wc_FreeRsaKey(&key);
	return good;
}

static bool check_ecdsa(struct der spki, const uint8_t *digest, word32 digest_bytes, struct der signature)
{
	word32 at = 0;
	int good = 0;
	ecc_key key;

	if (wc_ecc_init(&key) != 0)
		return false;
	if (wc_EccPublicKeyDecode(spki.p, &at, &key, (word32)spki.n) != 0 || wc_ecc_check_key(&key) != 0 ||
	    wc_ecc_verify_hash(signature.p, (word32)signature.n, digest, digest_bytes, &good, &key) != 0)
		good = 0;
	wc_ecc_free(&key);
	return good == 1;
}

static bool check_ed25519(struct der spki, struct der message, struct der signature)
{
	word32 at = 0;
	int good = 0;
	ed25519_key key;

	if (wc_ed25519_init(&key) != 0)
		return false;
	if (wc_Ed25519PublicKeyDecode(spki.p, &at, &key, (word32)spki.n) != 0 ||
	    wc_ed25519_verify_msg(signature.p, (word32)signature.n, message.p, (word32)message.n, &good, &key) != 0)
		good = 0;
	wc_ed25519_free(&key);
	return good == 1;
}

enum tls_signature tls_signature_check(struct der spki, struct der algorithm, struct der message,
				       struct der signature)
{
	const struct algorithm *a = algorithm_lookup(algorithm);
	uint8_t digest[WC_MAX_DIGEST_SIZE];
	enum tls_key_type type;
	word32 digest_bytes = 0;
	unsigned int bits;
	bool good = false;

	if (!a || !x509_key_info(spki, &type, &bits) || type == TLS_KEY_UNKNOWN)
		return TLS_SIGNATURE_UNKNOWN_ALGORITHM;
	if (type == TLS_KEY_RSA && (bits < TLS_KEY_RSA_MIN_BITS || bits > TLS_KEY_RSA_MAX_BITS))
		return TLS_SIGNATURE_UNKNOWN_ALGORITHM;
	if (a->family != ED25519) {
		digest_bytes = (word32)wc_HashGetDigestSize(a->hash);
		if (wc_Hash(a->hash, message.p, (word32)message.n, digest, digest_bytes) != 0)
			return TLS_SIGNATURE_BAD;
	}
	if (a->family == RSA)
		good = type == TLS_KEY_RSA && check_rsa(spki, a, digest, digest_bytes, signature);
	else if (a->family == ECDSA)
		good = (type == TLS_KEY_P256 || type == TLS_KEY_P384) &&
		       check_ecdsa(spki, digest, digest_bytes, signature);
	else
		good = type == TLS_KEY_ED25519 && check_ed25519(spki, message, signature);
	return good ? TLS_SIGNATURE_GOOD : TLS_SIGNATURE_BAD;
}
