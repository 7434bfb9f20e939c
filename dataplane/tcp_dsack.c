/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_dsack.h"

bool tcp_dsack_input(struct tcp_conn *c, const struct tcp_rx *rx, struct tcp_range *dup)
{
	const struct tcp_range *b = rx->opts.sack;
	bool old, within;

	if (!c->sack_ok || rx->opts.n_sack == 0)
		return false;
	/* What was never sent, or longer ago than any window: no TCP says so. */
	if (seq_geq(b->start, b->end) || seq_gt(b->end, c->snd_nxt) || seq_lt(b->start, rx->ack - c->snd_wnd_max))
		return false;
	old = seq_lt(b->start, rx->ack);
	within = rx->opts.n_sack > 1 && seq_geq(b->start, b[1].start) && seq_leq(b->end, b[1].end);
	if (!old && !within)
		return false;
	*dup = *b;
	count_event(c->stack->config.counters, EVENT_TCP_DSACK);
	return true;
}
