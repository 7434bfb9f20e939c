/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proportional rate reduction (RFC 9937, section 6): in fast recovery cwnd goes down to
 * ssthresh over a round trip, a little with each acknowledgment, so that sending
 * neither stops nor bursts; and where losses took more than that, it comes back up as
 * slow start would. Controllers that keep a model of the path don't want it.
 *
 * Order of calls: tcp_prr_begin when fast recovery begins; tcp_prr_update after each
 * acknowledgment and each mark within it; tcp_prr_sent for all that leaves.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_cc.h"
#include "tcp_conn.h"

/* @flight_bytes: outstanding and not SACKed before the acknowledgment that showed the loss. */
void tcp_prr_begin(struct tcp_conn *c, uint32_t flight_bytes);
/* @delivered_bytes: newly acknowledged or SACKed. @safe: SND.UNA advanced and nothing more was found lost. */
void tcp_prr_update(struct tcp_conn *c, uint32_t delivered_bytes, bool safe);

static inline bool tcp_prr_on(const struct tcp_conn *c)
{
	return c->ca_state == TCP_CA_RECOVERY && !tcp_cc_models(c);
}

static inline void tcp_prr_sent(struct tcp_conn *c, uint32_t bytes)
{
	if (tcp_prr_on(c))
		c->win.prr.out += bytes;
}
