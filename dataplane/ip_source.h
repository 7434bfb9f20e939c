/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which source addresses can't be true (RFC 1122 3.2.1.3, RFC 2827, RFC 3704,
 * RFC 6890): nobody's, our own, and those of a network that lies behind another port.
 *
 * Of the special-purpose registry only what can't be a host's on any network is
 * refused: private addresses, shared ones and those for documentation and benchmarks
 * stand on links of real sites and labs. A source that only a default route knows is
 * believed on every port (RFC 3704's feasible paths): a site may have two providers.
 *
 * Threads: any; pure.
 */
#pragma once

#include "counters.h"
#include "netif.h"

/* Why a packet from @src to the own address (or our group) @dst can't be true, or DROP_COUNT. */
enum drop ip_source_check(const struct netifs *n, const struct netif *nif, const struct addr *src,
			  const struct addr *dst);

/* 0/8, 127/8, multicast, class E and broadcast; @be in network order. */
bool ip_v4_impossible(uint32_t be);
/* ::, ::1, IPv4-compatible and -mapped addresses: none of them is seen on a wire (RFC 4291 2.5). */
bool ip_v6_special(const struct addr *a);
