/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address sets and the look-up of rules in a snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "policy.h"

static struct addr A(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct addr_set *set_of(const char *const *texts, uint32_t n)
{
	struct prefix prefixes[16];
	struct addr_set *set;

	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(prefix_parse(texts[i], &prefixes[i]), 0);
	set = addr_set_new(prefixes, n);
	assert_non_null(set);
	return set;
}

static bool has(const struct addr_set *set, const char *text)
{
	struct addr a = A(text);

	return addr_set_contains(set, &a);
}

static void test_set_edges(void **state)
{
	const char *const texts[] = { "192.0.2.64/26", "2001:db8::/33", "198.51.100.7" };
	struct addr_set *set = set_of(texts, 3);

	(void)state;
	assert_int_equal(set->n, 3);
	assert_false(has(set, "192.0.2.63"));
	assert_true(has(set, "192.0.2.64"));
	assert_true(has(set, "192.0.2.127"));
	assert_false(has(set, "192.0.2.128"));
	assert_true(has(set, "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(has(set, "2001:db8:8000::"));
	assert_false(has(set, "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_true(has(set, "198.51.100.7"));
	assert_false(has(set, "198.51.100.6"));
	assert_false(has(set, "198.51.100.8"));
	free(set);
}

static void test_set_nested_and_repeated(void **state)
{
	const char *const texts[] = { "10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", "10.0.0.0/8", "11.0.0.0/8" };
	struct addr_set *set = set_of(texts, 5);

	(void)state;
	assert_int_equal(set->n, 2);
	assert_true(has(set, "10.255.255.255"));
	assert_true(has(set, "11.0.0.0"));
	assert_false(has(set, "12.0.0.0"));
	assert_false(has(set, "9.255.255.255"));
	free(set);
}

static void test_set_any_and_empty(void **state)
{
	const char *const any[] = { "any" };
	struct addr_set *set = set_of(any, 1);

	(void)state;
	assert_true(has(set, "0.0.0.0"));
	assert_true(has(set, "255.255.255.255"));
	assert_true(has(set, "::"));
	assert_true(has(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	free(set);
	set = set_of(any, 0);
	assert_false(has(set, "192.0.2.1"));
	free(set);
}

/* Against the plain definition: some prefix contains the address. */
static void test_set_random(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct prefix prefixes[12];
		struct addr_set *set;

		for (unsigned int i = 0; i < 12; i++) {
			prefixes[i] = (struct prefix){ .len = (uint8_t)(120 + rand_r(&seed) % 9) };
			prefixes[i].addr = A("192.0.2.0");
			prefixes[i].addr.b[15] = (uint8_t)rand_r(&seed);
		}
		set = addr_set_new(prefixes, 12);
		assert_non_null(set);
		for (unsigned int last = 0; last < 256; last++) {
			struct addr a = A("192.0.2.0");
			bool expected = false;

			a.b[15] = (uint8_t)last;
			for (unsigned int i = 0; i < 12; i++)
				expected |= prefix_contains(&prefixes[i], &a);
			assert_int_equal(addr_set_contains(set, &a), expected);
		}
		free(set);
	}
}

static void test_lookup(void **state)
{
	static struct rule rules[300];
	struct policy *p = policy_new(300, 0);

	(void)state;
	assert_non_null(p);
	p->n_rules = 300;
	for (unsigned int i = 0; i < 300; i++) {
		rules[i].addr = i % 2 ? A("192.0.2.1") : A("2001:db8::1");
		rules[i].port = (uint16_t)(40000 - 7 * i);
		p->rules[i] = &rules[i];
	}
	policy_order(p);
	for (unsigned int i = 0; i < 300; i++) {
		assert_ptr_equal(policy_lookup(p, &rules[i].addr, rules[i].port), &rules[i]);
		assert_null(policy_lookup(p, &rules[i].addr, (uint16_t)(rules[i].port + 1)));
	}
	p->n_rules = 0;
	assert_null(policy_lookup(p, &rules[0].addr, rules[0].port));
	free(p);
}

static const char *route(const struct policy *p, const char *addr, uint16_t port, const char *name)
{
	struct addr a = A(addr);
	const struct rule *r = policy_route(p, &a, port, name);

	return r != NULL ? r->name : "";
}

/* Exact before "*", "*" before all others; a listener's names are its own. */
static void test_route(void **state)
{
	static const char *const a[] = { "imap.example", "x.y.example" }, *const b[] = { ".example", "smtp.example" },
		*const c[] = { "imap.example" };
	struct rule rules[] = {
		{ .name = "b", .addr = A("192.0.2.1"), .port = 993, .passthrough = true, .n_names = 2, .names = b },
		{ .name = "a", .addr = A("192.0.2.1"), .port = 993, .passthrough = true, .n_names = 2, .names = a },
		{ .name = "rest", .addr = A("192.0.2.1"), .port = 993, .passthrough = true },
		{ .name = "c", .addr = A("192.0.2.1"), .port = 994, .passthrough = true, .n_names = 1, .names = c },
		{ .name = "t", .addr = A("192.0.2.2"), .port = 993 },
	};
	struct policy *p = policy_new(5, 5), *copy;

	(void)state;
	assert_non_null(p);
	for (unsigned int i = 0; i < 5; i++)
		p->rules[p->n_rules++] = &rules[i];
	policy_order(p);
	copy = policy_copy(p);
	assert_non_null(copy);
	free(p);
	assert_int_equal(copy->n_names, 5);
	assert_string_equal(policy_lookup(copy, &rules[0].addr, 993)->name, "rest");
	assert_string_equal(route(copy, "192.0.2.1", 993, "imap.example"), "a");
	assert_string_equal(route(copy, "192.0.2.1", 993, "smtp.example"), "b");
	assert_string_equal(route(copy, "192.0.2.1", 993, "pop3.example"), "b");
	assert_string_equal(route(copy, "192.0.2.1", 993, "x.y.example"), "a");
	assert_string_equal(route(copy, "192.0.2.1", 993, "z.y.example"), "rest");	/* "*" is one label */
	assert_string_equal(route(copy, "192.0.2.1", 993, "example"), "rest");
	assert_string_equal(route(copy, "192.0.2.1", 993, ".example"), "rest");
	assert_string_equal(route(copy, "192.0.2.1", 993, ""), "rest");
	assert_string_equal(route(copy, "192.0.2.1", 994, "imap.example"), "c");
	assert_string_equal(route(copy, "192.0.2.1", 994, "smtp.example"), "");
	assert_string_equal(route(copy, "192.0.2.1", 994, ""), "");
	assert_string_equal(route(copy, "192.0.2.2", 993, "imap.example"), "");	/* terminates TLS */
	assert_string_equal(route(copy, "192.0.2.3", 993, "imap.example"), "");
	free(copy);
}

/* Whoever any of a listener's rules lets in may connect. */
static void test_allowed_by_any(void **state)
{
	const char *const net[] = { "192.0.2.0/24" }, *const other[] = { "198.51.100.0/24" };
	struct addr_set *x = set_of(net, 1), *y = set_of(other, 1);
	static const char *const names[] = { "a.example", "b.example" };
	struct rule rules[] = {
		{ .name = "a", .port = 993, .passthrough = true, .n_names = 1, .names = &names[0], .allow = x, .proxies = y },
		{ .name = "b", .port = 993, .passthrough = true, .n_names = 1, .names = &names[1], .allow = y },
		{ .name = "c", .port = 994, .passthrough = true },
	};
	struct addr in_x = A("192.0.2.9"), in_y = A("198.51.100.9"), out = A("203.0.113.1");
	struct policy *p = policy_new(3, 2);

	(void)state;
	assert_non_null(p);
	for (unsigned int i = 0; i < 3; i++)
		p->rules[p->n_rules++] = &rules[i];
	policy_order(p);
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(policy_allows(p, &rules[i], &in_x));
		assert_true(policy_allows(p, &rules[i], &in_y));
		assert_false(policy_allows(p, &rules[i], &out));
		assert_true(policy_trusts(p, &rules[i], &in_y));
		assert_false(policy_trusts(p, &rules[i], &in_x));
	}
	assert_true(policy_allows(p, &rules[2], &out));
	free(p);
	free(x);
	free(y);
}

static void test_allow_and_deny(void **state)
{
	const char *const net[] = { "192.0.2.0/24" }, *const host[] = { "192.0.2.9" };
	struct addr in = A("192.0.2.8"), out = A("198.51.100.1"), denied = A("192.0.2.9");
	struct addr_set *allow = set_of(net, 1), *deny = set_of(host, 1);
	struct rule r = { .port = 993 };

	(void)state;
	assert_true(rule_allows(&r, &out));
	r.allow = allow;
	assert_true(rule_allows(&r, &in));
	assert_true(rule_allows(&r, &denied));
	assert_false(rule_allows(&r, &out));
	r.deny = deny;
	assert_false(rule_allows(&r, &denied));
	assert_true(rule_allows(&r, &in));
	r.allow = NULL;
	assert_true(rule_allows(&r, &out));
	assert_false(rule_allows(&r, &denied));
	free(allow);
	free(deny);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_edges),
		cmocka_unit_test(test_set_nested_and_repeated),
		cmocka_unit_test(test_set_any_and_empty),
		cmocka_unit_test(test_set_random),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_allowed_by_any),
		cmocka_unit_test(test_allow_and_deny),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
