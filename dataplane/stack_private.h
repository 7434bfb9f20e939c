/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * struct stack as its own protocols see it: eth, arp, nd, ip, icmp and tcp_*. No
 * layer above includes this.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include <rte_mbuf.h>

#include "announce.h"
#include "base/wheel.h"
#include "icmp.h"
#include "mbuf_reserve.h"
#include "neigh.h"
#include "stack.h"
#include "tcp_private.h"

struct stack {
	struct stack_config config;
	uint64_t now_us;	/* of this turn */
	struct wheel wheel;
	struct neigh_table neigh;
	struct icmp_limit icmp_limit;
	struct ip_frags *frags;	/* ip_frag.c; NULL: fragments are dropped */
	struct mbuf_reserve reserve;
	uint32_t tx_full;	/* bit n: port n has a queue in front of its device (stack_set_tx_full) */
	struct announce announce[NETIF_MAX];
	struct tcp_stack tcp;
};

static inline const struct netif *ip_hop_netif(const struct stack *s, const struct ip_hop *hop)
{
	return &s->config.netifs->netifs[hop->nif];
}

/* The neighbour to give packets for @dst to. Borrowed. */
static inline const struct addr *ip_next_hop(const struct stack *s, const struct ip_hop *hop, const struct addr *dst)
{
	return hop->route ? &s->config.netifs->routes[hop->route - 1].via : dst;
}

static inline void stack_drop(struct stack *s, enum drop d, struct rte_mbuf *m)
{
	count_drop(s->config.counters, d);
	rte_pktmbuf_free(m);
}
