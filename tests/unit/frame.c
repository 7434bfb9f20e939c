/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames for box.h, written byte by byte: nothing of the stack's own code makes them. */
#include <netinet/in.h>
#include <string.h>

#include "base/assert.h"
#include "box.h"

static void put(struct frame *f, uint8_t v)
{
	ASSERT(f->n < sizeof(f->bytes));
	f->bytes[f->n++] = v;
}

static void put16(struct frame *f, uint16_t v)
{
	put(f, (uint8_t)(v >> 8));
	put(f, (uint8_t)v);
}

static void put32(struct frame *f, uint32_t v)
{
	put16(f, (uint16_t)(v >> 16));
	put16(f, (uint16_t)v);
}

static void set16(struct frame *f, size_t at, uint16_t v)
{
	f->bytes[at] = (uint8_t)(v >> 8);
	f->bytes[at + 1] = (uint8_t)v;
}

void frame_raw(struct frame *f, const void *bytes, size_t n)
{
	ASSERT(f->n + n <= sizeof(f->bytes));
	memcpy(f->bytes + f->n, bytes, n);
	f->n += n;
}

void peer_mac(uint8_t mac[6], uint8_t last)
{
	const uint8_t peer[6] = { 2, 0, 0, 0, 0xff, last };

	memcpy(mac, peer, 6);
}

static void macs(struct frame *f, const uint8_t *dst, uint8_t src)
{
	static const uint8_t port0[6] = { 2, 0, 0, 0, 0, 1 };
	uint8_t mac[6];

	memset(f, 0, sizeof(*f));
	frame_raw(f, dst ? dst : port0, 6);
	peer_mac(mac, src);
	frame_raw(f, mac, 6);
}

void frame_eth(struct frame *f, const uint8_t *dst, uint8_t src, uint16_t type)
{
	macs(f, dst, src);
	put16(f, type);
	f->ip = f->n;
}

void frame_vlan(struct frame *f, const uint8_t *dst, uint8_t src, uint16_t vlan, uint16_t type)
{
	macs(f, dst, src);
	put16(f, 0x8100);
	put16(f, vlan);
	put16(f, type);
	f->ip = f->n;
}

void frame_ip(struct frame *f, const char *src, const char *dst, uint8_t proto)
{
	struct addr s, d;
	int rc = addr_parse(src, &s) | addr_parse(dst, &d);

	ASSERT(rc == 0);
	f->ip = f->n;
	if (strchr(src, ':') == NULL) {
		put16(f, 0x4500);
		put16(f, 0);
		put32(f, 0);
		put(f, 64);
		put(f, proto);
		put16(f, 0);
		frame_raw(f, s.b + 12, 4);
		frame_raw(f, d.b + 12, 4);
	} else {
		put32(f, 0x60000000);
		put16(f, 0);
		put(f, proto);
		put(f, 64);
		frame_raw(f, s.b, 16);
		frame_raw(f, d.b, 16);
	}
	f->l4 = f->n;
}

void frame_tcp(struct frame *f, uint16_t sport, uint16_t dport, uint32_t seq)
{
	put16(f, sport);
	put16(f, dport);
	put32(f, seq);
	put32(f, 0);
	put16(f, 0x5002);
	put16(f, 1000);
	put32(f, 0);
}

void frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t rest)
{
	put(f, type);
	put(f, code);
	put16(f, 0);
	put32(f, rest);
}

/* The plain sum of RFC 1071, one byte after the other. */
static uint32_t sum(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	for (size_t i = 0; i < n; i++)
		v += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return v;
}

static uint16_t fold(uint32_t v)
{
	while (v >> 16)
		v = (v & 0xffff) + (v >> 16);
	return (uint16_t)~v;
}

void frame_end(struct frame *f)
{
	bool v4 = f->bytes[f->ip] >> 4 == 4;
	uint8_t proto = f->bytes[f->ip + (v4 ? 9 : 6)];
	size_t l4_bytes = f->n - f->l4, checksum = f->l4 + (proto == IPPROTO_TCP ? 16 : 2);
	uint32_t pseudo = proto + (uint32_t)l4_bytes;

	if (v4) {
		set16(f, f->ip + 2, (uint16_t)(f->n - f->ip));
		set16(f, f->ip + 10, 0);
		set16(f, f->ip + 10, fold(sum(f->bytes + f->ip, 20)));
		pseudo += sum(f->bytes + f->ip + 12, 8);
	} else {
		set16(f, f->ip + 4, (uint16_t)l4_bytes);
		pseudo += sum(f->bytes + f->ip + 8, 32);
	}
	if (proto != IPPROTO_TCP && proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6)
		return;
	if (proto == IPPROTO_ICMP)
		pseudo = 0;
	set16(f, checksum, 0);
	set16(f, checksum, fold(pseudo + sum(f->bytes + f->l4, l4_bytes)));
}

void frame_arp(struct frame *f, const uint8_t *dst, uint16_t op, uint8_t sha, const char *sip, uint8_t tha,
	       const char *tip)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t port0[6] = { 2, 0, 0, 0, 0, 1 };
	struct addr s, t;
	uint8_t mac[6];
	int rc = addr_parse(sip, &s) | addr_parse(tip, &t);

	ASSERT(rc == 0);
	frame_eth(f, dst ? dst : all, sha, 0x0806);
	put16(f, 1);
	put16(f, 0x0800);
	put(f, 6);
	put(f, 4);
	put16(f, op);
	peer_mac(mac, sha);
	frame_raw(f, mac, 6);
	frame_raw(f, s.b + 12, 4);
	peer_mac(mac, tha);
	frame_raw(f, tha == 1 ? port0 : mac, 6);
	frame_raw(f, t.b + 12, 4);
}
