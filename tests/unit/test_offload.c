/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checksums and flattening of chained packets, against sums made byte by byte (frame.c). */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "box.h"
#include "eal.h"
#include "offload.h"
#include "pkt.h"

static struct box box;	/* only its mempool is used */

/* A frame of TCP with this many random bytes; checksums right. */
static void random_frame(struct frame *f, bool v4, bool vlan, size_t bytes)
{
	if (vlan)
		frame_vlan(f, NULL, 9, 5, v4 ? 0x0800 : 0x86dd);
	else
		frame_eth(f, NULL, 9, v4 ? 0x0800 : 0x86dd);
	frame_ip(f, v4 ? "192.0.2.9" : "2001:db8::9", v4 ? "192.0.2.1" : "2001:db8::1", IPPROTO_TCP);
	frame_tcp(f, 1, 2, (uint32_t)rand());
	for (size_t i = 0; i < bytes; i++) {
		uint8_t v = (uint8_t)rand();

		frame_raw(f, &v, 1);
	}
	frame_end(f);
}

/* The same frame as the stack would hand it over: header fields as devices want them, in a chain. */
static struct rte_mbuf *unfinished(const struct frame *f, bool v4)
{
	struct rte_mbuf *m, *tail;
	struct rte_tcp_hdr *tcp;
	size_t headers = f->l4 + 20, at = headers;
	char *p;

	m = rte_pktmbuf_alloc(box.mbufs);
	assert_non_null(m);
	p = rte_pktmbuf_append(m, (uint16_t)headers);
	memcpy(p, f->bytes, headers);
	while (at < f->n) {
		size_t take = 1 + (size_t)rand() % 700;

		take = take < f->n - at ? take : f->n - at;
		tail = rte_pktmbuf_alloc(box.mbufs);
		assert_non_null(tail);
		memcpy(rte_pktmbuf_append(tail, (uint16_t)take), f->bytes + at, take);
		assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
		at += take;
	}
	m->l2_len = f->ip & 0x7f;
	m->l3_len = (f->l4 - f->ip) & 0x1ff;
	m->l4_len = 20;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	tcp = (struct rte_tcp_hdr *)(p + f->l4);
	if (v4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(p + f->ip);

		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		ip->hdr_checksum = 0;
		tcp->cksum = rte_ipv4_phdr_cksum(ip, m->ol_flags);
	} else {
		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
		tcp->cksum = rte_ipv6_phdr_cksum((struct rte_ipv6_hdr *)(p + f->ip), m->ol_flags);
	}
	return m;
}

static void finished_in_software_as_byte_by_byte(void **state)
{
	srand(2);
	for (unsigned int n = 0; n < 3000; n++) {
		bool v4 = n % 2, vlan = n % 3 == 0, scatter = n % 5 == 0;
		struct frame f;
		struct rte_mbuf *m;
		uint8_t copy[4096];

		random_frame(&f, v4, vlan, (size_t)rand() % 1461);
		m = offload_finish(unfinished(&f, v4), scatter ? NETIF_TX_SCATTER : 0, box.mbufs);
		assert_non_null(m);
		if (!scatter)
			assert_int_equal(m->nb_segs, 1);
		assert_int_equal(m->pkt_len, f.n);
		assert_memory_equal(rte_pktmbuf_read(m, 0, m->pkt_len, copy), f.bytes, f.n);
		assert_int_equal(m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK), 0);
		rte_pktmbuf_free(m);
	}
}

static void what_the_device_does_is_left_to_it(void **state)
{
	const uint32_t all = NETIF_TX_IP_CHECKSUM | NETIF_TX_TCP_CHECKSUM | NETIF_TX_SCATTER | NETIF_TX_TSO;
	struct rte_mbuf *m, *same;
	struct frame f;

	for (unsigned int v4 = 0; v4 < 2; v4++) {
		uint64_t flags, lengths;

		random_frame(&f, v4, false, 3000);
		m = unfinished(&f, v4);
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		flags = m->ol_flags;
		lengths = m->tx_offload;
		same = offload_finish(m, all, box.mbufs);
		assert_ptr_equal(same, m);
		assert_int_equal(m->ol_flags, flags);
		assert_int_equal(m->tx_offload, lengths);
		rte_pktmbuf_free(m);

		/* Flattened for a device that sums itself: the requests move over. */
		random_frame(&f, v4, false, 1000);
		m = unfinished(&f, v4);
		flags = m->ol_flags;
		lengths = m->tx_offload;
		m = offload_finish(m, NETIF_TX_IP_CHECKSUM | NETIF_TX_TCP_CHECKSUM, box.mbufs);
		assert_int_equal(m->nb_segs, 1);
		assert_int_equal(m->ol_flags, flags);
		assert_int_equal(m->tx_offload, lengths);
		rte_pktmbuf_free(m);
	}
}

static void no_room_no_leak(void **state)
{
	struct rte_mbuf *all[512], *m;
	unsigned int n = 0;
	struct frame f;

	/* Too large for one buffer. */
	random_frame(&f, true, false, 3000);
	assert_null(offload_finish(unfinished(&f, true), 0, box.mbufs));
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
	/* No buffer left. */
	random_frame(&f, true, false, 500);
	m = unfinished(&f, true);
	while ((all[n] = rte_pktmbuf_alloc(box.mbufs)) != NULL)
		n++;
	assert_null(offload_finish(m, 0, box.mbufs));
	rte_pktmbuf_free_bulk(all, n);
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
}

/* The received segment from its TCP header on; *ip: where its IP header lies. */
static struct rte_mbuf *received(const struct frame *f, const void **ip)
{
	struct rte_mbuf *m;

	box.split = 100 + (unsigned int)rand() % 300;
	m = box_mbuf(&box, f);
	*ip = rte_pktmbuf_mtod_offset(m, const void *, f->ip);
	rte_pktmbuf_adj(m, (uint16_t)f->l4);
	return m;
}

static void received_checksums(void **state)
{
	srand(4);
	for (unsigned int n = 0; n < 3000; n++) {
		bool v4 = n % 2;
		struct rte_mbuf *m;
		const void *ip;
		struct frame f;
		size_t at;

		random_frame(&f, v4, n % 3 == 0, (size_t)rand() % 1461);
		m = received(&f, &ip);
		assert_true(offload_tcp_checksum_good(m, 0, ip));
		rte_pktmbuf_free(m);

		/* One bit anywhere in the segment or in the addresses. */
		at = rand() % 4 ? f.l4 + (size_t)rand() % (f.n - f.l4) : f.ip + (v4 ? 12 : 8) + (size_t)rand() % (v4 ? 8 : 32);
		f.bytes[at] = (uint8_t)(f.bytes[at] ^ 1 << rand() % 8);
		m = received(&f, &ip);
		assert_false(offload_tcp_checksum_good(m, 0, ip));
		/* Unless the device says that it is good. */
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		assert_true(offload_tcp_checksum_good(m, 0, ip));
		m->ol_flags = (m->ol_flags & ~RTE_MBUF_F_RX_L4_CKSUM_MASK) | RTE_MBUF_F_RX_L4_CKSUM_NONE;
		assert_true(offload_tcp_checksum_good(m, 0, ip));
		rte_pktmbuf_free(m);
	}
}

static void the_device_says_bad(void **state)
{
	struct rte_mbuf *m;
	const void *ip;
	struct frame f;

	random_frame(&f, true, false, 10);
	m = received(&f, &ip);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	assert_false(offload_tcp_checksum_good(m, 0, ip));
	rte_pktmbuf_free(m);
}

static void pull_and_trim_as_a_flat_buffer(void **state)
{
	srand(6);
	for (unsigned int n = 0; n < 5000; n++) {
		uint32_t pull = (uint32_t)rand() % 120, trim;
		uint8_t copy[4096];
		struct rte_mbuf *m;
		struct frame f;

		random_frame(&f, n % 2, false, (size_t)rand() % 200);
		box.split = (unsigned int)rand() % 60;
		m = box_mbuf(&box, &f);
		assert_int_equal(pkt_pull(m, pull), pull <= f.n);
		if (pull <= f.n)
			assert_true(m->data_len >= pull);
		trim = (uint32_t)rand() % (uint32_t)(f.n + 1);
		pkt_trim(m, trim);
		assert_int_equal(m->pkt_len, trim);
		assert_int_equal(rte_mbuf_check(m, 1, &(const char *){ NULL }), 0);
		if (trim > 0)
			assert_memory_equal(rte_pktmbuf_read(m, 0, trim, copy), f.bytes, trim);
		rte_pktmbuf_free(m);
	}
}

static int start(void **state)
{
	box.mbufs = test_mbuf_pool("offload", 511);
	return 0;
}

static int finish(void **state)
{
	return rte_mempool_in_use_count(box.mbufs) == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finished_in_software_as_byte_by_byte),
		cmocka_unit_test(what_the_device_does_is_left_to_it),
		cmocka_unit_test(no_room_no_leak),
		cmocka_unit_test(received_checksums),
		cmocka_unit_test(the_device_says_bad),
		cmocka_unit_test(pull_and_trim_as_a_flat_buffer),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
