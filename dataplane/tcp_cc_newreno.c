/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 5681 section 3.1 and RFC 6582. */
#include "tcp_cc.h"

#include <rte_common.h>

static void acked(struct tcp_conn *c, uint32_t bytes)
{
	/* One segment per window (equation 3 of RFC 5681, in the form for any ACK size). */
	uint64_t grow = (uint64_t)bytes * c->mss / c->cwnd;

	c->cwnd += (uint32_t)RTE_MAX(grow, 1u);
}

static void lost(struct tcp_conn *c, uint32_t flight_bytes)
{
	c->ssthresh = RTE_MAX(flight_bytes / 2, 2u * c->mss);
}

const struct tcp_cc tcp_cc_newreno = {
	.name = "newreno",
	.acked = acked,
	.lost = lost,
};
