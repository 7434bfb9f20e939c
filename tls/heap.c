/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/heap.h"

#include "dataplane/base/assert.h"
#include "dataplane/base/lines.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/memory.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TLS_HEAP_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define TLS_HEAP_ASAN 1
#endif
#ifdef TLS_HEAP_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n) ((void)0)
#define UNPOISON(p, n) ((void)0)
#endif

#define PAGE_BYTES 4096u
#define TOP_ORDER 6u			/* 64 pages: the largest run */
#define TOP_PAGES (1u << TOP_ORDER)
#define CLASS_MAX_BYTES 4096u
#define CLASS_COUNT 27u
#define CHUNK_BLOCKS 128u		/* bits of a chunk's bitmap */
#define NIL UINT32_MAX

enum page_kind {
	PAGE_INSIDE,	/* of a run or a free block; its head is page[i].head */
	PAGE_FREE,	/* head of a free run of 1 << order pages */
	PAGE_RUN,	/* head of a run handed out as one block */
	PAGE_CHUNK,	/* head of a chunk */
};

struct page {
	uint8_t kind, order, class, used;
	uint32_t head;			/* index of the run's first page */
	uint32_t prev, next;		/* in a free list or a class's list of chunks with room */
	uint64_t taken[CHUNK_BLOCKS / 64];
};

struct size_class {
	uint32_t bytes, reciprocal;	/* offset * reciprocal >> 32 = offset / bytes, for offsets in a chunk */
	uint8_t order, blocks;
	uint32_t room;			/* chunks with a free block */
	uint32_t empty;			/* one chunk without a block out, kept warm; NIL: none */
};

/* A block that another thread gave back, linked through its own first bytes. */
struct remote {
	struct remote *next;
};

struct tls_heap {
	char *base;
	size_t bytes;
	struct page *pages;
	uint32_t n_pages;
	uint32_t free_runs[TOP_ORDER + 1];
	struct size_class classes[CLASS_COUNT];
	size_t used, peak;
	uint64_t granted, refused;
	struct remote *remote;		/* atomic */
	bool orphan;			/* its worker has gone; guarded by registry_lock */
};

/* Where each heap lies; read without a lock by whoever frees a block that isn't its own. */
static struct {
	uintptr_t base, end;		/* atomic; 0: the slot is free */
	struct tls_heap *heap;
} registry[TLS_HEAP_MAX];
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;

static __thread struct tls_heap *current;
static __thread uint64_t fail_countdown;

static uint32_t class_of(size_t bytes)
{
	uint32_t power, quarter;

	if (bytes <= 128)
		return bytes <= 32 ? 0 : (uint32_t)((bytes - 17) / 16);
	power = 63u - (uint32_t)__builtin_clzll(bytes - 1);	/* 2^power < bytes <= 2^(power + 1) */
	quarter = (uint32_t)((bytes - 1 - (1ull << power)) >> (power - 2));
	return 7 + (power - 7) * 4 + quarter;
}

static void classes_init(struct tls_heap *h)
{
	uint32_t c, bytes;

	for (c = 0; c < CLASS_COUNT; c++) {
		bytes = c < 7 ? 32 + c * 16 : (128u << ((c - 7) / 4)) + (32u << ((c - 7) / 4)) * ((c - 7) % 4 + 1);
		h->classes[c].bytes = bytes;
		h->classes[c].reciprocal = (uint32_t)((UINT64_C(1) << 32) / bytes) + 1;
		h->classes[c].order = bytes <= 512 ? 0 : 2;
		h->classes[c].blocks = (uint8_t)((PAGE_BYTES << h->classes[c].order) / bytes);
		h->classes[c].room = h->classes[c].empty = NIL;
		ASSERT(class_of(bytes) == c && h->classes[c].blocks <= CHUNK_BLOCKS);
	}
}

static void list_push(struct tls_heap *h, uint32_t *list, uint32_t i)
{
	h->pages[i].prev = NIL;
	h->pages[i].next = *list;
	if (*list != NIL)
		h->pages[*list].prev = i;
	*list = i;
}

static void list_remove(struct tls_heap *h, uint32_t *list, uint32_t i)
{
	struct page *p = &h->pages[i];

	if (p->prev != NIL)
		h->pages[p->prev].next = p->next;
	else
		*list = p->next;
	if (p->next != NIL)
		h->pages[p->next].prev = p->prev;
}

static void run_mark_free(struct tls_heap *h, uint32_t i, uint8_t order)
{
	h->pages[i].kind = PAGE_FREE;
	h->pages[i].order = order;
	list_push(h, &h->free_runs[order], i);
}

/* NIL when no run of that order can be had. */
static uint32_t run_take(struct tls_heap *h, uint8_t order, enum page_kind kind)
{
	uint8_t have = order;
	uint32_t i, k;

	while (have <= TOP_ORDER && h->free_runs[have] == NIL)
		have++;
	if (have > TOP_ORDER)
		return NIL;
	i = h->free_runs[have];
	list_remove(h, &h->free_runs[have], i);
	while (have > order) {
		have--;
		run_mark_free(h, i + (1u << have), have);
	}
	for (k = 0; k < 1u << order; k++) {
		h->pages[i + k].kind = PAGE_INSIDE;
		h->pages[i + k].head = i;
	}
	h->pages[i].kind = (uint8_t)kind;
	h->pages[i].order = order;
	return i;
}

static void run_give(struct tls_heap *h, uint32_t i)
{
	uint8_t order = h->pages[i].order;
	uint32_t buddy;

	h->pages[i].kind = PAGE_INSIDE;
	while (order < TOP_ORDER) {
		buddy = i ^ (1u << order);
		if (h->pages[buddy].kind != PAGE_FREE || h->pages[buddy].order != order)
			break;
		list_remove(h, &h->free_runs[order], buddy);
		h->pages[buddy].kind = PAGE_INSIDE;
		i &= ~(1u << order);
		order++;
	}
	run_mark_free(h, i, order);
}

static char *page_address(const struct tls_heap *h, uint32_t i)
{
	return h->base + (size_t)i * PAGE_BYTES;
}

static void account(struct tls_heap *h, size_t bytes)
{
	h->used += bytes;
	if (h->used > h->peak)
		h->peak = h->used;
}

static void *block_take(struct tls_heap *h, uint32_t class)
{
	struct size_class *c = &h->classes[class];
	struct page *p;
	uint32_t i, slot, word;
	char *block;

	if (c->room == NIL) {
		i = run_take(h, c->order, PAGE_CHUNK);
		if (i == NIL)
			return NULL;
		p = &h->pages[i];
		p->class = (uint8_t)class;
		p->used = 0;
		memset(p->taken, 0, sizeof(p->taken));
		list_push(h, &c->room, i);
	}
	i = c->room;
	p = &h->pages[i];
	if (c->empty == i)
		c->empty = NIL;
	word = ~p->taken[0] ? 0 : 1;
	slot = word * 64 + (uint32_t)__builtin_ctzll(~p->taken[word]);
	ASSERT(slot < c->blocks);
	p->taken[word] |= UINT64_C(1) << (slot % 64);
	if (++p->used == c->blocks)
		list_remove(h, &c->room, i);
	account(h, c->bytes);
	block = page_address(h, i) + (size_t)slot * c->bytes;
	UNPOISON(block, c->bytes);
	return block;
}

static void block_give(struct tls_heap *h, uint32_t i, char *block)
{
	struct page *p = &h->pages[i];
	struct size_class *c = &h->classes[p->class];
	uint32_t offset = (uint32_t)(block - page_address(h, i));
	uint32_t slot = (uint32_t)(((uint64_t)offset * c->reciprocal) >> 32);
	uint64_t bit = UINT64_C(1) << (slot % 64);

	ASSERT(slot < c->blocks && slot * c->bytes == offset);	/* a block's start */
	ASSERT(p->taken[slot / 64] & bit);			/* not freed twice */
	p->taken[slot / 64] &= ~bit;
	h->used -= c->bytes;
	explicit_bzero(block, c->bytes);
	POISON(block, c->bytes);
	if (p->used-- == c->blocks)
		list_push(h, &c->room, i);
	if (p->used == 0) {
		if (c->empty == NIL) {
			c->empty = i;
		} else {
			list_remove(h, &c->room, i);
			run_give(h, i);
		}
	}
}

static size_t block_bytes(const struct tls_heap *h, const void *block)
{
	uint32_t i = (uint32_t)((size_t)((const char *)block - h->base) / PAGE_BYTES);

	if (h->pages[i].kind == PAGE_INSIDE)
		i = h->pages[i].head;
	if (h->pages[i].kind == PAGE_CHUNK)
		return h->classes[h->pages[i].class].bytes;
	ASSERT(h->pages[i].kind == PAGE_RUN);
	return (size_t)PAGE_BYTES << h->pages[i].order;
}

static void give(struct tls_heap *h, void *block)
{
	uint32_t i = (uint32_t)((size_t)((char *)block - h->base) / PAGE_BYTES);
	size_t bytes;

	if (h->pages[i].kind == PAGE_INSIDE)
		i = h->pages[i].head;
	if (h->pages[i].kind == PAGE_CHUNK) {
		block_give(h, i, block);
		return;
	}
	ASSERT(h->pages[i].kind == PAGE_RUN && page_address(h, i) == block);
	bytes = (size_t)PAGE_BYTES << h->pages[i].order;
	h->used -= bytes;
	explicit_bzero(block, bytes);
	POISON(block, bytes);
	run_give(h, i);
}

/* What other threads gave back, and the chunks kept warm. Says whether anything came of it. */
static bool collect(struct tls_heap *h)
{
	struct remote *r = __atomic_exchange_n(&h->remote, NULL, __ATOMIC_ACQUIRE), *next;
	bool any = r != NULL;
	uint32_t c;

	for (; r; r = next) {
		next = r->next;
		give(h, r);
	}
	for (c = 0; c < CLASS_COUNT; c++) {
		if (h->classes[c].empty == NIL)
			continue;
		list_remove(h, &h->classes[c].room, h->classes[c].empty);
		run_give(h, h->classes[c].empty);
		h->classes[c].empty = NIL;
		any = true;
	}
	return any;
}

static void *take(struct tls_heap *h, size_t bytes)
{
	uint8_t order;
	uint32_t i;

	if (bytes <= CLASS_MAX_BYTES)
		return block_take(h, class_of(bytes));
	if (bytes > TLS_HEAP_BLOCK_MAX_BYTES)
		return NULL;
	order = (uint8_t)(64 - __builtin_clzll((bytes - 1) / PAGE_BYTES));
	i = run_take(h, order, PAGE_RUN);
	if (i == NIL)
		return NULL;
	account(h, (size_t)PAGE_BYTES << order);
	UNPOISON(page_address(h, i), (size_t)PAGE_BYTES << order);
	return page_address(h, i);
}

/* What no arena gave: control's, where private keys stand in it. */
static void c_free(void *block)
{
	explicit_bzero(block, malloc_usable_size(block));
	free(block);
}

static void *c_resize(void *block, size_t bytes)
{
	size_t have = malloc_usable_size(block);
	void *moved = malloc(bytes);

	if (!moved)
		return NULL;
	memcpy(moved, block, bytes < have ? bytes : have);
	c_free(block);
	return moved;
}

void *tls_heap_alloc(size_t bytes)
{
	struct tls_heap *h = current;
	void *block;

	if (fail_countdown && --fail_countdown == 0) {
		if (h)
			h->refused++;
		return NULL;
	}
	if (!h)
		return malloc(bytes);
	block = take(h, bytes);
	if (!block && collect(h))
		block = take(h, bytes);
	if (block)
		h->granted++;
	else
		h->refused++;
	return block;
}

void *tls_heap_alloc_zeroed(size_t bytes)
{
	void *block = tls_heap_alloc(bytes);

	if (block)
		memset(block, 0, bytes);
	return block;
}

static bool inside(const struct tls_heap *h, const void *block)
{
	return (uintptr_t)block - (uintptr_t)h->base < h->bytes;
}

/* The heap that @block came from, or NULL: the C library's. The caller's block keeps its heap mapped. */
static struct tls_heap *owner_of(const void *block)
{
	uint32_t i;

	if (current && inside(current, block))
		return current;
	for (i = 0; i < TLS_HEAP_MAX; i++) {
		if ((uintptr_t)block >= __atomic_load_n(&registry[i].base, __ATOMIC_ACQUIRE) &&
		    (uintptr_t)block < __atomic_load_n(&registry[i].end, __ATOMIC_ACQUIRE))
			return registry[i].heap;
	}
	return NULL;
}

/* Under registry_lock: no worker uses @h and no block of it is out. */
static void unmap(struct tls_heap *h)
{
	uint32_t i;

	for (i = 0; i < TLS_HEAP_MAX; i++) {
		if (registry[i].heap == h) {
			__atomic_store_n(&registry[i].end, 0, __ATOMIC_RELEASE);
			__atomic_store_n(&registry[i].base, 0, __ATOMIC_RELEASE);
			registry[i].heap = NULL;
		}
	}
	UNPOISON(h->base, h->bytes);
	munmap(h->base, h->bytes);
	free(h->pages);
	free(h);
}

static void give_remote(struct tls_heap *h, void *block)
{
	struct remote *r = block;

	pthread_mutex_lock(&registry_lock);
	if (h->orphan) {
		give(h, block);
		if (h->used == 0)
			unmap(h);
	} else {
		explicit_bzero(block, block_bytes(h, block));
		r->next = __atomic_load_n(&h->remote, __ATOMIC_RELAXED);
		while (!__atomic_compare_exchange_n(&h->remote, &r->next, r, true, __ATOMIC_RELEASE,
						    __ATOMIC_RELAXED))
			;
	}
	pthread_mutex_unlock(&registry_lock);
}

void tls_heap_release(void *block)
{
	struct tls_heap *h;

	if (!block)
		return;
	h = owner_of(block);
	if (!h)
		c_free(block);
	else if (h == current)
		give(h, block);
	else
		give_remote(h, block);
}

void *tls_heap_resize(void *block, size_t bytes)
{
	struct tls_heap *h;
	size_t have;
	void *moved;

	if (!block)
		return tls_heap_alloc(bytes);
	h = owner_of(block);
	if (!h) {
		/* The C library's block stays the C library's, also when it is resized on a worker. */
		return current && fail_countdown && --fail_countdown == 0 ? NULL : c_resize(block, bytes);
	}
	have = block_bytes(h, block);
	if (bytes <= have && bytes > have / 2)
		return block;
	moved = tls_heap_alloc(bytes);
	if (!moved)
		return NULL;
	memcpy(moved, block, bytes < have ? bytes : have);
	tls_heap_release(block);
	return moved;
}

static int registry_add(struct tls_heap *h)
{
	uint32_t i;
	int err = -ENOSPC;

	pthread_mutex_lock(&registry_lock);
	for (i = 0; i < TLS_HEAP_MAX && err; i++) {
		if (registry[i].heap)
			continue;
		registry[i].heap = h;
		__atomic_store_n(&registry[i].base, (uintptr_t)h->base, __ATOMIC_RELEASE);
		__atomic_store_n(&registry[i].end, (uintptr_t)h->base + h->bytes, __ATOMIC_RELEASE);
		err = 0;
	}
	pthread_mutex_unlock(&registry_lock);
	return err;
}

/* The whole arena at start: running out of memory is for start-up to report, not for a handshake to die of. */
static bool arena_map(struct tls_heap *h)
{
	h->base = mmap(NULL, h->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h->base == MAP_FAILED) {
		h->base = NULL;
		return false;
	}
	madvise(h->base, h->bytes, MADV_HUGEPAGE);
	madvise(h->base, h->bytes, MADV_DONTDUMP);	/* no session key in a core file */
	memset(h->base, 0, h->bytes);
	return true;
}

struct tls_heap *tls_heap_new(size_t bytes)
{
	struct tls_heap *h;
	uint32_t i;

	bytes -= bytes % ((size_t)TOP_PAGES * PAGE_BYTES);
	if (bytes < TLS_HEAP_MIN_BYTES || bytes / PAGE_BYTES >= NIL)
		return NULL;
	h = lines_alloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->bytes = bytes;
	h->n_pages = (uint32_t)(bytes / PAGE_BYTES);
	h->pages = lines_alloc(h->n_pages, sizeof(*h->pages));
	if (!h->pages || !arena_map(h) || registry_add(h) != 0) {
		if (h->base)
			munmap(h->base, h->bytes);
		free(h->pages);
		free(h);
		return NULL;
	}
	classes_init(h);
	for (i = 0; i <= TOP_ORDER; i++)
		h->free_runs[i] = NIL;
	for (i = h->n_pages; i > 0; i -= TOP_PAGES)
		run_mark_free(h, i - TOP_PAGES, TOP_ORDER);
	POISON(h->base, h->bytes);
	return h;
}

void tls_heap_enter(struct tls_heap *heap)
{
	current = heap;
}

void tls_heap_free(struct tls_heap *heap)
{
	if (!heap)
		return;
	ASSERT(current != heap);
	pthread_mutex_lock(&registry_lock);
	collect(heap);
	heap->orphan = true;
	if (heap->used == 0)
		unmap(heap);
	pthread_mutex_unlock(&registry_lock);
}

size_t tls_heap_used(const struct tls_heap *heap)
{
	return heap->used;
}

size_t tls_heap_peak(const struct tls_heap *heap)
{
	return heap->peak;
}

size_t tls_heap_size(const struct tls_heap *heap)
{
	return heap->bytes;
}

uint64_t tls_heap_granted(const struct tls_heap *heap)
{
	return heap->granted;
}

uint64_t tls_heap_refused(const struct tls_heap *heap)
{
	return heap->refused;
}

uint64_t tls_heap_fail_nth(uint64_t nth)
{
	uint64_t left = fail_countdown;

	fail_countdown = nth;
	return left;
}

int tls_heap_install(void)
{
	return wolfSSL_SetAllocators(tls_heap_alloc, tls_heap_release, tls_heap_resize) == 0 ? 0 : -EINVAL;
}
