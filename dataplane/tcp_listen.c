/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_listen.h"

#include "base/assert.h"
#include "tcp_cookie.h"
#include "tcp_list.h"
#include "tcp_open.h"
#include "tcp_output.h"
#include "tcp_rtt.h"
#include "tcp_table.h"
#include "tcp_timer.h"

static void begin(struct tcp_conn *c, const struct ip_hop *hop, const struct tcp_rx *rx)
{
	c->passive = true;
	c->state = TCPS_SYN_RCVD;
	tcp_open_init(c, hop);
	tcp_open_peer_syn(c, rx);
	tcp_list_half_open(c);
	/* Without an mbuf the deadline sends it, or the client's next SYN does. */
	tcp_output_syn(c);
	tcp_timer_set(c, TCP_T_RTX, tcp_rto_us(c));
	tcp_timer_set(c, TCP_T_LIFE, TCP_HALF_OPEN_US);
	tcp_timer_update(c);
}

void tcp_listen_input(struct stack *s, const struct netif *nif, const struct ip_info *info,
		      const struct tuple *t, const struct tcp_rx *rx)
{
	struct ip_path path;
	struct tcp_conn *c;

	switch (s->config.ops.syn(s->config.ops.arg, t, nif)) {
	case STACK_ACCEPT:
		break;
	case STACK_REFUSE:
		tcp_reply_rst(s, info, t, rx);
		return;
	case STACK_IGNORE:
	default:
		return;
	}
	/* No route: counted there. */
	if (ip_path_init(s, &path, &info->dst, &info->src) != 0)
		return;
	if (tcp_cookie_wanted(s)) {
		tcp_cookie_syn(s, t, &path.hop, rx);
		return;
	}
	ASSERT(s->tcp.n_half_open < s->config.max_half_open);
	c = tcp_conn_new(s, t);
	if (!c) {
		count_drop(s->config.counters, DROP_TCP_TABLE_FULL);
		return;
	}
	begin(c, &path.hop, rx);
}
