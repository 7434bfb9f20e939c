/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_prr.h"

#include <rte_common.h>

#include "tcp_recovery.h"

void tcp_prr_begin(struct tcp_conn *c, uint32_t flight_bytes)
{
	if (tcp_prr_on(c))
		c->win.prr = (struct tcp_prr){ .recover_fs = RTE_MAX(flight_bytes, 1u) };
}

void tcp_prr_update(struct tcp_conn *c, uint32_t delivered_bytes, bool safe)
{
	struct tcp_prr *p = &c->win.prr;
	uint32_t pipe = tcp_pipe(c);
	int64_t send;

	if (!tcp_prr_on(c))
		return;
	p->delivered += delivered_bytes;
	if (pipe > c->ssthresh) {
		send = (int64_t)(((uint64_t)p->delivered * c->ssthresh + p->recover_fs - 1) / p->recover_fs) - p->out;
	} else {
		send = RTE_MAX((int64_t)p->delivered - p->out, (int64_t)delivered_bytes);
		if (safe)
			send += c->mss;
		send = RTE_MIN(send, (int64_t)c->ssthresh - pipe);
	}
	/* The fast retransmit itself isn't held back. */
	if (p->out == 0)
		send = RTE_MAX(send, (int64_t)c->mss);
	c->cwnd = RTE_MAX(pipe + (uint32_t)RTE_MAX(send, (int64_t)0), (uint32_t)c->mss);
}
