/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway in virtual time: the PROXY protocol to servers, and from trusted proxies in front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "peer.h"
#include "tcp.h"
#include "world.h"

#define SECOND 1000000ull

static struct addr A(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void assert_told(const struct peer *server, const char *client, uint16_t client_port, const char *target,
			uint16_t target_port)
{
	struct addr c = A(client), t = A(target);

	assert_true(server->has_proxy);
	assert_memory_equal(&server->told.client, &c, sizeof(c));
	assert_memory_equal(&server->told.target, &t, sizeof(t));
	assert_int_equal(server->told.client_port, client_port);
	assert_int_equal(server->told.target_port, target_port);
}

static struct world_config faulty(uint64_t seed)
{
	struct world_config c = world_usual;

	c.faults.loss = c.faults.reorder = c.faults.duplicate = 0.05;
	c.faults.reorder_us = 3000;
	c.seed = seed;
	return c;
}

/* The server greets when it was told; nothing of the header is among the bytes, and the counts hold none of it. */
static void exchange(const struct world_config *config, enum proxy_version version, bool ipv6)
{
	struct world *w = world_new(config);
	struct record r;
	struct peer *s;

	w->rule.proxy = version;
	peer_listen(w, &(struct peer){ .send_bytes = 100000, .expect_bytes = 50000, .close = CLOSE_WHEN_PEER_DOES, .wants_proxy = true });
	peer_connect(w, &(struct peer){ .send_bytes = 50000, .expect_bytes = 100000, .send_after_bytes = 60, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, world_ended, 120 * SECOND));
	s = peer_of(w, SERVER, 0);
	r = world_record(w);
	assert_told(s, WORLD_CLIENT(ipv6), r.client_port, WORLD_LISTEN(ipv6), 993);
	assert_int_equal(s->got_bytes, 50000);
	assert_int_equal(peer_of(w, CLIENT, 0)->got_bytes, 100000);
	assert_int_equal(r.bytes_from_client, 50000);
	assert_int_equal(r.bytes_to_client, 100000);
	world_free(w);
}

static void test_v1(void **state)
{
	(void)state;
	exchange(&world_usual, PROXY_V1, false);
}

static void test_v2(void **state)
{
	(void)state;
	exchange(&world_usual, PROXY_V2, false);
}

static void test_ipv6_client_of_an_ipv4_server(void **state)
{
	struct world_config c = world_usual;

	(void)state;
	c.ipv6 = true;
	exchange(&c, PROXY_V1, true);
	exchange(&c, PROXY_V2, true);
}

static void test_faulty_wires(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct world_config c = faulty(seed);

		exchange(&c, seed % 2 ? PROXY_V1 : PROXY_V2, false);
	}
}

static bool server_told(struct world *w)
{
	struct peer *s = peer_of(w, SERVER, 0);

	return s != NULL && s->has_proxy;
}

/* A mail server says nothing before it knows whom it greets: it is told at once, whatever the client does. */
static void test_at_once(void **state)
{
	static const char sni[] = "\x02\0\x11imap.example.test", version[] = "\x21\0\x07TLSv1.3";
	struct world *w = world_new(&world_usual);
	struct peer *s;

	(void)state;
	w->rule.proxy = PROXY_V2;
	peer_listen(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES, .wants_proxy = true });
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	assert_true(world_run(w, server_told, SECOND));
	s = peer_of(w, SERVER, 0);
	assert_non_null(memmem(s->proxy_header, s->proxy_bytes, sni, sizeof(sni) - 1));
	assert_non_null(memmem(s->proxy_header, s->proxy_bytes, version, sizeof(version) - 1));
	assert_int_equal(s->got_bytes, 0);
	world_free(w);
}

/* The first server refuses: the second is told, once. */
static void test_second_server(void **state)
{
	struct world *w = world_new(&world_usual);

	(void)state;
	w->rule.proxy = PROXY_V2;
	w->rule.n_servers = 2;
	w->server_verdict[0] = STACK_REFUSE;
	peer_listen(w, &(struct peer){ .send_bytes = 60, .close = CLOSE_WHEN_PEER_DOES, .wants_proxy = true });
	peer_connect(w, &(struct peer){ .send_bytes = 40, .expect_bytes = 60, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, world_ended, 5 * SECOND));
	assert_int_equal(peer_of(w, SERVER, 0)->got_bytes, 40);
	assert_int_equal(world_record(w).server_port, 144);
	world_free(w);
}

static struct addr_set *networks(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return addr_set_new(&p, 1);
}

#define TOLD "PROXY TCP4 198.51.100.7 203.0.113.1 4711 993\r\n"

/* A world whose one client is a trusted proxy; @deny: whom the rule doesn't want. */
struct front {
	struct world *w;
	struct addr_set *proxies, *deny;
	struct peer *client;
};

static struct front front_new(const struct world_config *config, const char *deny)
{
	struct front f = { .w = world_new(config), .proxies = networks("192.0.2.2") };

	f.w->rule.proxies = f.proxies;
	if (deny != NULL)
		f.w->rule.deny = f.deny = networks(deny);
	peer_listen(f.w, &(struct peer){ .send_bytes = 60, .expect_bytes = 40, .close = CLOSE_WHEN_PEER_DOES });
	f.client = peer_connect(f.w, &(struct peer){ .send_bytes = 40, .expect_bytes = 60, .close = CLOSE_AFTER_RECEIVING, .held = true });
	return f;
}

static void front_free(struct front *f)
{
	world_free(f->w);
	free(f->proxies);
	free(f->deny);
}

static void says(struct front *f, const void *header, uint32_t bytes)
{
	peer_send_raw(f->client, header, bytes);
	f->client->held = false;
}

static void assert_served_as(struct front *f, const char *client, uint16_t port)
{
	struct addr c = A(client);
	struct record r;

	assert_true(world_run(f->w, world_ended, 60 * SECOND));
	assert_int_equal(peer_of(f->w, SERVER, 0)->got_bytes, 40);
	assert_int_equal(f->client->got_bytes, 60);
	r = world_record(f->w);
	assert_int_equal(r.end, SPLICE_CLIENT_CLOSED);
	assert_memory_equal(&r.client, &c, sizeof(c));
	if (port != 0)
		assert_int_equal(r.client_port, port);
	assert_int_equal(r.bytes_from_client, 40);
}

static void test_told(void **state)
{
	struct front f = front_new(&world_usual, "192.0.2.2");	/* the proxy itself is no client */
	struct addr proxy = A("192.0.2.2");
	struct record r;

	(void)state;
	says(&f, TOLD, sizeof(TOLD) - 1);
	assert_true(world_run(f.w, world_ended, 5 * SECOND));
	r = f.w->records[0];
	assert_memory_equal(&r.proxy, &proxy, sizeof(proxy));
	assert_true(r.proxy_port != 0);
	assert_served_as(&f, "198.51.100.7", 4711);
	front_free(&f);
}

/* The same over wires that lose, and from a proxy that writes byte by byte. */
static void test_told_in_single_bytes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct world_config c = faulty(seed);
		struct front f = front_new(&c, NULL);

		for (uint32_t i = 0; i < sizeof(TOLD) - 1; i++) {
			peer_send_raw(f.client, &TOLD[i], 1);
			world_wait(f.w, 2000);
		}
		f.client->held = false;
		assert_served_as(&f, "198.51.100.7", 4711);
		front_free(&f);
	}
}

/* What a proxy in front told is passed on, with where the client had connected to. */
static void test_told_is_passed_on(void **state)
{
	struct front f = front_new(&world_usual, NULL);

	(void)state;
	f.w->rule.proxy = PROXY_V2;
	peer_listen(f.w, &(struct peer){ .send_bytes = 60, .close = CLOSE_WHEN_PEER_DOES, .wants_proxy = true });
	says(&f, TOLD, sizeof(TOLD) - 1);
	assert_served_as(&f, "198.51.100.7", 4711);
	assert_told(peer_of(f.w, SERVER, 0), "198.51.100.7", 4711, "203.0.113.1", 993);
	front_free(&f);
}

static void test_local(void **state)
{
	static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", unknown[] = "PROXY UNKNOWN\r\n";
	struct front f = front_new(&world_usual, NULL);

	(void)state;
	says(&f, local, sizeof(local) - 1);
	assert_served_as(&f, "192.0.2.2", 0);
	front_free(&f);
	f = front_new(&world_usual, NULL);
	says(&f, unknown, sizeof(unknown) - 1);
	assert_served_as(&f, "192.0.2.2", 0);
	front_free(&f);
}

static bool log_written(struct world *w)
{
	return w->n_records > 0;
}

/* Ended without a server's knowing, with @end in the log and a RST, for its own reason. */
static void assert_refused(struct front *f, enum splice_end end, enum drop drop)
{
	assert_true(world_run(f->w, log_written, 30 * SECOND));
	assert_int_equal(world_record(f->w).end, end);
	world_wait(f->w, SECOND);
	assert_int_equal(f->client->dead, TCP_RESET);
	assert_int_equal(f->w->server_syns, 0);
	assert_int_equal(f->w->nodes[GATEWAY].counters.drops[drop], 1);
	front_free(f);
}

static void test_told_of_somebody_who_is_not_allowed(void **state)
{
	struct front f = front_new(&world_usual, "198.51.100.0/24");

	(void)state;
	says(&f, TOLD, sizeof(TOLD) - 1);
	assert_refused(&f, SPLICE_DENIED, DROP_CLIENT_DENIED);
}

/* A trusted proxy that sends TLS at once isn't taken for a client (PROXY 2: no guessing). */
static void test_no_header(void **state)
{
	struct front f = front_new(&world_usual, NULL);

	(void)state;
	f.client->held = false;
	assert_refused(&f, SPLICE_PROXY_HEADER, DROP_PROXY_HEADER);
}

static void test_bad_header(void **state)
{
	static const char bad[] = "PROXY TCP4 198.51.100.7 203.0.113.1 4711\r\n";
	struct front f = front_new(&world_usual, NULL);

	(void)state;
	says(&f, bad, sizeof(bad) - 1);
	assert_refused(&f, SPLICE_PROXY_HEADER, DROP_PROXY_HEADER);
}

static void test_cut_header(void **state)
{
	struct front f = front_new(&world_usual, NULL);

	(void)state;
	peer_send_raw(f.client, TOLD, 20);
	tcp_shutdown(f.client->conn);
	f.client->shut = true;
	assert_refused(&f, SPLICE_PROXY_HEADER, DROP_PROXY_HEADER);
}

/* Half a header and silence: the handshake's time limit holds for both together. */
static void test_silent_proxy(void **state)
{
	struct front f = front_new(&world_usual, NULL);

	(void)state;
	peer_send_raw(f.client, TOLD, 20);
	world_wait(f.w, 9 * SECOND);
	assert_int_equal(f.w->n_records, 0);
	assert_true(world_run(f.w, log_written, 2 * SECOND));
	assert_int_equal(world_record(f.w).end, SPLICE_HANDSHAKE_TIMEOUT);
	front_free(&f);
}

/* A proxy that looks whether the port is open. */
static void test_probe(void **state)
{
	struct front f = front_new(&world_usual, NULL);

	(void)state;
	tcp_shutdown(f.client->conn);
	f.client->shut = true;
	assert_true(world_run(f.w, log_written, 5 * SECOND));
	assert_int_equal(world_record(f.w).end, SPLICE_CLIENT_CLOSED);
	assert_int_equal(f.w->nodes[GATEWAY].counters.drops[DROP_PROXY_HEADER], 0);
	front_free(&f);
}

/* Whoever isn't trusted is a client, and a header of his is no TLS. */
static void test_header_of_a_stranger(void **state)
{
	struct front f = front_new(&world_usual, NULL);

	(void)state;
	free(f.proxies);
	f.w->rule.proxies = f.proxies = networks("192.0.2.3");
	says(&f, TOLD, sizeof(TOLD) - 1);
	assert_true(world_run(f.w, log_written, 5 * SECOND));
	assert_int_equal(f.w->records[0].end, SPLICE_TLS_FAILED);
	assert_int_equal(f.w->server_syns, 0);
	front_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_ipv6_client_of_an_ipv4_server),
		cmocka_unit_test(test_faulty_wires),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_second_server),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_told_in_single_bytes),
		cmocka_unit_test(test_told_is_passed_on),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_told_of_somebody_who_is_not_allowed),
		cmocka_unit_test(test_no_header),
		cmocka_unit_test(test_bad_header),
		cmocka_unit_test(test_cut_header),
		cmocka_unit_test(test_silent_proxy),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_header_of_a_stranger),
	};

	return cmocka_run_group_tests_name("gateway_proxy", tests, NULL, NULL);
}
