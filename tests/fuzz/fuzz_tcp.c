/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segments into a connection in every state. The input is a list of steps: segments
 * whose numbers lie near what the connection expects (so that they get past the
 * window), segments of raw bytes with a checksum that fits, time that passes, and a
 * user who sends, receives, shuts down, resets and releases. After each step the
 * connection's invariants hold; at the end no buffer is missing.
 */
#include <string.h>
#include <rte_mbuf.h>

#include "base/assert.h"
#include "tcp_conn.h"
#include "tcp_peer.h"
#include "tcp_rcvq.h"
#include "tcp_sndq.h"
#include "tcp_timer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t n;
};

static uint8_t byte(struct input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->data++;
}

static uint16_t word(struct input *in)
{
	uint8_t high = byte(in);

	return (uint16_t)(high << 8 | byte(in));
}

/* The connection looked at: whichever is in the pool first. */
static struct tcp_conn *any_conn(const struct tcp_peer *p)
{
	for (uint32_t i = 0; i < p->stack->tcp.conns.capacity; i++) {
		struct tcp_conn *c = tcp_conn_at(p->stack, i);

		if (c && c->state != TCPS_CLOSED)
			return c;
	}
	return NULL;
}

/* A number near @base: mostly exact, else a little off, else anything. */
static uint32_t near(struct input *in, uint32_t base)
{
	uint8_t how = byte(in);

	if (how < 100)
		return base;
	if (how < 180)
		return base + byte(in) - 128u;
	if (how < 240)
		return base + word(in) - 32768u;
	return (uint32_t)word(in) << 16 | word(in);
}

static void put_options(struct input *in, const struct tcp_conn *c, struct tcp_opts *o, bool syn)
{
	uint8_t what = byte(in);

	o->has_ts = (what & 1) || (c && c->ts_ok);
	if (what & 0x80)
		o->has_ts = !o->has_ts;
	o->ts_val = c ? near(in, c->ts_recent) : word(in);
	o->ts_ecr = c ? near(in, tcp_ts_now(c)) : 0;
	if (syn) {
		o->has_mss = what & 2;
		o->mss = word(in);
		o->has_wscale = what & 4;
		o->wscale = byte(in) % 16;
		o->sack_permitted = what & 8;
		return;
	}
	o->n_sack = (what >> 4) & 3;
	for (uint8_t i = 0; i < o->n_sack; i++) {
		o->sack[i].start = c ? near(in, c->snd_una) : word(in);
		o->sack[i].end = o->sack[i].start + word(in);
	}
}

static void send_segment(struct tcp_peer *p, struct input *in)
{
	static const uint8_t common[] = { TH_ACK, TH_ACK | TH_PSH, TH_SYN, TH_SYN | TH_ACK, TH_FIN | TH_ACK, TH_RST };
	const struct tcp_conn *c = any_conn(p);
	uint8_t flags = byte(in);
	struct tcp_rx rx = { .flags = flags < 0xc0 ? common[flags % 6] : flags };

	rx.seq = near(in, c ? c->rcv_nxt : 1000);
	rx.ack = near(in, c ? ((flags & 0x40) ? c->snd_una : c->snd_nxt) : 0);
	rx.wnd = (flags & 0x20) ? word(in) : 60000;
	rx.bytes = (uint16_t)(word(in) % 1460);
	if (flags & 1)
		rx.bytes = 0;
	put_options(in, c, &rx.opts, rx.flags & TH_SYN);
	tcp_peer_send(p, c ? c->tuple.fport : 2000, c ? c->tuple.lport : 993, &rx, NULL);
}

static void send_raw(struct tcp_peer *p, struct input *in)
{
	const struct tcp_conn *c = any_conn(p);
	uint8_t segment[256];
	uint16_t n = byte(in);

	for (uint16_t i = 0; i < n; i++)
		segment[i] = byte(in);
	if (c && n >= 4) {
		segment[0] = (uint8_t)(c->tuple.fport >> 8);
		segment[1] = (uint8_t)c->tuple.fport;
		segment[2] = (uint8_t)(c->tuple.lport >> 8);
		segment[3] = (uint8_t)c->tuple.lport;
	}
	tcp_peer_send_raw(p, segment, n, true);
}

static void dial(struct tcp_peer *p)
{
	struct addr to;
	int why = 0;

	if (p->conn || addr_parse("192.0.2.2", &to) != 0)
		return;
	p->conn = tcp_connect(p->stack, &to, 143, NULL, &why);
}

static void user(struct tcp_peer *p, struct input *in)
{
	uint8_t what = byte(in);
	struct rte_mbuf *m;

	if (!p->conn) {
		dial(p);
		return;
	}
	switch (what % 8) {
	case 0:
		tcp_shutdown(p->conn);
		break;
	case 1:
		tcp_reset(p->conn);
		tcp_release(p->conn);
		p->conn = NULL;
		break;
	case 2:
		tcp_release(p->conn);
		p->conn = NULL;
		break;
	case 3:
	case 4:
		m = tcp_recv(p->conn, word(in));
		rte_pktmbuf_free(m);
		break;
	case 5:
		ASSERT(tcp_events(p->conn) <= 0xff);
		break;
	default:
		if (tcp_send_room(p->conn) > 0)
			tcp_send(p->conn, tcp_peer_chain(p, 0, 1 + word(in) % 8000u));
		break;
	}
}

static void check(const struct tcp_peer *p)
{
	for (uint32_t i = 0; i < p->stack->tcp.conns.capacity; i++) {
		const struct tcp_conn *c = tcp_conn_at(p->stack, i);

		if (!c)
			continue;
		tcp_sndq_check(c);
		tcp_rcvq_check(c);
		ASSERT(seq_geq(c->rcv_adv, c->rcv_nxt) && seq_leq(c->snd_una, c->snd_nxt));
		ASSERT(!tcp_synchronized(c) || c->state == TCPS_TIME_WAIT || tcp_flight(c) == 0 ||
		       tcp_timer_on(c, TCP_T_RTX) || tcp_timer_on(c, TCP_T_RETRY));
	}
	ASSERT(p->stack->tcp.n_half_open <= p->stack->config.max_half_open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tcp_peer p;
	struct input in = { data, size };
	uint8_t how = byte(&in);
	struct tcp_peer_options o = {
		.rcv_buffer_bytes = (how & 1) ? 3000 : 65536, .snd_buffer_bytes = (how & 2) ? 5000 : 65536,
		.max_conns = 4, .max_half_open = 2, .offloads = (how & 4) ? NETIF_TX_SCATTER : 0,
	};

	tcp_peer_init(&p, &o);
	for (unsigned int i = 0; i < 64 && in.n > 0; i++) {
		uint8_t op = byte(&in);

		if (op < 150)
			send_segment(&p, &in);
		else if (op < 170)
			send_raw(&p, &in);
		else if (op < 220)
			user(&p, &in);
		else
			tcp_peer_run(&p, op < 250 ? op - 219u : 1000);
		tcp_peer_turn(&p);
		check(&p);
		while (tcp_peer_next(&p))
			;
	}
	tcp_peer_fini(&p);
	return 0;
}
