/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway between paths of different kinds, with the default bound on buffers: a
 * long fat one is filled, through splice and TLS; and what is held for a client that
 * is slower than its server stays small, though the bound is megabytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <rte_mempool.h>

#include "mbuf_reserve.h"
#include "peer.h"
#include "world.h"

#define SECOND 1000000ull
#define MB 1000000ull
#define WIRE_SHARE (1448.0 / 1514)	/* payload of a full segment with its headers */

static const struct wire_faults lan = { .delay_us = 100, .bytes_per_s = 125000000, .queue_bytes = 757000 };

/* The most that the gateway's queues held so far, in packet buffers. */
static uint32_t most_held;

static bool ended(struct world *w)
{
	most_held = RTE_MAX(most_held, stack_reserve(w->nodes[GATEWAY].stack)->held);
	return world_ended(w);
}

static struct world *paths_new(const struct wire_faults *client, const struct wire_faults *server)
{
	struct world *w = world_new(&world_usual);

	for (unsigned int i = 0; i < 4; i++)
		w->links[i].wire.faults = i < 2 ? *client : *server;
	most_held = 0;
	return w;
}

/* One transfer; returns the share of @mbit that it had. */
static double transfer(const char *name, const struct wire_faults *client, double mbit, uint64_t up, uint64_t down)
{
	struct world *w = paths_new(client, &lan);
	uint64_t begin_us = w->now_us;
	double got;

	peer_listen(w, &(struct peer){ .send_bytes = down, .expect_bytes = up, .close = CLOSE_AFTER_RECEIVING });
	peer_connect(w, &(struct peer){ .send_bytes = up, .expect_bytes = down, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, ended, 300 * SECOND));
	assert_int_equal(peer_of(w, CLIENT, 0)->got_bytes, down);
	assert_int_equal(peer_of(w, SERVER, 0)->got_bytes, up);
	got = (double)(up + down) * 8 / (double)(w->now_us - begin_us);
	printf("# %s: %.1f of %.1f Mbit/s, at most %u packet buffers held\n", name, got, mbit * WIRE_SHARE, most_held);
	world_free(w);
	return got / (mbit * WIRE_SHARE);
}

/* 200 ms and 100 Mbit/s: the pipe holds 2.5 MB. */
static const struct wire_faults long_fat = { .delay_us = 100000, .bytes_per_s = 12500000, .queue_bytes = 2500000 };

static void test_long_fat_path_down(void **state)
{
	(void)state;
	assert_true(transfer("200 ms, 100 Mbit/s, down", &long_fat, 100, 0, 80 * MB) > 0.60);
	/* The pipe and as much again in the path's queue, in the buffers that the server's segments came in. */
	assert_true(most_held < 6291456 / 1200);
}

static void test_long_fat_path_up(void **state)
{
	(void)state;
	assert_true(transfer("200 ms, 100 Mbit/s, up", &long_fat, 100, 80 * MB, 0) > 0.60);
	/* The server takes it as it comes; what is behind a hole waits, a window of it at most. */
	assert_true(most_held < 6291456 / 1400);
}

static const struct wire_faults dsl = { .delay_us = 25000, .bytes_per_s = 125000, .queue_bytes = 37500 };

static void test_slow_client_of_fast_server(void **state)
{
	(void)state;
	assert_true(transfer("50 ms, 1 Mbit/s, down", &dsl, 1, 0, 3 * MB) > 0.80);
	/* Two records, the pipe with its queue, and the server's window as it was at first. */
	assert_true(most_held < (32768 + 16384 + 2 * 50000 + 65536) / 1000);
}

/* It was fast, so much was promised and queued; then it stops reading. */
static void test_fast_client_that_stops(void **state)
{
	struct world *w = paths_new(&long_fat, &lan);
	struct peer *c, *s;
	uint64_t before;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 60 * MB, .close = CLOSE_AFTER_SENDING });
	c = peer_connect(w, &(struct peer){ .expect_bytes = 60 * MB, .close = CLOSE_AFTER_RECEIVING });
	world_run(w, ended, 4 * SECOND);
	before = c->got_bytes;
	assert_true(before > MB);
	c->paused = true;
	world_run(w, ended, 60 * SECOND);
	assert_int_equal(c->got_bytes, before);
	s = peer_of(w, SERVER, 0);
	printf("# a client that stops after %.1f MB: %u packet buffers are held\n", (double)before / MB,
	       stack_reserve(w->nodes[GATEWAY].stack)->held);
	/* The client's own window and the server's queue apart. */
	assert_true(s->sent_bytes - before < 4 * 4194304);
	assert_true(most_held < 2 * 4194304 / 1400);
	c->paused = false;
	assert_true(world_run(w, ended, 60 * SECOND));
	assert_int_equal(c->got_bytes, 60 * MB);
	world_free(w);
}

static bool all_shaken(struct world *w)
{
	for (unsigned int i = 0; i < w->n_peers; i++) {
		const struct peer *p = w->peers[i];

		if (!p->shaken || p->got_bytes < p->expect_bytes)
			return false;
	}
	return w->n_peers == 200;
}

/* Connections that wait, as IMAP's IDLE does, hold no packet buffer, whatever window they promised. */
static void test_idle_connections_hold_nothing(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 100000, .expect_bytes = 30000 });
	for (unsigned int i = 0; i < 100; i++)
		peer_connect(w, &(struct peer){ .send_bytes = 30000, .expect_bytes = 100000 });
	assert_true(world_run(w, all_shaken, 60 * SECOND));
	world_wait(w, 10 * SECOND);
	assert_int_equal(splices_open(w->splices), 100);
	assert_int_equal(stack_reserve(w->nodes[GATEWAY].stack)->held, 0);

	/* TLS keeps one for its next record. */
	assert_true(rte_mempool_in_use_count(w->gateway_mbufs) <= 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_fat_path_down),
		cmocka_unit_test(test_long_fat_path_up),
		cmocka_unit_test(test_slow_client_of_fast_server),
		cmocka_unit_test(test_fast_client_that_stops),
		cmocka_unit_test(test_idle_connections_hold_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("gateway_paths", tests, NULL, NULL);
}
