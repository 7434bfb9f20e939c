/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many RSTs to strangers leave. One budget for all would be a side channel: who
 * spends it down to a known rest and then sends a segment in another's name learns
 * from the RSTs that come back to himself whether that other has a connection here
 * (the way of CVE-2016-5696, which did it with challenge ACKs). So each address (each
 * /64 of IPv6) has a budget of its own, in one of a fixed number of buckets that a
 * secret assigns; and how large it is differs from second to second, so that those
 * who share a bucket by chance can't count on it.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"

struct addr;
struct stack;

#define TCP_RST_BUCKETS 256u

struct tcp_rst_bucket {
	uint32_t since_ms;
	uint32_t left;
};

struct tcp_rst_limit {
	struct siphash_key key;
	struct tcp_rst_bucket buckets[TCP_RST_BUCKETS];
};

/* May a RST go to @to now? Counts it when not. */
bool tcp_rst_allowed(struct stack *s, const struct addr *to);
