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
				assert_string_equal(info.group, v == 0 ? "X25519MLKEM768" : "X25519");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_and_keys),
	};

	return cmocka_run_group_tests_name("tls_session", tests, start, stop);
}
