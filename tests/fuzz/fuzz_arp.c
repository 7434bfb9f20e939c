/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ARP packets of any content, between packets to send and time that passes. */
#include <string.h>

#include "fuzz_box.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	const struct box_options options = { .max_neighbours = 4 };
	struct box b;

	box_init(&b, &options);
	for (unsigned int n = 0; n < 64 && in.n > 0; n++) {
		uint8_t what = fuzz_byte(&in), how = fuzz_byte(&in);
		struct frame f;

		switch (what & 3) {
		case 0:
			fuzz_send(&b, how);
			break;
		case 1:
			box_run(&b, (uint64_t)how * how * 1000);
			break;
		default:
			/* Whole and sane but for the bytes given: a random one seldom passes the first check. */
			frame_arp(&f, NULL, what >> 2 & 3, (uint8_t)(what >> 4), "192.0.2.9", what >> 5 & 1,
				  "192.0.2.1");
			for (unsigned int k = how >> 2 & 7; k > 0; k--)
				f.bytes[14 + fuzz_byte(&in) % 28] = fuzz_byte(&in);
			if (how & 0x80)
				f.n -= how >> 3 & 15;
			fuzz_give(&b, how >> 6 & 1, &f, how);
			break;
		}
		fuzz_check(&b);
		box_clear(&b);
	}
	box_fini(&b);
	return 0;
}
