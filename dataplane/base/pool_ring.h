/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of a pool's objects that name each other by number instead of by pointer: a
 * link is 8 bytes, a list 4. An object's number is its index in the pool + 1, so 0
 * is none. A list is a ring: it is the number of its first object, and the last one
 * is before that.
 *
 * Who uses it says once where the links are (struct pool_rings, made of constants by
 * an inline function); sizeof(object) must be what the pool rounds it up to.
 *
 * Threads: one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct pool_link {
	uint32_t next, prev;
};

/* Where the links are: in an array of objects of this size, at this offset. */
struct pool_rings {
	char *objects;
	size_t object_bytes, link;
};

/* The object of that number; 0: NULL. */
static inline void *pool_ring_object(struct pool_rings r, uint32_t number)
{
	return number ? r.objects + (size_t)(number - 1) * r.object_bytes : NULL;
}

static inline uint32_t pool_ring_number(struct pool_rings r, const void *object)
{
	return (uint32_t)((size_t)((const char *)object - r.objects) / r.object_bytes) + 1;
}

static inline struct pool_link *pool_ring_link(struct pool_rings r, uint32_t number)
{
	return (struct pool_link *)(r.objects + (size_t)(number - 1) * r.object_bytes + r.link);
}

static inline void *pool_ring_last(struct pool_rings r, uint32_t ring)
{
	return ring ? pool_ring_object(r, pool_ring_link(r, ring)->prev) : NULL;
}

/* The one after @object; NULL: it is the last. */
static inline void *pool_ring_next(struct pool_rings r, uint32_t ring, const void *object)
{
	uint32_t next = ((const struct pool_link *)((const char *)object + r.link))->next;

	return next == ring ? NULL : pool_ring_object(r, next);
}

static inline void *pool_ring_prev(struct pool_rings r, uint32_t ring, const void *object)
{
	uint32_t number = pool_ring_number(r, object);

	return number == ring ? NULL : pool_ring_object(r, pool_ring_link(r, number)->prev);
}

/* @object is on no ring of this kind. */
static inline void pool_ring_insert_after(struct pool_rings r, const void *at, void *object)
{
	uint32_t before = pool_ring_number(r, at), number = pool_ring_number(r, object);
	struct pool_link *l = pool_ring_link(r, number), *b = pool_ring_link(r, before);

	l->prev = before;
	l->next = b->next;
	pool_ring_link(r, b->next)->prev = number;
	b->next = number;
}

static inline void pool_ring_append(struct pool_rings r, uint32_t *ring, void *object)
{
	uint32_t number;

	if (*ring) {
		pool_ring_insert_after(r, pool_ring_last(r, *ring), object);
		return;
	}
	number = pool_ring_number(r, object);
	*pool_ring_link(r, number) = (struct pool_link){ number, number };
	*ring = number;
}

static inline void pool_ring_prepend(struct pool_rings r, uint32_t *ring, void *object)
{
	pool_ring_append(r, ring, object);
	*ring = pool_ring_number(r, object);
}

static inline void pool_ring_remove(struct pool_rings r, uint32_t *ring, const void *object)
{
	uint32_t number = pool_ring_number(r, object);
	const struct pool_link *l = pool_ring_link(r, number);

	if (l->next == number) {
		*ring = 0;
		return;
	}
	pool_ring_link(r, l->prev)->next = l->next;
	pool_ring_link(r, l->next)->prev = l->prev;
	if (*ring == number)
		*ring = l->next;
}

/* All of *@other behind the last of *@ring; *@other is empty then. */
static inline void pool_ring_concat(struct pool_rings r, uint32_t *ring, uint32_t *other)
{
	uint32_t first = *ring, second = *other, first_last, second_last;

	*other = 0;
	if (first == 0 || second == 0) {
		*ring = first | second;
		return;
	}
	first_last = pool_ring_link(r, first)->prev;
	second_last = pool_ring_link(r, second)->prev;
	pool_ring_link(r, first_last)->next = second;
	pool_ring_link(r, second)->prev = first_last;
	pool_ring_link(r, second_last)->next = first;
	pool_ring_link(r, first)->prev = second_last;
}
