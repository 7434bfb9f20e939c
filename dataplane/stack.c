/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stack.h"

#include <stdlib.h>

#include "base/lines.h"
#include "eth.h"
#include "ip_frag.h"
#include "join.h"
#include "stack_private.h"
#include "tcp.h"
#include "tcp_ahead.h"

/* As fine as pacing needs; TCP's other timers keep to whole milliseconds by themselves (tcp_timer.c). */
#define TICK_US 128u
/* Timers per turn: a burst of them mustn't keep the queues waiting; the rest fires in the next turn. */
#define TIMERS_PER_TURN 512u

struct stack *stack_new(const struct stack_config *config, uint64_t now_us)
{
	struct stack *s = lines_alloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *config;
	s->now_us = now_us;
	s->reserve.pool = config->mbufs;
	s->reserve.share = config->queue_mbufs ? config->queue_mbufs : config->mbufs->size;
	wheel_init(&s->wheel, TICK_US, now_us);
	icmp_limit_init(&s->icmp_limit, now_us);
	for (unsigned int i = 0; i < config->netifs->n_netifs; i++)
		announce_init(&s->announce[i], s, &config->netifs->netifs[i]);
	if (neigh_init(s) != 0)
		goto no_neigh;
	if (ip_frag_init(s) != 0)
		goto no_frags;
	if (tcp_stack_init(s) != 0)
		goto no_tcp;
	return s;
no_tcp:
	ip_frag_fini(s);
no_frags:
	neigh_fini(s);
no_neigh:
	free(s);
	return NULL;
}

void stack_free(struct stack *s)
{
	if (!s)
		return;
	tcp_stack_fini(s);
	ip_frag_fini(s);
	neigh_fini(s);
	free(s);
}

void stack_input(struct stack *s, const struct netif *nif, struct rte_mbuf **mbufs, unsigned int n, uint64_t now_us)
{
	uint64_t bytes = 0;

	s->now_us = now_us;
	counter_add(&s->config.counters->events[EVENT_RX_PACKETS], n);
	for (unsigned int i = 0; i < n; i++)
		bytes += mbufs[i]->pkt_len;
	if (n > 1)
		n = join_burst(mbufs, n);
	for (unsigned int i = 0; i < n; i++) {
		if (i % TCP_AHEAD_MAX == 0 && n - i > 1 && tcp_ahead_pays(s))
			tcp_ahead(s, mbufs + i, RTE_MIN(n - i, TCP_AHEAD_MAX));
		eth_input(s, nif, mbufs[i]);
	}
	counter_add(&s->config.counters->events[EVENT_RX_BYTES], bytes);
}

unsigned int stack_tick(struct stack *s, uint64_t now_us)
{
	unsigned int fired;

	s->now_us = now_us;
	fired = wheel_run(&s->wheel, now_us, TIMERS_PER_TURN);
	tcp_turn_end(s);
	return fired;
}

uint64_t stack_next_us(const struct stack *s)
{
	return tcp_busy(s) ? s->now_us : wheel_next_us(&s->wheel);
}

void stack_announce(struct stack *s, const struct netif *nif, uint64_t now_us)
{
	s->now_us = now_us;
	if (s->config.worker == 0)
		announce_begin(&s->announce[nif->id]);
}

void stack_set_tx_full(struct stack *s, const struct netif *nif, bool full)
{
	uint32_t bit = 1u << nif->id;

	s->tx_full = full ? s->tx_full | bit : s->tx_full & ~bit;
}

struct wheel *stack_wheel(struct stack *s)
{
	return &s->wheel;
}

uint64_t stack_now_us(const struct stack *s)
{
	return s->now_us;
}

struct tcp_conn *stack_ready(struct stack *s)
{
	return tcp_next_ready(s);
}

const struct mbuf_reserve *stack_reserve(const struct stack *s)
{
	return &s->reserve;
}

uint32_t stack_conns(const struct stack *s)
{
	return tcp_conns(s);
}

uint32_t stack_half_open(const struct stack *s)
{
	return s->tcp.n_half_open;
}

bool stack_syn_cookies(const struct stack *s)
{
	return s->tcp.cookies.on;
}
