/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sum.h"

#include <stdbool.h>
#include <string.h>

#ifdef __x86_64__
/* 64 bytes in a chain of add-with-carry: compilers don't make one of sum_add. */
static inline uint64_t sum_64(uint64_t sum, const unsigned char *p)
{
	__asm__("addq 0(%1), %0\n\tadcq 8(%1), %0\n\tadcq 16(%1), %0\n\tadcq 24(%1), %0\n\t"
		"adcq 32(%1), %0\n\tadcq 40(%1), %0\n\tadcq 48(%1), %0\n\tadcq 56(%1), %0\n\tadcq $0, %0"
		: "+r"(sum)
		: "r"(p), "m"(*(const unsigned char(*)[64])p)
		: "cc");
	return sum;
}
#else
static inline uint64_t sum_64(uint64_t sum, const unsigned char *p)
{
	uint64_t word[8];

	memcpy(word, p, 64);
	for (unsigned int i = 0; i < 8; i++)
		sum = sum_add(sum, word[i]);
	return sum;
}
#endif

/* Less than 64 bytes, or anything. */
static uint64_t sum_rest(uint64_t sum, const unsigned char *p, size_t bytes)
{
	for (; bytes >= 64; bytes -= 64, p += 64)
		sum = sum_64(sum, p);
	return sum_short(sum, p, bytes);
}

#ifdef __x86_64__
typedef uint64_t vector __attribute__((vector_size(32)));
/* As it lies in a packet. */
typedef uint64_t packet_vector __attribute__((vector_size(32), aligned(1), may_alias));

/* Adds up both halves of each 64 bits by themselves: no carry comes of so few. */
struct lanes {
	vector low, high;
};

/* What one call takes at most, so that no lane runs over; a packet is less. */
#define WIDE_BYTES_MAX ((size_t)1 << 20)
/* Shorter ones aren't worth it. */
#define WIDE_BYTES_MIN 128u

static inline bool has_wide(void)
{
	return __builtin_cpu_supports("avx2");
}

#define WIDE static inline __attribute__((target("avx2"), always_inline))

WIDE void lanes_add(struct lanes *l, const packet_vector *from)
{
	vector v = *from;

	l->low += v & UINT32_MAX;
	l->high += v >> 32;
}

WIDE void lanes_copy(struct lanes *l, packet_vector *restrict to, const packet_vector *restrict from)
{
	vector v = *from;

	*to = v;
	l->low += v & UINT32_MAX;
	l->high += v >> 32;
}

WIDE uint64_t lanes_sum(const struct lanes *a, const struct lanes *b)
{
	vector v = a->low + a->high + b->low + b->high;

	return v[0] + v[1] + v[2] + v[3];
}

/* Whole 64 bytes. */
__attribute__((target("avx2"))) static uint64_t wide_sum(const unsigned char *p, size_t bytes)
{
	struct lanes a = { 0 }, b = { 0 };

	for (; bytes > 0; bytes -= 64, p += 64) {
		lanes_add(&a, (const packet_vector *)p);
		lanes_add(&b, (const packet_vector *)(p + 32));
	}
	return lanes_sum(&a, &b);
}

__attribute__((target("avx2"))) static uint64_t wide_copy(unsigned char *restrict to, const unsigned char *restrict p,
							  size_t bytes)
{
	struct lanes a = { 0 }, b = { 0 };

	for (; bytes > 0; bytes -= 64, p += 64, to += 64) {
		lanes_copy(&a, (packet_vector *)to, (const packet_vector *)p);
		lanes_copy(&b, (packet_vector *)(to + 32), (const packet_vector *)(p + 32));
	}
	return lanes_sum(&a, &b);
}

uint64_t sum_bytes(const void *from, size_t bytes)
{
	size_t wide = bytes / 64 * 64;

	if (bytes < WIDE_BYTES_MIN || bytes > WIDE_BYTES_MAX || !has_wide())
		return sum_rest(0, from, bytes);
	return sum_rest(wide_sum(from, wide), (const unsigned char *)from + wide, bytes - wide);
}

uint64_t sum_copy(void *restrict to, const void *restrict from, size_t bytes)
{
	size_t wide = bytes / 64 * 64;

	if (bytes < WIDE_BYTES_MIN || bytes > WIDE_BYTES_MAX || !has_wide()) {
		memcpy(to, from, bytes);
		return sum_rest(0, from, bytes);
	}
	memcpy((unsigned char *)to + wide, (const unsigned char *)from + wide, bytes - wide);
	return sum_rest(wide_copy(to, from, wide), (const unsigned char *)from + wide, bytes - wide);
}
#else
uint64_t sum_bytes(const void *from, size_t bytes)
{
	return sum_rest(0, from, bytes);
}

uint64_t sum_copy(void *restrict to, const void *restrict from, size_t bytes)
{
	memcpy(to, from, bytes);
	return sum_rest(0, from, bytes);
}
#endif
