/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway in virtual time: TLS with internal servers, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "certificate.h"
#include "peer.h"
#include "tcp.h"
#include "tls/tls.h"
#include "world.h"

#define SECOND 1000000ull
#define MB 1000000ull

static bool log_written(struct world *w)
{
	return w->n_records > 0;
}

static struct world *tls_world(const struct world_config *c)
{
	struct world *w = world_new(c);

	w->server_tls[0] = certificate_server_ctx();
	w->server_tls[1] = certificate_server_ctx();
	w->rule_slot.server_tls = certificate_client_ctx(0);
	return w;
}

static uint64_t event(const struct world *w, enum event e)
{
	return w->nodes[GATEWAY].counters.events[e];
}

static void exchange(const struct world_config *c, uint64_t up, uint64_t down, enum proxy_version proxy)
{
	struct world *w = tls_world(c);
	struct peer *client, *server;
	struct record r;

	w->rule.proxy = proxy;
	peer_listen(w, &(struct peer){ .send_bytes = down, .expect_bytes = up, .close = CLOSE_AFTER_RECEIVING,
				       .wants_proxy = proxy != PROXY_OFF });
	client = peer_connect(w, &(struct peer){ .send_bytes = up, .expect_bytes = down, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, world_ended, 300 * SECOND));
	server = peer_of(w, SERVER, 0);
	assert_int_equal(server->got_bytes, up);
	assert_int_equal(client->got_bytes, down);
	assert_true(client->got_close_notify);
	assert_true(server->got_close_notify);
	assert_false(client->tls_failed || server->tls_failed);
	r = world_record(w);
	assert_string_equal(r.server_version, "TLSv1.3");
	assert_string_equal(r.server_error, "");
	assert_int_equal(r.bytes_from_client, up);
	assert_int_equal(r.bytes_to_client, down);
	assert_int_equal(event(w, EVENT_BACKEND_TLS_HANDSHAKES), 1);
	world_free(w);
}

static void test_both_ways(void **state)
{
	(void)state;
	exchange(&world_usual, 3 * MB, 3 * MB, PROXY_OFF);
}

static void test_faulty_wires(void **state)
{
	struct world_config c = world_usual;

	(void)state;
	c.faults.loss = c.faults.reorder = c.faults.duplicate = 0.02;
	c.faults.reorder_us = 3000;
	for (c.seed = 1; c.seed <= 8; c.seed++)
		exchange(&c, MB / 4, MB / 4, c.seed % 2 ? PROXY_OFF : PROXY_V2);
}

/* The header goes in front of TLS, in the clear. */
static void test_with_proxy_header(void **state)
{
	(void)state;
	exchange(&world_usual, 1000, 1000, PROXY_V2);
}

static void test_resumption(void **state)
{
	struct world_config c = world_usual;
	struct world *w;

	(void)state;
	c.tickets = true;
	w = tls_world(&c);
	for (unsigned int i = 0; i < 3; i++) {
		peer_listen(w, &(struct peer){ .send_bytes = 60, .close = CLOSE_WHEN_PEER_DOES });
		peer_connect(w, &(struct peer){ .send_bytes = 40, .expect_bytes = 60, .close = CLOSE_AFTER_RECEIVING });
		assert_true(world_run(w, world_ended, 5 * SECOND));
		assert_int_equal(world_record(w).server_resumed, i > 0);
	}
	assert_int_equal(event(w, EVENT_BACKEND_TLS_RESUMED), 2);
	world_free(w);
}

/* The wrong certificate: not a byte of the client's reaches that server, and the log says why. */
static void test_wrong_name(void **state)
{
	struct world *w = world_new(&world_usual);
	struct record r;

	(void)state;
	w->server_tls[0] = certificate_server_ctx();
	w->rule_slot.server_tls = certificate_stranger_ctx();
	peer_listen(w, &(struct peer){ .send_bytes = 60, .close = CLOSE_WHEN_PEER_DOES });
	peer_connect(w, &(struct peer){ .send_bytes = 40, .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, log_written, 5 * SECOND));
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_BACKEND_TLS);
	assert_string_equal(r.server_error, "certificate_name");
	assert_int_equal(r.failed_server_port, 143);
	assert_int_equal(r.bytes_from_client, 0);
	assert_int_equal(event(w, EVENT_BACKEND_TLS_FAILED), 1);
	world_wait(w, SECOND);
	assert_int_equal(peer_of(w, SERVER, 0)->got_bytes, 0);
	assert_true(peer_of(w, SERVER, 0)->tls_failed);	/* it was told by an alert */
	world_free(w);
}

static bool first_server(struct world *w)
{
	return peer_of(w, SERVER, 0) != NULL;
}

/* The first server doesn't speak TLS, or nothing at all: the second serves. */
static void second_serves(uint64_t first_says_bytes, const char *why, uint64_t limit_us)
{
	struct world *w = tls_world(&world_usual);
	struct record r;

	certificate_free_ctx(w->server_tls[0]);
	w->server_tls[0] = NULL;
	w->rule.n_servers = 2;
	peer_listen(w, &(struct peer){ .send_bytes = first_says_bytes, .close = CLOSE_NEVER, .paused = true });
	peer_connect(w, &(struct peer){ .send_bytes = 40, .expect_bytes = 60, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, first_server, SECOND));
	peer_listen(w, &(struct peer){ .send_bytes = 60, .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, log_written, limit_us));
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_CLIENT_CLOSED);
	assert_int_equal(r.server_port, 144);
	assert_int_equal(r.failed_server_port, 143);
	assert_string_equal(r.server_error, why);
	assert_int_equal(peer_of(w, SERVER, 1)->got_bytes, 40);
	world_free(w);
}

static void test_first_server_speaks_no_tls(void **state)
{
	(void)state;
	second_serves(60, "not_tls", 5 * SECOND);
}

static void test_first_server_is_silent(void **state)
{
	(void)state;
	second_serves(0, "timeout", 15 * SECOND);
}

/* A server that isn't ours to trust: it says @bytes of @says, and ends if @fin. */
static struct record hostile(const uint8_t *says, uint32_t bytes, unsigned int times, bool fin)
{
	struct world *w = tls_world(&world_usual);
	struct peer *s;
	struct record r;

	certificate_free_ctx(w->server_tls[0]);
	w->server_tls[0] = NULL;
	peer_listen(w, &(struct peer){ .close = CLOSE_NEVER, .paused = true });
	peer_connect(w, &(struct peer){ .send_bytes = 40, .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, first_server, SECOND));
	s = peer_of(w, SERVER, 0);
	for (; times > 0; times--)
		peer_send_raw(s, says, bytes);
	if (fin)
		tcp_shutdown(s->conn);
	assert_true(world_run(w, log_written, 15 * SECOND));
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_BACKEND_TLS);
	assert_int_equal(r.failed_server_port, 143);
	assert_int_equal(r.bytes_from_client, 0);
	world_free(w);
	return r;
}

static void test_alert_of_a_server(void **state)
{
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 40 };
	struct record r = hostile(alert, sizeof(alert), 1, false);

	(void)state;
	assert_string_equal(r.server_error, "peer_alert");
	assert_string_equal(tls_alert_name(r.server_alert), "handshake_failure");
}

static void test_end_in_the_handshake(void **state)
{
	static const uint8_t half[] = { 22, 3, 3, 0, 90, 2 };

	(void)state;
	assert_string_equal(hostile(half, 0, 0, true).server_error, "closed");
	assert_string_equal(hostile(half, sizeof(half), 1, true).server_error, "closed");
}

/* A message of 16 MB in records without end: it is refused long before it is kept. */
static void test_endless_handshake(void **state)
{
	static uint8_t record[5 + 1000] = { 22, 3, 3, 1000 >> 8, 1000 & 255, 2, 255, 255, 255 };
	struct record r = hostile(record, sizeof(record), 200, false);

	(void)state;
	assert_string_not_equal(r.server_error, "timeout");
	assert_string_not_equal(r.server_error, "no_memory");
}

/* After the handshake: what doesn't open is told to both, and the log knows who it was. */
static void test_bad_record_of_a_server(void **state)
{
	static const uint8_t record[5 + 40] = { 23, 3, 3, 0, 40, 1, 2, 3 };
	struct world *w = tls_world(&world_usual);
	struct record r;
	struct peer *c;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 1000, .close = CLOSE_NEVER });
	c = peer_connect(w, &(struct peer){ .expect_bytes = 1000, .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	peer_send_raw(peer_of(w, SERVER, 0), record, sizeof(record));
	assert_true(world_run(w, log_written, 5 * SECOND));
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_SERVER_TLS_FAILED);
	assert_string_equal(r.server_error, "bad_record");
	assert_int_equal(r.failed_server_port, 143);
	world_wait(w, SECOND);
	assert_true(peer_of(w, SERVER, 0)->tls_failed);	/* by our alert */
	assert_int_equal(c->got_bytes, 1000);
	assert_true(c->got_end);
	assert_false(c->got_close_notify);
	world_free(w);
}

/* Nobody waits for the server any more: nor do we. */
static void test_client_leaves_meanwhile(void **state)
{
	struct world *w = tls_world(&world_usual);

	(void)state;
	certificate_free_ctx(w->server_tls[0]);
	w->server_tls[0] = NULL;
	peer_listen(w, &(struct peer){ .close = CLOSE_NEVER, .paused = true });
	peer_connect(w, &(struct peer){ .send_bytes = 40, .close = CLOSE_NEVER });
	assert_true(world_run(w, first_server, SECOND));
	peer_reset(peer_of(w, CLIENT, 0));
	assert_true(world_run(w, log_written, SECOND));
	assert_int_equal(world_record(w).end, SPLICE_CLIENT_RESET);
	world_free(w);
}

/* What the server didn't say well isn't told to the client as a good end. */
static void test_bare_fin_of_a_server(void **state)
{
	struct world *w = tls_world(&world_usual);
	struct peer *c;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 1000, .close = CLOSE_AFTER_SENDING, .bare_fin = true });
	c = peer_connect(w, &(struct peer){ .expect_bytes = 1000, .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, world_ended, 5 * SECOND));
	assert_int_equal(c->got_bytes, 1000);
	assert_true(c->got_end);
	assert_false(c->got_close_notify);
	world_free(w);
}

static void test_server_ends_in_mid_record(void **state)
{
	static const uint8_t half[5 + 20] = { 23, 3, 3, 0, 64 };
	struct world *w = tls_world(&world_usual);
	struct peer *c, *s;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 1000, .close = CLOSE_NEVER });
	c = peer_connect(w, &(struct peer){ .expect_bytes = 1000, .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	s = peer_of(w, SERVER, 0);
	peer_send_raw(s, half, sizeof(half));
	tcp_shutdown(s->conn);
	s->shut = true;
	assert_true(world_run(w, log_written, 5 * SECOND));
	assert_int_equal(world_record(w).end, SPLICE_SERVER_TRUNCATED);
	world_wait(w, SECOND);
	assert_int_equal(c->got_bytes, 1000);
	assert_true(c->got_end);
	assert_false(c->got_close_notify);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_faulty_wires),
		cmocka_unit_test(test_with_proxy_header),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_wrong_name),
		cmocka_unit_test(test_first_server_speaks_no_tls),
		cmocka_unit_test(test_first_server_is_silent),
		cmocka_unit_test(test_alert_of_a_server),
		cmocka_unit_test(test_end_in_the_handshake),
		cmocka_unit_test(test_endless_handshake),
		cmocka_unit_test(test_bad_record_of_a_server),
		cmocka_unit_test(test_client_leaves_meanwhile),
		cmocka_unit_test(test_bare_fin_of_a_server),
		cmocka_unit_test(test_server_ends_in_mid_record),
	};

	return cmocka_run_group_tests_name("gateway_backend", tests, NULL, NULL);
}
