/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/client.h"

#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/held.h"
#include "bench/options.h"
#include "bench/run.h"
#include "base/assert.h"
#include "tls/context.h"
#include "tls/resume.h"

#define FEED_BYTES 65536u
#define TURN_BYTES (256u << 10)		/* read for one connection in a turn; then the others have theirs */
#define TICKET_FRESH_US 1000000u
#define RECORD_OVERHEAD_BYTES 40u
#define DIAL_PAUSE_US 10000u
#define SHAKING_NS 50000u		/* of a turn; the last one is finished */

static struct transport *transport_of(const struct client *c)
{
	return c->all->run->transport;
}

static const struct workload *workload_of(const struct client *c)
{
	return c->held ? &workload_held : c->all->run->workload;
}

struct run *client_run(const struct client *c)
{
	return c->all->run;
}

/* How many are in its state; NULL: nobody asks. */
static uint32_t *count_of(const struct client *c)
{
	if (c->state == CLIENT_OPEN)
		return c->held ? NULL : &c->all->n_open;
	return c->state == CLIENT_CLOSING ? &c->all->n_closing : &c->all->n_dialing;
}

static struct client_list *list_of(const struct client *c)
{
	if (c->state != CLIENT_OPEN)
		return &c->all->waiting;
	return c->held ? &c->all->held : &c->all->open;
}

static void leave_list(struct client *c)
{
	uint32_t *count = count_of(c);

	TAILQ_REMOVE(list_of(c), c, link);
	if (count)
		--*count;
}

static void enter_state(struct client *c, enum client_state state)
{
	uint32_t *count;

	c->state = (uint8_t)state;
	count = count_of(c);
	if (count)
		++*count;
	c->waiting_since_us = transport_of(c)->now_us;
	TAILQ_INSERT_TAIL(list_of(c), c, link);
}

static void leave_shaking(struct client *c)
{
	if (c->in_shaking)
		TAILQ_REMOVE(&c->all->shaking, c, shaking_link);
	c->in_shaking = false;
}

static void enter_shaking(struct client *c, uint32_t events)
{
	if (!c->in_shaking) {
		TAILQ_INSERT_TAIL(&c->all->shaking, c, shaking_link);
		c->events = 0;
	}
	c->in_shaking = true;
	c->events |= events;
}

/* The connection is over: the workload's last word, and the memory back. */
static void end(struct client *c, enum client_end how)
{
	const struct workload *w = workload_of(c);
	struct clients *all = c->all;

	ASSERT(!c->ended);
	c->ended = true;
	leave_list(c);
	leave_shaking(c);
	if (c->endpoint.conn)
		conn_release(transport_of(c), &c->endpoint);
	tls_session_free(c->tls);
	c->tls = NULL;
	all->ended++;
	all->n_held -= c->held;
	if (w->ended)
		w->ended(c, how);
	if (!c->in_news)
		pool_put(&all->pool, c);
}

void client_fail(struct client *c, const char *name)
{
	if (c->ended)
		return;
	run_error(c->all->run, name);
	conn_reset(transport_of(c), c->endpoint.conn);
	end(c, CLIENT_FAILED);
}

void client_abort(struct client *c)
{
	if (c->ended)
		return;
	conn_reset(transport_of(c), c->endpoint.conn);
	end(c, CLIENT_CLOSED);
}

static void flush(struct client *c)
{
	struct rte_mbuf *out = tls_output(c->tls);

	if (out)
		conn_send(transport_of(c), c->endpoint.conn, out);
}

static void say_goodbye(struct client *c)
{
	if (c->tls) {
		tls_close(c->tls);
		flush(c);
	}
	conn_shutdown(transport_of(c), c->endpoint.conn);
}

/* An alert says more by its own name. */
static const char *tls_reason(const struct client *c)
{
	uint8_t alert = tls_session_alert(c->tls);

	return alert != TLS_ALERT_NONE ? tls_alert_name(alert) : tls_error_name(tls_session_error(c->tls));
}

void client_close(struct client *c)
{
	if (c->ended || c->state == CLIENT_CLOSING)
		return;
	ASSERT(c->state == CLIENT_OPEN);
	say_goodbye(c);
	leave_list(c);
	enter_state(c, CLIENT_CLOSING);
}

void client_wake(struct client *c)
{
	if (!c->ended)
		conn_wake(transport_of(c), c->endpoint.conn);
}

uint32_t client_room(struct client *c)
{
	uint32_t room = c->ended ? 0 : conn_send_room(transport_of(c), c->endpoint.conn);

	return !c->tls || room == 0 ? room : room > RECORD_OVERHEAD_BYTES ? room - RECORD_OVERHEAD_BYTES : 1;
}

void client_send(struct client *c, struct rte_mbuf *plain)
{
	if (c->ended || c->state != CLIENT_OPEN) {
		rte_pktmbuf_free(plain);
		return;
	}
	if (!c->tls) {
		conn_send(transport_of(c), c->endpoint.conn, plain);
		return;
	}
	if (tls_write(c->tls, plain) == TLS_OK)
		flush(c);
	else
		client_fail(c, tls_reason(c));
}

void client_send_bytes(struct client *c, const void *data, uint32_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(transport_of(c)->mbufs);
	char *to = m ? rte_pktmbuf_append(m, (uint16_t)bytes) : NULL;

	ASSERT(bytes <= RTE_MBUF_DEFAULT_DATAROOM);
	if (!to) {
		rte_pktmbuf_free(m);
		client_fail(c, "no_memory");
		return;
	}
	memcpy(to, data, bytes);
	client_send(c, m);
}

bool client_greeting(struct client *c, struct rte_mbuf *plain)
{
	const struct rte_mbuf *last = rte_pktmbuf_lastseg(plain);

	/* A server that greets waits then: its line's end is the end of what came. */
	c->greeted = last->data_len > 0 && *rte_pktmbuf_mtod_offset(last, const char *, last->data_len - 1) == '\n';
	rte_pktmbuf_free(plain);
	return c->greeted;
}

/*
 * TLS 1.3's ticket comes after the handshake and before the first data. Not earlier: a
 * resumed session that has no ticket of its own yet holds the former one's beside its
 * own secret, which no server accepts.
 */
static void keep_ticket(struct client *c)
{
	struct clients *all = c->all;
	uint64_t now_us = transport_of(c)->now_us;
	struct tls_resume *fresh;

	if (all->ticket && now_us - all->ticket_us < TICKET_FRESH_US)
		return;
	fresh = tls_resume_save(c->tls);
	if (!fresh)
		return;
	tls_resume_free(all->ticket);
	all->ticket = fresh;
	all->ticket_us = now_us;
}

static void opened(struct client *c)
{
	leave_list(c);
	enter_state(c, CLIENT_OPEN);
	if (workload_of(c)->opened)
		workload_of(c)->opened(c);
}

static bool start_tls(struct client *c)
{
	struct clients *all = c->all;

	c->tls = tls_session_new(all->tls);
	if (!c->tls)
		return false;
	if (all->ticket)
		c->used_ticket = tls_resume_use(c->tls, all->ticket);
	return true;
}

static bool feed(struct client *c)
{
	bool fed = false;
	struct rte_mbuf *m;

	while (tls_input_bytes(c->tls) < FEED_BYTES &&
	       (m = conn_recv(transport_of(c), c->endpoint.conn, FEED_BYTES)) != NULL) {
		tls_input(c->tls, m);
		fed = true;
	}
	return fed;
}

static void shake(struct client *c)
{
	struct clients *all = c->all;
	enum tls_status status;
	struct tls_info info;

	feed(c);
	status = tls_handshake(c->tls);
	if (status == TLS_FAILED) {
		client_fail(c, tls_reason(c));
		return;
	}
	flush(c);
	if (status == TLS_WANT_INPUT) {
		if (conn_recv_finished(transport_of(c), c->endpoint.conn))
			client_fail(c, "closed_in_handshake");
		return;
	}
	tls_session_info(c->tls, &info);
	all->handshakes++;
	all->resumed += info.resumed;
	if (c->used_ticket && !info.resumed)
		run_error(all->run, "not_resumed");
	opened(c);
}

static void peer_closed(struct client *c)
{
	if (c->ended || c->state != CLIENT_OPEN)
		return;
	say_goodbye(c);
	end(c, CLIENT_PEER_CLOSED);
}

static void read_plain(struct client *c)
{
	struct transport *t = transport_of(c);
	uint32_t got = 0;
	struct rte_mbuf *m;

	while (!c->ended && c->state == CLIENT_OPEN && got < TURN_BYTES &&
	       (m = conn_recv(t, c->endpoint.conn, FEED_BYTES)) != NULL) {
		got += m->pkt_len;
		c->all->answered = true;
		workload_of(c)->received(c, m);
	}
	if (c->ended || c->state != CLIENT_OPEN)
		return;
	if (got >= TURN_BYTES)
		client_wake(c);
	else if (conn_recv_finished(t, c->endpoint.conn))
		peer_closed(c);
}

static void read_tls(struct client *c)
{
	enum tls_status status = TLS_OK;
	uint32_t got = 0;
	struct rte_mbuf *m;

	while (!c->ended && c->state == CLIENT_OPEN && got < TURN_BYTES) {
		if (!feed(c) && status == TLS_WANT_INPUT)
			break;
		status = tls_read(c->tls, &m, FEED_BYTES);
		if (status == TLS_FAILED) {
			client_fail(c, tls_reason(c));
			return;
		}
		if (m && c->all->run->options->resume)
			keep_ticket(c);
		if (m) {
			got += m->pkt_len;
			c->all->answered = true;
			workload_of(c)->received(c, m);
		}
		if (status == TLS_CLOSED) {
			peer_closed(c);
			return;
		}
	}
	if (c->ended || c->state != CLIENT_OPEN)
		return;
	if (status == TLS_WANT_INPUT && conn_recv_finished(transport_of(c), c->endpoint.conn))
		peer_closed(c);
	else if (got >= TURN_BYTES)
		client_wake(c);
}

static void drain(struct client *c)
{
	struct rte_mbuf *m;

	while ((m = conn_recv(transport_of(c), c->endpoint.conn, FEED_BYTES)) != NULL)
		rte_pktmbuf_free(m);
	if (conn_recv_finished(transport_of(c), c->endpoint.conn))
		end(c, CLIENT_CLOSED);
}

static void dead(struct client *c, uint32_t events)
{
	static const char *const resets[] = { "reset_in_connect", "reset_in_handshake", "reset", "reset" };

	/* It is through with us as we are with it; some gateways say so this way. */
	if (c->state == CLIENT_CLOSING && (events & TCP_RESET)) {
		c->all->resets_at_close++;
		end(c, CLIENT_CLOSED);
		return;
	}
	if (c->state == CLIENT_DIALING)
		c->all->dial_again_us = transport_of(c)->now_us + DIAL_PAUSE_US;
	run_error(c->all->run, events & TCP_RESET ? resets[c->state] : events & TCP_REFUSED ? "refused" :
		  events & TCP_UNREACHABLE ? "unreachable" : "timed_out");
	end(c, CLIENT_FAILED);
}

static void connected(struct client *c)
{
	if (!c->all->tls) {
		opened(c);
		return;
	}
	if (!start_tls(c)) {
		client_fail(c, "no_memory");
		return;
	}
	leave_list(c);
	enter_state(c, CLIENT_HANDSHAKE);
}

static void step(struct client *c, uint32_t events)
{
	if (c->state == CLIENT_DIALING && (events & TCP_ESTABLISHED))
		connected(c);
	if (!c->ended && c->state == CLIENT_HANDSHAKE)
		shake(c);
	if (!c->ended && c->state == CLIENT_OPEN) {
		if (c->tls)
			read_tls(c);
		else
			read_plain(c);
	}
	if (!c->ended && c->state == CLIENT_OPEN && workload_of(c)->writable)
		workload_of(c)->writable(c);
	if (!c->ended && c->state == CLIENT_CLOSING)
		drain(c);
}

static void news(struct endpoint *e, uint32_t events)
{
	struct client *c = (struct client *)e;

	if (c->all->tls && c->state <= CLIENT_HANDSHAKE && !(events & TCP_DEAD)) {
		enter_shaking(c, events);
		return;
	}
	c->in_news = true;
	if (events & TCP_DEAD)
		dead(c, events);
	else
		step(c, events);
	c->in_news = false;
	if (c->ended)
		pool_put(&c->all->pool, c);
}

bool clients_shake(struct clients *all)
{
	uint64_t began = clock_cycles();
	struct client *c;

	while ((c = TAILQ_FIRST(&all->shaking)) != NULL) {
		leave_shaking(c);
		c->in_news = true;
		step(c, c->events);
		c->in_news = false;
		if (c->ended)
			pool_put(&all->pool, c);
		if (clock_since_ns(began) > SHAKING_NS)
			break;
	}
	return !TAILQ_EMPTY(&all->shaking);
}

static struct client *dial(struct clients *all, bool held)
{
	struct run *r = all->run;
	struct client *c = pool_get(&all->pool);
	int why = 0;

	if (!c)
		return NULL;
	c->endpoint.news = news;
	c->all = all;
	c->held = held;
	c->dialled = clock_cycles();
	if (!conn_dial(r->transport, &r->options->target, r->options->target_port, &c->endpoint, &why)) {
		run_error(r, why == -EADDRNOTAVAIL ? "no_local_port" : why == -ENETUNREACH ? "no_route" : "no_memory");
		pool_put(&all->pool, c);
		return NULL;
	}
	all->dialled++;
	all->n_held += held;
	enter_state(c, CLIENT_DIALING);
	if (workload_of(c)->begin)
		workload_of(c)->begin(c);
	return c;
}

struct client *client_dial(struct clients *all)
{
	return dial(all, false);
}

struct client *client_dial_held(struct clients *all)
{
	return dial(all, true);
}

void clients_sweep(struct clients *all, uint64_t now_us)
{
	static const char *const names[] = { "timeout_connect", "timeout_handshake", "timeout", "timeout_close" };
	uint64_t patience_us = (uint64_t)(all->run->options->timeout_s * 1e6);
	struct client *c;

	while ((c = TAILQ_FIRST(&all->waiting)) != NULL && now_us - c->waiting_since_us > patience_us)
		client_fail(c, names[c->state]);
}

void clients_reset_all(struct clients *all)
{
	struct client_list *lists[] = { &all->waiting, &all->open, &all->held };
	struct client *c;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		while ((c = TAILQ_FIRST(lists[i])) != NULL) {
			conn_reset(all->run->transport, c->endpoint.conn);
			end(c, CLIENT_RUN_OVER);
		}
	}
}

int clients_init(struct clients *all, struct run *r, uint32_t max, struct error *err)
{
	const struct options *o = r->options;
	struct tls_settings settings = {
		.client = true,
		.blind = true,
		.strength_bits = 112,
		.min_version = o->tls_version,
		.max_version = o->tls_version,
		/* In TLS 1.2 the list also says which curves a certificate may have (RFC 8422 5.1): all. */
		.groups = { o->tls_version == TLS_VERSION_1_2 ? 0 : o->group },
		.server_name = o->server_name,
	};
	char reason[512];

	*all = (struct clients){ .run = r };
	TAILQ_INIT(&all->waiting);
	TAILQ_INIT(&all->open);
	TAILQ_INIT(&all->held);
	TAILQ_INIT(&all->shaking);
	/* One more: a client that ends may be followed before it is gone. */
	if (pool_init(&all->pool, sizeof(struct client) + r->workload->state_bytes, max + 1) != 0)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "there is no memory for %u clients", max);
	if (o->plain)
		return 0;
	all->tls = tls_ctx_new(NULL, &settings, reason, sizeof(reason));
	if (!all->tls)
		return error_set(err, -EINVAL, ERROR_INVALID, "TLS", "%s", reason);
	return 0;
}

void clients_fini(struct clients *all)
{
	clients_reset_all(all);
	tls_resume_free(all->ticket);
	tls_ctx_free(all->tls);
	pool_fini(&all->pool);
}
