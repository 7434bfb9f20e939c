/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What payloads consist of: a byte's value follows from its offset in the stream, so
 * that whoever receives it can tell lost, doubled and foreign bytes from right ones
 * at the price of a comparison. It repeats after a prime number of bytes: no packet or
 * record size divides it.
 *
 * Order of calls: pattern_init once. Threads: any after that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PATTERN_PERIOD 4093u
#define PATTERN_RUN 16384u	/* so much in one piece from any offset in the period */

struct rte_mbuf;
struct rte_mempool;

void pattern_init(void);

/* The stream from @offset on: at least PATTERN_RUN bytes can be read there. */
const uint8_t *pattern_at(uint64_t offset);

/* A chain of @bytes of it, in buffers filled as TCP's segments would be; NULL: no buffers. */
struct rte_mbuf *pattern_chain(struct rte_mempool *pool, uint64_t offset, uint32_t bytes);
/* Is @chain the stream from @offset on? */
bool pattern_check(const struct rte_mbuf *chain, uint64_t offset);
