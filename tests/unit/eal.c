/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "eal.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

void test_eal_init(void)
{
	static bool done;
	char lcores[32];
	char *argv[] = { (char *)"test", (char *)"--no-huge", (char *)"--no-shconf", (char *)"--no-pci",
			 (char *)"-m", (char *)"128", (char *)"--no-telemetry", (char *)"--log-level=error",
			 lcores, NULL };
	int cpu = sched_getcpu();

	if (done)
		return;
	/* One lcore, on a CPU that we may use: CPU 0 may not be among them. */
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", cpu < 0 ? 0 : cpu);
	if (rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) < 0) {
		fprintf(stderr, "tests: rte_eal_init: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
	done = true;
}

struct rte_mempool *test_mbuf_pool(const char *name, unsigned int n_mbufs)
{
	struct rte_mempool *pool;

	test_eal_init();
	pool = rte_pktmbuf_pool_create(name, n_mbufs, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!pool) {
		fprintf(stderr, "tests: no packet buffers: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
	return pool;
}
