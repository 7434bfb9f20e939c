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
#include "tls/remember.h"

/* One whole TLS record with its header and the most that a cipher adds (RFC 8446 5.2). */
#define RECORD_WIRE_BYTES (5u + TLS_RECORD_MAX_BYTES + 256u)

static struct rule_count *counts(const struct splice *sp)
{
	return &sp->rule->counts[sp->all->config.worker];
}

void splice_flush(struct leg *leg)
{
	struct rte_mbuf *out = leg->tls != NULL ? tls_output(leg->tls) : NULL;

	if (out == NULL)
		return;
	/* TLS answers even behind its close_notify (alerts, KeyUpdate); behind our FIN nothing goes. */
	if (leg->shut)
		rte_pktmbuf_free(out);
	else
		tcp_send(leg->conn, out);
}

void splice_feed(struct leg *leg)
{
	uint32_t held;

	while ((held = tls_input_bytes(leg->tls)) < RECORD_WIRE_BYTES) {
		struct rte_mbuf *m = tcp_recv(leg->conn, RECORD_WIRE_BYTES - held);

		if (m == NULL)
			return;
		tls_input(leg->tls, m);
	}
}

bool splice_may_convert(struct splice *sp)
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

	tls_session_info(sp->client.tls, &info);
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
	static const enum event events[SPLICE_END_COUNT] = {
		[SPLICE_TRUNCATED] = EVENT_TRUNCATED, [SPLICE_TLS_FAILED] = EVENT_TLS_FAILED,
		[SPLICE_SERVER_TRUNCATED] = EVENT_TRUNCATED, [SPLICE_SERVER_TLS_FAILED] = EVENT_BACKEND_TLS_FAILED,
	};

	count_event(sp->all->config.counters, events[end]);
	splice_end(sp, end);
}

/* The session is made when there is work for it: who connects and says nothing costs no TLS memory. False: @sp is gone. */
static bool begin_tls(struct splice *sp)
{
	if (tcp_recv_finished(sp->client.conn)) {
		splice_end(sp, SPLICE_CLIENT_CLOSED);
		return false;
	}
	sp->client.tls = tls_session_new(sp->rule->slots[sp->all->config.worker].tls);
	if (sp->client.tls != NULL)
		return true;
	count_drop(sp->all->config.counters, DROP_SPLICE_FULL);
	counter_add(&counts(sp)->refused, 1);
	splice_end(sp, SPLICE_NO_MEMORY);
	return false;
}

static void step_handshake(struct splice *sp)
{
	enum tls_status status;

	if (!splice_may_convert(sp) || (sp->client.tls == NULL && !begin_tls(sp)))
		return;
	do {
		splice_feed(&sp->client);
		status = tls_handshake(sp->client.tls);
		splice_flush(&sp->client);
	} while (status == TLS_WANT_INPUT && tcp_recv_bytes(sp->client.conn) > 0);

	if (sp->record.sni[0] == '\0')
		copy_text(sp->record.sni, sizeof(sp->record.sni), tls_session_name(sp->client.tls));
	if (status == TLS_FAILED)
		splice_cut(sp, SPLICE_TLS_FAILED);
	else if (status == TLS_OK)
		handshake_done(sp);
	else if (tcp_recv_finished(sp->client.conn) && tls_input_bytes(sp->client.tls) > 0)
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
 * Reading TLS can make it write (KeyUpdate, RFC 8446 4.6.3): a peer that asks for
 * that without end and reads nothing is left waiting once two records more are queued
 * than with the other side's last data.
 */
static bool overfull(const struct leg *from)
{
	return from->tls != NULL && tcp_send_queued(from->conn) >= from->queued + 2 * RECORD_WIRE_BYTES;
}

/* A whole record even where less fits, but not while buffers run low. */
static uint32_t record_bytes(const struct splice *sp, uint32_t room)
{
	bool low = !mbuf_reserve_allows(stack_reserve(sp->all->config.stack), MBUF_USE_QUEUE);

	return low ? RTE_MIN(room, TLS_RECORD_MAX_BYTES) : TLS_RECORD_MAX_BYTES;
}

/* What there was of TLS was read: is it the end, and a good one? */
static enum splice_end tls_finished(struct splice *sp, struct leg *from)
{
	from->empty = true;
	if (!tcp_recv_finished(from->conn))
		return SPLICE_OPEN;
	/* A cut message that looks whole to the other side would be worse than none. */
	if (tls_input_bytes(from->tls) > 0)
		return from == &sp->client ? SPLICE_TRUNCATED : SPLICE_SERVER_TRUNCATED;
	leg_done(sp, from);
	return SPLICE_OPEN;
}

static enum splice_end judge(struct splice *sp, struct leg *from, enum tls_status status)
{
	if (status == TLS_FAILED)
		return from == &sp->client ? SPLICE_TLS_FAILED : SPLICE_SERVER_TLS_FAILED;
	if (status == TLS_CLOSED) {
		from->proper = true;
		if (from == &sp->client)
			sp->record.close_notify = true;
		leg_done(sp, from);
	}
	if (status == TLS_WANT_INPUT && tcp_recv_bytes(from->conn) == 0)
		return tls_finished(sp, from);
	return SPLICE_OPEN;
}

static struct rte_mbuf *take_plain(struct splice *sp, struct leg *from, uint32_t max_bytes)
{
	struct rte_mbuf *plain = tcp_recv(from->conn, max_bytes);

	if (plain == NULL) {
		from->empty = true;
		if (tcp_recv_finished(from->conn)) {
			from->proper = true;
			leg_done(sp, from);
		}
	}
	return plain;
}

static bool give(struct leg *to, struct rte_mbuf *plain)
{
	if (to->tls == NULL) {
		tcp_send(to->conn, plain);
		return true;
	}
	if (tls_write(to->tls, plain) != TLS_OK)
		return false;
	splice_flush(to);
	return true;
}

/* In TLS 1.3 a server's ticket comes before its first data. */
static void remember_server(struct splice *sp)
{
	sp->server.remembered = true;
	tls_remember(sp->server.tls, splice_server_index(sp));
}

/* At most about STEP_BYTES, which *moved counts. */
static inline enum splice_end move(struct splice *sp, struct leg *from, struct leg *to, uint32_t *moved)
{
	enum splice_end end = SPLICE_OPEN;

	from->empty = false;
	while (!from->done) {
		uint32_t room = tcp_send_room(to->conn), max_bytes;
		enum tls_status status = TLS_OK;
		struct rte_mbuf *plain = NULL;

		if (room == 0 || overfull(from) || !splice_may_convert(sp))
			break;
		if (*moved >= STEP_BYTES) {
			splice_queue(sp);
			break;
		}
		max_bytes = to->tls != NULL ? record_bytes(sp, room) : RTE_MIN(room, STEP_BYTES);
		if (from->tls != NULL) {
			splice_feed(from);
			status = tls_read(from->tls, &plain, max_bytes);
		} else {
			plain = take_plain(sp, from, max_bytes);
		}
		if (plain != NULL) {
			*moved += plain->pkt_len;
			if (!give(to, plain))
				return to == &sp->client ? SPLICE_TLS_FAILED : SPLICE_SERVER_TLS_FAILED;
		}
		if (from->tls != NULL) {
			splice_flush(from);
			end = judge(sp, from, status);
		}
		if (end != SPLICE_OPEN || from->empty)
			break;
	}
	if (*moved > 0) {
		to->queued = tcp_send_queued(to->conn);
		sp->active_us = stack_now_us(sp->all->config.stack);
	}
	return end;
}

enum splice_end splice_move_up(struct splice *sp)
{
	uint32_t moved = 0;
	enum splice_end end = move(sp, &sp->client, &sp->server, &moved);

	sp->record.bytes_from_client += moved;
	counter_add(&counts(sp)->bytes_from_client, moved);
	return end;
}

enum splice_end splice_move_down(struct splice *sp)
{
	uint32_t moved = 0;
	enum splice_end end = move(sp, &sp->server, &sp->client, &moved);

	sp->record.bytes_to_client += moved;
	counter_add(&counts(sp)->bytes_to_client, moved);
	if (moved > 0 && end == SPLICE_OPEN && sp->server.tls != NULL && !sp->server.remembered)
		remember_server(sp);
	return end;
}

void splice_shut(struct leg *leg, bool properly)
{
	if (leg->shut)
		return;
	if (properly && leg->tls != NULL)
		tls_close(leg->tls);
	splice_flush(leg);
	tcp_shutdown(leg->conn);
	leg->shut = true;
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
		splice_shut(&sp->server, sp->client.proper);
	if (sp->server.done)
		splice_shut(&sp->client, sp->server.proper);
	if (sp->client.done && sp->server.done)
		splice_end(sp, (enum splice_end)sp->record.end);
}

void splice_step(struct splice *sp)
{
	if (sp->client.dead != 0 || (sp->server.dead != 0 && sp->state == SPLICE_STATE_MOVING))
		splice_step_last(sp);
	else if (sp->state == SPLICE_STATE_PROXY_HEADER)
		splice_step_proxy_header(sp);
	else if (sp->state == SPLICE_STATE_NAME)
		splice_step_name(sp);
	else if (sp->state == SPLICE_STATE_HANDSHAKE)
		step_handshake(sp);
	else if (sp->state == SPLICE_STATE_CONNECTING)
		splice_step_dial(sp);
	else if (sp->state == SPLICE_STATE_SERVER_HANDSHAKE)
		splice_step_server_handshake(sp);
	else
		step_moving(sp);
}
