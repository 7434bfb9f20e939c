/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
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
#include "ip.h"
#include "offload.h"
#include "stack_private.h"
#include "tcp_fake.h"

static const unsigned int splits[] = { 0, 1, 15, 34, 55, 100 };

/* The body for each way to chain the mbufs, with a box of its own. */
#define FOR_SPLITS(b) \
	for (size_t _i = 0; _i < sizeof(splits) / sizeof(splits[0]) && (box_init(b, NULL), (b)->split = splits[_i], 1); \
	     box_fini(b), _i++)

static void begin(struct frame *f, const char *src, const char *dst, uint8_t proto)
{
	frame_eth(f, NULL, 9, strchr(dst, ':') ? 0x86dd : 0x0800);
	frame_ip(f, src, dst, proto);
}

static void segment(struct frame *f, const char *src, const char *dst, size_t data)
{
	begin(f, src, dst, IPPROTO_TCP);
	frame_tcp(f, 1111, 993, 42);
	for (size_t i = 0; i < data; i++)
		frame_raw(f, &(uint8_t){ (uint8_t)i }, 1);
	frame_end(f);
}

static void whole_packets_reach_tcp(void **state)
{
	static const char *const ends[][2] = {
		{ "192.0.2.9", "192.0.2.1" },	       { "8.8.8.8", "192.0.2.100" },
		{ "2001:db8:1::9", "2001:db8:1::1" },  { "2400::1", "2001:db8:1::1" },
		{ "fe80::9", "fe80::ff:fe00:1" },
	};
	static const size_t datas[] = { 0, 1, 41, 1400 };
	struct box b;

	FOR_SPLITS(&b) {
		for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
			for (size_t d = 0; d < 4; d++) {
				struct addr src, dst;
				struct frame f;

				assert_int_equal(addr_parse(ends[e][0], &src) | addr_parse(ends[e][1], &dst), 0);
				segment(&f, ends[e][0], ends[e][1], datas[d]);
				/* Ethernet's padding, and a device that leaves the frame's checksum there. */
				frame_raw(&f, "paddingpadding", d == 0 ? 14 : d == 1 ? 4 : 0);
				tcp_fake.inputs = 0;
				box_give(&b, 0, &f);
				assert_int_equal(tcp_fake.inputs, 1);
				assert_true(addr_equal(&tcp_fake.info.src, &src));
				assert_true(addr_equal(&tcp_fake.info.dst, &dst));
				assert_int_equal(tcp_fake.info.payload_bytes, 20 + datas[d]);
				assert_int_equal(tcp_fake.pkt_len, 20 + datas[d]);
				assert_true(tcp_fake.data_len >= RTE_MIN(20 + datas[d], (size_t)60));
				assert_int_equal(tcp_fake.l3_len, strchr(ends[e][0], ':') ? 40 : 20);
				assert_int_equal(tcp_fake.info.ttl, 64);
				assert_int_equal(tcp_fake.info.proto, IPPROTO_TCP);
				assert_memory_equal(tcp_fake.first, f.bytes + f.l4, 20);
			}
		}
		assert_int_equal(box_all_drops(&b), 0);
	}
}

static void traffic_class_and_ttl(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	segment(&f, "192.0.2.9", "192.0.2.1", 0);
	f.bytes[f.ip + 1] = 0xb9;
	f.bytes[f.ip + 8] = 1;
	frame_end(&f);
	box_give(&b, 0, &f);
	assert_int_equal(tcp_fake.info.tos, 0xb9);
	assert_int_equal(tcp_fake.info.ttl, 1);
	segment(&f, "2001:db8:1::9", "2001:db8:1::1", 0);
	f.bytes[f.ip] = 0x6b;
	f.bytes[f.ip + 1] = 0x9f;	/* the low half belongs to the flow label */
	f.bytes[f.ip + 7] = 3;
	box_give(&b, 0, &f);
	assert_int_equal(tcp_fake.info.tos, 0xb9);
	assert_int_equal(tcp_fake.info.ttl, 3);
	box_fini(&b);
}

/* Gives a frame that must be dropped for this one reason. */
static void dropped(struct box *b, const struct frame *f, enum drop why)
{
	uint64_t before = box_drops(b, why), all = box_all_drops(b);
	unsigned int inputs = tcp_fake.inputs;

	box_give(b, 0, f);
	assert_int_equal(box_drops(b, why), before + 1);
	assert_int_equal(box_all_drops(b), all + 1);
	assert_int_equal(tcp_fake.inputs, inputs);
	assert_int_equal(b->n_sent, 0);
}

static void v4_headers(void **state)
{
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		for (unsigned int v = 0; v < 256; v++) {
			if (v == 0x45)
				continue;
			segment(&f, "192.0.2.9", "192.0.2.1", 60);
			f.bytes[f.ip] = (uint8_t)v;
			dropped(&b, &f, v > 0x45 && v <= 0x4f ? DROP_IP_OPTIONS : DROP_IP_HEADER);
		}
		for (size_t n = 0; n < 20; n++) {
			segment(&f, "192.0.2.9", "192.0.2.1", 0);
			f.n = f.ip + n;
			dropped(&b, &f, DROP_IP_SHORT);
		}
		for (unsigned int total = 0; total < 20; total++) {
			segment(&f, "192.0.2.9", "192.0.2.1", 0);
			f.bytes[f.ip + 3] = (uint8_t)total;
			dropped(&b, &f, DROP_IP_SHORT);
		}
		segment(&f, "192.0.2.9", "192.0.2.1", 5);
		f.n--;
		dropped(&b, &f, DROP_IP_SHORT);
		segment(&f, "192.0.2.9", "192.0.2.1", 5);
		f.bytes[f.ip + 2] = 0xff;
		dropped(&b, &f, DROP_IP_SHORT);
		/* Each bit of the header that the checksum guards and that isn't refused before. */
		for (unsigned int bit = 0; bit < 160; bit++) {
			if (bit / 8 == 0 || bit / 8 == 2 || bit / 8 == 3)
				continue;
			segment(&f, "192.0.2.9", "192.0.2.1", 5);
			f.bytes[f.ip + bit / 8] ^= (uint8_t)(1 << bit % 8);
			dropped(&b, &f, DROP_IP_CHECKSUM);
		}
	}
}

static void the_devices_word_on_checksums(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	segment(&f, "192.0.2.9", "192.0.2.1", 5);
	f.bytes[f.ip + 10] ^= 1;
	dropped(&b, &f, DROP_IP_CHECKSUM);
	f.rx_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	box_give(&b, 0, &f);
	assert_int_equal(tcp_fake.inputs, 1);
	f.rx_flags = RTE_MBUF_F_RX_IP_CKSUM_NONE;
	box_give(&b, 0, &f);
	assert_int_equal(tcp_fake.inputs, 2);
	f.bytes[f.ip + 10] ^= 1;
	f.rx_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD;
	dropped(&b, &f, DROP_IP_CHECKSUM);
	box_fini(&b);
}

static void fragments(void **state)
{
	static const uint16_t fields[] = { 0x2000, 0x0001, 0x1fff, 0x3000, 0x6000 };
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		for (size_t i = 0; i < 5; i++) {
			segment(&f, "192.0.2.9", "192.0.2.1", 5);
			f.bytes[f.ip + 6] = (uint8_t)(fields[i] >> 8);
			f.bytes[f.ip + 7] = (uint8_t)fields[i];
			frame_end(&f);
			dropped(&b, &f, DROP_IP_FRAGMENT);
		}
		begin(&f, "2001:db8:1::9", "2001:db8:1::1", IPPROTO_FRAGMENT);
		frame_raw(&f, "\6\0\0\0\0\0\0\1", 8);
		frame_tcp(&f, 1, 2, 3);
		frame_end(&f);
		dropped(&b, &f, DROP_IP_FRAGMENT);
	}
	/* Don't fragment isn't a fragment. */
	box_init(&b, NULL);
	segment(&f, "192.0.2.9", "192.0.2.1", 5);
	f.bytes[f.ip + 6] = 0x40;
	frame_end(&f);
	box_give(&b, 0, &f);
	assert_int_equal(tcp_fake.inputs, 1);
	box_fini(&b);
}

struct source {
	const char *v4, *v6;	/* NULL: none */
	enum drop why;
};

/* RFC 1122 3.2.1.3, RFC 6890, RFC 3927 2.7, RFC 6666, RFC 3964 5.3; RFC 2827 and 3704. */
static const struct source sources[] = {
	{ "0.0.0.0", "::", DROP_IP_SOURCE }, { "0.1.2.3", "::1", DROP_IP_SOURCE },
	{ "127.0.0.1", "ff02::1", DROP_IP_SOURCE }, { "127.255.255.255", "ff0e::1", DROP_IP_SOURCE },
	{ "224.0.0.1", "::1.2.3.4", DROP_IP_SOURCE }, { "239.255.255.255", "100::1", DROP_IP_SOURCE },
	{ "240.0.0.1", "2002:7f00:1::1", DROP_IP_SOURCE }, { "255.255.255.255", "2002:a01:203::1", DROP_IP_SOURCE },
	{ "169.254.1.1", "2002:c0a8:1::1", DROP_IP_SOURCE }, { "192.0.0.8", "2002:ac10:1::1", DROP_IP_SOURCE },
	{ "192.0.2.255", "2002:a9fe:1::1", DROP_IP_SOURCE }, { "192.0.2.0", "2002:e000:1::1", DROP_IP_SOURCE },
	{ "192.0.2.1", "2001:db8:1::1", DROP_IP_LAND },
	{ "192.0.2.100", "fe80::ff:fe00:1", DROP_IP_SOURCE_OWN },
	{ "10.0.0.1", "2001:db8:2::1", DROP_IP_SOURCE_OWN }, { NULL, "fe80::ff:fe00:101", DROP_IP_SOURCE_OWN },
	{ "10.0.0.77", "2001:db8:2::77", DROP_IP_SOURCE_SPOOFED }, { "10.0.0.254", "2001:db8:2:0:1::", DROP_IP_SOURCE_SPOOFED },
	/* Neighbours of those are nobody's business. */
	{ "10.0.1.1", "2001:db8:3::1", DROP_COUNT }, { "169.253.1.1", "2002:102:304::1", DROP_COUNT },
	{ "192.0.1.1", "100:0:0:1::1", DROP_COUNT }, { "223.255.255.254", "fe80::9", DROP_COUNT },
	{ "172.16.0.1", "fd00::1", DROP_COUNT }, { "100.64.0.1", "64:ff9b::808:808", DROP_COUNT },
	{ "192.0.2.254", "2001:db8:1::fe", DROP_COUNT }, { "1.0.0.0", "2001::1", DROP_COUNT },
	{ "8.8.8.255", "2400::", DROP_COUNT },
};

static void source_is(struct box *b, const struct frame *f, enum drop why)
{
	if (why != DROP_COUNT) {
		dropped(b, f, why);
		return;
	}
	tcp_fake.inputs = 0;
	box_give(b, 0, f);
	assert_int_equal(tcp_fake.inputs, 1);
}

static void impossible_sources(void **state)
{
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
			const struct source *w = &sources[i];

			if (w->v4) {
				segment(&f, w->v4, "192.0.2.1", 0);
				source_is(&b, &f, w->why);
			}
			if (w->v4 && w->why != DROP_COUNT) {
				begin(&f, w->v4, "192.0.2.1", IPPROTO_ICMP);
				frame_icmp(&f, 8, 0, 1);
				frame_end(&f);
				dropped(&b, &f, w->why);
			}
			segment(&f, w->v6, "2001:db8:1::1", 0);
			source_is(&b, &f, w->why);
		}
		/* IPv4-mapped ones: they would pass for the IPv4 address itself. */
		segment(&f, "2001:db8:1::9", "2001:db8:1::1", 0);
		memcpy(f.bytes + f.ip + 8, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\x9", 16);
		frame_end(&f);
		dropped(&b, &f, DROP_IP_SOURCE);
		segment(&f, "2001:db8:1::9", "2001:db8:1::1", 0);
		memcpy(f.bytes + f.ip + 24, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
		frame_end(&f);
		dropped(&b, &f, DROP_IP_NOT_OURS);
	}
}

/* The servers' own network isn't foreign on its own port, and the clients' is there. */
static void sources_on_the_other_port(void **state)
{
	static const struct source inside[] = {
		{ "10.0.0.77", NULL, DROP_COUNT }, { "192.0.2.9", NULL, DROP_IP_SOURCE_SPOOFED },
		{ "8.8.8.8", NULL, DROP_COUNT }, { "10.0.0.255", NULL, DROP_IP_SOURCE },
	};
	struct box b;

	box_init(&b, NULL);
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		const uint8_t mac[6] = { 2, 0, 0, 0, 1, 1 };
		uint64_t before = inside[i].why == DROP_COUNT ? 0 : box_drops(&b, inside[i].why);
		struct frame f = { .n = 0 };

		frame_eth(&f, mac, 9, 0x0800);
		frame_ip(&f, inside[i].v4, "10.0.0.1", IPPROTO_TCP);
		frame_tcp(&f, 1111, 993, 42);
		frame_end(&f);
		tcp_fake.inputs = 0;
		box_give(&b, 1, &f);
		assert_int_equal(tcp_fake.inputs, inside[i].why == DROP_COUNT);
		if (inside[i].why != DROP_COUNT)
			assert_int_equal(box_drops(&b, inside[i].why), before + 1);
	}
	box_fini(&b);
}

/* RFC 791 3.1, RFC 5095, RFC 6274 3.13: source routes and their like, each by its number. */
static void source_routes(void **state)
{
	static const uint8_t v4[] = { 131, 137, 7, 68, 136, 130, 148, 0, 1 };	/* LSRR, SSRR, record, time, stream, security, alert */
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		for (size_t i = 0; i < sizeof(v4); i++) {
			uint8_t option[8] = { v4[i], 7, 4, 192, 0, 2, 9, 0 };

			begin(&f, "192.0.2.9", "192.0.2.1", IPPROTO_TCP);
			frame_raw(&f, option, sizeof(option));
			frame_tcp(&f, 1, 2, 3);
			frame_end(&f);
			f.bytes[f.ip] = 0x47;
			dropped(&b, &f, DROP_IP_OPTIONS);
		}
		/* Routing headers of type 0 (RFC 5095), 2, 3 and 4. */
		for (uint8_t type = 0; type < 5; type++) {
			uint8_t header[24] = { IPPROTO_TCP, 2, type, 1, [8] = 0x20, 0x01, 0x0d, 0xb8, [23] = 9 };

			begin(&f, "2001:db8:1::9", "2001:db8:1::1", IPPROTO_ROUTING);
			frame_raw(&f, header, sizeof(header));
			frame_tcp(&f, 1, 2, 3);
			frame_end(&f);
			dropped(&b, &f, DROP_IP_OPTIONS);
		}
	}
}

static void only_own_addresses(void **state)
{
	static const char *const v4[] = { "192.0.2.2", "192.0.2.255", "10.0.0.1", "255.255.255.255", "224.0.0.1",
					  "0.0.0.0", "127.0.0.1" };
	static const char *const v6[] = { "2001:db8:1::2", "2001:db8:2::1", "ff02::1", "ff02::1:ff00:1", "ff02::2",
					  "::", "::1", "fe80::ff:fe00:101" };
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		for (size_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
			segment(&f, "192.0.2.9", v4[i], 0);
			dropped(&b, &f, DROP_IP_NOT_OURS);
		}
		for (size_t i = 0; i < sizeof(v6) / sizeof(v6[0]); i++) {
			segment(&f, "2001:db8:1::9", v6[i], 0);
			dropped(&b, &f, DROP_IP_NOT_OURS);
		}
	}
}

static void protocols(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	for (unsigned int proto = 0; proto < 256; proto++) {
		if (proto != IPPROTO_TCP && proto != IPPROTO_ICMP) {
			begin(&f, "192.0.2.9", "192.0.2.1", (uint8_t)proto);
			frame_tcp(&f, 1, 2, 3);
			frame_end(&f);
			dropped(&b, &f, DROP_IP_PROTOCOL);
		}
		if (proto != IPPROTO_TCP && proto != IPPROTO_ICMPV6 && proto != IPPROTO_FRAGMENT) {
			bool extension = proto == 0 || proto == 43 || proto == 50 || proto == 51 || proto == 60 ||
					 proto == 135 || proto == 139 || proto == 140;

			begin(&f, "2001:db8:1::9", "2001:db8:1::1", (uint8_t)proto);
			frame_tcp(&f, 1, 2, 3);
			frame_end(&f);
			dropped(&b, &f, extension ? DROP_IP_OPTIONS : DROP_IP_PROTOCOL);
		}
	}
	box_fini(&b);
}

static void v6_headers(void **state)
{
	struct frame f;
	struct box b;

	FOR_SPLITS(&b) {
		for (unsigned int v = 0; v < 16; v++) {
			if (v == 6)
				continue;
			segment(&f, "2001:db8:1::9", "2001:db8:1::1", 5);
			f.bytes[f.ip] = (uint8_t)(v << 4);
			dropped(&b, &f, DROP_IP_HEADER);
		}
		for (size_t n = 0; n < 40; n++) {
			segment(&f, "2001:db8:1::9", "2001:db8:1::1", 5);
			f.n = f.ip + n;
			dropped(&b, &f, DROP_IP_SHORT);
		}
		segment(&f, "2001:db8:1::9", "2001:db8:1::1", 5);
		f.n--;
		dropped(&b, &f, DROP_IP_SHORT);
	}
}

/* What a receiver would check, and what devices and offload.c rely on. */
static void check_sent(struct box *b, bool v4, size_t data)
{
	struct rte_mbuf *m = b->sent[b->n_sent - 1];
	struct frame f = { .n = 0 };
	struct frame again;

	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, v4 ? 20 : 40);
	assert_int_equal(m->l4_len, 20);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK,
			 v4 ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM
			    : RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM);
	m = offload_finish(m, NETIF_TX_SCATTER, b->mbufs);
	assert_non_null(m);
	b->sent[b->n_sent - 1] = m;
	frame_raw(&f, rte_pktmbuf_mtod(m, const void *), m->pkt_len);
	assert_int_equal(f.n, 14u + (v4 ? 20 : 40) + 20 + data);
	f.ip = 14;
	f.l4 = v4 ? 34 : 54;
	again = f;
	frame_end(&again);
	assert_memory_equal(f.bytes, again.bytes, f.n);
}

static void sent_headers(void **state)
{
	static const char *const dsts[] = { "192.0.2.7", "2001:db8:1::7" };
	struct rte_ether_addr mac = { { 2, 0, 0, 0, 0xff, 7 } };
	struct box b;

	box_init(&b, NULL);
	for (unsigned int i = 0; i < 2; i++) {
		bool v4 = i == 0;
		struct ip_path p;
		struct addr dst;

		assert_int_equal(addr_parse(dsts[i], &dst), 0);
		assert_int_equal(ip_path_init(b.stack, &p, NULL, &dst), 0);
		assert_int_equal(p.hop.mtu, 1500);
		for (size_t data = 0; data < 1400; data += 97) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(b.mbufs);
			struct frame f = { .n = 0 };
			const uint8_t *ip;

			frame_tcp(&f, 40000, 143, (uint32_t)data);
			for (size_t k = 0; k < data; k++)
				frame_raw(&f, &(uint8_t){ (uint8_t)(k * 7) }, 1);
			memcpy(rte_pktmbuf_append(m, (uint16_t)f.n), f.bytes, f.n);
			ip_output(b.stack, &p, m, IPPROTO_TCP, 20, 0xa1);
			neigh_heard(b.stack, ip_hop_netif(b.stack, &p.hop), ip_next_hop(b.stack, &p.hop, &dst), &mac, true);
			check_sent(&b, v4, data);
			ip = rte_pktmbuf_mtod_offset(b.sent[b.n_sent - 1], const uint8_t *, 14);
			if (v4) {
				assert_memory_equal(ip, "\x45\xa1", 2);
				assert_memory_equal(ip + 4, "\0\0\x40\0\x40\6", 6);
				assert_memory_equal(ip + 12, "\xc0\0\2\1\xc0\0\2\7", 8);
			} else {
				assert_memory_equal(ip, "\x6a\x10\0\0", 4);
				assert_memory_equal(ip + 6, "\6\x40", 2);
				assert_memory_equal(ip + 8, &p.src, 16);
				assert_memory_equal(ip + 24, &p.dst, 16);
			}
			box_clear(&b);
		}
	}
	assert_int_equal(box_all_drops(&b), 0);
	box_fini(&b);
}

static int path(struct box *b, const char *src, const char *dst, const char *expected_src)
{
	struct addr s, d;
	struct ip_path p;
	int rc;

	assert_int_equal(addr_parse(dst, &d), 0);
	if (src)
		assert_int_equal(addr_parse(src, &s), 0);
	rc = ip_path_init(b->stack, &p, src ? &s : NULL, &d);
	if (rc == 0) {
		assert_int_equal(addr_parse(expected_src, &s), 0);
		assert_true(addr_equal(&p.src, &s));
	}
	return rc;
}

static void paths(void **state)
{
	static const char *const unreachable[] = { "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255",
						   "192.0.2.1", "192.0.2.100", "10.0.0.1", "::", "::1", "ff02::1",
						   "2001:db8:1::1", "2001:db8:2::1", "fe80::ff:fe00:1" };
	struct box b;

	box_init(&b, NULL);
	assert_int_equal(path(&b, NULL, "192.0.2.7", "192.0.2.1"), 0);
	assert_int_equal(path(&b, NULL, "8.8.8.8", "192.0.2.1"), 0);
	assert_int_equal(path(&b, NULL, "10.0.0.25", "10.0.0.1"), 0);
	assert_int_equal(path(&b, "192.0.2.100", "8.8.8.8", "192.0.2.100"), 0);
	assert_int_equal(path(&b, NULL, "2001:db8:2::7", "2001:db8:2::1"), 0);
	assert_int_equal(path(&b, NULL, "2400::1", "2001:db8:1::1"), 0);
	assert_int_equal(path(&b, "fe80::ff:fe00:101", "fe80::9", "fe80::ff:fe00:101"), 0);
	for (size_t i = 0; i < sizeof(unreachable) / sizeof(unreachable[0]); i++)
		assert_int_equal(path(&b, NULL, unreachable[i], NULL), -ENETUNREACH);
	/* On which of two links? */
	assert_int_equal(path(&b, NULL, "fe80::9", NULL), -ENETUNREACH);
	assert_int_equal(box_drops(&b, DROP_NO_ROUTE), sizeof(unreachable) / sizeof(unreachable[0]) + 1);
	box_fini(&b);
}

static void garbage(void **state)
{
	struct frame f;
	struct box b;

	srand(9);
	FOR_SPLITS(&b) {
		for (unsigned int n = 0; n < 20000; n++) {
			if (n % 2)
				segment(&f, "192.0.2.9", "192.0.2.1", (size_t)rand() % 50);
			else
				segment(&f, "2001:db8:1::9", "2001:db8:1::1", (size_t)rand() % 50);
			for (int k = rand() % 6; k > 0; k--)
				f.bytes[12 + (size_t)rand() % (f.n - 12)] = (uint8_t)rand();
			if (rand() % 4 == 0)
				f.n = (size_t)rand() % (f.n + 1);
			f.rx_flags = rand() % 2 ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : 0;
			box_give(&b, 0, &f);
			box_clear(&b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_packets_reach_tcp),
		cmocka_unit_test(traffic_class_and_ttl),
		cmocka_unit_test(v4_headers),
		cmocka_unit_test(the_devices_word_on_checksums),
		cmocka_unit_test(fragments),
		cmocka_unit_test(impossible_sources),
		cmocka_unit_test(sources_on_the_other_port), cmocka_unit_test(source_routes),
		cmocka_unit_test(only_own_addresses),
		cmocka_unit_test(protocols),
		cmocka_unit_test(v6_headers),
		cmocka_unit_test(sent_headers),
		cmocka_unit_test(paths),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
