/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SYN cookies, and what pretends to be one. The backlog is full, so SYNs of any
 * options are answered by cookies; segments that acknowledge these come back as they
 * should, a bit off, later, or with data and flags that don't belong. A connection
 * appears only for a cookie that came back whole, and agrees with its SYN; at the end
 * no buffer is missing.
 */
#include <string.h>
#include <rte_mbuf.h>

#include "base/assert.h"
#include "fuzz_box.h"
#include "stack_private.h"
#include "tcp_conn.h"
#include "tcp_limits.h"
#include "tcp_peer.h"

#define FLOOD 2u
#define MEMORY 4u

/* A SYN that was answered by a cookie. */
struct asked {
	struct tcp_rx syn, answer;
	uint16_t port;
	uint64_t at_us;
};

static uint16_t word(struct fuzz_input *in)
{
	uint8_t high = fuzz_byte(in);

	return (uint16_t)(high << 8 | fuzz_byte(in));
}

static void drain(struct tcp_peer *p)
{
	while (tcp_peer_next(p))
		;
}

static void ask(struct tcp_peer *p, struct fuzz_input *in, struct asked *a)
{
	uint8_t what = fuzz_byte(in);
	const struct tcp_peer_segment *g;

	memset(a, 0, sizeof(*a));
	a->port = (uint16_t)(2000 + fuzz_byte(in) % 8);
	a->syn = (struct tcp_rx){ .seq = word(in) * 65539u, .flags = (uint8_t)(TH_SYN | (what & (TH_ECE | TH_CWR))),
				  .wnd = word(in) };
	a->syn.opts = (struct tcp_opts){ .has_ts = what & 1, .has_wscale = what & 2, .sack_permitted = what & 4,
					 .has_mss = what & 8, .wscale = fuzz_byte(in) % 15, .mss = word(in),
					 .ts_val = word(in) * 65537u };
	drain(p);
	tcp_peer_send(p, a->port, 993, &a->syn, NULL);
	g = tcp_peer_next(p);
	if (g && g->rx.flags & TH_SYN && g->dport == a->port)
		a->answer = g->rx;
	else
		a->port = 0;	/* a connection has that port, or the answer found no place */
	a->at_us = p->now_us;
}

/* What must be true of a connection that this cookie brought. */
static void agrees(const struct tcp_conn *c, const struct asked *a)
{
	bool ts = a->syn.opts.has_ts;

	ASSERT(c->tuple.fport == a->port && c->ts_ok == ts);
	ASSERT(c->sack_ok == (ts && a->syn.opts.sack_permitted));
	ASSERT(c->wscale_ok == (ts && a->syn.opts.has_wscale));
	ASSERT(c->snd_wscale == (c->wscale_ok ? a->syn.opts.wscale : 0));
	ASSERT(!a->syn.opts.has_mss || c->peer_mss <= RTE_MAX(a->syn.opts.mss, TCP_MSS_MIN));
	ASSERT(c->rcv_wscale == (c->wscale_ok ? a->answer.opts.wscale : 0));
}

static void answer(struct tcp_peer *p, struct fuzz_input *in, const struct asked *a)
{
	uint8_t how = fuzz_byte(in), bit = fuzz_byte(in);
	struct tcp_rx rx = { .seq = a->syn.seq + 1, .ack = a->answer.seq + 1, .flags = TH_ACK, .wnd = word(in) };
	uint64_t accepted = p->counters.events[EVENT_TCP_COOKIE_ACCEPTED];
	bool forged = false;

	rx.opts.has_ts = a->syn.opts.has_ts;
	rx.opts.ts_val = a->syn.opts.ts_val + 1;
	rx.opts.ts_ecr = a->answer.opts.ts_val;
	if (how & 1)
		rx.bytes = (uint16_t)(word(in) % 1400);
	if (how & 2)
		rx.flags |= TH_FIN;
	if (how & 4)
		rx.flags = fuzz_byte(in);
	if ((how & 0x30) == 0x10)
		rx.ack ^= 1u << bit % 28;
	if ((how & 0x30) == 0x20)
		rx.seq ^= 1u << bit % 32;
	if ((how & 0x30) == 0x30 && rx.opts.has_ts)
		rx.opts.ts_ecr ^= 1u << bit % 6;
	forged = (how & 0x30) != 0 && ((how & 0x30) != 0x30 || rx.opts.has_ts);
	if (how & 0x40) {
		rx.opts.has_ts = !rx.opts.has_ts;
		forged = true;
	}
	p->verdict = (how & 0x80) ? (enum stack_verdict)(bit % 3) : STACK_ACCEPT;
	drain(p);
	p->conn = NULL;
	tcp_peer_send(p, a->port, 993, &rx, NULL);
	p->verdict = STACK_ACCEPT;
	if (p->counters.events[EVENT_TCP_COOKIE_ACCEPTED] == accepted)
		return;
	ASSERT(!forged && p->now_us - a->at_us <= 2ull * TCP_COOKIE_PERIOD_US);
	ASSERT(p->conn != NULL);
	agrees(p->conn, a);
}

/* The connections that came about end, so that ports are free again. */
static void let_go(struct tcp_peer *p)
{
	for (uint32_t i = 0; i < p->stack->tcp.conns.capacity; i++) {
		struct tcp_conn *c = tcp_conn_at(p->stack, i);

		if (!c || c->released || (c->passive && c->state == TCPS_SYN_RCVD))
			continue;
		if (c->state != TCPS_CLOSED)
			tcp_reset(c);
		tcp_release(c);
	}
	p->conn = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tcp_peer p;
	static struct asked all[MEMORY];
	struct fuzz_input in = { data, size };
	struct tcp_peer_options o = { .max_conns = 12, .max_half_open = FLOOD, .start_us = 1 + (uint64_t)fuzz_byte(&in) * 700000 };
	struct tcp_rx flood = { .seq = 1, .flags = TH_SYN, .wnd = 1000 };

	tcp_peer_init(&p, &o);
	memset(all, 0, sizeof(all));
	for (unsigned int i = 0; i < 64 && in.n > 0; i++) {
		uint8_t op = fuzz_byte(&in);
		struct asked *a = &all[op / 4 % MEMORY];

		/* Again and again: cookies go off when the backlog has emptied. */
		for (uint16_t k = 0; k < FLOOD; k++)
			tcp_peer_send(&p, (uint16_t)(1000 + k), 993, &flood, NULL);
		if (op % 4 == 0) {
			ask(&p, &in, a);
		} else if (op % 4 == 1 || op % 4 == 2) {
			if (a->port)
				answer(&p, &in, a);
			let_go(&p);
		} else {
			/* Up to a minute at once; every timer that is due fires. */
			p.now_us += (uint64_t)op * fuzz_byte(&in) * 1000;
			tcp_peer_turn(&p);
		}
		drain(&p);
		ASSERT(p.stack->tcp.n_half_open <= FLOOD);
	}
	let_go(&p);
	tcp_peer_fini(&p);
	return 0;
}
