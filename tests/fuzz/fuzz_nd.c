/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neighbour discovery messages with options of any kind, checksums right, between packets to send and time. */
#include <netinet/in.h>
#include <string.h>

#include "fuzz_box.h"

static const char *const sources[4] = { "2001:db8:1::9", "fe80::9", "::", "2001:db8:1::a" };
static const char *const destinations[4] = { "2001:db8:1::1", "ff02::1:ff00:1", "ff02::1", "fe80::ff:fe00:1" };
static const char *const targets[8] = { "2001:db8:1::9", "2001:db8:1::a", "2001:db8:1::1", "2001:db8:1::fe",
					"fe80::ff:fe00:1", "192.0.2.9", "ff02::1", "2001:db8:2::25" };

static void message(struct box *b, struct fuzz_input *in, uint8_t what)
{
	uint8_t how = fuzz_byte(in), bytes[256], mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	const char *dst = destinations[what >> 4 & 3];
	struct addr target;
	struct frame f;

	frame_eth(&f, dst[1] == 'f' && dst[2] == '0' ? mac : NULL, fuzz_byte(in), 0x86dd);
	frame_ip(&f, sources[what >> 2 & 3], dst, IPPROTO_ICMPV6);
	f.bytes[f.ip + 7] = 255;
	/* The type, its flags, the target and whatever follows as options. */
	frame_icmp(&f, (uint8_t)(135 + (what >> 7)), (how & 0x70) == 0x70, (uint32_t)fuzz_byte(in) << 24);
	if (addr_parse(targets[how >> 2 & 7], &target) == 0)
		frame_raw(&f, target.b, 16);
	frame_raw(&f, bytes, fuzz_bytes(in, bytes, fuzz_byte(in)));
	if (how & 0x80)
		f.n = f.l4 + 8 + (f.n - f.l4 - 8) / 2;
	frame_end(&f);
	fuzz_give(b, 0, &f, how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	const struct box_options options = { .max_neighbours = 4 };
	struct box b;

	box_init(&b, &options);
	for (unsigned int n = 0; n < 32 && in.n > 0; n++) {
		uint8_t what = fuzz_byte(&in);
		uint64_t how;

		switch (what & 3) {
		case 0:
			fuzz_send(&b, what >> 2);
			break;
		case 1:
			how = fuzz_byte(&in);
			box_run(&b, how * how * 1000);
			break;
		default:
			message(&b, &in, what);
			break;
		}
		fuzz_check(&b);
		box_clear(&b);
	}
	box_fini(&b);
	return 0;
}
