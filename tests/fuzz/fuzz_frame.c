/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames as a stranger on the wire sends them, several of them with time between,
 * into the whole stack with its TCP, whose checksums may be put right so that
 * they get far. Steering reads them first, as the worker does.
 */
#include <netinet/in.h>
#include <string.h>
#include <rte_mbuf.h>

#include "base/assert.h"
#include "fuzz_box.h"
#include "stack_private.h"
#include "steer.h"

/* As a sender would: lengths and checksums of what looks like IP. */
static void put_right(struct frame *f)
{
	size_t at = f->n >= 18 && f->bytes[12] == 0x81 && f->bytes[13] == 0 ? 18 : 14;
	bool v4;
	uint8_t proto;

	if (f->n < at + 40)
		return;
	v4 = f->bytes[at] >> 4 == 4;
	if (!v4 && (f->bytes[at] >> 4 != 6 || f->n < at + 48))
		return;
	f->ip = at;
	f->l4 = at + (v4 ? 20 : 40);
	proto = f->bytes[at + (v4 ? 9 : 6)];
	if (f->n < f->l4 + (proto == IPPROTO_TCP ? 20u : 8u))
		return;
	frame_end(f);
}

static void steer(struct box *b, const struct frame *f)
{
	struct rte_mbuf *m = box_mbuf(b, f);
	struct steer s;
	uint16_t w;

	steer_init(&s, 3, 40, 128);
	w = steer_frame(&s, m);
	ASSERT(w < 3 || w == STEER_HERE || w == STEER_ALL);
	rte_pktmbuf_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	const struct box_options options = { .vlan = 7, .max_neighbours = 4 };
	struct box b;

	box_init(&b, &options);
	for (unsigned int n = 0; n < 16 && in.n > 0; n++) {
		uint8_t what = fuzz_byte(&in), how = fuzz_byte(&in);
		struct frame f = { .n = 0 };

		if (what & 0x80)
			fuzz_send(&b, how);
		if (what & 0x40)
			box_run(&b, (uint64_t)how * how * 100);
		f.n = fuzz_bytes(&in, f.bytes, fuzz_byte(&in) * ((what & 0x20) ? 8u : 1u));
		if (what & 1)
			put_right(&f);
		if (what & 2)
			f.rx_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		if (what & 4) {
			f.rx_flags |= RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_VLAN;
			f.vlan_tci = 7;
		}
		b.split = 0;
		steer(&b, &f);
		fuzz_give(&b, what >> 3 & 1, &f, how);
		fuzz_check(&b);
		stack_tick(b.stack, b.now_us);
		box_clear(&b);
	}
	box_fini(&b);
	return 0;
}
