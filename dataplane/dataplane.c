/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring_elem.h>

#include "base/assert.h"
#include "base/lines.h"
#include "eal.h"
#include "port.h"
#include "worker.h"

#define MEMORY_DEFAULT_MEGABYTES 256u
#define PACKETS_MIN 8192u
#define ORDER_PATIENCE_US 1000000u

static struct {
	struct dataplane_config config;
	struct port ports[NETIF_MAX];
	unsigned int n_open;
	struct rte_mempool *packets;
	struct worker *workers;
	struct worker_shared shared;
	bool stopped;
} dp;

/*
 * One pool for all workers: each lcore has a cache in front of it, so its common part
 * is touched once in a few hundred packets, and no worker starves beside full ones.
 * Three quarters of the memory are packets; rings and the devices' queues have the rest.
 */
static int make_pool(char *err, size_t err_bytes)
{
	const struct dataplane_config *c = &dp.config;
	size_t packet_bytes = sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE + 2 * RTE_CACHE_LINE_SIZE;
	size_t n = ((size_t)c->memory_megabytes << 20) * 3 / 4 / packet_bytes;
	size_t least = (size_t)PACKETS_MIN * c->n_workers;

	if (n < least) {
		snprintf(err, err_bytes,
			 "memory.megabytes %u holds %zu packet buffers, and %u workers need %zu: set it to %zu or more",
			 c->memory_megabytes, n, c->n_workers, least, (least * packet_bytes * 4 / 3 >> 20) + 1);
		return -EINVAL;
	}
	dp.packets = eal_packet_pool("packets", (unsigned int)n);
	if (dp.packets == NULL) {
		snprintf(err, err_bytes, "there is no memory for %zu packet buffers: set memory.megabytes lower, or "
			 "give the machine more", n);
		return -ENOMEM;
	}
	return 0;
}

static int open_ports(char *err, size_t err_bytes)
{
	struct dataplane_config *c = &dp.config;

	for (unsigned int i = 0; i < c->netifs.n_netifs; i++) {
		struct netif *nif = &c->netifs.netifs[i];
		char reason[512];
		int rc;

		nif->id = (uint8_t)i;
		rc = port_open(&dp.ports[i], nif, c->devices[i], c->n_workers, dp.packets, reason, sizeof(reason));
		if (rc != 0) {
			snprintf(err, err_bytes, "port %s: %s", nif->name, reason);
			return rc;
		}
		dp.ports[i].steer.fragments = c->reassemble;
		dp.n_open = i + 1;
	}
	return netifs_init(&c->netifs, err, err_bytes);
}

static int make_workers(char *err, size_t err_bytes)
{
	uint16_t n = dp.config.n_workers;
	uint64_t secret[2];

	dp.workers = lines_alloc(n, sizeof(struct worker));
	if (dp.workers == NULL || getrandom(secret, sizeof(secret), 0) != sizeof(secret)) {
		snprintf(err, err_bytes, "there is no memory or no random number for %u workers", n);
		return -ENOMEM;
	}
	dp.shared = (struct worker_shared){
		.config = &dp.config,
		.ports = dp.ports,
		.n_ports = dp.config.netifs.n_netifs,
		.workers = dp.workers,
		.n_workers = n,
		.adaptive = dp.config.idle == IDLE_ADAPTIVE,
	};
	for (unsigned int i = 0; dp.config.idle == IDLE_AUTO && i < dp.shared.n_ports; i++)
		dp.shared.adaptive |= !dp.ports[i].is_nic;
	for (uint16_t w = 0; w < n; w++) {
		if (worker_init(&dp.workers[w], &dp.shared, w, dp.packets, secret) != 0) {
			snprintf(err, err_bytes,
				 "there is no memory for worker %u's tables: set limits.connections (%u) lower", w,
				 dp.config.max_connections);
			return -ENOMEM;
		}
	}
	return 0;
}

static int launch(char *err, size_t err_bytes)
{
	for (unsigned int i = 0; i < dp.n_open; i++) {
		int rc = port_start(&dp.ports[i], err, err_bytes);

		if (rc != 0)
			return rc;
	}
	for (uint16_t w = 0; w < dp.config.n_workers; w++) {
		struct worker *worker = &dp.workers[w];

		if (rte_eal_remote_launch(worker_run, worker, w + 1u) != 0) {
			snprintf(err, err_bytes, "worker %u could not be started", w);
			return -EIO;
		}
		while (worker_state(worker) == WORKER_STARTING)
			usleep(100);
		if (worker_state(worker) == WORKER_FAILED) {
			snprintf(err, err_bytes, "worker %u has no memory for TLS: set memory.tls_megabytes lower", w);
			return -ENOMEM;
		}
	}
	return 0;
}

int dataplane_start(struct dataplane_config *config, char *err, size_t err_bytes)
{
	int rc;

	ASSERT(config->n_workers >= 1 && config->n_workers <= WORKERS_MAX);
	ASSERT(config->netifs.n_netifs >= 1 && config->netifs.n_netifs <= NETIF_MAX);
	dp.config = *config;
	if (dp.config.memory_megabytes == 0)
		dp.config.memory_megabytes = MEMORY_DEFAULT_MEGABYTES;

	rc = eal_start(&dp.config, err, err_bytes);
	if (rc == 0)
		rc = make_pool(err, err_bytes);
	if (rc == 0)
		rc = open_ports(err, err_bytes);
	if (rc == 0)
		rc = make_workers(err, err_bytes);
	if (rc == 0)
		rc = launch(err, err_bytes);
	if (rc != 0)
		dataplane_stop();
	return rc;
}

void dataplane_stop(void)
{
	uint16_t n = dp.workers != NULL && !dp.stopped ? dp.config.n_workers : 0;

	for (uint16_t w = 0; w < n; w++)
		worker_stop(&dp.workers[w]);
	for (uint16_t w = 0; w < n; w++)
		rte_eal_wait_lcore(w + 1u);
	for (uint16_t w = 0; w < n; w++)
		worker_fini(&dp.workers[w]);
	for (unsigned int i = 0; i < dp.n_open; i++)
		port_close(&dp.ports[i]);
	dp.n_open = 0;
	dp.stopped = true;	/* the workers' last records, and their numbers, can still be read */
}

static const char *checksums(const struct netif *nif)
{
	const uint32_t both = NETIF_TX_IP_CHECKSUM | NETIF_TX_TCP_CHECKSUM;

	if ((nif->offloads & both) != both)
		return "checksums in software";
	return nif->offloads & NETIF_TX_TSO ? "checksums and segmentation in the device" : "checksums in the device";
}

void dataplane_describe(char *buf, size_t buf_bytes)
{
	size_t used;
	int n = snprintf(buf, buf_bytes, "%u MB in %s; workers %s", dp.config.memory_megabytes, eal_memory_kind(),
			 dp.shared.adaptive ? "sleep when idle" : "poll without pause");

	for (unsigned int i = 0; i < dp.shared.n_ports && n > 0 && (size_t)n < buf_bytes; i++) {
		const struct port *p = &dp.ports[i];

		used = strlen(buf);
		n = snprintf(buf + used, buf_bytes - used, "; port %s: %s, MTU %u, %u queue%s, flows spread by %s, %s",
			     p->nif->name, p->driver, p->nif->mtu, p->n_queues, p->n_queues == 1 ? "" : "s",
			     p->hash_in_device ? "the device" : "software", checksums(p->nif));
	}
}

bool dataplane_watch_link(unsigned int port, struct dataplane_link *link)
{
	struct port *p;

	if (port >= dp.n_open)
		return false;
	p = &dp.ports[port];
	link->changed = port_watch_link(p);
	link->up = p->link_up;
	link->port = p->nif->name;
	return true;
}

uint16_t dataplane_workers(void)
{
	return dp.config.n_workers;
}

const struct counters *dataplane_counters(uint16_t worker)
{
	ASSERT(worker < dp.config.n_workers);
	return &dp.workers[worker].counters;
}

void dataplane_gauges(uint16_t worker, struct dataplane_gauges *g)
{
	const struct dataplane_gauges *from = &dp.workers[worker].gauges;

	ASSERT(worker < dp.config.n_workers);
	g->connections = counter_read(&from->connections);
	g->tcp_connections = counter_read(&from->tcp_connections);
	g->half_open = counter_read(&from->half_open);
	g->mbufs_queued = counter_read(&from->mbufs_queued);
	g->syn_cookies = counter_read(&from->syn_cookies);
	g->tls_heap_used_bytes = counter_read(&from->tls_heap_used_bytes);
	g->turns = counter_read(&from->turns);
	g->busy_turns = counter_read(&from->busy_turns);
	g->busy_us = worker_busy_us(&dp.workers[worker]);
	worker_turns(&dp.workers[worker], g);
	g->quiesced_us = counter_read(&from->quiesced_us);
	g->cpu = dp.workers[worker].cpu;
	g->mbufs_total = dp.packets->size;
	g->mbufs_free = rte_mempool_avail_count(dp.packets);
}

unsigned int dataplane_log(struct record_told *records, unsigned int n)
{
	unsigned int got = 0;

	for (uint16_t w = 0; w < dp.config.n_workers && got < n; w++)
		got += rte_ring_dequeue_burst_elem(dp.workers[w].log, records + got, sizeof(*records), n - got, NULL);
	return got;
}

int dataplane_order(uint16_t worker, struct order *o)
{
	ASSERT(worker < dp.config.n_workers);
	o->done = 0;
	o->finished = 0;
	if (rte_ring_enqueue(dp.workers[worker].orders, o) != 0)
		return -EBUSY;
	for (unsigned int waited_us = 0; waited_us < ORDER_PATIENCE_US; waited_us += 50) {
		if (__atomic_load_n(&o->finished, __ATOMIC_ACQUIRE))
			return 0;
		usleep(50);
	}
	return -ETIMEDOUT;
}
