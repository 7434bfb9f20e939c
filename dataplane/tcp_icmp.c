/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ICMP errors (RFC 5927): believed only when they quote a sequence number in
 * flight, and never able to end an established connection.
 */
#include <rte_common.h>

#include "tcp_close.h"
#include "tcp_list.h"
#include "tcp_open.h"
#include "tcp_recovery.h"
#include "tcp_sndq.h"
#include "tcp_table.h"

/* Path MTU discovery (RFC 1191, RFC 8201): smaller segments from now on, and the quoted one again. */
static void too_big(struct tcp_conn *c, uint16_t mtu)
{
	uint16_t least = addr_is_v4(&c->tuple.faddr) ? TCP_PATH_MTU_MIN_V4 : TCP_PATH_MTU_MIN_V6;
	struct tcp_seg *g, *after = NULL;

	if (mtu < least)
		mtu = least;
	if (mtu >= c->hop.mtu)
		return;
	c->hop.mtu = mtu;
	tcp_open_update_mss(c);
	/* What was too big is lost, though not by congestion: send it again in smaller pieces. */
	TAILQ_FOREACH(g, &c->segs, link) {
		if (g->bytes > c->mss && tcp_seg_in_flight(g))
			tcp_seg_lost(c, g, &after);
	}
	c->rtx_forced = true;
	tcp_list_output(c);
}

void tcp_icmp_error(struct stack *s, const struct tuple *t, uint32_t seq, enum tcp_icmp kind, uint16_t mtu)
{
	struct tcp_conn *c = tcp_lookup(s, t);

	if (!c || seq_lt(seq, c->snd_una) || seq_geq(seq, c->snd_nxt))
		return;
	switch (kind) {
	case TCP_ICMP_UNREACHABLE:
		/* Soft for what is established (RFC 5461); a dial needn't wait for its time-out. */
		if (c->state == TCPS_SYN_SENT)
			tcp_conn_end(c, TCP_UNREACHABLE);
		break;
	case TCP_ICMP_TOO_BIG:
		if (tcp_synchronized(c))
			too_big(c, mtu);
		break;
	}
}
