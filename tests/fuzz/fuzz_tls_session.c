/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server session against a stranger. The first byte chooses how the rest is
 * used: as the bytes of the connection; as a handshake message in well-formed
 * records; or as changes to what a real client sends (place, mask), in its first
 * flight, in its second, or in what it sends once connected; or as what the sealed
 * records of a connected client hold (type, length, text), between changes of its keys.
 *
 * The order of calls is the one that splice uses; whatever comes, the session ends
 * in one of its states, its memory comes back, and a failure has a name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/hello.h"
#include "tls/record.h"
#include "tls_pair.h"

/* As begin.c does it, and as if it were a ClientHello's body alone. */
static void read_hello(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	struct tls_hello hello;
	struct der body;

	if (!copy)
		return;
	memcpy(copy, data, size);
	if (tls_hello_read((struct der){ copy, size }, &hello))
		tls_hello_speaks(&hello, "imap,smtp");
	if (tls_hello_join(copy, size, &body) == TLS_HELLO_WHOLE && tls_hello_read(body, &hello))
		tls_hello_speaks(&hello, "imap");
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place of tls/rng.c: the same input must do the same. */
int tls_rng_generate(unsigned char *out, unsigned int out_bytes);
static uint64_t seed;

int tls_rng_generate(unsigned char *out, unsigned int out_bytes)
{
	while (out_bytes-- > 0) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		*out++ = (unsigned char)(seed >> 56);
	}
	return 0;
}

static struct tls_ctx *server_ctx, *client_ctx, *client12_ctx;
static struct tls_tickets *tickets;

static void prepare(void)
{
	static struct tls_cert *cert;

	if (cert)
		return;
	pair_start();
	cert = pair_cert("p256");
	tickets = tls_tickets_new(NULL, 3600);
	tls_worker_set_tickets(tickets);
	server_ctx = pair_server_ctx(cert, (struct tls_settings){ .alpn = "imap" });
	client_ctx = pair_client_ctx((struct tls_settings){ .server_name = "imap.example.test", .alpn = "imap" });
	client12_ctx = pair_client_ctx((struct tls_settings){ .server_name = "imap.example.test",
							      .max_version = TLS_VERSION_1_2 });
}

/* As far as it goes. */
static void serve(struct tls_session *s)
{
	struct rte_mbuf *m;
	enum tls_status status = tls_handshake(s);
	int turns;

	for (turns = 0; status == TLS_OK && turns < 1000; turns++) {
		status = tls_read(s, &m, 4096);
		if (status == TLS_FAILED && m)
			abort();
		rte_pktmbuf_free(m);
	}
	if (turns == 1000)
		abort();
	if ((status == TLS_FAILED) != (tls_session_error(s) != TLS_ERR_NONE))
		abort();
}

static void finish(struct pair *p, size_t heap)
{
	struct tls_info info;

	tls_session_info(p->server, &info);
	tls_close(p->server);
	rte_pktmbuf_free(tls_output(p->server));
	rte_pktmbuf_free(tls_output(p->client));
	pair_fini(p);
	if (tls_worker_heap_used() != heap || pair_mbufs_out() > 1)
		abort();
}

static void feed(struct tls_session *s, const uint8_t *data, size_t size)
{
	if (size)
		tls_input(s, pair_data(data, (uint32_t)size));
	serve(s);
}

/* Records of handshake messages, cut where the input says. */
static void feed_messages(struct tls_session *s, const uint8_t *data, size_t size)
{
	uint8_t record[5 + 255] = { 22, 3, 3, 0, 0 };
	size_t n;

	while (size > 1) {
		n = data[0] < size - 1 ? data[0] : size - 1;
		record[4] = (uint8_t)n;
		memcpy(record + 5, data + 1, n);
		feed(s, record, 5 + n);
		data += 1 + n;
		size -= 1 + n;
	}
}

/* The client's output with the input's changes in it. */
static void feed_changed(struct tls_session *from, struct tls_session *to, const uint8_t *data, size_t size)
{
	struct rte_mbuf *m = tls_output(from);
	static uint8_t flight[65536];
	uint32_t n = m ? m->pkt_len : 0;
	const uint8_t *p;
	size_t i;

	if (m) {
		p = rte_pktmbuf_read(m, 0, n, flight);
		if (p != flight)
			memcpy(flight, p, n);
		rte_pktmbuf_free(m);
	}
	for (i = 0; n && i + 2 < size; i += 3)
		flight[(uint32_t)(data[i] << 8 | data[i + 1]) % n] ^= data[i + 2];
	feed(to, flight, n);
}

static void carry_back(struct pair *p)
{
	struct rte_mbuf *m = tls_output(p->server);

	if (m)
		tls_input(p->client, m);
	tls_handshake(p->client);
}

static void carry_up(struct pair *p)
{
	struct rte_mbuf *m = tls_output(p->client);

	if (m)
		tls_input(p->server, m);
	serve(p->server);
}

#define CHANGE_KEYS 255u	/* in the place of a type */

static void feed_sealed(struct pair *p, const uint8_t *data, size_t size)
{
	struct rte_mbuf *m;
	size_t n;

	while (size > 2) {
		n = 1 + data[1];
		n = n < size - 2 ? n : size - 2;
		if (data[0] != CHANGE_KEYS)
			record_write_bytes(p->client, data[0], data + 2, (uint32_t)n);
		else if (p->client->suite.tls13)
			record_update_keys(p->client, data[2] & 1);
		/* Several in one turn, or each by itself. */
		if (n % 2)
			carry_up(p);
		data += 2 + n;
		size -= 2 + n;
	}
	carry_up(p);
	/* What the server answers, the client can read: the keys are still the same ones. */
	m = tls_output(p->server);
	if (m)
		tls_input(p->client, m);
	while (tls_read(p->client, &m, 4096) == TLS_OK || m)
		rte_pktmbuf_free(m);
	if (tls_session_error(p->client) != TLS_ERR_NONE && tls_session_error(p->client) != TLS_ERR_ALERT)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pair p;
	size_t heap;

	prepare();
	if (size < 1)
		return 0;
	seed = 1;
	heap = tls_worker_heap_used();
	pair_init(&p, data[0] & 0x80 ? client12_ctx : client_ctx, server_ctx);
	switch (data[0] % 5) {
	case 0:
		tls_hello_look((struct der){ data + 1, size - 1 });
		read_hello(data + 1, size - 1);
		feed(p.server, data + 1, size - 1);
		break;
	case 1:
		feed_messages(p.server, data + 1, size - 1);
		break;
	case 2:
		tls_handshake(p.client);
		feed_changed(p.client, p.server, data + 1, size - 1);
		break;
	case 3:
		tls_handshake(p.client);
		feed_changed(p.client, p.server, NULL, 0);
		carry_back(&p);
		feed_changed(p.client, p.server, data + 1, size - 1);
		break;
	default:
		if (pair_handshake(&p) != TLS_OK)
			abort();
		if (data[0] & 0x40) {
			feed_sealed(&p, data + 1, size - 1);
			break;
		}
		tls_write(p.client, pair_bytes(0, 100));
		tls_close(p.client);
		feed_changed(p.client, p.server, data + 1, size - 1);
	}
	finish(&p, heap);
	return 0;
}
