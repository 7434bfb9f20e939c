/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_close.h"

#include "tcp_keepalive.h"
#include "tcp_list.h"
#include "tcp_orphan.h"
#include "tcp_output.h"
#include "tcp_rcvq.h"
#include "tcp_sndq.h"
#include "tcp_table.h"
#include "tcp_timer.h"

static void enter_time_wait(struct tcp_conn *c)
{
	c->state = TCPS_TIME_WAIT;
	tcp_timer_off(c, TCP_T_RTX);
	tcp_keepalive_off(c);	/* it has an end anyway */
	tcp_timer_set(c, TCP_T_LIFE, TCP_TIME_WAIT_US);
	if (c->released)
		tcp_list_time_wait(c);
	tcp_timer_update(c);
}

bool tcp_close_fin_acked(struct tcp_conn *c)
{
	switch (c->state) {
	case TCPS_FIN_WAIT_1:
		c->state = TCPS_FIN_WAIT_2;
		if (c->released) {
			tcp_timer_set(c, TCP_T_LIFE, TCP_FIN_WAIT_2_US);
			tcp_orphan_join(c);
			tcp_timer_update(c);
		}
		return false;
	case TCPS_CLOSING:
		enter_time_wait(c);
		return false;
	case TCPS_LAST_ACK:
		tcp_conn_end(c, TCP_WRITABLE);
		return true;
	default:
		return false;
	}
}

void tcp_close_fin_received(struct tcp_conn *c)
{
	c->fin_received = true;
	c->fin_ahead = false;
	c->rcv_nxt++;
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt);
	c->ack_now = true;
	switch (c->state) {
	case TCPS_ESTABLISHED:
		c->state = TCPS_CLOSE_WAIT;
		break;
	case TCPS_FIN_WAIT_1:
		c->state = TCPS_CLOSING;
		break;
	case TCPS_FIN_WAIT_2:
		enter_time_wait(c);
		break;
	default:
		break;
	}
	tcp_notify(c, TCP_FIN);
}

void tcp_conn_end(struct tcp_conn *c, uint32_t events)
{
	bool owned = !c->released && !(c->passive && c->state == TCPS_SYN_RCVD);

	tcp_sndq_purge(c);
	if (!owned) {
		tcp_rcvq_purge(c);
		tcp_conn_free(c);
		return;
	}
	/* What came in order before the end stays readable until tcp_release. */
	tcp_timer_stop(c);
	tcp_list_half_open_leave(c);
	tcp_table_remove(c);
	c->state = TCPS_CLOSED;
	if (events != 0)
		tcp_notify(c, events);
}

void tcp_close_release(struct tcp_conn *c)
{
	tcp_list_ready_leave(c);
	c->released = true;
	tcp_keepalive_off(c);	/* what is left has an end anyway */
	c->user = NULL;
	c->events = 0;
	tcp_rcvq_purge(c);
	switch (c->state) {
	case TCPS_CLOSED:
	case TCPS_SYN_SENT:
		tcp_conn_end(c, 0);
		return;
	case TCPS_SYN_RCVD:
		tcp_output_rst(c);
		tcp_conn_end(c, 0);
		return;
	case TCPS_TIME_WAIT:
		tcp_list_time_wait(c);
		return;
	case TCPS_FIN_WAIT_2:
		tcp_timer_set(c, TCP_T_LIFE, TCP_FIN_WAIT_2_US);
		tcp_orphan_join(c);
		break;
	default:
		c->fin_wanted = true;
		tcp_timer_set(c, TCP_T_LIFE, TCP_ORPHAN_US);
		tcp_orphan_join(c);
		tcp_list_output(c);
		break;
	}
	tcp_timer_update(c);
}
