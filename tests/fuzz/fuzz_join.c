/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bursts of frames whose headers are mostly alike, so that some are joined (join.h), and
 * bent or cut anywhere. What comes out is well-formed and is the same data in the same order.
 */
#include <netinet/in.h>
#include <string.h>
#include <rte_mbuf.h>

#include "base/assert.h"
#include "fuzz_box.h"
#include "join.h"

#define FRAMES_MAX 40u
#define HEADERS_MAX (14u + 40u + 60u)

/* A segment behind the last one, more or less. */
static void put_frame(struct frame *f, struct fuzz_input *in, uint8_t how, uint32_t *seq)
{
	static const uint16_t sizes[8] = { 1448, 1448, 1448, 1000, 600, 512, 511, 3 };
	bool v4 = !(how & 1);
	uint16_t bytes = sizes[how >> 1 & 7];

	frame_eth(f, NULL, 9, v4 ? 0x0800 : 0x86dd);
	frame_ip(f, v4 ? "192.0.2.9" : "2001:db8:1::9", v4 ? "192.0.2.1" : "2001:db8:1::1", IPPROTO_TCP);
	frame_tcp(f, 1111, 993, *seq);
	f->bytes[f->l4 + 13] = how & 0x10 ? 0x18 : 0x10;
	while (bytes-- > 0)
		frame_raw(f, &(uint8_t){ (uint8_t)f->n }, 1);
	*seq += (uint32_t)(f->n - f->l4 - 20);
	if (how & 0x20)
		f->bytes[fuzz_byte(in) % HEADERS_MAX % f->n] = fuzz_byte(in);
	frame_end(f);
	if (how & 0x40)
		f->bytes[fuzz_byte(in) % HEADERS_MAX % f->n] ^= (uint8_t)(1u << fuzz_byte(in) % 8);
	if (how & 0x80)
		f->n = ((size_t)fuzz_byte(in) << 4 | fuzz_byte(in) >> 4) % (f->n + 1);
}

static uint8_t byte_of(const struct rte_mbuf *m, uint32_t at)
{
	while (at >= m->data_len) {
		at -= m->data_len;
		m = m->next;
	}
	return *rte_pktmbuf_mtod_offset(m, const uint8_t *, at);
}

/* @m is the first of @frames, or it and the data of those behind it. Returns how many of them it is. */
static unsigned int check(const struct rte_mbuf *m, const struct frame *frames, unsigned int n)
{
	unsigned int used = 1;
	const char *why;
	uint32_t at;

	if (m->pkt_len == 0)
		return 1;
	ASSERT(rte_mbuf_check(m, 1, &why) == 0);
	at = (uint32_t)frames[0].n;
	ASSERT(m->pkt_len >= at && m->pkt_len <= JOIN_BYTES_MAX + 14);
	ASSERT(byte_of(m, at - 1) == frames[0].bytes[at - 1]);
	for (; at < m->pkt_len; used++) {
		const struct frame *f = &frames[used];
		size_t headers = f->l4 + (size_t)(f->bytes[f->l4 + 12] >> 4) * 4;

		ASSERT(used < n && headers < f->n && (m->ol_flags & RTE_MBUF_F_RX_LRO));
		ASSERT(byte_of(m, at) == f->bytes[headers]);
		at += (uint32_t)(f->n - headers);
		ASSERT(at <= m->pkt_len && byte_of(m, at - 1) == f->bytes[f->n - 1]);
	}
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame frames[FRAMES_MAX];
	const struct box_options options = { .max_neighbours = 4 };
	struct fuzz_input in = { data, size };
	struct rte_mbuf *mbufs[FRAMES_MAX];
	unsigned int n = 0, kept, at = 0;
	uint32_t seq = 0xffff0000;
	struct box b;

	box_init(&b, &options);
	for (; n < FRAMES_MAX && in.n > 0; n++) {
		put_frame(&frames[n], &in, fuzz_byte(&in), &seq);
		mbufs[n] = box_mbuf(&b, &frames[n]);
	}
	kept = join_burst(mbufs, n);
	ASSERT(kept <= n);
	for (unsigned int i = 0; i < kept; i++)
		at += check(mbufs[i], frames + at, n - at);
	ASSERT(at == n);
	rte_pktmbuf_free_bulk(mbufs, kept);
	box_fini(&b);
	return 0;
}
