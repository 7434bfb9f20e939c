/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BBR and ECN. draft-ietf-ccwg-bbr-06 section 3.7 has no answer of its own to marks, but whoever
 * sends what may be marked must take each mark for congestion. RFC 3168 6.1.2 asks for one
 * reduction a round trip; RFC 8511 for a smaller one than for a loss, since the
 * queues that mark are short. Ours, in the draft's terms, once a round:
 *
 * - what may be in flight for the rest of this cycle (inflight_shortterm) is 85 % of what was
 *   when the marked data left. For a loss the draft stops at what was delivered; but a
 *   queue that marks delivers all, and would stay as it is.
 * - the rate of this cycle (bw_shortterm) as for a loss: 85 %, but not below what is delivered.
 * - Startup is over: there is a queue. A probe for more (Refill, Up) is over as if it had lost too much,
 *   and the level that it reached is remembered (inflight_longterm).
 *
 * The next probe, two to three seconds later or sooner, lifts the first two again.
 */
#include "tcp_cc_bbr.h"

#include "tcp_ecn.h"

#define ECN_PERCENT 85u		/* RFC 8511's for CUBIC, and what BBR leaves of a level that was too high */

static void bound_short_term(struct tcp_conn *c, uint32_t inflight)
{
	struct tcp_bbr *b = &c->bbr;

	b->bw_shortterm = RTE_MAX(b->bw_latest, bbr_percent(bbr_bw(c), ECN_PERCENT));
	inflight = bbr_percent(RTE_MIN(b->inflight_shortterm, inflight), ECN_PERCENT);
	b->inflight_shortterm = RTE_MAX(inflight, bbr_min_cwnd(c));
}

void bbr_handle_echo(struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_bbr *b = &c->bbr;
	uint32_t inflight = RTE_MIN(rs->tx_in_flight, c->cwnd);

	/* This left after the answer to the last echo. */
	if (b->loss_round_start)
		c->ecn_slow = false;
	if (!rs->echoed || c->ecn_slow)
		return;
	tcp_ecn_answered(c);
	b->loss_round_delivered = c->delivered;
	bound_short_term(c, inflight);
	if (b->state == BBR_STARTUP) {
		b->full_bw_reached = true;
		b->inflight_longterm = RTE_MAX(bbr_bdp(c, bbr_bw(c), 100), inflight);
	} else if (b->bw_probe_sample || b->state == BBR_REFILL) {
		bbr_handle_inflight_too_high(c, inflight, rs->app_limited);
		/* The draft's reaction to losses ends Up alone: Refill's would be those of what was sent before. */
		if (b->state == BBR_REFILL)
			bbr_start_probe_bw_down(c);
	}
}
