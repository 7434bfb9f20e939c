/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_rtt.h"

#include <rte_common.h>

#define CLOCK_GRANULARITY_US 1000u	/* G of RFC 6298: a turn of a busy worker */

void tcp_rtt_init(struct tcp_conn *c)
{
	tcp_rtt_unknown(c, TCP_RTO_INITIAL_US);
	c->min_rtt_us = UINT32_MAX;
	c->backoff = 0;
}

void tcp_rtt_unknown(struct tcp_conn *c, uint32_t rto_us)
{
	c->srtt_us = 0;
	c->rttvar_us = rto_us / 4;
}

void tcp_rtt_sample(struct tcp_conn *c, uint32_t rtt_us)
{
	rtt_us = RTE_MIN(RTE_MAX(rtt_us, 1u), TCP_RTO_MAX_US);
	c->min_rtt_us = RTE_MIN(c->min_rtt_us, rtt_us);
	if (c->srtt_us == 0) {
		c->srtt_us = rtt_us;
		c->rttvar_us = rtt_us / 2;
	} else {
		uint32_t err = c->srtt_us > rtt_us ? c->srtt_us - rtt_us : rtt_us - c->srtt_us;

		c->rttvar_us = c->rttvar_us - c->rttvar_us / 4 + err / 4;
		c->srtt_us = RTE_MAX(c->srtt_us - c->srtt_us / 8 + rtt_us / 8, 1u);
	}
	c->backoff = 0;
	c->tlp_rtt = true;
}

uint32_t tcp_rto_us(const struct tcp_conn *c)
{
	uint64_t rto = c->srtt_us + RTE_MAX(CLOCK_GRANULARITY_US, 4 * c->rttvar_us);

	return (uint32_t)RTE_MIN(RTE_MAX(rto, TCP_RTO_MIN_US) << c->backoff, (uint64_t)TCP_RTO_MAX_US);
}

void tcp_rtt_backoff(struct tcp_conn *c)
{
	if (tcp_rto_us(c) < TCP_RTO_MAX_US)
		c->backoff++;
}
