/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway in virtual time: certificates of clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "certificate.h"
#include "peer.h"
#include "tls/context.h"
#include "tls/tls.h"
#include "world.h"

#define SECOND 1000000ull

static bool log_written(struct world *w)
{
	return w->n_records > 0;
}

static struct world *asking_world(const struct world_config *c)
{
	struct world *w = world_new(c);

	certificate_free_ctx(w->rule_slot.tls);
	w->rule_slot.tls = certificate_asking_ctx();
	return w;
}

/* Who has one is served, named in the log, and told of to the server; also where each step of the handshake is lost once. */
static void served(const struct world_config *c, uint16_t max_version)
{
	struct world *w = asking_world(c);
	struct peer *server;
	struct record r;

	w->rule.proxy = PROXY_V2;
	certificate_free_ctx(w->client_tls);
	w->client_tls = certificate_known_ctx(max_version);
	peer_listen(w, &(struct peer){ .send_bytes = 600, .expect_bytes = 400, .close = CLOSE_AFTER_RECEIVING, .wants_proxy = true });
	peer_connect(w, &(struct peer){ .send_bytes = 400, .expect_bytes = 600, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, world_ended, 60 * SECOND));
	server = peer_of(w, SERVER, 0);
	assert_int_equal(server->got_bytes, 400);
	assert_non_null(memmem(server->proxy_header, server->proxy_bytes, CERTIFICATE_CLIENT, strlen(CERTIFICATE_CLIENT)));
	r = world_record(w);
	assert_int_equal(r.bytes_to_client, 600);
	assert_true(w->told.has_peer);
	assert_true(w->told.peer.verified);
	assert_string_equal(w->told.peer.common_name, CERTIFICATE_CLIENT);
	world_free(w);
}

static void test_served(void **state)
{
	(void)state;
	served(&world_usual, TLS_VERSION_1_2);
	served(&world_usual, TLS_VERSION_1_3);
}

static void test_faulty_wires(void **state)
{
	struct world_config c = world_usual;

	(void)state;
	c.faults.loss = c.faults.reorder = c.faults.duplicate = 0.05;
	c.faults.reorder_us = 3000;
	for (c.seed = 1; c.seed <= 12; c.seed++)
		served(&c, c.seed % 2 ? TLS_VERSION_1_2 : TLS_VERSION_1_3);
}

/* Who has none ends with its TLS: no server hears of it. */
static void test_without(void **state)
{
	struct world *w = asking_world(&world_usual);
	struct record r;

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 60, .close = CLOSE_WHEN_PEER_DOES });
	peer_connect(w, &(struct peer){ .send_bytes = 40, .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, log_written, 5 * SECOND));
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_TLS_FAILED);
	assert_string_equal(tls_error_name(r.tls_error), "no_certificate");
	assert_false(w->told.has_peer);
	assert_int_equal(w->server_syns, 0);
	world_wait(w, SECOND);
	assert_true(peer_of(w, CLIENT, 0)->tls_failed);	/* it was told by an alert */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_served),
		cmocka_unit_test(test_faulty_wires),
		cmocka_unit_test(test_without),
	};

	return cmocka_run_group_tests_name("gateway_clients", tests, NULL, NULL);
}
