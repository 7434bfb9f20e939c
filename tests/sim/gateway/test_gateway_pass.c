/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway in virtual time: TLS passed through, to the server that the ClientHello's name chooses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <rte_mbuf.h>

#include "certificate.h"
#include "peer.h"
#include "tcp.h"
#include "tls/tls.h"
#include "world.h"

#define SECOND 1000000ull
#define MB 1000000ull
#define NAME "imap.example.test"	/* of usual clients, and of the certificate */

/* The second rule's; the first's are the world's. */
static struct rule second;
static struct rule_count second_count;
static struct rule_slot second_slot;

static const char *const first_names[] = { NAME }, *const wild[] = { ".example.test" };

static uint64_t event(const struct world *w, enum event e)
{
	return w->nodes[GATEWAY].counters.events[e];
}

static uint64_t drops(const struct world *w, enum drop d)
{
	return w->nodes[GATEWAY].counters.drops[d];
}

/* No rule has anything of TLS; both servers have. The first rule's is on port 143, the second's on 144. */
static struct world *pass_world(const struct world_config *c, const char *const *names, const char *const *others)
{
	struct world *w = world_new(c);

	certificate_free_ctx(w->rule_slot.tls);
	w->rule_slot.tls = NULL;
	w->server_tls[0] = certificate_server_ctx();
	w->server_tls[1] = certificate_server_ctx();
	w->rule.passthrough = true;
	w->rule.names = names;
	w->rule.n_names = names != NULL;
	second = w->rule;
	second_slot = (struct rule_slot){ 0 };
	second_count = (struct rule_count){ 0 };
	memcpy(second.name, "other", 6);
	second.servers[0].port = 144;
	second.names = others;
	second.n_names = others != NULL;
	second.counts = &second_count;
	second.slots = &second_slot;
	free(w->policy);
	w->policy = policy_new(2, 2);
	assert_non_null(w->policy);
	w->policy->rules[w->policy->n_rules++] = &w->rule;
	if (names != NULL || others != NULL)
		w->policy->rules[w->policy->n_rules++] = &second;
	policy_order(w->policy);
	return w;
}

static void pass_world_free(struct world *w)
{
	world_free(w);
	assert_int_equal(second_slot.connections, 0);
	assert_int_equal(second_count.open, 0);
}

static bool log_written(struct world *w)
{
	return w->n_records > 0;
}

static struct record exchange(struct world *w, uint64_t up, uint64_t down)
{
	struct peer *client, *server;
	struct record r;

	peer_listen(w, &(struct peer){ .send_bytes = down, .expect_bytes = up, .close = CLOSE_AFTER_RECEIVING,
				       .wants_proxy = w->rule.proxy != PROXY_OFF });
	client = peer_connect(w, &(struct peer){ .send_bytes = up, .expect_bytes = down, .close = CLOSE_AFTER_RECEIVING });
	assert_true(world_run(w, world_ended, 300 * SECOND));
	server = peer_of(w, SERVER, 0);
	assert_int_equal(server->got_bytes, up);
	assert_int_equal(client->got_bytes, down);
	/* Their own, from one to the other. */
	assert_true(client->got_close_notify && server->got_close_notify);
	r = world_record(w);
	assert_true(r.passthrough);
	assert_string_equal(r.sni, NAME);
	assert_string_equal(r.version, "");
	assert_string_equal(r.cipher, "");
	assert_true(r.bytes_from_client > up && r.bytes_to_client > down);
	assert_int_equal(event(w, EVENT_PASSED_THROUGH), 1);
	assert_int_equal(event(w, EVENT_TLS_HANDSHAKES), 0);
	return r;
}

static void test_both_ways(void **state)
{
	struct world *w = pass_world(&world_usual, NULL, NULL);

	(void)state;
	exchange(w, 3 * MB, 3 * MB);
	assert_int_equal(counter_read(&w->rule_count.accepted), 1);
	pass_world_free(w);
}

static void test_faulty_wires(void **state)
{
	struct world_config c = world_usual;

	(void)state;
	c.faults.loss = c.faults.reorder = c.faults.duplicate = 0.02;
	c.faults.reorder_us = 3000;
	for (c.seed = 1; c.seed <= 8; c.seed++) {
		struct world *w = pass_world(&c, first_names, NULL);

		w->rule.proxy = second.proxy = c.seed % 2 ? PROXY_OFF : PROXY_V2;
		exchange(w, MB / 4, MB / 4);
		pass_world_free(w);
	}
}

/* Which rule gets a client of NAME, and that all is counted there. */
static void chosen(const char *const *names, const char *const *others, bool other)
{
	struct world *w = pass_world(&world_usual, names, others);
	struct record r = exchange(w, 1000, 1000);

	assert_int_equal(r.server_port, other ? 144 : 143);
	assert_string_equal(r.rule, other ? "other" : "imap");
	assert_int_equal(counter_read(&w->rule_count.accepted), !other);
	assert_int_equal(counter_read(&second_count.accepted), other);
	assert_int_equal(counter_read(&w->rule_count.open), 0);
	assert_true((other ? second_count : w->rule_count).bytes_to_client > 1000);
	assert_int_equal((other ? w->rule_count : second_count).bytes_to_client, 0);
	pass_world_free(w);
}

static void test_choice(void **state)
{
	static const char *const stranger[] = { "imap.example.com" };

	(void)state;
	chosen(first_names, NULL, false);
	chosen(NULL, first_names, true);
	chosen(wild, NULL, false);
	chosen(stranger, wild, true);
	chosen(wild, first_names, true);	/* the name itself before "*" */
	chosen(stranger, NULL, true);
}

/* No rule has the name: an alert says so, and no server hears of it. */
static void test_unknown_name(void **state)
{
	static const char *const a[] = { "a.example.com" }, *const b[] = { "b.example.com" };
	struct world *w = pass_world(&world_usual, a, b);
	struct peer *c;
	struct record r;

	(void)state;
	c = peer_connect(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, log_written, 5 * SECOND));
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_TLS_FAILED);
	assert_int_equal(r.tls_error, TLS_ERR_SNI);
	assert_string_equal(r.sni, NAME);
	world_wait(w, SECOND);
	assert_true(c->tls_failed && c->got_end);
	assert_int_equal(tls_session_error(c->tls), TLS_ERR_ALERT);
	assert_string_equal(tls_alert_name(tls_session_alert(c->tls)), "unrecognized_name");
	assert_int_equal(drops(w, DROP_PASSTHROUGH_NAME), 1);
	assert_int_equal(w->server_syns, 0);
	assert_int_equal(counter_read(&w->rule_count.accepted) + counter_read(&second_count.accepted), 1);
	assert_int_equal(counter_read(&w->rule_count.failed) + counter_read(&second_count.failed), 1);
	pass_world_free(w);
}

/* A held client's ClientHello, in records of @piece bytes each, as it would be sent. Returns its bytes. */
static uint32_t hello_in_records(struct peer *c, uint32_t piece, uint8_t *to)
{
	uint8_t flat[4096];
	struct rte_mbuf *m;
	uint32_t bytes, at = 0;

	assert_int_equal(tls_handshake(c->tls), TLS_WANT_INPUT);
	m = tls_output(c->tls);
	bytes = m->pkt_len;
	assert_true(bytes <= sizeof(flat));
	memcpy(flat, rte_pktmbuf_read(m, 0, bytes, flat), bytes);
	rte_pktmbuf_free(m);
	for (uint32_t i = 5; i < bytes; i += piece) {
		uint32_t n = RTE_MIN(piece, bytes - i);

		memcpy(to + at, (const uint8_t[]){ 22, 3, 1, (uint8_t)(n >> 8), (uint8_t)n }, 5);
		memcpy(to + at + 5, flat + i, n);
		at += 5 + n;
	}
	return at;
}

static struct peer *held_client(struct world *w, uint64_t expect)
{
	struct peer *c;

	peer_listen(w, &(struct peer){ .send_bytes = expect, .close = CLOSE_WHEN_PEER_DOES });
	c = peer_connect(w, &(struct peer){ .held = true, .send_bytes = 40, .expect_bytes = expect, .close = CLOSE_AFTER_RECEIVING });
	world_wait(w, SECOND / 2);
	return c;
}

/* Over many segments and many records: the server gets all of it as it came. */
static void test_hello_in_pieces(void **state)
{
	static const uint32_t pieces[] = { 1, 2, 7, 100, 4000 };
	uint8_t stream[8 * 4096];

	(void)state;
	for (unsigned int i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct world *w = pass_world(&world_usual, first_names, NULL);
		struct peer *c = held_client(w, 1000);
		uint32_t bytes = hello_in_records(c, pieces[i], stream);

		for (uint32_t at = 0; at < bytes; at++) {
			peer_send_raw(c, stream + at, 1);
			world_wait(w, 100);
		}
		c->held = false;
		assert_true(world_run(w, world_ended, 20 * SECOND));
		assert_int_equal(c->got_bytes, 1000);
		assert_int_equal(peer_of(w, SERVER, 0)->got_bytes, 40);
		assert_int_equal(world_record(w).server_port, 143);
		pass_world_free(w);
	}
}

/* What isn't a ClientHello: @bytes of @says, @times; the end's name and TLS's. */
static void refused(const void *says, uint32_t bytes, unsigned int times, enum tls_error error)
{
	struct world *w = pass_world(&world_usual, first_names, NULL);
	struct peer *c = held_client(w, 0);
	uint8_t alert[16];
	struct record r;

	for (; times > 0; times--)
		peer_send_raw(c, says, bytes);
	assert_true(world_run(w, log_written, 5 * SECOND));
	r = world_record(w);
	assert_int_equal(r.end, SPLICE_TLS_FAILED);
	assert_int_equal(r.tls_error, error);
	assert_int_equal(drops(w, DROP_PASSTHROUGH_HELLO), 1);
	world_wait(w, SECOND);
	assert_int_equal(tcp_recv_peek(c->conn, alert, sizeof(alert)), 7);
	assert_memory_equal(alert, ((const uint8_t[]){ 21, 3, 3, 0, 2, 2 }), 6);
	tcp_recv_skip(c->conn, 7);
	assert_true(tcp_recv_finished(c->conn));
	assert_int_equal(w->server_syns, 0);
	pass_world_free(w);
}

static void test_no_hello(void **state)
{
	static const uint8_t server_hello[] = { 22, 3, 3, 0, 4, 2, 0, 0, 0 }, empty[] = { 22, 3, 1, 0, 0 },
		malformed[] = { 22, 3, 1, 0, 8, 1, 0, 0, 4, 3, 3, 0, 0 },
		huge[] = { 22, 3, 1, 0x40, 1 };

	(void)state;
	refused("GET / HTTP/1.0\r\n\r\n", 18, 1, TLS_ERR_NOT_TLS);
	refused("Q", 1, 1, TLS_ERR_NOT_TLS);
	refused(server_hello, sizeof(server_hello), 1, TLS_ERR_HANDSHAKE);
	refused(empty, sizeof(empty), 1, TLS_ERR_HANDSHAKE);
	refused(malformed, sizeof(malformed), 1, TLS_ERR_HANDSHAKE);
	refused(huge, sizeof(huge), 1, TLS_ERR_HANDSHAKE);
}

/* A message that says of itself that it is longer than may be is refused when that is read, not when all has come. */
static void test_long_hello_at_once(void **state)
{
	static const uint8_t says[] = { 22, 3, 1, 0, 4, 1, 1, 0, 0 };

	(void)state;
	refused(says, sizeof(says), 1, TLS_ERR_HELLO_TOO_LONG);
}

/* Half of one, and then: an end, or nothing. */
static void test_half_a_hello(void **state)
{
	uint8_t stream[4096];

	(void)state;
	for (unsigned int fin = 0; fin < 2; fin++) {
		struct world *w = pass_world(&world_usual, first_names, NULL);
		struct peer *c = held_client(w, 0);

		peer_send_raw(c, stream, hello_in_records(c, 4000, stream) - 1);
		if (fin)
			tcp_shutdown(c->conn);
		assert_true(world_run(w, log_written, 11 * SECOND));
		assert_int_equal(world_record(w).end, fin ? SPLICE_TRUNCATED : SPLICE_HANDSHAKE_TIMEOUT);
		assert_int_equal(w->server_syns, 0);
		world_wait(w, SECOND);
		assert_true(c->got_end);
		pass_world_free(w);
	}
}

static void test_silent_client_leaves(void **state)
{
	struct world *w = pass_world(&world_usual, first_names, NULL);

	(void)state;
	tcp_shutdown(held_client(w, 0)->conn);
	assert_true(world_run(w, log_written, SECOND));
	assert_int_equal(world_record(w).end, SPLICE_CLIENT_CLOSED);
	pass_world_free(w);
}

/* The header tells the name, and of TLS nothing else: we know nothing. */
static void test_proxy_header(void **state)
{
	static const char sni[] = "\x02\0\x11" NAME, ssl[] = "\x20\0";
	struct world *w = pass_world(&world_usual, first_names, NULL);
	struct peer *s;

	(void)state;
	w->rule.proxy = PROXY_V2;
	exchange(w, 1000, 1000);
	s = peer_of(w, SERVER, 0);
	assert_int_equal(s->told.target_port, 993);
	assert_non_null(memmem(s->proxy_header, s->proxy_bytes, sni, sizeof(sni) - 1));
	assert_null(memmem(s->proxy_header + 28, s->proxy_bytes - 28, ssl, sizeof(ssl) - 1));
	pass_world_free(w);
}

static struct addr_set *net(const char *text)
{
	struct prefix p;
	struct addr_set *set;

	assert_int_equal(prefix_parse(text, &p), 0);
	set = addr_set_new(&p, 1);
	assert_non_null(set);
	return set;
}

/* A client may connect if any of the listener's rules lets it, but the rule that it asks for must. */
static void test_denied_by_its_rule(void **state)
{
	struct world *w = pass_world(&world_usual, first_names, NULL);
	struct addr_set *clients = net("192.0.2.0/24");
	struct peer *c;

	(void)state;
	w->rule.deny = clients;
	c = peer_connect(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	assert_true(world_run(w, log_written, 5 * SECOND));
	assert_int_equal(world_record(w).end, SPLICE_DENIED);
	assert_int_equal(drops(w, DROP_CLIENT_DENIED), 1);
	assert_int_equal(counter_read(&w->rule_count.refused), 1);
	assert_int_equal(w->server_syns, 0);
	world_wait(w, SECOND);
	assert_int_equal(c->dead, TCP_RESET);
	/* Denied by both: not even a SYN/ACK. */
	second.deny = clients;
	c = peer_connect(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	world_wait(w, SECOND);
	assert_int_equal(c->dead, TCP_REFUSED);
	assert_int_equal(drops(w, DROP_TCP_DENIED), 1);
	pass_world_free(w);
	free(clients);
}

/* A proxy in front that one rule trusts: only that rule takes its word. */
static void from_a_proxy(bool trusted)
{
	static const char header[] = "PROXY TCP4 203.0.113.77 203.0.113.1 4711 993\r\n";
	struct world *w = pass_world(&world_usual, first_names, NULL);
	struct addr_set *proxies = net("192.0.2.2");
	uint8_t stream[4096];
	struct record r;
	struct peer *c;

	(trusted ? &w->rule : &second)->proxies = proxies;
	c = held_client(w, 1000);
	peer_send_raw(c, header, sizeof(header) - 1);
	peer_send_raw(c, stream, hello_in_records(c, 4000, stream));
	c->held = false;
	assert_true(world_run(w, log_written, 5 * SECOND));
	r = world_record(w);
	assert_int_equal(r.end, trusted ? SPLICE_CLIENT_CLOSED : SPLICE_DENIED);
	assert_int_equal(r.client_port, 4711);
	assert_int_equal(w->server_syns, trusted);
	world_wait(w, SECOND);
	assert_int_equal(c->got_bytes, trusted ? 1000 : 0);
	pass_world_free(w);
	free(proxies);
}

static void test_from_a_proxy(void **state)
{
	(void)state;
	from_a_proxy(true);
	from_a_proxy(false);
}

static bool talking(struct world *w)
{
	return peer_of(w, CLIENT, 0)->got_bytes == 1000 && peer_of(w, SERVER, 0)->got_bytes == 40;
}

static struct world *talking_world(void)
{
	struct world *w = pass_world(&world_usual, first_names, NULL);

	peer_listen(w, &(struct peer){ .send_bytes = 1000, .close = CLOSE_NEVER });
	peer_connect(w, &(struct peer){ .send_bytes = 40, .close = CLOSE_NEVER });
	assert_true(world_run(w, talking, 5 * SECOND));
	return w;
}

/* What one peer's TCP says, the other's hears. */
static void test_resets(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct world *w = talking_world();

		peer_reset(peer_of(w, i ? SERVER : CLIENT, 0));
		assert_true(world_run(w, log_written, 5 * SECOND));
		assert_int_equal(world_record(w).end, i ? SPLICE_SERVER_RESET : SPLICE_CLIENT_RESET);
		world_wait(w, SECOND);
		assert_true(peer_of(w, i ? CLIENT : SERVER, 0)->dead & TCP_RESET);
		pass_world_free(w);
	}
}

/* An end of ours isn't TLS's, and neither can take it for one. */
static void test_killed(void **state)
{
	struct world *w = talking_world();
	struct order o = { .verb = ORDER_KILL_RULE, .name = "imap", .max = UINT32_MAX };

	(void)state;
	while (!splices_order(w->splices, &o))
		;
	assert_true(world_run(w, log_written, SECOND));
	assert_int_equal(world_record(w).end, SPLICE_KILLED);
	world_wait(w, SECOND);
	assert_true(peer_of(w, CLIENT, 0)->got_end && !peer_of(w, CLIENT, 0)->got_close_notify);
	assert_true(peer_of(w, SERVER, 0)->got_end && !peer_of(w, SERVER, 0)->got_close_notify);
	pass_world_free(w);
}

/* The rules went while the ClientHello was on its way: nobody is left who has the name. */
static void test_rule_gone_meanwhile(void **state)
{
	struct world *w = pass_world(&world_usual, first_names, NULL);
	struct policy *p = w->policy;
	uint8_t stream[4096];
	struct peer *c = held_client(w, 0);

	(void)state;
	w->policy = NULL;
	peer_send_raw(c, stream, hello_in_records(c, 4000, stream));
	assert_true(world_run(w, log_written, 5 * SECOND));
	assert_int_equal(world_record(w).tls_error, TLS_ERR_SNI);
	w->policy = p;
	pass_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_faulty_wires),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_unknown_name),
		cmocka_unit_test(test_hello_in_pieces),
		cmocka_unit_test(test_no_hello),
		cmocka_unit_test(test_long_hello_at_once),
		cmocka_unit_test(test_half_a_hello),
		cmocka_unit_test(test_silent_client_leaves),
		cmocka_unit_test(test_proxy_header),
		cmocka_unit_test(test_denied_by_its_rule),
		cmocka_unit_test(test_from_a_proxy),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_rule_gone_meanwhile),
	};

	return cmocka_run_group_tests_name("gateway_pass", tests, NULL, NULL);
}
