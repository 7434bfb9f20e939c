/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway in virtual time: streams that end badly. What was received is passed
 * on, and no cut stream looks whole to the other side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "peer.h"
#include "tcp.h"
#include "world.h"

#define SECOND 1000000ull
#define MB 1000000ull
/* More than fits into one buffer of the gateway and its reader, so that some waits on the other leg; less than both legs hold. */
#define MUCH 170000u

static bool log_written(struct world *w)
{
	return w->n_records > 0;
}

/* A record's header and the first bytes of a body that never comes; then a FIN. */
static void cut_record(struct peer *c)
{
	static const uint8_t half[5 + 20] = { 23, 3, 3, 0, 64 };

	peer_send_raw(c, half, sizeof(half));
	tcp_shutdown(c->conn);
	c->shut = true;
}

static void test_fin_in_mid_record(void **state)
{
	struct world *w = world_new(&world_usual);
	struct record r;
	struct peer *c;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 100, .close = CLOSE_WHEN_PEER_DOES });
	c = peer_connect(w, &(struct peer){ .send_bytes = 30000, .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	cut_record(c);
	assert_true(world_run(w, world_ended, 5 * SECOND));
	assert_int_equal(peer_of(w, SERVER, 0)->dead, TCP_RESET);
	assert_int_equal(peer_of(w, SERVER, 0)->got_bytes, 30000);
	assert_int_equal(c->got_bytes, 100);
	assert_false(c->got_close_notify);
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_TRUNCATED);
	assert_false(r.close_notify);
	assert_int_equal(w->nodes[GATEWAY].counters.events[EVENT_TRUNCATED], 1);
	assert_int_equal(w->nodes[GATEWAY].counters.events[EVENT_TLS_FAILED], 0);
	world_free(w);
}

/* The server ended first; that the client was cut then is told nevertheless, and told to the server. */
static void test_fin_in_mid_record_after_server(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 100, .close = CLOSE_AFTER_SENDING });
	c = peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	assert_true(c->got_close_notify);
	cut_record(c);
	assert_true(world_run(w, world_ended, 5 * SECOND));
	assert_int_equal(peer_of(w, SERVER, 0)->dead, TCP_RESET);
	assert_int_equal(world_record(w).end, SPLICE_TRUNCATED);
	world_free(w);
}

/* Half a ClientHello: nothing was agreed, no server knows of it. */
static void test_fin_in_mid_hello(void **state)
{
	static const uint8_t half[5 + 20] = { 22, 3, 1, 0, 200, 1 };
	struct world *w = world_new(&world_usual);
	struct peer *c = peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });

	(void)state;
	c->tls_failed = true;	/* the session stays out of it */
	world_wait(w, 50000);
	peer_send_raw(c, half, sizeof(half));
	tcp_shutdown(c->conn);
	assert_true(world_run(w, log_written, 5 * SECOND));
	assert_int_equal(world_record(w).end, SPLICE_TRUNCATED);
	assert_int_equal(w->server_syns, 0);
	world_free(w);
}

/* What the operator ends in the middle of an upload must not look whole to the server. */
static void kill_all(struct world *w)
{
	struct order o = { .verb = ORDER_KILL_RULE, .name = "imap", .max = 10 };

	while (!splices_order(w->splices, &o))
		;
	assert_int_equal(o.done, 1);
}

static void test_killed_in_upload(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c;

	(void)state;
	peer_listen(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES, .paused = true });
	c = peer_connect(w, &(struct peer){ .send_bytes = MB, .close = CLOSE_WHEN_PEER_DOES });
	world_wait(w, 5 * SECOND);
	assert_true(c->sent_bytes < MB);
	kill_all(w);
	world_wait(w, SECOND);
	assert_int_equal(peer_of(w, SERVER, 0)->dead, TCP_RESET);
	world_free(w);
}

static void test_killed_in_download(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = MB, .close = CLOSE_NEVER });
	c = peer_connect(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES, .paused = true });
	world_wait(w, 5 * SECOND);
	kill_all(w);
	c->paused = false;
	world_wait(w, 5 * SECOND);
	assert_true(c->got_bytes < MB);
	assert_true(c->got_end);	/* a FIN, but no close_notify */
	assert_false(c->got_close_notify);
	assert_int_equal(c->dead, 0);
	world_free(w);
}

/* "552 too much", and a RST, while the client sends on and reads late. */
static void server_resets_behind(const struct peer *client)
{
	const uint64_t bytes = MUCH;
	struct world *w = world_new(&world_usual);
	struct peer *c, *s;

	peer_listen(w, &(struct peer){ .send_bytes = bytes, .close = CLOSE_NEVER, .paused = true });
	c = peer_connect(w, client);
	world_wait(w, 10 * SECOND);
	s = peer_of(w, SERVER, 0);
	assert_int_equal(s->sent_bytes, bytes);
	assert_int_equal(tcp_send_queued(s->conn), 0);
	assert_int_equal(c->got_bytes, 0);
	peer_reset(s);
	world_wait(w, 20 * SECOND);
	assert_int_equal(w->n_records, 0);	/* it hasn't ended: the client is owed something */
	c->paused = false;
	assert_true(world_run(w, world_ended, 20 * SECOND));
	assert_int_equal(c->got_bytes, bytes);
	assert_int_equal(c->dead, 0);
	assert_true(c->got_end);
	assert_false(c->got_close_notify);
	assert_int_equal(world_record(w).end, SPLICE_SERVER_RESET);
	world_free(w);
}

static void test_server_reset_behind_data(void **state)
{
	(void)state;
	server_resets_behind(&(struct peer){ .close = CLOSE_WHEN_PEER_DOES, .paused = true });
}

static void test_server_reset_behind_data_in_upload(void **state)
{
	(void)state;
	server_resets_behind(&(struct peer){ .send_bytes = MB, .close = CLOSE_WHEN_PEER_DOES, .paused = true });
}

/* The last words and the RST in one burst, and nothing slow about the client. */
static bool server_spoke(struct world *w)
{
	struct peer *s = peer_of(w, SERVER, 0);

	return s != NULL && s->sent_bytes == s->send_bytes;
}

static void test_server_reset_at_once(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 1000, .close = CLOSE_NEVER });
	c = peer_connect(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, server_spoke, SECOND));
	world_wait(w, 100);	/* the segment is on the wire, but not there yet */
	assert_int_equal(peer_of(w, SERVER, 0)->got_bytes, 0);
	assert_int_equal(c->got_bytes, 0);
	peer_reset(peer_of(w, SERVER, 0));
	assert_true(world_run(w, world_ended, SECOND));
	assert_int_equal(c->got_bytes, 1000);
	assert_true(c->got_end);
	assert_false(c->got_close_notify);
	assert_int_equal(c->dead, 0);
	assert_int_equal(world_record(w).end, SPLICE_SERVER_RESET);
	world_free(w);
}

/* A client that never reads what it is owed holds the rest for a minute. */
static void test_server_reset_and_client_stalls(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = MUCH, .close = CLOSE_NEVER });
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER, .paused = true });
	world_wait(w, 10 * SECOND);
	peer_reset(peer_of(w, SERVER, 0));
	world_wait(w, 55 * SECOND);
	assert_int_equal(w->n_records, 0);
	assert_true(world_run(w, log_written, 10 * SECOND));
	assert_int_equal(world_record(w).end, SPLICE_SERVER_RESET);
	world_free(w);
}

/* All that a client wanted to say has come, its close_notify too; then its RST, for it listens no more. */
static void test_client_reset_behind_a_whole_stream(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c, *s;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = MB, .send_after_bytes = MUCH, .close = CLOSE_WHEN_PEER_DOES, .paused = true });
	c = peer_connect(w, &(struct peer){ .send_bytes = MUCH, .close = CLOSE_AFTER_SENDING });
	world_wait(w, 10 * SECOND);
	assert_true(c->shut);
	assert_true(tcp_send_finished(c->conn));
	s = peer_of(w, SERVER, 0);
	peer_reset(c);
	world_wait(w, SECOND);
	s->paused = false;
	assert_true(world_run(w, world_ended, 20 * SECOND));
	assert_int_equal(s->got_bytes, MUCH);
	assert_true(s->got_end);
	assert_int_equal(s->dead, 0);
	assert_true(world_record(w).close_notify);
	world_free(w);
}

static void test_client_reset_in_a_stream(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c, *s;

	(void)state;
	peer_listen(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES, .paused = true });
	c = peer_connect(w, &(struct peer){ .send_bytes = MUCH, .close = CLOSE_NEVER });
	world_wait(w, 10 * SECOND);
	assert_int_equal(tcp_send_queued(c->conn), 0);
	s = peer_of(w, SERVER, 0);
	peer_reset(c);
	world_wait(w, SECOND);
	s->paused = false;
	assert_true(world_run(w, world_ended, 20 * SECOND));
	assert_int_equal(s->dead, TCP_RESET);
	assert_false(s->got_end);
	assert_int_equal(world_record(w).end, SPLICE_CLIENT_RESET);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fin_in_mid_record),
		cmocka_unit_test(test_fin_in_mid_record_after_server),
		cmocka_unit_test(test_fin_in_mid_hello),
		cmocka_unit_test(test_killed_in_upload),
		cmocka_unit_test(test_killed_in_download),
		cmocka_unit_test(test_server_reset_behind_data),
		cmocka_unit_test(test_server_reset_behind_data_in_upload),
		cmocka_unit_test(test_server_reset_at_once),
		cmocka_unit_test(test_server_reset_and_client_stalls),
		cmocka_unit_test(test_client_reset_behind_a_whole_stream),
		cmocka_unit_test(test_client_reset_in_a_stream),
	};

	return cmocka_run_group_tests_name("gateway_ends", tests, NULL, NULL);
}
