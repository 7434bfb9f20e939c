/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "box.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_mbuf.h>

#include "base/assert.h"
#include "eal.h"

static struct rte_mempool *pool;

static void transmit(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	struct box *b = arg;

	ASSERT(b->n_sent < BOX_SENT_MAX);
	b->sent_on[b->n_sent] = nif;
	b->sent[b->n_sent++] = m;
}

static void hand_over(void *arg, uint16_t worker, struct rte_mbuf *m)
{
	struct box *b = arg;

	b->n_handed++;
	b->handed_to = worker;
	b->handed_bytes = m->pkt_len;
	rte_pktmbuf_free(m);
}

static enum stack_verdict syn(void *arg, const struct tuple *t, const struct netif *nif)
{
	return STACK_ACCEPT;
}

static void own(struct netif *nif, const char *text)
{
	int rc = prefix_parse(text, &nif->addrs[nif->n_addrs++]);

	ASSERT(rc == 0);
}

static void route(struct netifs *n, const char *to, const char *via)
{
	struct route *r = &n->routes[n->n_routes++];
	int rc = prefix_parse(to, &r->to) | addr_parse(via, &r->via);

	ASSERT(rc == 0);
}

static void ports(struct netifs *n, uint16_t vlan)
{
	char err[200];

	n->n_netifs = 2;
	for (unsigned int i = 0; i < 2; i++) {
		struct netif *nif = &n->netifs[i];

		snprintf(nif->name, sizeof(nif->name), "port%u", i);
		nif->mtu = 1500;
		nif->mac = (struct rte_ether_addr){ { 2, 0, 0, 0, (uint8_t)i, 1 } };
	}
	n->netifs[1].vlan = vlan;
	own(&n->netifs[0], "192.0.2.1/24");
	own(&n->netifs[0], "192.0.2.100/32");
	own(&n->netifs[0], "2001:db8:1::1/64");
	own(&n->netifs[1], "10.0.0.1/24");
	own(&n->netifs[1], "2001:db8:2::1/64");
	route(n, "default", "192.0.2.254");
	route(n, "default", "2001:db8:1::fe");
	if (netifs_init(n, err, sizeof(err)) != 0) {
		fprintf(stderr, "box: %s\n", err);
		abort();
	}
}

void box_init(struct box *b, const struct box_options *options)
{
	static const struct box_options none;
	const struct box_options *o = options ? options : &none;
	struct stack_config config = {
		.worker = o->worker,
		.n_workers = (uint16_t)(o->worker + 1),
		.max_conns = 64,
		.max_half_open = 32,
		.max_neighbours = o->max_neighbours ? o->max_neighbours : 64,
		.rcv_buffer_bytes = o->buffer_bytes ? o->buffer_bytes : 65536,
		.snd_buffer_bytes = o->buffer_bytes ? o->buffer_bytes : 65536,
		.reassemble = o->reassemble,
		.secret = { 0x0123456789abcdefull, 0xfedcba9876543210ull },
		.netifs = &b->netifs,
		.counters = &b->counters,
		.ops = { .transmit = transmit, .syn = syn, .hand_over = hand_over, .arg = b },
	};

	memset(b, 0, sizeof(*b));
	if (!pool)
		pool = test_mbuf_pool("box", BOX_MBUFS);
	b->mbufs = pool;
	config.mbufs = pool;
	b->now_us = 1000000;
	ports(&b->netifs, o->vlan);
	b->stack = stack_new(&config, b->now_us);
	ASSERT(b->stack != NULL);
}

void box_clear(struct box *b)
{
	rte_pktmbuf_free_bulk(b->sent, b->n_sent);
	b->n_sent = 0;
}

void box_fini(struct box *b)
{
	unsigned int left;

	box_clear(b);
	stack_free(b->stack);
	left = rte_mempool_in_use_count(b->mbufs);
	if (left != 0)
		fprintf(stderr, "box: %u mbufs were lost\n", left);
	ASSERT(left == 0);
}

void box_run(struct box *b, uint64_t us)
{
	uint64_t end = b->now_us + us;

	/* As a sleeping worker: from event to event, so that stack_next_us is tested as well. */
	while (b->now_us < end) {
		uint64_t next = stack_next_us(b->stack);

		b->now_us = next <= b->now_us ? b->now_us + 1 : next < end ? next : end;
		stack_tick(b->stack, b->now_us);
	}
}

uint64_t box_drops(const struct box *b, enum drop d)
{
	return b->counters.drops[d];
}

uint64_t box_all_drops(const struct box *b)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < DROP_COUNT; i++)
		n += b->counters.drops[i];
	return n;
}

uint64_t box_events(const struct box *b, enum event e)
{
	return b->counters.events[e];
}

struct rte_mbuf *box_mbuf(struct box *b, const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->mbufs), *last = m;
	size_t at = 0, each = b->split ? b->split : f->n;

	ASSERT(m != NULL);
	m->ol_flags |= f->rx_flags;
	m->vlan_tci = f->vlan_tci;
	while (at < f->n) {
		/* The last of many segments takes the rest: the pool is small. */
		size_t take = f->n - at < each || m->nb_segs == 256 ? f->n - at : each;

		if (at > 0) {
			struct rte_mbuf *seg = rte_pktmbuf_alloc(b->mbufs);

			ASSERT(seg != NULL);
			last->next = seg;
			last = seg;
			m->nb_segs++;
		}
		memcpy(rte_pktmbuf_mtod(last, char *), f->bytes + at, take);
		last->data_len = (uint16_t)take;
		m->pkt_len += (uint32_t)take;
		at += take;
	}
	return m;
}

void box_give(struct box *b, unsigned int nif, const struct frame *f)
{
	struct rte_mbuf *m = box_mbuf(b, f);

	stack_input(b->stack, &b->netifs.netifs[nif], &m, 1, b->now_us);
}

const uint8_t *box_sent(const struct box *b, unsigned int i, size_t *n)
{
	static uint8_t copy[65536];

	ASSERT(i < b->n_sent);
	*n = b->sent[i]->pkt_len;
	return rte_pktmbuf_read(b->sent[i], 0, (uint32_t)*n, copy);
}
