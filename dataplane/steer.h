/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which worker a packet belongs to. One rule for every port: the Toeplitz hash of
 * (source, destination, source port, destination port) through an indirection
 * table, as NICs compute it. Where the port's own RSS does it, packets arrive at
 * the right queue already; where it doesn't, the receiving worker computes the
 * same hash and hands the packet over a ring. A backend leg's local port is
 * searched so that the hash of the replies names the dialling worker; so nothing
 * else in postern needs to know how packets were spread.
 *
 * Fragments go by the addresses alone, as NICs hash them, when anybody wants them.
 * Packets without ports (ARP, ND, echo) have no owner: ARP and ND go to every
 * worker, since each keeps its own neighbours; the rest stays where it arrived.
 *
 * Threads: immutable after steer_init.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rte_mbuf_core.h>

#include "base/addr.h"

#define STEER_KEY_BYTES 52	/* the longest key of a NIC that DPDK drives */
#define STEER_TABLE_MAX 512
#define STEER_NIBBLES 72	/* two IPv6 addresses and two ports: 36 bytes */

#define STEER_HERE 0xfffe	/* stays at the worker that received it */
#define STEER_ALL 0xffff	/* a copy to each worker */

struct steer {
	uint8_t key[STEER_KEY_BYTES];
	uint16_t key_bytes;
	uint16_t table_entries;		/* power of two */
	uint16_t n_workers;
	bool fragments;			/* are put together: all of one datagram at one worker */
	uint16_t table[STEER_TABLE_MAX];	/* hash -> worker */
	uint32_t nibbles[STEER_NIBBLES][16];	/* what each half byte of the input adds to the hash (steer.c) */
};

/* An even table, and a key that is known to all (steer.c): give it a random one before use. */
void steer_init(struct steer *s, uint16_t n_workers, uint16_t key_bytes, uint16_t table_entries);

/* @key_bytes: at least 40; all ports that a worker serves need no common key. */
void steer_set_key(struct steer *s, const uint8_t *key, size_t key_bytes);

/* The worker that receives segments which the far end of @t sends (faddr:fport -> laddr:lport). */
uint16_t steer_tuple(const struct steer *s, const struct tuple *t);
/* The Toeplitz hash of these segments, as a NIC reports it in mbuf.hash.rss. */
uint32_t steer_hash(const struct steer *s, const struct tuple *t);

/* The owner of a received frame: a worker, STEER_HERE or STEER_ALL. Reads headers with care; malformed: STEER_HERE. */
uint16_t steer_frame(const struct steer *s, const struct rte_mbuf *m);
