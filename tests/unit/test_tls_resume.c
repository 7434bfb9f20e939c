/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session tickets: across workers, contexts and key rotations, and where they must not open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tls/resume.h"
#include "later.h"
#include "tls_pair.h"

static struct tls_cert *cert, *other_cert;
static struct tls_tickets *tickets;

static int start(void **state)
{
	(void)state;
	pair_start();
	cert = pair_cert("p256");
	other_cert = pair_cert("ed25519");
	tickets = tls_tickets_new(NULL, 3600);
	tls_worker_set_tickets(tickets);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tls_cert_free(cert);
	tls_cert_free(other_cert);
	tls_tickets_free(tickets);
	assert_int_equal(tls_worker_heap_used(), 0);
	pair_stop();
	assert_int_equal(pair_mbufs_out(), 0);
	return 0;
}

/* One connection; returns what it leaves for the next, and says whether it was resumed. */
static struct tls_resume *connect_once(struct tls_ctx *client, struct tls_ctx *server, const struct tls_resume *with,
				       bool *resumed)
{
	struct tls_resume *next;
	struct tls_info a, b;
	struct rte_mbuf *m;
	struct pair p;

	pair_init(&p, client, server);
	if (with)
		assert_true(tls_resume_use(p.client, with) || later_s > 3600);	/* too old for the client itself */
	assert_int_equal(pair_handshake(&p), TLS_OK);
	assert_int_equal(tls_write(p.server, pair_bytes(0, 5000)), TLS_OK);
	pair_carry(&p);
	assert_int_equal(tls_read(p.client, &m, 10000), TLS_WANT_INPUT);
	assert_int_equal(pair_check(m, 0), 5000);
	tls_session_info(p.client, &a);
	tls_session_info(p.server, &b);
	assert_int_equal(a.resumed, b.resumed);
	*resumed = b.resumed;
	next = tls_resume_save(p.client);
	pair_fini(&p);
	return next;
}

/* Connects with a server of @first, then with one of @second: was the second resumed? */
static bool resumes(struct tls_settings first, const struct tls_cert *first_cert, struct tls_settings second,
		    const struct tls_cert *second_cert, struct tls_settings client_settings)
{
	struct tls_ctx *a = pair_server_ctx(first_cert, first), *b = pair_server_ctx(second_cert, second);
	struct tls_ctx *client = pair_client_ctx(client_settings);
	struct tls_resume *one, *two;
	bool resumed;

	one = connect_once(client, a, NULL, &resumed);
	assert_false(resumed);
	assert_non_null(one);
	two = connect_once(client, b, one, &resumed);
	tls_resume_free(one);
	tls_resume_free(two);
	tls_ctx_free(a);
	tls_ctx_free(b);
	tls_ctx_free(client);
	return resumed;
}

static void test_other_context(void **state)
{
	struct tls_settings rule = { .binding = "imap" }, other = { .binding = "smtp" };
	struct tls_settings newer = { .binding = "imap", .min_version = TLS_VERSION_1_3 };
	struct tls_settings named = { .binding = "imap", .require_name = true };
	struct tls_settings v13 = { 0 }, v12 = { .max_version = TLS_VERSION_1_2 };
	int v;

	(void)state;
	for (v = 0; v < 2; v++) {
		struct tls_settings c = v ? v12 : v13;

		/* 5.7's client gets lost when a 1.2 server wants a full handshake; openssl's doesn't (test_tls_interop). */
		if (v == 1 && pair_library_is_older())
			break;
		assert_true(resumes(rule, cert, rule, cert, c));	/* another worker's context of the rule */
		assert_false(resumes(rule, cert, other, cert, c));	/* another rule */
		assert_false(resumes(rule, cert, rule, other_cert, c));	/* a new certificate */
		assert_false(resumes(rule, cert, named, cert, c));	/* a stricter policy */
	}
	assert_false(resumes(rule, cert, newer, cert, v13));
}

static void test_rotation(void **state)
{
	struct tls_ctx *server = pair_server_ctx(cert, (struct tls_settings){ 0 });
	struct tls_ctx *client = pair_client_ctx((struct tls_settings){ 0 });
	struct tls_tickets *sets[5] = { tickets };
	struct tls_resume *first, *next;
	bool resumed;
	int i;

	(void)state;
	first = connect_once(client, server, NULL, &resumed);
	for (i = 1; i < 5; i++) {
		sets[i] = tls_tickets_new(sets[i - 1], 3600);
		tls_worker_set_tickets(sets[i]);
		next = connect_once(client, server, first, &resumed);
		assert_non_null(next);	/* always a ticket of the newest key */
		assert_int_equal(resumed, i < (int)TLS_TICKETS_KEYS);
		tls_resume_free(next);
	}
	/* No tickets at all: a handshake as ever. */
	tls_worker_set_tickets(NULL);
	next = connect_once(client, server, first, &resumed);
	assert_false(resumed);
	tls_resume_free(next);
	assert_null(connect_once(client, server, NULL, &resumed));
	tls_worker_set_tickets(tickets);
	tls_resume_free(first);
	for (i = 1; i < 5; i++)
		tls_tickets_free(sets[i]);
	tls_ctx_free(server);
	tls_ctx_free(client);
}

/* For as long as the keys' set says, and no longer; the library's own limits are minutes. */
static void test_age(void **state)
{
	struct tls_ctx *server = pair_server_ctx(cert, (struct tls_settings){ 0 });
	struct tls_resume *first;
	bool resumed;
	int v;

	(void)state;
	for (v = 0; v < 2; v++) {
		struct tls_ctx *client = pair_client_ctx((struct tls_settings){ .max_version = v ? TLS_VERSION_1_2 : 0 });

		first = connect_once(client, server, NULL, &resumed);
		assert_non_null(first);
		later_s = 3500;
		tls_resume_free(connect_once(client, server, first, &resumed));
		assert_true(resumed);
		later_s = 3700;
		tls_resume_free(connect_once(client, server, first, &resumed));
		assert_false(resumed);
		later_s = 0;
		tls_resume_free(first);
		tls_ctx_free(client);
	}
	tls_ctx_free(server);
}

struct remote {
	struct tls_ctx *server;
	uint8_t in[8192], out[8192];
	uint32_t in_bytes, out_bytes;
	pthread_barrier_t *turn;
	bool done, resumed;
	size_t heap_left;
};

static uint32_t copy_out(struct tls_session *s, uint8_t *buf, uint32_t buf_bytes)
{
	struct rte_mbuf *m = tls_output(s);
	uint32_t n = m ? m->pkt_len : 0;
	const uint8_t *p;

	if (m && n <= buf_bytes) {
		p = rte_pktmbuf_read(m, 0, n, buf);
		if (p != buf)
			memcpy(buf, p, n);
	}
	rte_pktmbuf_free(m);
	return n;
}

/* A second worker: its own thread and heap, the same ticket keys. */
static void *second_worker(void *with)
{
	struct remote *r = with;
	struct tls_session *s;
	struct tls_info info;

	if (tls_worker_init(4u << 20, pair_mempool()) != 0)
		return NULL;
	tls_worker_set_tickets(tickets);
	s = tls_session_new(r->server);
	while (s) {
		pthread_barrier_wait(r->turn);	/* the client has written */
		if (r->in_bytes)
			tls_input(s, pair_data(r->in, r->in_bytes));
		if (tls_handshake(s) == TLS_OK) {
			tls_session_info(s, &info);
			r->resumed = info.resumed;
			r->done = true;
		}
		r->out_bytes = copy_out(s, r->out, sizeof(r->out));
		if (r->done)
			break;
		pthread_barrier_wait(r->turn);	/* the client may read */
	}
	tls_session_free(s);
	r->heap_left = tls_worker_heap_used();
	tls_worker_fini();
	pthread_barrier_wait(r->turn);
	return NULL;
}

static void test_other_worker(void **state)
{
	struct tls_ctx *here = pair_server_ctx(cert, (struct tls_settings){ 0 });
	struct tls_ctx *client = pair_client_ctx((struct tls_settings){ 0 });
	struct remote r = { .server = pair_server_ctx(cert, (struct tls_settings){ 0 }), .heap_left = 1 };
	struct tls_resume *first;
	struct tls_session *s;
	pthread_barrier_t turn;
	pthread_t thread;
	bool resumed;

	(void)state;
	first = connect_once(client, here, NULL, &resumed);
	assert_non_null(first);
	pthread_barrier_init(&turn, NULL, 2);
	r.turn = &turn;
	s = tls_session_new(client);
	assert_true(tls_resume_use(s, first));
	assert_int_equal(pthread_create(&thread, NULL, second_worker, &r), 0);
	while (!r.done) {
		tls_handshake(s);
		r.in_bytes = copy_out(s, r.in, sizeof(r.in));
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn);
		if (r.out_bytes)
			tls_input(s, pair_data(r.out, r.out_bytes));
	}
	pthread_join(thread, NULL);
	assert_true(r.resumed);
	assert_int_equal(r.heap_left, 0);
	tls_resume_free(first);
	tls_session_free(s);
	tls_ctx_free(here);
	tls_ctx_free(client);
	tls_ctx_free(r.server);
}

static void test_seal(void **state)
{
	uint8_t binding[32] = { 1 }, other[32] = { 2 }, name[16], iv[16], mac[32], text[100], sealed[100], copy[100];
	struct tls_tickets *next = tls_tickets_new(tickets, 3600);
	time_t now = 1000000;
	uint32_t i;

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	memcpy(sealed, text, sizeof(text));
	assert_int_equal(tls_ticket_seal(tickets, binding, now, name, iv, mac, sealed, sizeof(sealed)), 0);
	assert_memory_not_equal(sealed, text, sizeof(text));
#define OPENS(keys, bind, when) \
	(memcpy(copy, sealed, sizeof(copy)), tls_ticket_open((keys), (bind), (when), name, iv, mac, copy, sizeof(copy)))
	assert_int_equal(OPENS(tickets, binding, now), TLS_TICKET_GOOD);
	assert_memory_equal(copy, text, sizeof(text));
	assert_int_equal(OPENS(next, binding, now + 3600), TLS_TICKET_AGEING);
	assert_int_equal(OPENS(tickets, binding, now + 3601), TLS_TICKET_REFUSED);
	assert_int_equal(OPENS(tickets, binding, now - 61), TLS_TICKET_REFUSED);
	assert_int_equal(OPENS(tickets, other, now), TLS_TICKET_REFUSED);
	/* Every bit counts: name, time, nonce, tag, text. */
	for (i = 0; i < 16 * 8; i++) {
		name[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(OPENS(tickets, binding, now), TLS_TICKET_REFUSED);
		name[i / 8] ^= (uint8_t)(1 << i % 8);
		mac[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(OPENS(tickets, binding, now), TLS_TICKET_REFUSED);
		mac[i / 8] ^= (uint8_t)(1 << i % 8);
		if (i < 12 * 8) {
			iv[i / 8] ^= (uint8_t)(1 << i % 8);
			assert_int_equal(OPENS(tickets, binding, now), TLS_TICKET_REFUSED);
			iv[i / 8] ^= (uint8_t)(1 << i % 8);
		}
	}
	sealed[50] ^= 1;
	assert_int_equal(OPENS(tickets, binding, now), TLS_TICKET_REFUSED);
	assert_null(tls_tickets_new(NULL, 0));
	assert_null(tls_tickets_new(NULL, 8 * 86400));
	tls_tickets_free(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_other_context),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_other_worker),
	};

	return cmocka_run_group_tests_name("tls_resume", tests, start, stop);
}
