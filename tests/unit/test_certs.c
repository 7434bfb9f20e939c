/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates at run time: several in a rule, replaced files (certbot's and lego's layouts), ends, removal. */
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
#include "control/certs_watch.h"
#include "control/log.h"
#include "control/request.h"
#include "control/text.h"
#include "dataplane/policy_rcu.h"

#define SECOND UINT64_C(1000000)

static struct site site;
static uint64_t now_us;

static int tear_down(void **state)
{
	(void)state;
	site_stop(&site);
	site_fini(&site);
	return 0;
}

static void start(const char *text)
{
	site_configure(&site, text);
	site_start(&site);
	now_us = monotonic_us();
}

static int set_up(void **state)
{
	(void)state;
	site_init(&site);
	return 0;
}

/* The answer whole; the caller frees it. */
static json_t *ask(const char *request)
{
	char *line = request_answer(&site.gateway, request, strlen(request));
	json_t *answer = json_loads(line, 0, NULL);

	assert_non_null(answer);
	free(line);
	return answer;
}

static void accepted(const char *request)
{
	json_t *answer = ask(request);

	if (!json_is_true(json_object_get(answer, "ok")))
		fail_msg("%s: %s", request, json_dumps(answer, 0));
	json_decref(answer);
}

static void refused(const char *request, const char *code, const char *words)
{
	const struct policy *before = policy_current();
	json_t *answer = ask(request), *error = json_object_get(answer, "error");
	char *text = json_dumps(answer, 0);

	if (!error || strcmp(json_string_value(json_object_get(error, "code")), code) != 0 || !strstr(text, words))
		fail_msg("%s: %s", request, text);
	assert_ptr_equal(policy_current(), before);
	free(text);
	json_decref(answer);
}

static const struct rule *imap(void)
{
	struct addr a;

	assert_int_equal(addr_parse("192.0.2.10", &a), 0);
	return policy_lookup(policy_current(), &a, 993);
}

/* The log of what @run does, in *text (free it). */
static char *logged(void (*run)(void))
{
	struct error err = { .message = "" };
	char path[256], *text;
	size_t bytes;

	snprintf(path, sizeof(path), "%s/log", site.folder);
	unlink(path);
	assert_int_equal(log_open(path, false, &err), 0);
	log_set_level(LOG_INFO_LEVEL);
	run();
	log_set_level(LOG_ERROR_LEVEL);
	log_close();
	assert_int_equal(text_read_file(path, 1u << 20, &text, &bytes, &err), 0);
	return text;
}

static unsigned int count(const char *text, const char *words)
{
	unsigned int n = 0;

	for (; (text = strstr(text, words)) != NULL; text++)
		n++;
	return n;
}

static void a_rule_holds_several(void **state)
{
	json_t *answer, *rule;

	(void)state;
	start(SITE_HEAD "rule imap { protocol = imaps; listen = 192.0.2.10; servers = 10.20.0.2;\n"
			"certificate = [mail, other]; names = [imap.example.test, other.example.test]; sni = strict; }\n");
	answer = ask("{\"verb\":\"rule.show\",\"args\":{\"name\":\"imap\"}}");
	rule = json_object_get(answer, "result");
	assert_int_equal(json_array_size(json_object_get(rule, "certificate")), 2);
	assert_string_equal(json_string_value(json_object_get(rule, "sni")), "strict");
	json_decref(answer);
	/* A name would be left without a certificate: by the rule, or by what is loaded. */
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"certificate\":\"mail\"}}", "invalid",
		"no certificate of the rule is for the name other.example.test");
	site_certificate(&site, "other", "third.example.test", 100);
	refused("{\"verb\":\"cert.load\",\"args\":{\"name\":\"other\"}}", "invalid", "for the name other.example.test");
	refused("{\"verb\":\"reload\"}", "invalid", "for the name other.example.test");
	accepted("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"certificate\":\"mail\",\"names\":\"\"}}");
	answer = ask("{\"verb\":\"rule.show\",\"args\":{\"name\":\"imap\"}}");
	assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "result"), "certificate")), "mail");
	json_decref(answer);
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"certificate\":[\"mail\",\"mail\"]}}", "invalid", "twice");
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"certificate\":[\"mail\",\"nobody\"]}}", "not_found", "nobody");
}

static void a_policy_says_what_comes_of_it(void **state)
{
	static const struct {
		const char *change, *policy, *min, *max;
		int strength;
		size_t ciphers, groups;
	} cases[] = {
		{ "\"tls_policy\":\"intermediate\"", "intermediate", "1.2", "1.3", 128, 9, 4 },
		{ "\"tls_policy\":\"modern\"", "modern", "1.3", "1.3", 128, 3, 4 },
		{ "\"tls_min\":\"1.2\"", "modern", "1.2", "1.3", 128, 9, 4 },
		{ "\"tls_min\":\"policy\",\"tls_policy\":\"old-clients\"", "old-clients", "1.2", "1.3", 112, 9, 4 },
		{ "\"tls_max\":\"1.2\",\"groups\":[\"x25519\",\"P-256\"]", "old-clients", "1.2", "1.2", 112, 6, 2 },
		{ "\"ciphers\":[\"ECDHE-ECDSA-AES128-GCM-SHA256\"]", "old-clients", "1.2", "1.2", 112, 1, 2 },
	};
	char request[300], *text;
	struct ruleset again = { 0 };
	struct error err = { .message = "" };
	struct conf *root;

	(void)state;
	start(SITE_HEAD SITE_IMAP);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *answer, *rule;

		snprintf(request, sizeof(request), "{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",%s}}", cases[i].change);
		accepted(request);
		answer = ask("{\"verb\":\"rule.show\",\"args\":{\"name\":\"imap\"}}");
		rule = json_object_get(answer, "result");
		assert_string_equal(json_string_value(json_object_get(rule, "tls_policy")), cases[i].policy);
		assert_string_equal(json_string_value(json_object_get(rule, "tls_min")), cases[i].min);
		assert_string_equal(json_string_value(json_object_get(rule, "tls_max")), cases[i].max);
		assert_int_equal(json_integer_value(json_object_get(rule, "strength")), cases[i].strength);
		assert_int_equal(json_array_size(json_object_get(rule, "ciphers")), cases[i].ciphers);
		assert_int_equal(json_array_size(json_object_get(rule, "groups")), cases[i].groups);
		json_decref(answer);
	}
	/* What is written reads back as the same rule. */
	text = ruleset_text(&site.gateway.rules, "again");
	root = conf_parse(text, strlen(text), "again", &err);
	assert_non_null(root);
	assert_int_equal(ruleset_read(&again, root, "again", &err), 0);
	assert_true(rule_def_equal(&again.defs[0], &site.gateway.rules.defs[0]));
	conf_free(root);
	ruleset_fini(&again);
	free(text);
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"tls_policy\":\"best\"}}", "invalid", "modern, intermediate, old-clients");
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"ciphers\":\"AES128-SHA\"}}", "invalid", "TLS_AES_128_GCM_SHA256, ");
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"groups\":\"secp192r1\"}}", "invalid", "X25519MLKEM768, X25519, ");
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"tls_max\":\"policy\"}}", "invalid", "no cipher suite for TLS 1.3");
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"imap\",\"tls_min\":\"1.3\"}}", "invalid", "below the lowest");
}

static void move(const char *from, const char *to)
{
	char a[300], b[300];

	snprintf(a, sizeof(a), "%s/%s", site.folder, from);
	snprintf(b, sizeof(b), "%s/%s", site.folder, to);
	assert_int_equal(rename(a, b), 0);
}

/* As certbot and its like do it: a link made beside, and moved over the old one. */
static void point(const char *link, const char *to)
{
	char path[300], fresh[310];

	snprintf(path, sizeof(path), "%s/%s", site.folder, link);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(symlink(to, fresh), 0);
	assert_int_equal(rename(fresh, path), 0);
}

static void folder(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", site.folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void look(void)
{
	now_us += 11 * SECOND;
	certs_watch(&site.gateway, now_us);
	now_us += SECOND;
	certs_watch(&site.gateway, now_us);
}

static void certbot_renews(void **state)
{
	const struct rule *before;
	char *text;

	(void)state;
	folder("archive");
	folder("archive/mail");
	folder("live");
	folder("live/mail");
	move("certs/mail.pem", "archive/mail/fullchain1.pem");
	move("certs/mail.key", "archive/mail/privkey1.pem");
	point("live/mail/fullchain.pem", "../../archive/mail/fullchain1.pem");
	point("live/mail/privkey.pem", "../../archive/mail/privkey1.pem");
	start(SITE_HEAD SITE_IMAP "certificate mail { chain = live/mail/fullchain.pem; key = live/mail/privkey.pem; }\n");
	before = imap();
	text = logged(look);
	assert_int_equal(count(text, "certificate"), 0);
	free(text);
	assert_ptr_equal(imap(), before);
	/* Half done when it is looked at: nothing is said of it, nothing lost. */
	site_certificate(&site, "mail", "imap.example.test", 90);
	move("certs/mail.pem", "archive/mail/fullchain2.pem");
	move("certs/mail.key", "archive/mail/privkey2.pem");
	point("live/mail/privkey.pem", "../../archive/mail/privkey2.pem");
	now_us += 11 * SECOND;
	certs_watch(&site.gateway, now_us);
	assert_ptr_equal(imap(), before);
	point("live/mail/fullchain.pem", "../../archive/mail/fullchain2.pem");
	now_us += SECOND;
	certs_watch(&site.gateway, now_us);
	assert_ptr_equal(imap(), before);
	now_us += SECOND;
	certs_watch(&site.gateway, now_us);
	assert_ptr_not_equal(imap(), before);
	assert_int_equal(certificate_days_left(site.gateway.certs.list[0], time(NULL) + 60), 89);
	/* The same content under another link changes nothing. */
	before = imap();
	point("live/mail/fullchain.pem", "../../archive/mail/./fullchain2.pem");
	look();
	assert_ptr_equal(imap(), before);
}

static void lego_renews(void **state)
{
	const struct rule *before;
	char *text;

	(void)state;
	folder(".lego");
	folder(".lego/certificates");
	move("certs/mail.pem", ".lego/certificates/imap.example.test.crt");
	move("certs/mail.key", ".lego/certificates/imap.example.test.key");
	start(SITE_HEAD SITE_IMAP "certificate mail { chain = .lego/certificates/imap.example.test.crt;\n"
				  "key = .lego/certificates/imap.example.test.key; }\n");
	before = imap();
	/* In place, the certificate first: a pair that doesn't fit is told once, and the old one serves on. */
	site_certificate(&site, "mail", "imap.example.test", 90);
	move("certs/mail.pem", ".lego/certificates/imap.example.test.crt");
	text = logged(look);
	assert_int_equal(count(text, "can't be used; the old one serves on"), 1);
	free(text);
	text = logged(look);
	assert_int_equal(count(text, "certificate"), 0);
	free(text);
	assert_ptr_equal(imap(), before);
	move("certs/mail.key", ".lego/certificates/imap.example.test.key");
	text = logged(look);
	assert_int_equal(count(text, "certificate mail: its files were replaced; new handshakes use the new one"), 1);
	free(text);
	assert_ptr_not_equal(imap(), before);
	/* A replaced one that has ended isn't taken, nor one that is gone. */
	before = imap();
	site_certificate_made(&site, "mail", "imap.example.test", 1, time(NULL) - 90000);
	move("certs/mail.pem", ".lego/certificates/imap.example.test.crt");
	move("certs/mail.key", ".lego/certificates/imap.example.test.key");
	text = logged(look);
	assert_int_equal(count(text, "the old one serves on"), 1);
	free(text);
	move(".lego/certificates/imap.example.test.crt", "away");
	text = logged(look);
	assert_int_equal(count(text, "the old one serves on"), 1);
	free(text);
	assert_ptr_equal(imap(), before);
}

static void watching_may_be_off(void **state)
{
	const struct rule *before;

	(void)state;
	start("workers = 2;\n"
	      "port external { device = net_null0; addresses = [\"192.0.2.10/24\"]; }\n"
	      "port internal { device = net_null1; addresses = [\"10.20.0.1/24\"]; }\n"
	      "certificates { directory = certs; watch = off; }\n" SITE_IMAP);
	before = imap();
	site_certificate(&site, "mail", "imap.example.test", 90);
	look();
	look();
	assert_ptr_equal(imap(), before);
	accepted("{\"verb\":\"reload\"}");
	assert_ptr_not_equal(imap(), before);
}

static time_t at;

static void tell(void)
{
	certs_tell_ends(&site.gateway.certs, at);
}

static void an_end_is_told_of_in_time(void **state)
{
	static const struct {
		int day;
		const char *words;
	} days[] = {
		{ 69, NULL }, { 71, "mail: it expires in 28 days" }, { 80, NULL }, { 92, NULL }, { 94, "mail: it expires in 5 days" },
		{ 98, NULL }, { 99, "mail: it expires in 0 days" }, { 101, "mail: it has expired" }, { 102, NULL },
	};
	time_t began = time(NULL);
	char *text;

	(void)state;
	start(SITE_HEAD SITE_IMAP);
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		at = began + days[i].day * 86400 + 600;
		text = logged(tell);
		assert_int_equal(count(text, "certificate"), days[i].words != NULL);
		if (days[i].words != NULL && count(text, days[i].words) != 1)
			fail_msg("day %d: %s", days[i].day, text);
		free(text);
	}
	assert_int_equal(certificate_days_left(site.gateway.certs.list[0], began + 100 * 86400 + 86400 + 600), -2);
	/* One that lives for six days isn't told of on its first. */
	site_certificate(&site, "mail", "imap.example.test", 6);
	at = time(NULL);
	accepted("{\"verb\":\"cert.load\",\"args\":{\"name\":\"mail\"}}");
	assert_int_equal(site.gateway.certs.list[0]->told, 0);
	at += 6 * 86400 - 80000;
	text = logged(tell);
	assert_int_equal(count(text, "mail: it expires in 0 days"), 1);
	free(text);
}

static void loaded_and_removed(void **state)
{
	json_t *answer;

	(void)state;
	start(SITE_HEAD SITE_IMAP);
	refused("{\"verb\":\"cert.remove\",\"args\":{\"name\":\"mail\"}}", "conflict", "rule imap uses the certificate mail");
	refused("{\"verb\":\"cert.remove\",\"args\":{\"name\":\"other\"}}", "not_found", "other");
	accepted("{\"verb\":\"cert.load\",\"args\":{\"name\":\"other\"}}");
	answer = ask("{\"verb\":\"stats\"}");
	assert_in_range(json_integer_value(json_object_get(json_object_get(json_object_get(json_object_get(answer, "result"),
				"certificates"), "other"), "days_left")), 99, 100);
	json_decref(answer);
	accepted("{\"verb\":\"cert.remove\",\"args\":{\"name\":\"other\"}}");
	refused("{\"verb\":\"cert.show\",\"args\":{\"name\":\"other\"}}", "not_found", "other");
	/* One that has ended is loaded only by force. */
	site_certificate_made(&site, "other", "other.example.test", 1, time(NULL) - 90000);
	refused("{\"verb\":\"cert.load\",\"args\":{\"name\":\"other\"}}", "invalid", "expired");
	accepted("{\"verb\":\"cert.load\",\"args\":{\"name\":\"other\",\"force\":true}}");
}

/* Two servers that are secured already, on one address and port. */
static void passthrough_rules_share_a_listener(void **state)
{
	const struct rule *r;
	struct addr a;

	(void)state;
	start(SITE_HEAD SITE_IMAP);
	accepted("{\"verb\":\"rule.add\",\"args\":{\"name\":\"one\",\"protocol\":\"imaps\",\"listen\":\"192.0.2.10:1993\","
		 "\"servers\":\"10.20.0.2\",\"passthrough\":true,\"names\":[\"One.example.test\",\"*.one.example.test\"]}}");
	accepted("{\"verb\":\"rule.add\",\"args\":{\"name\":\"two\",\"listen\":\"192.0.2.10:1993\","
		 "\"servers\":\"10.20.0.3:1\",\"passthrough\":true,\"names\":[\"two.example.test\"]}}");
	assert_int_equal(addr_parse("192.0.2.10", &a), 0);
	r = policy_route(policy_current(), &a, 1993, "one.example.test");
	assert_non_null(r);
	assert_string_equal(r->name, "one");
	assert_int_equal(r->servers[0].port, 993);	/* TLS inside, too */
	assert_null(r->slots[0].tls);
	assert_string_equal(policy_route(policy_current(), &a, 1993, "x.one.example.test")->name, "one");
	assert_string_equal(policy_route(policy_current(), &a, 1993, "two.example.test")->name, "two");
	assert_null(policy_route(policy_current(), &a, 1993, "three.example.test"));
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"two\",\"names\":[\"one.example.test\"]}}", "conflict", "both publish");
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"two\",\"passthrough\":false,\"certificate\":\"mail\"}}", "conflict", "both publish");
	refused("{\"verb\":\"rule.change\",\"args\":{\"name\":\"one\",\"certificate\":\"mail\"}}", "invalid", "nobody would see");
	accepted("{\"verb\":\"rule.change\",\"args\":{\"name\":\"two\",\"names\":\"\"}}");	/* all others */
	assert_string_equal(policy_route(policy_current(), &a, 1993, "three.example.test")->name, "two");
	accepted("{\"verb\":\"rule.disable\",\"args\":{\"name\":\"one\"}}");
	assert_string_equal(policy_route(policy_current(), &a, 1993, "one.example.test")->name, "two");
	accepted("{\"verb\":\"rule.remove\",\"args\":{\"name\":\"one\"}}");
	/* From the one to the other kind, and what is no longer of use is taken away. */
	accepted("{\"verb\":\"rule.change\",\"args\":{\"name\":\"two\",\"passthrough\":false,\"certificate\":\"mail\"}}");
	assert_non_null(policy_lookup(policy_current(), &a, 1993)->slots[0].tls);
	accepted("{\"verb\":\"rule.change\",\"args\":{\"name\":\"two\",\"passthrough\":true,\"certificate\":\"\"}}");
	assert_null(policy_lookup(policy_current(), &a, 1993)->slots[0].tls);
	accepted("{\"verb\":\"rule.remove\",\"args\":{\"name\":\"two\"}}");
}

/* Encrypts mail's key, as people do, and quickly. */
static void encrypt_key(const char *passphrase)
{
	char command[900];

	snprintf(command, sizeof(command), "cd %s/certs && openssl pkcs8 -topk8 -v2 aes256 -v2prf hmacWithSHA256 -iter 2048 "
		 "-in mail.key -passout 'pass:%s' -out sealed && mv sealed mail.key && chmod 600 mail.key", site.folder, passphrase);
	assert_int_equal(system(command), 0);
}

/* A file of passphrases: a reload with it is refused for @words, or (NULL) done. */
static void passphrases(const char *text, mode_t mode, const char *words)
{
	char path[300];

	snprintf(path, sizeof(path), "%s", site_write(&site, "phrases", text));
	assert_int_equal(chmod(path, mode), 0);
	if (words != NULL)
		refused("{\"verb\":\"reload\"}", "invalid", words);
	else
		accepted("{\"verb\":\"reload\"}");
}

static void encrypted_keys(void **state)
{
	const char *with = "workers = 2;\n"
		"port external { device = net_null0; addresses = [\"192.0.2.10/24\", \"2001:db8:0:1::10/64\"]; }\n"
		"port internal { device = net_null1; addresses = [\"10.20.0.1/24\", \"fd20::1/64\"]; }\n"
		"route { to = default; via = 192.0.2.1; }\n"
		"certificates { directory = certs; passphrase_file = phrases; }\n" SITE_IMAP;
	char *text;

	(void)state;
	start(SITE_HEAD SITE_IMAP);
	encrypt_key("tr0ub4dor &3");
	refused("{\"verb\":\"reload\"}", "invalid", "certificates { passphrase_file = ");
	site_configure(&site, with);
	refused("{\"verb\":\"reload\"}", "invalid", "phrases: No such file");
	passphrases("tr0ub4dor &3\n", 0644, "others may read it");
	passphrases("tr0ub4dor\n", 0600, "phrases: the passphrase is wrong");
	passphrases("tr0ub4dor\n\ntr0ub4dor &3 \n", 0600, "none of the 2 passphrases");
	passphrases("\n\r\n", 0600, "there is no passphrase");
	passphrases("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\ntr0ub4dor &3\n", 0600, "more than 16");
	passphrases("another\r\ntr0ub4dor &3\r\n", 0640, NULL);
	/* With the last line not ended; and a renewed pair that is seen by itself. */
	passphrases("tr0ub4dor &3", 0600, NULL);
	site_certificate(&site, "mail", "imap.example.test", 90);
	encrypt_key("tr0ub4dor &3");
	text = logged(look);
	assert_int_equal(count(text, "certificate mail: its files were replaced; new handshakes use the new one"), 1);
	assert_int_equal(count(text, "tr0ub4dor"), 0);
	free(text);
	/* Whose keys aren't encrypted needs no such file. */
	site_certificate(&site, "mail", "imap.example.test", 80);
	passphrases("", 0644, NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_rule_holds_several),  TEST(a_policy_says_what_comes_of_it),
		TEST(certbot_renews),	     TEST(lego_renews),
		TEST(watching_may_be_off),   TEST(an_end_is_told_of_in_time),
		TEST(loaded_and_removed),     TEST(passthrough_rules_share_a_listener),
		TEST(encrypted_keys),
	};

	return cmocka_run_group_tests_name("certs", tests, NULL, NULL);
}
