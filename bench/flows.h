/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of a port's queues a connection's frames come by, so that what we send on it
 * goes by the same: a gateway's worker that sends on its queue then receives there,
 * as a network card's flow director has it. Only what is sent before anything came
 * (a SYN) goes by any queue. Two connections that fall on one entry of the table take
 * it in turns, and some frames of theirs go by the other's queue: the gateway counts
 * them (`steered`).
 *
 * Order of calls: zeroed memory is an empty table. Threads: one.
 */
#pragma once

#include <stdint.h>

struct rte_mbuf;

#define FLOWS_ENTRIES (1u << 18)

struct flows {
	uint8_t queue[FLOWS_ENTRIES];	/* + 1; 0: nothing came yet */
};

/* A frame came by @queue. */
void flows_learn(struct flows *f, const struct rte_mbuf *m, uint16_t queue);
/* The queue for a frame that leaves, of @n_queues. What isn't TCP: 0. */
uint16_t flows_queue(const struct flows *f, const struct rte_mbuf *m, uint16_t n_queues);
