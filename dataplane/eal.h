/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DPDK's environment, started from our description: which CPUs, how much memory
 * and of what kind, which PCI devices. Nothing is left behind in the file system
 * (--in-memory), so a crash leaves nothing to clean up.
 *
 * Threads: control, once, before any other thread exists.
 */
#pragma once

#include <stddef.h>

struct dataplane_config;
struct rte_mempool;

/*
 * Starts EAL; afterwards lcore w + 1 is worker w's, pinned, and the calling thread
 * is free to run on any allowed CPU. 0, or -errno with the reason in @err.
 */
int eal_start(const struct dataplane_config *config, char *err, size_t err_bytes);

/* "2 MB hugepages" or "ordinary pages", after eal_start. */
const char *eal_memory_kind(void);

/* A pool of @n packet buffers in DPDK's memory, or NULL. */
struct rte_mempool *eal_packet_pool(const char *name, unsigned int n);
