/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_mbuf.h>
#include <rte_ring_elem.h>

#include "base/assert.h"
#include "certificate.h"
#include "cut.h"
#include "../../unit/eal.h"
#include "offload.h"
#include "peer.h"
#include "tcp.h"
#include "tls/remember.h"
#include "tls/tickets.h"
#include "tls/tls.h"

#define TLS_HEAP_BYTES (64u << 20)
#define OUTSIDE_MBUFS 12287u
#define BURST 32
#define GATEWAY_MBUFS 12287u	/* the client's records are made of them, too */

const struct world_config world_usual = { .faults.delay_us = 5000, .max_splices = 200, .buffer_bytes = 6291456, .seed = 1 };

void world_count_input(struct world *w, struct link *link, struct rte_mbuf **burst, unsigned int n);
void world_count_splices(struct world *w);
void world_count_tick(struct world *w);
void world_count_handshakes(struct world *w);
void world_pause_wire(struct link *link, struct rte_mbuf *m, uint64_t now_us);

COUNTED void world_count_input(struct world *w, struct link *link, struct rte_mbuf **burst, unsigned int n)
{
	stack_input(w->nodes[GATEWAY].stack, link->to, burst, n, w->now_us);
}

COUNTED void world_count_splices(struct world *w)
{
	splices_run(w->splices, w->policy, w->now_us);
}

COUNTED void world_count_tick(struct world *w)
{
	stack_tick(w->nodes[GATEWAY].stack, w->now_us);
}

COUNTED void world_count_handshakes(struct world *w)
{
	splices_shake(w->splices);
}

COUNTED void world_pause_wire(struct link *link, struct rte_mbuf *m, uint64_t now_us)
{
	wire_send(&link->wire, rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len, now_us);
}

static void transmit_frame(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	struct node *n = arg;
	struct world *w = n->world;
	struct link *link = n->out[nif->id];

	/* Flat, as the wire copies frames. */
	m = offload_finish(m, 0, n->id == GATEWAY ? w->gateway_mbufs : w->mbufs);
	ASSERT(m != NULL);
	if (!link->cut && n->id == GATEWAY)
		world_pause_wire(link, m, w->now_us);
	else if (!link->cut)
		wire_send(&link->wire, rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len, w->now_us);
	rte_pktmbuf_free(m);
}

static void transmit(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	struct node *n = arg;
	struct world *w = n->world;

	offload_send(m, nif, n->id == GATEWAY ? w->gateway_mbufs : w->mbufs, &n->counters, transmit_frame, n);
}

static enum stack_verdict gateway_syn(void *arg, const struct tuple *t, const struct netif *nif)
{
	struct node *n = arg;

	(void)nif;
	return splices_syn(n->world->splices, n->world->policy, t);
}

static enum stack_verdict server_syn(void *arg, const struct tuple *t, const struct netif *nif)
{
	struct node *n = arg;

	(void)nif;
	n->world->server_syns++;
	return n->world->server_verdict[t->lport == 144];
}

static enum stack_verdict client_syn(void *arg, const struct tuple *t, const struct netif *nif)
{
	(void)arg, (void)t, (void)nif;
	return STACK_REFUSE;
}

static void add_netif(struct node *n, const char *name, uint8_t mac, const char *const *addrs)
{
	struct netif *nif = &n->netifs.netifs[n->netifs.n_netifs];

	snprintf(nif->name, sizeof(nif->name), "%s", name);
	nif->id = (uint8_t)n->netifs.n_netifs++;
	nif->mac = (struct rte_ether_addr){ .addr_bytes = { 2, 0, 0, 0, 0, mac } };
	nif->mtu = 1500;
	nif->offloads = NETIF_TX_SCATTER;
	nif->tso_max_bytes = CUT_BYTES_MAX;
	nif->tso_max_pieces = CUT_PIECES_MAX;
	for (; *addrs != NULL; addrs++)
		ASSERT(prefix_parse(*addrs, &nif->addrs[nif->n_addrs++]) == 0);
}

static void join(struct world *w, enum node_id from, unsigned int from_nif, enum node_id to, unsigned int to_nif,
		 struct link *link)
{
	link->to_node = to;
	link->to = &w->nodes[to].netifs.netifs[to_nif];
	w->nodes[from].out[from_nif] = link;
}

static void make_nodes(struct world *w, const struct world_config *c)
{
	static const char *const client[] = { "192.0.2.2/24", "2001:db8:1::2/64", NULL };
	static const char *const outside[] = { "192.0.2.10/24", "2001:db8:1::10/64", NULL };
	static const char *const inside[] = { "10.20.0.1/24", NULL };
	static const char *const server[] = { "10.20.0.2/24", NULL };
	enum stack_verdict (*const syn[NODES])(void *, const struct tuple *, const struct netif *) = {
		client_syn, gateway_syn, server_syn,
	};

	add_netif(&w->nodes[CLIENT], "client", 1, client);
	add_netif(&w->nodes[GATEWAY], "outside", 2, outside);
	add_netif(&w->nodes[GATEWAY], "inside", 3, inside);
	add_netif(&w->nodes[SERVER], "server", 4, server);
	join(w, CLIENT, 0, GATEWAY, 0, &w->links[0]);
	join(w, GATEWAY, 0, CLIENT, 0, &w->links[1]);
	join(w, GATEWAY, 1, SERVER, 0, &w->links[2]);
	join(w, SERVER, 0, GATEWAY, 1, &w->links[3]);
	for (unsigned int i = 0; i < 4; i++) {
		wire_init(&w->links[i].wire, c->seed * 4 + i);
		w->links[i].wire.faults = c->faults;
	}
	for (unsigned int i = 0; i < NODES; i++) {
		struct node *n = &w->nodes[i];
		struct stack_config config = {
			.n_workers = 1,
			.max_conns = 600,
			.max_half_open = 200,
			.max_neighbours = 16,
			.rcv_buffer_bytes = c->buffer_bytes,
			.snd_buffer_bytes = c->buffer_bytes,
			.secret = { c->seed, i },
			.netifs = &n->netifs,
			.mbufs = i == GATEWAY ? w->gateway_mbufs : w->mbufs,
			.counters = &n->counters,
			.ops = { .transmit = transmit, .syn = syn[i], .arg = n },
		};
		char err[256];

		n->world = w;
		n->id = (enum node_id)i;
		ASSERT(netifs_init(&n->netifs, err, sizeof(err)) == 0);
		n->stack = stack_new(&config, w->now_us);
		ASSERT(n->stack != NULL);
	}
}

static void make_rule(struct world *w, const struct world_config *c)
{
	struct rule *r = &w->rule;

	snprintf(r->name, sizeof(r->name), "imap");
	ASSERT(addr_parse(WORLD_LISTEN(c->ipv6), &r->addr) == 0);
	r->port = 993;
	r->n_servers = 1;
	ASSERT(addr_parse(WORLD_SERVER, &r->servers[0].addr) == 0);
	r->servers[0].port = 143;
	r->servers[1] = r->servers[0];
	r->servers[1].port = 144;
	r->idle_timeout_us = 1800000000;
	r->handshake_timeout_us = 10000000;
	r->counts = &w->rule_count;
	r->slots = &w->rule_slot;
	r->slots[0].tls = certificate_server_ctx();
	w->client_tls = certificate_client_ctx(c->group);
	w->policy = calloc(1, sizeof(*w->policy) + sizeof(w->policy->rules[0]));
	ASSERT(w->policy != NULL);
	w->policy->n_rules = 1;
	w->policy->rules[0] = r;
}

/* The gateway's look at the time, before the first of a turn's handshakes and after each. */
static struct world *clocked;

static uint64_t clock_us(void)
{
	uint64_t now_us = clocked->now_us + clocked->spent_us;

	clocked->spent_us += clocked->handshake_us;
	return now_us;
}

/* The last look was followed by no handshake. */
static void let_time_pass(struct world *w)
{
	if (w->spent_us > 0)
		w->now_us += w->spent_us - w->handshake_us;
	w->spent_us = 0;
}

static struct rte_mempool *outside_pool, *gateway_pool;

struct world *world_new(const struct world_config *c)
{
	struct world *w = calloc(1, sizeof(*w));
	struct splices_config splices;

	ASSERT(w != NULL);
	test_eal_init();
	if (outside_pool == NULL) {
		outside_pool = test_mbuf_pool("outside", OUTSIDE_MBUFS);
		gateway_pool = test_mbuf_pool("gateway", GATEWAY_MBUFS);
		certificate_init();
	}
	ASSERT(tls_worker_init(TLS_HEAP_BYTES, gateway_pool) == 0);
	w->tickets = c->tickets ? tls_tickets_new(NULL, TLS_TICKET_LIFETIME_DEFAULT_S) : NULL;
	tls_worker_set_tickets(w->tickets);
	w->mbufs = outside_pool;
	w->gateway_mbufs = gateway_pool;
	w->now_us = 1000000;
	w->handshake_us = c->handshake_us;
	clocked = w;
	w->log = rte_ring_create_elem("log", sizeof(struct record_told), c->log_records ? c->log_records : 256, SOCKET_ID_ANY,
				      RING_F_SP_ENQ | RING_F_SC_DEQ);
	ASSERT(w->log != NULL);
	make_nodes(w, c);
	make_rule(w, c);
	splices = (struct splices_config){
		.max_splices = c->max_splices,
		.handshake_budget_us = c->handshake_budget_us ? c->handshake_budget_us : 100,
		.clock_us = clock_us,
		.stack = w->nodes[GATEWAY].stack,
		.mbufs = w->gateway_mbufs,
		.counters = &w->nodes[GATEWAY].counters,
		.log = w->log,
	};
	w->splices = splices_new(&splices);
	ASSERT(w->splices != NULL);
	return w;
}

static bool never(struct world *w)
{
	(void)w;
	return false;
}

void world_free(struct world *w)
{
	for (unsigned int i = 0; i < w->n_peers; i++)
		peer_free(w->peers[i]);
	w->n_peers = 0;
	splices_close_all(w->splices);
	/* TIME-WAIT and every other state that has a limit. */
	world_run(w, never, 600000000);
	ASSERT(w->rule_slot.connections == 0);
	ASSERT(splices_open(w->splices) == 0);
	for (unsigned int i = 0; i < NODES; i++)
		ASSERT(stack_conns(w->nodes[i].stack) == 0);
	splices_free(w->splices);
	for (unsigned int i = 0; i < NODES; i++)
		stack_free(w->nodes[i].stack);
	for (unsigned int i = 0; i < 4; i++)
		wire_fini(&w->links[i].wire);
	certificate_free_ctx(w->rule_slot.tls);
	certificate_free_ctx(w->client_tls);
	certificate_free_ctx(w->rule_slot.server_tls);
	certificate_free_ctx(w->server_tls[0]);
	certificate_free_ctx(w->server_tls[1]);
	tls_remember_nothing();
	ASSERT(tls_worker_heap_used() == 0);
	tls_worker_fini();
	tls_tickets_free(w->tickets);
	ASSERT(rte_mempool_full(w->mbufs));
	ASSERT(rte_mempool_full(w->gateway_mbufs));
	rte_ring_free(w->log);
	free(w->policy);
	free(w->listening);
	free(w);
}

static struct rte_mbuf *receive(struct world *w, const struct link *link, const struct wire_frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(link->to_node == GATEWAY ? w->gateway_mbufs : w->mbufs);

	if (m == NULL)	/* lost, as on a device without descriptors */
		return NULL;
	ASSERT(f->bytes <= rte_pktmbuf_tailroom(m));
	memcpy(rte_pktmbuf_append(m, (uint16_t)f->bytes), f->data, f->bytes);
	return m;
}

/* What arrives at the same time comes in bursts, as from a device. */
static void deliver(struct world *w, struct link *link)
{
	struct rte_mbuf *burst[BURST];
	struct wire_frame *f;
	unsigned int n;

	do {
		for (n = 0; n < BURST && (f = wire_take(&link->wire, w->now_us)) != NULL; free(f)) {
			burst[n] = receive(w, link, f);
			n += burst[n] != NULL;
		}
		if (link->to_node == GATEWAY && n > 0)
			world_count_input(w, link, burst, n);
		else if (n > 0)
			stack_input(w->nodes[link->to_node].stack, link->to, burst, n, w->now_us);
	} while (n > 0);
}

static void take_connections(struct world *w, struct node *n)
{
	struct tcp_conn *c;

	while ((c = stack_ready(n->stack)) != NULL) {
		if (tcp_user(c) == NULL)
			peer_accept(w, c);
	}
}

static void turn(struct world *w)
{
	for (unsigned int i = 0; i < 4; i++)
		deliver(w, &w->links[i]);
	world_count_splices(w);
	take_connections(w, &w->nodes[CLIENT]);
	take_connections(w, &w->nodes[SERVER]);
	for (unsigned int i = 0; i < w->n_peers; i++)
		peer_step(w->peers[i]);
	stack_tick(w->nodes[CLIENT].stack, w->now_us);
	world_count_tick(w);
	stack_tick(w->nodes[SERVER].stack, w->now_us);
	world_count_handshakes(w);
	let_time_pass(w);
	while (w->n_records < 256 && rte_ring_dequeue_elem(w->log, &w->told, sizeof(w->told)) == 0)
		w->records[w->n_records++] = w->told.record;
}

static uint64_t next_event_us(const struct world *w)
{
	uint64_t next_us = splices_pending(w->splices) ? w->now_us : UINT64_MAX;

	for (unsigned int i = 0; i < 4; i++) {
		if (wire_next_us(&w->links[i].wire) < next_us)
			next_us = wire_next_us(&w->links[i].wire);
	}
	for (unsigned int i = 0; i < NODES; i++) {
		if (stack_next_us(w->nodes[i].stack) < next_us)
			next_us = stack_next_us(w->nodes[i].stack);
	}
	return next_us;
}

bool world_run(struct world *w, bool (*done)(struct world *), uint64_t limit_us)
{
	uint64_t end_us = w->now_us + limit_us;

	for (;;) {
		uint64_t next_us;

		turn(w);
		if (done(w))
			return true;
		next_us = next_event_us(w);
		if (next_us > end_us) {
			w->now_us = end_us;
			turn(w);
			return done(w);
		}
		/* A turn takes time, if only a little. */
		w->now_us = next_us > w->now_us ? next_us : w->now_us + 10;
	}
}

bool world_ended(struct world *w)
{
	for (unsigned int i = 0; i < w->n_peers; i++) {
		if (w->peers[i]->conn != NULL)
			return false;
	}
	return w->n_peers > 0 && splices_open(w->splices) == 0;
}

void world_wait(struct world *w, uint64_t us)
{
	world_run(w, never, us);
}

struct record world_record(struct world *w)
{
	ASSERT(w->n_records == 1);
	w->n_records = 0;
	return w->records[0];
}
