/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small work on received mbufs, which may be chained as the device liked.
 *
 * Threads: any; touches only the mbuf.
 * Ownership: the mbuf stays the caller's; segments cut off are freed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rte_mbuf.h>

#include "base/addr.h"

/* More than every header that is read in one piece (IPv6 + ND with options; IPv4 + TCP: 80). */
#define PKT_PULL_MAX 512u

bool pkt_pull_slow(struct rte_mbuf *m, uint32_t bytes);
void pkt_trim_slow(struct rte_mbuf *m, uint32_t bytes);

/* Makes the first @bytes (<= PKT_PULL_MAX) lie in the first segment. False: too short, or no room there. */
static inline bool pkt_pull(struct rte_mbuf *m, uint32_t bytes)
{
	return m->data_len >= bytes || pkt_pull_slow(m, bytes);
}

/* Cuts the packet to its first @bytes (<= pkt_len, asserted): Ethernet padding goes. */
static inline void pkt_trim(struct rte_mbuf *m, uint32_t bytes)
{
	if (m->pkt_len != bytes)
		pkt_trim_slow(m, bytes);
}

/* One's complement sum, not complemented, of what follows @offset; 0xffff when that holds a correct checksum. */
uint16_t pkt_sum(const struct rte_mbuf *m, uint32_t offset);
/* The same over a header in one piece. */
uint16_t pkt_header_sum(const void *header, size_t bytes);
/* Over the pseudo header of @l4_bytes of @proto (RFC 9293 3.1, RFC 8200 8.1); 0 bytes: as devices want it for TSO. */
uint16_t pkt_pseudo_sum(const struct addr *src, const struct addr *dst, uint8_t proto, uint32_t l4_bytes);

/*
 * The Internet checksum (RFC 1071) over the whole packet, and over the pseudo
 * header of @src, @dst and @proto when @src isn't NULL. In network order, as it
 * stands in a header; 0 over data that holds a correct checksum.
 */
uint16_t pkt_checksum(const struct rte_mbuf *m, const struct addr *src, const struct addr *dst, uint8_t proto);
