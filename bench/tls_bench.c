/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What TLS costs, without a network: a client and a server session face to face
 * in memory on one core, as the workers run them. Prints handshakes a second of
 * the server side alone (the client's share is timed and taken off), bulk rates
 * through tls_write and tls_read with packet buffers, and memory per session.
 *
 * Use: tls_bench [--seconds N] [--once]; --once does one handshake of each kind
 * after a warm-up, for valgrind --tool=callgrind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "tls/ca.h"
#include "tls/context.h"
#include "tls/resume.h"
#include "tls/selftest.h"
#include "tls/tickets.h"
#include "tls/tls.h"

#define HEAP_BYTES (64u << 20)
#define IDLE_SESSIONS 1000u
#define X25519 29u	/* IANA's number */

static struct rte_mempool *pool;
static double seconds = 2;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "tls_bench: %s\n", what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void start(void)
{
	char *arguments[] = { "tls_bench", "--no-huge", "--no-shconf", "--no-pci", "-m", "64", "--no-telemetry",
			      "--log-level=error", NULL };
	const char *why;

	if (rte_eal_init(8, arguments) < 0)
		die("DPDK's environment doesn't start");
	pool = rte_pktmbuf_pool_create("bench", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool)
		die("no room for packet buffers");
	if (tls_init(&why) != 0)
		die(why);
	if (tls_worker_init(HEAP_BYTES, pool) != 0)
		die("no room for the heap");
}

static struct tls_cert *make_cert(const char *kind)
{
	struct tls_subject subject = { .common_name = "imap.example.test" };
	char err[256], *cert_text, *key_text;
	enum tls_key_type type;
	struct tls_cert *cert;
	struct tls_key *key;
	unsigned int bits;

	tls_key_type_parse(kind, &type, &bits);
	key = tls_key_generate(type, bits, err, sizeof(err));
	cert_text = key ? tls_self_signed(key, &subject, 30, time(NULL), err, sizeof(err)) : NULL;
	if (!cert_text)
		die(err);
	key_text = tls_key_to_pem(key);
	cert = tls_cert_load((struct der){ (uint8_t *)cert_text, strlen(cert_text) },
			     (struct der){ (uint8_t *)key_text, strlen(key_text) }, err, sizeof(err));
	if (!cert)
		die(err);
	free(cert_text);
	tls_key_text_free(key_text);
	tls_key_free(key);
	return cert;
}

static struct tls_ctx *context(const struct tls_cert *cert, struct tls_settings settings)
{
	char err[256];
	struct tls_ctx *ctx = tls_ctx_new(cert, &settings, err, sizeof(err));

	if (!ctx)
		die(err);
	return ctx;
}

static void carry(struct tls_session *from, struct tls_session *to)
{
	struct rte_mbuf *m = tls_output(from);

	if (m)
		tls_input(to, m);
}

/* A handshake; the server's share of the time is added to *server_ns. The sessions are left open. */
static void shake(struct tls_session *client, struct tls_session *server, int64_t *server_ns)
{
	enum tls_status c, s = TLS_WANT_INPUT;
	int64_t began;

	for (;;) {
		c = tls_handshake(client);
		carry(client, server);
		began = now_ns();
		s = tls_handshake(server);
		*server_ns += now_ns() - began;
		carry(server, client);
		if (c == TLS_FAILED || s == TLS_FAILED)
			die("a handshake failed");
		if (c == TLS_OK && s == TLS_OK)
			return;
	}
}

static void connect_once(struct tls_ctx *client_ctx, struct tls_ctx *server_ctx, const struct tls_resume *with,
			 int64_t *server_ns, struct tls_resume **next)
{
	struct tls_session *client = tls_session_new(client_ctx), *server;
	struct tls_info info;
	struct rte_mbuf *m;
	int64_t began = now_ns();

	server = tls_session_new(server_ctx);
	*server_ns += now_ns() - began;
	if (!client || !server || (with && !tls_resume_use(client, with)))
		die("no session");
	shake(client, server, server_ns);
	tls_session_info(server, &info);
	if (info.resumed != (with != NULL))
		die("resumed or not: other than was wanted");
	if (next) {
		tls_read(client, &m, 16384);
		*next = tls_resume_save(client);
	}
	began = now_ns();
	tls_session_free(server);
	*server_ns += now_ns() - began;
	tls_session_free(client);
}

static void measure_handshakes(const char *name, struct tls_ctx *client, struct tls_ctx *server,
			       const struct tls_resume *with)
{
	int64_t server_ns = 0, best = INT64_MAX, began = now_ns(), one;
	uint64_t n = 0;

	while (now_ns() - began < (int64_t)(seconds * 1e9)) {
		one = 0;
		connect_once(client, server, with, &one, NULL);
		server_ns += one;
		best = one < best ? one : best;
		n++;
	}
	printf("%-44s %8.0f/s  mean %6.1f us  best %6.1f us\n", name, (double)n * 1e9 / (double)server_ns,
	       (double)server_ns / 1e3 / (double)n, (double)best / 1e3);
}

static struct rte_mbuf *plaintext(uint32_t bytes)
{
	struct rte_mbuf *head = NULL, *m;
	uint16_t n;

	while (bytes > 0) {
		m = rte_pktmbuf_alloc(pool);
		if (!m)
			die("out of packet buffers");
		n = (uint16_t)(bytes < 1448 ? bytes : 1448);
		memset(rte_pktmbuf_append(m, n), 'x', n);
		bytes -= n;
		if (head)
			rte_pktmbuf_chain(head, m);
		else
			head = m;
	}
	return head;
}

/* 64 KB at a time through both ends; the time of each call apart. */
static void measure_bulk(const char *name, struct tls_ctx *client_ctx, struct tls_ctx *server_ctx, uint32_t step_bytes)
{
	struct tls_session *client = tls_session_new(client_ctx), *server = tls_session_new(server_ctx);
	int64_t write_ns = 0, read_ns = 0, unused = 0, began, from = now_ns();
	struct rte_mbuf *m;
	uint64_t bytes = 0;
	enum tls_status status;

	shake(client, server, &unused);
	while (now_ns() - from < (int64_t)(seconds * 1e9)) {
		m = plaintext(step_bytes);
		began = now_ns();
		if (tls_write(server, m) != TLS_OK)
			die("writing failed");
		carry(server, client);
		write_ns += now_ns() - began;
		do {
			began = now_ns();
			status = tls_read(client, &m, 65536);
			read_ns += now_ns() - began;
			bytes += m ? m->pkt_len : 0;
			rte_pktmbuf_free(m);
		} while (status == TLS_OK);
	}
	printf("%-44s write %5.0f MB/s  read %5.0f MB/s\n", name, (double)bytes * 1e3 / (double)write_ns,
	       (double)bytes * 1e3 / (double)read_ns);
	tls_session_free(client);
	tls_session_free(server);
}

static void measure_memory(const char *name, struct tls_ctx *client_ctx, struct tls_ctx *server_ctx)
{
	static struct tls_session *servers[IDLE_SESSIONS];
	size_t before = tls_worker_heap_used();
	int64_t unused = 0;
	uint32_t i;

	for (i = 0; i < IDLE_SESSIONS; i++) {
		struct tls_session *client = tls_session_new(client_ctx);

		servers[i] = tls_session_new(server_ctx);
		if (!client || !servers[i])
			die("no session");
		shake(client, servers[i], &unused);
		tls_session_free(client);
	}
	printf("%-44s %8zu bytes\n", name, (tls_worker_heap_used() - before) / IDLE_SESSIONS);
	while (i > 0)
		tls_session_free(servers[--i]);
}

static void print_floor(void)
{
	struct tls_selftest_floor f;

	tls_selftest_floor(&f);
	printf("%-44s best %6.1f us: signature %.1f, key pair %.1f, shared secret %.1f\n",
	       "The floor: P-256 and X25519 alone", f.sign_us + f.key_us + f.secret_us, f.sign_us, f.key_us, f.secret_us);
}

/* As the floor has it: without the post-quantum half of the key exchange. */
static void run_x25519(const struct tls_cert *cert, bool once)
{
	struct tls_ctx *server = context(cert, (struct tls_settings){ .strength_bits = 112 });
	struct tls_ctx *client = context(NULL, (struct tls_settings){ .client = true, .groups = { X25519 } });
	struct tls_resume *ticket = NULL;
	int64_t unused = 0;

	connect_once(client, server, NULL, &unused, &ticket);
	if (!ticket)
		die("no ticket came");
	if (!once) {
		measure_handshakes("TLS 1.3, P-256 key, X25519, full handshake", client, server, NULL);
		measure_handshakes("TLS 1.3, X25519, resumed", client, server, ticket);
	}
	tls_resume_free(ticket);
	tls_ctx_free(server);
	tls_ctx_free(client);
}

static void run_version(const struct tls_cert *cert, const char *kind, uint16_t max_version, bool once)
{
	const char *version = max_version ? "TLS 1.2" : "TLS 1.3";
	struct tls_ctx *server = context(cert, (struct tls_settings){ .strength_bits = 112 });
	struct tls_ctx *client = context(NULL, (struct tls_settings){ .client = true, .strength_bits = 112,
								      .max_version = max_version });
	struct tls_resume *ticket = NULL;
	int64_t unused = 0;
	char name[64];

	connect_once(client, server, NULL, &unused, &ticket);
	if (!ticket)
		die("no ticket came");
	if (once) {
		connect_once(client, server, NULL, &unused, NULL);
	} else {
		snprintf(name, sizeof(name), "%s, %s, full handshake", version, kind);
		measure_handshakes(name, client, server, NULL);
		snprintf(name, sizeof(name), "%s, resumed", version);
		measure_handshakes(name, client, server, ticket);
		snprintf(name, sizeof(name), "%s, 64 KB at a time", version);
		measure_bulk(name, client, server, 65536);
		snprintf(name, sizeof(name), "%s, 1448 bytes at a time", version);
		measure_bulk(name, client, server, 1448);
		snprintf(name, sizeof(name), "%s, an idle session", version);
		measure_memory(name, client, server);
	}
	tls_resume_free(ticket);
	tls_ctx_free(server);
	tls_ctx_free(client);
}

int main(int argc, char **argv)
{
	struct tls_tickets *tickets;
	struct tls_selftest test;
	struct tls_cert *cert;
	bool once = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--once") == 0) {
			once = true;
		} else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
			seconds = strtod(argv[++i], NULL);
		} else {
			fprintf(stderr, "Usage: tls_bench [--seconds N] [--once]\n");
			return strcmp(argv[i], "--help") == 0 ? 0 : 2;
		}
	}
	start();
	tls_selftest_run(&test);
	printf("wolfSSL %s (%s), %s; %s\n", test.version, test.instructions, test.wide, test.features);
	tickets = tls_tickets_new(NULL, TLS_TICKET_LIFETIME_DEFAULT_S);
	tls_worker_set_tickets(tickets);
	cert = make_cert("p256");
	if (!once)
		print_floor();
	run_x25519(cert, once);
	run_version(cert, "P-256 key", 0, once);
	run_version(cert, "P-256 key", TLS_VERSION_1_2, once);
	tls_cert_free(cert);
	if (!once) {
		cert = make_cert("rsa2048");
		run_version(cert, "RSA 2048 key", 0, once);
		tls_cert_free(cert);
	}
	tls_tickets_free(tickets);
	tls_worker_fini();
	return 0;
}
