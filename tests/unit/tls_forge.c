/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls_forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls_pair.h"

uint32_t forge_record(struct tls_session *s, uint8_t type, const void *text, uint32_t bytes, uint32_t padding,
		      uint8_t *record)
{
	uint32_t explicit_bytes = traffic_explicit_bytes(s->suite), n = bytes, length;
	uint8_t aad[TRAFFIC_AAD_MAX_BYTES], *inner = record + RECORD_HEADER_BYTES + explicit_bytes;
	struct aead_header header;

	if (bytes + padding > FORGE_MAX_BYTES - 64) {
		fprintf(stderr, "forge: %u bytes are too many\n", bytes + padding);
		exit(1);
	}
	memcpy(inner, text, bytes);
	if (s->suite.tls13) {
		inner[n++] = type;
		memset(inner + n, 0, padding);
		n += padding;
	}
	length = explicit_bytes + n + AEAD_TAG_BYTES;
	record[0] = s->suite.tls13 ? RECORD_DATA : type;
	record[1] = record[2] = 3;
	record[3] = (uint8_t)(length >> 8);
	record[4] = (uint8_t)length;
	memset(record + RECORD_HEADER_BYTES, 0x5a, explicit_bytes);
	traffic_header(&s->writing, s->suite, record, n, aad, &header);
	if (!aead_seal_flat(aead_slot(&tls_worker->aeads, &s->writing, s->suite.kind, s->writing.key), &header, inner, n,
			    inner + n)) {
		fprintf(stderr, "forge: not sealed\n");
		exit(1);
	}
	s->writing.seq++;
	return RECORD_HEADER_BYTES + length;
}

void forge_into(struct tls_session *s, struct tls_session *to, uint8_t type, const void *text, uint32_t bytes,
		uint32_t padding)
{
	static uint8_t record[FORGE_MAX_BYTES];

	tls_input(to, pair_data(record, forge_record(s, type, text, bytes, padding, record)));
}
