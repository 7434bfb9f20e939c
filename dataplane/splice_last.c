/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One leg has died: its peer sent a RST, or acknowledged nothing any more. What had
 * come from it before lies in its receive queue still, and the other side is owed
 * that: a server that refuses a message and goes away with a RST has said why. Then
 * follows an end that can't be taken for a good one.
 *
 * The one to be told may be sending, into nowhere now. That is read and thrown away
 * until it ends, too: it may not read before it could write, and a RST in answer could
 * take what it is owed out of its hands.
 */
#include "splice_private.h"

#include <rte_mbuf.h>

/* Why it ended, if neither side had closed before. */
static enum splice_end reason(const struct leg *dead, bool is_client)
{
	if ((dead->dead & TCP_STALLED) == TCP_STALLED)
		return is_client ? SPLICE_CLIENT_STALLED : SPLICE_SERVER_STALLED;
	if (dead->dead & TCP_RESET)
		return is_client ? SPLICE_CLIENT_RESET : SPLICE_SERVER_RESET;
	return is_client ? SPLICE_CLIENT_LOST : SPLICE_SERVER_LOST;
}

static void begin(struct splice *sp)
{
	sp->last_steps = true;
	sp->active_us = stack_now_us(sp->all->config.stack);
	/* The time allowed has become shorter. */
	wheel_arm(stack_wheel(sp->all->config.stack), &sp->timer, sp->active_us);
}

static void throw_away(struct splice *sp, struct leg *leg)
{
	uint32_t thrown = 0;

	while (thrown < STEP_BYTES) {
		struct rte_mbuf *m = tcp_recv(leg->conn, STEP_BYTES);

		if (m == NULL)
			return;
		thrown += m->pkt_len;
		rte_pktmbuf_free(m);
	}
	splice_queue(sp);
}

/* True: the end follows what is on its way. False: there is no such end, or nothing is, and a RST says it. */
static bool shut_behind(struct splice *sp, bool client_died)
{
	if (client_died && sp->client.done)
		splice_shut(&sp->server, sp->client.proper);
	else if (!client_died && (sp->server.done || tcp_send_queued(sp->client.conn) > 0))
		splice_shut(&sp->client, sp->server.done && sp->server.proper);
	else
		return false;
	return true;
}

void splice_step_last(struct splice *sp)
{
	bool client_died = sp->client.dead != 0;
	struct leg *dead = client_died ? &sp->client : &sp->server, *other = client_died ? &sp->server : &sp->client;
	enum splice_end end;

	if (sp->record.end == SPLICE_OPEN)
		sp->record.end = (uint8_t)reason(dead, client_died);
	if (sp->state != SPLICE_STATE_MOVING || other->dead != 0) {
		splice_end(sp, (enum splice_end)sp->record.end);
		return;
	}
	if (!sp->last_steps)
		begin(sp);
	throw_away(sp, other);
	if (other->shut) {
		if (tcp_send_finished(other->conn) && tcp_recv_finished(other->conn))
			splice_end(sp, (enum splice_end)sp->record.end);
		return;
	}
	end = client_died ? splice_move_up(sp) : splice_move_down(sp);
	if (end != SPLICE_OPEN) {
		splice_cut(sp, end);
		return;
	}
	if ((dead->empty || dead->done) && !shut_behind(sp, client_died))
		splice_end(sp, (enum splice_end)sp->record.end);
}
