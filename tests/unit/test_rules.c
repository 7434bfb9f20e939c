/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules from definitions to snapshots: sharing, retirement, numbers, all or nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_site.h"
#include "control/log.h"
#include "control/request.h"
#include "control/text.h"
#include "dataplane/policy_rcu.h"
#include "tls/ca.h"
#include "tls/key.h"
#include "tls/tickets.h"

#define CHANGES 10000	/* accepted ones */
#define NAMES 24

static struct site site;

static int set_up(void **state)
{
	(void)state;
	site_init(&site);
	site_configure(&site, SITE_HEAD SITE_IMAP);
	site_start(&site);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	site_stop(&site);
	site_fini(&site);
	return 0;
}

/* The result of a request; NULL and @code when it was refused. */
static json_t *ask(const char *request, char *code)
{
	char *line = request_answer(&site.gateway, request, strlen(request));
	json_t *answer, *result;

	assert_non_null(line);
	assert_int_equal(line[strlen(line) - 1], '\n');
	answer = json_loads(line, 0, NULL);
	assert_non_null(answer);
	result = json_incref(json_object_get(answer, "result"));
	if (code != NULL)
		snprintf(code, 16, "%s", json_is_true(json_object_get(answer, "ok")) ? "" :
			 json_string_value(json_object_get(json_object_get(answer, "error"), "code")));
	json_decref(answer);
	free(line);
	return result;
}

static void accepted(const char *request)
{
	char code[16];

	json_decref(ask(request, code));
	if (code[0] != '\0')
		fail_msg("refused (%s): %s", code, request);
}

static void refused(const char *request, const char *expected)
{
	const struct policy *before = policy_current();
	char code[16];

	json_decref(ask(request, code));
	assert_string_equal(code, expected);
	assert_ptr_equal(policy_current(), before);	/* nothing was published */
}

static const struct rule *published(const char *address, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(address, &a), 0);
	return policy_lookup(policy_current(), &a, port);
}

static void a_rule_works_the_moment_it_is_accepted(void **state)
{
	const struct rule *r;

	(void)state;
	assert_null(published("192.0.2.10", 465));
	accepted("{\"id\":1,\"verb\":\"rule.add\",\"args\":{\"name\":\"smtp\",\"protocol\":\"smtps\",\"listen\":\"192.0.2.10\","
		 "\"servers\":[\"10.20.0.2:25\",\"10.20.0.3\"],\"certificate\":\"other\",\"deny\":[\"198.51.100.0/24\"],"
		 "\"idle_timeout\":\"5min\"}}");
	r = published("192.0.2.10", 465);
	assert_non_null(r);
	assert_int_equal(r->n_servers, 2);
	assert_int_equal(r->servers[0].port, 25);
	assert_int_equal(r->servers[1].port, 587);
	assert_int_equal(r->idle_timeout_us, 300000000);
	assert_int_equal(r->handshake_timeout_us, 10000000);	/* the configuration's */
	assert_true(fake_connect(0, "192.0.2.10", 465, "198.51.100.9") < 0);
	assert_true(fake_connect(1, "192.0.2.10", 465, "203.0.113.9") >= 0);
	assert_non_null(r->slots[0].tls);
	assert_ptr_not_equal(r->slots[0].tls, r->slots[1].tls);	/* each worker its own */
}

static void an_unchanged_rule_is_the_same_struct(void **state)
{
	const struct rule *r = published("192.0.2.10", 993);

	(void)state;
	accepted("{\"verb\":\"rule.add\",\"args\":{\"name\":\"p\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\","
		 "\"servers\":\"10.20.0.2\",\"certificate\":\"mail\"}}");
	assert_ptr_equal(published("192.0.2.10", 993), r);
	accepted("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"tls_min\":\"1.3\"}}");
	assert_ptr_not_equal(published("192.0.2.10", 993), r);
	assert_non_null(published("192.0.2.10", 995));
}

static void connections_keep_the_rule_they_came_by(void **state)
{
	int c = fake_connect(0, "192.0.2.10", 993, "203.0.113.9");

	(void)state;
	assert_true(c >= 0);
	accepted("{\"verb\":\"rule.remove\",\"args\":{\"name\":\"imap\"}}");
	assert_null(published("192.0.2.10", 993));
	assert_true(fake_connect(0, "192.0.2.10", 993, "203.0.113.9") < 0);
	assert_int_equal(site.gateway.live.n_retired, 1);
	assert_int_equal(live_reap(&site.gateway.live), 0);	/* still held */
	assert_string_equal(fake.connections[c].rule->name, "imap");
	fake_close(c, SPLICE_CLIENT_CLOSED);
	assert_int_equal(live_reap(&site.gateway.live), 1);
	assert_int_equal(site.gateway.live.n_retired, 0);
}

static void now_ends_them(void **state)
{
	json_t *result;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(fake_connect((uint16_t)(i % 2), "192.0.2.10", 993, "203.0.113.9") >= 0);
	accepted("{\"verb\":\"rule.disable\",\"args\":{\"name\":\"imap\"}}");
	assert_int_equal(fake_open(), 5);
	accepted("{\"verb\":\"rule.enable\",\"args\":{\"name\":\"imap\"}}");
	assert_true(fake_connect(0, "192.0.2.10", 993, "203.0.113.9") >= 0);
	result = ask("{\"verb\":\"rule.remove\",\"args\":{\"name\":\"imap\",\"now\":true}}", NULL);
	assert_int_equal(json_integer_value(json_object_get(result, "killed")), 6);	/* older versions' too */
	json_decref(result);
	assert_int_equal(fake_open(), 0);
}

static void numbers_go_by_name(void **state)
{
	struct rule_count c;
	int first = fake_connect(0, "192.0.2.10", 993, "203.0.113.9");

	(void)state;
	accepted("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"servers\":\"10.20.0.9\"}}");
	fake_connect(1, "192.0.2.10", 993, "203.0.113.9");
	fake_close(first, SPLICE_CLIENT_CLOSED);
	live_count(&site.gateway.live, "imap", &c);
	assert_int_equal(c.accepted, 2);
	assert_int_equal(c.open, 1);
	accepted("{\"verb\":\"rule.disable\",\"args\":{\"name\":\"imap\",\"now\":true}}");
	live_reap(&site.gateway.live);
	live_count(&site.gateway.live, "imap", &c);
	assert_int_equal(c.accepted, 2);	/* disabled, but its name is there */
	accepted("{\"verb\":\"rule.remove\",\"args\":{\"name\":\"imap\"}}");
	live_reap(&site.gateway.live);
	live_count(&site.gateway.live, "imap", &c);
	assert_int_equal(c.accepted, 0);
}

static void a_wrong_change_changes_nothing(void **state)
{
	static const struct {
		const char *args, *code;
	} wrong[] = {
		{ "\"name\":\"imap\",\"protocol\":\"imaps\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\"", "exists" },
		{ "\"name\":\"x\",\"protocol\":\"imaps\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\"", "conflict" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.11\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\"", "invalid" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.1\"],\"certificate\":\"mail\"", "invalid" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"fd99::1\"],\"certificate\":\"mail\"", "invalid" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"mail.lan\"],\"certificate\":\"mail\"", "invalid" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[],\"certificate\":\"mail\"", "invalid" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"none\"", "not_found" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"]", "invalid" },
		{ "\"name\":\"x\",\"port\":70000,\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2:1\"],\"certificate\":\"mail\"", "invalid" },
		{ "\"name\":\"x\",\"port\":700,\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\"", "invalid" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\",\"allow\":[]", "invalid" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\",\"allow\":[\"10/8\"]", "invalid" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\",\"colour\":1", "unknown" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\",\"strength\":100", "invalid" },
		{ "\"name\":\"x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\",\"strength\":192", "invalid" },
		{ "\"name\":\"../x\",\"protocol\":\"pop3s\",\"listen\":\"192.0.2.10\",\"servers\":[\"10.20.0.2\"],\"certificate\":\"mail\"", "invalid" },
	};
	char request[512];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(request, sizeof(request), "{\"verb\":\"rule.add\",\"args\":{%s}}", wrong[i].args);
		refused(request, wrong[i].code);
	}
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\"}}", "invalid");
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"nobody\",\"port\":1}}", "not_found");
	refused("{\"verb\":\"rule.remove\",\"args\":{}}", "invalid");
	assert_int_equal(site.gateway.rules.n, 1);
}

static void many_changes_are_one(void **state)
{
	(void)state;
	refused("{\"verb\":\"rules.apply\",\"args\":{\"changes\":["
		"{\"verb\":\"rule.disable\",\"args\":{\"name\":\"imap\"}},"
		"{\"verb\":\"rule.add\",\"args\":{\"name\":\"x\"}}]}}", "invalid");
	assert_true(site.gateway.rules.defs[0].enabled);
	/* Two rules change places: in the middle both would publish one port. */
	accepted("{\"verb\":\"rule.add\",\"args\":{\"name\":\"b\",\"port\":1993,\"listen\":\"192.0.2.10\","
		 "\"servers\":\"10.20.0.2:143\",\"certificate\":\"mail\"}}");
	accepted("{\"verb\":\"rules.apply\",\"args\":{\"changes\":["
		 "{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"port\":1993}},"
		 "{\"verb\":\"rule.change\",\"args\":{\"name\":\"b\",\"port\":993}}]}}");
	assert_string_equal(published("192.0.2.10", 993)->name, "b");
	assert_int_equal(policy_current()->generation, 3);
}

static void a_replaced_certificate_serves_new_connections(void **state)
{
	const struct rule *before = published("192.0.2.10", 993);
	int c = fake_connect(0, "192.0.2.10", 993, "203.0.113.9");

	(void)state;
	accepted("{\"verb\":\"cert.load\",\"args\":{\"name\":\"mail\"}}");
	site_certificate(&site, "mail", "imap2.example.test", 100);
	accepted("{\"verb\":\"cert.load\",\"args\":{\"name\":\"mail\"}}");
	assert_ptr_not_equal(published("192.0.2.10", 993), before);
	assert_true(tls_cert_names_host(certs_lookup(&site.gateway.certs, "mail")->tls, "imap2.example.test"));
	assert_non_null(fake.connections[c].rule->slots[0].tls);	/* the old one lives on */
	site_write(&site, "certs/mail.key", "no key");
	refused("{\"verb\":\"cert.load\",\"args\":{\"name\":\"mail\"}}", "invalid");
	fake_close(c, SPLICE_CLIENT_CLOSED);
	live_reap(&site.gateway.live);
	assert_int_equal(site.gateway.live.n_retired, 0);
}

static void ticket_keys_rotate(void **state)
{
	const struct tls_tickets *before = policy_current()->tickets;
	const struct rule *r = published("192.0.2.10", 993);
	struct error err;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(live_put_tickets(&site.gateway.live,
			tls_tickets_new(site.gateway.live.tickets, 3600), &err), 0);
		assert_ptr_not_equal(policy_current()->tickets, before);
		assert_ptr_equal(published("192.0.2.10", 993), r);
		before = policy_current()->tickets;
	}
}

static void a_stuck_worker_refuses_changes_instead_of_hanging(void **state)
{
	(void)state;
	gateway_tick(&site.gateway, 1000000);
	fake.stuck = true;
	gateway_tick(&site.gateway, 2000000);
	gateway_tick(&site.gateway, 4500000);
	refused("{\"verb\":\"rule.disable\",\"args\":{\"name\":\"imap\"}}", "busy");
	fake.stuck = false;
	gateway_tick(&site.gateway, 5500000);
	accepted("{\"verb\":\"rule.disable\",\"args\":{\"name\":\"imap\"}}");
}

static void reload_is_all_or_nothing(void **state)
{
	const struct rule *imap = published("192.0.2.10", 993);
	json_t *result;

	(void)state;
	site_configure(&site, SITE_HEAD SITE_IMAP "rule x { protocol = smtps; }\n");
	refused("{\"verb\":\"reload\"}", "invalid");
	site_configure(&site, SITE_HEAD SITE_IMAP
		       "rule smtp { protocol = smtps; listen = 192.0.2.10; servers = 10.20.0.2:25; certificate = other; }\n"
		       "limits { connections = 77; }\n");
	result = ask("{\"verb\":\"reload\"}", NULL);
	assert_int_equal(json_integer_value(json_object_get(result, "added")), 1);
	assert_int_equal(json_integer_value(json_object_get(result, "changed")), 0);
	assert_int_equal(json_integer_value(json_object_get(result, "certificates")), 1);
	assert_string_equal(json_string_value(json_object_get(result, "needs_restart")), "limits");
	json_decref(result);
	assert_ptr_equal(published("192.0.2.10", 993), imap);	/* and its certificate, read again, is the same */
	assert_non_null(published("192.0.2.10", 465));
}

/* A CA of its own, in ca.pem. */
static void make_ca(const char *name)
{
	const struct tls_subject who = { .common_name = name };
	char err[256] = "";
	struct tls_key *key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	char *pem = key != NULL ? tls_ca_make(key, &who, 30, time(NULL), err, sizeof(err)) : NULL;

	if (pem == NULL)
		fail_msg("%s", err);
	site_write(&site, "ca.pem", pem);
	free(pem);
	tls_key_free(key);
}

static void the_servers_ca_is_read_again_at_a_reload(void **state)
{
	const struct rule *before;
	char config[1024];

	(void)state;
	make_ca("First CA");
	snprintf(config, sizeof(config), "%s rule imap { protocol = imaps; listen = 192.0.2.10; servers = 10.20.0.2;"
		 " certificate = mail; backend_tls = on; backend_ca = \"%s/ca.pem\"; backend_name = imap.inside.test; }\n",
		 SITE_HEAD, site.folder);
	site_configure(&site, config);
	accepted("{\"verb\":\"reload\"}");
	before = published("192.0.2.10", 993);
	assert_int_equal(before->servers[0].port, 993);	/* inside, too */
	assert_non_null(before->slots[0].server_tls);
	assert_ptr_not_equal(before->slots[0].server_tls, before->slots[1].server_tls);
	accepted("{\"verb\":\"reload\"}");
	assert_ptr_equal(published("192.0.2.10", 993), before);
	make_ca("Second CA");
	accepted("{\"verb\":\"reload\"}");
	assert_ptr_not_equal(published("192.0.2.10", 993), before);
	before = published("192.0.2.10", 993);
	site_write(&site, "ca.pem", "no certificate");
	refused("{\"verb\":\"reload\"}", "invalid");
	assert_ptr_equal(published("192.0.2.10", 993), before);
}

static void a_link_that_changes_is_logged(void **state)
{
	struct error err = { .message = "" };
	char path[256], *text;
	const char *at;
	size_t bytes;

	(void)state;
	snprintf(path, sizeof(path), "%s/log", site.folder);
	assert_int_equal(log_open(path, false, &err), 0);
	log_set_level(LOG_INFO_LEVEL);
	gateway_tick(&site.gateway, 1000000);
	fake.link_down = true;
	gateway_tick(&site.gateway, 2000000);
	gateway_tick(&site.gateway, 3000000);
	fake.link_down = false;
	gateway_tick(&site.gateway, 4000000);
	log_set_level(LOG_ERROR_LEVEL);
	log_close();
	assert_int_equal(text_read_file(path, 1u << 20, &text, &bytes, &err), 0);
	at = strstr(text, "warning: port external: its link is down\n");
	assert_non_null(at);
	at = strstr(at + 20, "port external: its link is ");
	assert_non_null(at);
	assert_memory_equal(at, "port external: its link is up\n", 30);
	assert_null(strstr(at + 1, "port external"));
	free(text);
}

static uint64_t killed(const char *request)
{
	json_t *result = ask(request, NULL);
	uint64_t n = (uint64_t)json_integer_value(json_object_get(result, "killed"));

	json_decref(result);
	return n;
}

/* The same for a rule's, and for a drain that has but a moment: the ring holds one share at a time. */
static void thousands_end_in_shares(void **state)
{
	enum { CONNECTIONS = 9000, LOG_RECORDS = 4096 };
	struct error err = { .message = "" };

	(void)state;
	log_set_level(LOG_ERROR_LEVEL);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < CONNECTIONS; i++)
			assert_true(fake_connect(i % 5 == 0, "192.0.2.10", 993, "203.0.113.9") >= 0);
		if (round == 0) {
			assert_int_equal(killed("{\"verb\":\"kill\",\"args\":{\"rule\":\"imap\"}}"), CONNECTIONS);
		} else if (round == 1) {
			assert_int_equal(drain_begin(&site.gateway.drain, 1000, 1000000, &err), 0);
			gateway_tick(&site.gateway, 3000000);
			assert_int_equal(drain_end(&site.gateway.drain, &err), 0);
		} else {
			assert_int_equal(killed("{\"verb\":\"rule.disable\",\"args\":{\"name\":\"imap\",\"now\":true}}"), CONNECTIONS);
		}
		assert_int_equal(fake_open(), 0);
		assert_int_equal(fake.n_log, 0);
		assert_in_range(fake.log_peak, 1000, LOG_RECORDS - 1);
	}
}

/* A list of thousands comes in bounded parts, in which each connection is once, also when others end meanwhile. */
static void a_long_list_comes_in_parts(void **state)
{
	enum { CONNECTIONS = 2000 };
	char request[128], next[40] = "";
	static bool seen[CONNECTIONS + 1];
	unsigned int parts = 0, n = 0;

	(void)state;
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < CONNECTIONS; i++)
		assert_true(fake_connect((uint16_t)(i % 2), "192.0.2.10", 993, "203.0.113.9") >= 0);
	do {
		const json_t *rows, *row;
		json_t *result;
		size_t i;

		snprintf(request, sizeof(request), "{\"verb\":\"connections\",\"args\":{\"after\":\"%s\"}}", next);
		result = ask(request, NULL);
		rows = json_object_get(result, "connections");
		assert_true(json_array_size(rows) <= 512);
		json_array_foreach(rows, i, row) {
			const char *dash = strchr(json_string_value(json_object_get(row, "id")), '-');
			unsigned long serial = strtoul(dash + 1, NULL, 10);

			assert_in_range(serial, 1, CONNECTIONS);
			assert_false(seen[serial]);
			seen[serial] = true;
			n++;
		}
		if (parts++ == 0)	/* one that was listed, and one that wasn't yet */
			fake_close(0, SPLICE_CLIENT_CLOSED), fake_close(CONNECTIONS - 1, SPLICE_CLIENT_CLOSED);
		next[0] = '\0';
		if (json_object_get(result, "next") != NULL)
			snprintf(next, sizeof(next), "%s", json_string_value(json_object_get(result, "next")));
		json_decref(result);
	} while (next[0] != '\0');
	assert_int_equal(n, CONNECTIONS - 1);
	assert_int_equal(parts, 4);
	refused("{\"verb\":\"connections\",\"args\":{\"after\":\"x\"}}", "invalid");
	refused("{\"verb\":\"connections\",\"args\":{\"after\":\"0-4294967296\"}}", "invalid");
	refused("{\"verb\":\"connections\",\"args\":{\"max\":513}}", "invalid");
	/* Places that no answer gave: the end of the list. */
	accepted("{\"verb\":\"connections\",\"args\":{\"after\":\"0-4294967295\"}}");
	accepted("{\"verb\":\"connections\",\"args\":{\"after\":\"200-0\"}}");
	for (size_t i = 0; i < fake.n_connections; i++) {
		if (fake.connections[i].open)
			fake_close((int)i, SPLICE_CLIENT_CLOSED);
	}
}

/* A stop ends thousands of connections: each finds room for its line, and what was lost before is told. */
static void every_connection_has_its_line_at_a_stop(void **state)
{
	enum { CONNECTIONS = 9000, LOG_RECORDS = 4096 };
	struct error err = { .message = "" };
	unsigned int lines = 0;
	char path[256], *text;
	size_t bytes;

	(void)state;
	snprintf(path, sizeof(path), "%s/log", site.folder);
	assert_int_equal(log_open(path, false, &err), 0);
	for (int i = 0; i < CONNECTIONS; i++)
		assert_true(fake_connect((uint16_t)(i % 2), "192.0.2.10", 993, "203.0.113.9") >= 0);
	fake.counters[1].drops[DROP_LOG_FULL] = 3;
	log_set_level(LOG_WARNING_LEVEL);
	gateway_end_connections();
	assert_int_equal(fake_open(), 0);
	assert_true(fake.log_peak < LOG_RECORDS);
	gateway_log_last(&site.gateway);
	log_set_level(LOG_ERROR_LEVEL);
	log_close();
	assert_int_equal(text_read_file(path, 1u << 24, &text, &bytes, &err), 0);
	for (const char *at = text; (at = strstr(at, " end=drained\n")) != NULL; at++)
		lines++;
	assert_int_equal(lines, CONNECTIONS);
	assert_non_null(strstr(text, "3 connections ended without a line here"));
	free(text);
}

/* One random change of one of NAMES rules, each on its own port. */
static void random_change(unsigned int *seed, unsigned int *done)
{
	static const char *const servers[] = { "10.20.0.2:143", "10.20.0.3:143", "10.20.0.4:143" };
	unsigned int name = (unsigned int)rand_r(seed) % NAMES;
	char request[400], rule[32], code[16];

	snprintf(rule, sizeof(rule), "r%u", name);
	switch (rand_r(seed) % 6) {
	case 0:
	case 1:
		snprintf(request, sizeof(request), "{\"verb\":\"rule.add\",\"args\":{\"name\":\"%s\",\"port\":%u,"
			 "\"listen\":\"192.0.2.10\",\"servers\":\"%s\",\"certificate\":\"mail\"}}", rule, 2000 + name,
			 servers[rand_r(seed) % 3]);
		break;
	case 2:
		snprintf(request, sizeof(request), "{\"verb\":\"rule.change\",\"args\":{\"name\":\"%s\",\"servers\":\"%s\","
			 "\"allow\":[\"203.0.113.0/24\",\"2001:db8::/32\"]}}", rule, servers[rand_r(seed) % 3]);
		break;
	case 3:
		snprintf(request, sizeof(request), "{\"verb\":\"rule.remove\",\"args\":{\"name\":\"%s\"}}", rule);
		break;
	case 4:
		snprintf(request, sizeof(request), "{\"verb\":\"rule.disable\",\"args\":{\"name\":\"%s\"}}", rule);
		break;
	default:
		snprintf(request, sizeof(request), "{\"verb\":\"rule.enable\",\"args\":{\"name\":\"%s\"}}", rule);
		break;
	}
	json_decref(ask(request, code));
	*done += code[0] == '\0';
}

static void ten_thousand_random_changes_lose_and_leak_nothing(void **state)
{
	unsigned int seed = 20261124, done = 0;
	struct fake_connection *c;

	(void)state;
	for (unsigned int i = 0; done < CHANGES; i++) {
		size_t before = fake_open();

		random_change(&seed, &done);
		assert_int_equal(fake_open(), before);	/* no connection was lost by a change */
		fake_connect((uint16_t)(rand_r(&seed) % 2), "192.0.2.10", (uint16_t)(2000 + rand_r(&seed) % NAMES), "203.0.113.9");
		if (fake.n_connections > 0) {
			int k = rand_r(&seed) % (int)fake.n_connections;

			c = &fake.connections[k];
			if (c->open) {	/* what it holds is whole */
				assert_string_equal(c->rule->name, c->record.rule);
				assert_non_null(c->rule->slots[c->worker].tls);
				if (rand_r(&seed) % 2 == 0)
					fake_close(k, SPLICE_CLIENT_CLOSED);
			}
		}
		if (i % 50 == 0)
			live_reap(&site.gateway.live);
	}
	for (size_t k = 0; k < fake.n_connections; k++) {
		if (fake.connections[k].open)
			fake_close((int)k, SPLICE_CLIENT_CLOSED);
	}
	live_reap(&site.gateway.live);
	assert_int_equal(site.gateway.live.n_retired, 0);
}

int main(void)
{
#define WITH_SITE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_SITE(a_rule_works_the_moment_it_is_accepted),
		WITH_SITE(an_unchanged_rule_is_the_same_struct),
		WITH_SITE(connections_keep_the_rule_they_came_by),
		WITH_SITE(now_ends_them),
		WITH_SITE(numbers_go_by_name),
		WITH_SITE(a_wrong_change_changes_nothing),
		WITH_SITE(many_changes_are_one),
		WITH_SITE(a_replaced_certificate_serves_new_connections),
		WITH_SITE(ticket_keys_rotate),
		WITH_SITE(a_stuck_worker_refuses_changes_instead_of_hanging),
		WITH_SITE(reload_is_all_or_nothing),
		WITH_SITE(the_servers_ca_is_read_again_at_a_reload),
		WITH_SITE(a_link_that_changes_is_logged),
		WITH_SITE(a_long_list_comes_in_parts),
		WITH_SITE(thousands_end_in_shares),
		WITH_SITE(every_connection_has_its_line_at_a_stop),
		WITH_SITE(ten_thousand_random_changes_lose_and_leak_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
