/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/traffic.h"

#include <string.h>

#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/kdf.h>

#define HEADER_BYTES 5u

/* HKDF-Expand-Label with an empty context (RFC 8446 7.1). */
static bool expand(const struct traffic_keys *keys, struct traffic_suite suite, const char *label, uint8_t *out,
		   uint32_t out_bytes)
{
	static const char protocol[] = "tls13 ";

	return wc_Tls13_HKDF_Expand_Label(out, out_bytes, keys->secret, suite.secret_bytes, (const byte *)protocol,
					  sizeof(protocol) - 1, (const byte *)label, (word32)strlen(label), NULL, 0,
					  suite.secret_bytes == 48 ? WC_HASH_TYPE_SHA384 : WC_HASH_TYPE_SHA256) == 0;
}

/* Key and IV of the secret. */
static bool derive_keys(struct traffic_keys *keys, struct traffic_suite suite)
{
	keys->seq = 0;
	return expand(keys, suite, "key", keys->key, aead_key_bytes(suite.kind)) &&
	       expand(keys, suite, "iv", keys->iv, AEAD_NONCE_BYTES);
}

bool traffic_keys_update(struct traffic_keys *keys, struct traffic_suite suite)
{
	uint8_t next[TRAFFIC_SECRET_MAX_BYTES];
	bool good = expand(keys, suite, "traffic upd", next, suite.secret_bytes);

	if (good)
		memcpy(keys->secret, next, suite.secret_bytes);
	explicit_bzero(next, sizeof(next));
	return good && derive_keys(keys, suite);
}

uint64_t traffic_aes_gcm_records = TRAFFIC_AES_GCM_RECORDS;

uint64_t traffic_records_max(struct traffic_suite suite)
{
	return suite.kind == AEAD_CHACHA20_POLY1305 ? TRAFFIC_RECORDS : traffic_aes_gcm_records;
}

static void put_seq(uint8_t *to, uint64_t seq)
{
	seq = __builtin_bswap64(seq);
	memcpy(to, &seq, sizeof(seq));
}

void traffic_header(const struct traffic_keys *keys, struct traffic_suite suite, const uint8_t *record,
		    uint32_t text_bytes, uint8_t aad[TRAFFIC_AAD_MAX_BYTES], struct aead_header *header)
{
	uint8_t seq[8];
	uint32_t i;

	put_seq(seq, keys->seq);
	memcpy(header->nonce, keys->iv, AEAD_NONCE_BYTES);
	if (traffic_explicit_bytes(suite)) {
		memcpy(header->nonce + 4, record + HEADER_BYTES, 8);	/* RFC 5288 3 */
	} else {
		for (i = 0; i < 8; i++)	/* RFC 8446 5.3, RFC 7905 2 */
			header->nonce[4 + i] ^= seq[i];
	}
	header->aad = aad;
	if (suite.tls13) {	/* RFC 8446 5.2 */
		memcpy(aad, record, HEADER_BYTES);
		header->aad_bytes = HEADER_BYTES;
		return;
	}
	memcpy(aad, seq, 8);	/* RFC 5246 6.2.3.3 */
	memcpy(aad + 8, record, 3);
	aad[11] = (uint8_t)(text_bytes >> 8);
	aad[12] = (uint8_t)text_bytes;
	header->aad_bytes = 13;
}
