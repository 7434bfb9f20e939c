/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls_pair.h"

#include "tls/ca.h"
#include "tls/selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rte_mempool *pool;

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

void pair_start(void)
{
	const char *why;

	if (!pool)
		pool = test_mbuf_pool("tls", 8191);
	if (tls_init(&why) != 0)
		die("tls_init", why);
	if (tls_worker_init(PAIR_HEAP_BYTES, pool) != 0)
		die("tls_worker_init", "no memory");
}

void pair_stop(void)
{
	tls_worker_fini();
}

struct rte_mempool *pair_mempool(void)
{
	return pool;
}

bool pair_library_is_older(void)
{
	static struct tls_selftest test;

	if (!test.version)
		tls_selftest_run(&test);
	return strncmp(test.version, "5.7.", 4) == 0;
}

unsigned int pair_mbufs_out(void)
{
	return rte_mempool_in_use_count(pool);
}

struct tls_cert *pair_cert(const char *kind)
{
	static const char *const names[] = { "imap.example.test", "smtp.example.test", "192.0.2.1" };

	return pair_cert_for(kind, names, 3);
}

struct tls_cert *pair_cert_for(const char *kind, const char *const *names, size_t n)
{
	struct tls_subject subject = { .common_name = names[0], .alt_names = names + 1, .n_alt_names = n - 1 };
	char err[256], *cert_text, *key_text;
	enum tls_key_type type;
	struct tls_key *key;
	struct tls_cert *cert;
	unsigned int bits;

	if (!tls_key_type_parse(kind, &type, &bits))
		die("no such kind of key", kind);
	key = tls_key_generate(type, bits, err, sizeof(err));
	if (!key)
		die("no key", err);
	cert_text = tls_self_signed(key, &subject, 30, time(NULL), err, sizeof(err));
	key_text = tls_key_to_pem(key);
	if (!cert_text || !key_text)
		die("no certificate", err);
	cert = tls_cert_load((struct der){ (uint8_t *)cert_text, strlen(cert_text) },
			     (struct der){ (uint8_t *)key_text, strlen(key_text) }, err, sizeof(err));
	if (!cert)
		die("the certificate is refused", err);
	free(cert_text);
	tls_key_text_free(key_text);
	tls_key_free(key);
	return cert;
}

struct tls_ctx *pair_server_ctx(const struct tls_cert *cert, struct tls_settings settings)
{
	char err[256];
	struct tls_ctx *ctx;

	settings.client = false;
	ctx = tls_ctx_new(cert, &settings, err, sizeof(err));
	if (!ctx)
		die("no server context", err);
	return ctx;
}

struct tls_ctx *pair_client_ctx(struct tls_settings settings)
{
	char err[256];
	struct tls_ctx *ctx;

	settings.client = true;
	ctx = tls_ctx_new(NULL, &settings, err, sizeof(err));
	if (!ctx)
		die("no client context", err);
	return ctx;
}

void pair_init(struct pair *p, struct tls_ctx *client, struct tls_ctx *server)
{
	*p = (struct pair){ .seed = 1, .chunk_min = 1448, .chunk_max = 1448 };
	p->client = tls_session_new(client);
	p->server = tls_session_new(server);
	if (!p->client || !p->server)
		die("no session", "out of memory");
}

void pair_fini(struct pair *p)
{
	tls_session_free(p->client);
	tls_session_free(p->server);
	p->client = p->server = NULL;
}

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* As TCP would hand it over: other mbufs, other boundaries. */
static uint64_t carry(struct pair *p, struct rte_mbuf *from, struct tls_session *to)
{
	uint64_t carried = 0;
	uint32_t at = 0, total = from ? from->pkt_len : 0, n;
	uint8_t piece[2048];

	while (at < total) {
		n = p->chunk_min + (uint32_t)(random_next(&p->seed) % (p->chunk_max - p->chunk_min + 1));
		if (n > total - at)
			n = total - at;
		while (n > 0) {
			uint32_t part = n < sizeof(piece) ? n : (uint32_t)sizeof(piece);
			const void *data = rte_pktmbuf_read(from, at, part, piece);

			if (!data)
				die("an output chain", "is shorter than it says");
			tls_input(to, pair_data(data, part));
			at += part;
			n -= part;
			carried += part;
		}
	}
	rte_pktmbuf_free(from);
	return carried;
}

bool pair_carry(struct pair *p)
{
	uint64_t up = carry(p, tls_output(p->client), p->server);
	uint64_t down = carry(p, tls_output(p->server), p->client);

	p->to_server_bytes += up;
	p->to_client_bytes += down;
	return up || down;
}

enum tls_status pair_handshake(struct pair *p)
{
	enum tls_status client, server;

	do {
		client = tls_handshake(p->client);
		server = tls_handshake(p->server);
		if ((client == TLS_OK && server == TLS_OK) || client == TLS_FAILED || server == TLS_FAILED)
			break;
	} while (pair_carry(p));
	pair_carry(p);
	/* Let each side hear the other's alert. */
	if (server == TLS_FAILED && client != TLS_FAILED)
		tls_handshake(p->client);
	if (client == TLS_FAILED && server != TLS_FAILED)
		server = tls_handshake(p->server);
	return server;
}

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)((offset * 0x9e3779b97f4a7c15ull) >> 56);
}

struct rte_mbuf *pair_data(const void *data, uint32_t bytes)
{
	struct rte_mbuf *head = NULL, *m;
	const uint8_t *from = data;
	uint16_t n;

	do {
		m = rte_pktmbuf_alloc(pool);
		if (!m)
			die("the test's mempool", "is empty");
		n = rte_pktmbuf_tailroom(m);
		if (n > bytes)
			n = (uint16_t)bytes;
		memcpy(rte_pktmbuf_append(m, n), from, n);
		from += n;
		bytes -= n;
		if (head)
			rte_pktmbuf_chain(head, m);
		else
			head = m;
	} while (bytes > 0);
	return head;
}

struct rte_mbuf *pair_bytes(uint64_t offset, uint32_t bytes)
{
	uint8_t *data = malloc(bytes + 1);
	struct rte_mbuf *m;
	uint32_t i;

	if (!data)
		die("the test", "is out of memory");
	for (i = 0; i < bytes; i++)
		data[i] = byte_at(offset + i);
	m = pair_data(data, bytes);
	free(data);
	return m;
}

uint32_t pair_check(struct rte_mbuf *m, uint64_t offset)
{
	struct rte_mbuf *i;
	uint32_t total = 0, k;

	for (i = m; i; i = i->next) {
		const uint8_t *data = rte_pktmbuf_mtod(i, const uint8_t *);

		for (k = 0; k < i->data_len; k++, total++)
			if (data[k] != byte_at(offset + total))
				die("a byte of the stream", "is another than was sent");
	}
	if (m && total != m->pkt_len)
		die("a chain", "is not as long as it says");
	if (m && rte_mbuf_check(m, 1, &(const char *){ NULL }) != 0)
		die("a chain", "is not well-formed");
	rte_pktmbuf_free(m);
	return total;
}
