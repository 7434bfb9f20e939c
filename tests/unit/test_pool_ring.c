/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/pool_ring.h"

enum { N = 40, RINGS = 3 };

struct item {
	unsigned int id;
	struct pool_link other;		/* not the one that is meant */
	struct pool_link link;
} __attribute__((aligned(64)));

/* What a ring should hold, in order. */
struct model {
	unsigned int n;
	struct item *items[N];
};

static struct pool pool;
static struct item *items[N];

static struct pool_rings rings(void)
{
	return (struct pool_rings){ pool.objects, sizeof(struct item), offsetof(struct item, link) };
}

static void model_insert(struct model *m, unsigned int at, struct item *i)
{
	memmove(&m->items[at + 1], &m->items[at], (m->n - at) * sizeof(m->items[0]));
	m->items[at] = i;
	m->n++;
}

static void check(uint32_t ring, const struct model *m)
{
	struct pool_rings r = rings();
	struct item *i = pool_ring_object(r, ring);

	assert_ptr_equal(pool_ring_last(r, ring), m->n ? m->items[m->n - 1] : NULL);
	for (unsigned int k = 0; k < m->n; k++) {
		assert_ptr_equal(i, m->items[k]);
		assert_ptr_equal(pool_ring_prev(r, ring, i), k ? m->items[k - 1] : NULL);
		i = pool_ring_next(r, ring, i);
	}
	assert_null(i);
}

static void step(uint32_t ring[RINGS], struct model m[RINGS], bool on[N])
{
	struct pool_rings r = rings();
	unsigned int k = (unsigned int)rand() % RINGS, to = (unsigned int)rand() % RINGS, at;
	struct item *i = items[rand() % N];

	switch (rand() % 8) {
	case 0:
		if (to == k)
			return;
		pool_ring_concat(r, &ring[k], &ring[to]);
		for (at = 0; at < m[to].n; at++)
			m[k].items[m[k].n++] = m[to].items[at];
		m[to].n = 0;
		return;
	case 1:
	case 2:
	case 3:
		if (m[k].n == 0)
			return;
		at = (unsigned int)rand() % m[k].n;
		i = m[k].items[at];
		pool_ring_remove(r, &ring[k], i);
		memmove(&m[k].items[at], &m[k].items[at + 1], (m[k].n - at - 1) * sizeof(m[k].items[0]));
		m[k].n--;
		on[i->id] = false;
		return;
	default:
		break;
	}
	if (on[i->id])
		return;
	on[i->id] = true;
	at = (unsigned int)rand() % (m[k].n + 1);
	if (at == 0)
		pool_ring_prepend(r, &ring[k], i);
	else if (at == m[k].n)
		pool_ring_append(r, &ring[k], i);
	else
		pool_ring_insert_after(r, m[k].items[at - 1], i);
	model_insert(&m[k], at, i);
}

static void as_arrays_have_them(void **st)
{
	assert_int_equal(pool_init(&pool, sizeof(struct item), N), 0);
	assert_int_equal(pool.object_bytes, sizeof(struct item));
	for (unsigned int i = 0; i < N; i++) {
		items[i] = pool_get(&pool);
		items[i]->id = i;
		items[i]->other = (struct pool_link){ 77, 78 };
	}
	for (unsigned int seed = 1; seed <= 200; seed++) {
		uint32_t ring[RINGS] = { 0 };
		struct model m[RINGS] = { 0 };
		bool on[N] = { false };

		srand(seed);
		for (unsigned int k = 0; k < 500; k++) {
			step(ring, m, on);
			for (unsigned int i = 0; i < RINGS; i++)
				check(ring[i], &m[i]);
		}
	}
	for (unsigned int i = 0; i < N; i++) {
		assert_int_equal(items[i]->other.next, 77);
		assert_int_equal(items[i]->other.prev, 78);
		pool_put(&pool, items[i]);
	}
	pool_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_arrays_have_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
