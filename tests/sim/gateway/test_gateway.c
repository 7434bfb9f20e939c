/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway between a client and a server, in virtual time: what it must carry,
 * what it must bound, how connections begin and end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "peer.h"
#include "tcp.h"
#include "tls/tls.h"
#include "world.h"

#define SECOND 1000000ull
#define MB 1000000ull
#define WINDOW_START 65536u

static bool log_written(struct world *w)
{
	return w->n_records > 0;
}

/* Every byte arrived, and both sides saw the other end in good order. */
static void assert_whole(struct world *w, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct peer *c = peer_of(w, CLIENT, i), *s = peer_of(w, SERVER, i);

		assert_non_null(c);
		assert_non_null(s);
		assert_int_equal(c->dead, 0);
		assert_int_equal(s->dead, 0);
		assert_int_equal(c->sent_bytes, c->send_bytes);
		assert_int_equal(s->sent_bytes, s->send_bytes);
		assert_int_equal(s->got_bytes, c->sent_bytes);
		assert_int_equal(c->got_bytes, s->sent_bytes);
		assert_true(c->got_end);
		assert_true(s->got_end);
	}
}

/* A mail-like exchange: the server greets, the client answers when it was greeted, then closes. */
static void test_server_speaks_first(void **state)
{
	struct world *w = world_new(&world_usual);
	struct record r;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 60, .close = CLOSE_WHEN_PEER_DOES });
	peer_connect(w, &(struct peer){ .send_bytes = 40, .send_after_bytes = 60, .expect_bytes = 60, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, world_ended, 5 * SECOND));
	assert_whole(w, 1);
	assert_true(peer_of(w, CLIENT, 0)->got_close_notify);
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_CLIENT_CLOSED);
	assert_true(r.close_notify);
	assert_int_equal(r.bytes_from_client, 40);
	assert_int_equal(r.bytes_to_client, 60);
	assert_string_equal(r.rule, "imap");
	assert_string_equal(r.sni, "imap.example.test");
	assert_string_equal(r.version, "TLSv1.3");
	assert_int_equal(r.server_port, 143);
	assert_int_equal(counter_read(&w->rule_count.accepted), 1);
	assert_int_equal(counter_read(&w->rule_count.open), 0);
	world_free(w);
}

static void exchange(const struct world_config *config, unsigned int n, uint64_t up, uint64_t down, uint64_t limit_us)
{
	struct world *w = world_new(config);

	peer_listen(w, &(struct peer){ .send_bytes = down, .expect_bytes = up, .close = CLOSE_AFTER_RECEIVING });
	for (unsigned int i = 0; i < n; i++)
		peer_connect(w, &(struct peer){ .send_bytes = up, .expect_bytes = down, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, world_ended, limit_us));
	assert_whole(w, n);
	world_free(w);
}

static void test_bulk_up(void **state)
{
	(void)state;
	exchange(&world_usual, 1, 20 * MB, 0, 100 * SECOND);
}

static void test_bulk_down(void **state)
{
	(void)state;
	exchange(&world_usual, 1, 0, 20 * MB, 100 * SECOND);
}

static void test_bulk_both_ways_ipv6(void **state)
{
	struct world_config c = world_usual;

	(void)state;
	c.ipv6 = true;
	exchange(&c, 1, 5 * MB, 5 * MB, 100 * SECOND);
}

static void test_many_at_once(void **state)
{
	(void)state;
	exchange(&world_usual, 100, MB / 10, MB / 10, 100 * SECOND);
}

static void test_faulty_wires(void **state)
{
	struct world_config c = world_usual;

	(void)state;
	c.faults.loss = c.faults.reorder = c.faults.duplicate = 0.02;
	c.faults.corrupt = 0.01;
	c.faults.reorder_us = 3000;
	for (c.seed = 1; c.seed <= 20; c.seed++)
		exchange(&c, 4, MB / 4, MB / 4, 600 * SECOND);
}

/* What the gateway holds for a reader that doesn't read: both TCP buffers and what TLS is chewing. */
static void assert_bounded(struct world *w, uint64_t sent, uint64_t got)
{
	uint64_t held = sent - got;

	assert_true(held > WINDOW_START / 2);
	/* Far from four buffers' bound of 6 MB: the ends' queues are of the same kind as the gateway's. */
	assert_true(held < 10 * WINDOW_START);
	assert_true(rte_mempool_in_use_count(w->gateway_mbufs) < 300);
}

static void test_slow_client(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c, *s;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 5 * MB, .close = CLOSE_AFTER_SENDING });
	c = peer_connect(w, &(struct peer){ .expect_bytes = 5 * MB, .close = CLOSE_AFTER_RECEIVING, .paused = true });
	world_wait(w, 300 * SECOND);
	s = peer_of(w, SERVER, 0);
	assert_bounded(w, s->sent_bytes, 0);
	c->paused = false;
	assert_true(world_run(w, world_ended, 200 * SECOND));
	assert_whole(w, 1);
	world_free(w);
}

static void test_slow_server(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c;

	(void)state;
	peer_listen(w, &(struct peer){ .expect_bytes = 5 * MB, .close = CLOSE_AFTER_RECEIVING, .paused = true });
	c = peer_connect(w, &(struct peer){ .send_bytes = 5 * MB, .close = CLOSE_WHEN_PEER_DOES });
	world_wait(w, 300 * SECOND);
	assert_bounded(w, c->sent_bytes, 0);
	peer_of(w, SERVER, 0)->paused = false;
	assert_true(world_run(w, world_ended, 200 * SECOND));
	assert_whole(w, 1);
	world_free(w);
}

/* The client ends its direction; the server sees that and only then sends its answer. */
static void test_half_close_by_client(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = MB, .send_after_bytes = 1000, .close = CLOSE_WHEN_PEER_DOES });
	peer_connect(w, &(struct peer){ .send_bytes = 1000, .close = CLOSE_AFTER_SENDING });
	assert_true(world_run(w, world_ended, 20 * SECOND));
	assert_whole(w, 1);
	assert_int_equal(world_record(w).end, SPLICE_CLIENT_CLOSED);
	world_free(w);
}

static void test_half_close_by_server(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 1000, .close = CLOSE_AFTER_SENDING });
	peer_connect(w, &(struct peer){ .send_bytes = MB, .send_after_bytes = 1000, .expect_bytes = 1000, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, world_ended, 20 * SECOND));
	assert_whole(w, 1);
	assert_int_equal(world_record(w).end, SPLICE_SERVER_CLOSED);
	world_free(w);
}

/* Clients that close TCP without close_notify are common; the server gets all and a FIN. */
static void test_fin_without_close_notify(void **state)
{
	struct world *w = world_new(&world_usual);
	struct record r;

	(void)state;
	peer_listen(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	peer_connect(w, &(struct peer){ .send_bytes = 30000, .close = CLOSE_AFTER_SENDING, .bare_fin = true });
	assert_true(world_run(w, world_ended, 20 * SECOND));
	assert_whole(w, 1);
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_CLIENT_CLOSED);
	assert_false(r.close_notify);
	assert_int_equal(w->nodes[GATEWAY].counters.events[EVENT_TRUNCATED], 0);
	world_free(w);
}

static void test_half_closed_silence_ends(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_listen(w, &(struct peer){ .close = CLOSE_NEVER });
	peer_connect(w, &(struct peer){ .send_bytes = 10, .close = CLOSE_AFTER_SENDING });
	assert_true(world_run(w, log_written, 70 * SECOND));
	assert_int_equal(world_record(w).end, SPLICE_IDLE_TIMEOUT);
	world_free(w);
}

static void test_client_reset(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 100, .close = CLOSE_NEVER });
	peer_connect(w, &(struct peer){ .send_bytes = 100, .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	peer_reset(peer_of(w, CLIENT, 0));
	assert_true(world_run(w, world_ended, SECOND));
	assert_int_equal(peer_of(w, SERVER, 0)->dead, TCP_RESET);
	assert_int_equal(world_record(w).end, SPLICE_CLIENT_RESET);
	world_free(w);
}

static void test_server_reset(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 100, .close = CLOSE_NEVER });
	peer_connect(w, &(struct peer){ .send_bytes = 100, .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	peer_reset(peer_of(w, SERVER, 0));
	assert_true(world_run(w, world_ended, SECOND));
	assert_int_equal(peer_of(w, CLIENT, 0)->dead, TCP_RESET);
	assert_int_equal(world_record(w).end, SPLICE_SERVER_RESET);
	world_free(w);
}

/* The handshake's last ACK and a RST in one burst: the splice begins with a connection that is over. */
static bool client_established(struct world *w)
{
	struct tcp_info info;

	tcp_info(peer_of(w, CLIENT, 0)->conn, &info);
	return strcmp(info.state, "ESTABLISHED") == 0;
}

static void test_reset_before_accept(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	assert_true(world_run(w, client_established, SECOND));
	peer_reset(peer_of(w, CLIENT, 0));
	world_wait(w, SECOND);
	assert_int_equal(w->nodes[GATEWAY].counters.events[EVENT_TCP_ACCEPTED], 1);
	assert_int_equal(splices_open(w->splices), 0);
	assert_int_equal(world_record(w).end, SPLICE_CLIENT_RESET);
	world_free(w);
}

/* The server has ended its direction, so the client's leg has sent its FIN: an alert can't follow. */
static void test_bad_record_after_half_close(void **state)
{
	static const uint8_t junk[5 + 64] = { 23, 3, 3, 0, 64 };
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 10, .close = CLOSE_AFTER_SENDING });
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	assert_true(peer_of(w, CLIENT, 0)->got_close_notify);
	assert_int_equal(splices_open(w->splices), 1);
	peer_send_raw(peer_of(w, CLIENT, 0), junk, sizeof(junk));
	assert_true(world_run(w, log_written, SECOND));
	assert_int_equal(world_record(w).end, SPLICE_TLS_FAILED);
	world_wait(w, SECOND);
	assert_int_equal(peer_of(w, SERVER, 0)->dead, TCP_RESET);
	world_free(w);
}

static void test_server_refuses(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	w->server_verdict[0] = STACK_REFUSE;
	peer_connect(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, world_ended, 5 * SECOND));
	assert_true(peer_of(w, CLIENT, 0)->got_close_notify);
	assert_int_equal(world_record(w).end, SPLICE_BACKEND_REFUSED);
	assert_int_equal(w->nodes[GATEWAY].counters.events[EVENT_BACKEND_FAILED], 1);
	assert_int_equal(counter_read(&w->rule_count.failed), 1);
	world_free(w);
}

static void test_second_server_stands_in(void **state)
{
	struct world *w = world_new(&world_usual);
	struct record r;

	(void)state;
	w->rule.n_servers = 2;
	w->server_verdict[0] = STACK_REFUSE;
	peer_listen(w, &(struct peer){ .send_bytes = 10, .close = CLOSE_AFTER_SENDING });
	peer_connect(w, &(struct peer){ .expect_bytes = 10, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, world_ended, 5 * SECOND));
	assert_whole(w, 1);
	r = world_record(w);
	assert_int_equal(r.server_port, 144);
	assert_int_equal(r.end, SPLICE_SERVER_CLOSED);
	world_free(w);
}

/* What the client said early goes to the server that takes the connection, and each client tries both. */
static void test_early_data_and_second_server(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	w->rule.n_servers = 2;
	w->server_verdict[0] = STACK_REFUSE;
	peer_listen(w, &(struct peer){ .expect_bytes = 20000, .close = CLOSE_AFTER_RECEIVING });
	for (unsigned int i = 0; i < 3; i++)
		peer_connect(w, &(struct peer){ .send_bytes = 20000, .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, world_ended, 20 * SECOND));
	assert_whole(w, 3);
	world_free(w);
}

static void test_server_unreachable(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	w->links[2].cut = true;
	peer_connect(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, world_ended, 20 * SECOND));
	assert_true(peer_of(w, CLIENT, 0)->got_close_notify);
	assert_int_equal(world_record(w).end, SPLICE_BACKEND_UNREACHABLE);
	world_free(w);
}

/* A stranger's junk: an alert, an end, and no internal server heard of it. */
static void test_plaintext(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c = peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	struct rte_mbuf *alert;
	struct record r;

	(void)state;
	c->tls_failed = true;	/* the session stays out of it */
	world_wait(w, 50000);
	peer_send_raw(c, "EHLO mail.example.test\r\n", 24);
	assert_true(world_run(w, log_written, 5 * SECOND));
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_TLS_FAILED);
	assert_int_equal(r.tls_error, TLS_ERR_NOT_TLS);
	assert_int_equal(w->server_syns, 0);
	world_wait(w, SECOND);
	alert = tcp_recv(c->conn, 100);
	assert_non_null(alert);
	assert_int_equal(*rte_pktmbuf_mtod(alert, const uint8_t *), 21);	/* ContentType alert, RFC 8446 5.1 */
	assert_int_equal(alert->pkt_len, 7);
	rte_pktmbuf_free(alert);
	assert_true(tcp_recv_finished(c->conn));
	world_free(w);
}

static void test_handshake_that_never_ends(void **state)
{
	struct world *w = world_new(&world_usual);
	struct peer *c = peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });

	(void)state;
	c->tls_failed = true;
	world_wait(w, 9 * SECOND);
	assert_int_equal(splices_open(w->splices), 1);
	assert_true(world_run(w, log_written, 2 * SECOND));
	assert_int_equal(world_record(w).end, SPLICE_HANDSHAKE_TIMEOUT);
	assert_int_equal(w->server_syns, 0);
	world_free(w);
}

static void test_idle(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 10, .close = CLOSE_WHEN_PEER_DOES });
	peer_connect(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	world_wait(w, 1799 * SECOND);
	assert_int_equal(splices_open(w->splices), 1);
	assert_true(world_run(w, world_ended, 5 * SECOND));
	assert_true(peer_of(w, CLIENT, 0)->got_close_notify);
	assert_int_equal(world_record(w).end, SPLICE_IDLE_TIMEOUT);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_speaks_first),
		cmocka_unit_test(test_bulk_up),
		cmocka_unit_test(test_bulk_down),
		cmocka_unit_test(test_bulk_both_ways_ipv6),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_faulty_wires),
		cmocka_unit_test(test_slow_client),
		cmocka_unit_test(test_slow_server),
		cmocka_unit_test(test_half_close_by_client),
		cmocka_unit_test(test_half_close_by_server),
		cmocka_unit_test(test_fin_without_close_notify),
		cmocka_unit_test(test_half_closed_silence_ends),
		cmocka_unit_test(test_client_reset),
		cmocka_unit_test(test_server_reset),
		cmocka_unit_test(test_reset_before_accept),
		cmocka_unit_test(test_bad_record_after_half_close),
		cmocka_unit_test(test_server_refuses),
		cmocka_unit_test(test_second_server_stands_in),
		cmocka_unit_test(test_early_data_and_second_server),
		cmocka_unit_test(test_server_unreachable),
		cmocka_unit_test(test_plaintext),
		cmocka_unit_test(test_handshake_that_never_ends),
		cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
