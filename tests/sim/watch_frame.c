/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch_frame.h"

#include <string.h>

#define ETHER 14
#define TCP 6

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		s += get16(p);
	if (n > 0)
		s += (uint32_t)p[0] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* The segment's place, and whether the checksums are right. */
static const uint8_t *find(const uint8_t *frame, size_t bytes, bool *v6, size_t *n)
{
	const uint8_t *ip = frame + ETHER, *addresses;
	size_t header, total, address_bytes;

	if (bytes < ETHER + 20)
		return NULL;
	bytes -= ETHER;
	*v6 = get16(frame + 12) == 0x86dd;
	if (*v6) {
		if (bytes < 40 || ip[0] >> 4 != 6 || ip[6] != TCP)
			return NULL;
		header = 40;
		total = header + get16(ip + 4);
		addresses = ip + 8;
		address_bytes = 32;
	} else {
		if (get16(frame + 12) != 0x0800 || ip[0] != 0x45 || ip[9] != TCP || (get16(ip + 6) & 0x3fff) != 0 ||
		    sum(0, ip, 20) != 0xffff)
			return NULL;
		header = 20;
		total = get16(ip + 2);
		addresses = ip + 12;
		address_bytes = 8;
	}
	if (total > bytes || total < header + 20)
		return NULL;
	*n = total - header;
	if (sum(sum(TCP + (uint32_t)*n, addresses, address_bytes), ip + header, *n) != 0xffff)
		return NULL;
	return ip + header;
}

static bool read_option(struct segment *s, uint8_t kind, const uint8_t *p, size_t n)
{
	switch (kind) {
	case 2:
		s->has_mss = n == 2;
		s->mss = n == 2 ? get16(p) : 0;
		return n == 2;
	case 3:
		s->has_wscale = n == 1;
		s->wscale = n == 1 ? p[0] : 0;
		return n == 1;
	case 4:
		s->sack_permitted = n == 0;
		return n == 0;
	case 5:
		s->n_sack = (unsigned int)(n / 8);
		if (n % 8 != 0 || n > 32)
			return false;
		for (unsigned int i = 0; i < s->n_sack; i++) {
			s->sack[i][0] = get32(p + 8 * i);
			s->sack[i][1] = get32(p + 8 * i + 4);
		}
		return true;
	case 8:
		s->has_ts = n == 8;
		if (n == 8) {
			s->ts_val = get32(p);
			s->ts_ecr = get32(p + 4);
		}
		return n == 8;
	default:
		return true;
	}
}

static bool read_options(struct segment *s, const uint8_t *p, size_t n)
{
	while (n > 0 && p[0] != 0) {
		size_t length = p[0] == 1 ? 1 : n > 1 ? p[1] : 0;

		if (length == 0 || length > n || (p[0] != 1 && (length < 2 || !read_option(s, p[0], p + 2, length - 2))))
			return false;
		p += length;
		n -= length;
	}
	return true;
}

bool segment_read(struct segment *s, const uint8_t *frame, size_t bytes)
{
	size_t n = 0, header;
	const uint8_t *p;

	memset(s, 0, sizeof(*s));
	p = find(frame, bytes, &s->v6, &n);
	if (!p)
		return false;
	header = (size_t)(p[12] >> 4) * 4;
	if (header < 20 || header > n || !read_options(s, p + 20, header - 20))
		return false;
	s->sport = get16(p);
	s->dport = get16(p + 2);
	s->seq = get32(p + 4);
	s->ack = get32(p + 8);
	s->flags = p[13];
	s->wnd = get16(p + 14);
	s->options_bytes = (uint32_t)(header - 20);
	s->bytes = (uint32_t)(n - header);
	s->end = s->seq + s->bytes + ((s->flags & SEG_SYN) != 0) + ((s->flags & SEG_FIN) != 0);
	return true;
}

/* A message of neighbour discovery: 135 a question, 136 an answer; 0: something else. */
static uint8_t discovery(const uint8_t *frame, size_t bytes)
{
	if (bytes < ETHER + 64 || get16(frame + 12) != 0x86dd || frame[ETHER + 6] != 58)
		return 0;
	return frame[ETHER + 40] == 135 || frame[ETHER + 40] == 136 ? frame[ETHER + 40] : 0;
}

static bool is_arp(const uint8_t *frame, size_t bytes)
{
	return bytes >= ETHER + 28 && get16(frame + 12) == 0x0806;
}

bool frame_asks(const uint8_t *frame, size_t bytes, bool *v6)
{
	bool everybody = bytes > 0 && (frame[0] & 1) != 0;

	*v6 = discovery(frame, bytes) == 135;
	/* Who asks for the address that he has himself announces it. */
	return everybody && (*v6 || (is_arp(frame, bytes) && get16(frame + ETHER + 6) == 1 &&
				     memcmp(frame + ETHER + 14, frame + ETHER + 24, 4) != 0));
}

bool frame_tells(const uint8_t *frame, size_t bytes, bool *v6)
{
	const uint8_t *ip = frame + ETHER;
	size_t n;

	*v6 = discovery(frame, bytes) != 0;
	if (!*v6)
		return is_arp(frame, bytes);
	n = get16(ip + 4);
	/* The wire's errors may be where no checksum is. */
	return ip[0] == 0x60 && ip[7] == 255 && 40 + n <= bytes - ETHER && sum(sum(58 + (uint32_t)n, ip + 8, 32), ip + 40, n) == 0xffff;
}
