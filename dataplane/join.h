/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other way round than cut.h: TCP segments of one connection that follow each other
 * in a burst become one long segment, so that most of what a segment costs is done once for
 * all of them. A device's LRO does no more and no less: nothing is joined whose headers
 * say anything different (flags, acknowledgment, window, options, ECN), nor whose checksums are wrong.
 *
 * Threads: any; touches only the mbufs.
 * Ownership: those that were joined belong to the first one's chain.
 */
#pragma once

#include <stdint.h>

#include <rte_mbuf.h>

/* A frame of at most so many bytes behind its Ethernet header comes of it. */
#define JOIN_BYTES_MAX 65000u

/*
 * @mbufs: @n frames as they came from a device. Joins them in place, keeping their order; how many are left.
 * A long one carries RTE_MBUF_F_RX_LRO, its segments' size in tso_segsz, and its checksums count as good.
 */
unsigned int join_burst(struct rte_mbuf **mbufs, unsigned int n);

/* How long the segments of @bytes of data were on the wire, and how many. */
static inline uint32_t join_segment_bytes(const struct rte_mbuf *m, uint32_t bytes)
{
	return m->ol_flags & RTE_MBUF_F_RX_LRO ? m->tso_segsz : bytes;
}
