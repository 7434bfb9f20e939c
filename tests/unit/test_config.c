/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration: what is right, and that each wrong thing is refused with its place and reason. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_site.h"
#include "control/text.h"

static struct site site;

static int set_up(void **state)
{
	(void)state;
	site_init(&site);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	site_fini(&site);
	return 0;
}

static struct config *good(const char *text)
{
	struct error err = { .message = "" };
	struct config *c;
	char out[1300];

	if (config_read(site_configure(&site, text), &c, &err) != 0)
		fail_msg("refused: %s", error_format(&err, out, sizeof(out)));
	if (gateway_check(c, &err) != 0)
		fail_msg("refused: %s", error_format(&err, out, sizeof(out)));
	return c;
}

/* @where: how the place ends (its beginning is the file); @message: a part of it. */
static void bad(const char *text, const char *where, const char *message)
{
	struct error err = { .message = "" };
	struct config *c;
	char out[1300];
	int r = config_read(site_configure(&site, text), &c, &err);

	if (r == 0) {
		r = gateway_check(c, &err);
		config_free(c);
	}
	if (r == 0)
		fail_msg("accepted: %s", text);
	error_format(&err, out, sizeof(out));
	if (strstr(err.where, where) == NULL)
		fail_msg("expected the place %s in: %s", where, out);
	if (strstr(err.message, message) == NULL)
		fail_msg("expected \"%s\" in: %s", message, out);
}

static void a_whole_configuration(void **state)
{
	struct config *c = good(
		"workers = 2; cores = \"0,1\"; idle = adaptive;\n"
		"memory { hugepages = auto; megabytes = 256; tls_megabytes = 64; }\n"
		"limits { connections = 20000; buffer = 128kb; handshake_timeout = 10s; idle_timeout = 30min;\n"
		"	keepalive = 20min; user_timeout = 3min; user_timeout_limit = 10min;\n"
		"	handshake_budget = 500us; }\n"
		"unpublished = ignore; fragments = reassemble;\n"
		"control { socket = \"postern.sock\"; group = mail; }\n"
		"log { format = json; file = \"postern.log\"; }\n"
		"certificates { directory = \"certs\"; }\n"
		"port external { device = \"net_af_packet0,iface=gw-ext\"; addresses = [\"192.0.2.10/24\", \"2001:db8:0:1::10/64\"]; vlan = 7; mtu = 9000; congestion = cubic; ecn = on; }\n"
		"port internal { device = \"0000:03:00.1\"; addresses = [\"10.20.0.1/24\", \"fd20::1/64\"]; }\n"
		"route { to = \"default\"; via = \"192.0.2.1\"; }\n"
		"route { to = default; via = 2001:db8:0:1::1; }\n"
		"route { to = \"10.0.0.0/8\"; via = \"10.20.0.254\"; }\n"
		"certificate second { chain = \"certs/other.pem\"; key = \"certs/other.key\"; }\n"
		"rule imap { protocol = imaps; listen = \"192.0.2.10\"; servers = [\"10.20.0.2:143\", \"10.99.0.2\"];\n"
		"	certificate = mail; allow = [\"any\"]; deny = [\"198.51.100.0/24\", \"2001:db8:bad::/48\"];\n"
		"	tls_min = \"1.3\"; strength = 128; proxy = v2; proxy_from = [\"192.0.2.5\", \"2001:db8:1::/64\"]; idle_timeout = 31min; handshake_timeout = 5s; enabled = true; }\n"
		"rule smtp { protocol = smtps; listen = \"[2001:db8:0:1::10]:8465\"; servers = [\"[fd20::2]:25\"]; certificate = second; enabled = no; }\n");
	const struct dataplane_config *d = &c->dataplane;
	const struct rule_def *imap, *smtp;
	char path[256];

	(void)state;
	assert_int_equal(d->n_workers, 2);
	assert_string_equal(d->cores, "0,1");
	assert_int_equal(d->idle, IDLE_ADAPTIVE);
	assert_int_equal(d->hugepages, HUGEPAGES_AUTO);
	assert_int_equal(d->memory_megabytes, 256);
	assert_int_equal(d->tls_heap_megabytes, 64);
	assert_int_equal(d->max_connections, 20000);
	assert_int_equal(d->buffer_bytes, 131072);
	assert_true(d->ignore_unpublished);
	assert_true(d->reassemble);
	assert_int_equal(c->idle_timeout_us, 1800000000);
	assert_int_equal(d->keepalive_us, 1200000000);
	assert_int_equal(d->user_timeout_us, 180000000);
	assert_int_equal(d->user_timeout_limit_us, 600000000);
	assert_int_equal(d->handshake_budget_us, 500);
	assert_int_equal(c->control.mode, 0660);
	assert_int_equal(c->log.format, LOG_JSON);
	snprintf(path, sizeof(path), "%s/postern.sock", site.folder);
	assert_string_equal(c->control.socket, path);
	assert_int_equal(d->netifs.n_netifs, 2);
	assert_string_equal(d->netifs.netifs[0].name, "external");
	assert_int_equal(d->netifs.netifs[0].n_addrs, 2);
	assert_int_equal(d->netifs.netifs[0].vlan, 7);
	assert_int_equal(d->netifs.netifs[0].mtu, 9000);
	assert_int_equal(d->netifs.netifs[0].congestion, CONGESTION_CUBIC);
	assert_int_equal(d->netifs.netifs[0].ecn, ECN_ON);
	assert_int_equal(d->netifs.netifs[1].ecn, ECN_ACCEPT);
	assert_int_equal(d->netifs.netifs[1].congestion, CONGESTION_BBR);
	assert_string_equal(d->devices[1], "0000:03:00.1");
	assert_int_equal(d->netifs.n_routes, 3);
	imap = ruleset_lookup(&c->rules, "imap");
	smtp = ruleset_lookup(&c->rules, "smtp");
	assert_int_equal(rule_def_port(imap), 993);
	assert_int_equal(rule_def_server_port(imap, 1), 143);
	assert_int_equal(imap->deny.n, 2);
	assert_int_equal(imap->proxy, PROXY_V2);
	assert_int_equal(imap->proxy_from.n, 2);
	assert_int_equal(imap->tls.min, RULE_TLS_13);
	assert_int_equal(imap->idle_timeout_us, 1860000000);
	assert_int_equal(rule_def_port(smtp), 8465);
	assert_int_equal(rule_def_server_port(smtp, 0), 25);
	assert_false(smtp->enabled);
	config_free(c);
}

static void what_is_left_out_has_a_default(void **state)
{
	struct config *c = good("port a { device = net_null0; addresses = 192.0.2.10/24; }");

	(void)state;
	assert_int_equal(c->dataplane.n_workers, 1);
	assert_int_equal(c->dataplane.idle, IDLE_AUTO);
	assert_int_equal(c->dataplane.max_connections, 20000);
	assert_int_equal(c->dataplane.buffer_bytes, 6291456);
	assert_int_equal(c->handshake_timeout_us, 10000000);
	assert_int_equal(c->idle_timeout_us, 1800000000);
	assert_int_equal(c->dataplane.keepalive_us, 600000000);
	assert_int_equal(c->dataplane.user_timeout_us, 120000000);
	assert_int_equal(c->dataplane.user_timeout_limit_us, 0);
	assert_int_equal(c->dataplane.handshake_budget_us, 100);
	assert_int_equal(c->control.mode, 0600);
	assert_string_equal(c->control.socket, CONTROL_SOCKET_DEFAULT);
	assert_int_equal(c->log.format, LOG_TEXT);
	assert_int_equal(c->rules.n, 0);
	config_free(c);
}

#define PORT "port a { device = net_null0; addresses = 192.0.2.10/24; }\n"
#define CERTS "certificates { directory = certs; }\n"
#define RULE_WITH(x) PORT CERTS "rule r {\nprotocol = imaps; listen = 192.0.2.10; servers = 192.0.2.20;\n" x "\n}"

static void wrong_values(void **state)
{
	(void)state;
	bad("", "posternd.conf", "no port");
	bad(PORT "workrs = 2;", ":2: workrs", "unknown key");
	bad(PORT "workers = two;", ":2: workers", "isn't a number");
	bad(PORT "workers = 0;", ":2: workers", "out of range: from 1 to 64");
	bad(PORT "workers = 99999999999999999999999;", ":2: workers", "out of range");
	bad(PORT "workers = 1; workers = 2;", ":2: workers", "given twice");
	bad(PORT "workers = [1];", ":2: workers", "a list stands");
	bad(PORT "idle = lazy;", ":2: idle", "none of: auto, poll, adaptive");
	bad(PORT "limits { buffer = 64 kilo; }", "limits: buffer", "isn't a size");
	bad(PORT "limits { buffer = 1kb; }", "limits: buffer", "out of range");
	bad(PORT "limits { idle_timeout = 30m; }", "limits: idle_timeout", "isn't a time");
	bad(PORT "limits { idle_timeout = 0; }", "limits: idle_timeout", "out of range: from 1s to 7d");
	bad(PORT "limits { keepalive = often; }", "limits: keepalive", "isn't a time, nor \"off\"");
	bad(PORT "limits { keepalive = 1s; }", "limits: keepalive", "out of range: from 10s to 12h, or off");
	bad(PORT "limits { handshake_budget = 1s; }", "limits: handshake_budget", "out of range: from 10us to 20ms");
	bad(PORT "limits { user_timeout = 10s; }", "limits: user_timeout", "out of range: from 100s to 1h");
	bad(PORT "limits { user_timeout_limit = 2h; }", "limits: user_timeout_limit", "out of range");
	bad(PORT "limits { x = 1; }", "limits: x", "unknown key");
	bad(PORT "limits { }\nlimits { }", ":3: limits", "given twice");
	bad(PORT "limits = 5;", ":2: limits", "a section was expected");
	bad(PORT "control { mode = 999; }", "control: mode", "octal");
	bad(PORT "log { format = xml; }", "log: format", "none of: text, json");
	bad(PORT "route { to = default; }", "route", "needs both");
	bad(PORT "route { to = default; via = 10.9.9.9; }", "posternd.conf", "link");
	bad(PORT "route { to = 10.0.0.0/8; via = 2001:db8::1; }", "route", "one is IPv4");
	bad(PORT "route { to = default; via = router; }", "route", "isn't an IP address");
	bad(PORT "certificate c { chain = x; }", "certificate: c", "both needed");
	bad(PORT "rules_file = r.conf;\nrule x { }", ":3: rule", "rules_file is set");
}

static void wrong_ports(void **state)
{
	(void)state;
	bad("port { device = x; }", "port", "has no name");
	bad("port a { addresses = 192.0.2.1/24; }", "port: a", "no device");
	bad("port a { device = x; }", "port: a", "no addresses");
	bad("port a { device = x; addresses = [192.0.2.1]; }", "port a: addresses", "prefix length");
	bad("port a { device = x; addresses = [192.0.2.1/33]; }", "port a: addresses", "prefix length");
	bad("port a { device = x; addresses = [mail.example/24]; }", "port a: addresses", "prefix length");
	bad("port a { device = x; addresses = [192.0.2.1/24, 192.0.2.1/24]; }", "port a: addresses", "given twice");
	bad("port a { device = x; addresses = 192.0.2.1/24; vlan = 5000; }", "port a: vlan", "out of range");
	bad("port a { device = x; addresses = 192.0.2.1/24; mtu = 100; }", "port a: mtu", "out of range");
	bad("port a { device = x; addresses = 192.0.2.1/24; congestion = vegas; }", "port a: congestion", "bbr");
	bad(PORT "port a { device = y; addresses = 192.0.3.1/24; }", ":2: port: a", "two ports of this name");
	bad(PORT "port b { device = net_null0; addresses = 192.0.3.1/24; }", ":2: port: b", "this device already");
	bad(PORT "port b { device = y; addresses = 192.0.2.10/24; }", "posternd.conf", "192.0.2.10");
}

static void wrong_rules(void **state)
{
	(void)state;
	bad(RULE_WITH(""), ":3: rule: r", "no certificate");
	bad(RULE_WITH("certificate = nix;"), "rule r", "no certificate of this name");
	bad(RULE_WITH("certificate = mail; protocol = smtps;"), ":5: rule r: protocol", "given twice");
	bad(RULE_WITH("certificate = mail; colour = red;"), ":5: rule r: colour", "unknown key");
	bad(RULE_WITH("certificate = mail; tls_min = 1.1;"), ":5: rule r: tls_min", "none of: 1.2, 1.3");
	bad(RULE_WITH("certificate = mail; backend_tls = on;"), ":3: rule: r", "nothing to verify");
	bad(RULE_WITH("certificate = mail; backend_tls = on; backend_ca = ca.pem; backend_name = x;"), ":3: rule: r", "absolute");
	bad(RULE_WITH("certificate = mail; backend_tls = on; backend_ca = \"/ca.pem\";"), ":3: rule: r", "no name");
	bad(RULE_WITH("certificate = mail; backend_tls = on; backend_ca = \"/ca.pem\"; backend_name = 10.20.0.2;"), ":3: rule: r", "isn't a host name");
	bad(RULE_WITH("certificate = mail; backend_tls = on; backend_ca = \"/no/ca.pem\"; backend_name = x;"), "rule r: backend_ca", "No such file");
	bad(RULE_WITH("certificate = mail; backend_tls = on; backend_ca = \"/dev/null\"; backend_name = x;"), "rule r", "CA");
	bad(RULE_WITH("certificate = mail; backend_tls_min = 1.1;"), ":5: rule r: backend_tls_min", "1.2, 1.3");
	bad(RULE_WITH("certificate = mail; proxy = v3;"), ":5: rule r: proxy", "v2");
	bad(RULE_WITH("certificate = mail; proxy_from = any;"), ":5: rule r: proxy_from", "somebody else");
	bad(RULE_WITH("certificate = mail; proxy_from = [192.0.2.1, 0.0.0.0/0];"), ":5: rule r: proxy_from", "somebody else");
	bad(RULE_WITH("certificate = mail; strength = 64;"), ":5: rule r: strength", "112, 128 or 192");
	bad(RULE_WITH("certificate = mail; strength = 192;"), "rule r", "mail");
	bad(RULE_WITH("certificate = mail; enabled = maybe;"), ":5: rule r: enabled", "neither true nor false");
	bad(RULE_WITH("certificate = mail; allow = [10.0.0.0/8, everyone];"), ":5: rule r: allow", "isn't an address");
	bad(RULE_WITH("certificate = mail; deny = {};"), ":5: rule r: deny", "a section stands");
	bad(RULE_WITH("certificate = mail; port = 0;"), ":5: rule r: port", "1 to 65535");
	bad(PORT CERTS "rule r {\nlisten = \"192.0.2.10:993\";\nport = 994;\n}", ":5: rule r: port",
	    "port = 994, but listen = 192.0.2.10:993 says another");
	bad(RULE_WITH("certificate = mail;") "rule r { }", "rule", "no listen address");
	bad(RULE_WITH("certificate = mail;") "rule s { port = 993; listen = 192.0.2.10; servers = 192.0.2.20:1; certificate = mail; }",
	    "", "rules r and s both publish 192.0.2.10:993");
	bad(RULE_WITH("certificate = mail; names = \"*.example.test\";"), ":3: rule: r", "isn't a host name");
	bad(RULE_WITH("passthrough = true; certificate = mail;"), ":3: rule: r", "nobody would see");
	bad(RULE_WITH("passthrough = true; tls_min = 1.3;"), ":3: rule: r", "no effect");
	bad(RULE_WITH("passthrough = true; sni = strict;"), ":3: rule: r", "no effect");
	bad(RULE_WITH("passthrough = true; backend_tls = true;"), ":3: rule: r", "exclude each other");
	bad(RULE_WITH("passthrough = true; names = \"*.test\";"), ":5: rule r: names", "isn't a host name");
	bad(RULE_WITH("passthrough = true; names = [a.test, B.test];")
	    "rule s { port = 993; listen = 192.0.2.10; servers = 192.0.2.20:1; passthrough = true; names = [c.test, b.test]; }",
	    "", "rules r and s both publish 192.0.2.10:993 for the name b.test");
	bad(RULE_WITH("passthrough = true;")
	    "rule s { port = 993; listen = 192.0.2.10; servers = 192.0.2.20:1; passthrough = true; }",
	    "", "both publish 192.0.2.10:993 for all names that no other");
	bad(RULE_WITH("passthrough = true; names = a.test;")
	    "rule s { port = 993; listen = 192.0.2.10; servers = 192.0.2.20:1; certificate = mail; }",
	    "", "both publish 192.0.2.10:993");
	bad(PORT CERTS "rule r { protocol = imaps; listen = 192.0.2.99; servers = 192.0.2.20; certificate = mail; }",
	    "posternd.conf", "no port of the gateway has the address 192.0.2.99");
	bad(PORT CERTS "rule r { protocol = imaps; listen = 192.0.2.10; servers = 10.1.1.1; certificate = mail; }",
	    "posternd.conf", "no route to the server 10.1.1.1");
	bad(PORT CERTS "rule r { protocol = imaps; listen = 192.0.2.10; servers = 192.0.2.10; certificate = mail; }",
	    "posternd.conf", "is the gateway itself");
	bad(PORT CERTS "rule r { protocol = http; }", "rule r: protocol", "not a protocol");
	bad(PORT CERTS "rule r = 5;", ":3: rule", "a section was expected");
	bad(PORT "rule r { protocol = imaps; listen = 192.0.2.10; servers = 192.0.2.20; certificate = mail; }",
	    "certificate mail", "no certificate of this name");
}

static void wrong_certificates(void **state)
{
	char path[256], text[512];

	(void)state;
	site_write(&site, "certs/bad.pem", "rubbish");
	site_write(&site, "certs/bad.key", "rubbish");
	bad(RULE_WITH("certificate = bad;"), "certificate bad", "bad");
	/* A key that isn't the chain's. */
	snprintf(path, sizeof(path), "%s/certs/other.key", site.folder);
	snprintf(text, sizeof(text), PORT "certificate c { chain = certs/mail.pem; key = %s; }\n"
		 "rule r { protocol = imaps; listen = 192.0.2.10; servers = 192.0.2.20; certificate = c; }", path);
	bad(text, "certificate c", "key");
}

static void rules_in_a_file_of_their_own(void **state)
{
	static const char file[] = "rule a { protocol = imaps; listen = 192.0.2.10; servers = 192.0.2.20; certificate = mail; }";
	struct config *c;

	(void)state;
	c = good(PORT CERTS "rules_file = rules.conf;");
	assert_int_equal(c->rules.n, 0);	/* it isn't there yet */
	config_free(c);
	site_write(&site, "rules.conf", file);
	c = good(PORT CERTS "rules_file = rules.conf;");
	assert_int_equal(c->rules.n, 1);
	config_free(c);
	site_write(&site, "rules.conf", "workers = 3;");
	bad(PORT CERTS "rules_file = rules.conf;", "rules.conf:1: workers", "unknown key");
}

static void changes_outlive_the_process_with_a_rules_file(void **state)
{
	struct ruleset rules;
	struct error err;

	(void)state;
	site_configure(&site, SITE_HEAD "rules_file = rules.conf;\n");
	site_write(&site, "rules.conf", SITE_IMAP);
	site_start(&site);
	assert_int_equal(ruleset_copy(&rules, &site.gateway.rules), 0);
	snprintf(rules.defs[0].name, sizeof(rules.defs[0].name), "renamed");
	rules.defs[0].tls.min = RULE_TLS_13;
	rules.defs[0].idle_timeout_us = 1500000;
	assert_int_equal(gateway_apply(&site.gateway, &rules, NULL, &err), 0);
	site_stop(&site);
	site_start(&site);
	assert_int_equal(site.gateway.rules.n, 1);
	assert_string_equal(site.gateway.rules.defs[0].name, "renamed");
	assert_int_equal(site.gateway.rules.defs[0].tls.min, RULE_TLS_13);
	assert_int_equal(site.gateway.rules.defs[0].idle_timeout_us, 1500000);
	site_stop(&site);
}

/* A reload when the rules' file is gone (an unmounted disk, a slip of the hand) must not close the gateway. */
static void a_reload_without_the_rules_file_changes_nothing(void **state)
{
	struct reload_report report;
	struct error err;
	char path[256];

	(void)state;
	site_configure(&site, SITE_HEAD "rules_file = rules.conf;\n");
	snprintf(path, sizeof(path), "%s", site_write(&site, "rules.conf", SITE_IMAP));
	site_start(&site);
	assert_int_equal(remove(path), 0);
	assert_true(gateway_reload(&site.gateway, &report, &err) < 0);
	assert_non_null(strstr(err.where, "rules.conf"));
	assert_non_null(strstr(err.hint, "empty file"));
	assert_int_equal(site.gateway.rules.n, 1);
	site_write(&site, "rules.conf", "# none\n");	/* said on purpose */
	assert_int_equal(gateway_reload(&site.gateway, &report, &err), 0);
	assert_int_equal(report.removed, 1);
	site_stop(&site);
}

/* What is read from the new file must not be written over the old one. */
static void a_reload_may_name_another_rules_file(void **state)
{
	static const char other[] =
		"rule smtp { protocol = smtps; listen = 192.0.2.10; servers = 10.20.0.2; certificate = mail; }\n";
	struct reload_report report;
	struct ruleset rules;
	struct error err;
	char first[256], *text;
	size_t bytes;

	(void)state;
	site_configure(&site, SITE_HEAD "rules_file = rules.conf;\n");
	snprintf(first, sizeof(first), "%s", site_write(&site, "rules.conf", SITE_IMAP));
	site_start(&site);
	site_write(&site, "other.conf", other);
	site_configure(&site, SITE_HEAD "rules_file = other.conf;\n");
	assert_int_equal(gateway_reload(&site.gateway, &report, &err), 0);
	assert_null(report.restart);
	assert_string_equal(site.gateway.rules.defs[0].name, "smtp");
	assert_int_equal(text_read_file(first, 4096, &text, &bytes, &err), 0);
	assert_string_equal(text, SITE_IMAP);
	free(text);
	/* Later changes go where the next start will read them. */
	assert_int_equal(ruleset_copy(&rules, &site.gateway.rules), 0);
	snprintf(rules.defs[0].name, sizeof(rules.defs[0].name), "renamed");
	assert_int_equal(gateway_apply(&site.gateway, &rules, NULL, &err), 0);
	site_stop(&site);
	site_start(&site);
	assert_string_equal(site.gateway.rules.defs[0].name, "renamed");
	site_stop(&site);
}

/* Written and read again, every rule is what it was. */
static void rules_survive_being_written(void **state)
{
	struct config *c = good(PORT CERTS
		"rule a { protocol = imaps; listen = 192.0.2.10; servers = [192.0.2.20, \"192.0.2.21:99\"]; certificate = mail;\n"
		" allow = [10.0.0.0/8, 2001:db8::/32, 192.0.2.7]; deny = any; idle_timeout = 90s; handshake_timeout = 1500ms; }\n"
		"rule b { port = 77; listen = 192.0.2.10; servers = \"192.0.2.20:1\"; certificate = other; tls_min = 1.3; enabled = off; strength = 112; backend_ca = \"/dev/null\"; backend_name = x.example; backend_tls_min = 1.3; proxy = v1; proxy_from = 192.0.2.0/28; }\n");
	char *text = ruleset_text(&c->rules, "test");
	struct ruleset again = { 0 };
	struct error err = { .message = "" };
	struct conf *root = conf_parse(text, strlen(text), "text", &err);

	(void)state;
	assert_non_null(root);
	assert_int_equal(ruleset_read(&again, root, "text", &err), 0);
	assert_int_equal(again.n, c->rules.n);
	for (uint32_t i = 0; i < again.n; i++)
		assert_true(rule_def_equal(&again.defs[i], &c->rules.defs[i]));
	conf_free(root);
	ruleset_fini(&again);
	free(text);
	config_free(c);
}

static void units(void **state)
{
	uint64_t v;
	char buf[40];

	(void)state;
	assert_int_equal(text_parse_bytes("64kb", &v), 0);
	assert_int_equal(v, 65536);
	assert_int_equal(text_parse_bytes("64k", &v), 0);
	assert_int_equal(v, 64000);
	assert_int_equal(text_parse_duration("30min", &v), 0);
	assert_int_equal(v, 1800000000);
	assert_int_equal(text_parse_duration("90", &v), 0);
	assert_int_equal(v, 90000000);
	assert_int_equal(text_parse_duration("200us", &v), 0);
	assert_int_equal(v, 200);
	assert_int_equal(text_parse_count("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(text_parse_count("18446744073709551616", &v), -ERANGE);
	assert_int_equal(text_parse_duration("18446744073709551615d", &v), -ERANGE);
	assert_int_equal(text_parse_count("-1", &v), -EINVAL);
	assert_int_equal(text_parse_count("", &v), -EINVAL);
	assert_int_equal(text_parse_count("1 ", &v), -EINVAL);
	assert_string_equal(text_format_duration(1800000000, buf, sizeof(buf)), "30min");
	assert_string_equal(text_format_duration(5400000000, buf, sizeof(buf)), "90min");
	assert_string_equal(text_format_duration(1500000, buf, sizeof(buf)), "1500ms");
	assert_string_equal(text_format_duration(1500, buf, sizeof(buf)), "1500us");
	assert_string_equal(text_format_duration(0, buf, sizeof(buf)), "0s");
	assert_string_equal(text_format_time(0, buf, sizeof(buf)), "1970-01-01T00:00:00.000000Z");
	text_clean("a\x1b[1m\xc3\xa9\xff\xc2\x9b", buf, sizeof(buf));
	assert_string_equal(buf, "a?[1m\xc3\xa9??");
}

int main(void)
{
#define WITH_SITE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_SITE(a_whole_configuration),
		WITH_SITE(what_is_left_out_has_a_default),
		WITH_SITE(wrong_values),
		WITH_SITE(wrong_ports),
		WITH_SITE(wrong_rules),
		WITH_SITE(wrong_certificates),
		WITH_SITE(rules_in_a_file_of_their_own),
		WITH_SITE(changes_outlive_the_process_with_a_rules_file),
		WITH_SITE(a_reload_without_the_rules_file_changes_nothing),
		WITH_SITE(a_reload_may_name_another_rules_file),
		WITH_SITE(rules_survive_being_written),
		cmocka_unit_test(units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
