/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's heap: random use against a shadow, bounds, threads, misuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tls/heap.h"

#define SLOTS 4000u

struct block {
	uint8_t *p;
	size_t bytes;
	uint8_t mark;
};

static uint64_t seed = 42;

static uint32_t next_random(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

static size_t random_size(void)
{
	switch (next_random(8)) {
	case 0:
		return 1 + next_random(200000);
	case 1:
		return 1 + next_random(20000);
	case 2:
	case 3:
		return 1 + next_random(4096);
	default:
		return 1 + next_random(400);
	}
}

static void check(const struct block *b)
{
	size_t i;

	assert_int_equal((uintptr_t)b->p % 16, 0);
	for (i = 0; i < b->bytes; i += 1 + b->bytes / 64)
		assert_int_equal(b->p[i], b->mark);
	assert_int_equal(b->p[b->bytes - 1], b->mark);
}

static void fill(struct block *b)
{
	b->mark = (uint8_t)next_random(256);
	memset(b->p, b->mark, b->bytes);
}

static void test_random_use(void **state)
{
	static struct block blocks[SLOTS];
	struct tls_heap *h = tls_heap_new(16u << 20);
	size_t used_by_us = 0, refused = 0, bytes;
	uint32_t round, i;
	uint8_t *moved;

	(void)state;
	assert_non_null(h);
	tls_heap_enter(h);
	for (round = 0; round < 300000; round++) {
		struct block *b = &blocks[next_random(SLOTS)];

		if (!b->p) {
			bytes = random_size();
			b->p = tls_heap_alloc(bytes);
			b->bytes = bytes;
			refused += !b->p;
			if (b->p) {
				fill(b);
				used_by_us += bytes;
			}
		} else {
			check(b);
			used_by_us -= b->bytes;
			bytes = random_size();
			moved = next_random(3) ? NULL : tls_heap_resize(b->p, bytes);
			if (moved) {
				b->p = moved;
				b->bytes = bytes < b->bytes ? bytes : b->bytes;
				check(b);
				b->bytes = bytes;
				fill(b);
				used_by_us += bytes;
			} else {
				tls_heap_release(b->p);
				b->p = NULL;
			}
		}
		assert_true(tls_heap_used(h) >= used_by_us && tls_heap_used(h) <= tls_heap_size(h));
	}
	assert_true(refused > 0);	/* the bound was met */
	assert_int_equal(tls_heap_refused(h) >= refused, 1);
	for (i = 0; i < SLOTS; i++)
		tls_heap_release(blocks[i].p);
	assert_int_equal(tls_heap_used(h), 0);
	assert_true(tls_heap_peak(h) > 15u << 20);
	/* Nothing is lost to fragments: the whole arena can be had again in the largest blocks. */
	for (i = 0; i < (16u << 20) / TLS_HEAP_BLOCK_MAX_BYTES; i++)
		assert_non_null(blocks[i].p = tls_heap_alloc(TLS_HEAP_BLOCK_MAX_BYTES));
	assert_null(tls_heap_alloc(1));
	while (i > 0)
		tls_heap_release(blocks[--i].p);
	tls_heap_enter(NULL);
	tls_heap_free(h);
}

static void test_bounds(void **state)
{
	struct tls_heap *h = tls_heap_new(TLS_HEAP_MIN_BYTES);
	uint8_t *a, *b;
	size_t i;

	(void)state;
	assert_null(tls_heap_new(TLS_HEAP_MIN_BYTES - 1));
	tls_heap_enter(h);
	assert_null(tls_heap_alloc(TLS_HEAP_BLOCK_MAX_BYTES + 1));
	assert_non_null(a = tls_heap_alloc(0));
	tls_heap_release(a);
	tls_heap_release(NULL);
	/* What was in a block is gone when it comes again. */
	a = tls_heap_alloc(1000);
	memset(a, 0x5a, 1000);
	tls_heap_release(a);
	b = tls_heap_alloc(1000);
	assert_ptr_equal(a, b);
	for (i = 0; i < 1000; i++)
		assert_int_equal(b[i], 0);
	/* A failing resize leaves the block. */
	b[999] = 7;
	tls_heap_fail_nth(1);
	assert_null(tls_heap_resize(b, 3000));
	assert_int_equal(b[999], 7);
	tls_heap_release(b);
	tls_heap_enter(NULL);
	tls_heap_free(h);
}

struct crossing {
	void *blocks[2000];
	pthread_barrier_t barrier;
};

static void *give_back(void *with)
{
	struct crossing *c = with;
	size_t i;

	pthread_barrier_wait(&c->barrier);
	for (i = 0; i < 2000; i++)
		tls_heap_release(c->blocks[i]);
	return NULL;
}

/* Control frees what a worker allocated, while the worker goes on; and after it has gone. */
static void test_other_threads(void **state)
{
	struct tls_heap *h = tls_heap_new(4u << 20);
	struct crossing c;
	pthread_t thread;
	uint8_t *mine;
	size_t i;
	int round;

	(void)state;
	pthread_barrier_init(&c.barrier, NULL, 2);
	tls_heap_enter(h);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 2000; i++)
			assert_non_null(c.blocks[i] = tls_heap_alloc(1 + i % 1500));
		pthread_create(&thread, NULL, give_back, &c);
		pthread_barrier_wait(&c.barrier);
		for (i = 0; i < 20000; i++) {
			mine = tls_heap_alloc(1 + i % 700);
			assert_non_null(mine);
			mine[0] = 1;
			tls_heap_release(mine);
		}
		pthread_join(thread, NULL);
	}
	/* Blocks of the C library's may be given back here, too. */
	tls_heap_enter(NULL);
	mine = tls_heap_alloc(100);
	tls_heap_enter(h);
	mine = tls_heap_resize(mine, 5000);
	assert_non_null(mine);
	tls_heap_release(mine);
	for (i = 0; i < 2000; i++)
		assert_non_null(c.blocks[i] = tls_heap_alloc(100));
	tls_heap_enter(NULL);
	tls_heap_free(h);	/* stays until the last block is back */
	memset(c.blocks[1999], 1, 100);
	pthread_create(&thread, NULL, give_back, &c);
	pthread_barrier_wait(&c.barrier);
	pthread_join(thread, NULL);
}

static void expect_abort(void (*misuse)(struct tls_heap *h))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		struct tls_heap *h = tls_heap_new(1u << 20);

		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		tls_heap_enter(h);
		misuse(h);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}

static void free_twice(struct tls_heap *h)
{
	void *a = tls_heap_alloc(64), *b = tls_heap_alloc(64);

	(void)h;
	(void)b;
	tls_heap_release(a);
	tls_heap_release(a);
}

static void free_inside(struct tls_heap *h)
{
	(void)h;
	tls_heap_release((char *)tls_heap_alloc(64) + 16);
}

static void free_inside_run(struct tls_heap *h)
{
	(void)h;
	tls_heap_release((char *)tls_heap_alloc(20000) + 4096);
}

static void free_run_twice(struct tls_heap *h)
{
	void *a = tls_heap_alloc(20000);

	(void)h;
	tls_heap_release(a);
	tls_heap_release(a);
}

static void test_misuse(void **state)
{
	(void)state;
	expect_abort(free_twice);
	expect_abort(free_inside);
	expect_abort(free_inside_run);
	expect_abort(free_run_twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_use),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_other_threads),
		cmocka_unit_test(test_misuse),
	};

	return cmocka_run_group_tests_name("tls_heap", tests, NULL, NULL);
}
