/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory of one worker's TLS sessions: an arena mapped once, from which the
 * TLS library and tls/ itself allocate. Bounded, O(1), without a lock, and every
 * block is zeroed when it is given back (session keys live in them).
 *
 * Two layers. Pages of 4 KB are handed out in runs of a power of two (a buddy
 * system, so that neighbours merge again). Blocks up to 4 KB come from chunks, a
 * run cut into blocks of one size class with a bitmap of what is in use; a chunk
 * that is empty goes back to the pages, so no class can starve another for good.
 *
 * Order of calls: tls_heap_install once per process; on each worker's thread
 * tls_heap_new, tls_heap_enter; at its end tls_heap_enter(NULL), tls_heap_free.
 * Threads: a heap allocates on the one thread that entered it; threads that
 * entered none (control) get the C library's memory from the same functions.
 * tls_heap_release may be called on any thread for any block: one that isn't the
 * caller's own goes onto a list that its owner takes over when it next runs dry.
 * Ownership: a heap that still has blocks out when it is freed stays mapped until
 * the last of them comes back.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TLS_HEAP_MAX 128u			/* heaps at one time: one a worker */
#define TLS_HEAP_MIN_BYTES (512u * 1024)
#define TLS_HEAP_BLOCK_MAX_BYTES (256u * 1024)	/* larger wishes are refused */

struct tls_heap;

/* Makes the TLS library allocate here. 0, or -EINVAL. */
int tls_heap_install(void);

/* An arena of @bytes (rounded down to 256 KB), its pages present. NULL: no memory, or TLS_HEAP_MAX are in use. */
struct tls_heap *tls_heap_new(size_t bytes);
/* The calling thread allocates from @heap from now on; NULL: from the C library. */
void tls_heap_enter(struct tls_heap *heap);
/* The owner's last call; no thread may be in it any more. */
void tls_heap_free(struct tls_heap *heap);

/* 16-byte aligned, not zeroed; NULL when the bound is reached. */
void *tls_heap_alloc(size_t bytes);
void *tls_heap_alloc_zeroed(size_t bytes);
/* As realloc; the old block stays when NULL comes back. */
void *tls_heap_resize(void *block, size_t bytes);
void tls_heap_release(void *block);

/* Bytes of blocks handed out (rounded to their class), now and at the most, and the arena's size. */
size_t tls_heap_used(const struct tls_heap *heap);
size_t tls_heap_peak(const struct tls_heap *heap);
size_t tls_heap_size(const struct tls_heap *heap);
/* Allocations granted and refused on this heap. */
uint64_t tls_heap_granted(const struct tls_heap *heap);
uint64_t tls_heap_refused(const struct tls_heap *heap);

/* For tests: the calling thread's @nth allocation from now fails, once; 0: none does. How many were left until then. */
uint64_t tls_heap_fail_nth(uint64_t nth);
