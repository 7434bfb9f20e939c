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
#include "nd.h"
#include "stack_private.h"

static const unsigned int splits[] = { 0, 1, 17, 54, 70 };

#define FOR_SPLITS(b) \
	for (size_t _i = 0; _i < sizeof(splits) / sizeof(splits[0]) && (box_init(b, NULL), (b)->split = splits[_i], 1); \
	     box_fini(b), _i++)

#define SOLICITATION 135
#define ADVERTISEMENT 136
#define SOLICITED 0x40000000u
#define OVERRIDE 0x20000000u

static const uint8_t us[6] = { 2, 0, 0, 0, 0, 1 };

static struct addr parsed(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* @option_mac: last byte of the peer's MAC in the option of the message's kind; 0: no option. */
static void message(struct frame *f, uint8_t type, uint32_t flags, const char *src, const char *dst,
		    const char *target, uint8_t option_mac)
{
	struct addr t = parsed(target), d = parsed(dst);
	uint8_t mac[6] = { 0x33, 0x33 };

	memcpy(mac + 2, d.b + 12, 4);
	frame_eth(f, d.b[0] == 0xff ? mac : NULL, option_mac ? option_mac : 9, 0x86dd);
	frame_ip(f, src, dst, IPPROTO_ICMPV6);
	f->bytes[f->ip + 7] = 255;
	frame_icmp(f, type, 0, flags);
	frame_raw(f, t.b, 16);
	if (option_mac) {
		frame_raw(f, type == SOLICITATION ? "\1\1" : "\2\1", 2);
		peer_mac(mac, option_mac);
		frame_raw(f, mac, 6);
	}
	frame_end(f);
}

/* The last sent frame is this advertisement or solicitation, with all lengths and checksums right. */
static void sent(const struct box *b, uint8_t type, uint32_t flags, const char *src, const char *dst,
		 const char *target, const uint8_t to[6])
{
	struct frame f = { .n = 0, .ip = 14, .l4 = 54 }, again;
	struct addr s = parsed(src), d = parsed(dst), t = parsed(target);
	const uint8_t *p, *icmp;
	size_t n;

	assert_true(b->n_sent > 0);
	p = box_sent(b, b->n_sent - 1, &n);
	assert_int_equal(n, 14 + 40 + 24 + 8);
	frame_raw(&f, p, n);
	again = f;
	frame_end(&again);
	assert_memory_equal(f.bytes, again.bytes, n);
	assert_memory_equal(f.bytes, to, 6);
	assert_memory_equal(f.bytes + 6, us, 6);
	assert_memory_equal(f.bytes + 12, "\x86\xdd\x60\0\0\0\0\x20\x3a\xff", 10);
	assert_memory_equal(f.bytes + 22, s.b, 16);
	assert_memory_equal(f.bytes + 38, d.b, 16);
	icmp = f.bytes + 54;
	assert_int_equal(icmp[0], type);
	assert_int_equal(icmp[1], 0);
	assert_int_equal((uint32_t)icmp[4] << 24 | (uint32_t)icmp[5] << 16 | (uint32_t)icmp[6] << 8 | icmp[7], flags);
	assert_memory_equal(icmp + 8, t.b, 16);
	assert_memory_equal(icmp + 24, type == SOLICITATION ? "\1\1" : "\2\1", 2);
	assert_memory_equal(icmp + 26, us, 6);
}

static void questions_are_answered(void **state)
{
	uint8_t peer[6], all[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct frame f;
	struct box b;

	peer_mac(peer, 9);
	FOR_SPLITS(&b) {
		/* To the group, with the asker's MAC; to us alone without; about the link-local address. */
		message(&f, SOLICITATION, 0, "2001:db8:1::9", "ff02::1:ff00:1", "2001:db8:1::1", 9);
		box_give(&b, 0, &f);
		sent(&b, ADVERTISEMENT, SOLICITED | OVERRIDE, "2001:db8:1::1", "2001:db8:1::9", "2001:db8:1::1", peer);
		message(&f, SOLICITATION, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 0);
		box_give(&b, 0, &f);
		sent(&b, ADVERTISEMENT, SOLICITED | OVERRIDE, "2001:db8:1::1", "2001:db8:1::9", "2001:db8:1::1", peer);
		message(&f, SOLICITATION, 0, "fe80::9", "ff02::1:ff00:1", "fe80::ff:fe00:1", 9);
		box_give(&b, 0, &f);
		sent(&b, ADVERTISEMENT, SOLICITED | OVERRIDE, "fe80::ff:fe00:1", "fe80::9", "fe80::ff:fe00:1", peer);
		/* Duplicate address detection of somebody: to all nodes, and not as an answer. */
		message(&f, SOLICITATION, 0, "::", "ff02::1:ff00:1", "2001:db8:1::1", 0);
		box_give(&b, 0, &f);
		sent(&b, ADVERTISEMENT, OVERRIDE, "2001:db8:1::1", "ff02::1", "2001:db8:1::1", all);
		assert_int_equal(b.n_sent, 4);
		assert_int_equal(box_all_drops(&b), 0);
	}
}

static void a_group_as_the_frames_sender_gets_no_answer(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	message(&f, SOLICITATION, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 0);
	f.bytes[6] |= 1;
	box_give(&b, 0, &f);
	memset(f.bytes + 6, 0, 6);
	box_give(&b, 0, &f);
	assert_int_equal(b.n_sent, 0);
	box_fini(&b);
}

static void only_worker_0_answers_and_announces(void **state)
{
	const struct box_options options = { .worker = 1 };
	struct frame f;
	struct box b;

	box_init(&b, &options);
	message(&f, SOLICITATION, 0, "2001:db8:1::9", "ff02::1:ff00:1", "2001:db8:1::1", 9);
	box_give(&b, 0, &f);
	stack_announce(b.stack, &b.netifs.netifs[0], b.now_us);
	assert_int_equal(b.n_sent, 0);
	box_fini(&b);
}

static void announcements(void **state)
{
	uint8_t all[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	unsigned int found = 0;
	struct box b;

	box_init(&b, NULL);
	stack_announce(b.stack, &b.netifs.netifs[0], b.now_us);
	while (b.n_sent > 0) {
		size_t n;

		if (box_sent(&b, b.n_sent - 1, &n)[12] == 0x86 && b.sent_on[b.n_sent - 1] == &b.netifs.netifs[0]) {
			sent(&b, ADVERTISEMENT, OVERRIDE, "2001:db8:1::1", "ff02::1", "2001:db8:1::1", all);
			found++;
		}
		rte_pktmbuf_free(b.sent[--b.n_sent]);
	}
	assert_int_equal(found, 1);
	box_fini(&b);
}

static void dropped(struct box *b, const struct frame *f, enum drop why)
{
	uint64_t before = box_drops(b, why), all = box_all_drops(b);

	box_give(b, 0, f);
	assert_int_equal(box_drops(b, why), before + 1);
	assert_int_equal(box_all_drops(b), all + 1);
	assert_int_equal(b->n_sent, 0);
}

/* The MAC of a group, none, our own; an option of the wrong length. */
static void malformed_mac(struct box *b, uint8_t type)
{
	struct frame f;

	message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 9);
	f.bytes[f.l4 + 26] = 3;
	frame_end(&f);
	dropped(b, &f, DROP_ND_MALFORMED);
	message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 9);
	memset(f.bytes + f.l4 + 26, 0, 6);
	frame_end(&f);
	dropped(b, &f, DROP_ND_MALFORMED);
	message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 9);
	memcpy(f.bytes + f.l4 + 26, us, 6);
	frame_end(&f);
	dropped(b, &f, DROP_ND_MALFORMED);
	message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 9);
	f.bytes[f.l4 + 25] = 2;
	frame_raw(&f, "12345678", 8);
	frame_end(&f);
	dropped(b, &f, DROP_ND_MALFORMED);
}

static void malformed(void **state)
{
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		for (uint8_t type = SOLICITATION; type <= ADVERTISEMENT; type++) {
			/* Passed a router, or seems to. */
			for (unsigned int ttl = 0; ttl < 255; ttl += 127) {
				message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 9);
				f.bytes[f.ip + 7] = (uint8_t)ttl;
				dropped(&b, &f, DROP_ND_MALFORMED);
			}
			message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 9);
			f.bytes[f.l4 + 1] = 1;	/* code */
			frame_end(&f);
			dropped(&b, &f, DROP_ND_MALFORMED);
			message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "ff02::1", 9);
			dropped(&b, &f, DROP_ND_MALFORMED);
			message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "192.0.2.1", 9);
			dropped(&b, &f, DROP_ND_MALFORMED);
			/* Cut anywhere: in the message, or in its option. */
			for (size_t n = 8; n < 32; n++) {
				message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 9);
				f.n = f.l4 + n;
				frame_end(&f);
				if (n != 24)	/* an option that isn't there is fine */
					dropped(&b, &f, DROP_ND_MALFORMED);
			}
			/* Options of length 0 and beyond the end, before and after the one we want. */
			for (unsigned int k = 0; k < 3; k++) {
				static const uint8_t options[3][8] = { { 14, 0 }, { 14, 2 }, { 14, 255 } };

				message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 9);
				frame_raw(&f, options[k], 8);
				frame_end(&f);
				dropped(&b, &f, DROP_ND_MALFORMED);
			}
			malformed_mac(&b, type);
			/* More options than we read. */
			message(&f, type, 0, "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::1", 9);
			for (unsigned int k = 0; k < 64; k++)
				frame_raw(&f, "\x0e\1wwwwww", 8);
			frame_end(&f);
			dropped(&b, &f, DROP_ND_MALFORMED);
		}
		/* Detection with a MAC, or to one host. */
		message(&f, SOLICITATION, 0, "::", "ff02::1:ff00:1", "2001:db8:1::1", 9);
		dropped(&b, &f, DROP_ND_MALFORMED);
		message(&f, SOLICITATION, 0, "::", "2001:db8:1::1", "2001:db8:1::1", 0);
		dropped(&b, &f, DROP_ND_MALFORMED);
		/* An answer to all is no answer. */
		message(&f, ADVERTISEMENT, SOLICITED, "2001:db8:1::9", "ff02::1", "2001:db8:1::9", 9);
		dropped(&b, &f, DROP_ND_MALFORMED);
	}
}

static void not_ours(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	/* Another address of our group: 2001:db8:1:0:1::1 ends alike. */
	message(&f, SOLICITATION, 0, "2001:db8:1::9", "ff02::1:ff00:1", "2001:db8:1:0:1::1", 9);
	dropped(&b, &f, DROP_IP_NOT_OURS);
	message(&f, SOLICITATION, 0, "2001:db8:1::9", "ff02::1:ff00:2", "2001:db8:1::2", 9);
	dropped(&b, &f, DROP_IP_NOT_OURS);
	/* The address of the other port isn't answered for here. */
	message(&f, SOLICITATION, 0, "2001:db8:1::9", "ff02::1:ff00:1", "2001:db8:2::1", 9);
	dropped(&b, &f, DROP_IP_NOT_OURS);
	/* Another host says that it has our address. */
	message(&f, ADVERTISEMENT, OVERRIDE, "2001:db8:1::1", "ff02::1", "2001:db8:1::1", 9);
	dropped(&b, &f, DROP_IP_SOURCE_OWN);
	message(&f, ADVERTISEMENT, OVERRIDE, "fe80::9", "ff02::1", "2001:db8:1::1", 9);
	dropped(&b, &f, DROP_ADDRESS_CONFLICT);
	box_fini(&b);
}

static void out(struct box *b, const char *dst)
{
	struct addr a = parsed(dst);
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->mbufs);
	struct ip_path p;

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, 20), 0, 20);
	assert_int_equal(ip_path_init(b->stack, &p, NULL, &a), 0);
	ip_output(b->stack, &p, m, IPPROTO_TCP, 20, 0);
}

static enum neigh_state state_of(const struct box *b, const char *who)
{
	struct addr a = parsed(who);
	const struct neigh_entry *e = neigh_lookup(b->stack, &b->netifs.netifs[0], &a);

	return e ? (enum neigh_state)e->state : (enum neigh_state)99;
}

static void asking_and_learning(void **state)
{
	static const uint8_t target_mac[6] = { 0x33, 0x33, 0xff, 0, 0, 7 };
	uint8_t peer[6];
	struct frame f;
	struct box b;
	size_t n;

	peer_mac(peer, 7);
	FOR_SPLITS(&b) {
		out(&b, "2001:db8:1::7");
		assert_int_equal(b.n_sent, 1);
		sent(&b, SOLICITATION, 0, "2001:db8:1::1", "ff02::1:ff00:7", "2001:db8:1::7", target_mac);
		message(&f, ADVERTISEMENT, SOLICITED | OVERRIDE, "2001:db8:1::7", "2001:db8:1::1", "2001:db8:1::7", 7);
		box_give(&b, 0, &f);
		assert_int_equal(b.n_sent, 2);
		assert_memory_equal(box_sent(&b, 1, &n), peer, 6);
		assert_int_equal(state_of(&b, "2001:db8:1::7"), NEIGH_REACHABLE);

		/* Stale, used, asked alone; its answer needn't repeat the MAC (RFC 4861 4.4). */
		box_run(&b, NEIGH_REACHABLE_US + 5000);
		assert_int_equal(state_of(&b, "2001:db8:1::7"), NEIGH_STALE);
		box_clear(&b);
		out(&b, "2001:db8:1::7");
		assert_int_equal(b.n_sent, 2);
		rte_pktmbuf_free(b.sent[--b.n_sent]);
		sent(&b, SOLICITATION, 0, "2001:db8:1::1", "2001:db8:1::7", "2001:db8:1::7", peer);
		message(&f, ADVERTISEMENT, SOLICITED, "2001:db8:1::7", "2001:db8:1::1", "2001:db8:1::7", 0);
		box_give(&b, 0, &f);
		assert_int_equal(state_of(&b, "2001:db8:1::7"), NEIGH_REACHABLE);

		/* Unsolicited, with another MAC: the old one is asked. Without an entry: nothing. */
		box_clear(&b);
		message(&f, ADVERTISEMENT, OVERRIDE, "2001:db8:1::7", "ff02::1", "2001:db8:1::7", 66);
		box_give(&b, 0, &f);
		assert_int_equal(b.n_sent, 1);
		sent(&b, SOLICITATION, 0, "2001:db8:1::1", "2001:db8:1::7", "2001:db8:1::7", peer);
		message(&f, ADVERTISEMENT, SOLICITED | OVERRIDE, "2001:db8:1::8", "2001:db8:1::1", "2001:db8:1::8", 8);
		box_give(&b, 0, &f);
		assert_int_equal(state_of(&b, "2001:db8:1::8"), 99);
		assert_int_equal(box_all_drops(&b), 0);
	}
}

/* Who asks us tells its MAC; it is taken as a claim where we were asking as well. */
static void a_question_resolves_ours(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	out(&b, "2001:db8:1::7");
	message(&f, SOLICITATION, 0, "2001:db8:1::7", "ff02::1:ff00:1", "2001:db8:1::1", 7);
	box_give(&b, 0, &f);
	assert_int_equal(b.n_sent, 3);	/* our question, the packet, our answer */
	assert_int_equal(state_of(&b, "2001:db8:1::7"), NEIGH_STALE);
	box_fini(&b);
}

static void an_advertisement_without_mac_resolves_nothing(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	out(&b, "2001:db8:1::7");
	message(&f, ADVERTISEMENT, SOLICITED, "2001:db8:1::7", "2001:db8:1::1", "2001:db8:1::7", 0);
	box_give(&b, 0, &f);
	assert_int_equal(state_of(&b, "2001:db8:1::7"), NEIGH_INCOMPLETE);
	assert_int_equal(b.n_sent, 1);
	box_fini(&b);
}

static void router_messages_change_nothing(void **state)
{
	struct addr dst = parsed("2400::1");
	struct ip_path before, after;
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	assert_int_equal(ip_path_init(b.stack, &before, NULL, &dst), 0);
	for (uint8_t type = 133; type <= 137; type++) {
		if (type == SOLICITATION || type == ADVERTISEMENT)
			continue;
		message(&f, type, 0, "fe80::fe", type == 137 ? "2001:db8:1::1" : "ff02::1", "2400::1", 9);
		dropped(&b, &f, DROP_ICMP_TYPE);
	}
	assert_int_equal(ip_path_init(b.stack, &after, NULL, &dst), 0);
	assert_true(addr_equal(ip_next_hop(b.stack, &before.hop, &dst), ip_next_hop(b.stack, &after.hop, &dst)));
	box_fini(&b);
}

static void solicited_node(void **state)
{
	struct addr a = parsed("4037::1:800:200e:8c6c"), e = parsed("ff02::1:ff0e:8c6c"), g = nd_solicited_node(&a);

	assert_true(addr_equal(&g, &e));	/* RFC 4291 2.7.1's example */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_answered),
		cmocka_unit_test(a_group_as_the_frames_sender_gets_no_answer),
		cmocka_unit_test(only_worker_0_answers_and_announces),
		cmocka_unit_test(announcements),
		cmocka_unit_test(malformed),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(asking_and_learning),
		cmocka_unit_test(a_question_resolves_ours),
		cmocka_unit_test(an_advertisement_without_mac_resolves_nothing),
		cmocka_unit_test(router_messages_change_nothing),
		cmocka_unit_test(solicited_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
