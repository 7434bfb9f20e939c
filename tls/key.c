/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/key.h"

#include "dataplane/base/assert.h"
#include "tls/pem.h"
#include "tls/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#define DER_MAX_BYTES 4096u	/* of an RSA 4096 key with its factors: 2.4 KB */

struct tls_key {
	enum tls_key_type type;
	unsigned int bits;
	union {
		RsaKey rsa;
		ecc_key ecc;
		ed25519_key ed25519;
	};
	WC_RNG rng;
	bool key_ready, rng_ready;
	uint8_t pkcs8_buf[DER_MAX_BYTES], spki_buf[DER_MAX_BYTES / 4];
	struct der pkcs8, spki;
};

static const struct {
	const char *word, *name;
	enum tls_key_type type;
	unsigned int bits;
} types[] = {
	{ "p256", "P-256", TLS_KEY_P256, 256 },
	{ "p384", "P-384", TLS_KEY_P384, 384 },
	{ "ed25519", "Ed25519", TLS_KEY_ED25519, 255 },
	{ "rsa2048", "RSA", TLS_KEY_RSA, 2048 },
	{ "rsa3072", "RSA", TLS_KEY_RSA, 3072 },
	{ "rsa4096", "RSA", TLS_KEY_RSA, 4096 },
};

bool tls_key_type_parse(const char *word, enum tls_key_type *type, unsigned int *bits)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].word, word) == 0) {
			*type = types[i].type;
			*bits = types[i].bits;
			return true;
		}
	}
	return false;
}

const char *tls_key_type_name(enum tls_key_type type)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].name;
	return "unknown";
}

static struct tls_key *key_new(enum tls_key_type type, unsigned int bits)
{
	struct tls_key *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return NULL;
	k->type = type;
	k->bits = bits;
	k->rng_ready = wc_InitRng(&k->rng) == 0;
	switch (type) {
	case TLS_KEY_RSA:
		err = wc_InitRsaKey(&k->rsa, NULL);
		break;
	case TLS_KEY_ED25519:
		err = wc_ed25519_init(&k->ed25519);
		break;
	default:
		err = wc_ecc_init(&k->ecc);
	}
	k->key_ready = err == 0;
	if (k->key_ready && k->rng_ready)
		return k;
	tls_key_free(k);
	return NULL;
}

void tls_key_free(struct tls_key *k)
{
	if (!k)
		return;
	if (k->key_ready && k->type == TLS_KEY_RSA)
		wc_FreeRsaKey(&k->rsa);
	else if (k->key_ready && k->type == TLS_KEY_ED25519)
		wc_ed25519_free(&k->ed25519);
	else if (k->key_ready)
		wc_ecc_free(&k->ecc);
	if (k->rng_ready)
		wc_FreeRng(&k->rng);
	explicit_bzero(k, sizeof(*k));
	free(k);
}

/* PrivateKeyInfo (RFC 5958) around @key: what the algorithm's own format is. */
static bool pkcs8_wrap(struct tls_key *k, struct der key, struct der algorithm)
{
	struct der_writer w;

	der_writer_init(&w, k->pkcs8_buf, sizeof(k->pkcs8_buf));
	der_put_element(&w, DER_OCTET_STRING, key);
	der_put(&w, algorithm);
	der_put_integer(&w, DER_BYTES("\0"));
	der_wrap(&w, DER_SEQUENCE, 0);
	return der_written(&w, &k->pkcs8);
}

static int encode_rsa(struct tls_key *k)
{
	uint8_t buf[DER_MAX_BYTES];
	int n, ok;

	n = wc_RsaKeyToDer(&k->rsa, buf, sizeof(buf));
	ok = n > 0 && pkcs8_wrap(k, (struct der){ buf, (size_t)n },
				 DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"));
	explicit_bzero(buf, sizeof(buf));
	if (!ok)
		return -EIO;
	n = wc_RsaKeyToPublicDer(&k->rsa, k->spki_buf, sizeof(k->spki_buf));
	k->spki = (struct der){ k->spki_buf, n > 0 ? (size_t)n : 0 };
	return n > 0 ? 0 : -EIO;
}

static int encode_ecc(struct tls_key *k)
{
	word32 n = sizeof(k->pkcs8_buf);
	int err;

	if (k->ecc.type == ECC_PRIVATEKEY_ONLY && wc_ecc_make_pub_ex(&k->ecc, NULL, &k->rng) != 0)
		return -EIO;
	err = wc_EccKeyToPKCS8(&k->ecc, k->pkcs8_buf, &n);
	if (err < 0)
		return -EIO;
	k->pkcs8 = (struct der){ k->pkcs8_buf, n };
	err = wc_EccPublicKeyToDer(&k->ecc, k->spki_buf, sizeof(k->spki_buf), 1);
	k->spki = (struct der){ k->spki_buf, err > 0 ? (size_t)err : 0 };
	return err > 0 ? 0 : -EIO;
}

static int encode_ed25519(struct tls_key *k)
{
	uint8_t seed[2 + ED25519_KEY_SIZE] = { DER_OCTET_STRING, ED25519_KEY_SIZE }, pub[ED25519_PUB_KEY_SIZE];
	word32 n = ED25519_KEY_SIZE;
	int err;
	bool ok;

	if (!k->ed25519.pubKeySet) {
		if (wc_ed25519_make_public(&k->ed25519, pub, sizeof(pub)) != 0 ||
		    wc_ed25519_import_public(pub, sizeof(pub), &k->ed25519) != 0)
			return -EIO;
	}
	err = wc_ed25519_export_private_only(&k->ed25519, seed + 2, &n);
	ok = err == 0 && pkcs8_wrap(k, (struct der){ seed, sizeof(seed) },
				    DER_BYTES("\x30\x05\x06\x03\x2b\x65\x70"));
	explicit_bzero(seed, sizeof(seed));
	if (!ok)
		return -EIO;
	err = wc_Ed25519PublicKeyToDer(&k->ed25519, k->spki_buf, sizeof(k->spki_buf), 1);
	k->spki = (struct der){ k->spki_buf, err > 0 ? (size_t)err : 0 };
	return err > 0 ? 0 : -EIO;
}

static int encode(struct tls_key *k)
{
	return k->type == TLS_KEY_RSA ? encode_rsa(k) :
	       k->type == TLS_KEY_ED25519 ? encode_ed25519(k) : encode_ecc(k);
}

struct tls_key *tls_key_generate(enum tls_key_type type, unsigned int bits, char *err, size_t err_bytes)
{
	struct tls_key *k;
	int fault;

	ASSERT(type != TLS_KEY_UNKNOWN);
	if (type == TLS_KEY_RSA && (bits < TLS_KEY_RSA_MIN_BITS || bits > TLS_KEY_RSA_MAX_BITS)) {
		snprintf(err, err_bytes, "an RSA key must have %u to %u bits, not %u", TLS_KEY_RSA_MIN_BITS,
			 TLS_KEY_RSA_MAX_BITS, bits);
		return NULL;
	}
	k = key_new(type, type == TLS_KEY_RSA ? bits : type == TLS_KEY_P256 ? 256 : type == TLS_KEY_P384 ? 384 : 255);
	if (!k) {
		snprintf(err, err_bytes, "out of memory");
		return NULL;
	}
	if (type == TLS_KEY_RSA)
		fault = wc_MakeRsaKey(&k->rsa, (int)bits, WC_RSA_EXPONENT, &k->rng);
	else if (type == TLS_KEY_ED25519)
		fault = wc_ed25519_make_key(&k->rng, ED25519_KEY_SIZE, &k->ed25519);
	else
		fault = wc_ecc_make_key_ex(&k->rng, type == TLS_KEY_P256 ? 32 : 48, &k->ecc,
					   type == TLS_KEY_P256 ? ECC_SECP256R1 : ECC_SECP384R1);
	if (fault == 0 && encode(k) == 0)
		return k;
	snprintf(err, err_bytes, "the key could not be made: %s", wc_GetErrorString(fault));
	tls_key_free(k);
	return NULL;
}

/* Which kind of key a private key's DER holds, whichever form it has. */
static enum tls_key_type private_type(const char *label, struct der der)
{
	struct der body, algorithm, oid, curve, parameters;

	if (strcmp(label, "RSA PRIVATE KEY") == 0)
		return TLS_KEY_RSA;
	if (!der_expect(&der, DER_SEQUENCE, &body) || !der_expect(&body, DER_INTEGER, NULL))
		return TLS_KEY_UNKNOWN;
	if (strcmp(label, "EC PRIVATE KEY") == 0) {	/* RFC 5915 */
		if (!der_expect(&body, DER_OCTET_STRING, NULL) ||
		    !der_expect(&body, DER_CONTEXT_CONSTRUCTED(0), &parameters))
			return TLS_KEY_UNKNOWN;
	} else {
		if (!der_expect(&body, DER_SEQUENCE, &algorithm) || !der_expect(&algorithm, DER_OID, &oid))
			return TLS_KEY_UNKNOWN;
		if (der_equal(oid, X509_OID_RSA))
			return TLS_KEY_RSA;
		if (der_equal(oid, X509_OID_ED25519))
			return TLS_KEY_ED25519;
		if (!der_equal(oid, X509_OID_EC))
			return TLS_KEY_UNKNOWN;
		parameters = algorithm;
	}
	if (!der_expect(&parameters, DER_OID, &curve))
		return TLS_KEY_UNKNOWN;
	return der_equal(curve, X509_OID_P256) ? TLS_KEY_P256 :
	       der_equal(curve, X509_OID_P384) ? TLS_KEY_P384 : TLS_KEY_UNKNOWN;
}

static int decode(struct tls_key *k, struct der der)
{
	word32 at = 0;
	int err;

	if (k->type == TLS_KEY_RSA) {
		err = wc_RsaPrivateKeyDecode(der.p, &at, &k->rsa, (word32)der.n);
		k->bits = err == 0 ? (unsigned int)wc_RsaEncryptSize(&k->rsa) * 8 : 0;
	} else if (k->type == TLS_KEY_ED25519) {
		err = wc_Ed25519PrivateKeyDecode(der.p, &at, &k->ed25519, (word32)der.n);
		k->bits = 255;
	} else {
		err = wc_EccPrivateKeyDecode(der.p, &at, &k->ecc, (word32)der.n);
		k->bits = k->type == TLS_KEY_P256 ? 256 : 384;
	}
	return err;
}

static struct tls_key *from_der(const char *label, struct der der, char *err, size_t err_bytes)
{
	enum tls_key_type type = private_type(label, der);
	struct tls_key *k;
	int fault;

	if (type == TLS_KEY_UNKNOWN) {
		snprintf(err, err_bytes, "the key is of a kind that is not supported; use RSA, P-256, P-384 or Ed25519");
		return NULL;
	}
	k = key_new(type, 0);
	if (!k) {
		snprintf(err, err_bytes, "out of memory");
		return NULL;
	}
	fault = decode(k, der);
	if (fault != 0) {
		snprintf(err, err_bytes, "the %s key is malformed: %s", tls_key_type_name(type),
			 wc_GetErrorString(fault));
	} else if (type == TLS_KEY_RSA && (k->bits < TLS_KEY_RSA_MIN_BITS || k->bits > TLS_KEY_RSA_MAX_BITS)) {
		snprintf(err, err_bytes, "the RSA key has %u bits; %u to %u are accepted", k->bits,
			 TLS_KEY_RSA_MIN_BITS, TLS_KEY_RSA_MAX_BITS);
	} else if (encode(k) != 0) {
		snprintf(err, err_bytes, "the %s key is malformed: its public half can't be computed",
			 tls_key_type_name(type));
	} else {
		return k;
	}
	tls_key_free(k);
	return NULL;
}

static struct tls_key *from_sealed(const struct pem_block *b, struct der passphrase, char *err, size_t err_bytes)
{
	const char *why = "it is malformed";
	struct tls_key *k = NULL;
	uint8_t *plain = malloc(b->der_bytes);
	struct der pkcs8;
	int bad;

	bad = plain ? tls_unseal((struct der){ b->der, b->der_bytes }, passphrase, plain, &pkcs8, &why) : -ENOMEM;
	if (bad == 0)
		k = from_der("PRIVATE KEY", pkcs8, err, err_bytes);
	else if (bad == -EACCES)
		snprintf(err, err_bytes, "the passphrase is wrong: the key can't be decrypted with it");
	else
		snprintf(err, err_bytes, "the encrypted key can't be read: %s; convert it: openssl pkcs8 -topk8 -v2 aes256 -in KEY -out NEWKEY",
			 bad == -EINVAL ? "it is malformed" : bad == -ENOTSUP ? why : "out of memory");
	if (plain)
		explicit_bzero(plain, b->der_bytes);
	free(plain);
	return k;
}

static bool is_private(const char *label)
{
	return strcmp(label, "PRIVATE KEY") == 0 || strcmp(label, "RSA PRIVATE KEY") == 0 ||
	       strcmp(label, "EC PRIVATE KEY") == 0;
}

static bool is_sealed(const struct pem_block *b)
{
	return b->encrypted || strcmp(b->label, "ENCRYPTED PRIVATE KEY") == 0;
}

bool tls_key_is_sealed(struct der text)
{
	struct pem_block b;
	bool sealed = false, found = false;

	while (!found && pem_next(&text, &b) == PEM_BLOCK) {
		sealed = is_sealed(&b);
		found = sealed || is_private(b.label);
		pem_block_fini(&b);
	}
	return sealed;
}

/* A line, without its end. False: there is none left. */
static bool line_next(struct der *lines, struct der *line)
{
	const uint8_t *end = lines->n ? memchr(lines->p, '\n', lines->n) : NULL;

	*line = (struct der){ lines->p, end ? (size_t)(end - lines->p) : lines->n };
	if (lines->n == 0)
		return false;
	lines->p += line->n + (end ? 1 : 0);
	lines->n -= line->n + (end ? 1 : 0);
	while (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

/* With one passphrase after the other: each costs some tenths of a second, so they are few. */
static struct tls_key *from_sealed_by_any(const struct pem_block *b, struct der lines, char *err, size_t err_bytes)
{
	struct tls_key *k = NULL;
	struct der line;
	unsigned int n = 0;

	while (!k && line_next(&lines, &line)) {
		if (line.n == 0)
			continue;
		if (n++ == TLS_KEY_PASSPHRASES_MAX) {
			snprintf(err, err_bytes, "more than %u passphrases", TLS_KEY_PASSPHRASES_MAX);
			return NULL;
		}
		k = from_sealed(b, line, err, err_bytes);
	}
	if (n == 0)
		snprintf(err, err_bytes, "there is no passphrase");
	else if (!k && n > 1)
		snprintf(err, err_bytes, "none of the %u passphrases decrypts the key", n);
	return k;
}

static struct tls_key *from_block(const struct pem_block *b, struct der passphrases, char *err, size_t err_bytes)
{
	if (!is_sealed(b))
		return from_der(b->label, (struct der){ b->der, b->der_bytes }, err, err_bytes);
	if (passphrases.n && !b->encrypted)
		return from_sealed_by_any(b, passphrases, err, err_bytes);
	snprintf(err, err_bytes, passphrases.n ?
		 "the key is encrypted in the old way of OpenSSL; convert it: openssl pkey -aes256 -in KEY -out NEWKEY" :
		 "the key is encrypted with a passphrase; say in which file that is: certificates { passphrase_file = \"FILE\"; }, "
		 "or decrypt the key once: openssl pkey -in KEY -out PLAINKEY");
	return NULL;
}

struct tls_key *tls_key_from_sealed(struct der text, struct der passphrases, char *err, size_t err_bytes)
{
	struct tls_key *k = NULL;
	struct pem_block b;
	enum pem_result r;

	for (;;) {
		r = pem_next(&text, &b);
		if (r == PEM_BAD)
			snprintf(err, err_bytes, "the PEM text is damaged");
		else if (r == PEM_NO_MEMORY)
			snprintf(err, err_bytes, "out of memory");
		else if (r == PEM_END)
			snprintf(err, err_bytes, "there is no private key in it (no BEGIN PRIVATE KEY line)");
		if (r != PEM_BLOCK)
			return NULL;
		if (is_sealed(&b) || is_private(b.label)) {
			k = from_block(&b, passphrases, err, err_bytes);
			pem_block_fini(&b);
			return k;
		}
		pem_block_fini(&b);
	}
}

struct tls_key *tls_key_from_pem(struct der text, char *err, size_t err_bytes)
{
	return tls_key_from_sealed(text, (struct der){ 0 }, err, err_bytes);
}

char *tls_key_to_pem(const struct tls_key *k)
{
	return pem_encode("PRIVATE KEY", k->pkcs8);
}

char *tls_key_to_sealed(const struct tls_key *k, struct der passphrase)
{
	uint8_t buf[DER_MAX_BYTES + 256];
	struct der sealed;

	if (tls_seal(k->pkcs8, passphrase, buf, sizeof(buf), &sealed) != 0)
		return NULL;
	return pem_encode("ENCRYPTED PRIVATE KEY", sealed);
}

void tls_key_text_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

enum tls_key_type tls_key_type(const struct tls_key *k)
{
	return k->type;
}

unsigned int tls_key_bits(const struct tls_key *k)
{
	return k->bits;
}

struct der tls_key_pkcs8(const struct tls_key *k)
{
	return k->pkcs8;
}

struct der tls_key_spki(const struct tls_key *k)
{
	return k->spki;
}

int tls_key_sign(struct tls_key *k, struct der message, uint8_t *signature, size_t *signature_bytes)
{
	uint8_t digest[WC_MAX_DIGEST_SIZE], info[MAX_DER_DIGEST_SZ];
	enum wc_HashType hash = k->type == TLS_KEY_P384 ? WC_HASH_TYPE_SHA384 : WC_HASH_TYPE_SHA256;
	word32 digest_bytes = (word32)wc_HashGetDigestSize(hash), n = TLS_SIGNATURE_MAX_BYTES;
	int err;

	if (k->type == TLS_KEY_ED25519) {
		err = wc_ed25519_sign_msg(message.p, (word32)message.n, signature, &n, &k->ed25519);
		*signature_bytes = n;
		return err == 0 ? 0 : -EIO;
	}
	if (wc_Hash(hash, message.p, (word32)message.n, digest, digest_bytes) != 0)
		return -EIO;
	if (k->type == TLS_KEY_RSA) {
		digest_bytes = wc_EncodeSignature(info, digest, digest_bytes, SHA256h);
		err = wc_RsaSSL_Sign(info, digest_bytes, signature, n, &k->rsa, &k->rng);
		n = err > 0 ? (word32)err : 0;
		err = err > 0 ? 0 : -1;
	} else {
		err = wc_ecc_sign_hash(digest, digest_bytes, signature, &n, &k->rng, &k->ecc);
	}
	*signature_bytes = n;
	return err == 0 ? 0 : -EIO;
}
