/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "box.h"
#include "tcp_fake.h"

static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t port1[6] = { 2, 0, 0, 0, 1, 1 };

static void segment(struct frame *f, const char *dst)
{
	bool v4 = dst[4] != ':' && dst[1] != 'f';

	/* Of no network that lies behind the other port. */
	frame_ip(f, v4 ? "198.51.100.9" : "2001:db8:9::9", dst, IPPROTO_TCP);
	frame_tcp(f, 1, 2, 3);
	frame_end(f);
}

static void all_lengths_of_garbage(void **state)
{
	uint8_t zero[64] = { 0 };
	struct box b;

	box_init(&b, NULL);
	for (unsigned int split = 0; split < 3; split++) {
		b.split = split;
		for (size_t n = 0; n < 14; n++) {
			struct frame f = { .n = 0 };

			frame_raw(&f, zero, n);
			box_give(&b, 0, &f);
		}
	}
	assert_int_equal(box_drops(&b, DROP_ETH_SHORT), 3 * 14);
	assert_int_equal(box_all_drops(&b), 3 * 14);
	assert_int_equal(box_events(&b, EVENT_RX_PACKETS), 3 * 14);
	box_fini(&b);
}

static void for_whom(void **state)
{
	static const uint8_t other[6] = { 2, 0, 0, 0, 0, 2 }, group4[6] = { 1, 0, 0x5e, 0, 0, 1 },
			     group6[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	static const struct {
		const uint8_t *dst;
		const char *ip;
		int passes;
	} cases[] = {
		{ NULL, "192.0.2.1", 1 },  { other, "192.0.2.1", 0 },  { all, "192.0.2.1", 0 },
		{ group4, "192.0.2.1", 0 }, { group6, "192.0.2.1", 0 }, { NULL, "2001:db8:1::1", 1 },
		{ other, "2001:db8:1::1", 0 }, { all, "2001:db8:1::1", 0 }, { group4, "2001:db8:1::1", 0 },
	};
	unsigned int passed = 0, refused = 0;
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		frame_eth(&f, cases[i].dst, 9, strchr(cases[i].ip, ':') ? 0x86dd : 0x0800);
		segment(&f, cases[i].ip);
		box_give(&b, 0, &f);
		passed += cases[i].passes != 0;
		refused += cases[i].passes == 0;
		assert_int_equal(tcp_fake.inputs, passed);
		assert_int_equal(box_drops(&b, DROP_ETH_OTHER_HOST), refused);
	}
	/* TCP in a multicast frame, to our address: not for the group's members. */
	frame_eth(&f, group6, 9, 0x86dd);
	segment(&f, "2001:db8:1::1");
	box_give(&b, 0, &f);
	assert_int_equal(box_drops(&b, DROP_IP_NOT_OURS), 1);
	assert_int_equal(tcp_fake.inputs, passed);
	box_fini(&b);
}

static void types(void **state)
{
	static const uint16_t others[] = { 0, 46, 1500, 0x0600, 0x8863, 0x8864, 0x88cc, 0x8847, 0xffff };
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		frame_eth(&f, NULL, 9, others[i]);
		segment(&f, "192.0.2.1");
		box_give(&b, 0, &f);
	}
	assert_int_equal(box_drops(&b, DROP_ETH_TYPE), sizeof(others) / sizeof(others[0]));
	box_fini(&b);
}

static void give_to_port1(struct box *b, const struct frame *made)
{
	struct frame f = *made;

	memcpy(f.bytes, port1, 6);
	box_give(b, 1, &f);
}

static void tags(void **state)
{
	const struct box_options options = { .vlan = 7 };
	struct frame f;
	struct box b;
	uint64_t dropped = 0;

	box_init(&b, &options);
	for (unsigned int split = 0; split < 20; split += 3) {
		unsigned int before = tcp_fake.inputs;

		b.split = split;
		/* The port without a VLAN takes no tags. */
		frame_vlan(&f, NULL, 9, 7, 0x0800);
		segment(&f, "192.0.2.1");
		box_give(&b, 0, &f);
		frame_vlan(&f, NULL, 9, 0, 0x0800);
		segment(&f, "192.0.2.1");
		box_give(&b, 0, &f);
		frame_eth(&f, NULL, 9, 0x0800);
		segment(&f, "192.0.2.1");
		f.rx_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		f.vlan_tci = 7;
		box_give(&b, 0, &f);
		/* The port with one takes it alone. */
		frame_eth(&f, NULL, 9, 0x0800);
		segment(&f, "10.0.0.1");
		give_to_port1(&b, &f);
		frame_vlan(&f, NULL, 9, 8, 0x0800);
		segment(&f, "10.0.0.1");
		give_to_port1(&b, &f);
		frame_vlan(&f, NULL, 9, 7, 0x0800);
		f.n = 14 + split % 4;	/* cut inside the tag */
		give_to_port1(&b, &f);
		dropped += 6;
		assert_int_equal(box_drops(&b, DROP_ETH_VLAN), dropped);
		assert_int_equal(tcp_fake.inputs, before);

		/* With any priority; and taken off by the device. */
		frame_vlan(&f, NULL, 9, 0xe007, 0x0800);
		segment(&f, "10.0.0.1");
		give_to_port1(&b, &f);
		frame_eth(&f, NULL, 9, 0x0800);
		segment(&f, "10.0.0.1");
		f.rx_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		f.vlan_tci = 0xa007;
		give_to_port1(&b, &f);
		assert_int_equal(tcp_fake.inputs, before + 2);
		assert_int_equal(box_drops(&b, DROP_ETH_VLAN), dropped);
		/* Two tags: the inner one is no type that we know. */
		frame_vlan(&f, NULL, 9, 7, 0x8100);
		frame_raw(&f, "\0\7\x08\0", 4);
		segment(&f, "10.0.0.1");
		give_to_port1(&b, &f);
		assert_int_equal(box_drops(&b, DROP_ETH_TYPE), split / 3 + 1);
	}
	box_fini(&b);
}

static void counters_have_names(void **state)
{
	for (unsigned int i = 0; i < DROP_COUNT; i++) {
		assert_true(strlen(drop_name(i)) > 2 && strlen(drop_text(i)) > 5);
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(drop_name(i), drop_name(k));
	}
	for (unsigned int i = 0; i < EVENT_COUNT; i++) {
		assert_true(strlen(event_name(i)) > 2 && strlen(event_text(i)) > 5);
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(event_name(i), event_name(k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_lengths_of_garbage), cmocka_unit_test(for_whom), cmocka_unit_test(types),
		cmocka_unit_test(tags), cmocka_unit_test(counters_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
