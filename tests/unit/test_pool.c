/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include <cmocka.h>

#include "base/pool.h"

struct thing {
	uint64_t value;
	char rest[100];
};

static void gives_all_and_no_more(void **state)
{
	struct thing *things[17];
	struct pool p;

	assert_int_equal(pool_init(&p, sizeof(struct thing), 17), 0);
	for (unsigned int i = 0; i < 17; i++) {
		things[i] = pool_get(&p);
		assert_non_null(things[i]);
		assert_int_equal((uintptr_t)things[i] % 64, 0);
		assert_int_equal(pool_index(&p, things[i]), i);
		assert_int_equal(things[i]->value, 0);
		memset(things[i], 0xa5, sizeof(*things[i]));
	}
	assert_null(pool_get(&p));
	assert_int_equal(pool_in_use(&p), 17);
	pool_put(&p, things[5]);
	assert_null(pool_at(&p, 5));
	assert_ptr_equal(pool_at(&p, 6), things[6]);
	/* The one that came back, zeroed again. */
	assert_ptr_equal(pool_get(&p), things[5]);
	assert_int_equal(things[5]->value, 0);
	assert_int_equal(things[5]->rest[99], 0);
	pool_fini(&p);
}

static void random_use_as_a_set_has_it(void **state)
{
	enum { N = 100 };
	struct thing *held[N] = { NULL };
	unsigned int n_held = 0;
	struct pool p;

	srand(7);
	assert_int_equal(pool_init(&p, sizeof(struct thing), N), 0);
	for (unsigned int step = 0; step < 20000; step++) {
		if (rand() % 2 && n_held < N) {
			held[n_held] = pool_get(&p);
			assert_non_null(held[n_held]);
			assert_int_equal(held[n_held]->value, 0);
			held[n_held]->value = (uintptr_t)held[n_held];
			n_held++;
		} else if (n_held > 0) {
			unsigned int k = (unsigned int)rand() % n_held;

			assert_int_equal(held[k]->value, (uintptr_t)held[k]);
			pool_put(&p, held[k]);
			held[k] = held[--n_held];
		}
		assert_int_equal(pool_in_use(&p), n_held);
	}
	pool_fini(&p);
}

static void impossible_sizes_are_refused(void **state)
{
	struct pool p;

	assert_true(pool_init(&p, SIZE_MAX / 2, 100) < 0);
	assert_true(pool_init(&p, SIZE_MAX, 1) < 0);
	assert_true(pool_init(&p, 0, 1) < 0);
	assert_int_equal(pool_init(&p, 8, 0), 0);
	assert_null(pool_get(&p));
	pool_fini(&p);
}

/* Does the call end the program with SIGABRT? */
static int aborts(void (*call)(struct pool *, void *), struct pool *p, void *arg)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		int quiet = open("/dev/null", O_WRONLY);

		signal(SIGABRT, SIG_DFL);
		dup2(quiet, 2);
		call(p, arg);
		_exit(0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) != 0;
}

static void put_twice(struct pool *p, void *thing)
{
	pool_put(p, thing);
	pool_put(p, thing);
}

static void put_inside(struct pool *p, void *thing)
{
	pool_put(p, (char *)thing + 64);
}

static void put_foreign(struct pool *p, void *thing)
{
	static char elsewhere[256];

	pool_put(p, elsewhere);
}

static void misuse_stops_the_program(void **state)
{
	struct pool p;
	void *thing;

	assert_int_equal(pool_init(&p, 100, 4), 0);
	thing = pool_get(&p);
	assert_true(aborts(put_twice, &p, thing));
	assert_true(aborts(put_inside, &p, thing));
	assert_true(aborts(put_foreign, &p, thing));
	pool_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_all_and_no_more),
		cmocka_unit_test(random_use_as_a_set_has_it),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(misuse_stops_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
