/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A link between two network devices, carried frame by frame through two wires of
 * the simulator (tests/sim/wire.h), one for each direction, on the real clock.
 *
 * Frames must come complete: checksums finished and no larger than the MTU, so the
 * devices' peers have their offloads off. What isn't is reported as an error.
 *
 * Order of calls: link_open; link_receive and link_transmit, link_next_us; link_close.
 * Ownership: of the caller.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../sim/wire.h"

/* More are dropped: a queue without a rate limit has no other bound. */
#define LINK_FRAMES_MAX 20000
#define LINK_FRAME_BYTES_MAX 9216

struct link {
	char names[2][16];
	int sockets[2];
	struct wire wires[2];		/* [0]: from the first device to the second */
	uint64_t received[2], transmitted[2], overflowed[2], refused[2];
};

/* 0, or -errno with @err filled. The devices are up. */
int link_open(struct link *l, const char *first, const char *second, uint64_t seed, char *err, size_t err_bytes);
void link_close(struct link *l);
/* Takes what has come into the wires. 0, or -errno with @err filled: a frame isn't complete, or a device is gone. */
int link_receive(struct link *l, uint64_t now_us, char *err, size_t err_bytes);
/* Sends what has arrived at the wires' ends. */
void link_transmit(struct link *l, uint64_t now_us);
/* When the next frame arrives; UINT64_MAX: none is under way. */
uint64_t link_next_us(const struct link *l);
