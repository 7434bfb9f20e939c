/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer.h"

#include <stdlib.h>

#include <rte_mbuf.h>

#include "base/assert.h"
#include "tcp.h"
#include "tls/resume.h"
#include "tls/tls.h"

#define CHUNK_BYTES 1400u
#define RECEIVE_BYTES 16384u
#define MBUFS_KEPT 2048u	/* for what must be answered */

/* Both directions' patterns differ, so that an echo can't pass for the other side's data. */
static uint8_t pattern(bool from_client, uint64_t offset)
{
	return (uint8_t)((offset * 131 + (offset >> 8) * 7 + (offset >> 16)) ^ (from_client ? 0x5a : 0));
}

static bool is_client(const struct peer *p)
{
	return p->node->id == CLIENT;
}

static struct peer *peer_add(struct world *w, enum node_id node, const struct peer *as)
{
	struct peer *p = calloc(1, sizeof(*p));

	ASSERT(p != NULL && w->n_peers < sizeof(w->peers) / sizeof(w->peers[0]));
	*p = *as;
	p->world = w;
	p->node = &w->nodes[node];
	w->peers[w->n_peers++] = p;
	return p;
}

struct peer *peer_connect(struct world *w, const struct peer *as)
{
	struct peer *p = peer_add(w, CLIENT, as);
	int why = 0;

	p->tls = tls_session_new(w->client_tls);
	ASSERT(p->tls != NULL);
	ASSERT(p->resume == NULL || tls_resume_use(p->tls, p->resume));
	p->conn = tcp_connect(p->node->stack, &w->rule.addr, w->rule.port, p, &why);
	ASSERT(p->conn != NULL);
	return p;
}

void peer_listen(struct world *w, const struct peer *as)
{
	free(w->listening);
	w->listening = malloc(sizeof(*as));
	ASSERT(w->listening != NULL);
	*w->listening = *as;
}

void peer_accept(struct world *w, struct tcp_conn *conn)
{
	struct peer *p;

	ASSERT(w->listening != NULL);
	p = peer_add(w, SERVER, w->listening);
	p->conn = conn;
	if (w->server_tls[tcp_tuple(conn)->lport == 144] != NULL)
		p->tls = tls_session_new(w->server_tls[tcp_tuple(conn)->lport == 144]);
	p->shaken = p->tls == NULL;
	tcp_set_user(conn, p);
}

struct peer *peer_of(struct world *w, enum node_id node, unsigned int n)
{
	for (unsigned int i = 0; i < w->n_peers; i++) {
		if (w->peers[i]->node->id == node && n-- == 0)
			return w->peers[i];
	}
	return NULL;
}

static void end(struct peer *p)
{
	if (p->conn != NULL)
		tcp_release(p->conn);
	p->conn = NULL;
	if (p->tls != NULL)
		tls_session_free(p->tls);
	p->tls = NULL;
}

void peer_reset(struct peer *p)
{
	tcp_reset(p->conn);
	end(p);
}

void peer_free(struct peer *p)
{
	end(p);
	free(p);
}

static void flush(struct peer *p)
{
	struct rte_mbuf *m = p->tls != NULL ? tls_output(p->tls) : NULL;

	if (m != NULL)
		tcp_send(p->conn, m);
}

static struct rte_mbuf *bytes_mbuf(struct peer *p, const void *data, uint32_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->world->mbufs);
	char *to;

	ASSERT(m != NULL);
	to = rte_pktmbuf_append(m, (uint16_t)bytes);
	ASSERT(to != NULL);
	memcpy(to, data, bytes);
	return m;
}

void peer_send_raw(struct peer *p, const void *data, uint32_t bytes)
{
	tcp_send(p->conn, bytes_mbuf(p, data, bytes));
}

static void check_bytes(struct peer *p, struct rte_mbuf *chain)
{
	for (struct rte_mbuf *m = chain; m != NULL; m = m->next) {
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

		for (uint16_t i = 0; i < m->data_len; i++)
			ASSERT(data[i] == pattern(!is_client(p), p->got_bytes + i));
		p->got_bytes += m->data_len;
	}
	rte_pktmbuf_free(chain);
}

static void receive_tls(struct peer *p)
{
	enum tls_status status;

	do {
		struct rte_mbuf *plain = NULL, *m = tcp_recv(p->conn, RECEIVE_BYTES);

		if (m != NULL)
			tls_input(p->tls, m);
		status = tls_read(p->tls, &plain, RECEIVE_BYTES);
		if (plain != NULL)
			check_bytes(p, plain);
		flush(p);
	} while (status == TLS_OK || (status == TLS_WANT_INPUT && tcp_recv_bytes(p->conn) > 0));
	if (status == TLS_CLOSED)
		p->got_end = p->got_close_notify = true;
	if (status == TLS_FAILED)
		p->tls_failed = true;
}

/* False: it isn't whole yet. */
static bool receive_proxy(struct peer *p)
{
	uint32_t n = tcp_recv_peek(p->conn, p->proxy_header, sizeof(p->proxy_header));
	enum proxy_read r = proxy_read(p->proxy_header, n, &p->told, &p->proxy_bytes);

	if (r == PROXY_READ_PART)
		return false;
	ASSERT(r == PROXY_READ_ENDS);
	tcp_recv_skip(p->conn, (uint32_t)p->proxy_bytes);
	return true;
}

static void receive(struct peer *p)
{
	struct rte_mbuf *m;

	if (p->paused)
		return;
	if (p->tls != NULL) {
		if (!p->got_close_notify)
			receive_tls(p);
	} else {
		while ((m = tcp_recv(p->conn, RECEIVE_BYTES)) != NULL)
			check_bytes(p, m);
	}
	if (tcp_recv_finished(p->conn))
		p->got_end = true;
}

static uint64_t may_send(const struct peer *p)
{
	uint64_t in_step = p->take_bytes != 0 ? (p->got_bytes / p->take_bytes + p->lead) * p->give_bytes : UINT64_MAX;

	return RTE_MIN(in_step, p->send_bytes) - p->sent_bytes;
}

static void send_some(struct peer *p)
{
	uint8_t data[CHUNK_BYTES];

	if (p->got_bytes < p->send_after_bytes || p->shut)
		return;
	while (may_send(p) > 0 && tcp_send_room(p->conn) >= CHUNK_BYTES &&
	       rte_mempool_avail_count(p->world->mbufs) > MBUFS_KEPT) {
		uint64_t left = may_send(p);
		uint32_t n = left < CHUNK_BYTES ? (uint32_t)left : CHUNK_BYTES;

		for (uint32_t i = 0; i < n; i++)
			data[i] = pattern(is_client(p), p->sent_bytes + i);
		p->sent_bytes += n;
		if (p->tls != NULL) {
			ASSERT(tls_write(p->tls, bytes_mbuf(p, data, n)) == TLS_OK);
			flush(p);
		} else {
			tcp_send(p->conn, bytes_mbuf(p, data, n));
		}
	}
}

static void close_if_due(struct peer *p)
{
	bool sent = p->sent_bytes == p->send_bytes;

	if (p->shut)
		return;
	if (!(p->close == CLOSE_AFTER_SENDING && sent) &&
	    !(p->close == CLOSE_AFTER_RECEIVING && sent && p->got_bytes >= p->expect_bytes) &&
	    !(p->close == CLOSE_WHEN_PEER_DOES && sent && p->got_end))
		return;
	if (p->tls != NULL && !p->bare_fin) {
		tls_close(p->tls);
		flush(p);
	}
	tcp_shutdown(p->conn);
	p->shut = true;
}

static bool handshake(struct peer *p)
{
	struct rte_mbuf *m;
	enum tls_status status;

	if (p->shaken || p->tls_failed || p->held)
		return p->shaken;
	while ((m = tcp_recv(p->conn, RECEIVE_BYTES)) != NULL)
		tls_input(p->tls, m);
	status = tls_handshake(p->tls);
	flush(p);
	p->tls_failed = status == TLS_FAILED;
	p->shaken = status == TLS_OK;
	return p->shaken;
}

void peer_step(struct peer *p)
{
	uint32_t events;

	if (p->conn == NULL)
		return;
	events = tcp_events(p->conn);
	if (events & TCP_DEAD) {
		p->dead = events & TCP_DEAD;
		end(p);
		return;
	}
	if (p->wants_proxy && !p->has_proxy && !(p->has_proxy = receive_proxy(p)))
		return;
	if (!handshake(p)) {
		p->got_end |= tcp_recv_finished(p->conn);
		return;
	}
	receive(p);
	send_some(p);
	close_if_due(p);
	if (p->shut && p->got_end)
		end(p);
}
