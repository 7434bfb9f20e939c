/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The user's side (tcp.h). */
#include "tcp.h"

#include <string.h>

#include <rte_mbuf.h>

#include "base/assert.h"
#include "tcp_cc.h"
#include "tcp_close.h"
#include "tcp_list.h"
#include "tcp_output.h"
#include "tcp_rcvq.h"
#include "tcp_room.h"
#include "tcp_rtt.h"
#include "tcp_sndq.h"
#include "tcp_window.h"

uint32_t tcp_events(struct tcp_conn *c)
{
	uint32_t events = c->events;

	c->events = 0;
	return events;
}

void tcp_wake(struct tcp_conn *c)
{
	ASSERT(!c->released);
	tcp_list_woken(c);
}

void *tcp_user(const struct tcp_conn *c)
{
	return c->user;
}

void tcp_set_user(struct tcp_conn *c, void *user)
{
	c->user = user;
}

const struct tuple *tcp_tuple(const struct tcp_conn *c)
{
	return &c->tuple;
}

uint32_t tcp_send_room(struct tcp_conn *c)
{
	uint32_t room;

	if (c->fin_wanted || c->state == TCPS_CLOSED)
		return 0;
	room = tcp_room(c);
	c->room_wanted |= tcp_room_is_small(c);
	/* No acknowledgment will come to say that there is room again. */
	if (room == 0 && c->snd_bytes == 0)
		tcp_list_output(c);
	return room;
}

void tcp_send(struct tcp_conn *c, struct rte_mbuf *chain)
{
	ASSERT(!c->released && !c->fin_wanted);
	if (c->state == TCPS_CLOSED) {
		rte_pktmbuf_free(chain);
		return;
	}
	tcp_rate_look(c);
	tcp_sndq_append(c, chain);
	c->room_wanted |= tcp_room_is_small(c);
	tcp_list_output(c);
}

uint32_t tcp_send_queued(const struct tcp_conn *c)
{
	return c->snd_bytes;
}

void tcp_shutdown(struct tcp_conn *c)
{
	if (c->fin_wanted || c->state == TCPS_CLOSED)
		return;
	c->fin_wanted = true;
	tcp_list_output(c);
}

uint32_t tcp_recv_bytes(const struct tcp_conn *c)
{
	return c->rcv_bytes;
}

uint32_t tcp_recv_peek(const struct tcp_conn *c, uint8_t *to, uint32_t bytes)
{
	uint32_t at = 0;

	for (const struct rte_mbuf *m = c->rcv_head; m && at < bytes; m = m->next) {
		uint32_t n = RTE_MIN(m->data_len, bytes - at);

		memcpy(to + at, rte_pktmbuf_mtod(m, const uint8_t *), n);
		at += n;
	}
	return at;
}

struct rte_mbuf *tcp_recv(struct tcp_conn *c, uint32_t max_bytes)
{
	struct rte_mbuf *chain = tcp_rcvq_take(c, max_bytes);

	if (chain && tcp_synchronized(c) && !c->fin_received) {
		tcp_window_round(c);
		tcp_list_output(c);
	}
	return chain;
}

void tcp_recv_skip(struct tcp_conn *c, uint32_t bytes)
{
	ASSERT(bytes <= c->rcv_bytes);
	while (bytes > 0 && c->rcv_head->data_len <= bytes) {
		struct rte_mbuf *m = tcp_recv(c, 1);	/* one mbuf, then */

		bytes -= m->pkt_len;
		rte_pktmbuf_free(m);
	}
	if (bytes > 0)
		tcp_rcvq_cut(c, (uint16_t)bytes);
}

bool tcp_recv_finished(const struct tcp_conn *c)
{
	return c->fin_received && c->rcv_bytes == 0;
}

bool tcp_send_finished(const struct tcp_conn *c)
{
	return c->fin_sent && c->snd_una == c->snd_nxt;
}

void tcp_reset(struct tcp_conn *c)
{
	ASSERT(!c->released);
	if (c->state == TCPS_CLOSED)
		return;
	if (c->state != TCPS_SYN_SENT && c->state != TCPS_TIME_WAIT)
		tcp_output_rst(c);
	tcp_conn_end(c, 0);
}

void tcp_release(struct tcp_conn *c)
{
	ASSERT(!c->released);
	tcp_close_release(c);
}

void tcp_info(const struct tcp_conn *c, struct tcp_info *info)
{
	static const char *const names[] = {
		[TCPS_CLOSED] = "CLOSED", [TCPS_SYN_SENT] = "SYN-SENT", [TCPS_SYN_RCVD] = "SYN-RECEIVED",
		[TCPS_ESTABLISHED] = "ESTABLISHED", [TCPS_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCPS_FIN_WAIT_1] = "FIN-WAIT-1", [TCPS_FIN_WAIT_2] = "FIN-WAIT-2",
		[TCPS_CLOSING] = "CLOSING", [TCPS_LAST_ACK] = "LAST-ACK", [TCPS_TIME_WAIT] = "TIME-WAIT",
	};

	info->state = names[c->state];
	info->congestion = tcp_cc(c)->name;
	info->pacing_rate = c->pacing_rate;
	info->delivery_rate = !tcp_synchronized(c) ? 0 : tcp_cc_models(c) ? c->bbr.bw_latest : c->win.delivery_rate;
	info->srtt_us = c->srtt_us;
	info->rto_us = tcp_rto_us(c);
	info->cwnd_bytes = c->cwnd;
	info->mss_bytes = c->mss;
	info->retransmits = c->retransmits;
}
