/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Publication under readers that never stop: what a reader holds between two
 * quiescent states stays whole, and what policy_publish returns nobody reads.
 * Meant to be run under ThreadSanitizer as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "policy.h"
#include "policy_rcu.h"

#define READERS 3
#define PUBLICATIONS 10000u

static int stop, started;

/* Each snapshot's fields tell the same number; a torn or freed one wouldn't. */
static struct policy *snapshot(uint64_t generation)
{
	struct policy *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->generation = generation;
	p->tickets = (const struct tls_tickets *)(uintptr_t)(generation * 3);
	return p;
}

static void *reader(void *arg)
{
	uint64_t *turns = arg, last = 0;
	bool sleeps = (uintptr_t)arg % 32 == 0;

	policy_reader_begin();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		const struct policy *p = policy_current();

		if (p != NULL) {
			for (int i = 0; i < 10; i++) {
				if ((uintptr_t)p->tickets != p->generation * 3 || p->generation < last)
					abort();
			}
			last = p->generation;
		}
		policy_quiesce();
		if ((*turns)++ == 0)
			__atomic_fetch_add(&started, 1, __ATOMIC_RELAXED);
		if (sleeps && *turns % 64 == 0) {
			struct timespec ts = { .tv_nsec = 20000 };

			policy_offline();
			nanosleep(&ts, NULL);
			policy_online();
		}
	}
	policy_reader_end();
	return NULL;
}

static void test_publication_under_readers(void **state)
{
	uint64_t turns[READERS] = { 0 };
	pthread_t threads[READERS];
	struct policy *old;

	(void)state;
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reader, &turns[i]), 0);
	while (__atomic_load_n(&started, __ATOMIC_RELAXED) < READERS)
		sched_yield();		/* or a busy machine publishes before anybody reads */
	for (uint64_t g = 1; g <= PUBLICATIONS; g++) {
		old = policy_publish(snapshot(g));
		assert_int_equal(old == NULL ? 0 : old->generation, g - 1);
		if (old != NULL)
			memset(old, 0xa5, sizeof(*old));	/* a late reader would see this */
		free(old);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(turns[i] > 0);
	}
	old = policy_publish(NULL);
	assert_int_equal(old->generation, PUBLICATIONS);
	free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publication_under_readers),
	};

	return cmocka_run_group_tests_name("policy_rcu", tests, NULL, NULL);
}
