/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stack under test with what surrounds it on a real worker: a port that finishes
 * offloads and cuts super-segments as a device would, and a bounded packet pool.
 *
 * Ownership: the host borrows its pool and its outgoing wire.
 */
#pragma once

#include <rte_mempool.h>

#include "counters.h"
#include "netif.h"
#include "stack.h"
#include "wire.h"

struct sim;

/* A small pool has SIM_SMALL_MBUFS << n of them. */
#define SIM_SMALL_POOLS 3
#define SIM_SMALL_MBUFS 128u

struct host {
	struct sim *sim;
	int index;
	struct netifs netifs;
	struct counters counters;
	struct rte_mempool *pool;
	bool small;			/* pool or budget: buffers run out */
	struct stack *stack;
	struct wire *out;
	uint64_t rx_no_mbuf;
	struct rte_mbuf *stolen;	/* by a thief: what other workers may do to a shared pool */
	uint64_t thief_us;		/* when it takes or gives back next; UINT64_MAX: never */
};

struct host_config {
	uint16_t mtu;
	uint32_t offloads, tso_max_bytes;
	uint8_t congestion, ecn;		/* enum congestion */
	uint32_t max_conns, max_half_open;
	uint32_t rcv_buffer_bytes, snd_buffer_bytes;
	uint32_t queue_mbufs;		/* budget of all queues; 0: the pool */
	unsigned int small_pool;	/* 1 .. SIM_SMALL_POOLS: buffers run out; 0: more than enough */
	uint64_t keepalive_us, user_timeout_limit_us;
	uint64_t secret[2];
};

void host_init(struct host *h, struct sim *sim, int index, const struct host_config *config,
	       struct rte_mempool *pool, struct wire *out, uint64_t now_us);
/* Ends the stack; the pool must be whole again: exits with a message when mbufs are missing. */
void host_fini(struct host *h);
/* One turn: frames from @in, the application, timers. */
void host_turn(struct host *h, struct wire *in, uint64_t now_us);

/* The thief takes all free buffers, or gives them back when it has some. */
void host_thief(struct host *h);

/* Own address: 10.0.0.<index+1> or fd00::<index+1>. */
struct addr host_addr(int index, bool v6);
