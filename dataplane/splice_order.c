/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What control asks of a worker's splices, in bounded parts: a listing of 20,000
 * connections must not hold up the packets of one.
 */
#include "splice_private.h"

#include <string.h>

#include "base/assert.h"

#define SLOTS_PER_TURN 256
#define ENDS_PER_TURN 32

static const char *state_name(const struct splice *sp)
{
	switch (sp->state) {
	case SPLICE_STATE_PROXY_HEADER:
		return "proxy_header";
	case SPLICE_STATE_NAME:
	case SPLICE_STATE_HANDSHAKE:
		return "handshake";
	case SPLICE_STATE_CONNECTING:
	case SPLICE_STATE_SERVER_HANDSHAKE:
		return "connecting";
	case SPLICE_STATE_MOVING:
		break;
	}
	return sp->client.done || sp->server.done || sp->last_steps ? "closing" : "open";
}

static void list_one(const struct splice *sp, struct order *o)
{
	struct record_told *told = &o->records[o->done++];
	struct record *r = &told->record;

	*r = sp->record;
	record_take_peer(told, sp->client.tls);
	r->state = state_name(sp);
	r->end = SPLICE_OPEN;
	r->duration_us = stack_now_us(sp->all->config.stack) - sp->accepted_us;
	if (sp->client.conn != NULL)
		tcp_info(sp->client.conn, &r->client_tcp);
	if (sp->server.conn != NULL)
		tcp_info(sp->server.conn, &r->server_tcp);
}

static bool kill_matches(const struct splice *sp, const struct order *o)
{
	return o->verb == ORDER_KILL ? sp->record.id == o->id : strcmp(sp->rule->name, o->name) == 0;
}

/* Goes on through the pool's slots from the order's cursor. */
static bool walk(struct splices *all, struct order *o)
{
	uint32_t end = all->pool.capacity;

	if (o->cursor < end && end - o->cursor > SLOTS_PER_TURN)
		end = o->cursor + SLOTS_PER_TURN;
	for (; o->cursor < end; o->cursor++) {
		struct splice *sp = pool_at(&all->pool, o->cursor);

		if (sp == NULL)
			continue;
		if (o->done == o->max && o->verb != ORDER_KILL)
			return true;
		if (o->verb == ORDER_LIST) {
			if (o->name[0] == '\0' || strcmp(sp->rule->name, o->name) == 0)
				list_one(sp, o);
		} else if (kill_matches(sp, o)) {
			splice_end(sp, SPLICE_KILLED);
			o->done++;
		}
	}
	return o->cursor >= all->pool.capacity;
}

static bool close_some(struct splices *all, struct order *o)
{
	struct splice *sp;

	for (unsigned int i = 0; i < ENDS_PER_TURN; i++) {
		sp = TAILQ_FIRST(&all->open);
		if (sp == NULL || o->done == o->max)
			return true;
		splice_end(sp, SPLICE_DRAINED);
		o->done++;
	}
	return o->done == o->max;
}

bool splices_order(struct splices *all, struct order *o)
{
	switch (o->verb) {
	case ORDER_LIST:
	case ORDER_KILL:
	case ORDER_KILL_RULE:
		return walk(all, o);
	case ORDER_DRAIN:
		all->draining = o->on;
		return true;
	case ORDER_CLOSE_SOME:
		return close_some(all, o);
	}
	ASSERT(!"an order that doesn't exist");
	return true;
}
