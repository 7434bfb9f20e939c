/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a splice: TLS handshake, dialling, and moving bytes both ways. Each
 * direction takes only what the far side has room for; what isn't taken stays in
 * TCP's receive queue and closes that peer's window.
 */
#include "splice_private.h"

#include <errno.h>
#include <stdio.h>

#include <rte_mbuf.h>

#include "mbuf_reserve.h"

/* Bytes moved each way in one turn, so that a fast peer doesn't starve the others. */
#define STEP_BYTES 65536u

/* One whole TLS record with its header and the most that a cipher adds (RFC 8446 5.2). */
#define RECORD_WIRE_BYTES (5u + TLS_RECORD_MAX_BYTES + 256u)

static struct rule_count *counts(const struct splice *sp)
{
	return &sp->rule->counts[sp->all->config.worker];
}

void splice_flush(struct splice *sp)
{
	struct rte_mbuf *out = tls_output(sp->tls);

	if (out == NULL)
		return;
	/* TLS answers even behind its close_notify (alerts, KeyUpdate); behind our FIN nothing goes. */
	if (sp->client.shut)
		rte_pktmbuf_free(out);
	else
		tcp_send(sp->client.conn, out);
}

/* Gives TLS what it can use: up to one record; the rest waits in TCP's queue. */
static void feed(struct splice *sp)
{
	uint32_t held;

	while ((held = tls_input_bytes(sp->tls)) < RECORD_WIRE_BYTES) {
		struct rte_mbuf *m = tcp_recv(sp->client.conn, RECORD_WIRE_BYTES - held);

		if (m == NULL)
			return;
		tls_input(sp->tls, m);
	}
}

/* May a record be made or opened now? Else the splice tries again next turn: buffers come back by ACKs. */
static bool may_convert(struct splice *sp)
{
	if (mbuf_reserve_allows(sp->all->config.mbufs, MBUF_USE_RECORD))
		return true;
	splice_queue(sp);
	return false;
}

/* Why the client's or the server's connection ended under us, if the other had not closed before. */
static enum splice_end end_of_dead(const struct splice *sp, const struct leg *leg)
{
	bool is_client = leg == &sp->client;

	if (sp->record.end != SPLICE_OPEN)
		return (enum splice_end)sp->record.end;
	if (leg->dead & TCP_RESET)
		return is_client ? SPLICE_CLIENT_RESET : SPLICE_SERVER_RESET;
	return is_client ? SPLICE_CLIENT_LOST : SPLICE_SERVER_LOST;
}

/* Dials the rule's servers in turn until one is being connected; false: none is left and @sp is gone. */
static bool dial(struct splice *sp, enum splice_end last_failure)
{
	struct rule_slot *slot = &sp->rule->slots[sp->all->config.worker];

	/* Each connection goes round by itself: beside others' turns one server could come twice. */
	if (sp->servers_tried == 0)
		sp->first_server = slot->next_server++;
	while (sp->servers_tried < sp->rule->n_servers) {
		const struct rule_server *server =
			&sp->rule->servers[(sp->first_server + sp->servers_tried) % sp->rule->n_servers];
		int why;

		sp->servers_tried++;
		sp->record.server = server->addr;
		sp->record.server_port = server->port;
		sp->server.dead = 0;
		sp->server.established = false;
		sp->server.conn = tcp_connect(sp->all->config.stack, &server->addr, server->port, &sp->server, &why);
		if (sp->server.conn != NULL)
			return true;
		last_failure = why == -ENOMEM ? SPLICE_NO_MEMORY : SPLICE_BACKEND_UNREACHABLE;
	}
	count_event(sp->all->config.counters, EVENT_BACKEND_FAILED);
	splice_end(sp, last_failure);
	return false;
}

static void handshake_done(struct splice *sp)
{
	struct tls_info info;

	tls_session_info(sp->tls, &info);
	sp->record.version = info.version;
	sp->record.cipher = info.cipher;
	sp->record.group = info.group;
	sp->record.resumed = info.resumed;
	snprintf(sp->record.alpn, sizeof(sp->record.alpn), "%s", info.alpn);
	count_event(sp->all->config.counters, EVENT_TLS_HANDSHAKES);
	if (info.resumed)
		count_event(sp->all->config.counters, EVENT_TLS_RESUMED);
	sp->state = SPLICE_STATE_CONNECTING;
	dial(sp, SPLICE_BACKEND_UNREACHABLE);
}

static void tls_failed(struct splice *sp)
{
	count_event(sp->all->config.counters, EVENT_TLS_FAILED);
	splice_end(sp, SPLICE_TLS_FAILED);
}

static void step_handshake(struct splice *sp)
{
	enum tls_status status;
	struct tls_info info;

	if (!may_convert(sp))
		return;
	do {
		feed(sp);
		status = tls_handshake(sp->tls);
		splice_flush(sp);
	} while (status == TLS_WANT_INPUT && tcp_recv_bytes(sp->client.conn) > 0);

	tls_session_info(sp->tls, &info);
	snprintf(sp->record.sni, sizeof(sp->record.sni), "%s", info.sni);
	if (status == TLS_FAILED)
		tls_failed(sp);
	else if (status == TLS_OK)
		handshake_done(sp);
	else if (tcp_recv_finished(sp->client.conn))
		splice_end(sp, SPLICE_CLIENT_CLOSED);
}

static void step_connecting(struct splice *sp)
{
	enum splice_end failure = sp->server.dead & TCP_REFUSED ? SPLICE_BACKEND_REFUSED : SPLICE_BACKEND_UNREACHABLE;

	if (sp->server.dead == 0) {
		/*
		 * Not before: what was handed to this server couldn't be handed to the next. Then
		 * on at once: what the client sent meanwhile brings no news of its own.
		 */
		if (sp->server.established) {
			sp->state = SPLICE_STATE_MOVING;
			splice_queue(sp);
		}
		return;
	}
	tcp_release(sp->server.conn);
	sp->server.conn = NULL;
	dial(sp, failure);
}

/* A peer's last byte was taken: the first to say so names the connection's end. */
static void leg_done(struct splice *sp, struct leg *leg)
{
	leg->done = true;
	if (sp->record.end == SPLICE_OPEN)
		sp->record.end = leg == &sp->client ? SPLICE_CLIENT_CLOSED : SPLICE_SERVER_CLOSED;
	sp->active_us = stack_now_us(sp->all->config.stack);
	/* The time allowed has become shorter. */
	wheel_arm(stack_wheel(sp->all->config.stack), &sp->timer, sp->active_us);
}

/*
 * Reading TLS can make it write (KeyUpdate, RFC 8446 4.6.3): a client that asks for
 * that without end and reads nothing is left waiting once two records are queued
 * over the bound.
 */
static bool client_overfull(const struct splice *sp)
{
	return tcp_send_queued(sp->client.conn) >= sp->all->config.buffer_bytes + 2 * RECORD_WIRE_BYTES;
}

/* Client to server. False: TLS failed. */
static bool move_up(struct splice *sp)
{
	uint32_t moved = 0;

	while (!sp->client.done) {
		uint32_t room = tcp_send_room(sp->server.conn);
		struct rte_mbuf *plain = NULL;
		enum tls_status status;

		if (room == 0 || client_overfull(sp) || !may_convert(sp))
			break;
		if (moved >= STEP_BYTES) {
			splice_queue(sp);
			break;
		}
		feed(sp);
		status = tls_read(sp->tls, &plain, RTE_MIN(room, STEP_BYTES));
		if (plain != NULL) {
			moved += plain->pkt_len;
			tcp_send(sp->server.conn, plain);
		}
		splice_flush(sp);
		if (status == TLS_FAILED)
			return false;
		if (status == TLS_CLOSED)
			leg_done(sp, &sp->client);
		if (status == TLS_WANT_INPUT && tcp_recv_bytes(sp->client.conn) == 0) {
			if (tcp_recv_finished(sp->client.conn))
				leg_done(sp, &sp->client);
			break;
		}
	}
	sp->record.bytes_from_client += moved;
	counter_add(&counts(sp)->bytes_from_client, moved);
	if (moved > 0)
		sp->active_us = stack_now_us(sp->all->config.stack);
	return true;
}

/* Server to client. False: TLS failed. */
static bool move_down(struct splice *sp)
{
	uint32_t moved = 0;

	while (!sp->server.done && tcp_send_room(sp->client.conn) > 0 && may_convert(sp)) {
		struct rte_mbuf *plain;

		if (moved >= STEP_BYTES) {
			splice_queue(sp);
			break;
		}
		plain = tcp_recv(sp->server.conn, TLS_RECORD_MAX_BYTES);
		if (plain == NULL) {
			if (tcp_recv_finished(sp->server.conn))
				leg_done(sp, &sp->server);
			break;
		}
		moved += plain->pkt_len;
		if (tls_write(sp->tls, plain) != TLS_OK)
			return false;
		splice_flush(sp);
	}
	sp->record.bytes_to_client += moved;
	counter_add(&counts(sp)->bytes_to_client, moved);
	if (moved > 0)
		sp->active_us = stack_now_us(sp->all->config.stack);
	return true;
}

/* A half-close goes on to the other side once all before it was handed over. */
static void carry_half_close(struct splice *sp)
{
	if (sp->client.done && !sp->server.shut) {
		tcp_shutdown(sp->server.conn);
		sp->server.shut = true;
	}
	if (sp->server.done && !sp->client.shut) {
		tls_close(sp->tls);
		splice_flush(sp);
		tcp_shutdown(sp->client.conn);
		sp->client.shut = true;
	}
}

static void step_moving(struct splice *sp)
{
	if (!move_up(sp) || !move_down(sp)) {
		tls_failed(sp);
		return;
	}
	carry_half_close(sp);
	if (sp->client.done && sp->server.done)
		splice_end(sp, (enum splice_end)sp->record.end);
}

void splice_step(struct splice *sp)
{
	if (sp->client.dead != 0) {
		splice_end(sp, end_of_dead(sp, &sp->client));
		return;
	}
	if (sp->state == SPLICE_STATE_HANDSHAKE) {
		step_handshake(sp);
		return;
	}
	if (sp->state == SPLICE_STATE_CONNECTING) {
		step_connecting(sp);
		return;
	}
	if (sp->server.dead != 0)
		splice_end(sp, end_of_dead(sp, &sp->server));
	else
		step_moving(sp);
}
