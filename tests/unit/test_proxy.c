/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PROXY protocol's header: each rule of the specification, and what we write is read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy.h"

static struct addr A(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static enum proxy_read look(const char *bytes, size_t n, struct proxy_ends *ends, size_t *header)
{
	*header = 9999;
	memset(ends, 0, sizeof(*ends));
	return proxy_read((const uint8_t *)bytes, n, ends, header);
}

static void assert_ends(const struct proxy_ends *e, const char *client, uint16_t client_port, const char *target,
			uint16_t target_port)
{
	struct addr c = A(client), t = A(target);

	assert_memory_equal(&e->client, &c, sizeof(c));
	assert_memory_equal(&e->target, &t, sizeof(t));
	assert_int_equal(e->client_port, client_port);
	assert_int_equal(e->target_port, target_port);
}

static const struct {
	const char *line;
	enum proxy_read answer;
	const char *client, *target;
	uint16_t client_port, target_port;
} lines[] = {
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 56324 993\r\n", PROXY_READ_ENDS, "192.0.2.7", "203.0.113.1", 56324, 993 },
	{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", PROXY_READ_ENDS, "255.255.255.255",
	  "255.255.255.255", 65535, 65535 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 0 0\r\n", PROXY_READ_ENDS, "192.0.2.7", "203.0.113.1", 0, 0 },
	{ "PROXY TCP6 2001:db8::7 2001:DB8::1 1 993\r\n", PROXY_READ_ENDS, "2001:db8::7", "2001:db8::1", 1, 993 },
	{ "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 993\r\n", PROXY_READ_ENDS, "192.0.2.7", "2001:db8::1", 1, 993 },
	{ "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff7 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	  PROXY_READ_ENDS, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff7", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, 65535 },
	{ "PROXY UNKNOWN\r\n", PROXY_READ_LOCAL, NULL, NULL, 0, 0 },
	{ "PROXY UNKNOWN whatever, really  it is\r\n", PROXY_READ_LOCAL, NULL, NULL, 0, 0 },
	{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	  PROXY_READ_LOCAL, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 56324 993", PROXY_READ_PART, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 56324 993\r", PROXY_READ_PART, NULL, NULL, 0, 0 },
	{ "P", PROXY_READ_PART, NULL, NULL, 0, 0 },
	{ "PROXY ", PROXY_READ_PART, NULL, NULL, 0, 0 },
	/* No PROXY header at all */
	{ "\x16\x03\x01\x02", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "EHLO x\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXX", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXYTCP4 192.0.2.7 203.0.113.1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	/* Malformed ones */
	{ "PROXY\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY \r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY tcp4 192.0.2.7 203.0.113.1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY UDP4 192.0.2.7 203.0.113.1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY UNKNOWNX 192.0.2.7\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4  192.0.2.7 203.0.113.1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 1 2 \r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 1 2 3\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 1\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 1 65536\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 01 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 -1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 +1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.07 203.0.113.1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.256 203.0.113.1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2 203.0.113.1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP6 192.0.2.7 203.0.113.1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP6 2001:db8:::7 2001:db8::1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	/* Line ends: nothing but CRLF will do */
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 1 2\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7\n203.0.113.1 1 2\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY TCP4 192.0.2.7 203.0.113.1 1 2\rx", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	{ "PROXY UNKNOWN\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
	/* 107 characters and no end */
	{ "PROXY UNKNOWN 1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
	  "5678901234567\r\n", PROXY_READ_BAD, NULL, NULL, 0, 0 },
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t n = strlen(lines[i].line), header;
		struct proxy_ends ends;

		if (look(lines[i].line, n, &ends, &header) != lines[i].answer)
			fail_msg("line %zu: %s", i, lines[i].line);
		if (lines[i].answer == PROXY_READ_ENDS)
			assert_ends(&ends, lines[i].client, lines[i].client_port, lines[i].target, lines[i].target_port);
		if (lines[i].answer != PROXY_READ_ENDS && lines[i].answer != PROXY_READ_LOCAL)
			continue;
		assert_int_equal(header, n);
		for (size_t part = 0; part < n; part++)	/* a byte at a time */
			assert_int_equal(look(lines[i].line, part, &ends, &header), PROXY_READ_PART);
	}
}

/* A zero byte isn't an end. */
static void test_zero_in_a_line(void **state)
{
	static const char line[] = "PROXY TCP4 192.0.2.7\0 203.0.113.1 1 2\r\n";
	struct proxy_ends ends;
	size_t header;

	(void)state;
	assert_int_equal(look(line, sizeof(line) - 1, &ends, &header), PROXY_READ_BAD);
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_ENDS "\xc0\x00\x02\x07\xcb\x00\x71\x01\xdc\x04\x03\xe1"	/* 192.0.2.7:56324, 203.0.113.1:993 */

static const struct {
	const char *what, *bytes;
	size_t n;
	enum proxy_read answer;
} headers[] = {
#define HEADER(what, answer, bytes) { what, bytes, sizeof(bytes) - 1, answer }
	HEADER("IPv4", PROXY_READ_ENDS, SIGNATURE "\x21\x11\0\x0c" V4_ENDS),
	HEADER("with a TLV", PROXY_READ_ENDS, SIGNATURE "\x21\x11\0\x11" V4_ENDS "\x04\0\x02xx"),
	HEADER("LOCAL", PROXY_READ_LOCAL, SIGNATURE "\x20\0\0\0"),
	HEADER("LOCAL with what nobody reads", PROXY_READ_LOCAL, SIGNATURE "\x20\x11\0\x03" "abc"),
	HEADER("unspecified", PROXY_READ_LOCAL, SIGNATURE "\x21\0\0\0"),
	HEADER("UDP", PROXY_READ_LOCAL, SIGNATURE "\x21\x12\0\x0c" V4_ENDS),
	HEADER("IPv4, no transport", PROXY_READ_LOCAL, SIGNATURE "\x21\x10\0\x0c" V4_ENDS),
	HEADER("version 1", PROXY_READ_BAD, SIGNATURE "\x11\x11\0\x0c" V4_ENDS),
	HEADER("version 3", PROXY_READ_BAD, SIGNATURE "\x31\x11\0\x0c" V4_ENDS),
	HEADER("a command that isn't", PROXY_READ_BAD, SIGNATURE "\x22\x11\0\x0c" V4_ENDS),
	HEADER("a family that isn't", PROXY_READ_BAD, SIGNATURE "\x21\x41\0\x0c" V4_ENDS),
	HEADER("a transport that isn't", PROXY_READ_BAD, SIGNATURE "\x21\x13\0\x0c" V4_ENDS),
	HEADER("addresses cut", PROXY_READ_BAD, SIGNATURE "\x21\x11\0\x0b" V4_ENDS),
	HEADER("IPv6 in the room of IPv4", PROXY_READ_BAD, SIGNATURE "\x21\x21\0\x0c" V4_ENDS),
	HEADER("a TLV cut in its header", PROXY_READ_BAD, SIGNATURE "\x21\x11\0\x0e" V4_ENDS "\x04\0"),
	HEADER("a TLV longer than the rest", PROXY_READ_BAD, SIGNATURE "\x21\x11\0\x11" V4_ENDS "\x04\0\x03xx"),
	HEADER("a wrong checksum", PROXY_READ_BAD, SIGNATURE "\x21\x11\0\x13" V4_ENDS "\x03\0\x04zzzz"),
	HEADER("a checksum of 3 bytes", PROXY_READ_BAD, SIGNATURE "\x21\x11\0\x12" V4_ENDS "\x03\0\x03zzz"),
	HEADER("too long", PROXY_READ_BAD, SIGNATURE "\x21\x11\x08\x00" V4_ENDS),
	HEADER("not the signature", PROXY_READ_BAD, "\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c" V4_ENDS),
	HEADER("an HTTP client's empty line", PROXY_READ_BAD, "\r\nGET / HTTP/1.1\r\n"),
};

static void test_headers(void **state)
{
	struct proxy_ends ends;
	size_t header;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		bool whole = headers[i].answer == PROXY_READ_ENDS || headers[i].answer == PROXY_READ_LOCAL;

		if (look(headers[i].bytes, headers[i].n, &ends, &header) != headers[i].answer)
			fail_msg("%s", headers[i].what);
		if (headers[i].answer == PROXY_READ_ENDS)
			assert_ends(&ends, "192.0.2.7", 56324, "203.0.113.1", 993);
		if (whole)
			assert_int_equal(header, headers[i].n);
		for (size_t part = 0; whole && part < headers[i].n; part++)
			assert_int_equal(look(headers[i].bytes, part, &ends, &header), PROXY_READ_PART);
	}
}

/* RFC 3720 B.4: 32 bytes of zeros, and 32 of ones. */
static void test_crc32c(void **state)
{
	uint8_t data[32] = { 0 };

	(void)state;
	assert_int_equal(proxy_crc32c(data, sizeof(data), UINT32_MAX) ^ UINT32_MAX, 0x8a9136aa);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(proxy_crc32c(data, sizeof(data), UINT32_MAX) ^ UINT32_MAX, 0x62a8ab43);
}

static const struct proxy_tls agreed = {
	.terminated = true, .name = "imap.example.test", .alpn = "imap", .version = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256",
};

/* The value of the first vector of @type, or NULL. */
static const uint8_t *find(const uint8_t *at, const uint8_t *end, uint8_t type, size_t *n)
{
	while (at < end) {
		*n = (size_t)(at[1] << 8 | at[2]);
		if (*at == type)
			return at + 3;
		at += 3 + *n;
	}
	return NULL;
}

static void assert_text(const uint8_t *at, const uint8_t *end, uint8_t type, const char *text)
{
	size_t n = 0;
	const uint8_t *value = find(at, end, type, &n);

	assert_non_null(value);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(value, text, n);
}

static void test_written_v2(void **state)
{
	static const uint8_t not_verified[5] = { 1, 0, 0, 0, 1 };
	const struct proxy_ends ends = { A("192.0.2.7"), A("203.0.113.1"), 56324, 993 };
	uint8_t buf[PROXY_WRITE_MAX_BYTES];
	const uint8_t *tlvs = buf + 28, *ssl;
	size_t n = proxy_write(buf, PROXY_V2, &ends, &agreed), ssl_bytes = 0, header;
	struct proxy_ends again;

	(void)state;
	assert_memory_equal(buf, SIGNATURE "\x21\x11", 14);
	assert_memory_equal(buf + 16, V4_ENDS, 12);
	assert_text(tlvs, buf + n, PROXY_TLV_AUTHORITY, "imap.example.test");
	assert_text(tlvs, buf + n, PROXY_TLV_ALPN, "imap");
	ssl = find(tlvs, buf + n, PROXY_TLV_SSL, &ssl_bytes);
	assert_non_null(ssl);
	assert_memory_equal(ssl, not_verified, sizeof(not_verified));
	assert_text(ssl + 5, ssl + ssl_bytes, PROXY_TLV_SSL_VERSION, "TLSv1.3");
	assert_text(ssl + 5, ssl + ssl_bytes, PROXY_TLV_SSL_CIPHER, "TLS_AES_128_GCM_SHA256");
	assert_int_equal(look((char *)buf, n, &again, &header), PROXY_READ_ENDS);
	assert_int_equal(header, n);
	/* No other address can come of a bit that changed on the way. */
	for (size_t bit = 16 * 8; bit < 28 * 8; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(look((char *)buf, n, &again, &header), PROXY_READ_BAD);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_written_without_tls(void **state)
{
	const struct proxy_ends ends = { A("2001:db8::7"), A("2001:db8::1"), 1, 2 };
	const struct proxy_tls tls = { .name = "" };
	uint8_t buf[PROXY_WRITE_MAX_BYTES];
	size_t n = proxy_write(buf, PROXY_V2, &ends, &tls), bytes, header;
	struct proxy_ends again;

	(void)state;
	assert_int_equal(n, 16 + 36 + 7);
	assert_null(find(buf + 52, buf + n, PROXY_TLV_SSL, &bytes));
	assert_int_equal(look((char *)buf, n, &again, &header), PROXY_READ_ENDS);
	assert_ends(&again, "2001:db8::7", 1, "2001:db8::1", 2);
}

/* A client that showed a certificate: in this connection, or in the session that it resumes. */
static void test_written_certificate(void **state)
{
	const struct proxy_ends ends = { A("192.0.2.7"), A("203.0.113.1"), 56324, 993 };
	static const uint8_t now[5] = { 7 }, before[5] = { 5 };
	struct proxy_tls tls = agreed;
	uint8_t buf[PROXY_WRITE_MAX_BYTES];
	const uint8_t *ssl;
	size_t n, ssl_bytes = 0;

	(void)state;
	tls.certified = true;
	tls.client_name = "ann";
	for (int resumed = 0; resumed <= 1; resumed++) {
		tls.resumed = resumed;
		n = proxy_write(buf, PROXY_V2, &ends, &tls);
		ssl = find(buf + 28, buf + n, PROXY_TLV_SSL, &ssl_bytes);
		assert_non_null(ssl);
		assert_memory_equal(ssl, resumed ? before : now, sizeof(now));
		assert_text(ssl + 5, ssl + ssl_bytes, PROXY_TLV_SSL_CN, "ann");
	}
	tls.client_name = "";
	n = proxy_write(buf, PROXY_V2, &ends, &tls);
	ssl = find(buf + 28, buf + n, PROXY_TLV_SSL, &ssl_bytes);
	assert_null(find(ssl + 5, ssl + ssl_bytes, PROXY_TLV_SSL_CN, &n));
}

/* What a client may choose is no longer than its room. */
static void test_written_longest(void **state)
{
	const struct proxy_ends ends = { A("2001:db8::7"), A("2001:db8::1"), 1, 2 };
	struct proxy_tls tls = agreed;
	char name[257], alpn[256];
	uint8_t buf[PROXY_WRITE_MAX_BYTES];
	struct proxy_ends again;
	size_t n, header, bytes;

	(void)state;
	memset(name, 'n', sizeof(name));
	memset(alpn, 'a', sizeof(alpn));
	name[255] = alpn[255] = '\0';
	tls.name = name;
	tls.alpn = alpn;
	n = proxy_write(buf, PROXY_V2, &ends, &tls);
	assert_true(n <= sizeof(buf));
	assert_int_equal(look((char *)buf, n, &again, &header), PROXY_READ_ENDS);
	assert_text(buf + 52, buf + n, PROXY_TLV_AUTHORITY, name);
	name[255] = 'n';
	name[256] = '\0';
	n = proxy_write(buf, PROXY_V2, &ends, &tls);	/* no name has 256 bytes: left out, not cut */
	assert_null(find(buf + 52, buf + n, PROXY_TLV_AUTHORITY, &bytes));
}

static const struct {
	const char *client, *target, *line;
} written[] = {
	{ "192.0.2.7", "203.0.113.1", "PROXY TCP4 192.0.2.7 203.0.113.1 56324 993\r\n" },
	{ "2001:db8::7", "2001:db8::1", "PROXY TCP6 2001:db8::7 2001:db8::1 56324 993\r\n" },
	{ "192.0.2.7", "2001:db8::1", "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 56324 993\r\n" },
};

static void test_written_v1(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		const struct proxy_ends ends = { A(written[i].client), A(written[i].target), 56324, 993 };
		uint8_t buf[PROXY_WRITE_MAX_BYTES];
		size_t n = proxy_write(buf, PROXY_V1, &ends, &agreed), header;
		struct proxy_ends again;

		assert_int_equal(n, strlen(written[i].line));
		assert_memory_equal(buf, written[i].line, n);
		assert_int_equal(look((char *)buf, n, &again, &header), PROXY_READ_ENDS);
		assert_ends(&again, written[i].client, 56324, written[i].target, 993);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_zero_in_a_line),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_crc32c),
		cmocka_unit_test(test_written_v2),
		cmocka_unit_test(test_written_without_tls),
		cmocka_unit_test(test_written_certificate),
		cmocka_unit_test(test_written_longest),
		cmocka_unit_test(test_written_v1),
	};

	return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
