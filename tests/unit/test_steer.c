/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>
#include <rte_thash.h>

#include "box.h"
#include "eal.h"
#include "steer.h"

static struct box box;	/* only its mempool is used */

static struct addr parsed(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* "Verifying the RSS Hash Calculation" (Microsoft): with ports, over IPv4 and IPv6. */
static void the_specifications_vectors(void **state)
{
	static const struct {
		const char *dst;
		uint16_t dport;
		const char *src;
		uint16_t sport;
		uint32_t hash;
	} v[] = {
		{ "161.142.100.80", 1766, "66.9.149.187", 2794, 0x51ccc178 },
		{ "65.69.140.83", 4739, "199.92.111.2", 14230, 0xc626b0ea },
		{ "12.22.207.184", 38024, "24.19.198.95", 12898, 0x5c2b394a },
		{ "209.142.163.6", 2217, "38.27.205.30", 48228, 0xafc7327f },
		{ "202.188.127.2", 1303, "153.39.163.191", 44251, 0x10e828a2 },
		{ "3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x40207d3d },
		{ "ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0xdde51bbf },
		{ "fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x02d1feef },
	};
	struct steer s;

	steer_init(&s, 4, 40, 128);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct tuple t = { .laddr = parsed(v[i].dst), .faddr = parsed(v[i].src),
				   .lport = v[i].dport, .fport = v[i].sport };

		assert_int_equal(steer_hash(&s, &t), v[i].hash);
		assert_int_equal(steer_tuple(&s, &t), s.table[v[i].hash % 128]);
	}
}

/* Any key and tuple: as DPDK's own computes it bit by bit. */
static void as_dpdk_computes_it(void **state)
{
	srand(8);
	for (unsigned int n = 0; n < 5000; n++) {
		uint8_t key[STEER_KEY_BYTES];
		uint32_t words[9];
		struct tuple t;
		struct steer s;
		unsigned int k = 0;

		steer_init(&s, 2, 40 + (uint16_t)(n % 13), 128);
		for (size_t i = 0; i < sizeof(key); i++)
			key[i] = (uint8_t)rand();
		steer_set_key(&s, key, s.key_bytes);
		for (size_t i = 0; i < sizeof(t); i++)
			((uint8_t *)&t)[i] = (uint8_t)rand();
		if (n % 2) {
			t.faddr = addr_from_v4((uint32_t)rand());
			t.laddr = addr_from_v4((uint32_t)rand());
			words[k++] = rte_be_to_cpu_32(addr_to_v4(&t.faddr));
			words[k++] = rte_be_to_cpu_32(addr_to_v4(&t.laddr));
		} else {
			memcpy(words, &t.faddr, 16);
			memcpy(words + 4, &t.laddr, 16);
			for (; k < 8; k++)
				words[k] = rte_be_to_cpu_32(words[k]);
		}
		words[k++] = (uint32_t)t.fport << 16 | t.lport;
		assert_int_equal(steer_hash(&s, &t), rte_softrss(words, k, key));
	}
}

static const char *const addrs4[] = { "192.0.2.1", "198.51.100.77", "10.0.0.1", "203.0.113.200" };
static const char *const addrs6[] = { "2001:db8:1::1", "2001:db8:ffff:1:2:3:4:5", "fe80::1", "2001:db8::77" };

/* A random tuple and both addresses' text. */
static struct tuple random_tuple(const char **l, const char **f)
{
	const char *const *from = rand() % 2 ? addrs4 : addrs6;
	struct tuple t;

	*l = from[rand() % 4];
	*f = from[rand() % 4];
	t.laddr = parsed(*l);
	t.faddr = parsed(*f);
	t.lport = (uint16_t)rand();
	t.fport = (uint16_t)rand();
	return t;
}

static void begin(struct frame *f, bool v4, bool vlan)
{
	uint16_t type = v4 ? 0x0800 : 0x86dd;

	if (vlan)
		frame_vlan(f, NULL, 9, 5, type);
	else
		frame_eth(f, NULL, 9, type);
}

static uint16_t steer_it(const struct steer *s, const struct frame *f, unsigned int split)
{
	struct rte_mbuf *m;
	uint16_t w;

	box.split = split;
	m = box_mbuf(&box, f);
	w = steer_frame(s, m);
	rte_pktmbuf_free(m);
	return w;
}

static void a_frame_goes_where_its_tuple_says(void **state)
{
	static const unsigned int splits[] = { 0, 1, 14, 37 };
	unsigned int seen[5] = { 0 };

	srand(11);
	for (unsigned int n = 0; n < 5000; n++) {
		uint16_t n_workers = (uint16_t)(n % 5 + 1), entries = (uint16_t)(1 << n % 10);
		const char *l, *fa;
		struct tuple t = random_tuple(&l, &fa);
		bool v4 = addr_is_v4(&t.laddr);
		uint8_t key[STEER_KEY_BYTES];
		struct frame f, e;
		struct steer s;
		uint16_t owner;

		steer_init(&s, n_workers, (uint16_t)(40 + n % 13), entries);
		for (size_t i = 0; i < sizeof(key); i++)
			key[i] = (uint8_t)rand();
		steer_set_key(&s, key, s.key_bytes);
		owner = steer_tuple(&s, &t);
		assert_true(owner < n_workers);
		seen[owner]++;

		begin(&f, v4, n % 3 == 0);
		frame_ip(&f, fa, l, IPPROTO_TCP);
		frame_tcp(&f, t.fport, t.lport, 1);
		frame_end(&f);
		assert_int_equal(steer_it(&s, &f, splits[n % 4]), owner);

		/* An ICMP error about what we sent on this connection goes to the same worker. */
		begin(&e, v4, n % 2 == 0);
		frame_ip(&e, v4 ? "198.51.100.1" : "2001:db8:9::1", l, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
		frame_icmp(&e, v4 ? 3 : n % 4 + 1, v4 ? 4 : 0, 1280);
		f.n = 0;
		frame_ip(&f, l, fa, IPPROTO_TCP);
		frame_tcp(&f, t.lport, t.fport, 1);
		frame_raw(&e, f.bytes, f.n - (n % 13));
		frame_end(&e);
		assert_int_equal(steer_it(&s, &e, splits[n % 4]), owner);
	}
	for (unsigned int w = 0; w < 5; w++)
		assert_true(seen[w] > 100);
}

static void what_has_no_owner_stays_or_goes_to_all(void **state)
{
	struct steer s;
	struct frame f;

	steer_init(&s, 3, 40, 128);

	frame_arp(&f, NULL, 1, 9, "192.0.2.9", 0, "192.0.2.1");
	assert_int_equal(steer_it(&s, &f, 0), STEER_ALL);

	for (unsigned int type = 0; type < 256; type++) {
		begin(&f, false, false);
		frame_ip(&f, "2001:db8:1::9", "2001:db8:1::1", IPPROTO_ICMPV6);
		frame_icmp(&f, (uint8_t)type, 0, 0);
		frame_end(&f);
		assert_int_equal(steer_it(&s, &f, 0), type >= 134 && type <= 136 ? STEER_ALL : STEER_HERE);
		begin(&f, true, false);
		frame_ip(&f, "192.0.2.9", "192.0.2.1", IPPROTO_ICMP);
		frame_icmp(&f, (uint8_t)type, 0, 0);
		frame_end(&f);
		assert_int_equal(steer_it(&s, &f, 0), STEER_HERE);
	}
	/* A mapped address in an IPv6 header belongs to nobody (addr.h). */
	for (unsigned int at = 8; at <= 24; at += 16) {
		begin(&f, false, false);
		frame_ip(&f, "2001:db8:1::9", "2001:db8:1::1", IPPROTO_TCP);
		frame_tcp(&f, 1, 2, 3);
		memcpy(f.bytes + f.ip + at, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
		assert_int_equal(steer_it(&s, &f, 0), STEER_HERE);
	}
	/* UDP, unknown types, jumbled versions. */
	begin(&f, true, false);
	frame_ip(&f, "192.0.2.9", "192.0.2.1", IPPROTO_UDP);
	frame_tcp(&f, 1, 2, 3);
	frame_end(&f);
	assert_int_equal(steer_it(&s, &f, 0), STEER_HERE);
	begin(&f, false, false);
	frame_ip(&f, "192.0.2.9", "192.0.2.1", IPPROTO_TCP);
	frame_tcp(&f, 1, 2, 3);
	frame_raw(&f, f.bytes, 40);
	assert_int_equal(steer_it(&s, &f, 0), STEER_HERE);
	frame_eth(&f, NULL, 9, 0x88cc);
	frame_raw(&f, "LLDP and nothing that matters here, long enough", 46);
	assert_int_equal(steer_it(&s, &f, 0), STEER_HERE);
}

static void fragments_and_options_stay(void **state)
{
	struct steer s;
	struct frame f;

	steer_init(&s, 3, 40, 128);
	for (unsigned int bit = 0; bit < 14; bit++) {
		begin(&f, true, false);
		frame_ip(&f, "192.0.2.9", "192.0.2.1", IPPROTO_TCP);
		frame_tcp(&f, 1, 2, 3);
		/* Bits 0-12: the offset; 13: more fragments. */
		f.bytes[f.ip + 6] = (uint8_t)((1u << bit) >> 8);
		f.bytes[f.ip + 7] = (uint8_t)(1u << bit);
		frame_end(&f);
		assert_int_equal(steer_it(&s, &f, 0), STEER_HERE);
	}
	begin(&f, true, false);
	frame_ip(&f, "192.0.2.9", "192.0.2.1", IPPROTO_TCP);
	frame_tcp(&f, 1, 2, 3);
	frame_raw(&f, "\0\0\0\0", 4);
	f.bytes[f.ip] = 0x46;
	assert_int_equal(steer_it(&s, &f, 0), STEER_HERE);
	begin(&f, false, false);
	frame_ip(&f, "2001:db8::9", "2001:db8::1", IPPROTO_FRAGMENT);
	frame_tcp(&f, 1, 2, 3);
	frame_end(&f);
	assert_int_equal(steer_it(&s, &f, 0), STEER_HERE);
}

/* Cut at every length, and with random bytes: no answer but a worker, HERE or ALL (and no bad read: ASan). */
static void cut_and_garbled(void **state)
{
	struct steer s;
	struct frame f, inner;

	srand(5);
	steer_init(&s, 3, 40, 128);
	for (unsigned int n = 0; n < 4000; n++) {
		const char *l, *fa;
		struct tuple t = random_tuple(&l, &fa);
		bool v4 = addr_is_v4(&t.laddr);
		uint16_t w;

		begin(&f, v4, n % 2);
		if (n % 3) {
			frame_ip(&f, fa, l, IPPROTO_TCP);
			frame_tcp(&f, t.fport, t.lport, 1);
		} else {
			frame_ip(&f, fa, l, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
			frame_icmp(&f, v4 ? 3 : 1, 0, 0);
			inner.n = 0;
			frame_ip(&inner, l, fa, IPPROTO_TCP);
			frame_tcp(&inner, t.lport, t.fport, 1);
			frame_raw(&f, inner.bytes, inner.n);
		}
		if (n % 2)
			f.n = (size_t)rand() % (f.n + 1);
		for (int k = rand() % 4; k > 0 && f.n > 0; k--)
			f.bytes[(size_t)rand() % f.n] = (uint8_t)rand();
		w = steer_it(&s, &f, f.n ? (unsigned int)rand() % 40 : 0);
		assert_true(w < 3 || w == STEER_HERE || w == STEER_ALL);
		/* Without the ports there is no owner. */
		if (f.n < 14 + 20 + 8)
			assert_true(w == STEER_HERE || w == STEER_ALL);
	}
}

/* A backend leg looks for a local port whose replies come back: N tries on average, never many. */
static void a_local_port_is_found_soon(void **state)
{
	for (uint16_t n_workers = 1; n_workers <= 16; n_workers++) {
		unsigned int tries = 0, most = 0, searches = 0;
		struct steer s;

		steer_init(&s, n_workers, 40, 128);
		srand(n_workers);
		for (uint16_t worker = 0; worker < n_workers; worker++) {
			for (unsigned int k = 0; k < 500; k++, searches++) {
				struct tuple t = { .laddr = parsed("10.0.0.1"), .faddr = parsed("10.0.0.25"),
						   .fport = 143 };
				unsigned int here = 0;

				do {
					t.lport = (uint16_t)(32768 + rand() % 28232);
					here++;
				} while (steer_tuple(&s, &t) != worker);
				tries += here;
				most = here > most ? here : most;
			}
		}
		assert_true(tries < searches * n_workers * 5 / 4);
		assert_true(most < 25u * n_workers);
	}
}

static int start(void **state)
{
	box.mbufs = test_mbuf_pool("steer", 255);
	return 0;
}

static int finish(void **state)
{
	return rte_mempool_in_use_count(box.mbufs) == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_specifications_vectors),
		cmocka_unit_test(as_dpdk_computes_it),
		cmocka_unit_test(a_frame_goes_where_its_tuple_says),
		cmocka_unit_test(what_has_no_owner_stays_or_goes_to_all),
		cmocka_unit_test(fragments_and_options_stay),
		cmocka_unit_test(cut_and_garbled),
		cmocka_unit_test(a_local_port_is_found_soon),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
