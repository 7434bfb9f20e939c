/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_room.h"

#include <rte_common.h>

#include "tcp_list.h"

static uint32_t less(uint32_t from, uint32_t n)
{
	return from > n ? from - n : 0;
}

/* What may wait unsent. Asked at each call: a turn's writes alone can use up the budget. */
static uint32_t unsent_limit(const struct tcp_conn *c)
{
	const struct mbuf_reserve *reserve = &c->stack->reserve;
	uint32_t limit = TCP_UNSENT_MIN;

	if (!mbuf_reserve_allows(reserve, MBUF_USE_RECORD))
		return 0;
	if (!mbuf_reserve_allows(reserve, MBUF_USE_QUEUE))
		return less(RTE_MIN(c->stack->config.snd_buffer_bytes, TCP_PRESSURE_BYTES), c->snd_bytes - c->snd_unsent);
	if (mbuf_reserve_allows(reserve, MBUF_USE_GROWTH))
		limit += tcp_flight(c) / 4;
	return RTE_MIN(limit, c->stack->config.snd_buffer_bytes);
}

static uint32_t room_within(const struct tcp_conn *c, uint32_t limit)
{
	return RTE_MIN(less(limit, c->snd_unsent), less(c->stack->config.snd_buffer_bytes, c->snd_bytes));
}

uint32_t tcp_room(const struct tcp_conn *c)
{
	return room_within(c, unsent_limit(c));
}

bool tcp_room_is_small(const struct tcp_conn *c)
{
	uint32_t limit = unsent_limit(c);

	return room_within(c, limit) <= limit / 2;
}

bool tcp_room_news(struct tcp_conn *c)
{
	uint32_t limit;

	if (!c->room_wanted || c->fin_wanted || c->released)
		return false;
	limit = unsent_limit(c);
	if (limit == 0)
		return c->snd_bytes == 0;
	/* Not for each segment: records are made of what fits. */
	if (room_within(c, limit) >= (limit + 3) / 4) {
		c->room_wanted = false;
		tcp_notify(c, TCP_WRITABLE);
	}
	return false;
}
