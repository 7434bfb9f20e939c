/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What strangers and full machines do to a session, and that its neighbours don't notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls/record.h"
#include "tls_pair.h"

static struct tls_cert *cert;
static struct tls_ctx *server_ctx, *client_ctx, *client12_ctx;

static int start(void **state)
{
	(void)state;
	pair_start();
	cert = pair_cert("p256");
	server_ctx = pair_server_ctx(cert, (struct tls_settings){ 0 });
	client_ctx = pair_client_ctx((struct tls_settings){ .server_name = "imap.example.test" });
	client12_ctx = pair_client_ctx((struct tls_settings){ .max_version = TLS_VERSION_1_2 });
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tls_ctx_free(server_ctx);
	tls_ctx_free(client_ctx);
	tls_ctx_free(client12_ctx);
	tls_cert_free(cert);
	assert_int_equal(tls_worker_heap_used(), 0);
	pair_stop();
	assert_int_equal(pair_mbufs_out(), 0);
	return 0;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

/* The whole of a session's output, in @buf; its length. */
static uint32_t take_output(struct tls_session *s, uint8_t *buf, uint32_t buf_bytes)
{
	struct rte_mbuf *m = tls_output(s);
	uint32_t n = m ? m->pkt_len : 0;

	assert_true(n <= buf_bytes);
	if (m) {
		const uint8_t *p = rte_pktmbuf_read(m, 0, n, buf);

		if (p != buf)
			memcpy(buf, p, n);
	}
	rte_pktmbuf_free(m);
	return n;
}

static void test_not_tls(void **state)
{
	static const char *const words[] = { "GET / HTTP/1.1\r\n\r\n", "EHLO x\r\n", "a", "\x80\x2e\x01\x00\x02", "\x16\x16" };
	static const uint8_t alert[7] = { 21, 3, 3, 0, 2, 2, 10 };
	uint8_t out[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct tls_session *s = tls_session_new(server_ctx);

		tls_input(s, pair_data(words[i], (uint32_t)strlen(words[i])));
		assert_int_equal(tls_handshake(s), TLS_FAILED);
		assert_int_equal(tls_session_error(s), TLS_ERR_NOT_TLS);
		assert_int_equal(take_output(s, out, sizeof(out)), sizeof(alert));
		assert_memory_equal(out, alert, sizeof(alert));
		assert_int_equal(tls_handshake(s), TLS_FAILED);
		tls_session_free(s);
	}
}

/* Records that look right outside and hold noise. */
static void test_garbage(void **state)
{
	uint64_t seed = 1;
	uint8_t record[600], out[256];
	uint32_t n, i;
	int round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		struct tls_session *s = tls_session_new(server_ctx);
		enum tls_status status;

		n = 5 + (uint32_t)next_random(&seed) % 500;
		for (i = 0; i < n; i++)
			record[i] = (uint8_t)next_random(&seed);
		record[0] = 22;
		record[1] = 3;
		record[2] = 1;
		if (round % 2) {
			record[3] = (uint8_t)((n - 5) >> 8);
			record[4] = (uint8_t)(n - 5);
			record[5] = 1;
		}
		tls_input(s, pair_data(record, n));
		status = tls_handshake(s);
		assert_true(status == TLS_FAILED || status == TLS_WANT_INPUT);
		if (status == TLS_FAILED) {
			n = take_output(s, out, sizeof(out));
			assert_int_equal(n, 7);
			assert_int_equal(out[0], 21);
			assert_int_equal(out[5], 2);
		}
		tls_session_free(s);
	}
}

/* A ClientHello that goes on for ever, in records that are each all right. */
static void test_endless_hello(void **state)
{
	struct tls_session *s = tls_session_new(server_ctx);
	uint8_t record[5 + 16384] = { 22, 3, 1, 0x40, 0 };
	enum tls_status status = TLS_WANT_INPUT;
	uint32_t sent = 0;

	(void)state;
	/* A handshake message of 16 MB less one: type ClientHello, length ff ff ff. */
	record[5] = 1;
	record[6] = record[7] = record[8] = 0xff;
	while (status == TLS_WANT_INPUT && sent < 2 * TLS_HANDSHAKE_MAX_BYTES) {
		tls_input(s, pair_data(record, sizeof(record)));
		status = tls_handshake(s);
		sent += sizeof(record);
	}
	assert_int_equal(status, TLS_FAILED);
	assert_true(sent <= TLS_HANDSHAKE_MAX_BYTES + sizeof(record));
	tls_session_free(s);
}

/* The same with a message that the library would take: many small fragments of a plausible length. */
static void test_slow_hello(void **state)
{
	struct tls_session *s = tls_session_new(server_ctx);
	uint8_t record[5 + 64] = { 22, 3, 1, 0, 64 };
	enum tls_status status = TLS_WANT_INPUT;
	uint32_t sent = 0;

	(void)state;
	record[5] = 1;
	record[7] = 0x3f;
	while (status == TLS_WANT_INPUT && sent < 2 * TLS_HANDSHAKE_MAX_BYTES) {
		tls_input(s, pair_data(record, sizeof(record)));
		status = tls_handshake(s);
		sent += sizeof(record);
		memset(record + 5, 0, 64);
	}
	assert_int_equal(status, TLS_FAILED);
	tls_session_free(s);
}

/* Half a record waits in mbufs, and few of them: the library's memory isn't touched. */
static void test_half_record(void **state)
{
	struct tls_session *s = tls_session_new(server_ctx);
	size_t idle = tls_worker_heap_used();
	uint8_t header[5] = { 22, 3, 1, 0x3f, 0xff }, byte = 1;
	int i;

	(void)state;
	tls_input(s, pair_data(header, sizeof(header)));
	for (i = 0; i < 16000; i++) {
		tls_input(s, pair_data(&byte, 1));
		assert_int_equal(tls_handshake(s), TLS_WANT_INPUT);
	}
	assert_int_equal(tls_input_bytes(s), 16005);
	assert_int_equal(tls_worker_heap_used(), idle);
	assert_true(pair_mbufs_out() < 12);
	tls_session_free(s);
}

/* A flipped bit: what came before it is delivered, then the session fails, and says so to the peer. */
static void test_tampered(void **state)
{
	uint8_t buf[40000];
	struct rte_mbuf *m;
	struct pair p;
	uint32_t n;
	int v;

	(void)state;
	for (v = 0; v < 2; v++) {
		pair_init(&p, v ? client12_ctx : client_ctx, server_ctx);
		assert_int_equal(pair_handshake(&p), TLS_OK);
		assert_int_equal(tls_write(p.client, pair_bytes(0, 1000)), TLS_OK);
		assert_int_equal(tls_write(p.client, pair_bytes(1000, 20000)), TLS_OK);
		n = take_output(p.client, buf, sizeof(buf));
		buf[n - 3000] ^= 4;
		tls_input(p.server, pair_data(buf, n));
		assert_int_equal(tls_read(p.server, &m, 100000), TLS_OK);
		assert_true(pair_check(m, 0) >= 1000);
		assert_int_equal(tls_read(p.server, &m, 100000), TLS_FAILED);
		assert_null(m);
		assert_int_equal(tls_session_error(p.server), TLS_ERR_RECORD);
		assert_true(take_output(p.server, buf, sizeof(buf)) > 5);
		pair_fini(&p);
	}
}

static void test_key_update(void **state)
{
	struct rte_mbuf *m;
	struct pair p;
	uint64_t up = 0, down = 0;
	int i;

	(void)state;
	pair_init(&p, client_ctx, server_ctx);
	assert_int_equal(pair_handshake(&p), TLS_OK);
	for (i = 0; i < 20; i++) {
		assert_true(record_update_keys(p.client, true));
		assert_int_equal(tls_write(p.client, pair_bytes(up, 3000)), TLS_OK);
		pair_carry(&p);
		assert_int_equal(tls_read(p.server, &m, 100000), TLS_WANT_INPUT);
		up += pair_check(m, up);
		assert_int_equal(tls_write(p.server, pair_bytes(down, 3000)), TLS_OK);
		pair_carry(&p);
		assert_int_equal(tls_read(p.client, &m, 100000), TLS_WANT_INPUT);
		down += pair_check(m, down);
	}
	assert_int_equal(up, 60000);
	assert_int_equal(down, 60000);
	/* And nothing but key updates: work without data, which ends. */
	for (i = 0; i < 100; i++) {
		record_update_keys(p.client, true);
		pair_carry(&p);
		tls_read(p.server, &m, 100000);
		assert_null(m);
		if (tls_session_error(p.server) != TLS_ERR_NONE)
			break;
		tls_read(p.client, &m, 100000);
	}
	assert_int_equal(tls_session_error(p.server), TLS_ERR_RECORD);
	assert_true(i < 70);
	pair_fini(&p);
}

/* A turn is bounded: much that came at once is read in several. */
static void test_budget(void **state)
{
	enum tls_status status;
	struct rte_mbuf *m;
	struct pair p;
	uint64_t up = 0;
	int turns = 0;

	(void)state;
	pair_init(&p, client_ctx, server_ctx);
	assert_int_equal(pair_handshake(&p), TLS_OK);
	assert_int_equal(tls_write(p.client, pair_bytes(0, 500000)), TLS_OK);
	pair_carry(&p);
	do {
		status = tls_read(p.server, &m, 20000);
		assert_true(!m || m->pkt_len <= 20000 + TLS_RECORD_MAX_BYTES);
		up += pair_check(m, up);
		turns++;
	} while (status == TLS_OK);
	assert_int_equal(status, TLS_WANT_INPUT);
	assert_int_equal(up, 500000);
	assert_true(turns >= 15);
	pair_fini(&p);
}

/* Handshake, data, close, with the @nth allocation refused. True: it went through without reaching it. */
static bool with_failure(struct tls_ctx *client, uint64_t nth)
{
	struct pair p = { .chunk_min = 1448, .chunk_max = 1448, .seed = 1 };
	enum tls_status status;
	struct rte_mbuf *m;
	bool all = false;

	tls_heap_fail_nth(nth);
	p.client = tls_session_new(client);
	p.server = p.client ? tls_session_new(server_ctx) : NULL;
	if (p.server && pair_handshake(&p) == TLS_OK && tls_handshake(p.client) == TLS_OK &&
	    tls_write(p.client, pair_bytes(0, 20000)) == TLS_OK) {
		pair_carry(&p);
		status = tls_read(p.server, &m, 100000);
		all = pair_check(m, 0) == 20000 && status == TLS_WANT_INPUT;
		tls_close(p.server);
		pair_carry(&p);
		all = all && tls_read(p.client, &m, 1000) == TLS_CLOSED;
	}
	all = all && tls_heap_fail_nth(0) > 0;
	tls_heap_fail_nth(0);
	pair_fini(&p);
	return all;
}

static void test_every_allocation_fails(void **state)
{
	struct pair neighbour;
	struct rte_mbuf *m;
	size_t before;
	uint64_t nth;
	int v;

	(void)state;
	pair_init(&neighbour, client_ctx, server_ctx);
	assert_int_equal(pair_handshake(&neighbour), TLS_OK);
	before = tls_worker_heap_used();
	for (v = 0; v < 2; v++) {
		for (nth = 1; !with_failure(v ? client12_ctx : client_ctx, nth); nth++) {
			assert_int_equal(tls_worker_heap_used(), before);
			assert_true(nth < 2000);
		}
		assert_true(nth > 50);
		assert_int_equal(tls_worker_heap_used(), before);
	}
	assert_int_equal(tls_write(neighbour.client, pair_bytes(0, 5000)), TLS_OK);
	pair_carry(&neighbour);
	assert_int_equal(tls_read(neighbour.server, &m, 100000), TLS_WANT_INPUT);
	assert_int_equal(pair_check(m, 0), 5000);
	pair_fini(&neighbour);
}

/* The arena full: new sessions are refused, the others go on. */
static void test_heap_full(void **state)
{
	struct tls_session *many[20000];
	struct pair p, late;
	struct rte_mbuf *m;
	uint32_t n = 0;

	(void)state;
	pair_init(&p, client_ctx, server_ctx);
	assert_int_equal(pair_handshake(&p), TLS_OK);
	pair_init(&late, client_ctx, server_ctx);
	assert_int_equal(tls_handshake(late.client), TLS_WANT_INPUT);
	/* A client's takes its library at once, a server's with the ClientHello. */
	while (n < 20000 && (many[n] = tls_session_new(client_ctx)))
		n++;
	assert_true(n > 500 && n < 20000);
	tls_input(late.server, tls_output(late.client));
	assert_int_equal(tls_handshake(late.server), TLS_FAILED);
	assert_int_equal(tls_session_error(late.server), TLS_ERR_MEMORY);
	pair_fini(&late);
	/* One freed makes the room that a record of an established session needs. */
	while (n > 0 && n % 16)
		tls_session_free(many[--n]);
	assert_int_equal(tls_write(p.client, pair_bytes(0, 1000)), TLS_OK);
	pair_carry(&p);
	assert_int_equal(tls_read(p.server, &m, 100000), TLS_WANT_INPUT);
	assert_int_equal(pair_check(m, 0), 1000);
	while (n > 0)
		tls_session_free(many[--n]);
	pair_fini(&p);
}

static void test_mbufs_gone(void **state)
{
	static struct rte_mbuf *held[8192];
	struct rte_mbuf *m, *plain;
	struct pair p, other;
	uint32_t n = 0;

	(void)state;
	pair_init(&p, client_ctx, server_ctx);
	pair_init(&other, client_ctx, server_ctx);
	assert_int_equal(pair_handshake(&p), TLS_OK);
	assert_int_equal(pair_handshake(&other), TLS_OK);
	plain = pair_bytes(0, 20000);
	while (n < 8192 && (held[n] = rte_pktmbuf_alloc(pair_mempool())))
		n++;
	assert_int_equal(tls_write(p.server, plain), TLS_FAILED);
	assert_int_equal(tls_session_error(p.server), TLS_ERR_MEMORY);
	while (n > 0)
		rte_pktmbuf_free(held[--n]);
	assert_int_equal(tls_write(other.client, pair_bytes(0, 1000)), TLS_OK);
	pair_carry(&other);
	assert_int_equal(tls_read(other.server, &m, 100000), TLS_WANT_INPUT);
	assert_int_equal(pair_check(m, 0), 1000);
	pair_fini(&p);
	pair_fini(&other);
}

/* Cut off anywhere in the handshake: nothing stays behind. */
static void test_truncated(void **state)
{
	uint8_t hello[4096];
	struct pair p;
	uint32_t n, cut;

	(void)state;
	for (cut = 1;; cut += 37) {
		pair_init(&p, client_ctx, server_ctx);
		assert_int_equal(tls_handshake(p.client), TLS_WANT_INPUT);
		n = take_output(p.client, hello, sizeof(hello));
		if (cut > n) {
			pair_fini(&p);
			break;
		}
		tls_input(p.server, pair_data(hello, cut));
		assert_int_equal(tls_handshake(p.server), TLS_WANT_INPUT);
		pair_fini(&p);
	}
}

/* The server's answer doesn't please the client, which has no keys yet: its alert is in the clear. */
static void plain_alert(struct tls_ctx *client, const uint8_t *record, uint32_t bytes, bool is_one, uint8_t alert)
{
	uint8_t flight[8192];
	struct pair p;
	uint32_t n;

	pair_init(&p, client, server_ctx);
	assert_int_equal(tls_handshake(p.client), TLS_WANT_INPUT);
	n = take_output(p.client, flight, sizeof(flight));
	tls_input(p.server, pair_data(flight, n));
	assert_int_equal(tls_handshake(p.server), TLS_WANT_INPUT);
	take_output(p.server, flight, sizeof(flight));
	tls_input(p.server, pair_data(record, bytes));
	assert_int_equal(tls_handshake(p.server), TLS_FAILED);
	assert_int_equal(tls_session_error(p.server) == TLS_ERR_ALERT, is_one);
	assert_int_equal(tls_session_alert(p.server), alert);
	if (is_one)
		assert_int_equal(take_output(p.server, flight, sizeof(flight)), 0);
	pair_fini(&p);
}

static void test_plain_alerts(void **state)
{
	static const uint8_t fatal[] = { 21, 3, 3, 0, 2, 2, 48 }, bye[] = { 21, 3, 3, 0, 2, 1, 0 },
			     long_one[] = { 21, 3, 3, 0, 3, 2, 48, 0 };

	(void)state;
	plain_alert(client_ctx, fatal, sizeof(fatal), true, 48);
	plain_alert(client12_ctx, fatal, sizeof(fatal), true, 48);
	plain_alert(client_ctx, bye, sizeof(bye), true, 0);
	plain_alert(client12_ctx, bye, sizeof(bye), true, 0);
	plain_alert(client_ctx, long_one, sizeof(long_one), false, TLS_ALERT_NONE);
	assert_string_equal(tls_alert_name(48), "unknown_ca");
	assert_string_equal(tls_alert_name(121), "ech_required");
	assert_string_equal(tls_alert_name(200), "unassigned");
	assert_string_equal(tls_alert_name(TLS_ALERT_NONE), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_endless_hello),
		cmocka_unit_test(test_slow_hello),
		cmocka_unit_test(test_half_record),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_key_update),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_every_allocation_fails),
		cmocka_unit_test(test_heap_full),
		cmocka_unit_test(test_mbufs_gone),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_plain_alerts),
	};

	return cmocka_run_group_tests_name("tls_hostile", tests, start, stop);
}
