/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of session tickets that are given: their file, their schedule, and posternd's care for them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control_site.h"
#include "control/log.h"
#include "control/request.h"
#include "control/text.h"
#include "dataplane/policy_rcu.h"
#include "tls/ticket_file.h"

#define A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define B "202122232425262728292A2B2C2D2E2F303132333435363738393a3b3c3d3e3f"
#define C "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define SECOND UINT64_C(1000000)
#define KEYS TLS_TICKETS_KEYS_MAX

static int parse(const char *text, struct tls_ticket_key keys[KEYS], char *why)
{
	return tls_ticket_file_parse((struct der){ (const uint8_t *)text, strlen(text) }, keys, why, 200);
}

static void good_files(void **state)
{
	struct tls_ticket_key keys[KEYS];
	char why[200];

	(void)state;
	assert_int_equal(parse("2026-11-25T06:00:00Z " A, keys, why), 1);
	assert_int_equal(keys[0].from, 1795586400);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(keys[0].key[i], i);
	assert_int_equal(parse("# of the north\r\n\r\n  1970-01-01T00:00:00Z\t" A "  # first\r\n"
			       "2028-02-29T23:59:59Z " C "\n2026-11-25T06:00:00Z " B, keys, why), 3);
	assert_int_equal(keys[0].key[0], 0x40);
	assert_int_equal(keys[1].key[10], 0x2a);
	assert_int_equal(keys[2].from, 0);
}

static void bad_files(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "holds no key" },
		{ "# nothing\n\n", "holds no key" },
		{ A "\n", "line 1: it doesn't begin with a time" },
		{ "2026-11-25 06:00:00Z " A, "line 1: it doesn't begin with a time" },
		{ "2026-11-25T06:00:00 " A, "line 1: it doesn't begin with a time" },
		{ "2026-02-29T06:00:00Z " A, "line 1: it doesn't begin with a time" },
		{ "2026-11-25T24:00:00Z " A, "line 1: it doesn't begin with a time" },
		{ "2026-11-25T06:00:60Z " A, "line 1: it doesn't begin with a time" },
		{ "1969-12-31T23:59:59Z " A, "line 1: it doesn't begin with a time" },
		{ "-026-11-25T06:00:00Z " A, "line 1: it doesn't begin with a time" },
		{ "2026-11-25T06:00:00Z" A, "line 1: it doesn't begin with a time" },
		{ "2026-11-25T06:00:00Z", "line 1: it doesn't begin with a time" },
		{ "\n2026-11-25T06:00:00Z 0001", "line 2: 64 hexadecimal digits" },
		{ "2026-11-25T06:00:00Z " A "0", "line 1: 64 hexadecimal digits" },
		{ "2026-11-25T06:00:00Z g" A, "line 1: 64 hexadecimal digits" },
		{ "2026-11-25T06:00:00Z " A " " B, "line 1: 64 hexadecimal digits" },
		{ "2026-11-25T06:00:00Z " A "\n2026-11-25T06:00:00Z " B, "line 2: another key begins in the same moment" },
		{ "2026-11-25T06:00:00Z " A "\n2026-11-25T07:00:00Z " A, "line 2: this key stands here twice" },
		{ "2026-11-25T06:00:00Z 7777777777777777777777777777777777777777777777777777777777777777",
		  "line 1: this is no key" },
	};
	struct tls_ticket_key keys[KEYS];
	char why[200], many[34 * 90] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, keys, why), -EINVAL);
		if (!strstr(why, cases[i].why) || strstr(why, "0001") || strstr(why, "7777"))
			fail_msg("%s: %s", cases[i].text, why);
	}
	for (unsigned int i = 0; i < KEYS + 1; i++) {
		assert_int_equal(parse(i > 0 ? many : "x", keys, why), i > 0 ? (int)i : -EINVAL);
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "2026-11-25T06:00:%02uZ %02x%s\n", i, i, &A[2]);
	}
	assert_int_equal(parse(many, keys, why), -EINVAL);
	assert_non_null(strstr(why, "line 33: more than 32 keys"));
}

struct sealed {
	uint8_t name[TLS_TICKET_NAME_BYTES], iv[TLS_TICKET_IV_BYTES], mac[TLS_TICKET_MAC_BYTES], text[50];
};

static const uint8_t binding[TLS_TICKET_BINDING_BYTES] = { 1 };

static struct sealed seal(const struct tls_tickets *t, time_t now)
{
	struct sealed s = { .text = "of the session" };

	assert_int_equal(tls_ticket_seal(t, binding, now, s.name, s.iv, s.mac, s.text, sizeof(s.text)), 0);
	return s;
}

static enum tls_ticket_opened opens(const struct tls_tickets *t, struct sealed s, time_t now)
{
	return tls_ticket_open(t, binding, now, s.name, s.iv, s.mac, s.text, sizeof(s.text));
}

static struct tls_tickets *set_of(const char *text)
{
	struct tls_ticket_key keys[KEYS];
	char why[200];
	int n = parse(text, keys, why);
	struct tls_tickets *t;

	assert_true(n > 0);
	t = tls_tickets_of(keys, (unsigned int)n, 3600);
	assert_non_null(t);
	return t;
}

/* Two gateways, of which one has not got the next key yet, and one has lost the first. */
static void a_schedule_is_kept_by_all(void **state)
{
	struct tls_tickets *both = set_of("1970-01-01T01:00:00Z " A "\n1970-01-01T02:00:00Z " B);
	struct tls_tickets *late = set_of("1970-01-01T01:00:00Z " A);
	struct tls_tickets *ahead = set_of("1970-01-01T02:00:00Z " B "\n1970-01-01T03:00:00Z " C);
	struct tls_ticket_key_info info, same;
	struct sealed s;

	(void)state;
	s = seal(both, 7199);	/* by A */
	assert_int_equal(opens(late, s, 7200), TLS_TICKET_GOOD);
	assert_int_equal(opens(both, s, 7199), TLS_TICKET_GOOD);
	assert_int_equal(opens(both, s, 7200), TLS_TICKET_AGEING);
	assert_int_equal(opens(ahead, s, 7200), TLS_TICKET_REFUSED);
	s = seal(both, 7200);	/* by B; the other's clock is behind */
	assert_int_equal(opens(both, s, 7190), TLS_TICKET_GOOD);
	assert_int_equal(opens(late, s, 7200), TLS_TICKET_REFUSED);
	assert_int_equal(opens(ahead, s, 7200), TLS_TICKET_GOOD);
	/* None has begun, as by a clock that was set back: the first one serves. */
	s = seal(ahead, 100);
	assert_int_equal(opens(both, s, 100), TLS_TICKET_GOOD);
	tls_tickets_describe(both, 0, 7199, &info);
	assert_int_equal(info.state, TLS_TICKET_KEY_NEXT);
	assert_int_equal(info.from, 7200);
	tls_tickets_describe(ahead, 1, 7200, &same);
	assert_int_equal(same.state, TLS_TICKET_KEY_CURRENT);
	assert_string_equal(same.id, info.id);
	tls_tickets_describe(both, 1, 7200, &info);
	assert_int_equal(info.state, TLS_TICKET_KEY_PREVIOUS);
	assert_string_not_equal(same.id, info.id);
	assert_null(strstr(A, info.id));
	assert_null(tls_tickets_of(NULL, 0, 3600));
	tls_tickets_free(both);
	tls_tickets_free(late);
	tls_tickets_free(ahead);
}

static void rolled(void **state)
{
	struct tls_ticket_key keys[KEYS], before[KEYS];
	char text[TLS_TICKET_FILE_BYTES + 1], why[200];
	unsigned int n = 0;
	size_t bytes;

	(void)state;
	assert_int_equal(tls_ticket_file_roll(keys, &n, 1000000, 3600, 7200), 0);
	assert_int_equal(n, 2);
	assert_int_equal(keys[1].from, 1000000);
	assert_int_equal(keys[0].from, 1003600);
	assert_memory_not_equal(keys[0].key, keys[1].key, 32);
	memcpy(before, keys, sizeof(keys));
	for (int again = 0; again <= 1800; again += 600)	/* again, within half a step: nothing to do */
		assert_int_equal(tls_ticket_file_roll(keys, &n, 1000000 + again, 3600, 7200), 0);
	assert_int_equal(n, 2);
	assert_memory_equal(before, keys, 2 * sizeof(keys[0]));
	/* A timer that comes a little early or late finds one key to make, each time. */
	for (unsigned int i = 1; i < 30; i++) {
		for (unsigned int twice = 0; twice < 2; twice++)
			assert_int_equal(tls_ticket_file_roll(keys, &n, 1000000 + i * 3600 + twice + (i % 3) * 900 - 900, 3600,
							      7200), 0);
		assert_int_equal(keys[0].from, 1000000 + (i + 1) * 3600);
		assert_int_equal(keys[1].from, 1000000 + i * 3600);
		assert_true(n <= 7);
		/* What sealed within the tickets' life still opens. */
		assert_true(keys[n - 1].from <= 1000000 + (int)i * 3600 - 7200 || n < 5);
	}
	/* It didn't run for a year: the last key seals on until the new one had its time to get around. */
	memcpy(before, keys, sizeof(keys));
	assert_int_equal(tls_ticket_file_roll(keys, &n, 33000000, 3600, 7200), 0);
	assert_int_equal(n, 2);
	assert_memory_equal(&keys[1], &before[0], sizeof(keys[0]));
	assert_int_equal(keys[0].from, 33003600);
	/* Nor for a step and a half: what it makes up for isn't begun at once. */
	memcpy(before, keys, sizeof(keys));
	assert_int_equal(tls_ticket_file_roll(keys, &n, 33000000 + 3600 + 2000, 3600, 7200), 0);
	assert_int_equal(n, 3);
	assert_int_equal(keys[0].from, 33000000 + 3600 + 2000 + 3600);
	assert_memory_equal(&keys[1], &before[0], sizeof(keys[0]));
	memmove(keys, &keys[1], sizeof(keys[0]) * 2);
	n = 2;
	/* What is written reads back. */
	bytes = tls_ticket_file_write(keys, n, text);
	text[bytes] = '\0';
	assert_int_equal(parse(text, before, why), 2);
	assert_memory_equal(before, keys, 2 * sizeof(keys[0]));
	/* A key a minute for tickets of a day are too many. */
	for (unsigned int i = 0; i < 40 && bytes > 0; i++)
		if (tls_ticket_file_roll(keys, &n, 33003600 + i * 60, 60, 86400) == -E2BIG)
			bytes = 0;
	assert_int_equal(bytes, 0);
	n = KEYS;
	for (unsigned int i = 0; i < n; i++) {
		keys[i].from = INT64_C(4102444800) - i;
		memset(keys[i].key, (int)i, 31);
		keys[i].key[31] = 99;
	}
	text[tls_ticket_file_write(keys, n, text)] = '\0';
	assert_int_equal(parse(text, before, why), KEYS);	/* the longest file is read whole */
}

static struct site site;
static uint64_t now_us;

static int set_up(void **state)
{
	(void)state;
	site_init(&site);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	site_stop(&site);
	site_fini(&site);
	return 0;
}

static void put_file(const char *text)
{
	char fresh[300], path[300];

	snprintf(fresh, sizeof(fresh), "%s", site_write(&site, "keys.new", text));
	snprintf(path, sizeof(path), "%s/keys", site.folder);
	assert_int_equal(chmod(fresh, 0600), 0);
	assert_int_equal(rename(fresh, path), 0);
}

static void start(const char *text)
{
	site_configure(&site, text);
	site_start(&site);
	now_us = monotonic_us();
}

static json_t *ask(const char *verb)
{
	char request[100], *line;
	json_t *answer;

	snprintf(request, sizeof(request), "{\"verb\":\"%s\"}", verb);
	line = request_answer(&site.gateway, request, strlen(request));
	answer = json_loads(line, 0, NULL);
	assert_null(strstr(line, "0001020304"));
	assert_null(strstr(line, "2021222324"));
	free(line);
	return answer;
}

/* Key @i's name as `postern tickets` tells it, newest first; NULL: there are fewer. */
static const char *id(size_t i, const char *state)
{
	static char text[40];
	json_t *answer = ask("tickets");
	json_t *key = json_array_get(json_object_get(json_object_get(answer, "result"), "keys"), i);

	snprintf(text, sizeof(text), "%s", key ? json_string_value(json_object_get(key, "id")) : "");
	if (key && state)
		assert_string_equal(json_string_value(json_object_get(key, "state")), state);
	json_decref(answer);
	return text[0] != '\0' ? text : NULL;
}

static const char *id_of(const char *file)
{
	static char text[40];
	struct tls_tickets *t = set_of(file);
	struct tls_ticket_key_info info;

	tls_tickets_describe(t, 0, 1, &info);
	snprintf(text, sizeof(text), "%s", info.id);
	tls_tickets_free(t);
	return text;
}

/* The log of what two looks find, in *text (free it). */
static char *look(void)
{
	struct error err = { .message = "" };
	char path[256], *text;
	size_t bytes;

	snprintf(path, sizeof(path), "%s/log", site.folder);
	unlink(path);
	assert_int_equal(log_open(path, false, &err), 0);
	log_set_level(LOG_INFO_LEVEL);
	now_us += 11 * SECOND;
	ticket_keys_tick(&site.gateway, now_us);
	now_us += SECOND;
	ticket_keys_tick(&site.gateway, now_us);
	log_set_level(LOG_ERROR_LEVEL);
	log_close();
	assert_int_equal(text_read_file(path, 1u << 20, &text, &bytes, &err), 0);
	assert_null(strstr(text, "0001020304"));
	assert_null(strstr(text, "2021222324"));
	return text;
}

static void looks_and_says(const char *words)
{
	char *text = look();

	if (words ? !strstr(text, words) : text[0] != '\0')
		fail_msg("%s wanted, but: %s", words ? words : "nothing", text);
	free(text);
}

#define WITH_FILE SITE_HEAD SITE_IMAP "tickets { keys = keys; lifetime = 1h; }\n"
#define KEY_A "2020-01-01T00:00:00Z " A "\n"
#define KEY_B "2020-01-02T00:00:00Z " B "\n"

static void a_file_is_watched(void **state)
{
	const struct tls_tickets *before;
	json_t *answer;

	(void)state;
	put_file(KEY_A);
	start(WITH_FILE);
	assert_string_equal(id(0, "current"), id_of(KEY_A));
	assert_null(id(1, NULL));
	assert_int_equal(tls_tickets_lifetime_s(policy_current()->tickets), 3600);
	looks_and_says("has sealed for");	/* since 2020; and once only */
	looks_and_says(NULL);
	put_file(KEY_A KEY_B "2999-01-01T00:00:00Z " C "\n");
	looks_and_says("3 keys were read");
	id(0, "next");
	assert_string_equal(id(1, "current"), id_of(KEY_B));
	assert_string_equal(id(2, "previous"), id_of(KEY_A));
	looks_and_says(NULL);
	/* What can't be used is told once, and changes nothing. */
	before = policy_current()->tickets;
	put_file(KEY_A "nonsense\n");
	looks_and_says("line 2: it doesn't begin with a time");
	looks_and_says(NULL);
	put_file("2999-01-01T00:00:00Z " C "\n");
	looks_and_says("none of its keys has begun");
	put_file(KEY_A);
	assert_int_equal(chmod(site_write(&site, "keys", KEY_B), 0644), 0);
	looks_and_says("others may read");
	assert_int_equal(unlink(site_write(&site, "keys", KEY_B)), 0);
	looks_and_says("No such file");
	assert_ptr_equal(policy_current()->tickets, before);
	/* A reload is refused whole; with a good file it reads that at once. */
	answer = ask("reload");
	assert_false(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	assert_ptr_equal(policy_current()->tickets, before);
	put_file(KEY_A);
	answer = ask("reload");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	assert_string_equal(id(0, "current"), id_of(KEY_A));
	looks_and_says("has sealed for");	/* another one than the last that was told */
	looks_and_says(NULL);
	/* Without a file: keys of our own, none of the given ones among them. */
	site_configure(&site, SITE_HEAD SITE_IMAP);
	json_decref(ask("reload"));
	id(0, "current");
	assert_null(id(1, NULL));
	assert_string_not_equal(id(0, NULL), id_of(KEY_A));
	assert_int_equal(tls_tickets_lifetime_s(policy_current()->tickets), 7200);
}

static void a_bad_file_refuses_the_start(void **state)
{
	struct config *config;
	struct error err = { .message = "" };

	(void)state;
	put_file("2020-01-01T00:00:00Z 0001020304\n");
	site_configure(&site, WITH_FILE);
	assert_int_equal(config_read(site.config, &config, &err), 0);
	assert_int_not_equal(gateway_check(config, &err), 0);
	assert_non_null(strstr(err.message, "/keys: line 1: 64 hexadecimal digits"));
	assert_int_not_equal(gateway_init(&site.gateway, config, &err), 0);
	assert_non_null(strstr(err.message, "/keys: line 1: 64 hexadecimal digits"));
	start(SITE_HEAD SITE_IMAP);
}

static void our_own_are_made_anew(void **state)
{
	char first[40];

	(void)state;
	start(SITE_HEAD SITE_IMAP "tickets { lifetime = 2h; }\n");
	snprintf(first, sizeof(first), "%s", id(0, "current"));
	ticket_keys_tick(&site.gateway, now_us + 3590 * SECOND);
	assert_string_equal(id(0, "current"), first);
	for (unsigned int i = 1; i < 4; i++) {
		ticket_keys_tick(&site.gateway, now_us + i * 3601 * SECOND);
		id(0, "current");
		if (i < 3)
			assert_string_equal(id(i, "previous"), first);
	}
	assert_null(id(3, NULL));
	assert_string_not_equal(id(2, "previous"), first);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_watched), TEST(a_bad_file_refuses_the_start), TEST(our_own_are_made_anew),
		cmocka_unit_test(good_files), cmocka_unit_test(bad_files),
		cmocka_unit_test(a_schedule_is_kept_by_all), cmocka_unit_test(rolled),
	};

	return cmocka_run_group_tests_name("ticket_keys", tests, NULL, NULL);
}
