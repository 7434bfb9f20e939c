/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transport over DPDK ports: one stack of ours with a port at the gateway's
 * external side, where the clients live, and one at its internal side, where the
 * backend does. The turn is the worker's (dataplane/worker.c) without splices.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <rte_mbuf.h>

#include "bench/flows.h"
#include "bench/memory.h"
#include "bench/options.h"
#include "bench/transport.h"
#include "base/assert.h"
#include "eal.h"
#include "offload.h"
#include "port.h"
#include "stack.h"
#include "txq.h"

#define BURST 32
#define HALF_OPEN 16384u
#define TIME_WAIT 65536u	/* closed connections that are remembered; the oldest make room for new ones */
#define BUFFER_BYTES (4u << 20)
#define NEIGHBOURS 1024u
#define LINK_WATCH_US 100000u
#define SETTLE_US 50000u
#define SPIN_US 100
#define SLEEP_NS 50000

struct dpdk {
	struct transport transport;	/* first */
	struct netifs netifs;
	struct port ports[2];
	struct txq tx[2][OPTIONS_QUEUES_MAX];
	uint16_t n_queues;
	struct flows flows;	/* where there are several queues */
	struct stack *stack;
	struct counters counters;
	struct addr sources[NETIF_ADDRS_MAX];	/* the clients' addresses, dialled from in turn */
	unsigned int n_sources, next_source;
	uint16_t listen_port;		/* 0: nobody listens */
	bool sleep;
	uint64_t link_watched_us, busy_us;
};

/* The stack's connection is the transport's. */
static struct tcp_conn *tcp_of(const struct conn *c)
{
	return (struct tcp_conn *)(uintptr_t)c;
}

static struct conn *conn_of(struct tcp_conn *c)
{
	return (struct conn *)c;
}

static void tx_flush(struct dpdk *d, unsigned int port)
{
	bool full = false;

	for (uint16_t i = 0; i < d->n_queues; i++) {
		struct txq *q = &d->tx[port][i];

		if (txq_frames(q) > 0)
			txq_flush(q, &d->ports[port], i, &d->counters, d->transport.now_us);
		full |= txq_full(q);
	}
	stack_set_tx_full(d->stack, d->ports[port].nif, full);
	/* The gateway didn't take them for long: as if a wire had lost them. TCP mends it, and the result says so. */
	d->transport.lost_frames = d->counters.drops[DROP_TX_FULL];
}

static void transmit_frame(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	struct dpdk *d = arg;
	struct txq *q;

	q = &d->tx[nif->id][d->n_queues > 1 ? flows_queue(&d->flows, m, d->n_queues) : 0];
	if (!txq_put(q, m)) {
		count_drop(&d->counters, DROP_TX_FULL);
		rte_pktmbuf_free(m);
	}
	if (txq_flush_due(q))
		tx_flush(d, nif->id);
}

static void transmit(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	struct dpdk *d = arg;

	offload_send(m, nif, d->transport.mbufs, &d->counters, transmit_frame, d);
}

static enum stack_verdict syn(void *arg, const struct tuple *t, const struct netif *nif)
{
	const struct dpdk *d = arg;

	(void)nif;
	return t->lport == d->listen_port ? STACK_ACCEPT : STACK_REFUSE;
}

static unsigned int receive_queue(struct dpdk *d, struct port *p, uint16_t queue)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t n = port_rx(p, queue, mbufs, BURST, &d->counters);

	if (n == 0)
		return 0;
	for (uint16_t i = 0; d->n_queues > 1 && i < n; i++)
		flows_learn(&d->flows, mbufs[i], queue);
	stack_input(d->stack, p->nif, mbufs, n, d->transport.now_us);
	return n;
}

static unsigned int receive(struct dpdk *d)
{
	unsigned int total = 0;

	for (unsigned int i = 0; i < d->netifs.n_netifs; i++) {
		for (uint16_t queue = 0; queue < d->n_queues; queue++)
			total += receive_queue(d, &d->ports[i], queue);
	}
	return total;
}

static void accept_conn(struct dpdk *d, struct tcp_conn *c)
{
	struct endpoint *e = d->transport.accept ? d->transport.accept(d->transport.accept_arg, conn_of(c)) : NULL;

	if (e == NULL) {
		tcp_reset(c);
		tcp_release(c);
		return;
	}
	tcp_set_user(c, e);
	e->news(e, tcp_events(c) | TCP_ESTABLISHED);
}

static unsigned int news(struct dpdk *d)
{
	unsigned int n = 0;
	struct tcp_conn *c;

	while ((c = stack_ready(d->stack)) != NULL) {
		struct endpoint *e = tcp_user(c);

		n++;
		if (e == NULL)
			accept_conn(d, c);
		else
			e->news(e, tcp_events(c));
	}
	return n;
}

/* Are all up? Those that have just come up are announced. */
static bool links_up(struct dpdk *d)
{
	bool all_up = true;

	for (unsigned int i = 0; i < d->netifs.n_netifs; i++) {
		if (port_watch_link(&d->ports[i]) && d->ports[i].link_up)
			stack_announce(d->stack, d->ports[i].nif, d->transport.now_us);
		all_up &= d->ports[i].link_up;
	}
	return all_up;
}

static bool turn(struct transport *t, uint64_t idle_until_us)
{
	struct dpdk *d = (struct dpdk *)t;
	uint64_t began = t->awake_from = clock_cycles();
	unsigned int work;

	t->now_us = clock_now_us();
	if (t->now_us - d->link_watched_us >= LINK_WATCH_US) {
		d->link_watched_us = t->now_us;
		links_up(d);
	}
	work = receive(d);
	work += news(d);
	work += stack_tick(d->stack, t->now_us);
	for (unsigned int i = 0; i < d->netifs.n_netifs; i++)
		tx_flush(d, i);
	if (work > 0) {
		d->busy_us = t->now_us;
		t->busy += clock_cycles() - began;
	} else if (d->sleep && t->now_us - d->busy_us > SPIN_US && idle_until_us > t->now_us + SLEEP_NS / 1000) {
		nanosleep(&(struct timespec){ .tv_nsec = SLEEP_NS }, NULL);
		t->awake_from = clock_cycles();
	}
	return work > 0;
}

static int listen_at(struct transport *t, const struct addr *addr, uint16_t port, struct error *err)
{
	struct dpdk *d = (struct dpdk *)t;
	char text[ADDR_TEXT_BYTES];

	if (!netifs_own(&d->netifs, addr))
		return error_set(err, -EADDRNOTAVAIL, ERROR_INVALID, "--serve",
				 "%s is no address of --backend-port or --client-port",
				 addr_format(addr, text, sizeof(text)));
	d->listen_port = port;
	return 0;
}

static struct conn *dial(struct transport *t, const struct addr *to, uint16_t port, struct endpoint *e, int *why)
{
	struct dpdk *d = (struct dpdk *)t;

	for (unsigned int i = 0; i < d->n_sources; i++) {
		const struct addr *from = &d->sources[d->next_source++ % d->n_sources];
		struct tcp_conn *c;

		if (addr_is_v4(from) != addr_is_v4(to))
			continue;
		c = tcp_connect_from(d->stack, from, to, port, e, why);
		if (c != NULL) {
			e->conn = conn_of(c);
			return e->conn;
		}
		if (*why != -EADDRNOTAVAIL)
			return NULL;
	}
	*why = -EADDRNOTAVAIL;
	return NULL;
}

static uint32_t send_room(struct conn *c)
{
	return tcp_send_room(tcp_of(c));
}

static void send_chain(struct conn *c, struct rte_mbuf *chain)
{
	tcp_send(tcp_of(c), chain);
}

static struct rte_mbuf *recv_chain(struct conn *c, uint32_t max_bytes)
{
	return tcp_recv(tcp_of(c), max_bytes);
}

static bool recv_finished(const struct conn *c)
{
	return tcp_recv_finished(tcp_of(c));
}

static void shutdown_conn(struct conn *c)
{
	tcp_shutdown(tcp_of(c));
}

static void reset(struct conn *c)
{
	tcp_reset(tcp_of(c));
}

static void release(struct conn *c)
{
	tcp_release(tcp_of(c));
}

static void wake(struct conn *c)
{
	tcp_wake(tcp_of(c));
}

/* What makes the numbers another thing than they seem to be. */
static void losses(const struct transport *t, void (*tell)(void *arg, const char *name, uint64_t count), void *arg)
{
	static const enum drop drops[] = { DROP_NO_MBUF, DROP_TX_REFUSED, DROP_TCP_TABLE_FULL, DROP_TCP_CHECKSUM,
					   DROP_IP_CHECKSUM };
	const struct dpdk *d = (const struct dpdk *)t;

	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
		if (d->counters.drops[drops[i]] > 0)
			tell(arg, drop_name(drops[i]), d->counters.drops[drops[i]]);
	}
}

static void dpdk_free(struct transport *t)
{
	struct dpdk *d = (struct dpdk *)t;

	for (unsigned int i = 0; i < 20; i++)	/* the last FINs and RSTs leave */
		turn(t, 0);
	stack_free(d->stack);
	for (unsigned int i = 0; i < d->netifs.n_netifs; i++)
		port_close(&d->ports[i]);
	free(d);
}

static const struct transport_ops dpdk_ops = {
	.name = "dpdk",
	.listen = listen_at,
	.dial = dial,
	.send_room = send_room,
	.send = send_chain,
	.recv = recv_chain,
	.recv_finished = recv_finished,
	.shutdown = shutdown_conn,
	.reset = reset,
	.release = release,
	.wake = wake,
	.turn = turn,
	.losses = losses,
	.free = dpdk_free,
};

static void add_netif(struct dpdk *d, const struct options *o, const struct options_port *from, const char *name)
{
	struct netif *nif = &d->netifs.netifs[d->netifs.n_netifs];

	nif->id = (uint8_t)d->netifs.n_netifs++;
	snprintf(nif->name, sizeof(nif->name), "%s", name);
	nif->mtu = 1500;
	nif->congestion = (uint8_t)o->congestion;
	nif->n_addrs = from->n_addrs;
	memcpy(nif->addrs, from->addrs, from->n_addrs * sizeof(from->addrs[0]));
}

/*
 * A memif has another MAC address in each process, and a gateway that knows the last
 * one's would send there for a while: so it follows from the port's address.
 */
static void device_with_mac(const struct options_port *port, char out[DEVICE_TEXT_BYTES])
{
	const uint8_t *b = port->addrs[0].addr.b + 12;

	if (strncmp(port->device, "net_memif", 9) == 0 && !strstr(port->device, "mac="))
		snprintf(out, DEVICE_TEXT_BYTES, "%s,mac=02:be:%02x:%02x:%02x:%02x", port->device, b[0], b[1], b[2], b[3]);
	else
		snprintf(out, DEVICE_TEXT_BYTES, "%s", port->device);
}

static int open_ports(struct dpdk *d, const struct options *o, struct error *err)
{
	const struct options_port *ports[2];
	unsigned int n = 0;
	char reason[512];
	int rc;

	if (o->client_port.device) {
		ports[n++] = &o->client_port;
		add_netif(d, o, &o->client_port, "client");
	}
	if (o->backend_port.device) {
		ports[n++] = &o->backend_port;
		add_netif(d, o, &o->backend_port, "backend");
	}
	d->netifs.n_routes = o->n_routes;
	memcpy(d->netifs.routes, o->routes, o->n_routes * sizeof(o->routes[0]));
	for (unsigned int i = 0; i < n; i++) {
		char device[DEVICE_TEXT_BYTES];

		device_with_mac(ports[i], device);
		rc = port_open(&d->ports[i], &d->netifs.netifs[i], device, d->n_queues, d->transport.mbufs, reason,
			       sizeof(reason));
		if (rc == 0 && d->ports[i].n_queues < d->n_queues)
			return error_set(err, -EINVAL, ERROR_INVALID, "--queues", "%s has only %u", device,
					 d->ports[i].n_queues);
		/* All queues are this one stack's: it takes any port. */
		d->netifs.netifs[i].steer = NULL;
		if (rc == 0)
			rc = port_start(&d->ports[i], reason, sizeof(reason));
		if (rc != 0)
			return error_set(err, rc, ERROR_IO, d->netifs.netifs[i].name, "%s", reason);
	}
	rc = netifs_init(&d->netifs, reason, sizeof(reason));
	return rc == 0 ? 0 : error_set(err, rc, ERROR_INVALID, "addresses", "%s", reason);
}

static int make_stack(struct dpdk *d, const struct options *o, struct error *err)
{
	uint32_t connections = options_sessions(o) * ((o->has_target ? 1u : 0) + (o->has_serve ? 1u : 0));
	struct stack_config config = {
		.n_workers = 1,
		.max_conns = connections + connections / 8 + TIME_WAIT + HALF_OPEN,
		.max_half_open = HALF_OPEN,
		.max_neighbours = NEIGHBOURS,
		.rcv_buffer_bytes = BUFFER_BYTES,
		.snd_buffer_bytes = BUFFER_BYTES,
		.netifs = &d->netifs,
		.mbufs = d->transport.mbufs,
		.counters = &d->counters,
		.ops = { .transmit = transmit, .syn = syn, .arg = d },
	};

	if (getrandom(config.secret, sizeof(config.secret), 0) == sizeof(config.secret))
		d->stack = stack_new(&config, clock_now_us());
	if (d->stack == NULL)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "there is no memory for %u connections",
				 config.max_conns);
	d->transport.wheel = stack_wheel(d->stack);
	return 0;
}

/* The gateway may be started after us: its memif is there when the link comes up. */
static int wait_links(struct dpdk *d, const struct options *o, struct error *err)
{
	uint64_t until_us = clock_now_us() + (uint64_t)(o->open_timeout_s * 1e6);

	d->transport.now_us = clock_now_us();
	for (unsigned int i = 0; i < d->netifs.n_netifs; i++)
		stack_announce(d->stack, &d->netifs.netifs[i], d->transport.now_us);
	while (!links_up(d)) {
		if (clock_now_us() > until_us)
			return error_set(err, -ETIMEDOUT, ERROR_IO, "ports", "no link within %.0f s: is the gateway running?",
					 o->open_timeout_s);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	/* The gateway hears whose addresses these are now: it may remember another run's MAC address. */
	for (uint64_t settled_us = clock_now_us() + SETTLE_US; clock_now_us() < settled_us;)
		turn(&d->transport, settled_us);
	return 0;
}

struct transport *transport_dpdk_new(const struct options *o, struct error *err)
{
	struct dpdk *d = calloc(1, sizeof(*d));
	int rc;

	if (d == NULL) {
		error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
		return NULL;
	}
	d->transport.ops = &dpdk_ops;
	d->sleep = o->sleep;
	d->n_queues = o->queues;
	rc = memory_start(o, &d->transport.mbufs, err);
	if (rc == 0)
		rc = open_ports(d, o, err);
	if (rc == 0)
		rc = make_stack(d, o, err);
	if (rc == 0)
		rc = wait_links(d, o, err);
	if (rc != 0) {
		free(d);
		return NULL;
	}
	for (unsigned int i = 0; i < o->client_port.n_addrs; i++)
		d->sources[d->n_sources++] = o->client_port.addrs[i].addr;
	return &d->transport;
}
