/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/lines.h"

#define HUGE_PAGE_BYTES (2u << 20)

/* Under ASan an object that isn't handed out can't be touched. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(POOL_ASAN)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

int pool_init(struct pool *p, size_t object_bytes, uint32_t capacity)
{
	size_t each, total, align = LINE_BYTES;
	void *objects = NULL;

	memset(p, 0, sizeof(*p));
	if (object_bytes == 0 || object_bytes > SIZE_MAX - LINE_BYTES)
		return -ENOMEM;
	each = (object_bytes + LINE_BYTES - 1) & ~(size_t)(LINE_BYTES - 1);
	if (__builtin_mul_overflow(each, capacity, &total))
		return -ENOMEM;
	if (total >= HUGE_PAGE_BYTES)
		align = HUGE_PAGE_BYTES;

	p->free = lines_alloc(capacity ? capacity : 1, sizeof(*p->free));
	p->used = lines_alloc(capacity ? capacity : 1, 1);
	if (!p->free || !p->used || posix_memalign(&objects, align, total ? total : each) != 0) {
		free(p->free);
		free(p->used);
		memset(p, 0, sizeof(*p));
		return -ENOMEM;
	}
	/* A table of connections is read at random: fewer TLB misses where the kernel can. */
	if (align == HUGE_PAGE_BYTES)
		(void)madvise(objects, total, MADV_HUGEPAGE);
	memset(objects, 0, total);
	POISON(objects, total);

	p->objects = objects;
	p->object_bytes = each;
	p->capacity = capacity;
	p->n_free = capacity;
	for (uint32_t i = 0; i < capacity; i++)
		p->free[i] = capacity - 1 - i;	/* so that index 0 is handed out first */
	return 0;
}

void pool_fini(struct pool *p)
{
	UNPOISON(p->objects, p->object_bytes * p->capacity);
	free(p->objects);
	free(p->free);
	free(p->used);
	memset(p, 0, sizeof(*p));
}

void *pool_get(struct pool *p)
{
	uint32_t index;
	void *object;

	if (p->n_free == 0)
		return NULL;
	index = p->free[--p->n_free];
	ASSERT(!p->used[index]);
	p->used[index] = 1;
	object = p->objects + index * p->object_bytes;
	UNPOISON(object, p->object_bytes);
	memset(object, 0, p->object_bytes);
	return object;
}

void pool_put(struct pool *p, void *object)
{
	uint32_t index = pool_index(p, object);

	ASSERT(p->used[index]);
	p->used[index] = 0;
	p->free[p->n_free++] = index;
	POISON(object, p->object_bytes);
}

void *pool_at(const struct pool *p, uint32_t index)
{
	ASSERT(index < p->capacity);
	return p->used[index] ? p->objects + index * p->object_bytes : NULL;
}

uint32_t pool_index(const struct pool *p, const void *object)
{
	size_t offset = (size_t)((const char *)object - p->objects);

	ASSERT((const char *)object >= p->objects && offset < p->object_bytes * p->capacity &&
	       offset % p->object_bytes == 0);
	return (uint32_t)(offset / p->object_bytes);
}
