/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Active open (RFC 9293 section 3.10.1) and the choice of its local port. */
#include <errno.h>

#include "netif.h"
#include "steer.h"
#include "tcp_close.h"
#include "tcp_ecn.h"
#include "tcp_open.h"
#include "tcp_output.h"
#include "tcp_rtt.h"
#include "tcp_table.h"
#include "tcp_timer.h"

/* RFC 6191: with timestamps on, a connection in TIME-WAIT may be followed after a second. */
static bool may_follow(const struct tcp_conn *old)
{
	uint32_t now_ms = (uint32_t)(old->stack->now_us / 1000);

	return old->in_time_wait && old->ts_ok && now_ms - old->ts_recent_ms > TCP_TIME_WAIT_REUSE_MS;
}

/*
 * RFC 6056 algorithm 1: a random port, then the next ones until one is free and its
 * replies come to this worker. *reuse: no free one, but one in TIME-WAIT will do.
 */
static bool choose_port(struct stack *s, const struct netif *nif, struct tuple *t, struct tcp_conn **reuse)
{
	uint32_t n = TCP_PORT_MAX - TCP_PORT_MIN + 1, start = (uint32_t)(tcp_random(s) % n);
	uint16_t reuse_port = 0;

	*reuse = NULL;
	for (uint32_t i = 0; i < TCP_PORT_TRIES; i++) {
		struct tcp_conn *old;

		t->lport = (uint16_t)(TCP_PORT_MIN + (start + i) % n);
		if (nif->steer && steer_tuple(nif->steer, t) != s->config.worker)
			continue;
		old = tcp_lookup(s, t);
		if (!old) {
			*reuse = NULL;
			return true;
		}
		if (!*reuse && may_follow(old)) {
			*reuse = old;
			reuse_port = t->lport;
		}
	}
	t->lport = reuse_port;
	return *reuse != NULL;
}

static struct tcp_conn *fail(int *why, int err)
{
	*why = err;
	return NULL;
}

struct tcp_conn *tcp_connect_from(struct stack *s, const struct addr *laddr, const struct addr *faddr, uint16_t fport,
				  void *user, int *why)
{
	struct tuple t = { .faddr = *faddr, .fport = fport };
	struct ip_path path;
	struct tcp_conn *c;
	int err;

	err = ip_path_init(s, &path, laddr, faddr);
	if (err != 0)
		return fail(why, err);
	t.laddr = path.src;
	if (!choose_port(s, ip_hop_netif(s, &path.hop), &t, &c))
		return fail(why, -EADDRNOTAVAIL);
	s->tcp.follows = c != NULL;
	if (c) {
		s->tcp.follow_seq = c->snd_nxt;
		tcp_conn_end(c, 0);
	}
	c = tcp_conn_new(s, &t);
	if (!c) {
		s->tcp.follows = false;
		count_drop(s->config.counters, DROP_TCP_TABLE_FULL);
		return fail(why, -ENOMEM);
	}
	c->user = user;
	c->state = TCPS_SYN_SENT;
	tcp_open_init(c, &path.hop);
	s->tcp.follows = false;
	tcp_ecn_dial(c);
	count_event(s->config.counters, EVENT_TCP_DIALLED);
	tcp_timer_set(c, TCP_T_RTX, (tcp_output_syn(c) ? tcp_rto_us(c) : TCP_RETRY_US));
	tcp_timer_set(c, TCP_T_LIFE, TCP_CONNECT_US);
	tcp_timer_update(c);
	return c;
}

struct tcp_conn *tcp_connect(struct stack *s, const struct addr *faddr, uint16_t fport, void *user, int *why)
{
	return tcp_connect_from(s, NULL, faddr, fport, user, why);
}
