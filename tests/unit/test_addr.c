/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"

static struct addr parsed(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void text_there_and_back(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::",
					     "::1", "fe80::200:f8ff:fe21:67cf",
					     "1111:2222:3333:4444:5555:6666:7777:8888" };
	char buf[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct addr a = parsed(texts[i]);

		assert_string_equal(addr_format(&a, buf, sizeof(buf)), texts[i]);
	}
}

static void bad_addresses(void **state)
{
	static const char *const texts[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "::g",
					     "1:2", "localhost", "01.2.3.4x", "1.2.3.4/24", "[::1]", "fe80::1%eth0" };
	struct addr a;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(addr_parse(texts[i], &a) < 0);
}

static void v4_is_mapped(void **state)
{
	struct addr a = parsed("192.0.2.1"), mapped = parsed("::ffff:192.0.2.1"), v6 = parsed("::fffe:c000:201");
	struct addr b = addr_from_v4(htonl(0xc0000201));

	assert_true(addr_is_v4(&a));
	assert_true(addr_equal(&a, &mapped));
	assert_true(addr_equal(&a, &b));
	assert_int_equal(addr_to_v4(&a), htonl(0xc0000201));
	assert_false(addr_is_v4(&v6));
}

static void prefixes(void **state)
{
	static const struct {
		const char *prefix, *addr;
		int holds;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.255", 1 },	{ "192.0.2.0/24", "192.0.3.0", 0 },
		{ "192.0.2.77/24", "192.0.2.1", 1 },	{ "10.0.0.0/9", "10.127.255.255", 1 },
		{ "10.0.0.0/9", "10.128.0.0", 0 },	{ "192.0.2.1", "192.0.2.1", 1 },
		{ "192.0.2.1", "192.0.2.0", 0 },	{ "0.0.0.0/0", "1.2.3.4", 1 },
		{ "0.0.0.0/0", "2001:db8::1", 0 },	{ "any", "1.2.3.4", 1 },
		{ "default", "2001:db8::1", 1 },	{ "2001:db8::/33", "2001:db8:7fff::", 1 },
		{ "2001:db8::/33", "2001:db8:8000::", 0 }, { "::/0", "2001:db8::1", 1 },
		{ "2001:db8::1/128", "2001:db8::1", 1 }, { "2001:db8::1/128", "2001:db8::", 0 },
		{ "192.0.2.1/32", "192.0.2.1", 1 },	{ "192.0.2.0/31", "192.0.2.2", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr a = parsed(cases[i].addr);
		struct prefix p;

		assert_int_equal(prefix_parse(cases[i].prefix, &p), 0);
		assert_int_equal(prefix_contains(&p, &a), cases[i].holds);
	}
}

static void prefixes_against_bits(void **state)
{
	srand(3);
	for (unsigned int n = 0; n < 20000; n++) {
		unsigned int differ = (unsigned int)rand() % 129;	/* the first bit that differs; 128: none */
		struct prefix p;
		struct addr a;

		for (unsigned int i = 0; i < 16; i++)
			a.b[i] = p.addr.b[i] = (uint8_t)rand();
		if (differ < 128)
			a.b[differ / 8] = (uint8_t)(a.b[differ / 8] ^ (0x80 >> differ % 8));
		p.len = (uint8_t)((unsigned int)rand() % 129);
		assert_int_equal(prefix_contains(&p, &a), p.len <= differ);
	}
}

static void bad_prefixes(void **state)
{
	static const char *const texts[] = { "", "/", "/24", "192.0.2.0/", "192.0.2.0/33", "2001:db8::/129",
					     "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/ 8", "192.0.2.0/8x",
					     "192.0.2.0/4294967304", "anyone",
					     "1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222/1" };
	struct prefix p;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(prefix_parse(texts[i], &p) < 0);
}

static void endpoints(void **state)
{
	static const struct {
		const char *text, *addr, *again;
		uint16_t port;
	} cases[] = {
		{ "192.0.2.1:993", "192.0.2.1", "192.0.2.1:993", 993 },
		{ "192.0.2.1", "192.0.2.1", "192.0.2.1:7", 7 },
		{ "[2001:db8::1]:65535", "2001:db8::1", "[2001:db8::1]:65535", 65535 },
		{ "[2001:db8::1]", "2001:db8::1", "[2001:db8::1]:7", 7 },
		{ "2001:db8::1", "2001:db8::1", "[2001:db8::1]:7", 7 },
	};
	static const char *const bad[] = { "", ":993", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:-1",
					   "[2001:db8::1", "[2001:db8::1]993", "[2001:db8::1]:", "[192.0.2.1]:993",
					   "[]:993", "2001:db8::1:99999", "host:993", "192.0.2.1:9 9", "[::1]:99:1" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr a, expected = parsed(cases[i].addr);
		char buf[ENDPOINT_TEXT_BYTES];
		uint16_t port = 7;

		assert_int_equal(endpoint_parse(cases[i].text, &a, &port), 0);
		assert_true(addr_equal(&a, &expected));
		assert_int_equal(port, cases[i].port);
		assert_string_equal(endpoint_format(&a, port, buf, sizeof(buf)), cases[i].again);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct addr a = { { 1 } };
		uint16_t port = 7;

		assert_true(endpoint_parse(bad[i], &a, &port) < 0);
		assert_int_equal(a.b[0], 1);
	}
}

static void the_longest_text_fits(void **state)
{
	struct addr a = parsed("1111:2222:3333:4444:5555:6666:7777:8888");
	char buf[ENDPOINT_TEXT_BYTES];

	assert_string_equal(endpoint_format(&a, 65535, buf, sizeof(buf)),
			    "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_there_and_back), cmocka_unit_test(bad_addresses),
		cmocka_unit_test(v4_is_mapped),	       cmocka_unit_test(prefixes),
		cmocka_unit_test(prefixes_against_bits), cmocka_unit_test(bad_prefixes),
		cmocka_unit_test(endpoints),	       cmocka_unit_test(the_longest_text_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
