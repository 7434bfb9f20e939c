/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts below sessions and certificates: generator, strength, DER, PEM, names, the self-test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tls/error.h"
#include "tls/hello.h"
#include "tls/pem.h"
#include "tls/rng.h"
#include "tls/selftest.h"
#include "tls/sni.h"
#include "tls/strength.h"
#include "tls/tls.h"
#include "tls/x509.h"

static int start(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(tls_init(&why), 0);
	return 0;
}

static void *generate(void *out)
{
	return tls_rng_generate(out, 32) == 0 ? out : NULL;
}

static void test_generator(void **state)
{
	static uint8_t stream[3 << 20];
	uint8_t mine[32], other[32] = { 0 };
	uint32_t counts[256] = { 0 }, i;
	double chi = 0, expected = sizeof(stream) / 256.0;
	pthread_t thread;
	int fds[2], status;
	pid_t child;

	(void)state;
	/* Beyond two reseeds, in pieces that cut across its stretches. */
	for (i = 0; i < sizeof(stream);) {
		uint32_t n = 1 + i % 3001;

		n = n < sizeof(stream) - i ? n : (uint32_t)sizeof(stream) - i;
		assert_int_equal(tls_rng_generate(stream + i, n), 0);
		i += n;
	}
	for (i = 0; i < sizeof(stream); i++)
		counts[stream[i]]++;
	for (i = 0; i < 256; i++)
		chi += (counts[i] - expected) * (counts[i] - expected) / expected;
	assert_true(fabs(chi - 255) < 160);	/* seven standard deviations */
	for (i = 0; i + 64 <= sizeof(stream); i += 32)
		assert_memory_not_equal(stream + i, stream + i + 32, 32);
	/* Another thread and a forked child go their own way. */
	assert_int_equal(pthread_create(&thread, NULL, generate, other), 0);
	pthread_join(thread, NULL);
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		tls_rng_generate(mine, sizeof(mine));
		_exit(write(fds[1], mine, sizeof(mine)) == sizeof(mine) ? 0 : 1);
	}
	assert_int_equal(tls_rng_generate(mine, sizeof(mine)), 0);
	assert_memory_not_equal(mine, other, 32);
	assert_int_equal(read(fds[0], other, 32), 32);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_memory_not_equal(mine, other, 32);
	close(fds[0]);
	close(fds[1]);
}

static void test_strength(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(tls_strength_of_rsa(1024), 0);
	assert_int_equal(tls_strength_of_rsa(2048), 112);
	assert_int_equal(tls_strength_of_rsa(3072), 128);
	assert_int_equal(tls_strength_of_rsa(4096), 128);
	assert_int_equal(tls_strength_of_rsa(7680), 192);
	assert_int_equal(tls_strength_of_curve(255), 128);
	assert_int_equal(tls_strength_of_curve(256), 128);
	assert_int_equal(tls_strength_of_curve(384), 192);
	for (i = 0; i < tls_suites_count; i++) {
		assert_ptr_equal(tls_suite_lookup(tls_suites[i].id), &tls_suites[i]);
		assert_true(tls_suites[i].bits >= 128 && tls_strength_known(tls_suites[i].bits));
		/* AEAD only, and no static key exchange. */
		assert_true(strstr(tls_suites[i].iana_name, "GCM") || strstr(tls_suites[i].iana_name, "POLY1305"));
		assert_true(tls_suites[i].version == 0x0304 || strstr(tls_suites[i].iana_name, "ECDHE"));
	}
	for (i = 0; i < tls_groups_count; i++)
		assert_true(tls_strength_known(tls_groups[i].bits));
	assert_null(tls_suite_lookup(0x002f));
	assert_null(tls_group_lookup(0x0100));
	assert_false(tls_strength_known(256) || tls_strength_known(0));
}

static bool reads(struct der in)
{
	struct der body;

	return der_read(&in, NULL, &body, NULL);
}

static void test_der(void **state)
{
	static uint8_t big[70000];
	uint8_t buf[70100];
	struct der_writer w;
	struct der out, body;
	size_t sizes[] = { 0, 1, 127, 128, 255, 256, 65535, 65536 }, i;

	(void)state;
	/* Written lengths are read again, and nothing shorter than the whole is. */
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		der_writer_init(&w, buf, sizeof(buf));
		der_put_element(&w, DER_OCTET_STRING, (struct der){ big, sizes[i] });
		assert_true(der_written(&w, &out));
		assert_true(der_expect(&(struct der){ out.p, out.n }, DER_OCTET_STRING, &body));
		assert_int_equal(body.n, sizes[i]);
		assert_false(reads((struct der){ out.p, out.n - 1 }));
	}
	/* The encodings that BER allows and DER doesn't. */
	assert_true(reads(DER_BYTES("\x04\x01x")));
	assert_false(reads(DER_BYTES("\x04\x81\x01x")));
	assert_false(reads(DER_BYTES("\x04\x82\x00\x81x")));
	assert_false(reads(DER_BYTES("\x24\x80\x04\x01x\x00\x00")));
	assert_false(reads(DER_BYTES("\x04\x84\x00\x00\x00\x01x")));
	assert_false(reads(DER_BYTES("\x04\x02x")));
	assert_false(reads(DER_BYTES("\x1f\x01\x01x")));
	assert_false(reads(DER_BYTES("\x04")));
	assert_false(reads(DER_BYTES("")));
	/* Integers are positive and as short as can be. */
	der_writer_init(&w, buf, sizeof(buf));
	der_put_integer(&w, DER_BYTES("\x00\x00\x80"));
	assert_true(der_written(&w, &out) && der_equal(out, DER_BYTES("\x02\x02\x00\x80")));
	/* A full writer says so, at the end. */
	der_writer_init(&w, buf, 5);
	der_put_element(&w, DER_OCTET_STRING, DER_BYTES("abcd"));
	assert_false(der_written(&w, &out));
}

static void test_pem(void **state)
{
	uint8_t data[200];
	struct pem_block b;
	struct der text;
	char *pem, around[1024];
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(data); n++)
		data[n] = (uint8_t)(n * 37);
	for (n = 1; n <= sizeof(data); n++) {
		pem = pem_encode("TEST", (struct der){ data, n });
		snprintf(around, sizeof(around), "before\r\n%s after", pem);
		text = (struct der){ (uint8_t *)around, strlen(around) };
		assert_int_equal(pem_next(&text, &b), PEM_BLOCK);
		assert_string_equal(b.label, "TEST");
		assert_int_equal(b.der_bytes, n);
		assert_memory_equal(b.der, data, n);
		pem_block_fini(&b);
		assert_int_equal(pem_next(&text, &b), PEM_END);
		free(pem);
	}
#define NEXT(literal) (text = DER_BYTES(literal), pem_next(&text, &b))
	assert_int_equal(NEXT("-----BEGIN A-----\nQQ==\n-----END B-----\n"), PEM_BAD);
	assert_int_equal(NEXT("-----BEGIN A-----\nQ===\n-----END A-----\n"), PEM_BAD);
	assert_int_equal(NEXT("-----BEGIN A-----\nQR==\n-----END A-----\n"), PEM_BAD);
	assert_int_equal(NEXT("-----BEGIN A-----\nQQ==QQ==\n-----END A-----\n"), PEM_BAD);
	assert_int_equal(NEXT("-----BEGIN A-----\n\n-----END A-----\n"), PEM_BAD);
	assert_int_equal(NEXT("-----BEGIN A\n-----END A-----\n"), PEM_BAD);
}

/* record, ClientHello: version, random, empty session id, one suite, one compression, server_name "a.b" */
#define HELLO_HEAD 3, 3, [11 ... 42] = 7, 0, 0, 2, 0x13, 1, 1, 0
#define HELLO_BYTES 64u

static const uint8_t named_hello[] = { 22, 3, 1, 0, 59, 1, 0, 0, 55, HELLO_HEAD,
				       0, 12, 0, 0, 0, 8, 0, 6, 0, 0, 3, 'a', '.', 'b' };

static void test_hello(void **state)
{
	uint8_t hello[HELLO_BYTES];
	struct tls_hello read;
	struct der body;
	size_t i;

	(void)state;
	assert_int_equal(sizeof(named_hello), HELLO_BYTES);
	for (i = 0; i < HELLO_BYTES; i++) {
		memcpy(hello, named_hello, HELLO_BYTES);
		assert_int_equal(tls_hello_join(hello, i, &body), TLS_HELLO_MORE);
	}
	memcpy(hello, named_hello, HELLO_BYTES);
	assert_int_equal(tls_hello_join(hello, HELLO_BYTES, &body), TLS_HELLO_WHOLE);
	assert_true(tls_hello_read(body, &read));
	assert_true(der_equal(read.name, DER_BYTES("a.b")));
	assert_int_equal(read.version, 0x0303);
	assert_int_equal(read.suites, 1);
	assert_false(read.fallback || read.prefers_chacha);
	/* What it doesn't say it can, it can as of old. */
	assert_int_equal(read.can, TLS_HELLO_ECDSA | TLS_HELLO_RSA_PKCS1 | TLS_HELLO_CURVE_P256 | TLS_HELLO_CURVE_P384);
	/* A cut body is malformed wherever it is cut, but where its extensions would begin. */
	for (i = 0; i < body.n; i++)
		assert_int_equal(tls_hello_read((struct der){ body.p, i }, &read), i == 41);
	hello[53] = 1;	/* another kind of name, which no RFC describes */
	assert_true(tls_hello_read(body, &read));
	assert_int_equal(read.name.n, 0);
}

static enum tls_sni_status sni(const uint8_t *from, size_t bytes, struct tls_sni *out)
{
	uint8_t stream[HELLO_BYTES];

	memcpy(stream, from, bytes);
	return tls_sni_read(stream, bytes, out);
}

/* For who passes it on: the name as it is looked up, and why there is none. */
static void test_sni(void **state)
{
	static const uint8_t no_names[][3] = { { '.', 'a', 'b' }, { 'a', 0, 'b' }, { 'a', 'b', 0 } };
	uint8_t hello[HELLO_BYTES], alert[TLS_ALERT_RECORD_BYTES];
	struct tls_sni out;
	size_t i;

	(void)state;
	for (i = 0; i < HELLO_BYTES; i++) {
		assert_int_equal(sni(named_hello, i, &out), TLS_SNI_PART);
		assert_true(out.least_bytes > i && out.least_bytes <= HELLO_BYTES);
	}
	assert_int_equal(sni(named_hello, HELLO_BYTES, &out), TLS_SNI_READ);
	assert_string_equal(out.name, "a.b");
	memcpy(hello, named_hello, HELLO_BYTES);
	memcpy(hello + 61, "AB.", 3);
	assert_int_equal(sni(hello, HELLO_BYTES, &out), TLS_SNI_READ);
	assert_string_equal(out.name, "ab");
	for (i = 0; i < 3; i++) {
		memcpy(hello + 61, no_names[i], 3);
		assert_int_equal(sni(hello, HELLO_BYTES, &out), TLS_SNI_BAD);
		assert_int_equal(out.error, TLS_ERR_HANDSHAKE);
		assert_int_equal(out.alert, 50);
	}
	/* A message that says of itself that it is too long. */
	memcpy(hello, (const uint8_t[]){ 22, 3, 1, 0, 4, 1, 0, 0x41, 0 }, 9);
	assert_int_equal(sni(hello, 9, &out), TLS_SNI_BAD);
	assert_int_equal(out.error, TLS_ERR_HELLO_TOO_LONG);
	assert_int_equal(sni((const uint8_t *)"\x16Q", 1, &out), TLS_SNI_PART);
	assert_int_equal(sni((const uint8_t *)"\x16Q", 2, &out), TLS_SNI_BAD);
	assert_int_equal(out.error, TLS_ERR_NOT_TLS);
	tls_alert_record(alert, TLS_ALERT_UNRECOGNIZED_NAME);
	assert_memory_equal(alert, ((const uint8_t[]){ 21, 3, 3, 0, 2, 2, 112 }), 7);
}

/* named_hello in records of @cut bytes each; how many bytes that makes. */
static size_t cut_hello(uint8_t *stream, size_t cut)
{
	size_t at = 0, i;

	for (i = 5; i < HELLO_BYTES; i++) {
		size_t left = HELLO_BYTES - i, n = left < cut ? left : cut;

		if ((i - 5) % cut == 0) {
			memcpy(stream + at, (const uint8_t[]){ 22, 3, 1, 0, (uint8_t)n }, 5);
			at += 5;
		}
		stream[at++] = named_hello[i];
	}
	return at;
}

/* Looked at only when it could be whole, it is looked at a few times, however small the pieces, and never too late. */
static void test_sni_least(void **state)
{
	uint8_t stream[HELLO_BYTES * 6 + 5];
	struct tls_sni out;
	unsigned int looks;
	size_t cut, at, n;

	(void)state;
	for (cut = 1; cut < HELLO_BYTES - 5; cut++) {
		n = cut_hello(stream, cut);
		for (at = 0, looks = 0; at < n; at = out.least_bytes, looks++) {
			cut_hello(stream, cut);
			assert_int_equal(tls_sni_read(stream, at, &out), TLS_SNI_PART);
			assert_true(out.least_bytes > at && out.least_bytes <= n);
		}
		assert_true(looks < 30);
		cut_hello(stream, cut);
		assert_int_equal(tls_sni_read(stream, n, &out), TLS_SNI_READ);
	}
}

/* Any cut into records; what isn't a ClientHello; the longest one in one-byte records. */
static void test_hello_records(void **state)
{
	uint8_t stream[HELLO_BYTES * 6 + 5];
	struct tls_hello read;
	struct der body;
	size_t cut, at;

	(void)state;
	for (cut = 1; cut < HELLO_BYTES - 5; cut++) {
		at = cut_hello(stream, cut);
		assert_int_equal(tls_hello_join(stream, at - 1, &body), TLS_HELLO_MORE);
		/* The first call moved bytes: each is given the stream as it came. */
		cut_hello(stream, cut);
		assert_int_equal(tls_hello_join(stream, at, &body), TLS_HELLO_WHOLE);
		assert_true(tls_hello_read(body, &read));
		assert_true(der_equal(read.name, DER_BYTES("a.b")));
	}
	memcpy(stream, named_hello, HELLO_BYTES);
	stream[5] = 2;
	assert_int_equal(tls_hello_join(stream, HELLO_BYTES, &body), TLS_HELLO_NONE);
	memcpy(stream, (const uint8_t[]){ 22, 3, 1, 0, 0 }, 5);
	assert_int_equal(tls_hello_join(stream, 5, &body), TLS_HELLO_NONE);
	memcpy(stream, (const uint8_t[]){ 22, 3, 1, 0, 1, 1, 21, 3, 1, 0, 2, 2, 0 }, 13);
	assert_int_equal(tls_hello_join(stream, 13, &body), TLS_HELLO_NONE);
	memcpy(stream, (const uint8_t[]){ 22, 3, 1, 0x40, 1 }, 5);
	assert_int_equal(tls_hello_join(stream, 5, &body), TLS_HELLO_NONE);
}

/* @suites and @extensions around a ClientHello's fixed parts. */
static bool read_hello(struct der suites, struct der extensions, struct tls_hello *out)
{
	static uint8_t body[512];
	size_t at = 0;

	memcpy(body, (const uint8_t[35]){ 3, 3 }, 35);
	at = 35;
	body[at++] = 0;
	body[at++] = (uint8_t)suites.n;
	memcpy(body + at, suites.p, suites.n);
	at += suites.n;
	memcpy(body + at, (const uint8_t[]){ 1, 0, 0, (uint8_t)extensions.n }, 4);
	at += 4;
	memcpy(body + at, extensions.p, extensions.n);
	return tls_hello_read((struct der){ body, at + extensions.n }, out);
}

static void test_hello_abilities(void **state)
{
	const struct der suite = DER_BYTES("\x13\x01");
	struct tls_hello h;

	(void)state;
	/* GREASE (RFC 8701) and the SCSV are no suites: ChaCha20 comes first here. */
	assert_true(read_hello(DER_BYTES("\x3a\x3a\x56\x00\xcc\xa8\x13\x01"), DER_BYTES("\0\x2b\0\5\4\x7a\x7a\3\4"), &h));
	assert_true(h.fallback && h.prefers_chacha);
	assert_int_equal(h.version, 0x0304);
	assert_true(read_hello(DER_BYTES("\x13\x01\x13\x03"), DER_BYTES("\0\x2b\0\3\2\3\3"), &h));
	assert_false(h.prefers_chacha);
	assert_int_equal(h.version, 0x0303);
	assert_true(read_hello(suite, DER_BYTES("\0\x0d\0\x0a\0\x08\4\3\x08\4\x08\7\4\1" "\0\x0a\0\4\0\2\0\x18"), &h));
	assert_int_equal(h.can, TLS_HELLO_ECDSA_P256 | TLS_HELLO_ECDSA | TLS_HELLO_RSA_PSS | TLS_HELLO_ED25519 |
				TLS_HELLO_RSA_PKCS1 | TLS_HELLO_CURVE_P384);
	/* ALPN. */
	assert_true(read_hello(suite, DER_BYTES("\0\x10\0\x0c\0\x0a\4imap\4pop3"), &h));
	assert_true(tls_hello_speaks(&h, "imap") && tls_hello_speaks(&h, "smtp,pop3"));
	assert_false(tls_hello_speaks(&h, "ima") || tls_hello_speaks(&h, "imaps") || tls_hello_speaks(&h, "smtp,esmtp") ||
		     tls_hello_speaks(&h, ""));
	/* Malformed ones. */
	assert_false(read_hello(suite, DER_BYTES("\0\x10\0\x02\0\0"), &h));			/* no protocol */
	assert_false(read_hello(suite, DER_BYTES("\0\x10\0\x03\0\1\0"), &h));		/* an empty one */
	assert_false(read_hello(suite, DER_BYTES("\0\x10\0\x04\0\2\2a"), &h));		/* a cut one */
	assert_false(read_hello(suite, DER_BYTES("\0\0\0\6\0\4\0\0\2a"), &h));		/* a cut name */
	assert_false(read_hello(suite, DER_BYTES("\0\0\0\x0a\0\x08\0\0\1a\0\0\1b"), &h));	/* two names */
	assert_false(read_hello(suite, DER_BYTES("\0\x2b\0\4\3\3\3\3"), &h));		/* one version and a half */
	assert_false(read_hello(suite, DER_BYTES("\0\x0d\0\5\0\3\4\3\4"), &h));
	assert_false(read_hello(DER_BYTES("\x13\x01\x13"), DER_BYTES(""), &h));
}

static void test_hello_kinds(void **state)
{
	/* As above, with an extension of no bytes in the place of the name. */
	uint8_t hello[] = { 22, 3, 1, 0, 51, 1, 0, 0, 47, 3, 3, [11 ... 42] = 7, 0, 0, 2, 0x13, 1, 1, 0,
			    0, 4, 0, 35, 0, 0 };
	uint8_t ticket[] = { 22, 3, 1, 0, 52, 1, 0, 0, 48, 3, 3, [11 ... 42] = 7, 0, 0, 2, 0x13, 1, 1, 0,
			     0, 5, 0, 35, 0, 1, 9 };
#define LOOK(bytes, n) tls_hello_look((struct der){ bytes, n })

	(void)state;
	for (size_t i = 0; i < sizeof(hello); i++)
		assert_int_equal(LOOK(hello, i), TLS_HELLO_PART);
	/* An empty session_ticket asks for a ticket and brings none. */
	assert_int_equal(LOOK(hello, sizeof(hello)), TLS_HELLO_FULL);
	assert_int_equal(LOOK(ticket, sizeof(ticket)), TLS_HELLO_RESUMES);
	hello[53] = 41;
	assert_int_equal(LOOK(hello, sizeof(hello)), TLS_HELLO_RESUMES);
	/* A message that goes on in another record can't be judged by the first. */
	hello[8] = 48;
	assert_int_equal(LOOK(hello, sizeof(hello)), TLS_HELLO_FULL);
	assert_int_equal(tls_hello_look(DER_BYTES("E")), TLS_HELLO_OTHER);
	assert_int_equal(tls_hello_look(DER_BYTES("\x16" "E")), TLS_HELLO_OTHER);
	assert_int_equal(tls_hello_look(DER_BYTES("\x16")), TLS_HELLO_PART);
}

static void test_selftest(void **state)
{
	struct tls_selftest t;

	(void)state;
	assert_null(tls_selftest_answers());
	tls_selftest_run(&t);
	print_message("# wolfSSL %s: %s; %s; AES-128-GCM %.0f MB/s, P-256 %.0f signs/s\n", t.version, t.features,
		      t.instructions, t.aes128_gcm_mb_s, t.p256_signs_s);
	assert_non_null(strstr(t.features, ", X25519, secp256r1, secp384r1, tickets"));
	assert_true(t.aes128_gcm_mb_s > 1 && t.p256_signs_s > 1);
#ifdef __x86_64__
	assert_int_equal(t.aes_instructions, __builtin_cpu_supports("aes") != 0);
#endif
}

static void test_errors(void **state)
{
	int e;

	(void)state;
	for (e = 0; e < TLS_ERR_COUNT; e++) {
		assert_true(strlen(tls_error_name((enum tls_error)e)) > 0 && strlen(tls_error_text((enum tls_error)e)) > 0);
		assert_true(tls_error_alert((enum tls_error)e) > 0);
	}
	assert_int_equal(tls_error_of_library(-501), TLS_ERR_CIPHER);
	assert_int_equal(tls_error_of_library(-326), TLS_ERR_VERSION);
	assert_int_equal(tls_error_of_library(-125), TLS_ERR_MEMORY);
	assert_int_equal(tls_error_of_library(-9999), TLS_ERR_HANDSHAKE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generator), cmocka_unit_test(test_strength), cmocka_unit_test(test_der),
		cmocka_unit_test(test_pem),	  cmocka_unit_test(test_hello), cmocka_unit_test(test_hello_records),
		cmocka_unit_test(test_sni),	  cmocka_unit_test(test_sni_least),
		cmocka_unit_test(test_hello_abilities), cmocka_unit_test(test_hello_kinds),	   cmocka_unit_test(test_selftest),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("tls_parts", tests, start, NULL);
}
