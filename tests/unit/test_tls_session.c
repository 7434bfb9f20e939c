/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions, client against server in memory: every version, key, suite and piece size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tls_pair.h"

static const char *const kinds[] = { "p256", "p384", "ed25519", "rsa2048", "rsa3072" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
static struct tls_cert *certs[KINDS];

static int start(void **state)
{
	size_t i;

	(void)state;
	pair_start();
	for (i = 0; i < KINDS; i++)
		certs[i] = pair_cert(kinds[i]);
	return 0;
}

static int stop(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < KINDS; i++)
		tls_cert_free(certs[i]);
	assert_int_equal(tls_worker_heap_used(), 0);
	pair_stop();
	assert_int_equal(pair_mbufs_out(), 0);
	return 0;
}

/* Everything that waits at @s, checked; the stream's position goes on. */
static enum tls_status drain(struct tls_session *s, uint64_t *at)
{
	struct rte_mbuf *m;
	enum tls_status status;

	do {
		status = tls_read(s, &m, 65536);
		*at += pair_check(m, *at);
	} while (status == TLS_OK);
	return status;
}

static void exchange(struct pair *p, uint32_t bytes)
{
	uint64_t up = 0, down = 0;

	assert_int_equal(tls_write(p->client, pair_bytes(0, bytes)), TLS_OK);
	assert_int_equal(tls_write(p->server, pair_bytes(0, bytes)), TLS_OK);
	do {
		drain(p->server, &up);
		drain(p->client, &down);
	} while (pair_carry(p));
	assert_int_equal(up, bytes);
	assert_int_equal(down, bytes);
}

static void test_versions_and_keys(void **state)
{
	static const uint32_t chunks[][2] = { { 1448, 1448 }, { 1, 16384 }, { 1, 100 }, { 1, 1 } };
	struct tls_info info;
	struct pair p;
	size_t k, c;
	int v;

	(void)state;
	for (k = 0; k < KINDS; k++)
		for (v = 1; v >= 0; v--)
			for (c = 0; c < 4; c++) {
				struct tls_settings settings = { .strength_bits = 112 };
				struct tls_ctx *server, *client;

				if (v == 0)
					settings.min_version = TLS_VERSION_1_3;
				else
					settings.max_version = TLS_VERSION_1_2;
				server = pair_server_ctx(certs[k], settings);
				client = pair_client_ctx((struct tls_settings){
					.strength_bits = 112, .min_version = settings.min_version, .max_version = settings.max_version,
					.ca_pem = tls_cert_chain_pem(certs[k]), .server_name = "smtp.example.test" });
				pair_init(&p, client, server);
				p.chunk_min = chunks[c][0];
				p.chunk_max = chunks[c][1];
				if (pair_handshake(&p) != TLS_OK)
					fail_msg("%s: %s / %s", kinds[k], tls_error_name(tls_session_error(p.server)),
						 tls_error_name(tls_session_error(p.client)));
				exchange(&p, 100000);
				tls_session_info(p.server, &info);
				assert_string_equal(info.version, v == 0 ? "TLSv1.3" : "TLSv1.2");
				assert_string_equal(info.sni, "smtp.example.test");
				assert_string_equal(info.group, v == 0 && !pair_library_is_older() ? "X25519MLKEM768" : "X25519");
				assert_string_equal(info.cipher, v == 0 ? "TLS_AES_128_GCM_SHA256" :
						    strncmp(kinds[k], "rsa", 3) == 0 ? "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" :
						    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
				assert_int_equal(info.strength_bits, 128);
				assert_false(info.resumed);
				pair_fini(&p);
				tls_ctx_free(client);
				tls_ctx_free(server);
			}
}


/* Much data both ways at once, small budgets, pieces of every size. */
static void transfer(uint16_t max_version, uint64_t total, uint32_t chunk_max)
{
	struct tls_settings settings = { .max_version = max_version };
	struct tls_ctx *server = pair_server_ctx(certs[0], settings), *client = pair_client_ctx(settings);
	uint64_t sent_up = 0, sent_down = 0, up = 0, down = 0;
	struct rte_mbuf *m;
	struct pair p;
	uint32_t n;

	pair_init(&p, client, server);
	p.chunk_min = 1;
	p.chunk_max = chunk_max;
	assert_int_equal(pair_handshake(&p), TLS_OK);
	while (up < total || down < total) {
		n = (uint32_t)(1 + (up * 7919 + down) % 40000);
		if (sent_up < total) {
			n = n < total - sent_up ? n : (uint32_t)(total - sent_up);
			assert_int_equal(tls_write(p.client, pair_bytes(sent_up, n)), TLS_OK);
			sent_up += n;
		}
		if (sent_down < total) {
			n = n < total - sent_down ? n : (uint32_t)(total - sent_down);
			assert_int_equal(tls_write(p.server, pair_bytes(sent_down, n)), TLS_OK);
			sent_down += n;
		}
		pair_carry(&p);
		while (tls_read(p.server, &m, 4096) == TLS_OK || m)
			up += pair_check(m, up);
		while (tls_read(p.client, &m, 70000) == TLS_OK || m)
			down += pair_check(m, down);
	}
	assert_int_equal(up, total);
	assert_int_equal(down, total);
	pair_fini(&p);
	tls_ctx_free(server);
	tls_ctx_free(client);
}

static void test_transfer(void **state)
{
	(void)state;
	transfer(0, 20000000, 9000);
	transfer(TLS_VERSION_1_2, 5000000, 1448);
}

static void test_write_bound(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 16383, 16384, 16385, 50000, 200000 };
	struct tls_settings settings = { 0 };
	struct tls_ctx *server, *client;
	struct rte_mbuf *m;
	uint32_t records;
	struct pair p;
	size_t i;
	int v;

	(void)state;
	for (v = 0; v < 2; v++) {
		settings.max_version = v ? TLS_VERSION_1_2 : 0;
		server = pair_server_ctx(certs[0], settings);
		client = pair_client_ctx(settings);
		pair_init(&p, client, server);
		assert_int_equal(pair_handshake(&p), TLS_OK);
		rte_pktmbuf_free(tls_output(p.server));
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			assert_int_equal(tls_write(p.server, pair_bytes(0, sizes[i])), TLS_OK);
			m = tls_output(p.server);
			assert_true(m->pkt_len <= tls_write_bytes(sizes[i]));
			assert_true(m->pkt_len > sizes[i]);
			/* The mbufs that the text came in, all full, and per record at most one in front and one behind. */
			records = sizes[i] / TLS_RECORD_MAX_BYTES + 1;
			assert_true(m->nb_segs <= sizes[i] / 2048 + 1 + 2 * records);
			rte_pktmbuf_free(m);
		}
		pair_fini(&p);
		tls_ctx_free(server);
		tls_ctx_free(client);
	}
}

/* close_notify one way leaves the other open. */
static void test_half_close(void **state)
{
	struct tls_settings settings = { 0 };
	struct tls_ctx *server, *client;
	struct rte_mbuf *m;
	struct pair p;
	uint64_t up, down;
	int v;

	(void)state;
	for (v = 0; v < 2; v++) {
		settings.max_version = v ? TLS_VERSION_1_2 : 0;
		server = pair_server_ctx(certs[0], settings);
		client = pair_client_ctx(settings);
		pair_init(&p, client, server);
		assert_int_equal(pair_handshake(&p), TLS_OK);
		up = down = 0;
		assert_int_equal(tls_write(p.client, pair_bytes(0, 30000)), TLS_OK);
		tls_close(p.client);
		tls_close(p.client);
		pair_carry(&p);
		assert_int_equal(drain(p.server, &up), TLS_CLOSED);
		assert_int_equal(up, 30000);
		assert_int_equal(tls_read(p.server, &m, 1000), TLS_CLOSED);
		assert_null(m);
		assert_int_equal(tls_write(p.server, pair_bytes(0, 50000)), TLS_OK);
		pair_carry(&p);
		assert_int_equal(drain(p.client, &down), TLS_WANT_INPUT);
		assert_int_equal(down, 50000);
		tls_close(p.server);
		pair_carry(&p);
		assert_int_equal(drain(p.client, &down), TLS_CLOSED);
		assert_int_equal(tls_session_error(p.client), TLS_ERR_NONE);
		assert_int_equal(tls_session_error(p.server), TLS_ERR_NONE);
		pair_fini(&p);
		tls_ctx_free(server);
		tls_ctx_free(client);
	}
}

/* The status of the server after a handshake of these two, and both errors. */
static void meet(const struct tls_cert *cert, struct tls_settings server_settings, struct tls_settings client_settings,
		 enum tls_error server_error, enum tls_error client_error, struct tls_info *info, char *sni)
{
	uint8_t alert;

	struct tls_ctx *server = pair_server_ctx(cert, server_settings), *client = pair_client_ctx(client_settings);
	struct pair p;

	pair_init(&p, client, server);
	pair_handshake(&p);
	if (tls_session_error(p.server) != server_error || tls_session_error(p.client) != client_error)
		fail_msg("server %s, client %s", tls_error_name(tls_session_error(p.server)),
			 tls_error_name(tls_session_error(p.client)));
	/* Sealed or not, an alert says why. */
	alert = tls_session_alert(server_error == TLS_ERR_ALERT ? p.server : p.client);
	if ((server_error == TLS_ERR_ALERT || client_error == TLS_ERR_ALERT) !=
	    (alert != TLS_ALERT_NONE && alert != 0 && strcmp(tls_alert_name(alert), "unassigned") != 0))
		fail_msg("alert %u, server %s, client %s", alert, tls_error_name(server_error), tls_error_name(client_error));
	/* Whoever got an alert is silent (RFC 8446 6.2). */
	if (client_error == TLS_ERR_ALERT)
		assert_null(tls_output(p.client));
	if (server_error == TLS_ERR_ALERT)
		assert_null(tls_output(p.server));
	if (info) {
		tls_session_info(p.server, info);
		snprintf(sni, 256, "%s|%s", info->sni, info->alpn);
	}
	pair_fini(&p);
	tls_ctx_free(server);
	tls_ctx_free(client);
}

static void test_disagreements(void **state)
{
	struct tls_settings old = { .max_version = TLS_VERSION_1_2 }, new = { .min_version = TLS_VERSION_1_3 };
	struct tls_settings named = { .require_name = true }, none = { 0 };
	struct tls_info info;
	char text[256];

	(void)state;
	meet(certs[0], new, old, TLS_ERR_VERSION, TLS_ERR_ALERT, &info, text);
	/* Strength: the server offers P-384 and AES-256 only, the client the same or less. */
	meet(certs[1], (struct tls_settings){ .strength_bits = 192 }, none, TLS_ERR_NONE, TLS_ERR_NONE, &info, text);
	assert_int_equal(info.strength_bits, 192);
	assert_string_equal(info.cipher, "TLS_AES_256_GCM_SHA384");
	assert_string_equal(info.group, "secp384r1");
	meet(certs[1], none, (struct tls_settings){ .strength_bits = 192 }, TLS_ERR_NONE, TLS_ERR_NONE, &info, text);
	assert_int_equal(info.strength_bits, 192);
	/* Names. */
	meet(certs[0], named, (struct tls_settings){ .server_name = "imap.example.test" }, TLS_ERR_NONE, TLS_ERR_NONE, &info,
	     text);
	assert_string_equal(text, "imap.example.test|");
	meet(certs[0], named, (struct tls_settings){ .server_name = "other.example.test" }, TLS_ERR_SNI, TLS_ERR_ALERT,
	     &info, text);
	assert_string_equal(text, "other.example.test|");
	meet(certs[0], named, none, TLS_ERR_NONE, TLS_ERR_NONE, NULL, NULL);
	meet(certs[0], named,
	     (struct tls_settings){ .server_name = "other.example.test", .max_version = TLS_VERSION_1_2 }, TLS_ERR_SNI,
	     TLS_ERR_ALERT, &info, text);
	assert_string_equal(text, "other.example.test|");
	/* ALPN, RFC 7301 and IANA's "imap". */
	meet(certs[0], (struct tls_settings){ .alpn = "imap" }, (struct tls_settings){ .alpn = "pop3,imap" }, TLS_ERR_NONE,
	     TLS_ERR_NONE, &info, text);
	assert_string_equal(text, "|imap");
	meet(certs[0], (struct tls_settings){ .alpn = "imap" }, (struct tls_settings){ .alpn = "http/1.1" },
	     TLS_ERR_ALPN, TLS_ERR_ALERT, NULL, NULL);
	meet(certs[0], (struct tls_settings){ .alpn = "imap" }, none, TLS_ERR_NONE, TLS_ERR_NONE, NULL, NULL);
	meet(certs[0], none, (struct tls_settings){ .alpn = "imap" }, TLS_ERR_NONE, TLS_ERR_NONE, NULL, NULL);
}

static void test_verification(void **state)
{
	struct tls_settings none = { 0 };

	(void)state;
	/* The right name, another name, another signer. */
	meet(certs[0], none, (struct tls_settings){ .ca_pem = tls_cert_chain_pem(certs[0]), .server_name = "imap.example.test" },
	     TLS_ERR_NONE, TLS_ERR_NONE, NULL, NULL);
	meet(certs[0], none, (struct tls_settings){ .ca_pem = tls_cert_chain_pem(certs[0]), .server_name = "imap.example.org" },
	     TLS_ERR_ALERT, TLS_ERR_CERTIFICATE_NAME, NULL, NULL);
	meet(certs[0], none, (struct tls_settings){ .ca_pem = tls_cert_chain_pem(certs[1]), .server_name = "imap.example.test" },
	     TLS_ERR_ALERT, TLS_ERR_CERTIFICATE_SIGNER, NULL, NULL);
}

static void test_blind(void **state)
{
	struct tls_settings none = { 0 };
	struct tls_info info;
	char text[256];

	(void)state;
	/* Any certificate and any name will do, in both versions; the name is asked for all the same. */
	for (size_t v = 0; v < 2; v++) {
		struct tls_settings blind = { .blind = true, .server_name = "other.example.org", .groups = { 23 },
					      .max_version = v == 0 ? 0 : TLS_VERSION_1_2 };

		meet(certs[0], none, blind, TLS_ERR_NONE, TLS_ERR_NONE, &info, text);
		assert_string_equal(text, "other.example.org|");
		if (v == 0)
			assert_string_equal(info.group, "secp256r1");
	}
}

static void refused(const struct tls_cert *cert, struct tls_settings settings, const char *expected)
{
	char err[512] = "";
	struct tls_ctx *ctx = tls_ctx_new(cert, &settings, err, sizeof(err));

	assert_null(ctx);
	if (!strstr(err, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, err);
}

static void test_strength_refused(void **state)
{
	(void)state;
	refused(certs[3], (struct tls_settings){ 0 }, "RSA, 2048 bits) is worth 112 bits of strength, and 128 are required");
	refused(certs[0], (struct tls_settings){ .strength_bits = 192 }, "use a P-384 key");
	refused(certs[0], (struct tls_settings){ .strength_bits = 256 }, "no TLS cipher suite reaches 256");
	refused(certs[0], (struct tls_settings){ .strength_bits = 100 }, "112, 128 and 192 can");
	refused(certs[1], (struct tls_settings){ .strength_bits = 192, .max_version = TLS_VERSION_1_2 }, "need TLS 1.3");
	refused(NULL, (struct tls_settings){ .client = true, .ca_pem = tls_cert_chain_pem(certs[3]) },
		"the CA's certificate is refused: the TLS library says: RSA key too small");
	refused(NULL, (struct tls_settings){ 0 }, "needs a certificate");
	refused(certs[0], (struct tls_settings){ .blind = true }, "can be blind");
	refused(NULL, (struct tls_settings){ .client = true, .blind = true, .ca_pem = tls_cert_chain_pem(certs[0]) },
		"can be blind");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_and_keys),
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_write_bound),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_disagreements),
		cmocka_unit_test(test_verification),
		cmocka_unit_test(test_blind),
		cmocka_unit_test(test_strength_refused),
	};

	return cmocka_run_group_tests_name("tls_session", tests, start, stop);
}
