/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Telling the neighbours of a port where its addresses are: gratuitous ARP (RFC 5227
 * 2.3) and unsolicited advertisements (RFC 4861 7.2.6), at once and again over some
 * seconds. A switch that has only just seen the link forwards nothing for a while,
 * and a router that misses the first goes on sending to a MAC that was there before.
 *
 * Order of calls: announce_init; announce_begin when a link comes up, any number of times.
 *
 * Threads: the stack's worker; only worker 0 announces.
 */
#pragma once

#include <stdint.h>

#include "base/wheel.h"

struct netif;
struct stack;

struct announce {
	struct wheel_timer timer;
	struct stack *stack;
	const struct netif *nif;
	uint64_t begun_us;
	unsigned int times;	/* sent so far */
};

void announce_init(struct announce *a, struct stack *s, const struct netif *nif);
/* Announces now and repeats; begins anew if it is at it. */
void announce_begin(struct announce *a);
