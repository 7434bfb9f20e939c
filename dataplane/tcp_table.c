/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_table.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_prefetch.h>

#include "base/assert.h"
#include "base/lines.h"
#include "tcp_ahead.h"
#include "tcp_list.h"
#include "tcp_orphan.h"
#include "tcp_seg_ring.h"
#include "tcp_timer.h"

int tcp_table_init(struct tcp_stack *t, uint32_t max_conns)
{
	uint32_t n = 16;

	while (n < max_conns && n < 1u << 31)
		n *= 2;
	t->buckets = lines_alloc(n, sizeof(*t->buckets));
	if (!t->buckets)
		return -ENOMEM;
	t->bucket_mask = n - 1;
	return pool_init(&t->conns, sizeof(struct tcp_conn), max_conns);
}

void tcp_table_fini(struct tcp_stack *t)
{
	pool_fini(&t->conns);
	free(t->buckets);
	t->buckets = NULL;
}

static uint32_t tuple_hash(const struct tcp_stack *t, const struct tuple *tuple)
{
	_Static_assert(sizeof(struct tuple) == 36, "the tuple is hashed as bytes: no padding");
	return (uint32_t)siphash(&t->table_key, tuple, sizeof(*tuple));
}

static uint32_t *bucket_of(const struct tcp_stack *t, uint32_t hash)
{
	return &t->buckets[hash & t->bucket_mask];
}

static struct tcp_conn *conn_of(const struct tcp_stack *t, uint32_t number)
{
	return pool_ring_object(tcp_conns_by_owner(t), number);
}

static bool tuple_equal(const struct tuple *a, const struct tuple *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

struct tcp_conn *tcp_lookup(const struct stack *s, const struct tuple *tuple)
{
	uint32_t hash = tuple_hash(&s->tcp, tuple);
	struct tcp_conn *c = conn_of(&s->tcp, *bucket_of(&s->tcp, hash));

	while (c && !(c->hash == hash && tuple_equal(&c->tuple, tuple)))
		c = conn_of(&s->tcp, c->hash_next);
	return c;
}

/*
 * Each step reads what the one before it has asked for: buckets, then who they are, then the rest of
 * whom it was, then what that leads to: its user, and what an acknowledgment frees.
 */
void tcp_table_ahead(const struct stack *s, const struct tuple *tuples, unsigned int n)
{
	const struct tcp_stack *t = &s->tcp;
	const struct tcp_conn *conns[TCP_AHEAD_MAX];
	uint32_t hashes[TCP_AHEAD_MAX];
	unsigned int found = 0;

	for (unsigned int i = 0; i < n; i++) {
		hashes[i] = tuple_hash(t, &tuples[i]);
		rte_prefetch0(bucket_of(t, hashes[i]));
	}
	for (unsigned int i = 0; i < n; i++) {
		const struct tcp_conn *c = conn_of(t, *bucket_of(t, hashes[i]));

		if (c)
			rte_prefetch0(c);
	}
	for (unsigned int i = 0; i < n; i++) {
		const struct tcp_conn *c = conn_of(t, *bucket_of(t, hashes[i]));

		while (c && c->hash != hashes[i])
			c = conn_of(t, c->hash_next);
		if (c) {
			tcp_ahead_of(c);
			conns[found++] = c;
		}
	}
	for (unsigned int i = 0; i < found; i++) {
		rte_prefetch0(conns[i]->user);
		rte_prefetch0(conns[i]->snd_head);
		rte_prefetch0(tcp_seg_first(conns[i]));
	}
}

struct tcp_conn *tcp_conn_new(struct stack *s, const struct tuple *tuple)
{
	struct tcp_stack *t = &s->tcp;
	struct tcp_conn *c = pool_get(&t->conns);
	uint32_t *bucket;

	/* Who has nobody waiting for it gives way to a new connection. */
	if (!c && tcp_orphan_make_room(s))
		c = pool_get(&t->conns);
	if (!c)
		return NULL;
	c->stack = s;
	c->tuple = *tuple;
	c->hash = tuple_hash(t, tuple);
	tcp_timer_init(c);
	bucket = bucket_of(t, c->hash);
	c->hash_next = *bucket;
	*bucket = pool_ring_number(tcp_conns_by_owner(t), c);
	c->in_table = true;
	return c;
}

void tcp_table_remove(struct tcp_conn *c)
{
	struct tcp_stack *t = &c->stack->tcp;
	uint32_t *at = bucket_of(t, c->hash);
	struct tcp_conn *other;

	if (!c->in_table)
		return;
	while ((other = conn_of(t, *at)) != c)
		at = &other->hash_next;
	*at = c->hash_next;
	c->in_table = false;
}

void tcp_conn_free(struct tcp_conn *c)
{
	struct tcp_stack *t = &c->stack->tcp;

	tcp_lists_leave(c);
	tcp_timer_stop(c);
	tcp_table_remove(c);
	ASSERT(c->segs == 0 && !c->snd_head && !c->rcv_head && !c->ooo);
	pool_put(&t->conns, c);
}

uint64_t tcp_random(struct stack *s)
{
	uint64_t n = s->tcp.random_counter++;

	return siphash(&s->tcp.random_key, &n, sizeof(n));
}
