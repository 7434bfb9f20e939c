/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cookie is our initial sequence number:
 *
 *   bit 31      whether the number of its period is odd: which key made it
 *   bits 30-28  index of the MSS, masked by the hash
 *   bits 27-0   hash of the tuple, the peer's ISN and what the timestamp carries
 *
 * keyed by a secret of the period. A period's key is good in the next one, too, so a
 * cookie lives for one to two periods. Who forges ACKs blindly hits one in 2^28; who
 * sees our SYN-ACKs needs no forgery. Every try costs one SipHash.
 *
 * Two things of a usual handshake are given up. Sequence numbers of connections that
 * follow each other don't ascend (RFC 6528 section 3): timestamps keep old segments
 * out (RFC 7323 section 5). And a connection's round-trip time isn't measured by its
 * handshake, since the timestamp's low bits aren't time.
 */
#include "tcp_cookie.h"

#include <rte_common.h>
#include <rte_mbuf.h>

#include "tcp_input.h"
#include "tcp_open.h"
#include "tcp_output.h"
#include "tcp_table.h"

#define MSS_SHIFT 28
#define MSS_MASK 7u
#define HASH_MASK ((1u << MSS_SHIFT) - 1)

/* Low bits of the timestamp. */
#define TS_BITS 6
#define TS_MASK ((1u << TS_BITS) - 1)
#define TS_WSCALE 0x0fu
#define TS_WSCALE_NONE 0x0fu	/* above TCP_WSCALE_MAX */
#define TS_SACK 0x10u
#define TS_ECN 0x20u
#define TS_PRESENT 0x40u	/* hashed only: an ACK with and one without timestamps differ */

#define ECN_SETUP (TH_ECE | TH_CWR)	/* RFC 3168 section 6.1.1 */

/* What clients send, and the least of tcp_limits.h: none is told to take more than it said. */
static const uint16_t mss_table[MSS_MASK + 1] = { TCP_MSS_MIN, 536, 1220, 1360, 1400, 1440, 1460, 8960 };

/* What the hash covers. */
struct cookie_input {
	struct tuple tuple;
	uint32_t peer_isn;
	uint32_t ts_bits;
};
_Static_assert(sizeof(struct cookie_input) == 44, "hashed as bytes: no padding");

static uint32_t mss_index(uint16_t mss)
{
	uint32_t i = MSS_MASK;

	while (i > 0 && mss_table[i] > mss)
		i--;
	return i;
}

/* What the low bits say of a SYN's options. */
static uint32_t ts_bits_of(const struct tcp_rx *syn)
{
	const struct tcp_opts *o = &syn->opts;
	uint32_t bits = TS_PRESENT | (o->has_wscale ? o->wscale : TS_WSCALE_NONE);

	if (!o->has_ts)
		return 0;
	if (o->sack_permitted)
		bits |= TS_SACK;
	if ((syn->flags & ECN_SETUP) == ECN_SETUP)
		bits |= TS_ECN;
	return bits;
}

/* The period's key, made when it is first asked for; two are kept. */
static const struct siphash_key *period_key(struct tcp_cookies *k, uint64_t period)
{
	struct tcp_cookie_key *slot = &k->keys[period & 1];

	if (slot->period != period) {
		uint64_t in[2] = { period, 0 };

		slot->key.k0 = siphash(&k->secret, in, sizeof(in));
		in[1] = 1;
		slot->key.k1 = siphash(&k->secret, in, sizeof(in));
		slot->period = period;
	}
	return &slot->key;
}

static uint64_t cookie_hash(struct tcp_cookies *k, uint64_t period, const struct tuple *t, uint32_t peer_isn,
			    uint32_t ts_bits)
{
	struct cookie_input in = { .tuple = *t, .peer_isn = peer_isn, .ts_bits = ts_bits };

	return siphash(period_key(k, period), &in, sizeof(in));
}

static uint64_t period_now(const struct stack *s)
{
	/* From 1: a slot that was never filled says 0. */
	return s->now_us / TCP_COOKIE_PERIOD_US + 1;
}

void tcp_cookie_init(struct stack *s)
{
	struct tcp_cookies *k = &s->tcp.cookies;

	k->keys[0].period = k->keys[1].period = 0;
	k->on = false;
	k->sent = false;
}

void tcp_cookie_update(struct stack *s)
{
	struct tcp_cookies *k = &s->tcp.cookies;

	if (k->on && s->tcp.n_half_open <= s->config.max_half_open / 4)
		k->on = false;
}

bool tcp_cookie_wanted(struct stack *s)
{
	struct tcp_cookies *k = &s->tcp.cookies;
	uint32_t max = s->config.max_half_open;

	tcp_cookie_update(s);
	if (!k->on && s->tcp.n_half_open >= max - max / 4) {
		k->on = true;
		count_event(s->config.counters, EVENT_TCP_COOKIES_ON);
	}
	return k->on;
}

/*
 * Now, or up to 63 ms ago, with @bits at its end: never ahead of what the connection
 * will send (the peer's PAWS), and never behind an older connection's by more than
 * that (RFC 6191 asks for a second before one may follow another).
 */
static uint32_t timestamp(uint32_t now, uint32_t bits)
{
	uint32_t ts = (now & ~TS_MASK) | bits;

	return seq_gt(ts, now) ? ts - (TS_MASK + 1) : ts;
}

/* A connection that lives for one SYN-ACK: so that it promises what the one of the ACK will keep. */
void tcp_cookie_syn(struct stack *s, const struct tuple *t, const struct ip_hop *hop, const struct tcp_rx *rx)
{
	struct tcp_conn c = { .stack = s, .tuple = *t, .state = TCPS_SYN_RCVD, .passive = true };
	struct tcp_cookies *k = &s->tcp.cookies;
	uint32_t bits = ts_bits_of(rx), now;
	uint64_t period = period_now(s), hash;
	struct tcp_rx syn = *rx;

	if (!syn.opts.has_ts) {
		syn.opts.sack_permitted = syn.opts.has_wscale = false;
		syn.flags &= (uint8_t)~ECN_SETUP;
	}
	tcp_open_init(&c, hop);
	tcp_open_peer_syn(&c, &syn);
	hash = cookie_hash(k, period, t, rx->seq, bits);
	c.snd_una = (uint32_t)(period & 1) << 31 |
		    ((mss_index(c.peer_mss) ^ (uint32_t)(hash >> 61)) & MSS_MASK) << MSS_SHIFT |
		    ((uint32_t)hash & HASH_MASK);
	c.snd_nxt = c.snd_una + 1;
	now = tcp_ts_now(&c);
	c.ts_offset -= now - timestamp(now, bits & TS_MASK);
	if (!tcp_output_syn(&c))
		return;
	k->sent = true;
	k->sent_us = s->now_us;
	count_event(s->config.counters, EVENT_TCP_COOKIE_SENT);
}

/* The SYN as its answer's acknowledgment tells of it. False: no cookie of ours, or too old. */
static bool recall(struct stack *s, const struct tuple *t, const struct tcp_rx *rx, struct tcp_rx *syn)
{
	uint32_t cookie = rx->ack - 1, bits = 0;
	uint64_t period = period_now(s), hash;

	if ((period & 1) != cookie >> 31)
		period--;
	if (rx->opts.has_ts)
		bits = TS_PRESENT | (rx->opts.ts_ecr & TS_MASK);
	hash = cookie_hash(&s->tcp.cookies, period, t, rx->seq - 1, bits);
	if (((uint32_t)hash & HASH_MASK) != (cookie & HASH_MASK))
		return false;
	*syn = (struct tcp_rx){ .seq = rx->seq - 1, .end = rx->seq, .flags = TH_SYN };
	syn->opts.has_mss = true;
	syn->opts.mss = mss_table[(cookie >> MSS_SHIFT ^ (uint32_t)(hash >> 61)) & MSS_MASK];
	if (bits == 0)
		return true;
	syn->opts.has_ts = true;
	syn->opts.ts_val = rx->opts.ts_val;
	syn->opts.sack_permitted = bits & TS_SACK;
	syn->opts.has_wscale = (bits & TS_WSCALE) != TS_WSCALE_NONE;
	syn->opts.wscale = bits & TS_WSCALE;
	if (bits & TS_ECN)
		syn->flags |= ECN_SETUP;
	return true;
}

/* The half-open connection that wasn't kept. NULL: no room for it. */
static struct tcp_conn *rebuild(struct stack *s, const struct tuple *t, const struct ip_hop *hop,
				const struct tcp_rx *syn, uint32_t cookie)
{
	struct tcp_conn *c = tcp_conn_new(s, t);

	if (!c)
		return NULL;
	c->passive = true;
	c->by_cookie = true;
	c->state = TCPS_SYN_RCVD;
	tcp_open_init(c, hop);
	c->snd_una = cookie;
	c->snd_nxt = cookie + 1;
	tcp_open_peer_syn(c, syn);
	return c;
}

/*
 * Data that comes first because the ACK before it was lost isn't recognised when it
 * isn't the first data. So it gets no RST: the client will send the first again.
 */
static void refuse(struct stack *s, struct rte_mbuf *m, const struct ip_info *info, const struct tuple *t,
		   const struct tcp_rx *rx)
{
	if (rx->bytes == 0)
		tcp_reply_rst(s, info, t, rx);
	stack_drop(s, DROP_TCP_COOKIE, m);
}

bool tcp_cookie_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info,
		      const struct tuple *t, struct tcp_rx *rx)
{
	const struct tcp_cookies *k = &s->tcp.cookies;
	struct ip_path path;
	struct tcp_conn *c;
	struct tcp_rx syn;

	if (!k->sent || s->now_us - k->sent_us > 2 * TCP_COOKIE_PERIOD_US)
		return false;
	if (!recall(s, t, rx, &syn)) {
		refuse(s, m, info, t, rx);
		return true;
	}
	/* Much may have changed since the SYN: the rule, the client's right, the room. */
	switch (s->config.ops.syn(s->config.ops.arg, t, nif)) {
	case STACK_ACCEPT:
		break;
	case STACK_REFUSE:
		tcp_reply_rst(s, info, t, rx);
		stack_drop(s, DROP_TCP_COOKIE_REFUSED, m);
		return true;
	case STACK_IGNORE:
	default:
		stack_drop(s, DROP_TCP_COOKIE_REFUSED, m);
		return true;
	}
	if (ip_path_init(s, &path, &info->dst, &info->src) != 0) {
		rte_pktmbuf_free(m);
		return true;
	}
	c = rebuild(s, t, &path.hop, &syn, rx->ack - 1);
	if (!c) {
		stack_drop(s, DROP_TCP_TABLE_FULL, m);
		return true;
	}
	count_event(s->config.counters, EVENT_TCP_COOKIE_ACCEPTED);
	tcp_input_conn(c, m, rx);
	return true;
}
