/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/memory.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "bench/clock.h"
#include "bench/options.h"
#include "dataplane.h"
#include "eal.h"
#include "tls/tls.h"

#define MEMORY_DEFAULT_MEGABYTES 256u
#define BUFFER_BYTES (sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE + 2 * RTE_CACHE_LINE_SIZE)
/* What a client's session keeps, and what handshakes need on top (dataplane/worker.c reckons alike). */
#define SESSION_BYTES 8192u
#define HANDSHAKES_BYTES (64u << 20)

static int pin(int cpu, struct error *err)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return 0;
	return error_set(err, -errno, ERROR_INVALID, "--cpu", "can't run on CPU %d", cpu);
}

static int start_eal(const struct options *o, struct dataplane_config *config, struct error *err)
{
	char reason[1024];
	int rc;

	*config = (struct dataplane_config){
		.n_workers = 1,
		.hugepages = o->kernel ? HUGEPAGES_NO : o->hugepages,
		.memory_megabytes = o->memory_megabytes ? o->memory_megabytes : MEMORY_DEFAULT_MEGABYTES,
	};
	if (o->client_port.device)
		snprintf(config->devices[config->netifs.n_netifs++], DEVICE_TEXT_BYTES, "%s", o->client_port.device);
	if (o->backend_port.device)
		snprintf(config->devices[config->netifs.n_netifs++], DEVICE_TEXT_BYTES, "%s", o->backend_port.device);
	rc = eal_start(config, reason, sizeof(reason));
	return rc == 0 ? 0 : error_set(err, rc, ERROR_IO, "DPDK", "%s", reason);
}

int memory_start(const struct options *o, struct rte_mempool **mbufs, struct error *err)
{
	static struct dataplane_config config;
	const char *why = "";
	size_t n;
	int rc = start_eal(o, &config, err);

	if (rc == 0)
		rc = pin(o->cpu, err);
	if (rc != 0)
		return rc;
	clock_init();
	n = ((size_t)config.memory_megabytes << 20) * 3 / 4 / BUFFER_BYTES;
	*mbufs = eal_packet_pool("bench", (unsigned int)n);
	if (*mbufs == NULL)
		return error_set(err, -ENOMEM, ERROR_INVALID, "--memory", "there is no memory for %zu packet buffers", n);
	rc = tls_init(&why);
	if (rc != 0)
		return error_set(err, rc, ERROR_INTERNAL, "TLS", "%s", why);
	if (o->plain || !o->has_target)
		return 0;
	rc = tls_worker_init((size_t)options_sessions(o) * SESSION_BYTES + HANDSHAKES_BYTES, *mbufs);
	return rc == 0 ? 0 : error_set(err, rc, ERROR_INTERNAL, "TLS", "there is no memory for %u sessions",
				       options_sessions(o));
}
