/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DER (ITU-T X.690), as much as certificates need: a reader that checks every
 * length and accepts only the one valid encoding of it, and a writer that builds
 * from the end towards the start, so that each length is known when it is written.
 *
 * Reading: a slice is consumed element by element with der_read or der_expect.
 * Writing: der_writer_init; der_put* the parts in reverse order; der_wrap gives
 * what was put since @mark its tag and length; der_written is the result.
 *
 * Threads: any.
 * Ownership: slices borrow from the bytes they were made of; the writer's buffer
 * is the caller's, and one that is too small is seen once, at der_written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum der_tag {
	DER_BOOLEAN = 0x01, DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05, DER_OID = 0x06, DER_ENUMERATED = 0x0a, DER_UTF8_STRING = 0x0c, DER_PRINTABLE_STRING = 0x13,
	DER_T61_STRING = 0x14, DER_IA5_STRING = 0x16, DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18, DER_BMP_STRING = 0x1e, DER_SEQUENCE = 0x30, DER_SET = 0x31,
};
#define DER_CONTEXT(n) (0x80u | (n))			/* [n] IMPLICIT, primitive */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0u | (n))	/* [n], constructed */

struct der {
	const uint8_t *p;
	size_t n;
};

/* A constant of bytes as a slice: DER_BYTES("\x55\x04\x03"). */
#define DER_BYTES(literal) ((struct der){ (const uint8_t *)(literal), sizeof(literal) - 1 })

static inline bool der_equal(struct der a, struct der b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The next element of *in: its tag, its body, and the element whole (each may be NULL). False: malformed or at the end. */
bool der_read(struct der *in, uint8_t *tag, struct der *body, struct der *whole);
/* The same when the tag must be @tag; leaves *in alone when it isn't. */
bool der_expect(struct der *in, unsigned int tag, struct der *body);
/* The same, giving the element whole. */
bool der_expect_whole(struct der *in, unsigned int tag, struct der *whole);
/* Is the next element's tag @tag? */
bool der_peek(const struct der *in, unsigned int tag);
/* A BIT STRING's bytes; only whole bytes (no unused bits) are accepted. */
bool der_bits(struct der *in, struct der *bytes);
/* An INTEGER's bytes as a number: leading zeros don't count. */
struct der der_trim(struct der number);

struct der_writer {
	uint8_t *buf;
	size_t capacity, at;	/* what is written lies in [at, capacity) */
	bool full;
};

void der_writer_init(struct der_writer *w, uint8_t *buf, size_t buf_bytes);
static inline size_t der_mark(const struct der_writer *w)
{
	return w->capacity - w->at;
}
void der_put(struct der_writer *w, struct der bytes);
void der_put_byte(struct der_writer *w, unsigned int byte);
/* Tag and length around all that was put since @mark. */
void der_wrap(struct der_writer *w, unsigned int tag, size_t mark);
/* An element whole. */
void der_put_element(struct der_writer *w, unsigned int tag, struct der body);
/* A BIT STRING header around what was put since @mark. */
void der_wrap_bits(struct der_writer *w, size_t mark);
/* A non-negative INTEGER of big-endian @bytes. */
void der_put_integer(struct der_writer *w, struct der bytes);
/* False: the buffer was too small. */
bool der_written(const struct der_writer *w, struct der *out);
