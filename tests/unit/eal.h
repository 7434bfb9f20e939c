/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DPDK's environment for tests: no root, no hugepages, no device, no word on
 * stderr. And the packet pool that they share.
 *
 * Threads: one.
 */
#pragma once

struct rte_mempool;

/* Starts the EAL once; later calls do nothing. Ends the program when it can't. */
void test_eal_init(void);

/* A pool of packet buffers of the usual size. Ends the program when memory is out. */
struct rte_mempool *test_mbuf_pool(const char *name, unsigned int n_mbufs);
