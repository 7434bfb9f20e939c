/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "box.h"
#include "icmp.h"
#include "offload.h"
#include "stack_private.h"
#include "tcp_fake.h"

static const unsigned int splits[] = { 0, 1, 15, 34, 55 };

#define FOR_SPLITS(b) \
	for (size_t _i = 0; _i < sizeof(splits) / sizeof(splits[0]) && (box_init(b, NULL), (b)->split = splits[_i], 1); \
	     box_fini(b), _i++)

static void begin(struct frame *f, const char *src, const char *dst)
{
	bool v4 = !strchr(dst, ':');

	frame_eth(f, NULL, 9, v4 ? 0x0800 : 0x86dd);
	frame_ip(f, src, dst, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static void ping(struct frame *f, const char *src, const char *dst, size_t data)
{
	begin(f, src, dst);
	frame_icmp(f, strchr(dst, ':') ? 128 : 8, 0, 0x12345678);
	for (size_t i = 0; i < data; i++)
		frame_raw(f, &(uint8_t){ (uint8_t)(i * 3) }, 1);
	frame_end(f);
}

/* The neighbour answers, so that what waits for it is sent. */
static void known(struct box *b, const char *who)
{
	struct rte_ether_addr mac = { { 2, 0, 0, 0, 0xff, 9 } };
	struct addr a;

	assert_int_equal(addr_parse(who, &a), 0);
	neigh_heard(b->stack, &b->netifs.netifs[0], &a, &mac, true);
}

/* The last frame sent is the answer to @question. */
static void answered(struct box *b, const struct frame *question)
{
	struct rte_mbuf *m = offload_finish(b->sent[b->n_sent - 1], 0, b->mbufs);
	struct frame f = { .n = 0, .ip = question->ip, .l4 = question->l4 }, again;
	bool v4 = question->bytes[question->ip] >> 4 == 4;
	size_t at = question->ip + (v4 ? 12 : 8), bytes = v4 ? 4 : 16;

	b->sent[b->n_sent - 1] = m;
	assert_non_null(m);
	frame_raw(&f, rte_pktmbuf_mtod(m, const void *), m->pkt_len);
	assert_int_equal(f.n, question->n);
	again = f;
	frame_end(&again);
	assert_memory_equal(f.bytes, again.bytes, f.n);	/* lengths and checksums */
	assert_memory_equal(f.bytes + at, question->bytes + at + bytes, bytes);
	assert_memory_equal(f.bytes + at + bytes, question->bytes + at, bytes);
	assert_int_equal(f.bytes[f.l4], v4 ? 0 : 129);
	assert_int_equal(f.bytes[f.l4 + 1], 0);
	assert_memory_equal(f.bytes + f.l4 + 4, question->bytes + f.l4 + 4, f.n - f.l4 - 4);
}

static void ping_is_answered(void **state)
{
	static const char *const ends[][3] = {
		{ "192.0.2.9", "192.0.2.1", "192.0.2.9" },
		{ "8.8.8.8", "192.0.2.100", "192.0.2.254" },
		{ "2001:db8:1::9", "2001:db8:1::1", "2001:db8:1::9" },
		{ "2400::1", "2001:db8:1::1", "2001:db8:1::fe" },
		{ "fe80::9", "fe80::ff:fe00:1", "fe80::9" },
	};
	static const size_t datas[] = { 0, 1, 56, 1400 };
	struct box b;

	FOR_SPLITS(&b) {
		unsigned int n = 0;

		for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
			for (size_t d = 0; d < 4; d++) {
				struct frame f;

				ping(&f, ends[e][0], ends[e][1], datas[d]);
				box_give(&b, 0, &f);
				known(&b, ends[e][2]);
				answered(&b, &f);
				box_clear(&b);
				n++;
			}
		}
		assert_int_equal(box_events(&b, EVENT_ECHO_ANSWERED), n);
		assert_int_equal(box_all_drops(&b), 0);
	}
}

static void other_workers_answer_as_well(void **state)
{
	const struct box_options options = { .worker = 3 };
	struct frame f;
	struct box b;

	box_init(&b, &options);
	ping(&f, "192.0.2.9", "192.0.2.1", 8);
	box_give(&b, 0, &f);
	known(&b, "192.0.2.9");
	answered(&b, &f);
	box_fini(&b);
}

static void dropped(struct box *b, const struct frame *f, enum drop why)
{
	uint64_t before = box_drops(b, why), all = box_all_drops(b);
	unsigned int errors = tcp_fake.errors;

	box_give(b, 0, f);
	assert_int_equal(box_drops(b, why), before + 1);
	assert_int_equal(box_all_drops(b), all + 1);
	assert_int_equal(tcp_fake.errors, errors);
	assert_int_equal(b->n_sent, 0);
}

static void too_large_short_or_wrong(void **state)
{
	static const char *const ends[][2] = { { "192.0.2.9", "192.0.2.1" }, { "2001:db8:1::9", "2001:db8:1::1" } };
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		for (size_t e = 0; e < 2; e++) {
			ping(&f, ends[e][0], ends[e][1], ICMP_ECHO_MAX_BYTES - 7);
			dropped(&b, &f, DROP_ICMP_MALFORMED);
			for (size_t n = 0; n < 8; n++) {
				begin(&f, ends[e][0], ends[e][1]);
				frame_raw(&f, "\x08\0\0\0\0\0\0\0", 8);
				f.n = f.l4 + n;
				if (n >= 4)
					frame_end(&f);
				else
					f.bytes[f.ip + (e ? 5 : 3)] = (uint8_t)(n + (e ? 0 : 20));
				if (n < 4 && e == 0)
					f.rx_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
				dropped(&b, &f, DROP_ICMP_MALFORMED);
			}
			for (size_t bit = 0; bit < 16 * 8; bit++) {
				ping(&f, ends[e][0], ends[e][1], 8);
				f.bytes[f.l4 + bit / 8] ^= (uint8_t)(1 << bit % 8);
				dropped(&b, &f, DROP_ICMP_CHECKSUM);
			}
		}
		/* ICMPv6's checksum guards the addresses as well: the pseudo header. */
		ping(&f, "2001:db8:1::9", "2001:db8:1::1", 8);
		f.bytes[f.ip + 8 + 15] ^= 0x40;
		dropped(&b, &f, DROP_ICMP_CHECKSUM);
	}
}

static void a_rate_is_kept(void **state)
{
	unsigned int answers;
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	ping(&f, "192.0.2.9", "192.0.2.1", 8);
	box_give(&b, 0, &f);
	known(&b, "192.0.2.9");
	box_clear(&b);
	box_run(&b, 1000000);
	/* A burst, then the rate: no more, whatever comes. */
	for (unsigned int ms = 0; ms < 500; ms++) {
		for (unsigned int k = 0; k < 10; k++) {
			box_give(&b, 0, &f);
			box_clear(&b);
		}
		box_run(&b, 1000);
		box_clear(&b);
	}
	answers = (unsigned int)box_events(&b, EVENT_ECHO_ANSWERED) - 1;
	assert_in_range(answers, ICMP_ECHO_BURST + ICMP_ECHO_PER_S / 2 - 5, ICMP_ECHO_BURST + ICMP_ECHO_PER_S / 2 + 5);
	assert_int_equal(answers + box_drops(&b, DROP_ICMP_RATE), 5000);
	/* After a long silence the burst is no larger. */
	box_run(&b, 3600000000ull);
	for (unsigned int k = 0; k < 500; k++) {
		box_give(&b, 0, &f);
		box_clear(&b);
	}
	assert_int_equal(box_events(&b, EVENT_ECHO_ANSWERED), 1 + answers + ICMP_ECHO_BURST);
	box_fini(&b);
}

static void no_buffer_no_answer(void **state)
{
	struct rte_mbuf *all[BOX_MBUFS + 1], *in;
	unsigned int n = 0;
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	ping(&f, "192.0.2.9", "192.0.2.1", 8);
	in = box_mbuf(&b, &f);
	while ((all[n] = rte_pktmbuf_alloc(b.mbufs)) != NULL)
		n++;
	stack_input(b.stack, &b.netifs.netifs[0], &in, 1, b.now_us);
	assert_int_equal(box_drops(&b, DROP_NO_MBUF), 1);
	assert_int_equal(box_events(&b, EVENT_ECHO_ANSWERED), 0);
	rte_pktmbuf_free_bulk(all, n);
	box_fini(&b);
}

/* An error of @type, @code from a router about a segment of ours. @cut: bytes of the quoted TCP header. */
static void quote(struct frame *f, const char *us, const char *far, uint8_t type, uint8_t code, uint32_t rest,
		  size_t cut)
{
	struct frame inner = { .n = 0 };

	begin(f, strchr(us, ':') ? "2001:db8:7::1" : "203.0.113.1", us);
	frame_icmp(f, type, code, rest);
	frame_ip(&inner, us, far, IPPROTO_TCP);
	frame_tcp(&inner, 993, 50000, 0xdeadbeef);
	frame_raw(f, inner.bytes, inner.l4 + cut);
	frame_end(f);
}

static void told(struct box *b, const struct frame *f, const char *us, const char *far, enum tcp_icmp kind,
		 uint16_t mtu)
{
	unsigned int errors = tcp_fake.errors;
	struct addr l, fa;

	assert_int_equal(addr_parse(us, &l) | addr_parse(far, &fa), 0);
	box_give(b, 0, f);
	assert_int_equal(tcp_fake.errors, errors + 1);
	assert_true(addr_equal(&tcp_fake.tuple.laddr, &l));
	assert_true(addr_equal(&tcp_fake.tuple.faddr, &fa));
	assert_int_equal(tcp_fake.tuple.lport, 993);
	assert_int_equal(tcp_fake.tuple.fport, 50000);
	assert_int_equal(tcp_fake.seq, 0xdeadbeef);
	assert_int_equal(tcp_fake.kind, kind);
	assert_int_equal(tcp_fake.mtu, mtu);
}

static void errors_reach_tcp(void **state)
{
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		for (uint8_t code = 0; code < 16; code++) {
			quote(&f, "192.0.2.1", "8.8.8.8", 3, code, 1400, 8 + code % 13);
			told(&b, &f, "192.0.2.1", "8.8.8.8", code == 4 ? TCP_ICMP_TOO_BIG : TCP_ICMP_UNREACHABLE,
			     code == 4 ? 1400 : 0);
		}
		/* The high half isn't part of the MTU. */
		quote(&f, "192.0.2.1", "8.8.8.8", 3, 4, 0xffff0578, 8);
		told(&b, &f, "192.0.2.1", "8.8.8.8", TCP_ICMP_TOO_BIG, 1400);
		quote(&f, "192.0.2.1", "8.8.8.8", 11, 0, 0, 8);
		told(&b, &f, "192.0.2.1", "8.8.8.8", TCP_ICMP_UNREACHABLE, 0);
		quote(&f, "192.0.2.1", "8.8.8.8", 12, 0, 0, 8);
		told(&b, &f, "192.0.2.1", "8.8.8.8", TCP_ICMP_UNREACHABLE, 0);

		quote(&f, "2001:db8:1::1", "2400::1", 1, 4, 0, 8);
		told(&b, &f, "2001:db8:1::1", "2400::1", TCP_ICMP_UNREACHABLE, 0);
		quote(&f, "2001:db8:1::1", "2400::1", 2, 0, 1400, 20);
		told(&b, &f, "2001:db8:1::1", "2400::1", TCP_ICMP_TOO_BIG, 1400);
		quote(&f, "2001:db8:1::1", "2400::1", 2, 0, 1280, 20);
		told(&b, &f, "2001:db8:1::1", "2400::1", TCP_ICMP_TOO_BIG, 1280);
		quote(&f, "2001:db8:1::1", "2400::1", 2, 0, 0x10000, 20);
		told(&b, &f, "2001:db8:1::1", "2400::1", TCP_ICMP_TOO_BIG, 65535);
		quote(&f, "2001:db8:1::1", "2400::1", 3, 0, 0, 8);
		told(&b, &f, "2001:db8:1::1", "2400::1", TCP_ICMP_UNREACHABLE, 0);
		quote(&f, "2001:db8:1::1", "2400::1", 4, 1, 0, 8);
		told(&b, &f, "2001:db8:1::1", "2400::1", TCP_ICMP_UNREACHABLE, 0);
		assert_int_equal(b.n_sent, 0);
		assert_int_equal(box_all_drops(&b), 0);
	}
}

static void quotes_that_cannot_be_ours(void **state)
{
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		/* Too short. */
		for (size_t cut = 0; cut < 8; cut++) {
			quote(&f, "192.0.2.1", "8.8.8.8", 3, 1, 0, cut);
			dropped(&b, &f, DROP_ICMP_MALFORMED);
			quote(&f, "2001:db8:1::1", "2400::1", 1, 0, 0, cut);
			dropped(&b, &f, DROP_ICMP_MALFORMED);
		}
		for (size_t n = 0; n < 20; n++) {
			quote(&f, "192.0.2.1", "8.8.8.8", 3, 1, 0, 8);
			f.n = f.l4 + 8 + n;
			frame_end(&f);
			dropped(&b, &f, DROP_ICMP_MALFORMED);
		}
		/* Not from an address of ours. */
		quote(&f, "192.0.2.1", "8.8.8.8", 3, 1, 0, 8);
		f.bytes[f.l4 + 8 + 15] = 2;
		frame_end(&f);
		dropped(&b, &f, DROP_ICMP_MALFORMED);
		/* Not TCP; not the first fragment; no version; header lengths that don't fit. */
		quote(&f, "192.0.2.1", "8.8.8.8", 3, 1, 0, 8);
		f.bytes[f.l4 + 8 + 9] = IPPROTO_UDP;
		frame_end(&f);
		dropped(&b, &f, DROP_ICMP_MALFORMED);
		quote(&f, "192.0.2.1", "8.8.8.8", 3, 1, 0, 8);
		f.bytes[f.l4 + 8 + 7] = 1;
		frame_end(&f);
		dropped(&b, &f, DROP_ICMP_MALFORMED);
		for (unsigned int v = 0; v < 256; v++) {
			if (v == 0x45)
				continue;
			quote(&f, "192.0.2.1", "8.8.8.8", 3, 1, 0, 8);
			f.bytes[f.l4 + 8] = (uint8_t)v;
			frame_end(&f);
			dropped(&b, &f, DROP_ICMP_MALFORMED);
		}
		/* The other version's quote, and a mapped address in an IPv6 one. */
		quote(&f, "2001:db8:1::1", "2400::1", 1, 0, 0, 8);
		memcpy(f.bytes + f.l4 + 8 + 8, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
		frame_end(&f);
		dropped(&b, &f, DROP_ICMP_MALFORMED);
	}
	box_init(&b, NULL);
	begin(&f, "203.0.113.1", "192.0.2.1");
	frame_icmp(&f, 3, 1, 0);
	{
		struct frame inner = { .n = 0 };

		frame_ip(&inner, "2001:db8:1::1", "2400::1", IPPROTO_TCP);
		frame_tcp(&inner, 993, 50000, 1);
		frame_raw(&f, inner.bytes, inner.n);
	}
	frame_end(&f);
	dropped(&b, &f, DROP_ICMP_MALFORMED);
	box_fini(&b);
}

static void other_types_are_ignored(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	for (unsigned int type = 0; type < 256; type++) {
		if (type != 3 && type != 8 && type != 11 && type != 12) {
			quote(&f, "192.0.2.1", "8.8.8.8", (uint8_t)type, 0, 0, 20);
			dropped(&b, &f, DROP_ICMP_TYPE);
		}
		if ((type < 1 || type > 4) && type != 128 && type != 135 && type != 136) {
			quote(&f, "2001:db8:1::1", "2400::1", (uint8_t)type, 0, 0, 20);
			dropped(&b, &f, DROP_ICMP_TYPE);
		}
	}
	box_fini(&b);
}

/* All nodes, and our solicited-node group: neighbour discovery is all that we take from there. */
/* RFC 1191 section 7.1: an old router names no MTU, so the next one in use below the quoted packet's size. */
static void old_routers(void **state)
{
	static const uint16_t sizes[][2] = {
		{ 65535, 32000 }, { 9000, 8166 }, { 1500, 1492 }, { 1492, 1472 }, { 1472, 1400 }, { 1300, 1280 },
		{ 1280, 1006 }, { 577, 576 }, { 68, 68 }, { 0, 68 },
	};
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		quote(&f, "192.0.2.1", "8.8.8.8", 3, 4, 0xffff0000, 8);
		f.bytes[f.l4 + 10] = (uint8_t)(sizes[i][0] >> 8);
		f.bytes[f.l4 + 11] = (uint8_t)sizes[i][0];
		frame_end(&f);
		told(&b, &f, "192.0.2.1", "8.8.8.8", TCP_ICMP_TOO_BIG, sizes[i][1]);
	}
	box_fini(&b);
}

/* RFC 8201 section 4: less than IPv6's least is discarded. */
static void less_than_the_least(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	for (uint32_t mtu = 0; mtu < 1280; mtu += 1279) {
		quote(&f, "2001:db8:1::1", "2400::1", 2, 0, mtu, 20);
		dropped(&b, &f, DROP_ICMP_MALFORMED);
	}
	assert_int_equal(tcp_fake.errors, 0);
	box_fini(&b);
}

static void groups_get_no_answer(void **state)
{
	static const char *const groups[] = { "ff02::1", "ff02::1:ff00:1" };
	static const uint8_t mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	for (size_t i = 0; i < 2; i++) {
		ping(&f, "2001:db8:1::9", groups[i], 8);
		memcpy(f.bytes, mac, 6);
		dropped(&b, &f, DROP_ICMP_TYPE);
		quote(&f, "2001:db8:1::1", "2400::1", 2, 0, 1280, 20);
		memcpy(f.bytes, mac, 6);
		assert_int_equal(addr_parse(groups[i], (struct addr *)(f.bytes + f.ip + 24)), 0);
		frame_end(&f);
		dropped(&b, &f, DROP_ICMP_TYPE);
	}
	/* From nowhere, to us. */
	ping(&f, "::", "2001:db8:1::1", 8);
	box_give(&b, 0, &f);
	assert_int_equal(b.n_sent, 0);
	assert_int_equal(box_events(&b, EVENT_ECHO_ANSWERED), 0);
	box_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ping_is_answered),
		cmocka_unit_test(other_workers_answer_as_well),
		cmocka_unit_test(too_large_short_or_wrong),
		cmocka_unit_test(a_rate_is_kept),
		cmocka_unit_test(no_buffer_no_answer),
		cmocka_unit_test(errors_reach_tcp),
		cmocka_unit_test(old_routers),
		cmocka_unit_test(less_than_the_least),
		cmocka_unit_test(quotes_that_cannot_be_ours),
		cmocka_unit_test(other_types_are_ignored),
		cmocka_unit_test(groups_get_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
