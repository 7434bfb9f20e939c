/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_case.h"

#include <string.h>
#include <rte_mbuf.h>

#include "../sim/check.h"
#include "base/assert.h"

#define PEER_ISS 0xffffe000u	/* wraps soon */
#define PEER_WND 60000

/* The first sequence number that the user hasn't read. */
static uint32_t unread_seq(const struct tcp_conn *c)
{
	return c->rcv_nxt - c->rcv_bytes - c->fin_received;
}

static void adopt(struct tcp_case *t, struct tcp_conn *c)
{
	struct tcp_case_user *u = NULL;

	for (unsigned int i = 0; i < TCP_CASE_USERS && !u; i++)
		if (!t->users[i].conn)
			u = &t->users[i];
	if (!u) {
		tcp_reset(c);
		tcp_release(c);
		return;
	}
	*u = (struct tcp_case_user){ .conn = c, .tx_seq = c->snd_nxt };
	tcp_set_user(c, u);
	tcp_set_keepalive(c, true);
}

/* What the stack has sent is what the users wrote. */
static void verify_sent(struct tcp_case *t)
{
	const struct tcp_peer_segment *g;

	while ((g = tcp_peer_next(&t->peer)) != NULL) {
		ASSERT(g->rx.bytes == 0 || (g->rx.flags & (TH_SYN | TH_RST)) == 0);
		for (uint32_t i = 0; i < g->rx.bytes && i < sizeof(g->data); i++)
			ASSERT(g->data[i] == (uint8_t)(g->rx.seq + i));
	}
}

/* Events come to their users; who is dead is let go. */
static void serve(struct tcp_case *t)
{
	struct tcp_conn *c;

	while ((c = stack_ready(t->peer.stack)) != NULL) {
		struct tcp_case_user *u = tcp_user(c);

		if (!u) {
			adopt(t, c);
			u = tcp_user(c);
		}
		if (u && tcp_synchronized(c) && !u->known) {
			u->known = true;
			u->rx_seq = unread_seq(c);
		}
		if (u && (tcp_events(c) & TCP_DEAD)) {
			tcp_case_read(t, u, UINT32_MAX);
			tcp_case_release(u);
		}
	}
}

void tcp_case_turn(struct tcp_case *t)
{
	struct tcp_peer *p = &t->peer;

	stack_input(p->stack, &p->netifs.netifs[0], NULL, 0, p->now_us);
	serve(t);
	stack_tick(p->stack, p->now_us);
	serve(t);
	verify_sent(t);
	tcp_check(p->stack);
}

void tcp_case_run(struct tcp_case *t, uint64_t ms)
{
	uint64_t end = t->peer.now_us + ms * 1000;

	/* From deadline to deadline: silence costs nothing. */
	while (t->peer.now_us < end) {
		uint64_t next = stack_next_us(t->peer.stack);

		t->peer.now_us = RTE_MIN(RTE_MAX(next, t->peer.now_us + 1000), end);
		tcp_case_turn(t);
	}
}

struct tcp_conn *tcp_case_conn(struct tcp_case *t, unsigned int which)
{
	struct pool *pool = &t->peer.stack->tcp.conns;
	struct tcp_conn *found[8];
	unsigned int n = 0;

	for (uint32_t i = 0; i < pool->capacity && n < RTE_DIM(found); i++) {
		struct tcp_conn *c = pool_at(pool, i);

		if (c && c->state != TCPS_CLOSED)
			found[n++] = c;
	}
	return n ? found[which % n] : NULL;
}

void tcp_case_options(const struct tcp_case *t, const struct tcp_conn *c, struct tcp_opts *o)
{
	memset(o, 0, sizeof(*o));
	if (c && c->state != TCPS_SYN_SENT) {
		o->has_ts = c->ts_ok;
		o->ts_val = c->ts_recent;
	} else {
		o->has_ts = t->options & 1;
		o->ts_val = 0x7fffff00u;
	}
	o->ts_ecr = c ? tcp_ts_now(c) : 0;
	o->sack_permitted = t->options & 2;
	o->has_wscale = t->options & 4;
	o->wscale = (t->options >> 3) % 16;
	o->has_mss = true;
	o->mss = (t->options & 0x80) ? 300 : 1460;
}

void tcp_case_send(struct tcp_case *t, const struct tcp_conn *c, const struct tcp_rx *rx)
{
	tcp_peer_give(&t->peer, c ? c->tuple.fport : TCP_PEER_PORT, c ? c->tuple.lport : 993, rx, NULL);
	tcp_case_turn(t);
}

void tcp_case_dial(struct tcp_case *t)
{
	struct tcp_case_user *u = t->users;
	struct addr to;
	int why = 0;

	while (u < t->users + TCP_CASE_USERS && u->conn)
		u++;
	if (u == t->users + TCP_CASE_USERS || addr_parse("192.0.2.2", &to) != 0)
		return;
	memset(u, 0, sizeof(*u));
	u->conn = tcp_connect(t->peer.stack, &to, 143, u, &why);
	if (u->conn)
		u->tx_seq = u->conn->snd_nxt;
}

void tcp_case_write(struct tcp_case *t, struct tcp_case_user *u, uint32_t bytes)
{
	if (!u->conn || tcp_send_room(u->conn) == 0 || rte_mempool_avail_count(t->peer.mbufs) < 8)
		return;
	tcp_send(u->conn, tcp_peer_chain(&t->peer, u->tx_seq, bytes));
	u->tx_seq += bytes;
}

void tcp_case_read(struct tcp_case *t, struct tcp_case_user *u, uint32_t bytes)
{
	struct rte_mbuf *m;

	(void)t;
	if (!u->conn || !u->known)
		return;
	m = tcp_recv(u->conn, bytes);
	for (struct rte_mbuf *part = m; part; part = part->next) {
		const uint8_t *p = rte_pktmbuf_mtod(part, const uint8_t *);

		for (uint32_t i = 0; i < part->data_len; i++)
			ASSERT(p[i] == (uint8_t)u->rx_seq++);
	}
	rte_pktmbuf_free(m);
}

void tcp_case_release(struct tcp_case_user *u)
{
	tcp_release(u->conn);
	memset(u, 0, sizeof(*u));
}

/* A segment that fits, @at after what the stack expects next, acknowledging @acked of what is in flight. */
static struct tcp_rx fitting(const struct tcp_case *t, const struct tcp_conn *c, uint8_t flags, uint32_t at, uint32_t acked)
{
	struct tcp_rx rx = { .flags = flags, .seq = c->rcv_nxt + at, .ack = c->snd_una + acked, .wnd = PEER_WND };

	tcp_case_options(t, c, &rx.opts);
	return rx;
}

static void send_fitting(struct tcp_case *t, const struct tcp_conn *c, uint8_t flags, uint32_t at, uint16_t bytes, uint32_t acked)
{
	struct tcp_rx rx = fitting(t, c, flags, at, acked);

	rx.bytes = bytes;
	tcp_case_send(t, c, &rx);
}

static void peer_syn(struct tcp_case *t, uint8_t flags, uint32_t ack)
{
	struct tcp_rx rx = { .flags = flags, .seq = PEER_ISS, .ack = ack, .wnd = PEER_WND };
	struct tcp_conn *c = tcp_case_conn(t, 0);

	tcp_case_options(t, c, &rx.opts);
	tcp_case_send(t, c, &rx);
}

/* Up to the three-way handshake, from either side. */
static struct tcp_conn *open_connection(struct tcp_case *t, enum tcp_start start)
{
	struct tcp_conn *c;

	if (start == START_LISTEN)
		return NULL;
	if (start == START_SYN_SENT || start == START_SIMULTANEOUS || start == START_DIALLED) {
		tcp_case_dial(t);
		tcp_case_turn(t);
		c = tcp_case_conn(t, 0);
		if (c && start != START_SYN_SENT)
			peer_syn(t, start == START_DIALLED ? TH_SYN | TH_ACK : TH_SYN, c->snd_nxt);
	} else {
		peer_syn(t, TH_SYN, 0);
		c = tcp_case_conn(t, 0);
		if (c && start != START_SYN_RCVD)
			send_fitting(t, c, TH_ACK, 0, 0, 1);
	}
	c = tcp_case_conn(t, 0);
	return c && tcp_synchronized(c) ? c : NULL;
}

static void burden(struct tcp_case *t, struct tcp_conn *c, struct tcp_case_user *u, uint8_t with)
{
	struct tcp_rx rx;

	if (with & WITH_UNREAD)
		send_fitting(t, c, TH_ACK | TH_PSH, 0, 700, tcp_flight(c));
	if (with & WITH_QUEUE) {
		tcp_case_write(t, u, 15000);
		tcp_case_write(t, u, 15000);
		tcp_case_turn(t);
	}
	if ((with & WITH_SACKED) && tcp_flight(c) > 4000) {
		rx = fitting(t, c, TH_ACK, 0, 0);
		rx.opts.n_sack = c->sack_ok;
		rx.opts.sack[0] = (struct tcp_range){ c->snd_una + 1460, c->snd_una + 2920 };
		tcp_case_send(t, c, &rx);
	}
	if (with & WITH_HOLES) {
		send_fitting(t, c, TH_ACK, 500, 300, 0);
		send_fitting(t, c, TH_ACK, 1200, 400, 0);
	}
	if (with & WITH_EARLY_FIN)
		send_fitting(t, c, TH_ACK | TH_FIN, 1600, 100, 0);
	if (with & WITH_ZERO_WINDOW) {
		rx = fitting(t, c, TH_ACK, 0, tcp_flight(c));
		rx.wnd = 0;
		tcp_case_send(t, c, &rx);
	}
	if (with & WITH_TIMEOUT)
		tcp_case_run(t, 350);
}

/* Towards the end of a connection; a FIN in front of a queue waits for it. */
static void close_connection(struct tcp_case *t, struct tcp_conn *c, enum tcp_start start)
{
	bool theirs_first = start == START_CLOSE_WAIT || start == START_LAST_ACK;

	if (theirs_first)
		send_fitting(t, c, TH_FIN | TH_ACK, 0, 0, 0);
	if (start >= START_LAST_ACK) {
		tcp_shutdown(c);
		tcp_case_turn(t);
	}
	if (start == START_FIN_WAIT_2 || start == START_TIME_WAIT)
		send_fitting(t, c, TH_ACK, 0, 0, tcp_flight(c));
	if (start == START_CLOSING || start == START_TIME_WAIT)
		send_fitting(t, c, TH_FIN | TH_ACK, 0, 0, 0);
}

/* Without burdens the state is what was asked for: else a target that tests less than it says. */
static void check_start(struct tcp_case *t, enum tcp_start start)
{
	static const enum tcp_state states[START_COUNT] = {
		[START_SYN_SENT] = TCPS_SYN_SENT, [START_SYN_RCVD] = TCPS_SYN_RCVD,
		[START_SIMULTANEOUS] = TCPS_SYN_RCVD, [START_ESTABLISHED] = TCPS_ESTABLISHED,
		[START_DIALLED] = TCPS_ESTABLISHED, [START_CLOSE_WAIT] = TCPS_CLOSE_WAIT,
		[START_LAST_ACK] = TCPS_LAST_ACK, [START_FIN_WAIT_1] = TCPS_FIN_WAIT_1,
		[START_FIN_WAIT_2] = TCPS_FIN_WAIT_2, [START_CLOSING] = TCPS_CLOSING,
		[START_TIME_WAIT] = TCPS_TIME_WAIT,
	};
	const struct tcp_conn *c = tcp_case_conn(t, 0);

	ASSERT(start == START_LISTEN ? c == NULL : c && c->state == states[start]);
}

static void begin(struct tcp_case *t, enum tcp_start start, uint8_t with)
{
	struct tcp_conn *c = open_connection(t, start);
	struct tcp_case_user *u = c ? tcp_user(c) : NULL;

	if (u) {
		burden(t, c, u, with);
		if (start >= START_CLOSE_WAIT)
			close_connection(t, c, start);
	}
	if (with == 0)
		check_start(t, start);
	if (!u)
		return;
	if ((with & WITH_RELEASE) && u->conn)
		tcp_case_release(u);
}

void tcp_case_init(struct tcp_case *t, const uint8_t *head)
{
	struct tcp_peer_options o = {
		.rcv_buffer_bytes = (head[3] & 1) ? 3000 : 65536, .snd_buffer_bytes = (head[3] & 2) ? 5000 : 65536,
		.max_conns = 4, .max_half_open = 2, .offloads = (head[3] & 4) ? NETIF_TX_SCATTER : 0,
		.start_us = (head[3] & 8) ? 1ull << 42 : 0,
		.keepalive_us = (head[6] & 4) ? 5000000 : 0, .user_timeout_us = (head[6] & 8) ? 10000000 : 0,
		.user_timeout_limit_us = (head[6] & 16) ? 300000000 : 0,
	};

	if ((head[3] & 0x14) == 0x14) {
		o.offloads |= NETIF_TX_IP_CHECKSUM | NETIF_TX_TCP_CHECKSUM | NETIF_TX_TSO;
		o.tso_max_bytes = 20000;
	}
	memset(t->users, 0, sizeof(t->users));
	t->stolen = NULL;
	t->options = head[2];
	tcp_peer_init(&t->peer, &o);
	t->peer.netifs.netifs[0].congestion = head[6] & 3;
	/* Numbers that begin just before they wrap. */
	t->origin.isn = (uint32_t)(0 - (head[4] << 6));
	t->origin.ts_offset = (uint32_t)(0 - t->peer.now_us / 1000 - (uint32_t)(head[5] << 2));
	if (head[3] & 0x20)
		t->peer.stack->tcp.origin = &t->origin;
	tcp_case_turn(t);
	begin(t, head[0] % START_COUNT, head[1]);
}

void tcp_case_thief(struct tcp_case *t, unsigned int left)
{
	struct rte_mbuf *m;

	t->peer.scarce = true;
	if (t->stolen) {
		while ((m = t->stolen) != NULL) {
			t->stolen = m->next;
			m->next = NULL;
			rte_pktmbuf_free(m);
		}
		return;
	}
	for (unsigned int n = rte_mempool_avail_count(t->peer.mbufs); n > left; n--) {
		m = rte_pktmbuf_alloc(t->peer.mbufs);
		ASSERT(m != NULL);
		m->next = t->stolen;
		t->stolen = m;
	}
}

void tcp_case_fini(struct tcp_case *t)
{
	if (t->stolen)
		tcp_case_thief(t, 0);
	tcp_peer_fini(&t->peer);
}
