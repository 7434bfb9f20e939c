/* SPDX-License-Identifier: GPL-3.0-or-later */
/* As whom a server answers: names, kinds of key, ChaCha20, fallbacks, tickets across identities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls/error.h"
#include "tls/names.h"
#include "tls/resume.h"
#include "tls/tickets.h"
#include "tls_pair.h"

#define RSA_SUITES { 0xc02f, 0xc030, 0xcca8 }

enum { MAIL, MAIL_RSA, OTHER, WILD, WILD_RSA, CERTS };
static const struct {
	const char *kind, *names[4];
} wanted[CERTS] = {
	[MAIL] = { "p256", { "imap.example.test", "smtp.example.test" } },
	[MAIL_RSA] = { "rsa3072", { "imap.example.test", "smtp.example.test" } },
	[OTHER] = { "p384", { "other.example.net" } },
	[WILD] = { "p256", { "*.example.org", "example.org", "IMAP.Example.COM" } },
	[WILD_RSA] = { "rsa3072", { "www.example.org" } },
};
static struct tls_cert *certs[CERTS];
static struct tls_ctx *any, *strict;
static struct tls_tickets *tickets;

static struct tls_ctx *server(struct tls_settings settings)
{
	char err[256];
	struct tls_ctx *ctx = tls_ctx_new_server((const struct tls_cert *const *)certs, CERTS, &settings, err, sizeof(err));

	if (!ctx)
		fail_msg("%s", err);
	return ctx;
}

static int start(void **state)
{
	size_t i, n;

	(void)state;
	pair_start();
	for (i = 0; i < CERTS; i++) {
		for (n = 0; n < 4 && wanted[i].names[n]; n++)
			;
		certs[i] = pair_cert_for(wanted[i].kind, wanted[i].names, n);
	}
	any = server((struct tls_settings){ 0 });
	strict = server((struct tls_settings){ .require_name = true });
	tickets = tls_tickets_new(NULL, 3600);
	tls_worker_set_tickets(tickets);
	return tickets ? 0 : -1;
}

static int stop(void **state)
{
	size_t i;

	(void)state;
	tls_worker_set_tickets(NULL);
	tls_tickets_free(tickets);
	tls_ctx_free(any);
	tls_ctx_free(strict);
	for (i = 0; i < CERTS; i++)
		tls_cert_free(certs[i]);
	assert_int_equal(tls_worker_heap_used(), 0);
	pair_stop();
	return 0;
}

static struct der text(const char *s)
{
	return (struct der){ (const uint8_t *)s, strlen(s) };
}

static int of(const struct tls_name_certs *c, enum tls_key_type type)
{
	return !c || c->by_key[type] == TLS_NO_CERT ? -1 : c->by_key[type];
}

static void test_names(void **state)
{
	static const char *const common_only = "imap.example.test";
	struct tls_cert *many[3];
	struct tls_names *names;
	char err[256], long_name[300];
	size_t i;

	(void)state;
	names = tls_names_new((const struct tls_cert *const *)certs, CERTS, err, sizeof(err));
	assert_non_null(names);
	assert_int_equal(of(tls_names_exact(names, text("imap.example.test")), TLS_KEY_P256), MAIL);
	assert_int_equal(of(tls_names_exact(names, text("imap.example.test")), TLS_KEY_RSA), MAIL_RSA);
	assert_int_equal(of(tls_names_exact(names, text("imap.example.test")), TLS_KEY_P384), -1);
	assert_int_equal(of(tls_names_exact(names, text("SMTP.EXAMPLE.TEST.")), TLS_KEY_P256), MAIL);
	assert_int_equal(of(tls_names_exact(names, text("imap.example.com")), TLS_KEY_P256), WILD);
	/* One label, whole, left-most; the wildcard's own text is nobody's name. */
	assert_int_equal(of(tls_names_wildcard(names, text("a.example.org")), TLS_KEY_P256), WILD);
	assert_null(tls_names_wildcard(names, text("a.b.example.org")));
	assert_null(tls_names_wildcard(names, text("example.org")));
	assert_null(tls_names_wildcard(names, text(".example.org")));
	assert_null(tls_names_exact(names, text(".example.org")));
	assert_null(tls_names_exact(names, text("*.example.org")));
	assert_int_equal(of(tls_names_exact(names, text("www.example.org")), TLS_KEY_RSA), WILD_RSA);
	assert_null(tls_names_exact(names, text("")));
	assert_null(tls_names_exact(names, text(".")));
	assert_null(tls_names_exact(names, text("imap")));
	assert_null(tls_names_exact(names, DER_BYTES("imap.example.test\0")));
	memset(long_name, 'a', sizeof(long_name));
	for (i = 250; i < sizeof(long_name); i++)
		assert_null(tls_names_exact(names, (struct der){ (uint8_t *)long_name, i }));
	assert_int_equal(of(tls_names_default(names), TLS_KEY_P256), MAIL);
	assert_int_equal(of(tls_names_default(names), TLS_KEY_RSA), MAIL_RSA);
	assert_int_equal(of(tls_names_default(names), TLS_KEY_P384), -1);
	tls_names_free(names);
	/* Of two of a kind the first counts. */
	many[0] = pair_cert_for("p256", &common_only, 1);
	many[1] = certs[MAIL];
	many[2] = certs[MAIL_RSA];
	names = tls_names_new((const struct tls_cert *const *)many, 3, err, sizeof(err));
	assert_int_equal(of(tls_names_exact(names, text("imap.example.test")), TLS_KEY_P256), 0);
	assert_int_equal(of(tls_names_exact(names, text("smtp.example.test")), TLS_KEY_P256), 1);
	tls_names_free(names);
	tls_cert_free(many[0]);
}

/* The client trusts nothing but @expected (-1: it is refused with @error). */
static void meet(struct tls_ctx *with, const char *name, struct tls_settings c, int expected, enum tls_error error)
{
	struct tls_ctx *client;
	struct tls_info info;
	struct pair p;

	c.server_name = name;
	c.blind = false;
	c.ca_pem = expected >= 0 ? tls_cert_chain_pem(certs[expected]) : NULL;
	/* A verifying client wants its own name in the certificate; a default one holds others. */
	if (expected >= 0 && name && !tls_cert_names_host(certs[expected], name))
		c.ca_pem = NULL, c.blind = true;
	client = pair_client_ctx(c);
	pair_init(&p, client, with);
	if ((pair_handshake(&p) == TLS_OK) != (expected >= 0))
		fail_msg("%s: %s, %s", name ? name : "(none)", tls_error_name(tls_session_error(p.server)),
			 tls_error_name(tls_session_error(p.client)));
	assert_int_equal(tls_session_error(p.server), expected >= 0 ? TLS_ERR_NONE : error);
	tls_session_info(p.server, &info);
	assert_string_equal(info.sni, name ? name : "");
	pair_fini(&p);
	tls_ctx_free(client);
}

static void test_choice(void **state)
{
	struct tls_settings v13 = { 0 }, v12 = { .max_version = TLS_VERSION_1_2 };
	struct tls_settings rsa = { .max_version = TLS_VERSION_1_2, .suites = RSA_SUITES };
	struct tls_settings ecdsa = { .max_version = TLS_VERSION_1_2, .suites = { 0xc02b } };
	int v;

	(void)state;
	for (v = 0; v < 2; v++) {
		struct tls_settings c = v ? v12 : v13;

		meet(any, "imap.example.test", c, MAIL, 0);
		meet(any, "smtp.example.test", c, MAIL, 0);
		meet(any, "other.example.net", c, OTHER, 0);
		meet(any, "imap.example.com", c, WILD, 0);
		meet(any, "anything.example.org", c, WILD, 0);
		meet(any, "example.org", c, WILD, 0);
		meet(any, NULL, c, MAIL, 0);
		meet(any, "unknown.example", c, MAIL, 0);
		meet(strict, NULL, c, MAIL, 0);
		meet(strict, "imap.example.test", c, MAIL, 0);
		meet(strict, "anything.example.org", c, WILD, 0);
		meet(strict, "unknown.example", c, -1, TLS_ERR_SNI);
		/* The exact name first, although it has an RSA key only. */
		meet(any, "www.example.org", c, WILD_RSA, 0);
	}
	meet(any, "imap.example.test", rsa, MAIL_RSA, 0);
	meet(any, NULL, rsa, MAIL_RSA, 0);
	meet(any, "imap.example.test", ecdsa, MAIL, 0);
	/* Where the exact one won't do, the wildcard's may; and where none does, nothing is pretended. */
	meet(any, "www.example.org", ecdsa, WILD, 0);
	meet(any, "other.example.net", rsa, -1, TLS_ERR_CIPHER);
}

static void test_policy(void **state)
{
	struct tls_ctx *ordered = server((struct tls_settings){ .suites = { 0x1302, 0x1303, 0xc030, 0xc02c }, .groups = { 24, 29 } });
	struct tls_ctx *old = server((struct tls_settings){ .max_version = TLS_VERSION_1_2 });
	static const struct {
		bool ordered;
		struct tls_settings client;
		const char *version, *cipher, *group;
	} cases[] = {
		{ false, { 0 }, "TLSv1.3", "TLS_AES_128_GCM_SHA256", NULL },
		/* The server's order, but for who puts ChaCha20 first. */
		{ false, { .suites = { 0x1302, 0x1301 }, .min_version = TLS_VERSION_1_3 }, "TLSv1.3", "TLS_AES_128_GCM_SHA256", NULL },
		{ false, { .suites = { 0x1303, 0x1301 }, .min_version = TLS_VERSION_1_3 }, "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", NULL },
		{ false, { .suites = { 0x1302, 0x1303, 0x1301 }, .min_version = TLS_VERSION_1_3 }, "TLSv1.3", "TLS_AES_128_GCM_SHA256", NULL },
		{ false, { .suites = { 0xcca9, 0xc02b }, .max_version = TLS_VERSION_1_2 }, "TLSv1.2",
		  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", NULL },
		{ true, { 0 }, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "secp384r1" },
		{ true, { .groups = { 29 } }, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519" },
		{ true, { .suites = { 0x1303, 0x1302 }, .min_version = TLS_VERSION_1_3 }, "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", "secp384r1" },
		{ true, { .max_version = TLS_VERSION_1_2 }, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", NULL },
	};
	struct tls_info info;
	struct pair p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_ctx *client = pair_client_ctx(cases[i].client);

		pair_init(&p, client, cases[i].ordered ? ordered : any);
		if (pair_handshake(&p) != TLS_OK)
			fail_msg("case %zu: %s", i, tls_error_name(tls_session_error(p.server)));
		tls_session_info(p.server, &info);
		assert_string_equal(info.version, cases[i].version);
		if (strcmp(info.cipher, cases[i].cipher) != 0)
			fail_msg("case %zu: %s", i, info.cipher);
		if (cases[i].group)
			assert_string_equal(info.group, cases[i].group);
		pair_fini(&p);
		tls_ctx_free(client);
	}
	meet(old, "imap.example.test", (struct tls_settings){ 0 }, MAIL, 0);
	meet(old, "imap.example.test", (struct tls_settings){ .min_version = TLS_VERSION_1_3 }, -1, TLS_ERR_CIPHER);
	tls_ctx_free(ordered);
	tls_ctx_free(old);
}

static void refused(struct tls_settings settings, const char *expected)
{
	char err[256] = "";
	struct tls_ctx *ctx = tls_ctx_new_server((const struct tls_cert *const *)certs, CERTS, &settings, err, sizeof(err));

	assert_null(ctx);
	if (!strstr(err, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, err);
}

static void test_policy_refused(void **state)
{
	(void)state;
	refused((struct tls_settings){ .suites = { 0x1301 } }, "no cipher suite for TLS 1.2");
	refused((struct tls_settings){ .suites = { 0xc02f, 0xc02b } }, "no cipher suite for TLS 1.3");
	refused((struct tls_settings){ .suites = { 0x1301, 0xc02b } }, "no TLS 1.2 cipher suite that was given serves a certificate with a key of type RSA");
	refused((struct tls_settings){ .suites = { 0x1301, 0xc02f } }, "with a key of type P-256");
	refused((struct tls_settings){ .suites = { 0x1301, 0x002f } }, "cipher suite 002f isn't known");
	refused((struct tls_settings){ .groups = { 25 } }, "group 25 isn't known");
	refused((struct tls_settings){ .min_version = TLS_VERSION_1_3, .max_version = TLS_VERSION_1_2 }, "below the lowest");
	refused((struct tls_settings){ .strength_bits = 192 }, "are required");
}

/* A ClientHello of TLS 1.2 with TLS_FALLBACK_SCSV, RFC 7507; and one with a last byte too many. */
static void test_fallback(void **state)
{
	static const uint8_t hello[] = { 22, 3, 1, 0, 65, 1, 0, 0, 61, 3, 3, [11 ... 42] = 7, 0, 0, 4, 0xc0, 0x2b, 0x56, 0, 1, 0,
					 0, 16, 0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3 };
	struct tls_ctx *old = server((struct tls_settings){ .max_version = TLS_VERSION_1_2 });
	static const uint8_t inappropriate[] = { 21, 3, 3, 0, 2, 2, 86 };
	struct tls_session *s = tls_session_new(any);
	uint8_t out[sizeof(inappropriate)];
	struct rte_mbuf *m;

	(void)state;
	tls_input(s, pair_data(hello, sizeof(hello) - 1));
	assert_int_equal(tls_handshake(s), TLS_WANT_INPUT);
	tls_input(s, pair_data(hello + sizeof(hello) - 1, 1));
	assert_int_equal(tls_handshake(s), TLS_FAILED);
	assert_int_equal(tls_session_error(s), TLS_ERR_FALLBACK);
	m = tls_output(s);
	assert_int_equal(m->pkt_len, sizeof(inappropriate));
	assert_memory_equal(rte_pktmbuf_read(m, 0, sizeof(out), out), inappropriate, sizeof(out));
	rte_pktmbuf_free(m);
	tls_session_free(s);
	/* Where 1.2 is the newest, it is no fallback: a ServerHello. */
	s = tls_session_new(old);
	tls_input(s, pair_data(hello, sizeof(hello)));
	assert_int_equal(tls_handshake(s), TLS_WANT_INPUT);
	m = tls_output(s);
	assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), 22);
	rte_pktmbuf_free(m);
	tls_session_free(s);
	tls_ctx_free(old);
}

static struct tls_resume *connect_once(struct tls_ctx *with, const char *name, struct tls_settings c,
				       const struct tls_resume *before, bool *resumed)
{
	struct tls_ctx *client;
	struct tls_resume *next;
	struct tls_info info;
	struct rte_mbuf *m;
	struct pair p;

	c.server_name = name;
	c.blind = true;
	client = pair_client_ctx(c);
	pair_init(&p, client, with);
	if (before)
		assert_true(tls_resume_use(p.client, before));
	assert_int_equal(pair_handshake(&p), TLS_OK);
	assert_int_equal(tls_write(p.server, pair_bytes(0, 10)), TLS_OK);
	pair_carry(&p);
	assert_int_equal(tls_read(p.client, &m, 10000), TLS_WANT_INPUT);
	assert_int_equal(pair_check(m, 0), 10);
	tls_session_info(p.server, &info);
	*resumed = info.resumed;
	next = tls_resume_save(p.client);
	pair_fini(&p);
	tls_ctx_free(client);
	return next;
}

/* A ticket is good where the same certificate answers under the same policy, and nowhere else. */
static void test_tickets(void **state)
{
	struct tls_ctx *again = server((struct tls_settings){ 0 }), *groups = server((struct tls_settings){ .groups = { 23 } });
	struct tls_ctx *suites = server((struct tls_settings){ .suites = { 0x1301, 0xc02b, 0xc02f } });
	struct tls_ctx *old = server((struct tls_settings){ .max_version = TLS_VERSION_1_2 });
	static const struct {
		const char *first, *second;
		bool resumes;
	} cases[] = {
		{ "imap.example.test", "imap.example.test", true },
		{ "imap.example.test", "other.example.net", false },	/* another certificate */
		{ "imap.example.test", "a.example.org", false },
		{ "a.example.org", "a.example.org", true },
	};
	int v;

	(void)state;
	for (v = 0; v < 2; v++) {
		struct tls_settings c = { .max_version = v ? TLS_VERSION_1_2 : 0 };
		struct tls_ctx *others[] = { again, groups, suites, old };
		struct tls_resume *first;
		bool resumed;
		size_t i;

		/* 5.7's client gets lost when a 1.2 server wants a full handshake (test_tls_resume). */
		if (v == 1 && pair_library_is_older())
			break;
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			first = connect_once(any, cases[i].first, c, NULL, &resumed);
			assert_non_null(first);
			tls_resume_free(connect_once(any, cases[i].second, c, first, &resumed));
			if (resumed != cases[i].resumes)
				fail_msg("%s, %s then %s: resumed %d", v ? "1.2" : "1.3", cases[i].first, cases[i].second, resumed);
			tls_resume_free(first);
		}
		first = connect_once(any, "imap.example.test", c, NULL, &resumed);
		for (i = 0; i < sizeof(others) / sizeof(others[0]) - (v == 0); i++) {
			tls_resume_free(connect_once(others[i], "imap.example.test", c, first, &resumed));
			if (resumed != (i == 0))
				fail_msg("%s, context %zu: resumed %d", v ? "1.2" : "1.3", i, resumed);
		}
		tls_resume_free(first);
	}
	tls_ctx_free(again);
	tls_ctx_free(groups);
	tls_ctx_free(suites);
	tls_ctx_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_choice), cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_refused), cmocka_unit_test(test_fallback), cmocka_unit_test(test_tickets),
	};

	return cmocka_run_group_tests_name("tls_choice", tests, start, stop);
}
