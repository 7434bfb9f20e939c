/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sums of the Internet checksum (RFC 1071) over plain memory, one's complement in 64
 * bits: the carries of all 16-bit columns stay inside until sum_fold.
 *
 * Threads: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t sum_add(uint64_t sum, uint64_t more)
{
	sum += more;
	return sum + (sum < more);
}

/* As sum_bytes, of what is short: headers. */
static inline uint64_t sum_short(uint64_t sum, const void *from, size_t bytes)
{
	const unsigned char *p = from;
	uint64_t word;

	for (; bytes >= 8; bytes -= 8, p += 8) {
		memcpy(&word, p, 8);
		sum = sum_add(sum, word);
	}
	if (bytes == 0)
		return sum;
	word = 0;
	memcpy(&word, p, bytes);
	return sum_add(sum, word);
}

/* Of 16-bit words as they lie there, the last byte with a zero behind it. */
uint64_t sum_bytes(const void *from, size_t bytes);
/* The same, and copies. */
uint64_t sum_copy(void *restrict to, const void *restrict from, size_t bytes);

static inline uint16_t sum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

/* What began at an odd offset stands in the other column (RFC 1071 2 (B)). */
static inline uint64_t sum_shifted(uint64_t sum)
{
	uint16_t folded = sum_fold(sum);

	return (uint16_t)(folded << 8 | folded >> 8);
}
