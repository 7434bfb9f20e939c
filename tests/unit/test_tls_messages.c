/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes after the handshake besides data, over our record layer: handshake
 * messages in pieces, work without data, keys that are used up, ends and cuts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tls_forge.h"
#include "tls_reference.h"

static struct tls_cert *cert;
static struct tls_ctx *server_ctx, *client_ctxs[2];	/* of TLS 1.3, 1.2 */
static struct reference peer;

static const uint8_t key_update[5] = { 24, 0, 0, 1, 0 }, key_update_asking[5] = { 24, 0, 0, 1, 1 };

static int start(void **state)
{
	(void)state;
	pair_start();
	cert = pair_cert("p256");
	server_ctx = pair_server_ctx(cert, (struct tls_settings){ 0 });
	client_ctxs[0] = pair_client_ctx((struct tls_settings){ .min_version = TLS_VERSION_1_3 });
	client_ctxs[1] = pair_client_ctx((struct tls_settings){ .max_version = TLS_VERSION_1_2 });
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tls_ctx_free(server_ctx);
	tls_ctx_free(client_ctxs[0]);
	tls_ctx_free(client_ctxs[1]);
	tls_cert_free(cert);
	assert_int_equal(tls_worker_heap_used(), 0);
	pair_stop();
	assert_int_equal(pair_mbufs_out(), 0);
	return 0;
}

static void meet(struct pair *p, int version)
{
	pair_init(p, client_ctxs[version], server_ctx);
	assert_int_equal(pair_handshake(p), TLS_OK);
}

/* Reads all that has come, checked from the stream's start; how much it was. */
static uint32_t drain(struct tls_session *s, enum tls_status *status)
{
	struct rte_mbuf *m;
	uint32_t bytes = 0;

	do {
		*status = tls_read(s, &m, 20000);
		bytes += pair_check(m, bytes);
	} while (*status == TLS_OK);
	return bytes;
}

/* Data both ways, under the keys that both have now. */
static void talk(struct pair *p)
{
	enum tls_status status;

	assert_int_equal(tls_write(p->client, pair_bytes(0, 5000)), TLS_OK);
	assert_int_equal(tls_write(p->server, pair_bytes(0, 5000)), TLS_OK);
	pair_carry(p);
	assert_int_equal(drain(p->server, &status), 5000);
	assert_int_equal(status, TLS_WANT_INPUT);
	assert_int_equal(drain(p->client, &status), 5000);
	assert_int_equal(status, TLS_WANT_INPUT);
}

/* From the client; bit i of @cuts is a new record before byte i + 1. */
static void send_cut(struct pair *p, const uint8_t *message, uint32_t bytes, uint32_t cuts, uint32_t padding)
{
	uint32_t from = 0, i;

	for (i = 1; i <= bytes; i++) {
		if (i < bytes && !(cuts >> (i - 1) & 1))
			continue;
		forge_into(p->client, p->server, RECORD_HANDSHAKE, message + from, i - from, padding);
		from = i;
	}
}

/* The client's next records are sealed with its next key. */
static void next_key(struct tls_session *s)
{
	aead_forget(&tls_worker->aeads, &s->writing);
	assert_true(traffic_keys_update(&s->writing, s->suite));
}

/* A KeyUpdate in every way to cut it (RFC 8446 5.1), and padded. */
static void test_pieces(void **state)
{
	enum tls_status status;
	uint32_t cuts;
	struct pair p;

	(void)state;
	meet(&p, 0);
	for (cuts = 0; cuts < 32; cuts++) {
		send_cut(&p, cuts & 16 ? key_update_asking : key_update, sizeof(key_update), cuts & 15, cuts % 3 * 70);
		next_key(p.client);
		assert_int_equal(drain(p.server, &status), 0);
		assert_int_equal(status, TLS_WANT_INPUT);
		assert_int_equal(p.server->reading.seq, 0);
		assert_int_equal(p.server->writing.seq == 0, cuts == 0 || cuts & 16);
		pair_carry(&p);
		talk(&p);
	}
	pair_fini(&p);
}

/* Two messages in one record, and what may stand between the pieces of one: nothing (RFC 8446 5.1). */
static void test_between(void **state)
{
	static const struct {
		uint8_t type;
		const char *text;
		uint32_t bytes;
	} others[] = { { RECORD_DATA, "x", 1 }, { RECORD_DATA, "", 0 }, { RECORD_ALERT, "\1\x5a", 2 },
		       { RECORD_ALERT, "\1\0", 2 }, { RECORD_CHANGE_CIPHER_SPEC, "\1", 1 } };
	enum tls_status status;
	struct pair p;
	uint32_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		for (n = 1; n < sizeof(key_update); n++) {
			meet(&p, 0);
			forge_into(p.client, p.server, RECORD_HANDSHAKE, key_update, n, 0);
			forge_into(p.client, p.server, others[i].type, others[i].text, others[i].bytes, 0);
			assert_int_equal(drain(p.server, &status), 0);
			assert_int_equal(status, TLS_FAILED);
			assert_int_equal(tls_session_error(p.server), TLS_ERR_RECORD);
			pair_carry(&p);
			drain(p.client, &status);
			assert_int_equal(tls_session_alert(p.client), ALERT_UNEXPECTED_MESSAGE);
			pair_fini(&p);
		}
	}
}

/* Work without data ends, whether it comes at once or by and by, and is answered with little. */
static void test_floods(void **state)
{
	static const struct {
		const char *name;
		bool versions[2];	/* 1.3, 1.2 */
		uint8_t type;
		const void *text;
		uint32_t bytes, padding;
	} floods[] = {
		{ "no data", { true, true }, RECORD_DATA, "", 0, 0 },
		{ "padding", { true, false }, RECORD_DATA, "", 0, 16000 },
		{ "user_canceled", { true, true }, RECORD_ALERT, "\1\x5a", 2, 0 },
		{ "warnings", { false, true }, RECORD_ALERT, "\1\x64", 2, 0 },
		{ "key updates", { true, false }, RECORD_HANDSHAKE, key_update, 5, 0 },
		{ "key updates that ask", { true, false }, RECORD_HANDSHAKE, key_update_asking, 5, 0 },
	};
	enum tls_status status;
	struct rte_mbuf *m;
	struct pair p;
	uint32_t n, bytes;
	size_t i;
	int way;

	(void)state;
	for (i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		for (way = 0; way < 4; way++) {
			if (!floods[i].versions[way / 2])
				continue;
			meet(&p, way / 2);
			for (n = 0, bytes = 0; n < 200 && tls_session_error(p.server) == TLS_ERR_NONE; n++) {
				forge_into(p.client, p.server, floods[i].type, floods[i].text, floods[i].bytes, floods[i].padding);
				if (floods[i].type == RECORD_HANDSHAKE)
					next_key(p.client);
				if (way % 2 && n < 199)
					continue;
				assert_int_equal(drain(p.server, &status), 0);
				m = tls_output(p.server);
				bytes += m ? m->pkt_len : 0;
				rte_pktmbuf_free(m);
			}
			if (tls_session_error(p.server) != TLS_ERR_RECORD || (way % 2 == 0 && n > RECORD_IDLE_MAX + 1) ||
			    bytes > RECORD_IDLE_MAX * 27 + 31)
				fail_msg("%s, way %d: %s after %u records, %u bytes of answer", floods[i].name, way,
					 tls_error_name(tls_session_error(p.server)), n, bytes);
			pair_fini(&p);
		}
	}
}

/* A peer that works a lot, but for its data: that is allowed. */
static void test_busy(void **state)
{
	enum tls_status status;
	struct pair p;
	int round, i;

	(void)state;
	meet(&p, 0);
	for (round = 0; round < 100; round++) {
		for (i = 0; i < 20; i++) {
			forge_into(p.client, p.server, RECORD_DATA, "", 0, 100);
			send_cut(&p, round % 2 ? key_update_asking : key_update, sizeof(key_update), 0, 0);
			next_key(p.client);
		}
		assert_int_equal(drain(p.server, &status), 0);
		pair_carry(&p);
		talk(&p);
	}
	pair_fini(&p);
}

/* What a server may send to our client, and what it may not. */
static void test_client(void **state)
{
	static const uint8_t ticket[] = { 4, 0, 0, 17, 0, 0, 14, 16, 1, 2, 3, 4, 1, 0, 0, 3, 7, 7, 7, 0, 0 },
			     request[] = { 13, 0, 0, 3, 0, 0, 0 }, hello_request[] = { 0, 0, 0, 0 };
	enum tls_status status;
	struct pair p;
	uint32_t n;

	(void)state;
	for (n = 1; n <= sizeof(ticket); n++) {
		meet(&p, 0);
		forge_into(p.server, p.client, RECORD_HANDSHAKE, ticket, n, 0);
		forge_into(p.server, p.client, RECORD_HANDSHAKE, ticket + n, (uint32_t)sizeof(ticket) - n,
			   n == sizeof(ticket) ? 0 : n);
		if (n < sizeof(ticket))
			talk(&p);
		drain(p.client, &status);
		assert_int_equal(tls_session_error(p.client), n < sizeof(ticket) ? TLS_ERR_NONE : TLS_ERR_HANDSHAKE);
		pair_fini(&p);
	}
	/* We didn't offer to show a certificate later (RFC 8446 4.6.2). */
	meet(&p, 0);
	forge_into(p.server, p.client, RECORD_HANDSHAKE, request, sizeof(request), 0);
	drain(p.client, &status);
	assert_int_equal(tls_session_error(p.client), TLS_ERR_HANDSHAKE);
	pair_carry(&p);
	drain(p.server, &status);
	assert_int_equal(tls_session_alert(p.server), ALERT_UNEXPECTED_MESSAGE);
	pair_fini(&p);
	/* TLS 1.2: a wish to negotiate again goes unheard, but not for ever. */
	meet(&p, 1);
	forge_into(p.server, p.client, RECORD_HANDSHAKE, hello_request, sizeof(hello_request), 0);
	talk(&p);
	for (n = 0; n <= RECORD_IDLE_MAX; n++)
		forge_into(p.server, p.client, RECORD_HANDSHAKE, hello_request, sizeof(hello_request), 0);
	drain(p.client, &status);
	assert_int_equal(tls_session_error(p.client), TLS_ERR_RECORD);
	pair_fini(&p);
}

static void meet_library(struct tls_session **s, uint16_t suite)
{
	*s = tls_session_new(server_ctx);
	reference_init(&peer, NULL, tls_suite_lookup(suite));
	reference_handshake(&peer, *s);
}

static void part_library(struct tls_session *s)
{
	tls_session_free(s);
	reference_fini(&peer);
}

/* All that the library can read now; its bytes. */
static int library_reads(void)
{
	static uint8_t text[20000];
	int n, bytes = 0;

	while ((n = wolfSSL_read(peer.library, text, sizeof(text))) > 0)
		bytes += n;
	return bytes;
}

/* Keys that serve for a few records only, with the library at the other end. */
static void test_limit(void **state)
{
	static const uint16_t suites[] = { 0x1301, 0x1302, 0xc02b };	/* TLS 1.3's with AES, and one of 1.2 */
	static uint8_t text[100];
	struct tls_session *s;
	enum tls_status status;
	struct rte_mbuf *m;
	uint32_t asked, i;
	size_t v;

	(void)state;
	for (v = 0; v < 2; v++) {
		meet_library(&s, suites[v]);
		traffic_aes_gcm_records = 4;
		for (i = 0, asked = 0; i < 100; i++) {
			assert_int_equal(tls_write(s, pair_bytes(0, 1000)), TLS_OK);
			assert_true(s->writing.seq <= 4);
			reference_carry(&peer, s);
			assert_int_equal(library_reads(), 1000);
			assert_int_equal(wolfSSL_write(peer.library, text, sizeof(text)), sizeof(text));
			reference_carry(&peer, s);
			status = tls_read(s, &m, 20000);
			assert_true(status == TLS_WANT_INPUT && m && m->pkt_len == sizeof(text));
			rte_pktmbuf_free(m);
			asked += s->update_asked;
			assert_true(s->reading.seq <= 6);
		}
		assert_true(asked >= 10);
		traffic_aes_gcm_records = TRAFFIC_AES_GCM_RECORDS;
		part_library(s);
	}
	/* TLS 1.2 has no other key: the session ends, and not as if it had been cut. */
	meet_library(&s, suites[2]);
	traffic_aes_gcm_records = 4;
	for (i = 0; tls_write(s, pair_bytes(0, 1000)) == TLS_OK; i++)
		assert_true(i < 4);
	assert_int_equal(i, 3);	/* the first was Finished */
	assert_int_equal(tls_session_error(s), TLS_ERR_KEY_LIMIT);
	reference_carry(&peer, s);
	assert_int_equal(library_reads(), 3000);
	assert_int_equal(wolfSSL_get_error(peer.library, 0), WOLFSSL_ERROR_ZERO_RETURN);
	traffic_aes_gcm_records = TRAFFIC_AES_GCM_RECORDS;
	part_library(s);
}

/* close_notify from either side first; what is cut; what comes behind the end. */
static void test_ends(void **state)
{
	static const uint16_t suites[] = { 0x1301, 0xc02b };
	static uint8_t text[3000];
	struct tls_session *s;
	struct rte_mbuf *m;
	size_t v;

	(void)state;
	for (v = 0; v < 2; v++) {
		meet_library(&s, suites[v]);
		tls_close(s);
		reference_carry(&peer, s);
		assert_int_equal(wolfSSL_read(peer.library, text, sizeof(text)), 0);
		assert_int_equal(wolfSSL_get_error(peer.library, 0), WOLFSSL_ERROR_ZERO_RETURN);
		assert_int_equal(wolfSSL_write(peer.library, text, 100), 100);	/* the other way is open still */
		wolfSSL_shutdown(peer.library);
		reference_carry(&peer, s);
		assert_int_equal(tls_read(s, &m, 1000), TLS_CLOSED);
		assert_int_equal(m->pkt_len, 100);
		rte_pktmbuf_free(m);
		assert_int_equal(tls_session_error(s), TLS_ERR_NONE);
		part_library(s);

		meet_library(&s, suites[v]);
		assert_int_equal(wolfSSL_write(peer.library, text, 100), 100);
		wolfSSL_shutdown(peer.library);
		reference_carry(&peer, s);
		assert_int_equal(tls_read(s, &m, 1000), TLS_CLOSED);
		rte_pktmbuf_free(m);
		assert_int_equal(tls_write(s, pair_bytes(0, 1000)), TLS_OK);
		tls_close(s);
		reference_carry(&peer, s);
		assert_int_equal(library_reads(), 1000);
		assert_int_equal(wolfSSL_get_error(peer.library, 0), WOLFSSL_ERROR_ZERO_RETURN);
		part_library(s);

		/* All but the last byte: bytes wait that will never be a record, which splice takes for a cut. */
		meet_library(&s, suites[v]);
		assert_int_equal(wolfSSL_write(peer.library, text, 3000), 3000);
		peer.out_bytes--;
		reference_carry(&peer, s);
		assert_int_equal(tls_read(s, &m, 20000), TLS_WANT_INPUT);
		assert_null(m);
		assert_true(tls_input_bytes(s) > 3000);
		part_library(s);
	}
}

static void test_behind_the_end(void **state)
{
	struct rte_mbuf *m;
	struct pair p;
	int v;

	(void)state;
	for (v = 0; v < 2; v++) {
		meet(&p, v);
		forge_into(p.client, p.server, RECORD_ALERT, "\1\0", 2, 0);
		forge_into(p.client, p.server, RECORD_DATA, "late", 4, 0);
		assert_int_equal(tls_read(p.server, &m, 1000), TLS_CLOSED);
		assert_null(m);
		assert_int_equal(tls_read(p.server, &m, 1000), TLS_CLOSED);
		assert_null(m);
		assert_int_equal(tls_session_error(p.server), TLS_ERR_NONE);
		pair_fini(&p);
	}
}

/* The library hears the alert that we answer with, and as what it was meant. */
static void test_alerts(void **state)
{
	static const struct {
		const char *name;
		uint16_t suite;
		uint8_t type;
		const void *text;
		uint32_t bytes;
		bool flip;
		int alert;
	} wrongs[] = {
		{ "bad tag", 0x1301, RECORD_DATA, "x", 1, true, ALERT_BAD_RECORD_MAC },
		{ "bad tag", 0x1303, RECORD_DATA, "x", 1, true, ALERT_BAD_RECORD_MAC },
		{ "bad tag", 0xc02b, RECORD_DATA, "x", 1, true, ALERT_BAD_RECORD_MAC },
		{ "a ticket", 0x1301, RECORD_HANDSHAKE, "\4\0\0\1", 5, false, ALERT_UNEXPECTED_MESSAGE },
		{ "a wish", 0x1302, RECORD_HANDSHAKE, "\x18\0\0\1\7", 5, false, ALERT_ILLEGAL_PARAMETER },
		{ "too long", 0x1301, RECORD_DATA, NULL, 16385, false, ALERT_RECORD_OVERFLOW },
		{ "too long", 0xc02b, RECORD_DATA, NULL, 16385, false, ALERT_RECORD_OVERFLOW },
		{ "finished", 0xc02b, RECORD_HANDSHAKE, "\x14\0\0\0", 4, false, ALERT_UNEXPECTED_MESSAGE },
	};
	static uint8_t record[FORGE_MAX_BYTES], zeros[16385];
	WOLFSSL_ALERT_HISTORY heard;
	struct tls_session *s, as_peer;
	struct rte_mbuf *m;
	uint32_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		meet_library(&s, wrongs[i].suite);
		as_peer = *s;
		as_peer.writing = s->reading;
		n = forge_record(&as_peer, wrongs[i].type, wrongs[i].text ? wrongs[i].text : zeros, wrongs[i].bytes, 0, record);
		record[n - 1] ^= wrongs[i].flip;
		record_forget(&as_peer);
		tls_input(s, pair_data(record, n));
		assert_int_equal(tls_read(s, &m, 20000), TLS_FAILED);
		assert_null(m);
		reference_carry(&peer, s);
		library_reads();
		assert_int_equal(wolfSSL_get_alert_history(peer.library, &heard), WOLFSSL_SUCCESS);
		if (heard.last_rx.code != wrongs[i].alert || heard.last_rx.level != (int)ALERT_LEVEL_FATAL)
			fail_msg("%s, %04x: alert %d", wrongs[i].name, wrongs[i].suite, heard.last_rx.code);
		part_library(s);
	}
}

/* What a ticket's callback gave back as it was: the library must not send it, the secret would be in it. */
static int leave_open(WOLFSSL *library, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
		      unsigned char iv[WOLFSSL_TICKET_IV_SZ], unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int seal,
		      unsigned char *ticket, int bytes, int *out_bytes, void *how)
{
	(void)library;
	memset(name, 1, WOLFSSL_TICKET_NAME_SZ);
	memset(iv, 1, WOLFSSL_TICKET_IV_SZ);
	memset(mac, 1, WOLFSSL_TICKET_MAC_SZ);
	if (*(const bool *)how)
		ticket[4] ^= 1;
	*out_bytes = bytes;
	return seal ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_REJECT;
}

static void test_open_ticket(void **state)
{
	bool changed;
	int v;

	(void)state;
	for (v = 0; v < 4; v++) {
		struct tls_session *ours = tls_session_new(client_ctxs[v & 1]);
		int done;

		changed = v >= 2;
		reference_init(&peer, cert, NULL);
		assert_int_equal(wolfSSL_CTX_set_TicketEncCb(peer.ctx, leave_open), WOLFSSL_SUCCESS);
		assert_int_equal(wolfSSL_CTX_set_TicketEncCtx(peer.ctx, &changed), WOLFSSL_SUCCESS);
		do {
			done = wolfSSL_negotiate(peer.library);
			tls_handshake(ours);
		} while (reference_carry(&peer, ours));
		if (changed)
			assert_int_equal(done, WOLFSSL_SUCCESS);
		else
			assert_int_equal(wolfSSL_get_error(peer.library, done), BAD_TICKET_ENCRYPT);
		reference_fini(&peer);
		tls_session_free(ours);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_behind_the_end),
		cmocka_unit_test(test_alerts),
		cmocka_unit_test(test_open_ticket),
	};

	return cmocka_run_group_tests_name("tls_messages", tests, start, stop);
}
