/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules changed under workers that really run: each looks rules up, holds them over
 * many turns as connections do, reads all that it holds, and lets go. Nothing may be
 * freed under them, and at the end nothing may be left. Under ThreadSanitizer this
 * also proves that nothing is read while it is written.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_site.h"
#include "control/request.h"
#include "dataplane/policy_rcu.h"
#include "tls/tickets.h"

#define WORKERS 2
#define PORTS 8
#define HELD 64
#define CHANGES 2000

static struct site site;
static int stop;

struct worker {
	pthread_t thread;
	uint16_t index;
	struct rule *held[HELD];
	uint64_t accepted, refused, checked;
	unsigned int seed;
};

/* What a connection reads of its rule; returns whether it was whole. */
static bool whole(const struct rule *r, uint16_t worker)
{
	struct addr client = addr_from_v4(0x097100cbu);	/* 203.0.113.9 */

	return r->name[0] == 'r' && r->n_servers == 1 && r->slots[worker].tls != NULL && rule_allows(r, &client) &&
	       r->idle_timeout_us > 0;
}

static void let_go(struct worker *w, unsigned int i)
{
	counter_add(&w->held[i]->counts[w->index].open, (uint64_t)-1);
	counter_add(&w->held[i]->slots[w->index].connections, (uint64_t)-1);
	w->held[i] = NULL;
}

static void turn(struct worker *w, const struct addr *listen)
{
	const struct policy *p = policy_current();
	unsigned int i = (unsigned int)rand_r(&w->seed) % HELD;

	if (w->held[i] != NULL) {
		assert_true(whole(w->held[i], w->index));
		w->checked++;
		if (rand_r(&w->seed) % 4 == 0)
			let_go(w, i);
	} else {
		struct rule *r = policy_lookup(p, listen, (uint16_t)(2000 + rand_r(&w->seed) % PORTS));

		if (r == NULL) {
			w->refused++;
		} else {
			counter_add(&r->slots[w->index].connections, 1);
			counter_add(&r->counts[w->index].accepted, 1);
			counter_add(&r->counts[w->index].open, 1);
			w->held[i] = r;
			w->accepted++;
		}
	}
	policy_quiesce();
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct addr listen;

	assert_int_equal(addr_parse("192.0.2.10", &listen), 0);
	policy_reader_begin();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (unsigned int i = 0; i < 64; i++)
			turn(w, &listen);
		policy_offline();	/* as an idle worker does */
		sched_yield();
		policy_online();
	}
	for (unsigned int i = 0; i < HELD; i++) {
		if (w->held[i] != NULL)
			let_go(w, i);
	}
	policy_reader_end();
	return NULL;
}

static bool ask(const char *request)
{
	char *answer = request_answer(&site.gateway, request, strlen(request));
	bool ok = strstr(answer, "\"ok\":true") != NULL;

	free(answer);
	return ok;
}

static bool change(unsigned int *seed)
{
	unsigned int n = (unsigned int)rand_r(seed) % PORTS;
	char request[320];

	switch (rand_r(seed) % 5) {
	case 0:
	case 1:
		snprintf(request, sizeof(request), "{\"verb\":\"rule.add\",\"args\":{\"name\":\"r%u\",\"port\":%u,"
			 "\"listen\":\"192.0.2.10\",\"servers\":\"10.20.0.2:143\",\"certificate\":\"mail\","
			 "\"deny\":[\"198.51.100.0/24\"]}}", n, 2000 + n);
		break;
	case 2:
		snprintf(request, sizeof(request), "{\"verb\":\"rule.change\",\"args\":{\"name\":\"r%u\",\"servers\":\"10.20.0.%u:143\"}}",
			 n, 2 + (unsigned int)rand_r(seed) % 9);
		break;
	case 3:
		snprintf(request, sizeof(request), "{\"verb\":\"rule.remove\",\"args\":{\"name\":\"r%u\"}}", n);
		break;
	default:
		snprintf(request, sizeof(request), "{\"verb\":\"rule.%s\",\"args\":{\"name\":\"r%u\"}}",
			 rand_r(seed) % 2 ? "enable" : "disable", n);
		break;
	}
	return ask(request);
}

static void nothing_is_freed_under_a_worker(void **state)
{
	static struct worker workers[WORKERS];
	unsigned int seed = 7, done = 0, reaped = 0;
	struct error err;

	(void)state;
	site_init(&site);
	site_configure(&site, SITE_HEAD);
	site_start(&site);
	for (uint16_t i = 0; i < WORKERS; i++) {
		workers[i].index = i;
		workers[i].seed = 100u + i;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
	}
	for (unsigned int i = 0; done < CHANGES || reaped <= CHANGES / 10; i++) {
		done += change(&seed);
		if (i % 16 == 0)
			reaped += live_reap(&site.gateway.live);
		if (i % 100 == 0)
			assert_int_equal(live_put_tickets(&site.gateway.live,
			tls_tickets_new(site.gateway.live.tickets, 3600), &err), 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_true(workers[i].accepted > 0 && workers[i].refused > 0 && workers[i].checked > 0);
	}
	reaped += live_reap(&site.gateway.live);
	assert_int_equal(site.gateway.live.n_retired, 0);
	assert_true(reaped > CHANGES / 10);
	for (uint32_t i = 0; i < site.gateway.rules.n; i++) {
		struct rule_count c;

		live_count(&site.gateway.live, site.gateway.rules.defs[i].name, &c);
		assert_int_equal(c.open, 0);
	}
	site_stop(&site);
	site_fini(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_freed_under_a_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
