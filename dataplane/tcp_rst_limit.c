/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_rst_limit.h"

#include "stack_private.h"
#include "tcp_limits.h"
#include "tcp_table.h"

static struct tcp_rst_bucket *bucket_of(struct tcp_rst_limit *l, const struct addr *a)
{
	/* The half that tells hosts of IPv4, or networks of IPv6, apart. */
	const uint8_t *half = addr_is_v4(a) ? a->b + 8 : a->b;

	return &l->buckets[siphash(&l->key, half, 8) % TCP_RST_BUCKETS];
}

bool tcp_rst_allowed(struct stack *s, const struct addr *to)
{
	struct tcp_rst_bucket *b = bucket_of(&s->tcp.rst_limit, to);
	uint32_t now_ms = (uint32_t)(s->now_us / 1000);

	/* A bucket that was never used is empty, and as old as the clock: a start counts as long ago. */
	if (now_ms - b->since_ms >= 1000 || (b->left == 0 && b->since_ms == 0)) {
		b->since_ms = now_ms;
		b->left = TCP_RST_RATE / 2 + (uint32_t)(tcp_random(s) % TCP_RST_RATE);
	}
	if (b->left == 0) {
		count_drop(s->config.counters, DROP_TCP_RST_RATE);
		return false;
	}
	b->left--;
	return true;
}
