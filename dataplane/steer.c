/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "steer.h"

#include <string.h>
#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "base/assert.h"
#include "icmp.h"

/*
 * The key that Microsoft's RSS specification verifies itself with. Known to all, so
 * a stranger can choose source ports that load one worker; steer_set_key takes a
 * random one. What follows byte 40 is never used: the longest input is 36 bytes.
 */
static const uint8_t default_key[STEER_KEY_BYTES] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0,
	0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42,
	0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* Everything that steer_frame reads of a packet: an IPv6 header, ICMPv6, the quoted IPv4 or IPv6 and 8 bytes. */
#define READ_MAX 128u

/* Bits @at to @at + 31 of the key. */
static uint32_t key_window(const struct steer *s, unsigned int at)
{
	const uint8_t *k = s->key + at / 8;
	uint64_t bits = (uint64_t)k[0] << 32 | (uint64_t)k[1] << 24 | (uint64_t)k[2] << 16 | (uint64_t)k[3] << 8 | k[4];

	return (uint32_t)(bits >> (8 - at % 8));
}

/*
 * Toeplitz adds (XOR) a window of the key for each bit of the input that is set, so
 * what four bits add can be looked up: a quarter of rte_softrss' work, and less
 * cache than tables by bytes (4.5 KB instead of 36).
 */
void steer_set_key(struct steer *s, const uint8_t *key, size_t key_bytes)
{
	ASSERT(key_bytes >= 40 && key_bytes <= STEER_KEY_BYTES);
	memset(s->key, 0, sizeof(s->key));
	memcpy(s->key, key, key_bytes);
	for (unsigned int n = 0; n < STEER_NIBBLES; n++) {
		for (unsigned int v = 0; v < 16; v++) {
			s->nibbles[n][v] = 0;
			for (unsigned int bit = 0; bit < 4; bit++)
				if (v & 8u >> bit)
					s->nibbles[n][v] ^= key_window(s, n * 4 + bit);
		}
	}
}

void steer_init(struct steer *s, uint16_t n_workers, uint16_t key_bytes, uint16_t table_entries)
{
	ASSERT(n_workers >= 1 && key_bytes >= 40 && key_bytes <= STEER_KEY_BYTES);
	ASSERT(table_entries >= 1 && table_entries <= STEER_TABLE_MAX && (table_entries & (table_entries - 1)) == 0);
	memset(s, 0, sizeof(*s));
	s->key_bytes = key_bytes;
	s->table_entries = table_entries;
	s->n_workers = n_workers;
	for (uint16_t i = 0; i < table_entries; i++)
		s->table[i] = i % n_workers;
	steer_set_key(s, default_key, key_bytes);
}

/* What word @n of the input adds; @word in host order. */
static inline uint32_t hash_word(const struct steer *s, unsigned int n, uint32_t word)
{
	const uint32_t(*t)[16] = &s->nibbles[n * 8];

	return t[0][word >> 28] ^ t[1][word >> 24 & 15] ^ t[2][word >> 20 & 15] ^ t[3][word >> 16 & 15] ^
	       t[4][word >> 12 & 15] ^ t[5][word >> 8 & 15] ^ t[6][word >> 4 & 15] ^ t[7][word & 15];
}

static inline uint32_t hash_at(const struct steer *s, unsigned int n, const uint8_t *p)
{
	uint32_t be;

	memcpy(&be, p, sizeof(be));
	return hash_word(s, n, rte_be_to_cpu_32(be));
}

uint32_t steer_hash(const struct steer *s, const struct tuple *t)
{
	uint32_t ports = (uint32_t)t->fport << 16 | t->lport;
	uint32_t hash = 0;

	if (addr_is_v4(&t->faddr))
		return hash_at(s, 0, t->faddr.b + 12) ^ hash_at(s, 1, t->laddr.b + 12) ^ hash_word(s, 2, ports);
	for (unsigned int n = 0; n < 4; n++)
		hash ^= hash_at(s, n, t->faddr.b + n * 4) ^ hash_at(s, n + 4, t->laddr.b + n * 4);
	return hash ^ hash_word(s, 8, ports);
}

uint16_t steer_tuple(const struct steer *s, const struct tuple *t)
{
	return s->table[steer_hash(s, t) & (s->table_entries - 1u)];
}

/* The segment's own tuple, or the one that an ICMP error quotes, as if its far end had sent it. */
static uint16_t steer_l4(const struct steer *s, const uint8_t *ip, uint32_t l3_bytes, uint32_t bytes, uint8_t proto,
			 struct tuple *t)
{
	const uint8_t *l4 = ip + l3_bytes;
	uint32_t seq;

	if (bytes < l3_bytes + 8)
		return STEER_HERE;
	switch (proto) {
	case IPPROTO_TCP:
		t->fport = (uint16_t)(l4[0] << 8 | l4[1]);
		t->lport = (uint16_t)(l4[2] << 8 | l4[3]);
		return steer_tuple(s, t);
	case IPPROTO_ICMP:
		/* Destination unreachable, time exceeded, parameter problem. */
		if (l4[0] != 3 && l4[0] != 11 && l4[0] != 12)
			return STEER_HERE;
		break;
	case IPPROTO_ICMPV6:
		/* Router and neighbour advertisement, neighbour solicitation: neighbours of all. */
		if (l4[0] >= 134 && l4[0] <= 136)
			return STEER_ALL;
		if (l4[0] < 1 || l4[0] > 4)
			return STEER_HERE;
		break;
	default:
		return STEER_HERE;
	}
	if (!icmp_quoted(l4 + 8, bytes - l3_bytes - 8, t, &seq) || addr_is_v4(&t->laddr) != addr_is_v4(&t->faddr))
		return STEER_HERE;
	return steer_tuple(s, t);
}

static uint16_t steer_v4(const struct steer *s, const uint8_t *ip, uint32_t bytes)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)ip;
	struct tuple t = { .fport = 0 };

	/* Options are dropped wherever they are, and fragments mostly. */
	if (bytes < sizeof(*h) || h->version_ihl != (4 << 4 | 5))
		return STEER_HERE;
	t.faddr = addr_from_v4(h->src_addr);
	t.laddr = addr_from_v4(h->dst_addr);
	if ((h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) != 0)
		return s->fragments ? steer_tuple(s, &t) : STEER_HERE;
	return steer_l4(s, ip, sizeof(*h), bytes, h->next_proto_id, &t);
}

static uint16_t steer_v6(const struct steer *s, const uint8_t *ip, uint32_t bytes)
{
	struct tuple t = { .fport = 0 };

	if (bytes < sizeof(struct rte_ipv6_hdr) || ip[0] >> 4 != 6)
		return STEER_HERE;
	memcpy(t.faddr.b, ip + 8, sizeof(t.faddr.b));
	memcpy(t.laddr.b, ip + 24, sizeof(t.laddr.b));
	if (addr_is_v4(&t.faddr) || addr_is_v4(&t.laddr))
		return STEER_HERE;
	if (ip[6] == IPPROTO_FRAGMENT && s->fragments)
		return steer_tuple(s, &t);
	return steer_l4(s, ip, sizeof(struct rte_ipv6_hdr), bytes, ip[6], &t);
}

uint16_t steer_frame(const struct steer *s, const struct rte_mbuf *m)
{
	uint8_t copy[READ_MAX];
	uint32_t bytes = RTE_MIN(m->pkt_len, READ_MAX), offset = RTE_ETHER_HDR_LEN;
	const uint8_t *frame = rte_pktmbuf_read(m, 0, bytes, copy);
	uint16_t type;

	if (!frame || bytes < offset)
		return STEER_HERE;
	type = (uint16_t)(frame[12] << 8 | frame[13]);
	if (type == RTE_ETHER_TYPE_VLAN) {
		offset += (uint32_t)sizeof(struct rte_vlan_hdr);
		if (bytes < offset)
			return STEER_HERE;
		type = (uint16_t)(frame[16] << 8 | frame[17]);
	}
	switch (type) {
	case RTE_ETHER_TYPE_ARP:
		return STEER_ALL;
	case RTE_ETHER_TYPE_IPV4:
		return steer_v4(s, frame + offset, bytes - offset);
	case RTE_ETHER_TYPE_IPV6:
		return steer_v6(s, frame + offset, bytes - offset);
	default:
		return STEER_HERE;
	}
}
