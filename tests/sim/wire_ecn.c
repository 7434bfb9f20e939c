/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a path does to ECN (RFC 3168): a queue that marks, and boxes and peers that get it wrong. */
#include "wire.h"

#include <stdbool.h>

#define ETHER_BYTES 14u
#define TH_SYN 0x02
#define TH_ECE 0x40

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* One 16-bit word of a packet changes, and the checksum at @sum that covers it (RFC 1624). */
static void change(uint8_t *word, uint16_t to, uint8_t *sum)
{
	uint16_t from = get16(word);
	uint32_t s = (uint32_t)(uint16_t)~get16(sum) + (uint16_t)~from + to;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	s = (uint16_t)~s;
	sum[0] = (uint8_t)(s >> 8);
	sum[1] = (uint8_t)s;
	word[0] = (uint8_t)(to >> 8);
	word[1] = (uint8_t)to;
}

static uint8_t ecn_of(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[1] & 3 : ip[1] >> 4 & 3;
}

static void set_ecn(uint8_t *ip, uint8_t ecn)
{
	if (ip[0] >> 4 == 4)
		change(ip, (uint16_t)((get16(ip) & ~3u) | ecn), ip + 10);
	else
		ip[1] = (uint8_t)((ip[1] & ~0x30) | ecn << 4);
}

void wire_ecn(struct wire *w, uint8_t *frame, size_t bytes, bool deep)
{
	uint8_t *ip = frame + ETHER_BYTES, *tcp;
	bool v4;

	if (bytes < ETHER_BYTES + 60 || (get16(frame + 12) != 0x0800 && get16(frame + 12) != 0x86dd))
		return;
	v4 = ip[0] >> 4 == 4;
	if ((v4 ? ip[9] : ip[6]) != 6)
		return;
	tcp = ip + (v4 ? 20 : 40);
	if (ecn_of(ip) != 0 && (deep || w->faults.ecn == WIRE_ECN_CE)) {
		w->marked++;
		set_ecn(ip, 3);
	}
	if (w->faults.ecn == WIRE_ECN_BLEACH)
		set_ecn(ip, 0);
	if (w->faults.ecn == WIRE_ECN_ECHO && !(tcp[13] & TH_SYN))
		change(tcp + 12, (uint16_t)(get16(tcp + 12) | TH_ECE), tcp + 16);
}
