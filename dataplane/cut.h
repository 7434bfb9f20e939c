/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segmentation for devices that don't know it: TCP makes one long segment, as for TSO,
 * and here it becomes frames of the MTU. What TCP does for each segment that it sends
 * is done once for dozens of them so; a frame costs a copy of the headers and its data,
 * and the checksum comes with the copy.
 *
 * Order of calls: cut_begin; cut_next until cut_left says no; cut_end.
 *
 * Threads: any; touches only the mbufs.
 * Ownership: the long segment is the cut's until cut_end frees it, the frames are the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

/* A frame's data and headers lie in one packet buffer. */
#define CUT_HEADER_BYTES_MAX (18u + 40u + 60u)	/* Ethernet with a VLAN, IPv6, TCP */
/* Best for netif.tso_max_bytes and tso_max_pieces: IPv4's 64 KB, rounded down for usual MSSs, and as many mbufs. */
#define CUT_BYTES_MAX 61440u
#define CUT_PIECES_MAX 64u

struct cut {
	struct rte_mbuf *m;		/* the long segment */
	const struct rte_mbuf *at;	/* what comes next lies here, */
	uint32_t off;			/* behind so much, */
	uint32_t left;			/* and is so long */
	uint32_t done;			/* bytes of data in frames so far */
	uint16_t header_bytes;
	bool finish_tcp;
};

/*
 * @m: a frame that asks for RTE_MBUF_F_TX_TCP_SEG, with l2_len, l3_len, l4_len and tso_segsz, all its headers
 * in the first mbuf, and the sum of the pseudo header without a length in the TCP checksum's field, as DPDK
 * defines it for TSO. @finish_tcp: no device will complete the frames' TCP checksums.
 */
void cut_begin(struct cut *c, struct rte_mbuf *m, bool finish_tcp);
static inline bool cut_left(const struct cut *c)
{
	return c->left > 0;
}
/*
 * The next frame, or NULL: @pool is empty. It asks for the IP checksum as the whole does, and for TCP's, if that isn't
 * finished: the field holds the pseudo header's sum with the length then.
 */
struct rte_mbuf *cut_next(struct cut *c, struct rte_mempool *pool);
void cut_end(struct cut *c);
