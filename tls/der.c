/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/der.h"

bool der_read(struct der *in, uint8_t *tag, struct der *body, struct der *whole)
{
	const uint8_t *p = in->p;
	size_t left = in->n, length, octets;

	if (left < 2 || (p[0] & 0x1f) == 0x1f)	/* no tag of ours needs a second byte */
		return false;
	length = p[1];
	octets = 0;
	if (length & 0x80) {
		octets = length & 0x7f;
		if (octets == 0 || octets > 3 || left < 2 + octets || p[2] == 0)
			return false;
		length = 0;
		for (size_t i = 0; i < octets; i++)
			length = length << 8 | p[2 + i];
		if (length < 0x80)
			return false;
	}
	if (length > left - 2 - octets)
		return false;
	if (tag)
		*tag = p[0];
	if (body)
		*body = (struct der){ p + 2 + octets, length };
	if (whole)
		*whole = (struct der){ p, 2 + octets + length };
	in->p += 2 + octets + length;
	in->n -= 2 + octets + length;
	return true;
}

bool der_peek(const struct der *in, unsigned int tag)
{
	return in->n > 0 && in->p[0] == tag;
}

bool der_expect(struct der *in, unsigned int tag, struct der *body)
{
	return der_peek(in, tag) && der_read(in, NULL, body, NULL);
}

bool der_expect_whole(struct der *in, unsigned int tag, struct der *whole)
{
	return der_peek(in, tag) && der_read(in, NULL, NULL, whole);
}

struct der der_trim(struct der number)
{
	while (number.n > 1 && number.p[0] == 0) {
		number.p++;
		number.n--;
	}
	return number;
}

bool der_bits(struct der *in, struct der *bytes)
{
	struct der body;

	if (!der_expect(in, DER_BIT_STRING, &body) || body.n < 1 || body.p[0] != 0)
		return false;
	*bytes = (struct der){ body.p + 1, body.n - 1 };
	return true;
}

void der_writer_init(struct der_writer *w, uint8_t *buf, size_t buf_bytes)
{
	*w = (struct der_writer){ .buf = buf, .capacity = buf_bytes, .at = buf_bytes };
}

void der_put(struct der_writer *w, struct der bytes)
{
	if (w->full || bytes.n > w->at) {
		w->full = true;
		return;
	}
	w->at -= bytes.n;
	if (bytes.n)
		memcpy(w->buf + w->at, bytes.p, bytes.n);
}

void der_put_byte(struct der_writer *w, unsigned int byte)
{
	uint8_t b = (uint8_t)byte;

	der_put(w, (struct der){ &b, 1 });
}

void der_wrap(struct der_writer *w, unsigned int tag, size_t mark)
{
	size_t length = der_mark(w) - mark, rest;
	unsigned int octets = 0;

	if (length < 0x80) {
		der_put_byte(w, (unsigned int)length);
	} else {
		for (rest = length; rest; rest >>= 8, octets++)
			der_put_byte(w, rest & 0xff);
		der_put_byte(w, 0x80 | octets);
	}
	der_put_byte(w, tag);
}

void der_put_element(struct der_writer *w, unsigned int tag, struct der body)
{
	size_t mark = der_mark(w);

	der_put(w, body);
	der_wrap(w, tag, mark);
}

void der_wrap_bits(struct der_writer *w, size_t mark)
{
	der_put_byte(w, 0);
	der_wrap(w, DER_BIT_STRING, mark);
}

void der_put_integer(struct der_writer *w, struct der bytes)
{
	size_t mark = der_mark(w);

	while (bytes.n > 1 && bytes.p[0] == 0) {
		bytes.p++;
		bytes.n--;
	}
	der_put(w, bytes);
	if (bytes.n == 0 || bytes.p[0] & 0x80)
		der_put_byte(w, 0);
	der_wrap(w, DER_INTEGER, mark);
}

bool der_written(const struct der_writer *w, struct der *out)
{
	*out = (struct der){ w->buf + w->at, w->capacity - w->at };
	return !w->full;
}
