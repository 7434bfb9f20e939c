/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "announce.h"

#include <stddef.h>

#include "arp.h"
#include "nd.h"
#include "stack_private.h"

/* After the link came up. */
static const uint32_t at_ms[] = { 0, 1000, 3000, 10000 };
#define TIMES (sizeof(at_ms) / sizeof(at_ms[0]))
/* RFC 4861 10, MAX_NEIGHBOR_ADVERTISEMENT is 3: this one is left out for IPv6. */
#define NOT_BY_ND 2

static void announce_once(struct announce *a)
{
	const struct netif *nif = a->nif;

	for (unsigned int i = 0; i < nif->n_addrs; i++) {
		const struct addr *own = &nif->addrs[i].addr;

		if (addr_is_v4(own))
			arp_announce(a->stack, nif, own);
		else if (a->times != NOT_BY_ND)
			nd_announce(a->stack, nif, own);
	}
	a->times++;
	if (a->times < TIMES)
		wheel_arm(&a->stack->wheel, &a->timer, a->begun_us + at_ms[a->times] * UINT64_C(1000));
}

static void fire(struct wheel_timer *t, uint64_t now_us)
{
	(void)now_us;
	announce_once((struct announce *)((char *)t - offsetof(struct announce, timer)));
}

void announce_init(struct announce *a, struct stack *s, const struct netif *nif)
{
	*a = (struct announce){ .stack = s, .nif = nif };
	wheel_timer_init(&a->timer, fire);
}

void announce_begin(struct announce *a)
{
	a->begun_us = a->stack->now_us;
	a->times = 0;
	announce_once(a);
}
