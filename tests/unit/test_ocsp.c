/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OCSP responses, made by openssl(1): which are believed; and which of them a server shows to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tls/ocsp.h"
#include "tls/staple.h"
#include "tls_reference.h"

#define DAY 86400

/*
 * A CA with two certificates of its own, one of which must be stapled; responders that
 * it named, and others; responses by all of them. The index is what openssl's own CA keeps.
 */
static const char script[] =
	"exec 2>log; set -e; key() { openssl ecparam -genkey -name prime256v1 -noout -out $1.key; }\n"
	"self() { key $1; openssl req -x509 -new -key $1.key -subj \"/CN=$2\" -days 30 -out $1.pem; }\n"
	"leaf() { key $2; printf \"$5\" >ext; openssl req -new -key $2.key -subj \"/CN=$2\" -out csr\n"
	"  openssl x509 -req -in csr -CA $1.pem -CAkey $1.key -set_serial $3 -days $4 -extfile ext -out $2.pem; }\n"
	"self ca 'A CA'; self other 'A CA'\n"
	"leaf ca mail 0x9a51 20 'subjectAltName=DNS:imap.example.test\\nauthorityInfoAccess=OCSP;URI:http://ocsp.example.test/\\n'\n"
	"leaf ca must 0x17 20 'subjectAltName=DNS:imap.example.test\\ntlsfeature=status_request\\n'\n"
	"leaf ca named 0x30 20 'extendedKeyUsage=OCSPSigning\\n'; leaf ca unnamed 0x31 20 'extendedKeyUsage=serverAuth\\n'\n"
	"leaf ca any 0x32 20 'extendedKeyUsage=anyExtendedKeyUsage\\n'; leaf other strange 0x30 20 'extendedKeyUsage=OCSPSigning\\n'\n"
	"cat mail.pem ca.pem >mail.chain; cat must.pem ca.pem >must.chain\n"
	"printf 'V\\t401231235959Z\\t\\t9A51\\tunknown\\t/CN=mail\\nV\\t401231235959Z\\t\\t17\\tunknown\\t/CN=must\\n' >good\n"
	"printf 'R\\t401231235959Z\\t260101000000Z\\t9A51\\tunknown\\t/CN=mail\\n' >revoked\n"
	"printf 'V\\t401231235959Z\\t\\t55\\tunknown\\t/CN=x\\n' >unknown\n"
	"say() { out=$1 index=$2 by=$3; shift 3; openssl ocsp -index $index -CA ca.pem -rsigner $by.pem -rkey $by.key \\\n"
	"  -issuer ca.pem -noverify -respout $out.der \"$@\" >>log; }\n"
	"one=\"-cert mail.pem -ndays 4\"\n"
	"say good good ca $one -resp_no_certs; say by_key good ca $one -resp_key_id; say named good named $one\n"
	"say named_key good named $one -resp_key_id; say both good ca -cert must.pem -cert mail.pem -ndays 4\n"
	"say sha256 good ca -sha256 $one; say must good ca -cert must.pem -ndays 4; say revoked revoked ca $one\n"
	"say unknown unknown ca $one; say endless good ca -cert mail.pem; say unnamed good unnamed $one\n"
	"say any good any $one; say strange good strange $one; say other good other $one -resp_no_certs\n"
	"say sha1 good ca $one -rmd sha1; say alone good named $one -resp_no_certs\n"
	"openssl ocsp -issuer ca.pem -cert mail.pem -no_nonce -reqout request.der\n";

static char dir[] = "/tmp/postern-test-ocsp-XXXXXX";
static struct tls_cert *mail, *must, *plain;
static time_t now;

static char *read_named(const char *name, size_t *bytes)
{
	char path[256], err[300], *data;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	data = tls_file_read(path, bytes, NULL, err, sizeof(err));
	if (!data)
		fail_msg("%s", err);
	return data;
}

static struct tls_cert *load(const char *name)
{
	char chain[256], key[256], err[300];
	struct tls_cert *c;

	snprintf(chain, sizeof(chain), "%s/%s.chain", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	c = tls_cert_load_files(chain, key, NULL, err, sizeof(err));
	if (!c)
		fail_msg("%s", err);
	return c;
}

static int start(void **state)
{
	static const char *const name = "imap.example.test";
	char command[sizeof(script) + 100];

	(void)state;
	pair_start();
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command), "cd %s && umask 077 && { %s\n}", dir, script);
	if (system(command) != 0)
		fail_msg("openssl failed: %s/log", dir);
	mail = load("mail");
	must = load("must");
	plain = pair_cert_for("rsa2048", &name, 1);
	now = time(NULL);
	return 0;
}

static int stop(void **state)
{
	char command[100];

	(void)state;
	tls_cert_free(mail);
	tls_cert_free(must);
	tls_cert_free(plain);
	assert_int_equal(tls_worker_heap_used(), 0);
	pair_stop();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct tls_staple *staple_at(const struct tls_cert *c, const char *name, time_t at, char err[300])
{
	char file[64], *data;
	struct tls_staple *s;
	size_t bytes;

	snprintf(file, sizeof(file), "%s.der", name);
	data = read_named(file, &bytes);
	err[0] = '\0';
	s = tls_staple_new(c, (struct der){ (uint8_t *)data, bytes }, at, err, 300);
	free(data);
	return s;
}

static struct tls_staple *staple(const struct tls_cert *c, const char *name)
{
	char err[300];
	struct tls_staple *s = staple_at(c, name, now, err);

	if (!s)
		fail_msg("%s: %s", name, err);
	return s;
}

static void refused(const struct tls_cert *c, const char *name, time_t at, const char *words)
{
	char err[300];
	struct tls_staple *s = staple_at(c, name, at, err);

	if (s || !strstr(err, words))
		fail_msg("%s: %s", name, s ? "it was believed" : err);
	tls_staple_free(s);
}

static void test_believed(void **state)
{
	static const char *const names[] = { "good", "by_key", "named", "named_key", "both", "sha256" };
	struct tls_staple *s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		s = staple(mail, names[i]);
		assert_int_equal(tls_staple_answer(s)->status, OCSP_GOOD);
		assert_in_range(now - tls_staple_answer(s)->this_update, 0, 60);
		assert_int_equal(tls_staple_answer(s)->next_update - tls_staple_answer(s)->this_update, 4 * DAY);
		tls_staple_free(s);
	}
	s = staple(mail, "revoked");
	assert_int_equal(tls_staple_answer(s)->status, OCSP_REVOKED);
	assert_int_equal(tls_staple_answer(s)->revoked, 1767225600);
	tls_staple_free(s);
	tls_staple_free(staple(must, "both"));
	assert_true(tls_cert_info(must)->must_staple && !tls_cert_info(mail)->must_staple);
	assert_string_equal(tls_cert_info(mail)->ocsp_url, "http://ocsp.example.test/");
	assert_string_equal(tls_cert_info(must)->ocsp_url, "");
}

static void test_refused(void **state)
{
	(void)state;
	refused(mail, "must", now, "another certificate");
	refused(must, "good", now, "another certificate");
	refused(mail, "unknown", now, "doesn't know");
	refused(mail, "endless", now, "until when");
	refused(mail, "unnamed", now, "has not named");
	refused(mail, "any", now, "has not named");
	refused(mail, "strange", now, "has not named");
	refused(mail, "alone", now, "someone other");
	refused(mail, "other", now, "signature");	/* a CA of the same name */
	refused(mail, "sha1", now, "signature");
	refused(mail, "good", now + 4 * DAY + 60, "it has ended");
	refused(mail, "good", now - DAY, "in the future");
	refused(mail, "named", now + 21 * DAY, "it has ended");
	refused(plain, "good", now, "its issuer's certificate");
}

/* Nothing but the whole of it, unchanged. */
static void test_damaged(void **state)
{
	size_t bytes, i;
	char *data = read_named("good.der", &bytes), err[300];
	uint8_t *copy;

	(void)state;
	assert_true(bytes > 200 && bytes < OCSP_RESPONSE_MAX_BYTES);
	for (i = 0; i < bytes; i++) {
		copy = malloc(i + 1);	/* so that a sanitizer sees what is read beyond */
		memcpy(copy, data, i);
		assert_null(tls_staple_new(mail, (struct der){ copy, i }, now, err, sizeof(err)));
		free(copy);
	}
	copy = malloc(bytes + 1);
	memcpy(copy, data, bytes);
	copy[bytes] = 0;
	assert_null(tls_staple_new(mail, (struct der){ copy, bytes + 1 }, now, err, sizeof(err)));
	for (i = 0; i < bytes * 8; i++) {
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
		if (tls_staple_new(mail, (struct der){ copy, bytes }, now, err, sizeof(err)))
			fail_msg("bit %zu isn't looked at", i);
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	free(copy);
	free(data);
	for (i = 1; i <= 6; i++) {
		const uint8_t status[] = { 0x30, 3, 0x0a, 1, (uint8_t)i };

		assert_null(tls_staple_new(mail, (struct der){ status, sizeof(status) }, now, err, sizeof(err)));
		if (i != 4)	/* not used, RFC 6960 4.2.1 */
			assert_non_null(strstr(err, "the responder"));
	}
}

/* A chain that ends before its CA: that is given, and none but that. */
static void test_issuer(void **state)
{
	char chain[256], key[256], err[300], *ca, *other;
	size_t ca_bytes, other_bytes;
	struct tls_cert *c;

	(void)state;
	snprintf(chain, sizeof(chain), "%s/mail.pem", dir);
	snprintf(key, sizeof(key), "%s/mail.key", dir);
	c = tls_cert_load_files(chain, key, NULL, err, sizeof(err));
	assert_non_null(c);
	refused(c, "good", now, "its issuer's certificate");
	other = read_named("other.pem", &other_bytes);	/* of the same name */
	assert_false(tls_cert_give_issuer(c, (struct der){ (uint8_t *)other, other_bytes }));
	ca = read_named("ca.pem", &ca_bytes);
	assert_true(tls_cert_give_issuer(c, (struct der){ (uint8_t *)ca, ca_bytes }));
	tls_staple_free(staple(c, "good"));
	free(other);
	free(ca);
	tls_cert_free(c);
}

static void test_request(void **state)
{
	uint8_t buf[OCSP_REQUEST_MAX_BYTES];
	char *theirs, err[300];
	struct der ours;
	size_t bytes;

	(void)state;
	theirs = read_named("request.der", &bytes);
	assert_int_equal(tls_staple_request(mail, buf, &ours, err, sizeof(err)), 0);
	assert_int_equal(ours.n, bytes);
	assert_memory_equal(ours.p, theirs, bytes);
	assert_int_equal(tls_staple_request(plain, buf, &ours, err, sizeof(err)), -EINVAL);
	free(theirs);
}

/* What the client was shown. */
struct seen {
	bool called;
	size_t bytes;
	uint8_t der[OCSP_RESPONSE_MAX_BYTES];
};

#if LIBWOLFSSL_VERSION_HEX > 0x05007002

static int on_status(WOLFSSL *library, int err, unsigned char *response, unsigned int bytes, unsigned int nth,
		     void *context)
{
	struct seen *seen = context;

	(void)library;
	(void)err;
	(void)nth;
	seen->called = response != NULL;
	seen->bytes = bytes;
	if (response)
		memcpy(seen->der, response, bytes);
	return 0;
}

static void connect_to(struct tls_ctx *server, const struct tls_suite *suite, bool asks, struct seen *seen)
{
	struct reference *r = malloc(sizeof(*r));
	struct tls_session *ours = tls_session_new(server);

	memset(seen, 0, sizeof(*seen));
	reference_init(r, NULL, suite);
	if (asks) {
		assert_int_equal(wolfSSL_CTX_EnableOCSPStapling(r->ctx), WOLFSSL_SUCCESS);
		wolfSSL_CTX_set_ocsp_status_verify_cb(r->ctx, on_status, seen);
		assert_int_equal(wolfSSL_UseOCSPStapling(r->library, WOLFSSL_CSR_OCSP, 0), WOLFSSL_SUCCESS);
	}
	reference_handshake(r, ours);
	reference_fini(r);
	tls_session_free(ours);
	free(r);
}

static void shows(struct tls_ctx *server, const char *name)
{
	const uint16_t suites[] = { 0x1301, 0xc02b };
	struct seen seen;
	size_t i, bytes;
	char *data = name ? read_named(name, &bytes) : NULL;

	for (i = 0; i < 2; i++) {
		connect_to(server, tls_suite_lookup(suites[i]), true, &seen);
		assert_int_equal(seen.called, name != NULL);
		if (name) {
			assert_int_equal(seen.bytes, bytes);
			assert_memory_equal(seen.der, data, bytes);
		}
		connect_to(server, tls_suite_lookup(suites[i]), false, &seen);
		assert_false(seen.called);
	}
	free(data);
}

/* From the next handshake on, in both versions, only to who asks; and the place outlives the certificate. */
static void test_shown(void **state)
{
	struct tls_cert *own = load("mail");
	struct tls_ctx *server = pair_server_ctx(own, (struct tls_settings){ 0 });

	(void)state;
	shows(server, NULL);
	assert_null(tls_staple_put(own, staple(own, "good")));
	shows(server, "good.der");
	tls_staple_free(tls_staple_put(own, staple(own, "named")));
	shows(server, "named.der");
	tls_staple_free(tls_staple_put(own, staple(own, "revoked")));
	shows(server, "revoked.der");
	tls_cert_free(own);
	shows(server, "revoked.der");
	tls_ctx_free(server);
}

/* Two certificates for one name: the one that lacks what it must have comes last, for those who would mind. */
static void test_must(void **state)
{
	const struct tls_cert *both[] = { must, plain };
	struct tls_settings settings = { .strength_bits = 112 };
	struct tls_ctx *server, *alone;
	struct seen seen;
	char err[300];
	struct der out;

	(void)state;
	server = tls_ctx_new_server(both, 2, &settings, err, sizeof(err));
	alone = pair_server_ctx(must, settings);
	assert_non_null(server);
	assert_true(tls_staple_lacking(tls_cert_staple_place(must), now));
	assert_false(tls_staple_lacking(tls_cert_staple_place(plain), now));
	connect_to(server, tls_suite_lookup(0xc02f), true, &seen);	/* RSA's: refused, were it the other */
	connect_to(alone, tls_suite_lookup(0xc02b), true, &seen);	/* there is no other */
	assert_false(seen.called);
	connect_to(server, NULL, true, &seen);
	assert_false(seen.called);
	assert_null(tls_staple_put(must, staple(must, "must")));
	connect_to(server, NULL, true, &seen);
	assert_true(seen.called);
	/* Whoever forgets to take it away. */
	assert_true(tls_staple_now(tls_cert_staple_place(must), now + 4 * DAY - 60, &out));
	assert_false(tls_staple_now(tls_cert_staple_place(must), now + 4 * DAY + 60, &out));
	assert_true(tls_staple_lacking(tls_cert_staple_place(must), now + 4 * DAY + 60));
	tls_staple_free(tls_staple_put(must, NULL));
	tls_ctx_free(server);
	tls_ctx_free(alone);
}

#else

static void test_shown(void **state)
{
	(void)state;
	assert_false(tls_staple_possible());
	skip();
}
#define test_must test_shown

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_believed), cmocka_unit_test(test_refused), cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_request), cmocka_unit_test(test_issuer), cmocka_unit_test(test_shown), cmocka_unit_test(test_must),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
