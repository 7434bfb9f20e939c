/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS 1.3's sealed handshake messages, cut into records elsewhere than where the sender
 * did it (RFC 8446 5.1): what each side sent is opened and sealed again on its way, with
 * the secrets that the key log tells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tls/keylog.h"
#include "tls_pair.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hmac.h>

#define HEADER 5u
#define TAG 16u
#define FLIGHT_MAX 8192u

static char log_path[] = "/tmp/postern-test-keys-XXXXXX";
static struct tls_cert *cert;

struct sealing {
	uint8_t key[16], iv[12];
	uint64_t seq;
};

struct flight {
	uint8_t clear[FLIGHT_MAX], text[FLIGHT_MAX];
	size_t clear_bytes, text_bytes;
};

static int start(void **state)
{
	char err[256];
	int fd = mkstemp(log_path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	pair_start();
	assert_int_equal(tls_key_log_open(log_path, err, sizeof(err)), 0);
	cert = pair_cert("p256");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tls_key_log_close();
	unlink(log_path);
	tls_cert_free(cert);
	assert_int_equal(tls_worker_heap_used(), 0);
	pair_stop();
	assert_int_equal(pair_mbufs_out(), 0);
	return 0;
}

/* HKDF-Expand-Label, RFC 8446 7.1 */
static void expand(const uint8_t secret[32], const char *label, uint8_t *out, uint8_t bytes)
{
	uint8_t info[32] = { 0, bytes, (uint8_t)(6 + strlen(label)), 't', 'l', 's', '1', '3', ' ' };

	memcpy(info + 9, label, strlen(label));
	assert_int_equal(wc_HKDF_Expand(WC_SHA256, secret, 32, info, (word32)(9 + strlen(label) + 1), out, bytes), 0);
}

/* The keys of the secret that the log has last under this label. */
static struct sealing sealing_of(const char *label)
{
	struct sealing s = { .seq = 0 };
	char line[300], got[64], hex[65];
	unsigned int byte;
	uint8_t secret[32];
	bool found = false;
	FILE *f = fopen(log_path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %*64s %64s", got, hex) != 2 || strcmp(got, label) != 0)
			continue;
		found = true;
		for (size_t i = 0; i < sizeof(secret); i++) {
			assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
			secret[i] = (uint8_t)byte;
		}
	}
	fclose(f);
	assert_true(found);
	expand(secret, "key", s.key, sizeof(s.key));
	expand(secret, "iv", s.iv, sizeof(s.iv));
	return s;
}

static void nonce_of(struct sealing *s, uint8_t nonce[12])
{
	memcpy(nonce, s->iv, 12);
	for (unsigned int i = 0; i < 8; i++)
		nonce[4 + i] ^= (uint8_t)(s->seq >> (56 - 8 * i));
	s->seq++;
}

/* All that @from has to send: what is in the clear, and the text of what is sealed. */
static void open_flight(struct tls_session *from, struct sealing s, struct flight *f)
{
	static uint8_t bytes[FLIGHT_MAX];
	struct rte_mbuf *m = tls_output(from);
	const uint8_t *in;
	uint32_t left, n, text;
	uint8_t nonce[12];
	Aes aes;

	*f = (struct flight){ 0 };
	assert_non_null(m);
	left = m->pkt_len;
	assert_true(left <= sizeof(bytes));
	in = rte_pktmbuf_read(m, 0, left, bytes);
	assert_int_equal(wc_AesInit(&aes, NULL, INVALID_DEVID), 0);
	assert_int_equal(wc_AesGcmSetKey(&aes, s.key, sizeof(s.key)), 0);
	for (; left > 0; in += n, left -= n) {
		n = HEADER + ((uint32_t)in[3] << 8 | in[4]);
		assert_true(n <= left);
		if (in[0] != 23) {
			memcpy(f->clear + f->clear_bytes, in, n);
			f->clear_bytes += n;
			continue;
		}
		nonce_of(&s, nonce);
		text = n - HEADER - TAG;
		assert_int_equal(wc_AesGcmDecrypt(&aes, f->text + f->text_bytes, in + HEADER, text, nonce, sizeof(nonce),
						  in + n - TAG, TAG, in, HEADER), 0);
		while (f->text[f->text_bytes + text - 1] == 0)
			text--;
		assert_int_equal(f->text[f->text_bytes + text - 1], 22);
		f->text_bytes += text - 1;
	}
	wc_AesFree(&aes);
	rte_pktmbuf_free(m);
}

/* The flight once more, its text in a first record of @first bytes and others of @then. */
static void give(struct tls_session *to, struct sealing s, const struct flight *f, size_t first, size_t then)
{
	uint8_t record[HEADER + FLIGHT_MAX + 1 + TAG] = { 23, 3, 3 }, nonce[12];
	size_t at, n;
	Aes aes;

	if (f->clear_bytes > 0)
		tls_input(to, pair_data(f->clear, (uint32_t)f->clear_bytes));
	assert_int_equal(wc_AesInit(&aes, NULL, INVALID_DEVID), 0);
	assert_int_equal(wc_AesGcmSetKey(&aes, s.key, sizeof(s.key)), 0);
	for (at = 0; at < f->text_bytes; at += n) {
		n = at == 0 ? first : then;
		if (n > f->text_bytes - at)
			n = f->text_bytes - at;
		memcpy(record + HEADER, f->text + at, n);
		record[HEADER + n] = 22;
		record[3] = (uint8_t)((n + 1 + TAG) >> 8);
		record[4] = (uint8_t)(n + 1 + TAG);
		nonce_of(&s, nonce);
		assert_int_equal(wc_AesGcmEncrypt(&aes, record + HEADER, record + HEADER, (word32)n + 1, nonce, sizeof(nonce),
						  record + HEADER + n + 1, TAG, record, HEADER), 0);
		tls_input(to, pair_data(record, (uint32_t)(HEADER + n + 1 + TAG)));
	}
	wc_AesFree(&aes);
}

/* A whole handshake, each side's sealed flight cut so. The longest flight's bytes. */
static size_t shake(struct tls_ctx *client, struct tls_ctx *server, size_t first, size_t then)
{
	struct sealing s;
	struct flight f;
	struct pair p;
	size_t longest;

	assert_int_equal(truncate(log_path, 0), 0);
	pair_init(&p, client, server);
	assert_int_equal(tls_handshake(p.client), TLS_WANT_INPUT);
	pair_carry(&p);
	assert_int_equal(tls_handshake(p.server), TLS_WANT_INPUT);
	s = sealing_of("SERVER_HANDSHAKE_TRAFFIC_SECRET");
	open_flight(p.server, s, &f);
	longest = f.text_bytes;
	give(p.client, s, &f, first, then);
	if (tls_handshake(p.client) != TLS_OK)
		fail_msg("the server's flight, cut %zu and %zu: %d", first, then, tls_session_error(p.client));
	s = sealing_of("CLIENT_HANDSHAKE_TRAFFIC_SECRET");
	open_flight(p.client, s, &f);
	longest = f.text_bytes > longest ? f.text_bytes : longest;
	give(p.server, s, &f, first, then);
	if (tls_handshake(p.server) != TLS_OK)
		fail_msg("the client's flight, cut %zu and %zu: %d", first, then, tls_session_error(p.server));
	pair_fini(&p);
	return longest;
}

static void cut_everywhere(void)
{
	struct tls_settings settings = { .min_version = TLS_VERSION_1_3, .suites = { 0x1301 } };	/* TLS_AES_128_GCM_SHA256 */
	struct tls_ctx *server = pair_server_ctx(cert, settings), *client = pair_client_ctx(settings);
	size_t longest;

	longest = shake(client, server, FLIGHT_MAX, FLIGHT_MAX);
	for (size_t at = 1; at < longest; at++)
		shake(client, server, at, FLIGHT_MAX);
	for (size_t every = 1; every < 12; every++)
		shake(client, server, every, every);
	tls_ctx_free(client);
	tls_ctx_free(server);
}

static void test_cut_everywhere(void **state)
{
	(void)state;
	if (pair_library_is_older())	/* without tls/wolfssl/patches */
		skip();
	cut_everywhere();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_everywhere),
	};

	return cmocka_run_group_tests_name("tls_cut", tests, start, stop);
}
