/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TCP segment taken from a frame, by code that shares nothing with the stack's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEG_FIN 0x01
#define SEG_SYN 0x02
#define SEG_RST 0x04
#define SEG_PSH 0x08
#define SEG_ACK 0x10

struct segment {
	bool v6;
	uint16_t sport, dport, wnd;
	uint32_t seq, ack, end;		/* end: SYN and FIN counted */
	uint8_t flags;
	uint32_t bytes;			/* of payload */
	uint32_t options_bytes;
	bool has_mss, has_wscale, has_ts, sack_permitted;
	uint16_t mss;
	uint8_t wscale;
	uint32_t ts_val, ts_ecr;
	unsigned int n_sack;
	uint32_t sack[4][2];
};

/* False: not TCP, not whole, or a checksum is wrong. */
bool segment_read(struct segment *s, const uint8_t *frame, size_t bytes);
/* ARP or neighbour discovery that asks everybody for an address: what is to go there waits. */
bool frame_asks(const uint8_t *frame, size_t bytes, bool *v6);
/* ARP or neighbour discovery that says, whole and right, where its sender is. */
bool frame_tells(const uint8_t *frame, size_t bytes, bool *v6);
