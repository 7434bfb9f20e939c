/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the targets of the lower layers share: an input read piece by piece, mbufs
 * in which ASan sees a read beyond the packet, and what must always hold.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "box.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input, read from the front; beyond its end there are zeros. */
struct fuzz_input {
	const uint8_t *data;
	size_t n;
};

uint8_t fuzz_byte(struct fuzz_input *in);
/* Up to @max bytes; returns how many there were. */
size_t fuzz_bytes(struct fuzz_input *in, uint8_t *out, size_t max);

/*
 * Gives @f to a port of the box. @how: its low two bits choose the buffers (one; one
 * of exactly the frame's size on the heap; chained by 1 or by 13 bytes).
 */
void fuzz_give(struct box *b, unsigned int nif, const struct frame *f, uint8_t how);

/* The stack wants to send to some next hop: entries, waiting packets, questions. */
void fuzz_send(struct box *b, uint8_t to);

/* The neighbour table is in order, and its bounds are kept. */
void fuzz_check(struct box *b);
