/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netif.h"

static struct addr parsed(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void port(struct netifs *n, const char *name, const char *const *addrs)
{
	struct netif *nif = &n->netifs[n->n_netifs++];

	snprintf(nif->name, sizeof(nif->name), "%s", name);
	nif->mac = (struct rte_ether_addr){ { 0x02, 0x11, 0x22, 0x33, 0x44, (uint8_t)n->n_netifs } };
	for (; *addrs; addrs++)
		assert_int_equal(prefix_parse(*addrs, &nif->addrs[nif->n_addrs++]), 0);
}

static void route(struct netifs *n, const char *to, const char *via)
{
	struct route *r = &n->routes[n->n_routes++];

	assert_int_equal(prefix_parse(to, &r->to), 0);
	r->via = parsed(via);
}

#define ADDRS(...) (const char *const[]){ __VA_ARGS__, NULL }

static void two_ports(struct netifs *n)
{
	memset(n, 0, sizeof(*n));
	port(n, "ext", ADDRS("192.0.2.1/24", "198.51.100.7/32", "2001:db8:1::1/64"));
	port(n, "int", ADDRS("10.0.0.1/24", "10.0.0.2/24", "2001:db8:2::1/64"));
}

static void routed(const struct netifs *n, const char *dst, const char *port_name, const char *next_hop)
{
	struct addr d = parsed(dst), hop, expected;
	const struct netif *nif = netifs_route(n, &d, &hop);

	if (!port_name) {
		assert_null(nif);
		return;
	}
	assert_non_null(nif);
	assert_string_equal(nif->name, port_name);
	expected = parsed(next_hop);
	assert_true(addr_equal(&hop, &expected));
}

static void the_longest_prefix_wins(void **state)
{
	struct netifs n;
	char err[200];

	two_ports(&n);
	route(&n, "default", "192.0.2.254");
	route(&n, "default", "2001:db8:1::fe");
	route(&n, "10.0.0.0/8", "10.0.0.254");
	route(&n, "10.1.0.0/16", "10.0.0.253");
	route(&n, "192.0.2.128/25", "10.0.0.252");
	route(&n, "2001:db8:2:1::/64", "2001:db8:2::fe");
	assert_int_equal(netifs_init(&n, err, sizeof(err)), 0);
	routed(&n, "192.0.2.9", "ext", "192.0.2.9");
	routed(&n, "192.0.2.200", "int", "10.0.0.252");	/* a route longer than the link's prefix */
	routed(&n, "10.0.0.77", "int", "10.0.0.77");
	routed(&n, "10.9.9.9", "int", "10.0.0.254");
	routed(&n, "10.1.9.9", "int", "10.0.0.253");
	routed(&n, "8.8.8.8", "ext", "192.0.2.254");
	routed(&n, "198.51.100.8", "ext", "192.0.2.254");	/* a /32 has no link */
	routed(&n, "2001:db8:1::9", "ext", "2001:db8:1::9");
	routed(&n, "2001:db8:2::9", "int", "2001:db8:2::9");
	routed(&n, "2001:db8:2:1::9", "int", "2001:db8:2::fe");
	routed(&n, "2400::1", "ext", "2001:db8:1::fe");
}

static void a_default_is_for_its_own_version(void **state)
{
	struct netifs n;
	char err[200];

	two_ports(&n);
	route(&n, "default", "192.0.2.254");
	assert_int_equal(netifs_init(&n, err, sizeof(err)), 0);
	routed(&n, "8.8.8.8", "ext", "192.0.2.254");
	routed(&n, "2400::1", NULL, NULL);
	two_ports(&n);
	route(&n, "0.0.0.0/0", "192.0.2.254");
	route(&n, "::/0", "2001:db8:2::fe");
	assert_int_equal(netifs_init(&n, err, sizeof(err)), 0);
	routed(&n, "8.8.8.8", "ext", "192.0.2.254");
	routed(&n, "2400::1", "int", "2001:db8:2::fe");
}

static void no_routes_no_way(void **state)
{
	struct netifs n;
	char err[200];

	two_ports(&n);
	assert_int_equal(netifs_init(&n, err, sizeof(err)), 0);
	routed(&n, "8.8.8.8", NULL, NULL);
	routed(&n, "2400::1", NULL, NULL);
}

static void owners(void **state)
{
	struct netifs n;
	struct addr a;
	char err[200];

	two_ports(&n);
	assert_int_equal(netifs_init(&n, err, sizeof(err)), 0);
	a = parsed("198.51.100.7");
	assert_ptr_equal(netifs_owner(&n, &a), &n.netifs[0]);
	assert_true(netif_own(&n.netifs[0], &a) && !netif_own(&n.netifs[1], &a));
	a = parsed("10.0.0.2");
	assert_ptr_equal(netifs_owner(&n, &a), &n.netifs[1]);
	/* RFC 4291 appendix A. */
	a = parsed("fe80::11:22ff:fe33:4402");
	assert_ptr_equal(netifs_owner(&n, &a), &n.netifs[1]);
	srand(1);
	for (unsigned int i = 0; i < 10000; i++) {
		a = parsed("10.0.0.0");
		a.b[14] = (uint8_t)rand();
		a.b[15] = (uint8_t)rand();
		if (a.b[14] == 0 && (a.b[15] == 1 || a.b[15] == 2))
			assert_true(netifs_own(&n, &a));
		else
			assert_false(netifs_own(&n, &a));
	}
}

static void source_for(const struct netif *nif, const char *dst, const char *expected)
{
	struct addr d = parsed(dst), e;
	const struct addr *a = netif_source(nif, &d);

	if (!expected) {
		assert_null(a);
		return;
	}
	e = parsed(expected);
	assert_non_null(a);
	assert_true(addr_equal(a, &e));
}

static void sources(void **state)
{
	struct netifs n;
	char err[200];

	memset(&n, 0, sizeof(n));
	port(&n, "ext", ADDRS("198.51.100.7/32", "192.0.2.1/24", "203.0.113.1/28", "2001:db8:1::1/64"));
	port(&n, "v6", ADDRS("2001:db8:2::1/64", "2001:db8:3::1/64"));
	port(&n, "host", ADDRS("198.51.100.9/32"));
	assert_int_equal(netifs_init(&n, err, sizeof(err)), 0);
	source_for(&n.netifs[0], "192.0.2.9", "192.0.2.1");
	source_for(&n.netifs[0], "203.0.113.14", "203.0.113.1");
	source_for(&n.netifs[0], "8.8.8.8", "192.0.2.1");	/* no published host address */
	source_for(&n.netifs[0], "2400::1", "2001:db8:1::1");
	source_for(&n.netifs[0], "fe80::77", "fe80::11:22ff:fe33:4401");
	source_for(&n.netifs[1], "2001:db8:3::9", "2001:db8:3::1");
	source_for(&n.netifs[1], "8.8.8.8", NULL);
	source_for(&n.netifs[2], "8.8.8.8", "198.51.100.9");	/* better than none */
	source_for(&n.netifs[2], "2400::1", NULL);
}

/* What is refused, and that the message names it. */
static void refused(struct netifs *n, const char *word)
{
	char err[200] = "";

	assert_int_equal(netifs_init(n, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, word));
}

static void bad_set_ups(void **state)
{
	struct netifs n;

	two_ports(&n);
	route(&n, "default", "172.16.0.1");
	refused(&n, "172.16.0.1");
	two_ports(&n);
	route(&n, "default", "198.51.100.8");	/* beside a /32: on no link */
	refused(&n, "no port's link");
	two_ports(&n);
	route(&n, "10.9.0.0/16", "2001:db8:1::fe");
	refused(&n, "versions");
	two_ports(&n);
	route(&n, "default", "10.0.0.2");
	refused(&n, "gateway itself");
	two_ports(&n);
	route(&n, "default", "fe80::1");	/* on which of the two? */
	refused(&n, "global address");
	two_ports(&n);
	assert_int_equal(prefix_parse("10.0.0.1/24", &n.netifs[0].addrs[n.netifs[0].n_addrs++]), 0);
	refused(&n, "10.0.0.1 is given twice");
	two_ports(&n);
	n.netifs[1].addrs[1] = n.netifs[1].addrs[0];
	refused(&n, "given twice");
	two_ports(&n);
	n.netifs[0].addrs[0].len = 64;
	refused(&n, "prefix length");
	two_ports(&n);
	n.netifs[0].n_addrs = NETIF_ADDRS_MAX + 1;
	refused(&n, "ext");
	two_ports(&n);
	n.n_routes = ROUTES_MAX + 1;
	refused(&n, "routes");
	two_ports(&n);
	n.netifs[1].addrs[0] = n.netifs[0].addrs[0];
	n.netifs[1].addrs[0].addr.b[15] = 2;
	route(&n, "default", "192.0.2.254");
	refused(&n, "two ports");
}

static void a_linklocal_router_on_the_only_v6_port(void **state)
{
	struct netifs n;
	char err[200];

	memset(&n, 0, sizeof(n));
	port(&n, "ext", ADDRS("192.0.2.1/24", "2001:db8:1::1/64"));
	port(&n, "int", ADDRS("10.0.0.1/24"));
	route(&n, "default", "fe80::1");
	assert_int_equal(netifs_init(&n, err, sizeof(err)), 0);
	routed(&n, "2400::1", "ext", "fe80::1");
}

/* RFC 3704: who lies behind which port, by the longest of all that is known. */
static void behind_another_port(void **state)
{
	static const struct { const char *addr; bool not_ext, not_int; } all[] = {
		{ "192.0.2.9", false, true }, { "10.0.0.9", true, false }, { "10.1.2.3", true, false },
		/* A network of the outside within one of the inside, and a host of that. */
		{ "10.1.9.9", false, true }, { "10.1.9.77", true, false },
		{ "8.8.8.8", false, false }, { "2400::1", false, false },
		{ "2001:db8:1::9", false, true }, { "2001:db8:2::9", true, false }, { "2001:db8:22::9", true, false },
		/* On both links. */
		{ "172.16.0.9", false, false },
	};
	struct netifs n;
	char err[200];

	two_ports(&n);
	assert_int_equal(prefix_parse("172.16.0.1/16", &n.netifs[0].addrs[n.netifs[0].n_addrs++]), 0);
	assert_int_equal(prefix_parse("172.16.0.2/16", &n.netifs[1].addrs[n.netifs[1].n_addrs++]), 0);
	route(&n, "default", "192.0.2.254");
	route(&n, "0.0.0.0/0", "192.0.2.253");
	route(&n, "::/0", "2001:db8:1::fe");
	route(&n, "10.1.0.0/16", "10.0.0.254");
	route(&n, "10.1.9.0/24", "192.0.2.254");
	route(&n, "10.1.9.77", "10.0.0.254");
	route(&n, "2001:db8:22::/48", "2001:db8:2::fe");
	assert_int_equal(netifs_init(&n, err, sizeof(err)), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct addr a = parsed(all[i].addr);

		assert_int_equal(netifs_elsewhere(&n, &n.netifs[0], &a), all[i].not_ext);
		assert_int_equal(netifs_elsewhere(&n, &n.netifs[1], &a), all[i].not_int);
	}
}

/* One port for both sides: nothing is elsewhere. */
static void one_port_for_all(void **state)
{
	struct addr inside = parsed("10.0.0.9"), outside = parsed("8.8.8.8");
	struct netifs n;
	char err[200];

	memset(&n, 0, sizeof(n));
	port(&n, "one", ADDRS("192.0.2.1/24", "10.0.0.1/24"));
	route(&n, "default", "192.0.2.254");
	assert_int_equal(netifs_init(&n, err, sizeof(err)), 0);
	assert_false(netifs_elsewhere(&n, &n.netifs[0], &inside));
	assert_false(netifs_elsewhere(&n, &n.netifs[0], &outside));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_wins),
		cmocka_unit_test(a_default_is_for_its_own_version),
		cmocka_unit_test(no_routes_no_way),
		cmocka_unit_test(owners),
		cmocka_unit_test(sources),
		cmocka_unit_test(bad_set_ups),
		cmocka_unit_test(a_linklocal_router_on_the_only_v6_port),
		cmocka_unit_test(behind_another_port), cmocka_unit_test(one_port_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
