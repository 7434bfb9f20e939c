/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The applications: they write, read, verify, and end connections as their plans say. */
#include <stdlib.h>
#include <rte_mbuf.h>

#include "sim.h"
#include "tcp.h"

/* Pool empty: the application tries again. */
#define RETRY_US 2000

/* The value of each byte: a function of its flow, direction and offset. */
static uint8_t byte_at(const struct end *sender, uint64_t off)
{
	uint64_t x = off / 8 + ((uint64_t)sender->flow->index << 40) + ((sender == &sender->flow->ends[1]) ? 1ull << 60 : 0);

	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 32;
	return (uint8_t)(x >> (8 * (off % 8)) ^ off);
}

static struct end *peer_of(struct end *e)
{
	return e == &e->flow->ends[0] ? &e->flow->ends[1] : &e->flow->ends[0];
}

static void finish(struct end *e)
{
	tcp_release(e->conn);
	e->conn = NULL;
	e->done = true;
	e->due_us = 0;
	e->flow->end_us = e->flow->sim->now_us;
}

static void due(struct end *e, uint64_t at_us)
{
	if (e->due_us == 0 || at_us < e->due_us)
		e->due_us = at_us;
}

static struct rte_mbuf *make_chain(struct end *e, uint64_t bytes)
{
	struct sim *s = e->flow->sim;
	struct rte_mbuf *head = NULL;

	while (bytes > 0) {
		uint64_t n = RTE_MIN(bytes, rng_between(&s->rng, 1, e->plan.mbuf_max));
		struct rte_mbuf *m = rte_pktmbuf_alloc(e->host->pool);
		uint8_t *p = m ? (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n) : NULL;

		if (!p)
			break;
		for (uint64_t i = 0; i < n; i++)
			p[i] = byte_at(e, e->tx_off + i);
		if (!head)
			head = m;
		else if (rte_pktmbuf_chain(head, m) != 0)
			abort();
		e->tx_off += n;
		bytes -= n;
	}
	return head;
}

static void write_some(struct end *e)
{
	struct sim *s = e->flow->sim;

	while (e->tx_off < e->plan.tx_bytes && s->now_us >= e->next_write_us && tcp_send_room(e->conn) > 0) {
		uint64_t n = RTE_MIN(rng_between(&s->rng, 1, e->plan.write_max), e->plan.tx_bytes - e->tx_off);
		struct rte_mbuf *m;

		/* One record over tcp_send_room is allowed; where buffers are few it would be most of them. */
		if (e->host->small)
			n = RTE_MIN(n, tcp_send_room(e->conn));
		m = make_chain(e, n);

		if (!m) {
			due(e, s->now_us + RETRY_US);
			return;
		}
		tcp_send(e->conn, m);
		if (e->plan.write_gap_us > 0)
			e->next_write_us = s->now_us + e->plan.write_gap_us;
	}
	if (e->tx_off < e->plan.tx_bytes && s->now_us < e->next_write_us)
		due(e, e->next_write_us);
}

static void verify(struct end *e, const struct rte_mbuf *chain)
{
	const struct end *sender = peer_of(e);
	uint32_t sum = 0;

	for (const struct rte_mbuf *m = chain; m; m = m->next) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

		for (uint32_t i = 0; i < m->data_len; i++, e->rx_off++) {
			if (e->rx_off >= sender->tx_off || p[i] != byte_at(sender, e->rx_off)) {
				sim_fail(e->flow->sim, "flow %u: byte %llu isn't what was sent", e->flow->index,
					 (unsigned long long)e->rx_off);
				return;
			}
		}
		sum += m->data_len;
	}
	e->flow->sim->rx_bytes += sum;
	if (sum != chain->pkt_len)
		sim_fail(e->flow->sim, "tcp_recv: pkt_len isn't the sum of the segments");
}

static void read_some(struct end *e)
{
	struct sim *s = e->flow->sim;
	struct rte_mbuf *m;

	while (s->now_us >= e->next_read_us &&
	       (m = tcp_recv(e->conn, e->plan.read_max ? e->plan.read_max : UINT32_MAX)) != NULL) {
		verify(e, m);
		rte_pktmbuf_free(m);
		if (e == &e->flow->ends[0] && e->flow->settled_us == 0 && e->rx_off >= e->flow->settled_bytes)
			e->flow->settled_us = s->now_us;
		if (e->plan.read_gap_us > 0)
			e->next_read_us = s->now_us + e->plan.read_gap_us;
	}
	if (tcp_recv_bytes(e->conn) > 0)
		due(e, e->next_read_us);
}

/* Reset as planned, or because the other end is gone without a word that arrived. */
static bool reset_due(const struct end *e)
{
	const struct sim *s = e->flow->sim;

	return e->plan.reset_at_us != 0 && s->now_us >= s->start_us + e->plan.reset_at_us;
}

static void serve(struct end *e)
{
	struct sim *s = e->flow->sim;
	uint32_t events = tcp_events(e->conn);

	e->due_us = 0;
	if (events & TCP_DEAD) {
		e->died = events & TCP_DEAD;
		finish(e);
		return;
	}
	if (reset_due(e)) {
		tcp_reset(e->conn);
		finish(e);
		return;
	}
	if (e->plan.reset_at_us)
		due(e, s->start_us + e->plan.reset_at_us);
	if (events & TCP_ESTABLISHED)
		e->established = true;
	read_some(e);
	write_some(e);
	if (!e->shut && e->tx_off == e->plan.tx_bytes && (!e->plan.fin_last || tcp_recv_finished(e->conn))) {
		tcp_shutdown(e->conn);
		e->shut = true;
	}
	if (e->shut && tcp_recv_finished(e->conn) && (!e->plan.linger || tcp_send_finished(e->conn)))
		finish(e);
}

static void start(struct flow *f)
{
	struct end *e = &f->ends[0];
	struct addr to = host_addr(!f->client, f->v6);
	int why = 0;

	f->started = true;
	e->conn = tcp_connect(e->host->stack, &to, f->port, e, &why);
	if (!e->conn) {
		e->done = f->ends[1].done = true;
		e->died = TCP_UNREACHABLE;
		return;
	}
	f->tuple = *tcp_tuple(e->conn);
	tcp_set_keepalive(e->conn, true);
	if (e->plan.reset_at_us)
		due(e, f->sim->start_us + e->plan.reset_at_us);
	/* Data may be queued before the handshake is complete. */
	if (rng_chance(&f->sim->rng, 0.3))
		write_some(e);
}

static void claim(struct sim *s, struct host *h, struct tcp_conn *c)
{
	const struct tuple *t = tcp_tuple(c);

	for (unsigned int i = s->scenario.n_flows; i-- > 0;) {
		struct flow *f = &s->flows[i];
		struct end *e = &f->ends[1];

		if (f->started && e->host == h && f->tuple.lport == t->fport && !e->conn && !e->done &&
		    addr_equal(&f->tuple.laddr, &t->faddr) && addr_equal(&f->tuple.faddr, &t->laddr)) {
			e->conn = c;
			tcp_set_user(c, e);
			tcp_set_keepalive(c, true);
			serve(e);
			return;
		}
	}
	tcp_reset(c);
	tcp_release(c);
}

void sim_app(struct sim *s, int host)
{
	struct host *h = &s->hosts[host];
	struct tcp_conn *c;

	for (unsigned int i = 0; i < s->scenario.n_flows; i++) {
		struct flow *f = &s->flows[i];

		if (!f->started && f->client == host && f->start_us <= s->now_us)
			start(f);
		for (int side = 0; side < 2; side++) {
			struct end *e = &f->ends[side];

			if (e->host == h && e->conn && e->due_us != 0 && e->due_us <= s->now_us)
				serve(e);
		}
	}
	while ((c = stack_ready(h->stack)) != NULL) {
		if (!tcp_user(c))
			claim(s, h, c);
		else if (rng_chance(&s->rng, 0.02))
			tcp_wake(c);	/* later will do */
		else
			serve(tcp_user(c));
	}
}

/* When an end whose other end is gone is given up: its RST may have been lost. */
#define ABANDON_US 30000000

/*
 * One end has ended, or the server gave its half-open connection up while the wire
 * was cut, and a client with nothing to send can't know.
 */
static bool half_done(const struct flow *f)
{
	if (f->may_die && f->ends[0].established && !f->ends[1].conn && !f->ends[1].done)
		return true;
	return f->ends[0].done != f->ends[1].done;
}

static uint64_t abandon_us(const struct flow *f)
{
	uint64_t heal_us = f->sim->start_us + f->sim->scenario.heal_us;

	return RTE_MAX(f->end_us, heal_us) + ABANDON_US;
}

uint64_t sim_app_next_us(const struct sim *s)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int i = 0; i < s->scenario.n_flows; i++) {
		const struct flow *f = &s->flows[i];

		if (!f->started)
			next = RTE_MIN(next, f->start_us);
		if (half_done(f) && abandon_us(f) > s->now_us)
			next = RTE_MIN(next, abandon_us(f));
		for (int side = 0; side < 2; side++)
			if (f->ends[side].conn && f->ends[side].due_us != 0)
				next = RTE_MIN(next, f->ends[side].due_us);
	}
	return next;
}

/* The other end of a connection that was reset, or never came to be, may wait for ever: end it too. */
static void end_abandoned(struct sim *s, struct flow *f)
{
	for (int side = 0; side < 2; side++) {
		struct end *e = &f->ends[side], *p = peer_of(e);
		bool reset = p->plan.reset_at_us && s->now_us >= s->start_us + p->plan.reset_at_us;
		/* Or it left in good order, and its table needed the room before all was delivered. */
		bool evicted = f->may_die && p->host->counters.events[EVENT_TCP_ORPHAN_EVICTED] > 0;
		bool aborted = p->done ? p->died || reset || evicted || (f->may_die && !e->conn) : f->may_die && !p->conn;

		if (e->done || !aborted || !half_done(f) || s->now_us < abandon_us(f))
			continue;
		if (e->conn) {
			tcp_reset(e->conn);
			finish(e);
		}
		e->done = true;
	}
}

bool sim_app_done(const struct sim *s)
{
	bool done = true;

	for (unsigned int i = 0; i < s->scenario.n_flows; i++) {
		struct flow *f = (struct flow *)&s->flows[i];

		if (f->started)
			end_abandoned((struct sim *)s, f);
		done = done && f->started && f->ends[0].done && f->ends[1].done;
	}
	return done;
}

void sim_app_explain(const struct sim *s)
{
	for (unsigned int i = 0; i < s->scenario.n_flows; i++) {
		const struct flow *f = &s->flows[i];

		for (int side = 0; side < 2; side++) {
			const struct end *e = &f->ends[side];
			struct tcp_info info = { .state = "none" };

			if (f->ends[0].done && f->ends[1].done)
				continue;
			if (e->conn)
				tcp_info(e->conn, &info);
			printf("# flow %u %s: %s, sent %llu of %llu, received %llu, fin_last %d, linger %d, reset at %llu, shut %d, done %d, died %#x, due %lld us\n",
			       i, side ? "server" : "client", info.state, (unsigned long long)e->tx_off,
			       (unsigned long long)e->plan.tx_bytes, (unsigned long long)e->rx_off, e->plan.fin_last,
			       e->plan.linger, (unsigned long long)e->plan.reset_at_us, e->shut, e->done, e->died,
			       e->due_us ? (long long)(e->due_us - s->now_us) : -1ll);
		}
	}
}

void sim_app_verify(struct sim *s)
{
	for (unsigned int i = 0; i < s->scenario.n_flows; i++) {
		const struct flow *f = &s->flows[i];
		const struct end *a = &f->ends[0], *b = &f->ends[1];
		bool reset = a->plan.reset_at_us || b->plan.reset_at_us;

		if (f->may_die || reset)
			continue;
		if (a->died || b->died)
			sim_fail(s, "flow %u died: client %#x, server %#x", i, a->died, b->died);
		else if (a->rx_off != b->plan.tx_bytes || b->rx_off != a->plan.tx_bytes)
			sim_fail(s, "flow %u is short: %llu of %llu, %llu of %llu", i,
				 (unsigned long long)a->rx_off, (unsigned long long)b->plan.tx_bytes,
				 (unsigned long long)b->rx_off, (unsigned long long)a->plan.tx_bytes);
	}
}
