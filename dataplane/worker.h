/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker: one pinned thread, one queue pair on every port, one stack, its
 * splices. The loop is in worker.c and fits a screen.
 *
 * Order of calls: worker_init for all; worker_run on each one's lcore; worker_stop;
 * worker_fini when the thread has ended.
 *
 * Threads: init, stop and fini by control; worker_run is the worker.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lines.h"
#include "counters.h"
#include "dataplane.h"
#include "port.h"
#include "turn_times.h"
#include "txq.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;
struct splices;
struct stack;

#define BURST 32

/* What all workers share; immutable while they run. */
struct worker_shared {
	const struct dataplane_config *config;
	struct port *ports;
	unsigned int n_ports;
	struct worker *workers;
	uint16_t n_workers;
	bool adaptive;	/* sleeps when idle */
};

struct worker {
	const struct worker_shared *shared;
	uint16_t id;
	unsigned int cpu;
	struct rte_mempool *mbufs;
	struct stack *stack;
	struct splices *splices;
	struct rte_ring *inbox;	/* frames that others received for us */
	struct rte_ring *outbox;	/* frames of others, for ports where they have no queue */
	struct rte_ring *orders;	/* from control */
	struct rte_ring *log;	/* to control */
	struct order *order;	/* the one in progress */
	uint64_t busy_us;	/* when there was work last */
	uint32_t link_ups[NETIF_MAX];	/* of each port, those that were announced */
	struct pollfd fds[NETIF_MAX];	/* by port; -1: it has none to wait for */
	struct txq tx[NETIF_MAX];	/* by port */
	uint32_t work[TURN_WORK_COUNT];	/* of this turn */
	struct counters counters __attribute__((aligned(LINE_BYTES)));
	struct dataplane_gauges gauges __attribute__((aligned(LINE_BYTES)));	/* all but what is asked for below */
	uint64_t busy_cycles;	/* of the time stamp counter, in turns with work */
	struct turn_times times;
	int state __attribute__((aligned(LINE_BYTES)));	/* enum worker_state, atomically */
	bool stop;	/* atomically, by control */
};
LINES_OWN(struct worker);

enum worker_state { WORKER_STARTING, WORKER_RUNNING, WORKER_FAILED, WORKER_ENDED };

/* Memory and rings of worker @id, over the common packet pool @mbufs. 0 or -ENOMEM. */
int worker_init(struct worker *w, const struct worker_shared *shared, uint16_t id, struct rte_mempool *mbufs,
		const uint64_t secret[2]);
/* All but the log, which control reads to its end. */
void worker_fini(struct worker *w);

/* The thread: runs until worker_stop. @arg is the worker. Returns 0. */
int worker_run(void *arg);
void worker_stop(struct worker *w);
enum worker_state worker_state(const struct worker *w);
/* Time spent in turns that found work, since the start. Time in which the kernel ran something else is in it. */
uint64_t worker_busy_us(const struct worker *w);
/* Fills in what @g tells of its turns' lengths. */
void worker_turns(const struct worker *w, struct dataplane_gauges *g);
