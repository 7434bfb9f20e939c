/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OCSP responses over time: found, watched, told of, let go of. They are openssl's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control_site.h"
#include "control/log.h"
#include "control/request.h"
#include "control/staples.h"
#include "control/staples_fetch.h"
#include "control/text.h"
#include "tls/staple.h"

#define SECOND UINT64_C(1000000)
#define DAY 86400

/* As SITE_HEAD, but for its section certificates. */
#define HEAD \
	"workers = 2;\n" \
	"port external { device = net_null0; addresses = [\"192.0.2.10/24\", \"2001:db8:0:1::10/64\"]; }\n" \
	"port internal { device = net_null1; addresses = [\"10.20.0.1/24\", \"fd20::1/64\"]; }\n" \
	"route { to = default; via = 192.0.2.1; }\n"

static struct site site;
static uint64_t now_us;
static time_t at;

static void run(const char *what)
{
	char command[3000];

	snprintf(command, sizeof(command), "cd %s && exec 2>>openssl.log && set -e && { %s\n}", site.folder, what);
	if (system(command) != 0)
		fail_msg("%s: see %s/openssl.log", what, site.folder);
}

/* mail is of the store's CA; its index says that it is good. */
static int set_up(void **state)
{
	(void)state;
	site_init(&site);
	at = time(NULL);
	run("mkdir certs/ca; openssl ecparam -genkey -name prime256v1 -noout -out certs/ca/ca.key\n"
	    "openssl req -x509 -new -key certs/ca/ca.key -subj /CN=CA -days 30 -out certs/ca/ca.pem\n"
	    "printf 'subjectAltName=DNS:imap.example.test\\ntlsfeature=status_request\\n' >ext\n"
	    "openssl req -new -key certs/mail.key -subj /CN=mail -out csr\n"
	    "openssl x509 -req -in csr -CA certs/ca/ca.pem -CAkey certs/ca/ca.key -set_serial 0x77 -days 20 -extfile ext -out certs/mail.pem\n"
	    "printf 'V\\t401231235959Z\\t\\t77\\tunknown\\t/CN=mail\\n' >index");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	site_stop(&site);
	site_fini(&site);
	return 0;
}

static void respond(void)
{
	run("openssl ocsp -index index -CA certs/ca/ca.pem -rsigner certs/ca/ca.pem -rkey certs/ca/ca.key -issuer certs/ca/ca.pem\\\n"
	    " -cert certs/mail.pem -ndays 4 -noverify -respout new; mv new certs/mail.ocsp");
}

static void start(const char *text)
{
	site_configure(&site, text);
	site_start(&site);
	now_us = monotonic_us();
}

static struct certificate *mail(void)
{
	return certs_lookup(&site.gateway.certs, "mail");
}

static const char *shown(void)
{
	time_t until;

	return staples_state(mail(), &until);
}

static void look(void)
{
	now_us += 11 * SECOND;
	staples_tick(&site.gateway, now_us, at);
	now_us += SECOND;
	staples_tick(&site.gateway, now_us, at);
}

/* What the log says of OCSP while @act is done: how many lines, and whether @words are among them. */
static void says(void (*act)(void), unsigned int lines, const char *words)
{
	struct error err = { .message = "" };
	char path[256], *text, *found;
	unsigned int n = 0;
	size_t bytes;

	snprintf(path, sizeof(path), "%s/log", site.folder);
	unlink(path);
	assert_int_equal(log_open(path, false, &err), 0);
	log_set_level(LOG_INFO_LEVEL);
	act();
	log_set_level(LOG_ERROR_LEVEL);
	log_close();
	assert_int_equal(text_read_file(path, 1u << 20, &text, &bytes, &err), 0);
	for (found = text; (found = strstr(found, "OCSP")) != NULL; n++)
		found = strchr(found, '\n');
	if (n != lines || (words != NULL && !strstr(text, words)))
		fail_msg("%u lines, not %u with `%s`: %s", n, lines, words ? words : "", text);
	free(text);
}

static json_t *ask(const char *request)
{
	char *line = request_answer(&site.gateway, request, strlen(request));
	json_t *answer = json_loads(line, 0, NULL), *result = json_incref(json_object_get(answer, "result"));

	free(line);
	json_decref(answer);
	return result;
}

static void a_file_is_found_and_watched(void **state)
{
	struct certificate *c;

	(void)state;
	respond();
	start(SITE_HEAD SITE_IMAP);	/* before the first handshake */
	assert_string_equal(shown(), "good");
	says(look, 0, NULL);
	/* Half written when it is looked at. */
	site_write(&site, "certs/mail.ocsp", "0");
	now_us += 11 * SECOND;
	staples_tick(&site.gateway, now_us, at);
	run("printf 'R\\t401231235959Z\\t260102030405Z\\t77\\tunknown\\t/CN=mail\\n' >index");
	respond();
	says(look, 1, "HAS REVOKED it (2026-01-02T03:04:05Z");
	assert_string_equal(shown(), "revoked");
	site_write(&site, "certs/mail.ocsp", "no response");
	says(look, 1, "it isn't an OCSP response; the old one serves on");
	assert_string_equal(shown(), "revoked");
	says(look, 0, NULL);
	/* The next certificate of this name has nothing of it. */
	c = mail();
	site_certificate(&site, "mail", "imap.example.test", 90);
	json_decref(ask("{\"verb\":\"cert.load\",\"args\":{\"name\":\"mail\"}}"));
	assert_ptr_not_equal(mail(), c);
	assert_string_equal(shown(), "none");
}

static void what_must_be_there_is_missed(void **state)
{
	json_t *stats, *numbers;
	struct der response;

	(void)state;
	start(SITE_HEAD SITE_IMAP);
	assert_string_equal(shown(), "none");
	says(look, 0, NULL);	/* it was said at the start */
	stats = ask("{\"verb\":\"stats\"}");
	numbers = json_object_get(json_object_get(stats, "certificates"), "mail");
	assert_int_equal(json_integer_value(json_object_get(numbers, "ocsp_lacking")), 1);
	assert_int_equal(json_integer_value(json_object_get(numbers, "ocsp_until")), 0);
	json_decref(stats);
	respond();
	says(look, 1, "is good until");
	stats = ask("{\"verb\":\"stats\"}");
	numbers = json_object_get(json_object_get(stats, "certificates"), "mail");
	assert_int_equal(json_integer_value(json_object_get(numbers, "ocsp_lacking")), 0);
	assert_in_range(json_integer_value(json_object_get(numbers, "ocsp_until")), at + 4 * DAY, at + 4 * DAY + 60);
	json_decref(stats);
	at += 2 * DAY;
	says(look, 0, NULL);
	at += DAY + 3600;
	says(look, 1, "and there is no newer one yet");
	says(look, 0, NULL);
	assert_true(tls_staple_now(tls_cert_staple_place(mail()->tls), at, &response));
	at += DAY;
	says(look, 2, "it must be shown with an OCSP response (must-staple), and there is none");
	says(look, 0, NULL);
	assert_string_equal(shown(), "none");
}

static void it_may_be_switched_off_and_on(void **state)
{
	(void)state;
	respond();
	run("mv certs/mail.ocsp elsewhere");
	start(SITE_HEAD SITE_IMAP);
	assert_string_equal(shown(), "none");
	site_configure(&site, SITE_HEAD SITE_IMAP "certificate mail { chain = certs/mail.pem; key = certs/mail.key; ocsp = elsewhere; }\n");
	json_decref(ask("{\"verb\":\"reload\"}"));
	assert_string_equal(shown(), "good");
	site_configure(&site, HEAD "certificates { directory = certs; ocsp = off; }\n" SITE_IMAP);
	json_decref(ask("{\"verb\":\"reload\"}"));
	assert_string_equal(shown(), "none");
	look();
	assert_string_equal(shown(), "none");
	site_configure(&site, SITE_HEAD SITE_IMAP);
	json_decref(ask("{\"verb\":\"reload\"}"));
	respond();
	json_decref(ask("{\"verb\":\"cert.staple\",\"args\":{\"name\":\"mail\"}}"));
	assert_string_equal(shown(), "good");
	run("rm certs/mail.ocsp");
	says(look, 2, "was taken away; clients are shown none");
	assert_string_equal(shown(), "none");
}

/* A gateway calls nobody unless it is told to; and then not before half of a response's time is over. */
static void nothing_is_asked_too_early(void **state)
{
	uint64_t now = monotonic_us();

	(void)state;
	start(SITE_HEAD SITE_IMAP);
	assert_string_equal(shown(), "none");
	staples_fetch_run(&site.gateway, now);
	assert_null(site.gateway.fetcher);
	site_configure(&site, HEAD "certificates { directory = certs; ocsp = fetch; }\n" SITE_IMAP);
	json_decref(ask("{\"verb\":\"reload\"}"));
	staples_fetch_run(&site.gateway, now);
	assert_null(site.gateway.fetcher);	/* the certificate names no responder */
	respond();
	site_configure(&site, HEAD "certificates { directory = certs; ocsp = fetch; ocsp_responder = \"http://192.0.2.1/\"; }\n" SITE_IMAP);
	json_decref(ask("{\"verb\":\"reload\"}"));
	assert_string_equal(shown(), "good");
	staples_fetch_run(&site.gateway, now);
	assert_null(site.gateway.fetcher);
	assert_in_range(mail()->staple.fetch_us - now, 2 * DAY * SECOND - 60 * SECOND, 2 * DAY * SECOND + 60 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_found_and_watched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_must_be_there_is_missed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_may_be_switched_off_and_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_asked_too_early, set_up, tear_down),
	};

	if (!tls_staple_possible()) {
		puts("1..0 # SKIP this TLS library shows no OCSP responses");
		return 0;
	}
	return cmocka_run_group_tests_name("staples", tests, NULL, NULL);
}
