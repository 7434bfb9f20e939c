/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is served first when many clients connect at once (splice_turn.c), on a clock
 * on which each step of a handshake takes 100 us at the gateway.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "peer.h"
#include "tcp.h"
#include "tls/resume.h"
#include "tls/tls.h"
#include "world.h"

#define SECOND 1000000ull
#define STORM 100u
#define REQUEST_BYTES 64u
#define REPLY_BYTES 256u
#define CROWD 10u	/* of each kind */

static struct {
	uint64_t replies, wanted, asked_us, longest_us;
} asker;

/* The next request goes out with the last one's reply, in the same turn. */
static void watch_asker(struct world *w)
{
	uint64_t replies = peer_of(w, CLIENT, 0)->got_bytes / REPLY_BYTES;

	if (replies == asker.replies)
		return;
	if (w->now_us - asker.asked_us > asker.longest_us)
		asker.longest_us = w->now_us - asker.asked_us;
	asker.replies = replies;
	asker.asked_us = w->now_us;
}

static bool one_asks(struct world *w)
{
	watch_asker(w);
	return asker.replies >= asker.wanted;
}

static bool all_shaken(struct world *w)
{
	struct peer *p;

	watch_asker(w);
	for (unsigned int i = 0; (p = peer_of(w, CLIENT, i)) != NULL; i++) {
		if (!p->shaken || peer_of(w, SERVER, i) == NULL)
			return false;
	}
	return true;
}

/* The longest that a request waited for its reply while STORM clients connect at once. */
static uint64_t longest_in_storm(uint32_t budget_us, uint64_t *calm_us)
{
	struct world_config c = world_usual;
	struct world *w;
	uint64_t began_us;

	c.faults.delay_us = 50;
	c.handshake_us = 100;
	c.handshake_budget_us = budget_us;
	w = world_new(&c);
	memset(&asker, 0, sizeof(asker));
	asker.wanted = 10;
	peer_listen(w, &(struct peer){ .send_bytes = UINT64_MAX, .give_bytes = REPLY_BYTES, .take_bytes = REQUEST_BYTES });
	peer_connect(w, &(struct peer){ .send_bytes = UINT64_MAX, .give_bytes = REQUEST_BYTES, .take_bytes = REPLY_BYTES, .lead = 1 });
	assert_true(world_run(w, one_asks, 5 * SECOND));
	asker.longest_us = 0;
	asker.wanted = 100;
	assert_true(world_run(w, one_asks, 5 * SECOND));
	*calm_us = asker.longest_us;

	asker.longest_us = 0;
	began_us = w->now_us;
	for (unsigned int i = 0; i < STORM; i++)
		peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	assert_true(world_run(w, all_shaken, 5 * SECOND));
	/* The worker had nothing but handshakes to do: two steps each. */
	assert_in_range(w->now_us - began_us, 2 * STORM * c.handshake_us, 3 * STORM * c.handshake_us);
	began_us = asker.longest_us;
	peer_reset(peer_of(w, CLIENT, 0));
	for (unsigned int i = 1; i <= STORM; i++)
		peer_reset(peer_of(w, CLIENT, i));
	world_free(w);
	return began_us;
}

static void test_requests_in_a_storm(void **state)
{
	uint64_t calm_us, budgeted_us, greedy_us;

	(void)state;
	budgeted_us = longest_in_storm(0, &calm_us);
	greedy_us = longest_in_storm(20000, &calm_us);
	printf("# a request's longest wait: %lu us in calm, %lu us in a storm of %u handshakes, %lu us there without a budget\n",
	       calm_us, budgeted_us, STORM, greedy_us);
	assert_true(budgeted_us <= 600);
	/* Two steps fit in either; a third would go beyond. */
	assert_int_equal(longest_in_storm(290, &calm_us), longest_in_storm(200, &calm_us));
	/* Or the storm was none. */
	assert_true(greedy_us > 3000);
}

static bool one_shaken(struct world *w)
{
	return peer_of(w, CLIENT, 0)->shaken && splices_open(w->splices) == 1 && peer_of(w, SERVER, 0) != NULL;
}

static struct {
	char order[2 * CROWD + 1];
	bool seen[2 * CROWD];
	unsigned int n;
} crowd;

static bool crowd_shaken(struct world *w)
{
	for (unsigned int i = 0; i < 2 * CROWD; i++) {
		struct peer *p = peer_of(w, CLIENT, 1 + i);

		if (!p->shaken || crowd.seen[i])
			continue;
		crowd.seen[i] = true;
		crowd.order[crowd.n++] = p->resume != NULL ? 'R' : 'f';
	}
	return crowd.n == 2 * CROWD;
}

/* All hellos come in the same moment, those that resume last; each turn serves one. */
static void test_resumed_go_first_but_not_for_ever(void **state)
{
	struct world_config c = world_usual;
	struct tls_resume *ticket;
	struct world *w;

	(void)state;
	c.handshake_us = 100;
	c.handshake_budget_us = 1;
	c.tickets = true;
	w = world_new(&c);
	memset(&crowd, 0, sizeof(crowd));
	peer_listen(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	assert_true(world_run(w, one_shaken, SECOND));
	world_wait(w, SECOND / 10);
	ticket = tls_resume_save(peer_of(w, CLIENT, 0)->tls);
	assert_non_null(ticket);

	for (unsigned int i = 0; i < 2 * CROWD; i++)
		peer_connect(w, &(struct peer){ .resume = i < CROWD ? NULL : ticket });
	assert_true(world_run(w, crowd_shaken, SECOND));
	assert_string_equal(crowd.order, "RRRRfRRRRfRRffffffff");
	world_wait(w, SECOND);
	assert_int_equal(w->nodes[GATEWAY].counters.events[EVENT_TLS_RESUMED], CROWD);
	assert_int_equal(w->nodes[GATEWAY].counters.events[EVENT_TLS_HANDSHAKES], 1 + 2 * CROWD);
	for (unsigned int i = 0; i <= 2 * CROWD; i++)
		peer_reset(peer_of(w, CLIENT, i));
	tls_resume_free(ticket);
	world_free(w);
}

static bool log_written(struct world *w)
{
	return w->n_records > 0;
}

/* Whoever says nothing, or not enough, costs no session, and its end is told as it is. */
static void ends_with(const void *data, uint32_t bytes, enum splice_end end)
{
	struct world *w = world_new(&world_usual);
	struct peer *c = peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	size_t before;

	c->tls_failed = true;	/* the session stays out of it */
	world_wait(w, 50000);
	before = tls_worker_heap_used();
	if (bytes > 0)
		peer_send_raw(c, data, bytes);
	world_wait(w, SECOND);
	assert_int_equal(splices_open(w->splices), 1);
	assert_int_equal(tls_worker_heap_used(), before);
	tcp_shutdown(c->conn);
	assert_true(world_run(w, log_written, SECOND));
	assert_int_equal(world_record(w).end, end);
	assert_int_equal(w->server_syns, 0);
	world_free(w);
}

static void test_silent_clients(void **state)
{
	static const uint8_t part[300] = { 22, 3, 1, 2, 0, 1, 0, 1, 252 };

	(void)state;
	ends_with(NULL, 0, SPLICE_CLIENT_CLOSED);
	ends_with(part, 1, SPLICE_TRUNCATED);
	ends_with(part, sizeof(part), SPLICE_TRUNCATED);
}

/* A hello longer than is looked at comes in parts, and is refused for what it is. */
static void test_endless_hello(void **state)
{
	static const uint8_t part[1400] = { 22, 3, 1, 64, 0, 1, 0, 63, 252 }, more[1400];
	struct world *w = world_new(&world_usual);
	struct peer *c = peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });

	(void)state;
	c->tls_failed = true;
	world_wait(w, 50000);
	peer_send_raw(c, part, sizeof(part));
	for (unsigned int i = 0; i < 11; i++)
		peer_send_raw(c, more, sizeof(more));
	assert_true(world_run(w, log_written, SECOND));
	assert_int_equal(world_record(w).end, SPLICE_TLS_FAILED);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_in_a_storm),
		cmocka_unit_test(test_resumed_go_first_but_not_for_ever),
		cmocka_unit_test(test_silent_clients),
		cmocka_unit_test(test_endless_hello),
	};

	return cmocka_run_group_tests_name("gateway_turns", tests, NULL, NULL);
}
