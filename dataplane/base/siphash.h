/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash that a stranger who
 * doesn't know the key can't steer. Used for connection tables, initial sequence
 * numbers (RFC 6528) and port choice (RFC 6056).
 *
 * Threads: any; pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t data_bytes);
