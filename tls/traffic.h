/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One direction's keys and the count of its records, from the end of the handshake
 * on: how a record's nonce and additional data are made, and the next keys.
 *
 * Order of calls: the fields that the handshake gives are set; traffic_header for each
 * record, then seq counts up; traffic_keys_update at a KeyUpdate (TLS 1.3).
 * Threads: the session's worker. Ownership: part of its session, wiped with it.
 */
#pragma once

#include "tls/aead.h"

#define TRAFFIC_SECRET_MAX_BYTES 48u
/*
 * Full-size records that one AES-GCM key may protect (RFC 8446 5.5: 2^24.5); ChaCha20
 * has no such limit, and a count that would wrap is far behind any of them.
 */
#define TRAFFIC_AES_GCM_RECORDS 23726566u
#define TRAFFIC_RECORDS (UINT64_C(1) << 48)

struct traffic_suite {
	enum aead_kind kind;
	uint8_t secret_bytes;	/* TLS 1.3: the hash's length */
	bool tls13;
};

struct traffic_keys {
	uint64_t seq;		/* of the next record */
	uint64_t explicit_iv;	/* TLS 1.2 AES-GCM, sending: of the next record (RFC 5288 3) */
	uint8_t key[AEAD_KEY_MAX_BYTES];
	uint8_t iv[AEAD_NONCE_BYTES];	/* TLS 1.2 AES-GCM: its first 4 */
	uint8_t secret[TRAFFIC_SECRET_MAX_BYTES];	/* TLS 1.3 */
};

/* What stands in a record between its header and its ciphertext. */
static inline uint32_t traffic_explicit_bytes(struct traffic_suite suite)
{
	return suite.tls13 || suite.kind == AEAD_CHACHA20_POLY1305 ? 0 : 8;
}

/* The next secret (RFC 8446 7.2), its key and IV (7.3), and records counted from 0. False: the library failed. */
bool traffic_keys_update(struct traffic_keys *keys, struct traffic_suite suite);
uint64_t traffic_records_max(struct traffic_suite suite);
/* TRAFFIC_AES_GCM_RECORDS; tests make it small, nobody else writes it. */
extern uint64_t traffic_aes_gcm_records;

#define TRAFFIC_AAD_MAX_BYTES 13u
/*
 * Nonce and additional data of record @seq. @record: its 5 bytes of header and, where
 * there is one, the explicit nonce; @text_bytes: the length of what is encrypted.
 * @aad is borrowed by @header.
 */
void traffic_header(const struct traffic_keys *keys, struct traffic_suite suite, const uint8_t *record,
		    uint32_t text_bytes, uint8_t aad[TRAFFIC_AAD_MAX_BYTES], struct aead_header *header);
