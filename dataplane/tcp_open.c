/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_open.h"

#include <rte_common.h>

#include "tcp_cc.h"
#include "tcp_ecn.h"
#include "tcp_keepalive.h"
#include "tcp_list.h"
#include "tcp_rack.h"
#include "tcp_rtt.h"
#include "tcp_timer.h"
#include "tcp_uto.h"
#include "tcp_window.h"

/* ISN = M + F(tuple, secret), M ticking every 4 us. */
static uint32_t initial_sequence(const struct stack *s, const struct tuple *t)
{
	if (s->tcp.origin)
		return s->tcp.origin->isn;
	return (uint32_t)(s->now_us / 4) + (uint32_t)siphash(&s->tcp.isn_key, t, sizeof(*t));
}

/*
 * One offset per pair of addresses: timestamps grow from one connection to the
 * next (RFC 6191, RFC 7323 appendix B.2) and yet tell a stranger nothing.
 */
static uint32_t timestamp_offset(const struct stack *s, const struct tuple *t)
{
	if (s->tcp.origin)
		return s->tcp.origin->ts_offset;
	return (uint32_t)siphash(&s->tcp.ts_key, t, sizeof(t->laddr) + sizeof(t->faddr));
}

void tcp_open_init(struct tcp_conn *c, const struct ip_hop *hop)
{
	struct stack *s = c->stack;

	c->hop = *hop;
	c->snd_una = initial_sequence(s, &c->tuple);
	/* RFC 9293 3.6.1 MAY-2: a fast connection's numbers may be ahead of the clock. */
	if (s->tcp.follows && seq_leq(c->snd_una, s->tcp.follow_seq))
		c->snd_una = s->tcp.follow_seq + 1;
	c->snd_nxt = c->snd_una + 1;
	c->ts_offset = timestamp_offset(s, &c->tuple);
	c->rcv_wscale = tcp_window_scale(s->config.rcv_buffer_bytes);
	c->rcv_mss = TCP_MSS_DEFAULT_V4;
	c->quick_acks = TCP_QUICK_ACKS;
	c->challenge_ms = (uint32_t)(s->now_us / 1000) - TCP_CHALLENGE_MS;
	c->peer_mss = addr_is_v4(&c->tuple.faddr) ? TCP_MSS_DEFAULT_V4 : TCP_MSS_DEFAULT_V6;
	tcp_open_update_mss(c);
	tcp_rtt_init(c);
	tcp_rack_init(c);
}

uint32_t tcp_open_offered_mss(const struct tcp_conn *c)
{
	return tcp_netif(c)->mtu - (addr_is_v4(&c->tuple.faddr) ? 40u : 60u);
}

void tcp_open_update_mss(struct tcp_conn *c)
{
	uint32_t hdr_bytes = addr_is_v4(&c->tuple.faddr) ? 40 : 60;
	uint32_t mss = c->hop.mtu - hdr_bytes;

	mss = RTE_MAX(RTE_MIN(mss, (uint32_t)c->peer_mss), TCP_MSS_MIN);
	/* Options that every segment carries are not in MSS (RFC 6691). */
	c->mss = (uint16_t)(mss - (c->ts_ok ? TCP_TS_BYTES : 0));
}

void tcp_open_peer_syn(struct tcp_conn *c, const struct tcp_rx *rx)
{
	const struct tcp_opts *o = &rx->opts;

	c->rcv_nxt = c->rcv_acked = rx->seq + 1;
	c->rcv_adv = c->rcv_nxt + tcp_window_syn(c);
	c->sack_ok = o->sack_permitted;
	c->wscale_ok = o->has_wscale;
	c->snd_wscale = o->has_wscale ? o->wscale : 0;
	if (!o->has_wscale)
		c->rcv_wscale = 0;
	c->ts_ok = o->has_ts;
	if (o->has_ts) {
		c->ts_recent = o->ts_val;
		c->ts_recent_ms = (uint32_t)(c->stack->now_us / 1000);
	}
	tcp_uto_received(c, o);
	tcp_ecn_peer_syn(c, rx);
	if (o->has_mss)
		c->peer_mss = o->mss;
	tcp_open_update_mss(c);
	tcp_window_init(c);
	/* The window of a SYN is never scaled (RFC 7323 section 2.2). */
	c->snd_wnd = c->snd_wnd_max = rx->wnd;
	c->snd_wl1 = rx->seq;
	c->snd_wl2 = rx->ack;
}

void tcp_open_established(struct tcp_conn *c, const struct tcp_rx *rx)
{
	struct stack *s = c->stack;

	c->state = TCPS_ESTABLISHED;
	c->snd_una = rx->ack;
	c->recovery_point = rx->ack - 1;	/* `recover` begins before the first byte (RFC 6582 section 3.2) */
	c->backoff = 0;
	tcp_timer_off(c, TCP_T_RTX);
	tcp_timer_off(c, TCP_T_LIFE);
	/* A cookie's timestamp is up to 63 ms off, and when it was sent nobody knows. */
	if (c->retransmits == 0 && !c->by_cookie)
		tcp_rtt_sample(c, RTE_MIN((uint32_t)s->now_us - c->last_sent_us, TCP_RTO_MAX_US));
	else if (c->retransmits > 0 && c->ts_ok && rx->opts.ts_ecr != 0 && tcp_ts_now(c) - rx->opts.ts_ecr < TCP_RTO_MAX_US / 1000)
		tcp_rtt_sample(c, (tcp_ts_now(c) - rx->opts.ts_ecr) * 1000);
	else if (c->retransmits > 0)
		tcp_rtt_unknown(c, TCP_RTO_SYN_LOST_US);
	tcp_keepalive_heard(c);
	/* RFC 5482 3.3: in the SYN, and once more behind it. */
	c->uto_due = tcp_uto_enabled(s);
	tcp_list_half_open_leave(c);
	tcp_cc_init(c);
	count_event(s->config.counters, c->passive ? EVENT_TCP_ACCEPTED : EVENT_TCP_CONNECTED);
	tcp_notify(c, TCP_ESTABLISHED);
}
