/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_script.h"

#include <rte_mbuf.h>

/* Our own clock of the peer's timestamps: the stack's milliseconds plus 5000. */
static uint32_t peer_ts(const struct tcp_peer *p)
{
	return (uint32_t)(p->now_us / 1000) + 5000;
}

struct tcp_rx script_segment(const struct script *s, const struct step *st)
{
	struct tcp_rx rx = {
		.seq = PEER_ISS + 1 + st->seq, .ack = s->iss + 1 + st->ack, .flags = (uint8_t)st->flags,
		.wnd = (uint16_t)st->wnd, .bytes = (uint16_t)st->bytes,
	};

	if (!(st->flags & A))
		rx.ack = 0;
	rx.opts.has_ts = s->o.ts;
	rx.opts.ts_val = peer_ts(&s->p) + (uint32_t)st->value;
	rx.opts.ts_ecr = s->last_ts;
	return rx;
}

static struct tcp_rx sack_segment(const struct script *s, const struct step *st)
{
	struct tcp_rx rx = script_segment(s, &(struct step)in(A, 0, 0, st->ack));

	rx.opts.n_sack = st->value ? 2 : 1;
	rx.opts.sack[0] = (struct tcp_range){ s->iss + 1 + st->seq, s->iss + 1 + st->bytes };
	rx.opts.sack[1] = (struct tcp_range){ s->iss + 1 + st->wnd, s->iss + 1 + (uint32_t)st->value };
	return rx;
}

const struct tcp_peer_segment *script_next(struct script *s)
{
	const struct tcp_peer_segment *g = tcp_peer_next(&s->p);

	if (g && g->rx.opts.has_ts)
		s->last_ts = g->rx.opts.ts_val;
	return g;
}

static void expect_segment(struct script *s, const struct step *st, unsigned int line)
{
	const struct tcp_peer_segment *g = script_next(s);

	if (!g)
		fail_msg("step %u: nothing came out", line);
	if (g->rx.flags != st->flags || g->rx.seq != s->iss + 1 + st->seq || g->rx.bytes != st->bytes ||
	    ((st->flags & A) && g->rx.ack != PEER_ISS + 1 + st->ack))
		fail_msg("step %u: flags %#x seq %d bytes %u ack %d came out", line, g->rx.flags,
			 (int)(g->rx.seq - s->iss - 1), g->rx.bytes, (int)(g->rx.ack - PEER_ISS - 1));
	if (st->op == OUT_WND && g->rx.wnd != st->wnd)
		fail_msg("step %u: window %u came out", line, g->rx.wnd);
	if (st->op == OUT_SACK && (g->rx.opts.n_sack == 0 || g->rx.opts.sack[0].start != PEER_ISS + 1 + st->wnd ||
				   g->rx.opts.sack[0].end != PEER_ISS + 1 + (uint32_t)st->value))
		fail_msg("step %u: %u SACK blocks, first %d", line, g->rx.opts.n_sack,
			 (int)(g->rx.opts.sack[0].start - PEER_ISS - 1));
}

static void expect_silence(struct script *s, unsigned int line)
{
	const struct tcp_peer_segment *g = script_next(s);

	if (g)
		fail_msg("step %u: unexpected: flags %#x seq %d bytes %u ack %d", line, g->rx.flags,
			 (int)(g->rx.seq - s->iss - 1), g->rx.bytes, (int)(g->rx.ack - PEER_ISS - 1));
}

static void receive(struct script *s, uint32_t bytes, unsigned int line)
{
	uint32_t sum = 0;
	struct rte_mbuf *m;

	while ((m = tcp_recv(s->p.conn, UINT32_MAX)) != NULL) {
		sum += m->pkt_len;
		rte_pktmbuf_free(m);
	}
	if (sum != bytes)
		fail_msg("step %u: received %u bytes", line, sum);
}

static void user(struct script *s, const struct step *st, unsigned int line)
{
	struct tcp_info info;
	uint32_t events;

	switch (st->op) {
	case EVENTS:
		events = tcp_events(s->p.conn);
		if ((events & st->value) != st->value)
			fail_msg("step %u: events %#x", line, events);
		break;
	case RECV:
		receive(s, (uint32_t)st->value, line);
		break;
	case SEND:
		tcp_send(s->p.conn, tcp_peer_chain(&s->p, 0, (uint32_t)st->value));
		break;
	case SHUTDOWN:
		tcp_shutdown(s->p.conn);
		break;
	case RELEASE:
		tcp_release(s->p.conn);
		break;
	case RESET:
		tcp_reset(s->p.conn);
		break;
	default:
		tcp_info(s->p.conn, &info);
		assert_string_equal(info.state, st->text);
		break;
	}
	tcp_peer_turn(&s->p);
}

void script_step(struct script *s, const struct step *st, unsigned int line)
{
	struct tcp_rx rx;
	uint64_t drops;

	switch (st->op) {
	case IN:
	case IN_SACK:
		expect_silence(s, line);
		rx = st->op == IN ? script_segment(s, st) : sack_segment(s, st);
		tcp_peer_send(&s->p, s->port, s->stack_port, &rx, NULL);
		break;
	case OUT:
	case OUT_SACK:
	case OUT_WND:
		expect_segment(s, st, line);
		break;
	case SILENT:
		expect_silence(s, line);
		break;
	case PASS:
		tcp_peer_run(&s->p, (uint64_t)st->value);
		break;
	case DROPS:
		drops = s->p.counters.drops[st->value] - s->drops[st->value];
		if (drops != st->bytes)
			fail_msg("step %u: %s counted %u times", line, drop_name((enum drop)st->value), (unsigned int)drops);
		s->drops[st->value] = s->p.counters.drops[st->value];
		break;
	case CONNS:
		if (stack_conns(s->p.stack) != (uint32_t)st->value)
			fail_msg("step %u: %u connections", line, stack_conns(s->p.stack));
		break;
	default:
		user(s, st, line);
		break;
	}
}

struct tcp_rx script_peer_syn(const struct script *s)
{
	struct tcp_rx rx = { .seq = PEER_ISS, .flags = S, .wnd = s->o.wnd ? s->o.wnd : 60000 };

	rx.opts.has_mss = true;
	rx.opts.mss = s->o.mss ? s->o.mss : 1460;
	rx.opts.has_ts = s->o.ts;
	rx.opts.ts_val = peer_ts(&s->p);
	rx.opts.sack_permitted = s->o.sack;
	rx.opts.has_wscale = s->o.wscale;
	rx.opts.wscale = 0;
	return rx;
}

void script_open_passive(struct script *s)
{
	const struct tcp_peer_segment *g;
	struct tcp_rx rx = script_peer_syn(s);

	s->port = (uint16_t)(TCP_PEER_PORT + s->port_first);
	s->stack_port = 993;
	tcp_peer_send(&s->p, s->port, 993, &rx, NULL);
	g = script_next(s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags, S | A);
	assert_true(g->rx.ack == PEER_ISS + 1);
	assert_int_equal(g->rx.opts.sack_permitted, s->o.sack);
	assert_int_equal(g->rx.opts.has_ts, s->o.ts);
	assert_int_equal(g->rx.opts.has_wscale, s->o.wscale);
	assert_int_equal(g->rx.opts.mss, 1460);
	s->iss = g->rx.seq;
	assert_null(s->p.conn);
	tcp_peer_run(&s->p, s->o.rtt_ms);
	rx = script_segment(s, &(struct step){ .flags = A, .wnd = rx.wnd });
	tcp_peer_send(&s->p, s->port, 993, &rx, NULL);
	assert_non_null(s->p.conn);
	assert_int_equal(tcp_events(s->p.conn), TCP_ESTABLISHED);
}

void script_dial(struct script *s, uint8_t flags)
{
	const struct tcp_peer_segment *g;
	struct addr to;
	int why = 0;

	assert_int_equal(addr_parse("192.0.2.2", &to), 0);
	s->p.conn = tcp_connect(s->p.stack, &to, 143, NULL, &why);
	assert_non_null(s->p.conn);
	tcp_peer_turn(&s->p);
	g = script_next(s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags, S | flags);
	assert_int_equal(g->tos, 0);
	s->iss = g->rx.seq;
	s->port = 143;
	s->stack_port = g->sport;
}

uint32_t script_cwnd(const struct script *s)
{
	struct tcp_info info;

	tcp_info(s->p.conn, &info);
	return info.cwnd_bytes;
}

void script_run(const struct options *o, const struct step *steps, size_t n)
{
	struct script s = { .o = *o };

	tcp_peer_init(&s.p, &o->stack);
	if (o->active)
		script_dial(&s, 0);
	else
		script_open_passive(&s);
	for (size_t i = 0; i < n; i++)
		script_step(&s, &steps[i], (unsigned int)i + 1);
	expect_silence(&s, (unsigned int)n + 1);
	tcp_peer_fini(&s.p);
}
