/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a splice: TLS handshake, and moving bytes both ways. Each
 * direction takes only what the far side has room for; what isn't taken stays in
 * TCP's receive queue and closes that peer's window.
 */
#include "splice_private.h"

#include <string.h>

#include <rte_mbuf.h>

#include "mbuf_reserve.h"

/* One whole TLS record with its header and the most that a cipher adds (RFC 8446 5.2). */
#define RECORD_WIRE_BYTES (5u + TLS_RECORD_MAX_BYTES + 256u)

static struct rule_count *counts(const struct splice *sp)
{
	return &sp->rule->counts[sp->all->config.worker];
}

void splice_flush(struct splice *sp)
{
	struct rte_mbuf *out = sp->tls != NULL ? tls_output(sp->tls) : NULL;

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
	if (mbuf_reserve_allows(stack_reserve(sp->all->config.stack), MBUF_USE_RECORD))
		return true;
	splice_queue(sp);
	return false;
}

/* What doesn't fit is cut off. */
static void copy_text(char *to, size_t to_bytes, const char *from)
{
	size_t n = strnlen(from, to_bytes - 1);

	memcpy(to, from, n);
	to[n] = '\0';
}

static void handshake_done(struct splice *sp)
{
	struct tls_info info;

	tls_session_info(sp->tls, &info);
	sp->record.version = info.version;
	sp->record.cipher = info.cipher;
	sp->record.group = info.group;
	sp->record.resumed = info.resumed;
	copy_text(sp->record.alpn, sizeof(sp->record.alpn), info.alpn);
	count_event(sp->all->config.counters, EVENT_TLS_HANDSHAKES);
	if (info.resumed)
		count_event(sp->all->config.counters, EVENT_TLS_RESUMED);
	splice_dial(sp);
}

void splice_cut(struct splice *sp, enum splice_end end)
{
	count_event(sp->all->config.counters, end == SPLICE_TRUNCATED ? EVENT_TRUNCATED : EVENT_TLS_FAILED);
	splice_end(sp, end);
}

/* The session is made when there is work for it: who connects and says nothing costs no TLS memory. False: @sp is gone. */
static bool begin_tls(struct splice *sp)
{
	if (tcp_recv_finished(sp->client.conn)) {
		splice_end(sp, SPLICE_CLIENT_CLOSED);
		return false;
	}
	sp->tls = tls_session_new(sp->rule->slots[sp->all->config.worker].tls);
	if (sp->tls != NULL)
		return true;
	count_drop(sp->all->config.counters, DROP_SPLICE_FULL);
	counter_add(&counts(sp)->refused, 1);
	splice_end(sp, SPLICE_NO_MEMORY);
	return false;
}

static void step_handshake(struct splice *sp)
{
	enum tls_status status;

	if (!may_convert(sp) || (sp->tls == NULL && !begin_tls(sp)))
		return;
	do {
		feed(sp);
		status = tls_handshake(sp->tls);
		splice_flush(sp);
	} while (status == TLS_WANT_INPUT && tcp_recv_bytes(sp->client.conn) > 0);

	if (sp->record.sni[0] == '\0')
		copy_text(sp->record.sni, sizeof(sp->record.sni), tls_session_name(sp->tls));
	if (status == TLS_FAILED)
		splice_cut(sp, SPLICE_TLS_FAILED);
	else if (status == TLS_OK)
		handshake_done(sp);
	else if (tcp_recv_finished(sp->client.conn) && tls_input_bytes(sp->tls) > 0)
		splice_cut(sp, SPLICE_TRUNCATED);
	else if (tcp_recv_finished(sp->client.conn))
		splice_end(sp, SPLICE_CLIENT_CLOSED);
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
 * that without end and reads nothing is left waiting once two records more are queued
 * than with the server's last data.
 */
static bool client_overfull(const struct splice *sp)
{
	return tcp_send_queued(sp->client.conn) >= sp->queued_down + 2 * RECORD_WIRE_BYTES;
}

/* What there was of TLS was read: is it the end, and a good one? */
static enum splice_end client_finished(struct splice *sp)
{
	sp->client.empty = true;
	if (!tcp_recv_finished(sp->client.conn))
		return SPLICE_OPEN;
	/* A cut message that looks whole to the server would be worse than none. */
	if (tls_input_bytes(sp->tls) > 0)
		return SPLICE_TRUNCATED;
	leg_done(sp, &sp->client);
	return SPLICE_OPEN;
}

enum splice_end splice_move_up(struct splice *sp)
{
	enum splice_end end = SPLICE_OPEN;
	uint32_t moved = 0;

	sp->client.empty = false;
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
			end = SPLICE_TLS_FAILED;
		if (status == TLS_CLOSED) {
			sp->record.close_notify = true;
			leg_done(sp, &sp->client);
		}
		if (status == TLS_WANT_INPUT && tcp_recv_bytes(sp->client.conn) == 0)
			end = client_finished(sp);
		if (end != SPLICE_OPEN || sp->client.empty)
			break;
	}
	sp->record.bytes_from_client += moved;
	counter_add(&counts(sp)->bytes_from_client, moved);
	if (moved > 0)
		sp->active_us = stack_now_us(sp->all->config.stack);
	return end;
}

/* A whole record even where less fits, but not while buffers run low. */
static uint32_t record_bytes(const struct splice *sp, uint32_t room)
{
	bool low = !mbuf_reserve_allows(stack_reserve(sp->all->config.stack), MBUF_USE_QUEUE);

	return low ? RTE_MIN(room, TLS_RECORD_MAX_BYTES) : TLS_RECORD_MAX_BYTES;
}

enum splice_end splice_move_down(struct splice *sp)
{
	uint32_t moved = 0;

	sp->server.empty = false;
	while (!sp->server.done) {
		uint32_t room = tcp_send_room(sp->client.conn);
		struct rte_mbuf *plain;

		if (room == 0 || !may_convert(sp))
			break;

		if (moved >= STEP_BYTES) {
			splice_queue(sp);
			break;
		}
		plain = tcp_recv(sp->server.conn, record_bytes(sp, room));
		if (plain == NULL) {
			sp->server.empty = true;
			if (tcp_recv_finished(sp->server.conn))
				leg_done(sp, &sp->server);
			break;
		}
		moved += plain->pkt_len;
		if (tls_write(sp->tls, plain) != TLS_OK)
			return SPLICE_TLS_FAILED;
		splice_flush(sp);
	}
	if (moved > 0)
		sp->queued_down = tcp_send_queued(sp->client.conn);
	sp->record.bytes_to_client += moved;
	counter_add(&counts(sp)->bytes_to_client, moved);
	if (moved > 0)
		sp->active_us = stack_now_us(sp->all->config.stack);
	return SPLICE_OPEN;
}

void splice_shut_server(struct splice *sp)
{
	if (sp->server.shut)
		return;
	tcp_shutdown(sp->server.conn);
	sp->server.shut = true;
}

void splice_shut_client(struct splice *sp, bool properly)
{
	if (sp->client.shut)
		return;
	if (properly)
		tls_close(sp->tls);
	splice_flush(sp);
	tcp_shutdown(sp->client.conn);
	sp->client.shut = true;
}

static void step_moving(struct splice *sp)
{
	enum splice_end end = splice_move_up(sp);

	if (end == SPLICE_OPEN)
		end = splice_move_down(sp);
	if (end != SPLICE_OPEN) {
		splice_cut(sp, end);
		return;
	}
	/* A half-close goes on to the other side once all before it was handed over. */
	if (sp->client.done)
		splice_shut_server(sp);
	if (sp->server.done)
		splice_shut_client(sp, true);
	if (sp->client.done && sp->server.done)
		splice_end(sp, (enum splice_end)sp->record.end);
}

void splice_step(struct splice *sp)
{
	if (sp->client.dead != 0 || (sp->server.dead != 0 && sp->state == SPLICE_STATE_MOVING))
		splice_step_last(sp);
	else if (sp->state == SPLICE_STATE_PROXY_HEADER)
		splice_step_proxy_header(sp);
	else if (sp->state == SPLICE_STATE_HANDSHAKE)
		step_handshake(sp);
	else if (sp->state == SPLICE_STATE_CONNECTING)
		splice_step_dial(sp);
	else
		step_moving(sp);
}
