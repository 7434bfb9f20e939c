/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What both transports start with: DPDK's environment (the kernel's transport uses it
 * for mbufs alone), the packet buffers, the core to run on, the clock, TLS.
 *
 * Order of calls: memory_start once. Threads: the calling one is pinned to --cpu.
 */
#pragma once

#include "control/error.h"

struct options;
struct rte_mempool;

/* 0, or -errno with the reason. */
int memory_start(const struct options *o, struct rte_mempool **mbufs, struct error *err);
