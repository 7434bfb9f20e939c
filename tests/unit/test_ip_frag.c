/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fragments put together, and those that aren't (RFC 791 3.2, 815, 1858, 3128, 5722, 6946, 8200 4.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <rte_mbuf.h>

#include "box.h"
#include "ip_frag.h"
#include "stack_private.h"
#include "steer.h"
#include "tcp_fake.h"

#define IP4 20u
#define IP6 40u
#define ETH 14u

static struct box box;
static const struct box_options reassemble = { .reassemble = true };

/* A packet to be cut: its payload begins at `l4`. */
static struct frame whole(bool v4, size_t data)
{
	struct frame f;

	frame_eth(&f, NULL, 9, v4 ? 0x0800 : 0x86dd);
	frame_ip(&f, v4 ? "192.0.2.9" : "2001:db8:1::9", v4 ? "192.0.2.1" : "2001:db8:1::1", IPPROTO_TCP);
	frame_tcp(&f, 1111, 993, 42);
	for (size_t i = 0; i < data; i++)
		frame_raw(&f, &(uint8_t){ (uint8_t)(i * 7) }, 1);
	frame_end(&f);
	return f;
}

static void header_sum(uint8_t *ip)
{
	uint32_t sum = 0;

	ip[10] = ip[11] = 0;
	for (unsigned int i = 0; i < IP4; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

/* The @bytes of @w's payload at @offset; beyond its end there is something else. */
static struct frame piece(const struct frame *w, uint32_t offset, uint32_t bytes, bool more, uint16_t id)
{
	bool v4 = w->bytes[w->ip] >> 4 == 4;
	struct frame f = { .ip = w->ip, .rx_flags = w->rx_flags, .vlan_tci = w->vlan_tci };
	uint8_t *ip = f.bytes + w->ip;

	frame_raw(&f, w->bytes, w->l4);
	if (v4) {
		ip[2] = (uint8_t)((IP4 + bytes) >> 8);
		ip[3] = (uint8_t)(IP4 + bytes);
		ip[4] = (uint8_t)(id >> 8);
		ip[5] = (uint8_t)id;
		ip[6] = (uint8_t)((more ? 0x20u : 0) | offset >> 11);
		ip[7] = (uint8_t)(offset >> 3);
		header_sum(ip);
	} else {
		uint8_t ext[8] = { ip[6], 0, (uint8_t)(offset >> 8), (uint8_t)((offset & 0xf8) | more), 0, 0,
				   (uint8_t)(id >> 8), (uint8_t)id };

		ip[6] = IPPROTO_FRAGMENT;
		ip[4] = (uint8_t)((8 + bytes) >> 8);
		ip[5] = (uint8_t)(8 + bytes);
		frame_raw(&f, ext, sizeof(ext));
	}
	f.l4 = f.n;
	for (uint32_t i = 0; i < bytes; i++) {
		size_t at = w->l4 + offset + i;

		frame_raw(&f, at < w->n ? &w->bytes[at] : (const uint8_t *)"x", 1);
	}
	return f;
}

static void give(const struct frame *f)
{
	box_give(&box, 0, f);
}

static void give_piece(const struct frame *w, uint32_t offset, uint32_t bytes, bool more, uint16_t id)
{
	struct frame f = piece(w, offset, bytes, more, id);

	give(&f);
}

/* The fragment is dropped for this reason, alone. */
static void refused(const struct frame *f, enum drop why)
{
	uint64_t before = box_drops(&box, why), all = box_all_drops(&box);

	give(f);
	assert_int_equal(box_drops(&box, why), before + 1);
	assert_int_equal(box_all_drops(&box), all + 1);
}

static void arrived(const struct frame *w)
{
	assert_int_equal(tcp_fake.inputs, 1);
	assert_int_equal(tcp_fake.pkt_len, w->n - w->l4);
	assert_int_equal(tcp_fake.info.payload_bytes, w->n - w->l4);
	assert_memory_equal(tcp_fake.all, w->bytes + w->l4, w->n - w->l4);
	assert_true(tcp_fake.data_len >= 20);
	assert_int_equal(tcp_fake.l3_len, w->bytes[w->ip] >> 4 == 4 ? IP4 : IP6);
	tcp_fake.inputs = 0;
}

/* RFC 815: whatever the order in which they come, and however small they are cut. */
static void any_order(void **st)
{
	static const uint8_t orders[][8] = { { 0, 1, 2, 3, 4, 5, 6, 7 }, { 7, 6, 5, 4, 3, 2, 1, 0 }, { 3, 0, 7, 1, 6, 2, 5, 4 } };
	static const unsigned int splits[] = { 0, 1, 33, 100 };
	uint16_t id = 0;
	uint32_t bytes;

	/* The pool is small for packets of a buffer per byte. */
	for (unsigned int how = 0; how < 4 * 2; how++) {
		box_init(&box, &reassemble);
		box.split = splits[how / 2];
		bytes = box.split == 1 ? 200 : 1720;
		for (unsigned int o = 0; o < 3; o++) {
			for (uint32_t n = 2; n <= 8; n++) {
				struct frame w = whole(how % 2, bytes - 20);
				uint32_t each = (bytes / n + 7) / 8 * 8;

				id++;
				for (unsigned int i = 0; i < 8; i++) {
					uint32_t at = orders[o][i] * each;

					if (orders[o][i] >= n || at >= bytes)
						continue;
					assert_int_equal(tcp_fake.inputs, 0);
					give_piece(&w, at, RTE_MIN(each, bytes - at), at + each < bytes, id);
				}
				arrived(&w);
			}
		}
		assert_int_equal(box_all_drops(&box), 0);
		assert_int_equal(box_events(&box, EVENT_IP_REASSEMBLED), 21);
		box_fini(&box);
	}
}

/* Several at a time are kept apart by addresses and identification (RFC 791 2.3). */
static void interleaved(void **st)
{
	struct frame a, b;

	box_init(&box, &reassemble);
	a = whole(true, 400);
	b = whole(false, 500);
	give_piece(&a, 0, 208, true, 1);
	give_piece(&b, 0, 208, true, 1);
	give_piece(&a, 0, 104, true, 2);
	give_piece(&a, 208, 212, false, 1);
	arrived(&a);
	give_piece(&b, 208, 312, false, 1);
	arrived(&b);
	give_piece(&a, 104, 316, false, 2);
	arrived(&a);
	assert_int_equal(box_all_drops(&box), 0);
	box_fini(&box);
}

/* Padding after the fragment isn't part of it; a tagged port does the same. */
static void padded_and_tagged(void **st)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 1, 1 };
	struct frame w, f;

	box_init(&box, &(struct box_options){ .reassemble = true, .vlan = 7 });
	w = whole(true, 52);
	f = piece(&w, 0, 40, true, 1);
	frame_raw(&f, "padding", 7);
	give(&f);
	f = piece(&w, 40, 32, false, 1);
	frame_raw(&f, "padding", 7);
	give(&f);
	arrived(&w);
	frame_vlan(&w, mac, 9, 7, 0x0800);
	frame_ip(&w, "10.0.0.9", "10.0.0.1", IPPROTO_TCP);
	frame_tcp(&w, 1, 2, 3);
	frame_raw(&w, "twelve bytes", 12);
	frame_end(&w);
	for (unsigned int i = 0; i < 2; i++) {
		f = piece(&w, i * 24, i ? 8 : 24, !i, 1);
		box_give(&box, 1, &f);
	}
	arrived(&w);
	assert_int_equal(box_all_drops(&box), 0);
	box_fini(&box);
}

/* The segment's checksum is looked at afresh: what a device said was of a fragment. */
static void checksums_are_looked_at(void **st)
{
	struct frame w;

	box_init(&box, &reassemble);
	w = whole(true, 100);
	w.rx_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	give_piece(&w, 0, 64, true, 1);
	give_piece(&w, 64, 56, false, 1);
	arrived(&w);
	assert_int_equal(tcp_fake.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, 0);
	box_fini(&box);
}

/* RFC 1858 3.2.2, RFC 3128: a first fragment without all of TCP's header, one that begins within it. */
static void tiny_fragments(void **st)
{
	for (unsigned int v4 = 0; v4 < 2; v4++) {
		struct frame w, f;

		box_init(&box, &reassemble);
		w = whole(v4, 400);
		f = piece(&w, 0, 8, true, 1);
		refused(&f, DROP_IP_FRAG_TINY);
		f = piece(&w, 0, 16, true, 1);
		refused(&f, DROP_IP_FRAG_TINY);
		f = piece(&w, 8, 24, true, 1);
		refused(&f, DROP_IP_FRAG_TINY);
		f = piece(&w, 16, 404, false, 1);
		refused(&f, DROP_IP_FRAG_TINY);
		/* Options are of the header, too. */
		w.bytes[w.l4 + 12] = 0xf0;
		f = piece(&w, 0, 56, true, 1);
		refused(&f, DROP_IP_FRAG_TINY);
		f = piece(&w, 0, 64, true, 1);
		give(&f);
		assert_int_equal(box_drops(&box, DROP_IP_FRAG_TINY), 5);
		box_fini(&box);
	}
}

/* RFC 791 3.1, RFC 8200 4.5: multiples of 8 but for the last; nothing beyond 65535 ("ping of death"); not empty. */
static void impossible_pieces(void **st)
{
	for (unsigned int v4 = 0; v4 < 2; v4++) {
		struct frame w, f;

		box_init(&box, &reassemble);
		w = whole(v4, 400);
		f = piece(&w, 64, 63, true, 1);
		refused(&f, DROP_IP_FRAG_INVALID);
		f = piece(&w, 65528, 24, false, 1);
		refused(&f, DROP_IP_FRAG_INVALID);
		f = piece(&w, 65528, 8, true, 1);
		refused(&f, DROP_IP_FRAG_INVALID);
		f = piece(&w, 64, 0, false, 1);
		refused(&f, DROP_IP_FRAG_INVALID);
		/* Not even the fragment header. */
		if (!v4) {
			f = piece(&w, 64, 0, false, 1);
			f.bytes[f.ip + 5] = 7;
			refused(&f, DROP_IP_SHORT);
		}
		box_fini(&box);
	}
}

/* RFC 5722: none of a datagram whose fragments overlap arrives, in whatever way they do; the next one does. */
static void overlaps(void **st)
{
	static const struct { uint32_t offset, bytes; bool more; } sets[][4] = {
		{ { 0, 64, true }, { 0, 64, true } },
		{ { 0, 64, true }, { 56, 32, true }, { 96, 24, false } },
		{ { 96, 24, false }, { 88, 32, false } },
		{ { 0, 64, true }, { 64, 32, true }, { 64, 32, true }, { 96, 24, false } },
		{ { 0, 96, true }, { 64, 8, true }, { 96, 24, false } },
	};

	for (unsigned int v4 = 0; v4 < 2; v4++) {
		for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
			struct frame w;

			box_init(&box, &reassemble);
			w = whole(v4, 100);
			for (unsigned int k = 0; k < 4 && sets[i][k].bytes; k++)
				give_piece(&w, sets[i][k].offset, sets[i][k].bytes, sets[i][k].more, 1);
			assert_int_equal(tcp_fake.inputs, 0);
			/* By the overlap itself, or as what never became whole. */
			box_run(&box, IP_FRAG_TIMEOUT_US + 10000);
			assert_true(box_drops(&box, DROP_IP_FRAG_OVERLAP) + box_drops(&box, DROP_IP_FRAG_TIMEOUT) >= 2);
			assert_true(i == 1 || box_drops(&box, DROP_IP_FRAG_OVERLAP) > 0);
			assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
			give_piece(&w, 0, 64, true, 2);
			give_piece(&w, 64, 56, false, 2);
			arrived(&w);
			box_fini(&box);
		}
	}
}

static void too_many(void **st)
{
	struct frame w;

	box_init(&box, &reassemble);
	w = whole(true, 300);
	for (uint32_t i = 0; i < 10; i++)
		give_piece(&w, i * 32, 32, i < 9, 1);
	assert_int_equal(tcp_fake.inputs, 0);
	assert_true(box_drops(&box, DROP_IP_FRAG_MANY) >= 8);
	box_run(&box, IP_FRAG_TIMEOUT_US + 10000);
	assert_int_equal(box_all_drops(&box), 10);
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
	box_fini(&box);
}

/* What never becomes whole goes after its time, by a timer, and gives its buffers back. */
static void timeout(void **st)
{
	struct frame w;

	box_init(&box, &reassemble);
	w = whole(true, 300);
	give_piece(&w, 0, 64, true, 1);
	box_run(&box, IP_FRAG_TIMEOUT_US / 2);
	give_piece(&w, 64, 64, true, 1);
	give_piece(&w, 0, 64, true, 2);
	assert_int_equal(box_all_drops(&box), 0);
	/* The first one's time counts. */
	box_run(&box, IP_FRAG_TIMEOUT_US / 2 + IP_FRAG_TIMEOUT_US / 4 + 10000);
	assert_int_equal(box_drops(&box, DROP_IP_FRAG_TIMEOUT), 2);
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 1);
	box_run(&box, IP_FRAG_TIMEOUT_US / 2);
	assert_int_equal(box_drops(&box, DROP_IP_FRAG_TIMEOUT), 3);
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
	/* And nothing of it is left to be completed; nor any timer. */
	give_piece(&w, 128, 192, false, 1);
	assert_int_equal(tcp_fake.inputs, 0);
	box_run(&box, 2 * IP_FRAG_TIMEOUT_US);
	assert_int_equal(stack_next_us(box.stack), UINT64_MAX);
	box_fini(&box);
}

/* The bound on what waits, and that it is free again afterwards. */
static void full(void **st)
{
	struct frame w;

	box_init(&box, &reassemble);
	w = whole(true, 300);
	for (uint16_t id = 0; id < IP_FRAG_DATAGRAMS; id++)
		give_piece(&w, 0, 64, true, id);
	assert_int_equal(box_drops(&box, DROP_IP_FRAG_FULL), 0);
	for (uint16_t id = IP_FRAG_DATAGRAMS; id < 3 * IP_FRAG_DATAGRAMS; id++)
		give_piece(&w, 0, 64, true, id);
	assert_int_equal(box_drops(&box, DROP_IP_FRAG_FULL), 2 * IP_FRAG_DATAGRAMS);
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), IP_FRAG_DATAGRAMS);
	/* Those that are there go on. */
	give_piece(&w, 64, 256, false, 5);
	arrived(&w);
	give_piece(&w, 0, 64, true, 1000);
	give_piece(&w, 64, 256, false, 1000);
	arrived(&w);
	box_run(&box, IP_FRAG_TIMEOUT_US + 10000);
	assert_int_equal(box_drops(&box, DROP_IP_FRAG_TIMEOUT), IP_FRAG_DATAGRAMS - 1);
	give_piece(&w, 0, 64, true, 1);
	give_piece(&w, 64, 256, false, 1);
	arrived(&w);
	box_fini(&box);
}

/* RFC 6946: by itself, also beside fragments with its identification. */
static void atomic_fragments(void **st)
{
	struct frame w;

	box_init(&box, &reassemble);
	w = whole(false, 100);
	give_piece(&w, 0, 64, true, 1);
	give_piece(&w, 0, 120, false, 1);
	arrived(&w);
	give_piece(&w, 64, 56, false, 1);
	arrived(&w);
	assert_int_equal(box_all_drops(&box), 0);
	box_fini(&box);
}

/* Nothing but TCP: neighbour discovery in fragments would pass for the real one (RFC 6980). */
static void other_protocols(void **st)
{
	static const uint8_t protocols[] = { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDP, IPPROTO_FRAGMENT, IPPROTO_ROUTING };
	struct frame w, f;

	box_init(&box, &reassemble);
	for (unsigned int i = 0; i < sizeof(protocols); i++) {
		w = whole(true, 100);
		w.bytes[w.ip + 9] = protocols[i];
		f = piece(&w, 0, 64, true, 1);
		refused(&f, DROP_IP_FRAGMENT);
		w = whole(false, 100);
		w.bytes[w.ip + 6] = protocols[i];
		f = piece(&w, 0, 64, true, 1);
		refused(&f, DROP_IP_FRAGMENT);
		f = piece(&w, 0, 120, false, 1);
		refused(&f, DROP_IP_FRAGMENT);
	}
	/* Nor to a group, nor from nowhere. */
	w = whole(false, 100);
	memcpy(w.bytes + w.ip + 24, "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	f = piece(&w, 0, 64, true, 1);
	refused(&f, DROP_IP_FRAGMENT);
	w = whole(true, 100);
	memcpy(w.bytes + w.ip + 12, "\x7f\0\0\1", 4);
	f = piece(&w, 0, 64, true, 1);
	refused(&f, DROP_IP_SOURCE);
	box_fini(&box);
}

/* All fragments of a datagram go to one worker; the whole to the one that its segment belongs to. */
static void between_workers(void **st)
{
	static struct steer steer;
	struct frame w, f;
	uint16_t owner, of_pieces = STEER_HERE;
	struct rte_mbuf *m;

	steer_init(&steer, 3, 40, 128);
	for (unsigned int v4 = 0; v4 < 2; v4++) {
		w = whole(v4, 100);
		box_init(&box, &reassemble);
		m = box_mbuf(&box, &w);
		owner = steer_frame(&steer, m);
		rte_pktmbuf_free(m);
		for (unsigned int i = 0; i < 3; i++) {
			f = piece(&w, i * 40, 40, i < 2, 1);
			m = box_mbuf(&box, &f);
			steer.fragments = false;
			assert_int_equal(steer_frame(&steer, m), STEER_HERE);
			steer.fragments = true;
			assert_true(i == 0 || steer_frame(&steer, m) == of_pieces);
			of_pieces = steer_frame(&steer, m);
			assert_true(of_pieces < 3);
			rte_pktmbuf_free(m);
		}
		for (uint16_t worker = 0; worker < 3; worker++) {
			box.netifs.netifs[0].steer = &steer;
			box.stack->config.worker = worker;
			box.stack->config.n_workers = 3;
			box.n_handed = 0;
			give_piece(&w, 64, 56, false, worker);
			give_piece(&w, 0, 64, true, worker);
			assert_int_equal(box.n_handed, worker != owner);
			if (worker == owner) {
				arrived(&w);
				continue;
			}
			assert_int_equal(box.handed_to, owner);
			assert_int_equal(box.handed_bytes, w.n);
			assert_int_equal(tcp_fake.inputs, 0);
		}
		box_fini(&box);
	}
}

/* Fragments aren't what the last buffers are for (mbuf_reserve.h). */
static void buffers_run_low(void **st)
{
	static struct rte_mbuf *taken[BOX_MBUFS];
	unsigned int n = BOX_MBUFS - BOX_MBUFS / 16;
	struct frame w, f;

	box_init(&box, &reassemble);
	w = whole(true, 100);
	f = piece(&w, 0, 64, true, 1);
	assert_int_equal(rte_pktmbuf_alloc_bulk(box.mbufs, taken, n), 0);
	refused(&f, DROP_NO_MBUF);
	rte_pktmbuf_free_bulk(taken, n);
	box_fini(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order), cmocka_unit_test(interleaved), cmocka_unit_test(padded_and_tagged),
		cmocka_unit_test(checksums_are_looked_at), cmocka_unit_test(tiny_fragments),
		cmocka_unit_test(impossible_pieces), cmocka_unit_test(overlaps), cmocka_unit_test(too_many),
		cmocka_unit_test(timeout), cmocka_unit_test(full), cmocka_unit_test(atomic_fragments),
		cmocka_unit_test(other_protocols), cmocka_unit_test(between_workers), cmocka_unit_test(buffers_run_low),
	};

	return cmocka_run_group_tests_name("ip_frag", tests, NULL, NULL);
}
