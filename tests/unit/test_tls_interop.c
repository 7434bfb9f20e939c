/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions against openssl(1) as client and as server, over a Unix socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tls/cert.h"
#include "tls/keylog.h"
#include "tls_pair.h"

#define BYTES 200000u
static char dir[] = "/tmp/postern-test-interop-XXXXXX";
static struct tls_cert *ecdsa, *rsa;
static struct tls_tickets *tickets;

static void path_of(char path[256], const char *name)
{
	snprintf(path, 256, "%s/%s", dir, name);
}

static void save(const char *name, const void *data, size_t bytes)
{
	char path[256];
	FILE *f;

	path_of(path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, bytes, f), bytes);
	fclose(f);
}

static int start(void **state)
{
	char *key, *lines;
	uint32_t i;

	(void)state;
	pair_start();
	assert_non_null(mkdtemp(dir));
	ecdsa = pair_cert("p256");
	rsa = pair_cert("rsa3072");
	tickets = tls_tickets_new(NULL, 3600);
	tls_worker_set_tickets(tickets);
	key = tls_key_to_pem(tls_cert_key(ecdsa));
	save("key.pem", key, strlen(key));
	tls_key_text_free(key);
	save("cert.pem", tls_cert_chain_pem(ecdsa), strlen(tls_cert_chain_pem(ecdsa)));
	lines = malloc(BYTES);
	for (i = 0; i < BYTES; i++)
		lines[i] = i % 61 == 60 || i == BYTES - 1 ? '\n' : (char)('a' + i * i % 25);
	save("input", lines, BYTES);
	free(lines);
	signal(SIGPIPE, SIG_IGN);
	alarm(100);
	return 0;
}

static int stop(void **state)
{
	char command[300];

	(void)state;
	tls_cert_free(ecdsa);
	tls_cert_free(rsa);
	tls_tickets_free(tickets);
	pair_stop();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* What is put out, onto the socket. False: the peer has gone. */
static bool flush(struct tls_session *s, int fd)
{
	struct rte_mbuf *m = tls_output(s), *i;
	bool ok = true;

	for (i = m; ok && i; i = i->next)
		ok = send(fd, rte_pktmbuf_mtod(i, void *), i->data_len, 0) == i->data_len;
	rte_pktmbuf_free(m);
	return ok;
}

static bool fetch(struct tls_session *s, int fd)
{
	uint8_t buf[1500];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n <= 0)
		return false;
	tls_input(s, pair_data(buf, (uint32_t)n));
	return true;
}

static bool handshake(struct tls_session *s, int fd)
{
	enum tls_status status;

	while ((status = tls_handshake(s)) == TLS_WANT_INPUT)
		if (!flush(s, fd) || !fetch(s, fd))
			return false;
	flush(s, fd);
	return status == TLS_OK;
}

/* Sends everything back until @bytes have come or the peer closes. What came. */
static uint64_t echo(struct tls_session *s, int fd, uint64_t bytes)
{
	enum tls_status status = TLS_OK;
	struct rte_mbuf *m;
	uint64_t came = 0;

	while (came < bytes && status != TLS_CLOSED && status != TLS_FAILED) {
		status = tls_read(s, &m, 16384);
		if (m) {
			came += m->pkt_len;
			if (tls_write(s, m) != TLS_OK)
				break;
		}
		if (!flush(s, fd) || (status == TLS_WANT_INPUT && came < bytes && !fetch(s, fd)))
			break;
	}
	tls_close(s);
	flush(s, fd);
	return came;
}

static pid_t spawn(const char *command)
{
	char whole[2048];
	pid_t child;

	snprintf(whole, sizeof(whole), "cd %s && %s", dir, command);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", whole, NULL);
		_exit(127);
	}
	return child;
}

static int listen_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", dir);
	unlink(a.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

struct met {
	enum tls_error error;
	struct tls_info info;
	char sni[256];
	uint64_t came;
	bool same;	/* openssl's output is what it was given */
	int status;	/* its exit status */
};

/* One connection of `openssl s_client @options`, its standard input from the command @feed. */
static struct met serve_client(const struct tls_cert *cert, struct tls_settings settings, const char *options,
			       const char *feed, uint64_t bytes)
{
	struct tls_ctx *ctx = pair_server_ctx(cert, settings);
	struct tls_session *s = tls_session_new(ctx);
	int listening = listen_unix(), fd, status;
	struct met met = { 0 };
	char command[1024];
	pid_t child;

	snprintf(command, sizeof(command), "%s | openssl s_client -unix socket -servername imap.example.test %s >output 2>client.log",
		 feed, options);
	child = spawn(command);
	fd = accept(listening, NULL, NULL);
	assert_true(fd >= 0);
	if (handshake(s, fd)) {
		met.came = echo(s, fd, bytes);
		shutdown(fd, SHUT_WR);
		while (recv(fd, command, sizeof(command), 0) > 0)
			;
	}
	flush(s, fd);
	close(fd);
	close(listening);
	waitpid(child, &status, 0);
	met.status = WEXITSTATUS(status);
	met.error = tls_session_error(s);
	tls_session_info(s, &met.info);
	snprintf(met.sni, sizeof(met.sni), "%s", met.info.sni);
	snprintf(command, sizeof(command), "cmp -s %s/input %s/output", dir, dir);
	met.same = system(command) == 0;
	tls_session_free(s);
	tls_ctx_free(ctx);
	return met;
}

static void test_clients(void **state)
{
	static const struct {
		bool rsa;
		const char *options, *version, *cipher, *group;
	} wanted[] = {
		{ false, "-tls1_3", "TLSv1.3", "TLS_AES_128_GCM_SHA256", NULL },
		{ false, "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
		{ false, "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", NULL },
		{ true, "-tls1_3 -groups X25519", "TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519" },
		{ true, "-tls1_3 -groups P-256", "TLSv1.3", "TLS_AES_128_GCM_SHA256", "secp256r1" },
		{ true, "-tls1_3 -groups P-384", "TLSv1.3", "TLS_AES_128_GCM_SHA256", "secp384r1" },
		{ true, "-tls1_3 -groups P-521:P-384", "TLSv1.3", "TLS_AES_128_GCM_SHA256", "secp384r1" },
		{ false, "-tls1_2", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "X25519" },
		{ false, "-tls1_2 -groups P-256", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "secp256r1" },
		{ false, "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", NULL },
		{ false, "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", NULL },
		{ true, "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", NULL },
		{ true, "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384", "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NULL },
		{ true, "-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305", "TLSv1.2", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", NULL },
	};
	char options[300];
	struct met met;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		snprintf(options, sizeof(options), "-quiet %s%s", wanted[i].options,
			 wanted[i].rsa ? "" : " -CAfile cert.pem -verify_return_error -verify_hostname imap.example.test");
		met = serve_client(wanted[i].rsa ? rsa : ecdsa, (struct tls_settings){ 0 }, options, "cat input", BYTES);
		if (met.error != TLS_ERR_NONE || !met.same || met.status != 0)
			fail_msg("%s: %s, %llu bytes, status %d", options, tls_error_name(met.error),
				 (unsigned long long)met.came, met.status);
		assert_string_equal(met.info.version, wanted[i].version);
		assert_string_equal(met.info.cipher, wanted[i].cipher);
		if (wanted[i].group)
			assert_string_equal(met.info.group, wanted[i].group);
		assert_string_equal(met.sni, "imap.example.test");
	}
}

static void test_refused_clients(void **state)
{
	const struct {
		const char *options;
		enum tls_error error;
		uint16_t min_version;
	} wanted[] = {
		{ "-quiet -tls1_1 -cipher ALL:@SECLEVEL=0", TLS_ERR_VERSION, 0 },
		{ "-quiet -tls1_2", TLS_ERR_VERSION, TLS_VERSION_1_3 },
		{ "-quiet -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256", TLS_ERR_CIPHER, 0 },
		/* Refused at once: the library would ask once more, for a group that the client doesn't have. */
		{ "-quiet -tls1_3 -groups P-521", TLS_ERR_CIPHER, 0 },
		{ "-quiet -tls1_3 -sigalgs RSA-PSS+SHA256", TLS_ERR_CIPHER, 0 },
	};
	struct met met;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		met = serve_client(ecdsa, (struct tls_settings){ .min_version = wanted[i].min_version }, wanted[i].options,
				   "true", 1);
		if (met.error != wanted[i].error)
			fail_msg("%s: %s", wanted[i].options, tls_error_name(met.error));
		assert_int_not_equal(met.status, 0);
		assert_string_equal(met.sni, "imap.example.test");
		assert_int_equal(met.came, 0);
	}
}

static void test_resumption(void **state)
{
	static const char *const versions[] = { "-tls1_2", "-tls1_3" };
	char options[200];
	struct met met;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		snprintf(options, sizeof(options), "-quiet %s -sess_out session", versions[i]);
		met = serve_client(ecdsa, (struct tls_settings){ 0 }, options, "cat input", BYTES);
		assert_true(met.same && !met.info.resumed);
		snprintf(options, sizeof(options), "-quiet %s -sess_in session", versions[i]);
		met = serve_client(ecdsa, (struct tls_settings){ 0 }, options, "cat input", BYTES);
		assert_true(met.same && met.info.resumed);
		met = serve_client(ecdsa, (struct tls_settings){ .binding = "another rule" }, options, "cat input", BYTES);
		assert_true(met.same && !met.info.resumed);
	}
}

/* Without -quiet, a line of "K" is a key update and one of "R" a renegotiation. */
static void test_commands(void **state)
{
	struct met met;

	(void)state;
	met = serve_client(ecdsa, (struct tls_settings){ 0 }, "-tls1_3",
			   "(echo K; sleep 0.3; echo hello; sleep 0.3; echo K; sleep 0.3; echo world; sleep 1)", 12);
	assert_int_equal(met.error, TLS_ERR_NONE);
	assert_int_equal(met.came, 12);
	met = serve_client(ecdsa, (struct tls_settings){ 0 }, "-tls1_2", "(echo R; sleep 0.5; echo hello 2>&-; sleep 0.5) 2>/dev/null", 6);
	assert_int_equal(met.came, 0);	/* refused; the session ends */
	assert_int_not_equal(met.error, TLS_ERR_NONE);
}

/* Each of our key log's lines stands in openssl's, too; how many there are. */
static unsigned int same_keys(void)
{
	char ours_path[256], theirs_path[256], line[512], other[512];
	FILE *ours, *theirs;
	unsigned int n = 0;
	bool found;

	path_of(ours_path, "keys");
	path_of(theirs_path, "client_keys");
	ours = fopen(ours_path, "r");
	theirs = fopen(theirs_path, "r");
	assert_true(ours && theirs);
	for (; fgets(line, sizeof(line), ours); n++) {
		rewind(theirs);
		for (found = false; !found && fgets(other, sizeof(other), theirs);)
			found = strcmp(line, other) == 0;
		if (!found)
			fail_msg("openssl has no line %s", line);
	}
	fclose(ours);
	fclose(theirs);
	unlink(ours_path);
	unlink(theirs_path);
	return n;
}

/* The secrets that our key log tells are those that the client has: full, asked again, resumed, both hashes. */
static void test_key_log(void **state)
{
	static const struct {
		const char *options;
		unsigned int lines;
		bool resumed;
	} wanted[] = {
		{ "-tls1_3 -sess_out session", 4, false },
		{ "-tls1_3 -sess_in session", 4, true },
		{ "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", 4, false },
		{ "-tls1_3 -groups P-521:P-384", 4, false },
		{ "-tls1_2 -sess_out session", 1, false },
		{ "-tls1_2 -sess_in session", 1, false },
		{ "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", 1, false },
	};
	char options[300], path[256], err[300];
	struct met met;
	unsigned int n;
	size_t i;

	(void)state;
	path_of(path, "keys");
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_int_equal(tls_key_log_open(path, err, sizeof(err)), 0);
		snprintf(options, sizeof(options), "-quiet -keylogfile client_keys %s", wanted[i].options);
		met = serve_client(ecdsa, (struct tls_settings){ 0 }, options, "cat input", BYTES);
		tls_key_log_close();
		assert_true(met.same);
		assert_int_equal(met.info.resumed, wanted[i].resumed);
		n = same_keys();
		if (n != wanted[i].lines)
			fail_msg("%s: %u lines", wanted[i].options, n);
	}
	/* And none without. */
	serve_client(ecdsa, (struct tls_settings){ 0 }, "-quiet", "cat input", BYTES);
	assert_int_not_equal(access(path, F_OK), 0);
}

static int connect_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), tries;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", dir);
	for (tries = 0; connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0; tries++) {
		assert_true(tries < 500);
		usleep(10000);
	}
	return fd;
}

/* Our client with `openssl s_server -rev`, which sends each line back reversed. */
static void call_server(const char *options, struct tls_settings settings, enum tls_error error)
{
	struct tls_ctx *ctx = pair_client_ctx(settings);
	struct tls_session *s = tls_session_new(ctx);
	char command[512], answer[16] = "", *to = answer;
	enum tls_status status;
	struct rte_mbuf *m;
	pid_t child;
	int fd;

	snprintf(command, sizeof(command), "rm -f socket; exec openssl s_server -unix socket -cert cert.pem -key key.pem -naccept 1 -rev %s >/dev/null 2>server.log",
		 options);
	child = spawn(command);
	fd = connect_unix();
	if (handshake(s, fd)) {
		assert_int_equal(tls_write(s, pair_data("abcdef\n", 7)), TLS_OK);
		assert_true(flush(s, fd));
		while (to < answer + 7 && (status = tls_read(s, &m, 100)) != TLS_FAILED) {
			if (m) {
				memcpy(to, rte_pktmbuf_mtod(m, char *), m->data_len);
				to += m->data_len;
				rte_pktmbuf_free(m);
			}
			if (status == TLS_WANT_INPUT && to < answer + 7 && !fetch(s, fd))
				break;
		}
		assert_string_equal(answer, "fedcba\n");
		tls_close(s);
	}
	flush(s, fd);
	if (tls_session_error(s) != error)
		fail_msg("s_server %s: %s", options, tls_error_name(tls_session_error(s)));
	close(fd);
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	tls_session_free(s);
	tls_ctx_free(ctx);
}

static void test_servers(void **state)
{
	struct tls_settings trusting = { .ca_pem = tls_cert_chain_pem(ecdsa), .server_name = "imap.example.test" };
	struct tls_settings wrong = { .ca_pem = tls_cert_chain_pem(rsa), .server_name = "imap.example.test" };

	(void)state;
	call_server("-tls1_3", trusting, TLS_ERR_NONE);
	call_server("-tls1_2", trusting, TLS_ERR_NONE);
	call_server("-tls1_3", wrong, TLS_ERR_CERTIFICATE_SIGNER);
	call_server("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", trusting, TLS_ERR_ALERT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_refused_clients),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_key_log),
		cmocka_unit_test(test_servers),
	};

	/* Before cmocka tells its plan. */
	if (system("openssl version >/dev/null 2>&1") != 0) {
		printf("1..0 # SKIP openssl(1) isn't here\n");
		return 0;
	}
	return cmocka_run_group_tests_name("tls_interop", tests, start, stop);
}
