/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_ecn.h"

#include "tcp_cc.h"

#define SETUP (TH_ECE | TH_CWR)

void tcp_ecn_dial(struct tcp_conn *c)
{
	c->ecn_ask = tcp_netif(c)->ecn == ECN_ON;
}

void tcp_ecn_peer_syn(struct tcp_conn *c, const struct tcp_rx *rx)
{
	enum ecn wish = (enum ecn)tcp_netif(c)->ecn;
	uint8_t flags = rx->flags & SETUP;

	if (!(rx->flags & TH_ACK)) {
		c->ecn_echo = wish != ECN_OFF && flags == SETUP;
		c->ecn_ok = c->ecn_echo;
		return;
	}
	/* Both flags in an answer are only a reflection of ours (section 6.1.1). */
	c->ecn_echo = wish == ECN_ON && flags == TH_ECE;
	/* Who has also sent a SYN that doesn't ask must not mark (the same); the peer may have the other one. */
	c->ecn_ok = c->ecn_echo && c->ecn_ask;
}

uint8_t tcp_ecn_syn_flags(const struct tcp_conn *c)
{
	if (c->state == TCPS_SYN_RCVD)
		return c->ecn_echo ? TH_ECE : 0;
	return c->ecn_ask ? SETUP : 0;
}

void tcp_ecn_received(struct tcp_conn *c, const struct tcp_rx *rx)
{
	if (!c->ecn_echo)
		return;
	if (rx->flags & TH_CWR)
		c->ecn_ece = false;
	if (!rx->ce || rx->bytes == 0)
		return;
	count_event(c->stack->config.counters, EVENT_TCP_CE_RECEIVED);
	c->ecn_ece = true;
}

void tcp_ecn_reduced(struct tcp_conn *c)
{
	if (c->ecn_ok)
		c->ecn_cwr = true;
}

void tcp_ecn_answered(struct tcp_conn *c)
{
	count_event(c->stack->config.counters, EVENT_TCP_ECN_REDUCTION);
	c->ecn_slow = true;
	c->ecn_cwr = true;
	/* A loss before it may turn out to be none; this mark is one. */
	c->undo_on = false;
}

void tcp_ecn_acked(struct tcp_conn *c, const struct tcp_rx *rx, uint32_t flight_bytes)
{
	bool echo = c->ecn_ok && (rx->flags & TH_ECE) && flight_bytes > 0;

	if (tcp_cc_models(c)) {
		/* After a time-out there is no less to send. */
		c->stack->tcp.sample.echoed = echo && c->ca_state != TCP_CA_LOSS;
		return;
	}
	/* Beyond the point: what carried CWR has reached the peer, a new echo is about new marks. */
	if (c->ecn_slow && seq_gt(c->snd_una, c->recovery_point))
		c->ecn_slow = false;
	/* Once a window, and recovery has reduced it already. */
	if (!echo || c->ecn_slow || c->ca_state != TCP_CA_OPEN)
		return;
	tcp_cc_ecn(c, flight_bytes);
	c->recovery_point = c->snd_nxt;
	tcp_ecn_answered(c);
}
