/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fragments into the whole stack: of datagrams that are few, so that their pieces
 * meet, with lengths and offsets that are mostly possible, and header checksums that
 * fit. Time passes between them. What is put together goes on into TCP, whose
 * checksum a datagram may have right. At the end no buffer is missing.
 */
#include <netinet/in.h>
#include <string.h>
#include <rte_mbuf.h>

#include "base/assert.h"
#include "fuzz_box.h"
#include "ip_frag.h"
#include "stack_private.h"
#include "steer.h"

#define TOTAL_MAX 200u

/* What the datagram of each identification is as a whole: a segment with its checksum. */
static const uint32_t totals[4] = { 40, 72, 104, TOTAL_MAX };

static void whole(struct frame *f, bool v4, uint8_t id)
{
	frame_eth(f, NULL, 9, v4 ? 0x0800 : 0x86dd);
	frame_ip(f, v4 ? "192.0.2.9" : "2001:db8:1::9", v4 ? "192.0.2.1" : "2001:db8:1::1", IPPROTO_TCP);
	frame_tcp(f, (uint16_t)(1111 + id), 993, 42);
	while (f->n < f->l4 + totals[id])
		frame_raw(f, &(uint8_t){ (uint8_t)f->n }, 1);
	frame_end(f);
}

/* RFC 1624: the header's checksum after its protocol was changed from UDP's to @proto. */
static void adjust_sum(uint8_t *ip, uint8_t proto)
{
	uint32_t sum = (uint16_t)~(ip[10] << 8 | ip[11]) + (uint32_t)(uint16_t)~IPPROTO_UDP + proto;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[9] = proto;
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

/* A piece of one of four datagrams. */
static void put_piece(struct frame *f, struct fuzz_input *in, bool v4, uint8_t how)
{
	uint8_t id = fuzz_byte(in) & 3, at = fuzz_byte(in), bytes = fuzz_byte(in);
	uint8_t proto = (how & 0x10) && fuzz_byte(in) < 64 ? fuzz_byte(in) : IPPROTO_TCP;
	uint32_t offset = (how & 0x20) ? ((uint32_t)at << 8 | 0xf8) : at % 28u * 8u;
	uint32_t length = (how & 0x40) ? bytes % 128u : bytes % 16u * 8u;
	bool more = how & 0x80;
	struct frame w;
	uint8_t *ip;

	whole(&w, v4, id);
	if (!more && !(how & 0x40) && offset < totals[id])
		length = totals[id] - offset;
	frame_eth(f, NULL, 9, v4 ? 0x0800 : 0x86dd);
	frame_ip(f, v4 ? "192.0.2.9" : "2001:db8:1::9", v4 ? "192.0.2.1" : "2001:db8:1::1",
		 v4 ? IPPROTO_UDP : IPPROTO_FRAGMENT);
	ip = f->bytes + f->ip;
	if (v4) {
		ip[5] = id;
		ip[6] = (uint8_t)((more ? 0x20u : 0) | offset >> 11);
		ip[7] = (uint8_t)(offset >> 3);
	} else {
		uint8_t ext[8] = { proto, 0, (uint8_t)(offset >> 8), (uint8_t)((offset & 0xf8) | more), [7] = id };

		frame_raw(f, ext, sizeof(ext));
	}
	for (uint32_t i = 0; i < length; i++)
		frame_raw(f, &w.bytes[w.l4 + (offset + i) % totals[id]], 1);
	frame_end(f);	/* of the IP header alone: neither is a protocol with a checksum there */
	if (v4)
		adjust_sum(ip, proto);
	if (how & 0x08)
		f->bytes[f->ip + fuzz_byte(in) % (f->n - f->ip)] ^= (uint8_t)(1u << fuzz_byte(in) % 8);
}

static void steered(struct box *b, struct steer *s, uint8_t how)
{
	b->netifs.netifs[0].steer = (how & 1) ? s : NULL;
	b->stack->config.n_workers = (how & 1) ? 3 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t splits[4] = { 0, 1, 3, 1 };
	static struct steer s;
	const struct box_options options = { .max_neighbours = 4, .reassemble = true };
	struct fuzz_input in = { data, size };
	struct box b;

	box_init(&b, &options);
	steer_init(&s, 3, 40, 128);
	s.fragments = true;
	steered(&b, &s, fuzz_byte(&in));
	for (unsigned int n = 0; n < 200 && in.n > 0; n++) {
		uint8_t how = fuzz_byte(&in);
		struct frame f;

		if ((how & 3) == 3) {
			box_run(&b, (uint64_t)fuzz_byte(&in) * 30000);
			continue;
		}
		put_piece(&f, &in, (how & 3) != 2, how);
		b.split = 0;
		/* Not in buffers of a byte each: the pool is small. */
		fuzz_give(&b, 0, &f, splits[how >> 2 & 3]);
		fuzz_check(&b);
		stack_tick(b.stack, b.now_us);
		box_clear(&b);
		/* What waits for its rest leaves enough for others (mbuf_reserve.h). */
		ASSERT(rte_mempool_avail_count(b.mbufs) > BOX_MBUFS / 16);
	}
	/* After their time nothing waits any more. */
	box_run(&b, 2 * IP_FRAG_TIMEOUT_US);
	box_clear(&b);
	box_fini(&b);
	return 0;
}
