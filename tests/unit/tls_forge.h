/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records that no library sends: any type, text and padding, sealed with the keys of
 * a session that is set up.
 *
 * Threads: one, a worker's.
 */
#pragma once

#include "tls/record.h"

#define FORGE_MAX_BYTES (1u << 15)

/*
 * Seals @text in @record (FORGE_MAX_BYTES) with the keys that @s writes with, and counts
 * it; in TLS 1.3 with the type and @padding zeros behind it. The record's bytes.
 */
uint32_t forge_record(struct tls_session *s, uint8_t type, const void *text, uint32_t bytes, uint32_t padding,
		      uint8_t *record);
/* The same, given to @to. */
void forge_into(struct tls_session *s, struct tls_session *to, uint8_t type, const void *text, uint32_t bytes,
		uint32_t padding);
