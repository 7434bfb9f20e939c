/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/backend.h"

#include <string.h>

#include <rte_mbuf.h>

#include "base/assert.h"

#define LINES 4096u			/* first lines in pieces, at one time */
#define FEED_BYTES 65536u
#define TURN_BYTES (256u << 10)

static void end(struct served *s)
{
	ASSERT(!s->ended);
	s->ended = true;
	TAILQ_REMOVE(&s->backend->open, s, link);
	if (s->endpoint.conn)
		conn_release(s->backend->transport, &s->endpoint);
	if (s->line)
		pool_put(&s->backend->lines, s->line);
	s->line = NULL;
	if (!s->in_news)
		pool_put(&s->backend->pool, s);
}

void served_fail(struct served *s, const char *name)
{
	if (s->ended)
		return;
	if (s->backend->error)
		s->backend->error(s->backend->error_arg, name);
	conn_reset(s->backend->transport, s->endpoint.conn);
	end(s);
}

uint32_t served_room(struct served *s)
{
	return s->ended || s->shut ? 0 : conn_send_room(s->backend->transport, s->endpoint.conn);
}

void served_send(struct served *s, struct rte_mbuf *data)
{
	if (s->ended || s->shut) {
		rte_pktmbuf_free(data);
		return;
	}
	s->backend->sent_bytes += data->pkt_len;
	conn_send(s->backend->transport, s->endpoint.conn, data);
}

void served_send_bytes(struct served *s, const void *data, uint32_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->backend->transport->mbufs);
	char *to = m ? rte_pktmbuf_append(m, (uint16_t)bytes) : NULL;

	ASSERT(bytes <= RTE_MBUF_DEFAULT_DATAROOM);
	if (!to) {
		rte_pktmbuf_free(m);
		served_fail(s, "backend_no_memory");
		return;
	}
	memcpy(to, data, bytes);
	served_send(s, m);
}

void served_close(struct served *s)
{
	if (s->ended || s->shut)
		return;
	s->shut = true;
	conn_shutdown(s->backend->transport, s->endpoint.conn);
	if (s->peer_done)
		end(s);
}

void served_wake(struct served *s)
{
	if (!s->ended)
		conn_wake(s->backend->transport, s->endpoint.conn);
}

static bool choose(struct served *s, char *line)
{
	size_t n = strlen(line);

	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = '\0';
	for (size_t i = 0; services[i]; i++) {
		if (!services[i]->claims(line))
			continue;
		s->service = services[i];
		return !s->service->begin || s->service->begin(s, line);
	}
	return false;
}

/* What came of the first line before this piece of it. */
static bool keep_piece(struct served *s, const char *data, uint32_t bytes)
{
	if (!s->line)
		s->line = pool_get(&s->backend->lines);
	if (!s->line || s->line_bytes + bytes >= BACKEND_LINE_BYTES)
		return false;
	memcpy(s->line + s->line_bytes, data, bytes);
	s->line_bytes = (uint16_t)(s->line_bytes + bytes);
	return true;
}

/* The pieces kept before @data, in front of it. */
static struct rte_mbuf *with_pieces(struct served *s, struct rte_mbuf *data, uint32_t kept)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->backend->transport->mbufs);

	if (!m) {
		rte_pktmbuf_free(data);
		return NULL;
	}
	memcpy(rte_pktmbuf_append(m, (uint16_t)kept), s->line, kept);
	rte_pktmbuf_chain(m, data);
	return m;
}

/* The first line decides who serves. Returns what is left of @data for the service, or NULL. */
static struct rte_mbuf *first_line(struct served *s, struct rte_mbuf *data)
{
	const char *at = rte_pktmbuf_mtod(data, const char *), *eol = memchr(at, '\n', data->data_len);
	uint32_t kept = s->line_bytes, n = eol ? (uint32_t)(eol - at) + 1 : data->data_len;
	char line[BACKEND_LINE_BYTES];

	if (!keep_piece(s, at, n)) {
		rte_pktmbuf_free(data);
		served_fail(s, "backend_line_too_long");
		return NULL;
	}
	if (!eol && data->nb_segs == 1) {
		rte_pktmbuf_free(data);
		return NULL;
	}
	if (!eol) {
		struct rte_mbuf *next = data->next;

		next->nb_segs = (uint16_t)(data->nb_segs - 1);
		next->pkt_len = data->pkt_len - data->data_len;
		data->next = NULL;
		data->nb_segs = 1;
		rte_pktmbuf_free_seg(data);
		return first_line(s, next);
	}
	memcpy(line, s->line, s->line_bytes);
	line[s->line_bytes] = '\0';
	if (!choose(s, line)) {
		rte_pktmbuf_free(data);
		served_fail(s, "backend_unknown_command");
		return NULL;
	}
	if (s->service->keeps_line && kept > 0)
		data = with_pieces(s, data, kept);
	else if (!s->service->keeps_line)
		rte_pktmbuf_adj(data, (uint16_t)n);
	if (s->line)
		pool_put(&s->backend->lines, s->line);
	s->line = NULL;
	if (data && data->pkt_len > 0)
		return data;
	rte_pktmbuf_free(data);
	return NULL;
}

static void finished(struct served *s)
{
	s->peer_done = true;
	if (s->shut)
		end(s);
	else if (s->service && s->service->finished)
		s->service->finished(s);
	else
		served_close(s);
}

static void receive(struct served *s)
{
	struct transport *t = s->backend->transport;
	uint32_t got = 0;
	struct rte_mbuf *m;

	while (!s->ended && got < TURN_BYTES && (m = conn_recv(t, s->endpoint.conn, FEED_BYTES)) != NULL) {
		got += m->pkt_len;
		s->backend->received_bytes += m->pkt_len;
		if (s->shut) {
			rte_pktmbuf_free(m);
			continue;
		}
		if (!s->service)
			m = first_line(s, m);
		if (m)
			s->service->received(s, m);
	}
	if (s->ended)
		return;
	if (got >= TURN_BYTES)
		served_wake(s);
	else if (!s->peer_done && conn_recv_finished(t, s->endpoint.conn))
		finished(s);
}

static void news(struct endpoint *e, uint32_t events)
{
	struct served *s = (struct served *)e;
	struct backend *b = s->backend;

	s->in_news = true;
	if (events & TCP_ESTABLISHED)
		served_send_bytes(s, b->greeting, b->greeting_bytes);
	if (!s->ended && (events & TCP_DEAD))
		end(s);	/* the client, or the gateway for it, went away: it counts that itself */
	if (!s->ended)
		receive(s);
	if (!s->ended && !s->shut && s->service && s->service->writable)
		s->service->writable(s);
	s->in_news = false;
	if (s->ended)
		pool_put(&b->pool, s);
}

static struct endpoint *accept_served(void *arg, struct conn *c)
{
	struct backend *b = arg;
	struct served *s = pool_get(&b->pool);

	if (!s) {
		if (b->error)
			b->error(b->error_arg, "backend_full");
		return NULL;
	}
	s->endpoint = (struct endpoint){ .news = news, .conn = c };
	s->backend = b;
	b->accepted++;
	TAILQ_INSERT_TAIL(&b->open, s, link);
	return &s->endpoint;
}

int backend_init(struct backend *b, struct transport *t, uint32_t max, const char *greeting, struct error *err)
{
	*b = (struct backend){ .transport = t, .greeting = greeting ? greeting : BACKEND_GREETING };
	b->greeting_bytes = (uint32_t)strlen(b->greeting);
	TAILQ_INIT(&b->open);
	if (pool_init(&b->pool, sizeof(struct served), max) != 0 || pool_init(&b->lines, BACKEND_LINE_BYTES, LINES) != 0)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "there is no memory for %u backend connections", max);
	t->accept = accept_served;
	t->accept_arg = b;
	return 0;
}

void backend_fini(struct backend *b)
{
	struct served *s;

	while ((s = TAILQ_FIRST(&b->open)) != NULL) {
		conn_reset(b->transport, s->endpoint.conn);
		end(s);
	}
	b->transport->accept = NULL;
	pool_fini(&b->pool);
	pool_fini(&b->lines);
}
