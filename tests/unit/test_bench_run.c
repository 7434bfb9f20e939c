/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole runs of postern-bench without a network: clients and backend joined by a
 * transport in memory, which hands bytes over in pieces of any size, and breaks what a
 * test wants broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "bench/options.h"
#include "bench/pattern.h"
#include "bench/run.h"
#include "bench/schedule.h"
#include "bench/transport.h"
#include "bench/workload.h"
#include "eal.h"

#define CONNS 64
#define QUEUE_BYTES 65536u
#define ROOM_BYTES 30000u

struct conn {
	struct conn *peer;		/* NULL: gone */
	struct endpoint *endpoint;	/* NULL: free */
	char in[QUEUE_BYTES];
	uint32_t n;
	uint32_t events;
	bool fin, client;
};

static struct conn conns[CONNS];
static struct {
	uint64_t seed, down_bytes, flip_at;	/* this byte on the way down arrives wrong */
	unsigned int dialled, reset_each;	/* every so many-th connection is reset when it says something */
	unsigned int refuse_each;
} world;

static uint32_t draw(uint32_t below)
{
	world.seed ^= world.seed << 13;
	world.seed ^= world.seed >> 7;
	world.seed ^= world.seed << 17;
	return (uint32_t)(world.seed % below);
}

static struct conn *conn_get(void)
{
	for (int i = 0; i < CONNS; i++) {
		if (!conns[i].endpoint && !conns[i].peer) {
			memset(&conns[i], 0, sizeof(conns[i]));
			return &conns[i];
		}
	}
	return NULL;
}

static int listen_at(struct transport *t, const struct addr *addr, uint16_t port, struct error *err)
{
	return 0;
}

static struct conn *dial(struct transport *t, const struct addr *to, uint16_t port, struct endpoint *e, int *why)
{
	struct conn *c = conn_get(), *s;

	*why = -ENOMEM;
	if (!c)
		return NULL;
	c->endpoint = e;
	c->client = true;
	e->conn = c;
	if (world.refuse_each && ++world.dialled % world.refuse_each == 0) {
		c->events = TCP_REFUSED;
		return c;
	}
	s = conn_get();
	if (!s) {
		c->endpoint = NULL;
		return NULL;
	}
	s->endpoint = t->accept(t->accept_arg, s);
	assert_non_null(s->endpoint);
	c->peer = s;
	s->peer = c;
	c->events = s->events = TCP_ESTABLISHED;
	return c;
}

static uint32_t send_room(struct conn *c)
{
	return c->peer && c->peer->n < ROOM_BYTES ? ROOM_BYTES - c->peer->n : 0;
}

static void send_chain(struct conn *c, struct rte_mbuf *chain)
{
	for (const struct rte_mbuf *m = chain; c->peer && m; m = m->next) {
		assert_true(c->peer->n + m->data_len <= QUEUE_BYTES);
		memcpy(c->peer->in + c->peer->n, rte_pktmbuf_mtod(m, const char *), m->data_len);
		c->peer->n += m->data_len;
	}
	rte_pktmbuf_free(chain);
}

static struct rte_mempool *pool(void)
{
	static struct rte_mempool *mbufs;

	if (!mbufs)
		mbufs = test_mbuf_pool("bench_run", 4095);
	return mbufs;
}

static struct rte_mbuf *recv_chain(struct conn *c, uint32_t max_bytes)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t pieces = 1 + draw(3); pieces > 0 && c->n > 0; pieces--) {
		uint16_t bytes = (uint16_t)(1 + draw(draw(4) == 0 ? 5 : 1448));
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool());

		assert_non_null(m);
		bytes = bytes < c->n ? bytes : (uint16_t)c->n;
		memcpy(rte_pktmbuf_append(m, bytes), c->in, bytes);
		memmove(c->in, c->in + bytes, c->n - bytes);
		c->n -= bytes;
		if (c->client && world.flip_at >= world.down_bytes && world.flip_at < world.down_bytes + bytes)
			rte_pktmbuf_mtod(m, uint8_t *)[world.flip_at - world.down_bytes] ^= 1;
		world.down_bytes += c->client ? bytes : 0;
		if (head)
			rte_pktmbuf_chain(head, m);
		else
			head = m;
	}
	return head;
}

static bool recv_finished(const struct conn *c)
{
	return c->fin && c->n == 0;
}

static void shutdown_conn(struct conn *c)
{
	if (c->peer)
		c->peer->fin = true;
}

static void reset(struct conn *c)
{
	if (c->peer) {
		c->peer->events |= TCP_RESET;
		c->peer->peer = NULL;
		c->peer = NULL;
	}
}

/* As tcp_release: what is queued for the peer arrives, and then the FIN. */
static void release(struct conn *c)
{
	if (c->peer) {
		c->peer->fin = true;
		c->peer->peer = NULL;
	}
	c->peer = NULL;
	c->endpoint = NULL;
}

static void wake(struct conn *c)
{
}

static bool turn(struct transport *t, uint64_t idle_until_us)
{
	t->awake_from = clock_cycles();
	t->now_us = clock_now_us();
	for (int i = 0; i < CONNS; i++) {
		struct conn *c = &conns[i];
		uint32_t events = c->events;

		if (!c->endpoint)
			continue;
		c->events = 0;
		if (world.reset_each && c->client && c->n > 0 && draw(world.reset_each) == 0) {
			reset(c);
			events = TCP_RESET;
		}
		c->endpoint->news(c->endpoint, events);
	}
	t->busy++;
	return true;
}

static void losses(const struct transport *t, void (*tell)(void *arg, const char *name, uint64_t count), void *arg)
{
}

static const struct transport_ops memory_ops = {
	.name = "memory", .listen = listen_at, .dial = dial, .send_room = send_room, .send = send_chain,
	.recv = recv_chain, .recv_finished = recv_finished, .shutdown = shutdown_conn, .reset = reset,
	.release = release, .wake = wake, .turn = turn, .losses = losses,
};

static struct run run;

static const json_t *metrics_of(struct result *r)
{
	return json_object_get(result_json(r), "metrics");
}

static double metric(struct result *r, const char *name)
{
	return json_number_value(json_object_get(metrics_of(r), name));
}

static json_int_t error_count(struct result *r, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(metrics_of(r), "errors"), name));
}

/* A run with @o completed by what all runs here share; nothing may be left of it. */
static struct result *run_it(const char *workload, struct options o)
{
	struct transport t = { .ops = &memory_ops, .mbufs = pool() };
	struct result *r = result_new(workload, workload, "memory", "nowhere");
	unsigned int before = rte_mempool_in_use_count(pool());
	struct error err = { .code = "" };

	memset(conns, 0, sizeof(conns));
	world.seed = 88172645463325252ull;
	world.down_bytes = world.dialled = 0;
	clock_init();
	o.workload = workload;
	o.plain = o.quiet = o.has_target = o.has_serve = true;
	o.seconds = o.seconds > 0 ? o.seconds : 0.1;
	o.open_timeout_s = 5;
	o.timeout_s = 5;
	o.seed = 1;
	o.connections = o.connections ? o.connections : 8;
	o.dialing = o.dialing ? o.dialing : 4;
	if (run_workload(&run, &o, workload_lookup(workload), &t, r, &err) != 0)
		fail_msg("%s", err.message);
	for (int i = 0; i < CONNS; i++)
		assert_null(conns[i].endpoint);
	assert_int_equal(rte_mempool_in_use_count(pool()), before);
	return r;
}

static void good(struct result *r, const char *name)
{
	assert_int_equal(run_errors_total(&run), 0);
	assert_null(json_object_get(metrics_of(r), "errors"));
	assert_true(metric(r, name) > 0);
	result_free(r);
}

static void handshake_goes_round(void **state)
{
	good(run_it("handshake", (struct options){ 0 }), "handshakes_per_s");
	good(run_it("handshake", (struct options){ .rate = 1000 }), "handshakes_per_s");
}

static void requests_of_all_sizes(void **state)
{
	static const uint32_t sizes[][2] = { { 64, 256 }, { 8, 8 }, { 9, 5000 }, { 16384, 8 }, { 4093, 16384 } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		good(run_it("request", (struct options){ .request_bytes = sizes[i][0], .reply_bytes = sizes[i][1] }),
		     "requests_per_s");
}

static void request_open_loop_keeps_the_rate(void **state)
{
	struct result *r = run_it("request", (struct options){ .request_bytes = 64, .reply_bytes = 256, .rate = 2000,
							       .seconds = 0.5 });
	double rate = metric(r, "requests_per_s");

	/* Late is possible on a busy machine, more never. */
	assert_true(rate > 0 && rate < 2000 * 1.5);
	good(r, "requests_per_s");
}

static void bulk_every_way(void **state)
{
	good(run_it("bulk", (struct options){ .direction = DIRECTION_DOWN }), "down_bits_per_s");
	good(run_it("bulk", (struct options){ .direction = DIRECTION_UP }), "up_bits_per_s");
	good(run_it("bulk", (struct options){ .direction = DIRECTION_BOTH }), "up_bits_per_s");
}

/* Who watches a run from outside learns of each phase, and how long the client's own turns took. */
static void phases_and_turns_are_told(void **state)
{
	static const char *const names[] = { "holding", "opening", "warming", "measuring", "ending", "ended" };
	char path[] = "/tmp/test_bench_run.XXXXXX", name[20];
	struct result *r;
	const json_t *turn;
	double at, before = 0;
	FILE *file;

	close(mkstemp(path));
	r = run_it("request", (struct options){ .request_bytes = 64, .reply_bytes = 256, .phases = path });
	file = fopen(path, "r");
	assert_non_null(file);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(fscanf(file, "%19s %lf\n", name, &at), 2);
		assert_string_equal(name, names[i]);
		assert_true(at >= before);
		before = at;
	}
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
	unlink(path);
	turn = json_object_get(json_object_get(result_json(r), "client"), "turn_us");
	assert_true(json_number_value(json_object_get(turn, "p50")) > 0);
	assert_true(json_number_value(json_object_get(turn, "max")) < 5e6);
	good(r, "requests_per_s");
}

static void wrong_bytes_are_found(void **state)
{
	struct result *r;

	world.flip_at = 3000;
	r = run_it("request", (struct options){ .request_bytes = 64, .reply_bytes = 256 });
	assert_int_equal(error_count(r, "wrong_reply"), 1);
	result_free(r);
	r = run_it("bulk", (struct options){ .direction = DIRECTION_DOWN });
	assert_int_equal(error_count(r, "wrong_data"), 1);
	result_free(r);
	world.flip_at = UINT64_MAX;
}

static void resets_and_refusals_are_counted(void **state)
{
	struct result *r;

	world.reset_each = 20;
	r = run_it("handshake", (struct options){ 0 });
	assert_true(error_count(r, "reset") > 0 && metric(r, "handshakes_per_s") > 0);
	result_free(r);
	world.reset_each = 0;
	world.refuse_each = 5;
	r = run_it("handshake", (struct options){ 0 });
	assert_true(error_count(r, "refused") > 0 && metric(r, "handshakes_per_s") > 0);
	result_free(r);
	world.refuse_each = 0;
}

static void pattern_repeats_after_a_prime(void **state)
{
	struct rte_mbuf *m;

	pattern_init();
	assert_memory_equal(pattern_at(1), pattern_at(PATTERN_PERIOD + 1), PATTERN_RUN);
	assert_memory_not_equal(pattern_at(0), pattern_at(1), 16);
	m = pattern_chain(pool(), 5000, 16384);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 16384);
	assert_true(pattern_check(m, 5000) && pattern_check(m, 5000 + PATTERN_PERIOD));
	assert_false(pattern_check(m, 5001));
	rte_pktmbuf_free(m);
	assert_null(pattern_chain(pool(), 0, 0));
}

static void schedule_measures_from_when_it_should_have_been(void **state)
{
	struct schedule s;
	uint64_t first, second;

	test_eal_init();
	clock_init();
	schedule_init(&s, 1e6);
	while ((first = schedule_due(&s)) == 0)
		;
	schedule_take(&s);
	while (clock_since_ns(first) < 100000)
		;
	second = schedule_due(&s);
	/* 100 us late, and still told to have been due 1 us after the first. */
	assert_in_range(clock_ns(second - first), 900, 1100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_goes_round),
		cmocka_unit_test(requests_of_all_sizes),
		cmocka_unit_test(request_open_loop_keeps_the_rate),
		cmocka_unit_test(bulk_every_way),
		cmocka_unit_test(phases_and_turns_are_told),
		cmocka_unit_test(wrong_bytes_are_found),
		cmocka_unit_test(resets_and_refusals_are_counted),
		cmocka_unit_test(pattern_repeats_after_a_prime),
		cmocka_unit_test(schedule_measures_from_when_it_should_have_been),
	};

	world.flip_at = UINT64_MAX;
	return cmocka_run_group_tests_name("bench_run", tests, NULL, NULL);
}
