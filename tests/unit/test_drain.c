/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Draining spreads; the watchdog names who stands still; orders survive a worker that doesn't answer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "control_site.h"
#include "control/ending.h"
#include "control/orders.h"

#define SECOND UINT64_C(1000000)

static struct site site;

static int set_up(void **state)
{
	(void)state;
	site_init(&site);
	site_configure(&site, SITE_HEAD SITE_IMAP);
	site_start(&site);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake.stuck = false;
	site_stop(&site);
	site_fini(&site);
	return 0;
}

static void connect_many(int n)
{
	for (int i = 0; i < n; i++)
		assert_true(fake_connect((uint16_t)(i % 2), "192.0.2.10", 993, "203.0.113.9") >= 0);
}

static void a_drain_takes_its_time_and_all_of_it(void **state)
{
	struct error err;
	uint64_t most = 0, now = 100 * SECOND, before;

	(void)state;
	connect_many(1000);
	assert_int_equal(drain_begin(&site.gateway.drain, 100 * SECOND, now, &err), 0);
	assert_true(fake.draining[0] && fake.draining[1]);
	assert_true(fake_connect(0, "192.0.2.10", 993, "203.0.113.9") < 0);
	for (int i = 0; i < 100; i++) {
		before = fake_open();
		now += SECOND;
		gateway_tick(&site.gateway, now);
		if (before - fake_open() > most)
			most = before - fake_open();
		if (i == 49)
			assert_in_range(fake_open(), 450, 550);	/* half-way, half of them */
	}
	assert_int_equal(fake_open(), 0);
	assert_in_range(most, 9, 14);	/* never a crowd */
	assert_int_equal(site.gateway.drain.closed, 1000);
}

static void a_drain_without_a_time_ends_nobody(void **state)
{
	struct error err;

	(void)state;
	connect_many(10);
	assert_int_equal(drain_begin(&site.gateway.drain, 0, SECOND, &err), 0);
	for (uint64_t i = 2; i < 1000; i++)
		gateway_tick(&site.gateway, i * SECOND);
	assert_int_equal(fake_open(), 10);
	assert_int_equal(drain_end(&site.gateway.drain, &err), 0);
	assert_false(fake.draining[0] || fake.draining[1]);
	connect_many(1);
}

static void a_drain_that_a_worker_does_not_hear_of_is_none(void **state)
{
	struct error err = { .message = "" };

	(void)state;
	fake.stuck = fake.stuck_one = true;
	fake.stuck_worker = 1;
	assert_true(drain_begin(&site.gateway.drain, 0, SECOND, &err) < 0);
	assert_string_equal(err.code, ERROR_BUSY);
	assert_non_null(strstr(err.message, "worker 1"));
	assert_false(site.gateway.drain.on);
	assert_false(fake.draining[0]);
	assert_false(fake.draining[1]);	/* once it answers */
	fake.stuck = false;
	fake_answer_late();

	assert_int_equal(drain_begin(&site.gateway.drain, 0, SECOND, &err), 0);
	fake.stuck = true;
	/* A drain that goes on goes on: with another time, and when it can't be ended. */
	assert_true(drain_begin(&site.gateway.drain, 10 * SECOND, SECOND, &err) < 0);
	assert_true(fake.draining[0] && fake.draining[1]);
	assert_true(drain_end(&site.gateway.drain, &err) < 0);
	assert_true(fake.draining[0] && fake.draining[1]);
	assert_true(site.gateway.drain.on);
	fake.stuck = false;
	fake_answer_late();
	assert_int_equal(drain_end(&site.gateway.drain, &err), 0);
	assert_false(fake.draining[0] || fake.draining[1]);
}

/* Late ticks (a busy machine) don't stretch the drain. */
static void late_ticks_close_more(void **state)
{
	struct error err;

	(void)state;
	connect_many(100);
	assert_int_equal(drain_begin(&site.gateway.drain, 10 * SECOND, SECOND, &err), 0);
	gateway_tick(&site.gateway, 6 * SECOND);
	assert_in_range(fake_open(), 45, 50);
	gateway_tick(&site.gateway, 20 * SECOND);
	assert_int_equal(fake_open(), 0);
}

static void shares(void **state)
{
	(void)state;
	assert_int_equal(drain_share(100, 1, 0, 10), 10);
	assert_int_equal(drain_share(1, 1, 0, 10), 1);
	assert_int_equal(drain_share(0, 1, 0, 10), 0);
	assert_int_equal(drain_share(7, 10, 0, 10), 7);
	assert_int_equal(drain_share(7, 30, 20, 10), 7);
	assert_true(drain_share(UINT64_MAX, SECOND, 0, 604800 * SECOND) <= UINT64_MAX / 604800 + 1);
}

static void the_watchdog_names_who_stands_still(void **state)
{
	struct watchdog *w = &site.gateway.watchdog;
	struct error err = { .message = "" };

	(void)state;
	watchdog_tick(w, SECOND);
	watchdog_tick(w, 2 * SECOND);
	assert_int_equal(watchdog_check(w, &err), 0);
	fake.stuck = true;
	watchdog_tick(w, 3 * SECOND);
	assert_int_equal(watchdog_check(w, &err), 0);	/* a second is allowed */
	watchdog_tick(w, 4 * SECOND);
	assert_int_equal(watchdog_check(w, &err), -EBUSY);
	assert_non_null(strstr(err.message, "worker 0 on CPU 0"));
	assert_int_equal(w->stalls, 2);
	watchdog_tick(w, 9 * SECOND);
	assert_int_equal(w->stalls, 2);	/* once each */
	fake.stuck = false;
	watchdog_tick(w, 10 * SECOND);
	assert_int_equal(watchdog_check(w, &err), 0);
}

/* An order that a worker still has in its hands isn't freed, and isn't lost either (the leak checker looks). */
static void late_orders_are_kept_until_answered(void **state)
{
	struct error err = { .message = "" };
	struct orders_place at = { 0 };
	struct record_told *records;
	uint32_t n;

	(void)state;
	connect_many(3);
	fake.stuck = true;
	assert_true(orders_list(NULL, &at, 100, &records, &n, &err) < 0);
	assert_string_equal(err.code, ERROR_BUSY);
	assert_true(ending_rule("imap", &n, &err) < 0);
	fake.stuck = false;
	fake_answer_late();
	assert_int_equal(orders_list(NULL, &at, 100, &records, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(at.worker, 2);
	free(records);
}

int main(void)
{
#define WITH_SITE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_SITE(a_drain_takes_its_time_and_all_of_it),
		WITH_SITE(a_drain_without_a_time_ends_nobody),
		WITH_SITE(a_drain_that_a_worker_does_not_hear_of_is_none),
		WITH_SITE(late_ticks_close_more),
		cmocka_unit_test(shares),
		WITH_SITE(the_watchdog_names_who_stands_still),
		WITH_SITE(late_orders_are_kept_until_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
