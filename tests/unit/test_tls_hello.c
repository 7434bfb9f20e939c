/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ways to and through a handshake that are allowed and seldom taken: messages in
 * pieces, a second ClientHello, chains that fill several records, TLS 1.2 without
 * extended master secret; with the library at the other end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls/ca.h"
#include "tls/record.h"
#include "tls_reference.h"

static struct tls_cert *cert;
static struct tls_ctx *server_ctx;
static struct tls_tickets *tickets;
static struct reference peer;

static int start(void **state)
{
	(void)state;
	pair_start();
	cert = pair_cert("p256");
	server_ctx = pair_server_ctx(cert, (struct tls_settings){ 0 });
	tickets = tls_tickets_new(NULL, 3600);
	tls_worker_set_tickets(tickets);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tls_ctx_free(server_ctx);
	tls_cert_free(cert);
	tls_tickets_free(tickets);
	assert_int_equal(tls_worker_heap_used(), 0);
	pair_stop();
	assert_int_equal(pair_mbufs_out(), 0);
	return 0;
}

/* What the peer has put out, its handshake messages that are in the clear cut into records of @piece bytes. */
static void cut_records(uint32_t piece)
{
	static uint8_t cut[REFERENCE_BYTES];
	uint32_t at = 0, to = 0, n, left;
	bool clear = true;

	while (at < peer.out_bytes) {
		const uint8_t *record = peer.out + at, *from = record + RECORD_HEADER_BYTES;

		/* In TLS 1.2 all that follows is sealed. */
		clear = clear && (record[0] != RECORD_CHANGE_CIPHER_SPEC || wolfSSL_version(peer.library) == TLS_VERSION_1_3);
		n = left = (uint32_t)record[3] << 8 | record[4];
		at += RECORD_HEADER_BYTES + n;
		do {
			if (record[0] == RECORD_HANDSHAKE && clear && n > piece)
				n = piece;
			assert_true(to + RECORD_HEADER_BYTES + n <= sizeof(cut));
			memcpy(cut + to, record, RECORD_HEADER_BYTES);
			cut[to + 3] = (uint8_t)(n >> 8);
			cut[to + 4] = (uint8_t)n;
			memcpy(cut + to + RECORD_HEADER_BYTES, from, n);
			to += RECORD_HEADER_BYTES + n;
			from += n;
			left -= n;
			n = left;
		} while (left > 0);
	}
	memcpy(peer.out, cut, to);
	peer.out_bytes = to;
}

/* As reference_handshake, @before acting on what the peer sends; our status. */
static enum tls_status shake(struct tls_session *s, void (*before)(uint32_t), uint32_t with)
{
	enum tls_status status;
	int done;

	do {
		done = wolfSSL_negotiate(peer.library);
		if (before)
			before(with);
		reference_carry(&peer, s);
		status = tls_handshake(s);
		if (status == TLS_OK && done == WOLFSSL_SUCCESS)
			break;
	} while (status != TLS_FAILED && reference_carry(&peer, s));
	reference_carry(&peer, s);
	return status;
}

static void talk(struct tls_session *s)
{
	static uint8_t text[20000], got[20000];
	enum tls_status status;
	struct rte_mbuf *m;
	uint32_t up = 0, n;
	int down = 0, r;

	for (n = 0; n < sizeof(text); n++)
		text[n] = (uint8_t)(n * 3 + n / 256);
	assert_int_equal(wolfSSL_write(peer.library, text, sizeof(text)), sizeof(text));
	assert_int_equal(tls_write(s, pair_data(text, sizeof(text))), TLS_OK);
	reference_carry(&peer, s);
	do {
		struct rte_mbuf *i;

		status = tls_read(s, &m, 100000);
		for (i = m; i; up += i->data_len, i = i->next)
			assert_memory_equal(rte_pktmbuf_mtod(i, uint8_t *), text + up, i->data_len);
		rte_pktmbuf_free(m);
	} while (status == TLS_OK);
	assert_int_equal(up, sizeof(text));
	while ((r = wolfSSL_read(peer.library, got + down, (int)sizeof(got) - down)) > 0)
		down += r;
	assert_int_equal(down, sizeof(text));
	assert_memory_equal(got, text, sizeof(text));
}

static void part(struct tls_session *s)
{
	tls_session_free(s);
	reference_fini(&peer);
}

static const uint16_t suites[] = { 0x1301, 0xc02b };	/* of TLS 1.3, 1.2 */

/* A ClientHello, and TLS 1.2's key exchange, in records of a few bytes (RFC 8446 5.1), in segments of a few, too. */
static void test_pieces(void **state)
{
	static const uint32_t pieces[] = { 1, 2, 3, 4, 5, 16, 100, 511 };
	struct tls_session *s;
	size_t v, i, way;

	(void)state;
	for (v = 0; v < 2; v++)
		for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
			for (way = 0; way < 2; way++) {
				s = tls_session_new(server_ctx);
				reference_init(&peer, NULL, tls_suite_lookup(suites[v]));
				peer.chunk_min = 1;
				peer.chunk_max = way ? 1 : 1448;
				if (shake(s, cut_records, pieces[i]) != TLS_OK)
					fail_msg("TLS 1.%zu, records of %u: %s", 3 - v, pieces[i], tls_error_name(tls_session_error(s)));
				talk(s);
				part(s);
			}
}

/* A client without a key share, or with one of a group that we don't have, is asked again (RFC 8446 4.1.4). */
static void test_retry(void **state)
{
	struct tls_session *s;
	struct tls_info info;
	int way;

	(void)state;
	for (way = 0; way < 4; way++) {
		s = tls_session_new(server_ctx);
		reference_init(&peer, NULL, tls_suite_lookup(0x1301));
		assert_int_equal(wolfSSL_NoKeyShares(peer.library), WOLFSSL_SUCCESS);
		peer.chunk_min = 1;
		peer.chunk_max = way & 1 ? 1 : 1448;
		if (shake(s, way & 2 ? cut_records : NULL, 100) != TLS_OK)
			fail_msg("way %d: %s, the library: %d", way, tls_error_name(tls_session_error(s)), wolfSSL_get_error(peer.library, 0));
		tls_session_info(s, &info);
		assert_string_equal(info.version, "TLSv1.3");
		assert_true(info.group[0]);
		talk(s);
		part(s);
	}
}

/* change_cipher_spec for the sake of middleboxes: one or many are dropped, and what only looks like it isn't. */
static void put_ccs(uint32_t what)
{
	static uint32_t hellos;
	const uint8_t good[] = { 20, 3, 3, 0, 1, 1 }, value[] = { 20, 3, 3, 0, 1, 2 }, longer[] = { 20, 3, 3, 0, 2, 1, 1 };
	const uint8_t *record = what == 3 ? value : what == 4 ? longer : good;
	uint32_t n = what == 4 ? sizeof(longer) : sizeof(good), times = what == 2 ? 100 : 1;

	if (what == 0) {
		hellos = 0;
		return;
	}
	/* Behind the first ClientHello; way 5: before it. */
	if (peer.out_bytes == 0 || hellos++ != 0)
		return;
	if (what == 5) {
		memmove(peer.out + n, peer.out, peer.out_bytes);
		memcpy(peer.out, record, n);
		peer.out_bytes += n;
		return;
	}
	for (; times > 0; times--) {
		memcpy(peer.out + peer.out_bytes, record, n);
		peer.out_bytes += n;
	}
}

static void test_change_cipher_spec(void **state)
{
	static const struct {
		uint32_t what;
		enum tls_error error;
		int alert;
	} wanted[] = { { 1, TLS_ERR_NONE, -1 }, { 2, TLS_ERR_NONE, -1 }, { 3, TLS_ERR_RECORD, 10 }, { 4, TLS_ERR_RECORD, 10 },
		       { 5, TLS_ERR_NOT_TLS, 10 } };
	struct tls_session *s;
	WOLFSSL_ALERT_HISTORY heard;
	enum tls_status status;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		s = tls_session_new(server_ctx);
		reference_init(&peer, NULL, tls_suite_lookup(0x1301));
		put_ccs(0);
		status = shake(s, put_ccs, wanted[i].what);
		if (tls_session_error(s) != wanted[i].error)
			fail_msg("way %u: %s", wanted[i].what, tls_error_name(tls_session_error(s)));
		if (wanted[i].error == TLS_ERR_NONE) {
			assert_int_equal(status, TLS_OK);
			talk(s);
		} else {
			wolfSSL_negotiate(peer.library);
			wolfSSL_read(peer.library, peer.out, 1);
			assert_int_equal(wolfSSL_get_alert_history(peer.library, &heard), WOLFSSL_SUCCESS);
			assert_int_equal(heard.last_rx.code, wanted[i].alert);
		}
		part(s);
	}
}

/* Of 128 letters, each of four bytes: the longest that a name may hold. */
static const char *long_text(void)
{
	static char text[128 * 4 + 1];
	int i;

	for (i = 0; i < 128; i++)
		memcpy(text + i * 4, "\xf0\x90\x80\x80", 4);
	return text;
}

/* A certificate under @links copies of its CA's, whose name has @attributes long parts. */
static struct tls_cert *long_chain(int links, int attributes)
{
	struct tls_subject who = { .common_name = "Test CA" }, leaf = { .common_name = "imap.example.test" };
	char err[256], *ca, *request_text, *issued, *key_text, *chain;
	struct tls_key *ca_key, *key;
	struct tls_request request;
	struct tls_cert *c;
	int i;

	who.organisation = long_text();
	who.unit = attributes > 1 ? long_text() : NULL;
	who.city = attributes > 2 ? long_text() : NULL;
	ca_key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	ca = tls_ca_make(ca_key, &who, 30, time(NULL), err, sizeof(err));
	request_text = tls_request_make(key, &leaf, err, sizeof(err));
	if (!ca || !request_text)
		fail_msg("%s", err);
	assert_int_equal(tls_request_read((struct der){ (uint8_t *)request_text, strlen(request_text) }, &request, err,
					  sizeof(err)), 0);
	issued = tls_ca_issue((struct der){ (uint8_t *)ca, strlen(ca) }, ca_key, &request, 20, time(NULL), err, sizeof(err));
	key_text = tls_key_to_pem(key);
	chain = calloc(1, strlen(issued) + (size_t)links * strlen(ca) + 1);
	strcat(chain, issued);
	for (i = 0; i < links; i++)
		strcat(chain, ca);
	c = tls_cert_load((struct der){ (uint8_t *)chain, strlen(chain) }, (struct der){ (uint8_t *)key_text, strlen(key_text) },
			  err, sizeof(err));
	if (!c)
		fail_msg("%s", err);
	tls_request_fini(&request);
	tls_key_text_free(key_text);
	tls_key_free(ca_key);
	tls_key_free(key);
	free(chain);
	free(ca);
	free(request_text);
	free(issued);
	return c;
}

/* Certificate messages of 17 and 26 KB: more than a record holds (RFC 8446 5.1), in both roles. */
static void test_long_chains(void **state)
{
	struct tls_settings settings;
	struct rte_mbuf *m;
	struct tls_cert *c;
	struct pair p;
	int attributes;
	size_t v;

	(void)state;
	for (attributes = 2; attributes <= 3; attributes++) {
		c = long_chain(attributes == 2 ? 7 : 8, attributes);
		for (v = 0; v < 2; v++) {
			struct tls_ctx *server, *client;

			settings = (struct tls_settings){ .max_version = v ? TLS_VERSION_1_2 : 0 };
			server = pair_server_ctx(c, settings);
			client = pair_client_ctx(settings);
			pair_init(&p, client, server);
			if (pair_handshake(&p) != TLS_OK)
				fail_msg("%d attributes, TLS 1.%zu: %s, client %s, %llu bytes", attributes, 3 - v,
					 tls_error_name(tls_session_error(p.server)), tls_error_name(tls_session_error(p.client)),
					 (unsigned long long)p.to_client_bytes);
			assert_true(p.to_client_bytes > (attributes == 2 ? 17000 : 26000));
			assert_int_equal(tls_write(p.server, pair_bytes(0, 50000)), TLS_OK);
			pair_carry(&p);
			assert_int_equal(tls_read(p.client, &m, 100000), TLS_WANT_INPUT);
			assert_int_equal(pair_check(m, 0), 50000);
			pair_fini(&p);
			tls_ctx_free(server);
			tls_ctx_free(client);
		}
		tls_cert_free(c);
	}
}

/* TLS 1.2 with extended master secret and without (RFC 7627), and one session after the other. */
static bool meet_12(bool extended, WOLFSSL_SESSION *before, WOLFSSL_SESSION **after)
{
	struct tls_session *s = tls_session_new(server_ctx);
	struct tls_info info;

	reference_init(&peer, NULL, tls_suite_lookup(0xc02b));
	wolfSSL_UseSessionTicket(peer.library);
	if (before)
		assert_int_equal(wolfSSL_set_session(peer.library, before), WOLFSSL_SUCCESS);
	if (!extended)
		assert_int_equal(wolfSSL_DisableExtendedMasterSecret(peer.library), WOLFSSL_SUCCESS);
	assert_int_equal(shake(s, NULL, 0), TLS_OK);
	tls_session_info(s, &info);
	talk(s);
	*after = wolfSSL_get1_session(peer.library);
	part(s);
	return info.resumed;
}

static void test_extended_master(void **state)
{
	WOLFSSL_SESSION *with, *without, *next;

	(void)state;
	assert_false(meet_12(true, NULL, &with));
	assert_true(meet_12(true, with, &next));
	wolfSSL_SESSION_free(next);
	/* Without, a client is served, and nothing is resumed: neither what had it nor what it leaves itself. */
	assert_false(meet_12(false, NULL, &without));
	assert_false(meet_12(false, without, &next));
	wolfSSL_SESSION_free(next);
	assert_false(meet_12(true, without, &next));
	wolfSSL_SESSION_free(next);
	assert_false(meet_12(false, with, &next));
	wolfSSL_SESSION_free(next);
	wolfSSL_SESSION_free(with);
	wolfSSL_SESSION_free(without);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_change_cipher_spec),
		cmocka_unit_test(test_long_chains),
		cmocka_unit_test(test_extended_master),
	};

	return cmocka_run_group_tests_name("tls_hello", tests, start, stop);
}
