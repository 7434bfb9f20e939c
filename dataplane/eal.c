/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "eal.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include "base/assert.h"
#include "dataplane.h"
#include "port.h"

#define ARGS_MAX (16 + 2 * NETIF_MAX)
#define ARG_BYTES 4096

static bool huge;

struct args {
	int n;
	char *argv[ARGS_MAX + 1];
	char text[ARG_BYTES];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void arg(struct args *a, const char *format, ...)
{
	char *at = a->text + a->used;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(at, sizeof(a->text) - a->used, format, ap);
	va_end(ap);
	ASSERT(n >= 0 && (size_t)n < sizeof(a->text) - a->used && a->n < ARGS_MAX);
	a->used += (size_t)n + 1;
	a->argv[a->n++] = at;
}

/* Memory in free hugepages of the default size, in MB. */
static unsigned long hugepages_free_megabytes(void)
{
	unsigned long pages = 0, page_kb = 0, value;
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "HugePages_Free: %lu", &value) == 1)
			pages = value;
		else if (sscanf(line, "Hugepagesize: %lu kB", &value) == 1)
			page_kb = value;
	}
	fclose(f);
	return pages * page_kb / 1024;
}

static int choose_memory(const struct dataplane_config *c, char *err, size_t err_bytes)
{
	unsigned long free_mb = hugepages_free_megabytes();

	huge = c->hugepages != HUGEPAGES_NO && free_mb >= c->memory_megabytes;
	if (c->hugepages == HUGEPAGES_YES && !huge) {
		snprintf(err, err_bytes,
			 "hugepages are asked for, but %lu MB are free and %u MB are needed: reserve them "
			 "(echo %u > /proc/sys/vm/nr_hugepages), or set memory.hugepages to auto",
			 free_mb, c->memory_megabytes, c->memory_megabytes / 2 + 1);
		return -ENOMEM;
	}
	return 0;
}

/* "1-2,5" onto @cpus, in the order written. How many, or -EINVAL. */
static int parse_cores(const char *text, unsigned int *cpus, unsigned int max)
{
	unsigned int n = 0;

	while (*text != '\0') {
		unsigned int first, last;
		int used = 0;

		if (sscanf(text, "%u%n", &first, &used) != 1)
			return -EINVAL;
		text += used;
		last = first;
		if (sscanf(text, "-%u%n", &last, &used) == 1)
			text += used;
		if (last < first || last >= CPU_SETSIZE || (*text != ',' && *text != '\0'))
			return -EINVAL;
		for (; first <= last && n < max; first++)
			cpus[n++] = first;
		text += *text == ',';
	}
	return (int)n;
}

static unsigned int allowed_cpus(unsigned int *cpus, unsigned int max)
{
	unsigned int n = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (unsigned int i = 0; i < CPU_SETSIZE && n < max; i++) {
		if (CPU_ISSET(i, &set))
			cpus[n++] = i;
	}
	return n;
}

/*
 * lcore 0 is control, on the allowed CPUs that no worker has, if there is one: DPDK's own
 * threads go where it goes, and none of them shall stop a worker in the middle of a turn.
 * lcore w + 1 is worker w's. Without a list of cores the workers take the allowed CPUs
 * from the last one down (the first is where interrupts and everything else tend to be)
 * and share them when they are too few.
 */
static int lcores_arg(const struct dataplane_config *c, struct args *a, char *err, size_t err_bytes)
{
	unsigned int allowed[CPU_SETSIZE], cores[WORKERS_MAX];
	unsigned int n_allowed = allowed_cpus(allowed, CPU_SETSIZE), n_left = 0;
	bool worked[CPU_SETSIZE] = { false };
	char text[ARG_BYTES / 2];
	size_t used;
	int n = parse_cores(c->cores, cores, WORKERS_MAX);

	if (n < 0 || (n > 0 && n != c->n_workers) || n_allowed == 0) {
		snprintf(err, err_bytes, "cores \"%s\" must be a list of %u CPUs, one for each worker, like 1-2,5",
			 c->cores, c->n_workers);
		return -EINVAL;
	}
	for (unsigned int w = 0; w < c->n_workers; w++) {
		if (n == 0)
			cores[w] = allowed[n_allowed - 1 - w % n_allowed];
		worked[cores[w]] = true;
	}
	for (unsigned int i = 0; i < n_allowed; i++)
		n_left += !worked[allowed[i]];
	used = (size_t)snprintf(text, sizeof(text), "0@(");
	for (unsigned int i = 0; i < n_allowed && used < sizeof(text) / 2; i++) {
		if (n_left == 0 || !worked[allowed[i]])
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", text[used - 1] == '(' ? "" : ",",
						 allowed[i]);
	}
	used += (size_t)snprintf(text + used, sizeof(text) - used, ")");
	for (unsigned int w = 0; w < c->n_workers; w++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, ",%u@%u", w + 1, cores[w]);
	arg(a, "--lcores");
	arg(a, "%s", text);
	return 0;
}

static void pci_args(const struct dataplane_config *c, struct args *a)
{
	bool any = false;

	for (unsigned int i = 0; i < c->netifs.n_netifs; i++) {
		if (port_device_is_software(c->devices[i]))
			continue;
		any = true;
		arg(a, "-a");
		arg(a, "%s", c->devices[i]);
	}
	if (!any)
		arg(a, "--no-pci");
}

int eal_start(const struct dataplane_config *c, char *err, size_t err_bytes)
{
	struct args a = { .n = 0 };
	int rc = choose_memory(c, err, err_bytes);

	if (rc != 0)
		return rc;
	arg(&a, "posternd");
	rc = lcores_arg(c, &a, err, err_bytes);
	if (rc != 0)
		return rc;
	arg(&a, "--main-lcore=0");
	if (huge) {
		arg(&a, "--in-memory");
	} else {
		/* It implies DPDK's legacy memory, which refuses --in-memory. No file is shared this way either. */
		arg(&a, "--no-huge");
		arg(&a, "--no-shconf");
	}
	arg(&a, "--no-telemetry");
	arg(&a, "--log-level=*:warning");
	arg(&a, "-m");
	arg(&a, "%u", c->memory_megabytes);
	pci_args(c, &a);
	if (rte_eal_init(a.n, a.argv) < 0) {
		rc = -rte_errno;
		snprintf(err, err_bytes,
			 "DPDK did not start: %s. Its own messages stand above; usual causes are too little "
			 "memory (memory.megabytes is %u), a CPU that isn't there, or missing rights (run as root)",
			 rte_strerror(rte_errno), c->memory_megabytes);
		return rc != 0 ? rc : -EIO;
	}
	return 0;
}

const char *eal_memory_kind(void)
{
	return huge ? "hugepages" : "ordinary pages";
}

struct rte_mempool *eal_packet_pool(const char *name, unsigned int n)
{
	/*
	 * With small pages DPDK gives each buffer a page of its own, unless buffers may
	 * cross them: the devices that run without hugepages are software and may.
	 */
	unsigned int flags = huge ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG;
	struct rte_pktmbuf_pool_private private = { .mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE };
	struct rte_mempool *pool = rte_mempool_create_empty(name, n, sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE,
							    256, sizeof(private), SOCKET_ID_ANY, flags);

	if (pool == NULL)
		return NULL;
	if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL) != 0)
		goto fail;
	rte_pktmbuf_pool_init(pool, &private);
	if (rte_mempool_populate_default(pool) < 0)
		goto fail;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
fail:
	rte_mempool_free(pool);
	return NULL;
}
