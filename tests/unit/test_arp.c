/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"

static const unsigned int splits[] = { 0, 1, 9, 20 };

#define FOR_SPLITS(b) \
	for (size_t _i = 0; _i < sizeof(splits) / sizeof(splits[0]) && (box_init(b, NULL), (b)->split = splits[_i], 1); \
	     box_fini(b), _i++)

static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t us[6] = { 2, 0, 0, 0, 0, 1 };

static void a_question_for_us_is_answered(void **state)
{
	static const char *const own[] = { "192.0.2.1", "192.0.2.100" };
	struct box b;

	FOR_SPLITS(&b) {
		for (unsigned int k = 0; k < 4; k++) {
			struct addr a, sender;
			uint8_t peer[6];
			struct frame f;
			size_t n;
			const uint8_t *p;

			assert_int_equal(addr_parse(own[k / 2], &a) | addr_parse("192.0.2.9", &sender), 0);
			peer_mac(peer, 9);
			/* To all, or to us alone; padded to Ethernet's minimum. */
			frame_arp(&f, k % 2 ? us : all, 1, 9, "192.0.2.9", 0, own[k / 2]);
			frame_raw(&f, "0123456789abcdefgh", 18);
			box_give(&b, 0, &f);
			assert_int_equal(b.n_sent, 1);
			p = box_sent(&b, 0, &n);
			assert_int_equal(n, 42);
			assert_memory_equal(p, peer, 6);
			assert_memory_equal(p + 6, us, 6);
			assert_memory_equal(p + 12, "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02", 10);
			assert_memory_equal(p + 22, us, 6);
			assert_memory_equal(p + 28, a.b + 12, 4);
			assert_memory_equal(p + 32, peer, 6);
			assert_memory_equal(p + 38, sender.b + 12, 4);
			box_clear(&b);
		}
		assert_int_equal(box_all_drops(&b), 0);
	}
}

static void others_questions_are_not(void **state)
{
	static const char *const targets[] = { "192.0.2.2", "10.0.0.1", "0.0.0.0", "255.255.255.255" };
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	for (size_t i = 0; i < 4; i++) {
		frame_arp(&f, NULL, 1, 9, "192.0.2.9", 0, targets[i]);
		box_give(&b, 0, &f);
	}
	/* An answer isn't answered. */
	frame_arp(&f, us, 2, 9, "192.0.2.9", 1, "192.0.2.1");
	box_give(&b, 0, &f);
	assert_int_equal(b.n_sent, 0);
	assert_int_equal(box_all_drops(&b), 0);
	box_fini(&b);
}

static void only_worker_0_answers_and_announces(void **state)
{
	const struct box_options options = { .worker = 1 };
	struct frame f;
	struct box b;

	box_init(&b, &options);
	frame_arp(&f, NULL, 1, 9, "192.0.2.9", 0, "192.0.2.1");
	box_give(&b, 0, &f);
	stack_announce(b.stack, &b.netifs.netifs[0], b.now_us);
	box_run(&b, 20000000);
	assert_int_equal(b.n_sent, 0);
	box_fini(&b);
}

static void a_probe_for_our_address_is_answered(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	frame_arp(&f, NULL, 1, 9, "0.0.0.0", 0, "192.0.2.1");	/* RFC 5227 2.1.1 */
	box_give(&b, 0, &f);
	assert_int_equal(b.n_sent, 1);
	box_fini(&b);
}

static void another_with_our_address_is_counted(void **state)
{
	static const char *const own[] = { "192.0.2.1", "192.0.2.100", "10.0.0.1" };
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	for (size_t i = 0; i < 3; i++) {
		frame_arp(&f, NULL, 1, 9, own[i], 0, own[i]);
		box_give(&b, 0, &f);
		frame_arp(&f, us, 2, 9, own[i], 1, "192.0.2.1");
		box_give(&b, 0, &f);
	}
	assert_int_equal(box_drops(&b, DROP_ADDRESS_CONFLICT), 6);
	assert_int_equal(b.n_sent, 0);
	box_fini(&b);
}

static void malformed(void **state)
{
	/* Offset in the frame and a value that makes it impossible. */
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {
		{ 15, 2 }, { 14, 1 },	       /* hardware */
		{ 16, 9 }, { 17, 1 },	       /* protocol */
		{ 18, 5 }, { 18, 255 }, { 19, 3 }, { 19, 255 }, /* lengths */
		{ 21, 0 }, { 21, 3 }, { 20, 1 }, /* operation */
		{ 22, 3 },		       /* sender's MAC: a group */
		{ 28, 0 }, { 28, 127 }, { 28, 224 }, { 28, 255 }, /* sender's address */
	};
	struct frame f;
	struct box b;
	size_t n = 0;

	FOR_SPLITS(&b) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			frame_arp(&f, NULL, 1, 9, "192.0.2.9", 0, "192.0.2.1");
			f.bytes[cases[i].at] = cases[i].value;
			box_give(&b, 0, &f);
		}
		n = sizeof(cases) / sizeof(cases[0]);
		/* All lengths too short, zero as the sender's MAC, our own frame come back. */
		for (size_t cut = 14; cut < 42; cut++, n++) {
			frame_arp(&f, NULL, 1, 9, "192.0.2.9", 0, "192.0.2.1");
			f.n = cut;
			box_give(&b, 0, &f);
		}
		frame_arp(&f, NULL, 1, 9, "192.0.2.9", 0, "192.0.2.1");
		memset(f.bytes + 22, 0, 6);
		box_give(&b, 0, &f);
		frame_arp(&f, NULL, 1, 9, "192.0.2.9", 0, "192.0.2.1");
		memcpy(f.bytes + 22, us, 6);
		box_give(&b, 0, &f);
		assert_int_equal(box_drops(&b, DROP_ARP_MALFORMED), n + 2);
		assert_int_equal(b.n_sent, 0);
	}
}

static void announcements(void **state)
{
	struct box b;
	size_t n;
	const uint8_t *p;
	unsigned int arps = 0;

	box_init(&b, NULL);
	for (unsigned int i = 0; i < b.netifs.n_netifs; i++)
		stack_announce(b.stack, &b.netifs.netifs[i], b.now_us);
	assert_int_equal(b.n_sent, 5);	/* 3 IPv4 addresses, 2 IPv6 */
	for (unsigned int i = 0; i < b.n_sent; i++) {
		p = box_sent(&b, i, &n);
		if (p[12] != 8)
			continue;
		arps++;
		assert_memory_equal(p, all, 6);
		assert_memory_equal(p + 6, b.sent_on[i]->mac.addr_bytes, 6);
		assert_int_equal(p[21], 1);
		assert_memory_equal(p + 22, b.sent_on[i]->mac.addr_bytes, 6);
		assert_memory_equal(p + 28, p + 38, 4);
	}
	assert_int_equal(arps, 3);
	box_fini(&b);
}

/* What was sent since the last call: ARP and ND. */
static void count(struct box *b, unsigned int arp, unsigned int nd)
{
	unsigned int arps = 0;
	size_t n;

	for (unsigned int i = 0; i < b->n_sent; i++)
		arps += box_sent(b, i, &n)[12] == 8;
	assert_int_equal(arps, arp);
	assert_int_equal(b->n_sent - arps, nd);
	box_clear(b);
}

/* Port 0 has two IPv4 addresses and one of IPv6. */
static void announcements_are_repeated(void **state)
{
	const struct netif *nif;
	struct box b;

	box_init(&b, NULL);
	nif = &b.netifs.netifs[0];
	stack_announce(b.stack, nif, b.now_us);
	count(&b, 2, 1);
	box_run(&b, 900000);
	count(&b, 0, 0);
	box_run(&b, 200000);
	count(&b, 2, 1);
	box_run(&b, 2000000);
	count(&b, 2, 0);
	box_run(&b, 6000000);
	count(&b, 0, 0);
	/* The link was lost again and came back before that was over: from the front. */
	stack_announce(b.stack, nif, b.now_us);
	count(&b, 2, 1);
	box_run(&b, 9000000);
	count(&b, 4, 1);
	box_run(&b, 2000000);
	count(&b, 2, 1);
	box_run(&b, 100000000);
	count(&b, 0, 0);
	box_fini(&b);
}

static void on_a_vlan(void **state)
{
	const struct box_options options = { .vlan = 7 };
	struct frame f, arp;
	struct box b;
	size_t n;
	const uint8_t *p;

	box_init(&b, &options);
	frame_arp(&arp, NULL, 1, 9, "10.0.0.9", 0, "10.0.0.1");
	box_give(&b, 1, &arp);	/* untagged on a tagged port */
	assert_int_equal(box_drops(&b, DROP_ETH_VLAN), 1);
	frame_vlan(&f, all, 9, 7, 0x0806);
	frame_raw(&f, arp.bytes + 14, 28);
	box_give(&b, 1, &f);
	assert_int_equal(b.n_sent, 1);
	p = box_sent(&b, 0, &n);
	assert_int_equal(n, 46);
	assert_memory_equal(p + 12, "\x81\x00\x00\x07\x08\x06", 6);
	box_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_for_us_is_answered),
		cmocka_unit_test(others_questions_are_not),
		cmocka_unit_test(only_worker_0_answers_and_announces),
		cmocka_unit_test(a_probe_for_our_address_is_answered),
		cmocka_unit_test(another_with_our_address_is_counted),
		cmocka_unit_test(malformed),
		cmocka_unit_test(announcements),
		cmocka_unit_test(announcements_are_repeated),
		cmocka_unit_test(on_a_vlan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
