/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ICMP errors (RFC 5927): believed only when they quote a sequence number in
 * flight, and never able to end an established connection.
 */
#include "tcp_close.h"
#include "tcp_pmtu.h"
#include "tcp_table.h"

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
			tcp_pmtu_too_big(c, mtu);
		break;
	}
}
