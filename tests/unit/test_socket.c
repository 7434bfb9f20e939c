/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control socket against right, wrong, slow, greedy and vanishing clients. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_site.h"
#include "control/client.h"
#include "control/loop.h"
#include "control/request.h"
#include "control/server.h"

static struct site site;
static struct loop *loop;
static struct server *server;
static char path[100];

static int set_up(void **state)
{
	struct server_config config = { .path = path, .mode = 0600, .group = "" };
	struct error err = { .message = "" };

	(void)state;
	site_init(&site);
	site_configure(&site, SITE_HEAD SITE_IMAP);
	site_start(&site);
	snprintf(path, sizeof(path), "%.80s/sock", site.folder);
	memset(control_counters, 0, sizeof(control_counters));
	loop = loop_new();
	assert_non_null(loop);
	server = server_new(loop_base(loop), &site.gateway, &config, &err);
	if (server == NULL)
		fail_msg("%s: %s", err.where, err.message);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	server_free(server);
	loop_free(loop);
	assert_int_not_equal(access(path, F_OK), 0);
	site_stop(&site);
	site_fini(&site);
	return 0;
}

static void turn(void)
{
	loop_stop(loop, 1);
	loop_run(loop);
}

static int dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What comes until a newline or the end; "" after @turns of nothing, "EOF" at the end. */
static const char *get_line(int fd)
{
	static char line[1 << 20];
	size_t n = 0;

	for (unsigned int i = 0; i < 300; i++) {
		ssize_t got = recv(fd, line + n, 1, 0);

		if (got == 0)
			return n == 0 ? "EOF" : line;
		if (got < 0 && errno == ECONNRESET)
			return "EOF";
		if (got < 0) {
			turn();
			continue;
		}
		n++;
		line[n] = '\0';
		if (line[n - 1] == '\n')
			return line;
		i = 0;
	}
	return "";
}

static void answers(int fd, const char *request, const char *part)
{
	const char *line;

	put(fd, request);
	line = get_line(fd);
	if (strstr(line, part) == NULL)
		fail_msg("asked %.60s, answered %.200s, wanted %s", request, line, part);
}

#define VERSION "{\"id\":7,\"verb\":\"version\"}\n"

static void asks_and_answers(void **state)
{
	int fd = dial();
	struct stat st;

	(void)state;
	answers(fd, VERSION, "{\"id\":7,\"ok\":true");
	answers(fd, "{\"id\":\"a\",\"verb\":\"rule.show\",\"args\":{\"name\":\"imap\"}}\n", "\"id\":\"a\",\"ok\":true");
	answers(fd, "{\"verb\":\"help\"}\r\n", "\"rules.apply\"");
	put(fd, VERSION VERSION VERSION);
	for (int i = 0; i < 3; i++)
		assert_non_null(strstr(get_line(fd), "\"id\":7"));
	close(fd);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void garbage_is_answered_with_what_is_wrong(void **state)
{
	static const char *const lines[][2] = {
		{ "hello\n", "not JSON" },
		{ "\x01\x02\xff\n", "not JSON" },
		{ "[]\n", "a request is a JSON object" },
		{ "7\n", "not JSON" },
		{ "{}\n", "no verb" },
		{ "{\"verb\":1}\n", "no verb" },
		{ "{\"verb\":\"fly\"}\n", "there is no verb" },
		{ "{\"verb\":\"version\",\"args\":[]}\n", "args must be an object" },
		{ "{\"verb\":\"version\",\"args\":{\"x\":1}}\n", "takes no arguments" },
		{ "{\"verb\":\"version\",\"x\":1}\n", "is no key of a request" },
		{ "{\"verb\":\"version\",\"verb\":\"stop\"}\n", "not JSON" },
		{ "{\"verb\":\"kill\",\"args\":{\"id\":[]}}\n", "one value was expected" },
		{ "{\"verb\":\"kill\",\"args\":{\"id\":\"99-1\"}}\n", "there is no connection 99-1" },
		{ "{\"verb\":\"kill\",\"args\":{\"id\":\"-\"}}\n", "no connection's id" },
		{ "{\"verb\":\"kill\",\"args\":{}}\n", "either" },
		{ "{\"verb\":\"connections\",\"args\":{\"max\":0}}\n", "out of range" },
		{ "{\"verb\":\"drain\",\"args\":{\"over\":\"soon\"}}\n", "isn't a time" },
		{ "{\"verb\":\"rule.add\",\"args\":{\"name\":\"a\\u0000b\"}}\n", "not JSON" },
		{ "{\"verb\":\"cert.load\",\"args\":{\"name\":\"../../etc/passwd\"}}\n", "isn't a name" },
		{ "{\"verb\":\"cert.load\",\"args\":{\"name\":\"x\",\"chain\":\"x.pem\"}}\n", "absolute" },
		{ "{\"verb\":\"rules.apply\",\"args\":{\"changes\":[1]}}\n", "changes[0]" },
		{ "{\"verb\":\"rules.apply\",\"args\":{\"changes\":[{\"verb\":\"stop\",\"args\":{}}]}}\n", "doesn't change a rule" },
	};
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		answers(fd, lines[i][0], "\"ok\":false");
		answers(fd, lines[i][0], lines[i][1]);
	}
	answers(fd, VERSION, "\"ok\":true");	/* the connection is as good as before */
	close(fd);
	assert_int_equal(site.gateway.live.generation, 1);
}

static void a_line_in_crumbs(void **state)
{
	int fd = dial();

	(void)state;
	for (const char *p = VERSION; *p != '\0'; p++) {
		assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
		turn();
	}
	assert_non_null(strstr(get_line(fd), "\"ok\":true"));
	close(fd);
}

static void half_a_line_disturbs_nobody(void **state)
{
	int half = dial(), other = dial();

	(void)state;
	put(half, "{\"verb\":\"vers");
	turn();
	answers(other, VERSION, "\"ok\":true");
	close(half);
	for (int i = 0; i < 10 && server_clients(server) > 1; i++)
		turn();
	assert_int_equal(server_clients(server), 1);
	assert_int_equal(control_counters[CONTROL_LOST], 1);
	close(other);
}

static void a_half_closed_client_gets_all_its_answers(void **state)
{
	int fd = dial();

	(void)state;
	for (int i = 0; i < 100; i++)
		put(fd, VERSION);
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 100; i++)
		assert_non_null(strstr(get_line(fd), "\"ok\":true"));
	assert_string_equal(get_line(fd), "EOF");
	close(fd);
}

static void a_megabyte_without_end_is_refused(void **state)
{
	static char block[65536];
	int fd = dial(), other = dial();
	size_t sent = 0;

	(void)state;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 200 && sent < 1 << 20; i++) {
		ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EAGAIN)
			break;
		turn();
	}
	assert_non_null(strstr(get_line(fd), "longer than"));
	assert_string_equal(get_line(fd), "EOF");
	assert_int_equal(control_counters[CONTROL_TOO_LONG], 1);
	answers(other, VERSION, "\"ok\":true");
	close(fd);
	close(other);
}

/* A line of the longest length is still a line. */
static void the_longest_line(void **state)
{
	char *line = malloc(SERVER_LINE_MAX_BYTES + 2);
	size_t sent = 0, n = (size_t)sprintf(line, "{\"verb\":\"version\",\"id\":\"");
	int fd = dial();

	(void)state;
	memset(line + n, 'x', SERVER_LINE_MAX_BYTES - n - 2);
	memcpy(line + SERVER_LINE_MAX_BYTES - 2, "\"}\n", 4);
	while (sent < SERVER_LINE_MAX_BYTES + 1) {
		ssize_t w = send(fd, line + sent, SERVER_LINE_MAX_BYTES + 1 - sent, MSG_NOSIGNAL);

		if (w > 0)
			sent += (size_t)w;
		turn();
	}
	assert_non_null(strstr(get_line(fd), "\"ok\":true"));
	free(line);
	close(fd);
}

static void who_doesnt_read_is_held_back(void **state)
{
	int fd = dial(), other = dial();
	unsigned int held = 0;
	uint64_t answered;

	(void)state;
	for (unsigned int i = 0; i < 100000 && held < 100; i++) {
		if (send(fd, "{\"verb\":\"stats\"}\n", 17, MSG_NOSIGNAL) < 0) {
			assert_int_equal(errno, EAGAIN);
			held++;
			turn();
		}
	}
	assert_int_equal(held, 100);
	answered = control_counters[CONTROL_REQUESTS];
	answers(other, VERSION, "\"ok\":true");
	assert_int_equal(control_counters[CONTROL_REQUESTS], answered + 1);	/* nothing more is done for it */
	for (unsigned int i = 0; i < 200; i++)	/* until it reads after all */
		assert_non_null(strstr(get_line(fd), "\"drops\""));
	assert_true(control_counters[CONTROL_REQUESTS] > answered + 1);
	close(fd);
	close(other);
}

static void leavers(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		int fd = dial();

		put(fd, "{\"verb\":\"rule.list\"}\n{\"verb\":\"stats\"}\n");
		if (i % 3 == 0)
			turn();
		close(fd);
	}
	for (int i = 0; i < 50 && server_clients(server) > 0; i++)
		turn();
	assert_int_equal(server_clients(server), 0);
}

static void the_silent_give_way(void **state)
{
	int fds[SERVER_CLIENTS_MAX + 8];

	(void)state;
	for (unsigned int i = 0; i < SERVER_CLIENTS_MAX + 8; i++) {
		fds[i] = dial();
		answers(fds[i], VERSION, "\"ok\":true");
		answers(fds[0], VERSION, "\"ok\":true");	/* it goes on asking, so it stays */
	}
	assert_int_equal(server_clients(server), SERVER_CLIENTS_MAX);
	answers(fds[0], VERSION, "\"ok\":true");
	assert_non_null(strstr(get_line(fds[1]), "silent the longest"));
	assert_string_equal(get_line(fds[1]), "EOF");
	for (unsigned int i = 0; i < SERVER_CLIENTS_MAX + 8; i++)
		close(fds[i]);
}

/* No descriptor is left: it waits instead of spinning, and serves again afterwards. */
static void out_of_descriptors(void **state)
{
	struct rlimit few, limit;
	int fd, next;

	(void)state;
	fd = dial();
	answers(fd, VERSION, "\"ok\":true");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	next = dial();	/* in the backlog */
	few = (struct rlimit){ .rlim_cur = (rlim_t)next + 1, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (int i = 0; i < 20; i++)
		turn();
	answers(fd, VERSION, "\"ok\":true");	/* those that are there are served */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	put(next, VERSION);
	for (int i = 0; i < 10 && server_clients(server) < 2; i++) {
		loop_stop(loop, 200);
		loop_run(loop);
	}
	assert_non_null(strstr(get_line(next), "\"ok\":true"));
	close(fd);
	close(next);
}

static void one_daemon_a_socket(void **state)
{
	struct server_config config = { .path = path, .mode = 0600, .group = "" };
	struct error err = { .message = "" };
	char dead[100], file[300];
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct server *second;
	int fd;

	(void)state;
	assert_null(server_new(loop_base(loop), &site.gateway, &config, &err));
	assert_non_null(strstr(err.message, "another posternd"));
	/* What a dead one left is replaced. */
	snprintf(dead, sizeof(dead), "%.80s/dead", site.folder);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", dead);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	config.path = dead;
	second = server_new(loop_base(loop), &site.gateway, &config, &err);
	assert_non_null(second);
	server_free(second);
	/* A file that is no socket isn't. */
	snprintf(file, sizeof(file), "%s", site_write(&site, "file", "precious"));
	config.path = file;
	assert_null(server_new(loop_base(loop), &site.gateway, &config, &err));
	assert_non_null(strstr(err.message, "no socket"));
	assert_int_equal(access(file, F_OK), 0);
	config.path = dead;
	config.group = "no-such-group-here";
	assert_null(server_new(loop_base(loop), &site.gateway, &config, &err));
	assert_non_null(strstr(err.message, "no group"));
	assert_int_not_equal(access(dead, F_OK), 0);
}

static void the_clients_words_for_no_daemon(void **state)
{
	struct error err = { .message = "" };
	char nowhere[100];

	(void)state;
	snprintf(nowhere, sizeof(nowhere), "%.80s/nowhere", site.folder);
	assert_null(client_open(nowhere, &err));
	assert_non_null(strstr(err.message, "can't be reached"));
	assert_non_null(strstr(err.hint, "no posternd runs"));
}

int main(void)
{
#define WITH_SITE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_SITE(asks_and_answers),
		WITH_SITE(garbage_is_answered_with_what_is_wrong),
		WITH_SITE(a_line_in_crumbs),
		WITH_SITE(half_a_line_disturbs_nobody),
		WITH_SITE(a_half_closed_client_gets_all_its_answers),
		WITH_SITE(a_megabyte_without_end_is_refused),
		WITH_SITE(the_longest_line),
		WITH_SITE(who_doesnt_read_is_held_back),
		WITH_SITE(leavers),
		WITH_SITE(the_silent_give_way),
		WITH_SITE(out_of_descriptors),
		WITH_SITE(one_daemon_a_socket),
		WITH_SITE(the_clients_words_for_no_daemon),
	};

	signal(SIGPIPE, SIG_IGN);	/* as posternd does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
