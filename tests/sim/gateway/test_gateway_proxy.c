/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway in virtual time: servers are told of their clients by the PROXY protocol. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static void assert_told(const struct peer *server, const char *client, uint16_t client_port, const char *target)
{
	struct addr c = A(client), t = A(target);

	assert_true(server->has_proxy);
	assert_memory_equal(&server->told.client, &c, sizeof(c));
	assert_memory_equal(&server->told.target, &t, sizeof(t));
	assert_int_equal(server->told.client_port, client_port);
	assert_int_equal(server->told.target_port, 993);
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
	assert_told(s, WORLD_CLIENT(ipv6), r.client_port, WORLD_LISTEN(ipv6));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_ipv6_client_of_an_ipv4_server),
		cmocka_unit_test(test_faulty_wires),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_second_server),
	};

	return cmocka_run_group_tests_name("gateway_proxy", tests, NULL, NULL);
}
