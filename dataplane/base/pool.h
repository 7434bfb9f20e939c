/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pool of objects of one size, allocated at start, handed out and taken back
 * in O(1). Objects sit in one array, so an index names one: control walks a
 * worker's connections by index, in bounded steps, without a list of its own.
 * All of it is touched at start: a page that the kernel must first find and clear
 * would hold up the packet that needs it, and a huge one everybody, for 0.2 ms on
 * a machine of one's own and for 4 to 8 ms where a hypervisor has to find it, too.
 *
 * Order of calls: pool_init, pool_get / pool_put, pool_fini.
 * Threads: one pool belongs to one worker (init and fini before and after it runs).
 * Ownership: pool_get gives the object to the caller, pool_put takes it back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
	char *objects;
	uint32_t *free;		/* stack of free indices */
	uint8_t *used;		/* by index: is it handed out? */
	size_t object_bytes;	/* rounded up to a cache line */
	uint32_t capacity, n_free;
};

/* 0, or -ENOMEM. */
int pool_init(struct pool *p, size_t object_bytes, uint32_t capacity);
void pool_fini(struct pool *p);

/* A zeroed object, or NULL when all are handed out (the caller counts the refusal). */
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *object);

/* The object at @index, or NULL if that one isn't handed out. @index < capacity. */
void *pool_at(const struct pool *p, uint32_t index);
uint32_t pool_index(const struct pool *p, const void *object);

static inline uint32_t pool_in_use(const struct pool *p)
{
	return p->capacity - p->n_free;
}
