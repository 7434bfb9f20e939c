/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prometheus' text of what is counted, and the HTTP that gives it away. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_site.h"
#include "control/loop.h"
#include "control/metrics.h"
#include "control/metrics_server.h"
#include "control/request.h"

#define FAMILIES_MAX 512

static struct site site;
static struct loop *loop;
static struct metrics_server *server;
static uint16_t port;

/* One that is free now. */
static uint16_t free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t bytes = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static int set_up(void **state)
{
	struct error err = { .message = "" };
	struct addr loopback;

	(void)state;
	site_init(&site);
	site_configure(&site, SITE_HEAD SITE_IMAP);
	site_start(&site);
	loop = loop_new();
	assert_non_null(loop);
	assert_int_equal(addr_parse("127.0.0.1", &loopback), 0);
	port = free_port();
	server = metrics_server_new(loop, &site.gateway, &loopback, port, &err);
	if (server == NULL)
		fail_msg("%s: %s", err.where, err.message);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	metrics_server_free(server);
	loop_free(loop);
	site_stop(&site);
	site_fini(&site);
	return 0;
}

static bool matches(const char *text, const char *pattern)
{
	regex_t re;
	bool yes;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

/* Every line is of the format; a family stands once, its HELP and TYPE before it, and counters are named so. */
static void check_format(const char *text)
{
	static char families[FAMILIES_MAX][100];
	char *copy = strdup(text), *rest = NULL, name[100] = "", kind[20];
	unsigned int n = 0;

	assert_int_equal(text[strlen(text) - 1], '\n');
	for (char *line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "# HELP %99s", name) == 1) {
			assert_true(matches(line, "^# HELP postern_[a-z0-9_]+ .+$"));
			for (unsigned int i = 0; i < n; i++)
				assert_string_not_equal(families[i], name);
			assert_true(n < FAMILIES_MAX);
			snprintf(families[n++], sizeof(families[0]), "%s", name);
		} else if (sscanf(line, "# TYPE %*s %19s", kind) == 1) {
			assert_int_equal(strncmp(line + 7, name, strlen(name)), 0);
			assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0 || strcmp(kind, "histogram") == 0);
			assert_int_equal(matches(name, "_total$"), strcmp(kind, "counter") == 0);
		} else {
			if (!matches(line, "^postern_[a-z0-9_]+([{][a-z]+=\"([^\"\\]|\\\\.)*\"(,[a-z]+=\"([^\"\\]|\\\\.)*\")*[}])? -?[0-9.e+]+$"))
				fail_msg("not a sample: %s", line);
			assert_int_equal(strncmp(line, name, strlen(name)), 0);
			line += strlen(name);
			if (strcmp(kind, "histogram") == 0 && line[0] == '_')
				line += strcspn(line, "{");	/* _bucket, _sum, _count */
			assert_true(line[0] == '{' || line[0] == ' ');
		}
	}
	assert_true(n > 50);
	free(copy);
}

static char *text_of_site(void)
{
	json_t *stats = stats_json(&site.gateway, true);
	size_t bytes;
	char *text = metrics_text(stats, &bytes);

	json_decref(stats);
	assert_non_null(text);
	assert_int_equal(bytes, strlen(text));
	return text;
}

static void has(const char *text, const char *line)
{
	if (strstr(text, line) == NULL)
		fail_msg("%s isn't there", line);
}

static void test_text(void **state)
{
	char *text;

	(void)state;
	fake.gauges[1].turns_by_us[0] = 5;
	fake.gauges[1].turns_by_us[2] = 2;
	fake.gauges[1].turns_by_us[TURN_BOUNDS] = 1;
	fake.gauges[1].busy_us = 12500;
	text = text_of_site();
	check_format(text);
	has(text, "\npostern_worker_turn_seconds_bucket{worker=\"1\",le=\"2e-05\"} 5\n");
	has(text, "\npostern_worker_turn_seconds_bucket{worker=\"1\",le=\"0.0001\"} 7\n");
	has(text, "\npostern_worker_turn_seconds_bucket{worker=\"1\",le=\"0.005\"} 7\n");
	has(text, "\npostern_worker_turn_seconds_bucket{worker=\"1\",le=\"+Inf\"} 8\n");
	has(text, "\npostern_worker_turn_seconds_sum{worker=\"1\"} 0.0125\n");
	has(text, "\npostern_worker_turn_seconds_count{worker=\"1\"} 8\n");
	has(text, "\npostern_worker_connections{worker=\"1\"} 0\n");
	has(text, "\npostern_rule_connections{rule=\"imap\"} 0\n");
	has(text, "\npostern_certificate_not_after_seconds{certificate=\"mail\"} 1");
	has(text, "\npostern_drops_total{reason=\"tx_full\"} 0\n");
	has(text, "\npostern_tls_handshakes_total 0\n");
	has(text, "\npostern_control_requests_total ");
	has(text, "\npostern_control_generation ");
	has(text, "\npostern_draining 0\n");
	free(text);
}

/* All that is counted is there, whatever `stats` learns. */
static void test_all(void **state)
{
	static const char *const groups[][2] = { { "events", "" }, { "control", "control_" } };
	json_t *stats = stats_json(&site.gateway, true), *value;
	char *text = text_of_site(), line[200];
	const char *key;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		json_object_foreach(json_object_get(stats, groups[i][0]), key, value) {
			snprintf(line, sizeof(line), "\n# HELP postern_%s%s", groups[i][1], key);
			has(text, line);
		}
	}
	json_object_foreach(json_object_get(stats, "drops"), key, value) {
		snprintf(line, sizeof(line), "{reason=\"%s\"} %lld\n", key, (long long)json_integer_value(value));
		has(text, line);
	}
	json_decref(stats);
	free(text);
}

/* Names can't hold such things today; the format must not depend on it. */
static void test_quoting(void **state)
{
	json_t *stats = stats_json(&site.gateway, true);
	size_t bytes;
	char *text;

	(void)state;
	json_object_set_new(json_object_get(stats, "rules"), "a\"b\\c", json_pack("{s:i}", "open", 7));
	text = metrics_text(stats, &bytes);
	check_format(text);
	has(text, "\npostern_rule_connections{rule=\"a\\\"b\\\\c\"} 7\n");
	free(text);
	json_decref(stats);
}

static void turn(void)
{
	loop_stop(loop, 1);
	loop_run(loop);
}

static int dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* All that comes until the server closes, or "" when nothing does within a second. */
static const char *receive(int fd)
{
	static char text[1 << 18];
	size_t n = 0;

	for (unsigned int quiet = 0; quiet < 1000;) {
		ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		if (got < 0) {
			turn();
			quiet++;
			continue;
		}
		n += (size_t)got;
		quiet = 0;
	}
	text[n] = '\0';
	close(fd);
	return text;
}

static const char *ask(const char *request)
{
	int fd = dial();

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return receive(fd);
}

#define CLOSE "Host: x\r\nConnection: close\r\n\r\n"

static void test_http(void **state)
{
	const char *answer = ask("GET /metrics HTTP/1.1\r\n" CLOSE), *body;

	(void)state;
	assert_true(matches(answer, "^HTTP/1.1 200 "));
	has(answer, "Content-Type: " METRICS_CONTENT_TYPE "\r\n");
	body = strstr(answer, "\r\n\r\n") + 4;
	check_format(body);
	has(body, "\npostern_start_time_seconds ");

	answer = ask("HEAD /metrics HTTP/1.1\r\n" CLOSE);
	assert_true(matches(answer, "^HTTP/1.1 200 "));
	assert_string_equal(strstr(answer, "\r\n\r\n") + 4, "");
	assert_true(matches(ask("GET / HTTP/1.1\r\n" CLOSE), "^HTTP/1.1 404 "));
	assert_true(matches(ask("GET /metrics/../x HTTP/1.0\r\n\r\n"), "^HTTP/1.[01] 404 "));
	answer = ask("POST /metrics HTTP/1.1\r\nContent-Length: 4\r\n" CLOSE "body");
	assert_true(matches(answer, "^HTTP/1.1 405 "));
	has(answer, "Allow: GET, HEAD\r\n");
}

/* What is no HTTP, or too long, ends its own connection only. */
static void test_garbage(void **state)
{
	static char longer[70000];

	(void)state;
	ask("\x16\x03\x01\x02\x01\x01\r\n\r\n");
	memset(longer, 'a', sizeof(longer) - 1);
	memcpy(longer, "GET /", 5);
	assert_true(matches(ask(longer), "^(HTTP/1.[01] [45]|$)"));
	close(dial());
	assert_true(matches(ask("GET /metrics HTTP/1.1\r\n" CLOSE), "^HTTP/1.1 200 "));
}

static unsigned int descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return n;
}

/* Who opens connections and says nothing can't have all of posternd's descriptors. */
static void test_many(void **state)
{
	unsigned int before = descriptors();
	int fds[40];

	(void)state;
	for (unsigned int i = 0; i < 40; i++)
		fds[i] = dial();
	for (unsigned int i = 0; i < 200; i++)
		turn();
	assert_in_range(descriptors(), before + 40, before + 40 + 16);
	for (unsigned int i = 0; i < 40; i++)
		close(fds[i]);
	assert_true(matches(ask("GET /metrics HTTP/1.1\r\n" CLOSE), "^HTTP/1.1 200 "));
}

static void test_taken(void **state)
{
	struct error err = { .message = "" };
	struct addr elsewhere;

	(void)state;
	assert_int_equal(addr_parse("192.0.2.77", &elsewhere), 0);
	assert_null(metrics_server_new(loop, &site.gateway, &elsewhere, port, &err));
	assert_non_null(strstr(err.message, "can't listen on 192.0.2.77:"));
	assert_string_not_equal(err.hint, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests_name("metrics", tests, set_up, tear_down);
}
