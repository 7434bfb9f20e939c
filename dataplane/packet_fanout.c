/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet_fanout.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "base/assert.h"
#include "steer.h"

#define WORKER 15u	/* the memory word that collects the result */

struct writer {
	struct sock_filter *program;
	unsigned short n;
};

static void put(struct writer *w, uint16_t code, uint32_t k)
{
	ASSERT(w->n < PACKET_FANOUT_MAX);
	w->program[w->n++] = (struct sock_filter){ .code = code, .k = k };
}

/* Goes on when the accumulator is @k; else the first worker has it. */
static void require(struct writer *w, uint32_t k)
{
	put(w, BPF_JMP | BPF_JEQ | BPF_K, k);
	w->program[w->n - 1].jt = 1;
	put(w, BPF_RET | BPF_K, 0);
}

static void load(struct writer *w, uint16_t size, size_t offset)
{
	put(w, BPF_LD | BPF_ABS | size, (uint32_t)SKF_NET_OFF + (uint32_t)offset);
}

/* The bits of input word @word that add to bit @bit of the hash: Toeplitz is a parity for each bit. */
static uint32_t mask(const struct steer *s, unsigned int word, unsigned int bit)
{
	uint32_t m = 0;

	for (unsigned int i = 0; i < 32; i++) {
		unsigned int at = word * 32 + i + 31 - bit;

		m |= (uint32_t)(s->key[at / 8] >> (7 - at % 8) & 1) << (31 - i);
	}
	return m;
}

/* Bit @bit of the hash over the first @words words of memory, added to the result. */
static void put_bit(struct writer *w, const struct steer *s, unsigned int words, unsigned int bit)
{
	for (unsigned int i = 0; i < words; i++) {
		put(w, BPF_LD | BPF_MEM, i);
		put(w, BPF_ALU | BPF_AND | BPF_K, mask(s, i, bit));
		if (i > 0)
			put(w, BPF_ALU | BPF_XOR | BPF_X, 0);
		put(w, BPF_MISC | BPF_TAX, 0);
	}
	for (unsigned int half = 16; half > 0; half /= 2) {
		put(w, BPF_ALU | BPF_RSH | BPF_K, half);
		put(w, BPF_ALU | BPF_XOR | BPF_X, 0);
		put(w, BPF_MISC | BPF_TAX, 0);
	}
	put(w, BPF_ALU | BPF_AND | BPF_K, 1);
	put(w, BPF_ALU | BPF_LSH | BPF_K, bit);
	put(w, BPF_MISC | BPF_TAX, 0);
	put(w, BPF_LD | BPF_MEM, WORKER);
	put(w, BPF_ALU | BPF_OR | BPF_X, 0);
	put(w, BPF_ST, WORKER);
}

/* The worker by @words words from @offset of the packet, as steer_init fills the table: the hash's low bits modulo workers. */
static void put_worker(struct writer *w, const struct steer *s, unsigned int words, size_t offset)
{
	unsigned int n = s->n_workers, bits = n & (n - 1u) ? s->table_entries - 1u : n - 1u;

	for (unsigned int i = 0; i < words; i++) {
		load(w, BPF_W, offset + i * 4);
		put(w, BPF_ST, i);
	}
	put(w, BPF_LD | BPF_IMM, 0);
	put(w, BPF_ST, WORKER);
	for (unsigned int bit = 0; bits >> bit != 0; bit++)
		put_bit(w, s, words, bit);
	put(w, BPF_LD | BPF_MEM, WORKER);
	put(w, BPF_ALU | BPF_MOD | BPF_K, n);
	put(w, BPF_RET | BPF_A, 0);
}

unsigned short packet_fanout(const struct steer *s, struct sock_filter *program)
{
	struct writer w = { .program = program };
	unsigned short to_v6;

	put(&w, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
	put(&w, BPF_JMP | BPF_JEQ | BPF_K, RTE_ETHER_TYPE_IPV6);
	program[w.n - 1].jf = 1;
	to_v6 = w.n;
	put(&w, BPF_JMP | BPF_JA, 0);
	require(&w, RTE_ETHER_TYPE_IPV4);
	load(&w, BPF_B, 0);
	require(&w, 4 << 4 | 5);
	load(&w, BPF_H, offsetof(struct rte_ipv4_hdr, fragment_offset));
	put(&w, BPF_ALU | BPF_AND | BPF_K, RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
	require(&w, 0);
	load(&w, BPF_B, offsetof(struct rte_ipv4_hdr, next_proto_id));
	require(&w, IPPROTO_TCP);
	put_worker(&w, s, 3, offsetof(struct rte_ipv4_hdr, src_addr));

	program[to_v6].k = w.n - to_v6 - 1u;
	load(&w, BPF_B, offsetof(struct rte_ipv6_hdr, proto));
	require(&w, IPPROTO_TCP);
	put_worker(&w, s, 9, offsetof(struct rte_ipv6_hdr, src_addr));
	return w.n;
}
