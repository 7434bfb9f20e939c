/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMP and ICMPv6 messages with checksums put right; a quoted packet to begin with, bent by the input. */
#include <netinet/in.h>
#include <string.h>

#include "base/assert.h"
#include "fuzz_box.h"
#include "icmp.h"

/* Whatever is believed must be about an address of ours. */
static void quoted(struct box *b, const struct frame *f)
{
	struct tuple t;
	uint32_t seq;

	if (f->n > f->l4 + 8 && icmp_quoted(f->bytes + f->l4 + 8, f->n - f->l4 - 8, &t, &seq))
		ASSERT(addr_is_v4(&t.laddr) == addr_is_v4(&t.faddr));
}

static void message(struct box *b, struct fuzz_input *in, uint8_t what)
{
	static const uint8_t types4[4] = { 3, 8, 11, 12 }, types6[8] = { 1, 2, 3, 4, 128, 129, 134, 137 };
	bool v4 = what & 1;
	uint8_t how = fuzz_byte(in), bytes[256];
	struct frame f, inner = { .n = 0 };

	frame_eth(&f, NULL, 9, v4 ? 0x0800 : 0x86dd);
	frame_ip(&f, v4 ? "203.0.113.1" : "2001:db8:7::1", v4 ? "192.0.2.1" : "2001:db8:1::1",
		 v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	frame_icmp(&f, what & 0x80 ? fuzz_byte(in) : v4 ? types4[what >> 1 & 3] : types6[what >> 1 & 7],
		   what >> 4 & 7, (uint32_t)fuzz_byte(in) << (how & 15));
	frame_ip(&inner, v4 ? "192.0.2.1" : "2001:db8:1::1", v4 ? "8.8.8.8" : "2400::1", IPPROTO_TCP);
	frame_tcp(&inner, 993, 50000, 1);
	if (how & 0x80)
		frame_raw(&f, inner.bytes, inner.n);
	frame_raw(&f, bytes, fuzz_bytes(in, bytes, fuzz_byte(in)));
	for (unsigned int k = how >> 4 & 7; k > 0 && f.n > f.l4; k--) {
		size_t at = f.l4 + fuzz_byte(in) % (f.n - f.l4);

		f.bytes[at] = fuzz_byte(in);
	}
	if (how & 4)
		f.n -= fuzz_byte(in) % (f.n - f.l4 - 7);
	frame_end(&f);
	quoted(b, &f);
	fuzz_give(b, 0, &f, how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	const struct box_options options = { .max_neighbours = 4 };
	struct box b;

	box_init(&b, &options);
	for (unsigned int n = 0; n < 16 && in.n > 0; n++) {
		message(&b, &in, fuzz_byte(&in));
		fuzz_check(&b);
		box_clear(&b);
	}
	box_fini(&b);
	return 0;
}
