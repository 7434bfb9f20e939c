/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Long segments cut into frames, and frames joined to long segments: against frames written byte by byte (frame.c). */
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
#include "cut.h"
#include "eal.h"
#include "join.h"
#include "offload.h"

#define FRAMES 64u
#define SEGMENT 1000u
#define FIRST_SEQ 0xfffff000u	/* it wraps */

static struct box box;	/* only its mempool is used */

static uint8_t byte_at(uint32_t offset)
{
	return (uint8_t)(offset * 2654435761u >> 24);
}

enum { SYN = 2, FIN = 1, PSH = 8, ACK = 16 };

/* What may be different from one segment to the next. */
struct fields {
	bool v4;
	uint16_t sport, window;
	uint32_t ack, ts;
	uint8_t tos, ttl, flags, source;
};

static const struct fields plain = { .v4 = true, .sport = 1, .window = 1000, .ack = 5, .ts = 7, .ttl = 64, .flags = ACK, .source = 9 };

/* The frame with @bytes of the stream from @offset on. */
static void make_frame(struct frame *f, const struct fields *s, uint32_t offset, uint32_t bytes)
{
	uint8_t options[12] = { 1, 1, 8, 10, 0, 0, 0, (uint8_t)s->ts };
	uint8_t *tcp;

	frame_eth(f, NULL, s->source, s->v4 ? 0x0800 : 0x86dd);
	frame_ip(f, s->v4 ? "192.0.2.9" : "2001:db8::9", s->v4 ? "192.0.2.1" : "2001:db8::1", IPPROTO_TCP);
	if (s->v4) {
		f->bytes[f->ip + 1] = s->tos;
		f->bytes[f->ip + 6] = 0x40;
	} else {
		f->bytes[f->ip] = (uint8_t)(0x60 | s->tos >> 4);
		f->bytes[f->ip + 1] = (uint8_t)(s->tos << 4);
	}
	f->bytes[f->ip + (s->v4 ? 8 : 7)] = s->ttl;
	frame_tcp(f, s->sport, 2, FIRST_SEQ + offset);
	frame_raw(f, options, sizeof(options));
	tcp = f->bytes + f->l4;
	tcp[11] = (uint8_t)s->ack;
	tcp[12] = (20 + sizeof(options)) / 4 << 4;
	tcp[13] = s->flags;
	tcp[14] = (uint8_t)(s->window >> 8);
	tcp[15] = (uint8_t)s->window;
	for (uint32_t i = 0; i < bytes; i++)
		frame_raw(f, &(uint8_t){ byte_at(offset + i) }, 1);
	frame_end(f);
}

static struct rte_mbuf *frame_mbuf(const struct fields *s, uint32_t offset, uint32_t bytes)
{
	struct frame f;

	make_frame(&f, s, offset, bytes);
	return box_mbuf(&box, &f);
}

/* As TCP hands it over for TSO: @bytes in mbufs of random sizes. */
static struct rte_mbuf *long_segment(const struct fields *s, uint32_t bytes)
{
	struct rte_mbuf *m, *tail;
	struct rte_tcp_hdr *tcp;
	uint16_t headers;
	struct frame f;
	uint32_t at = 0;

	make_frame(&f, s, 0, 0);
	headers = (uint16_t)f.n;
	m = box_mbuf(&box, &f);
	m->l2_len = 14;
	m->l3_len = s->v4 ? 20 : 40;
	m->l4_len = 32;
	m->tso_segsz = SEGMENT;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG;
	tcp = rte_pktmbuf_mtod_offset(m, struct rte_tcp_hdr *, headers - 32);
	if (s->v4) {
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);

		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		ip->hdr_checksum = 0;
		ip->total_length = 0;
		tcp->cksum = rte_ipv4_phdr_cksum(ip, m->ol_flags);
	} else {
		struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, 14);

		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
		ip->payload_len = 0;
		tcp->cksum = rte_ipv6_phdr_cksum(ip, m->ol_flags);
	}
	while (at < bytes) {
		uint32_t take = RTE_MIN(1 + (uint32_t)rand() % 2000, bytes - at);
		uint8_t *p;

		tail = rte_pktmbuf_alloc(box.mbufs);
		assert_non_null(tail);
		p = (uint8_t *)rte_pktmbuf_append(tail, (uint16_t)take);
		for (uint32_t i = 0; i < take; i++)
			p[i] = byte_at(at + i);
		assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
		at += take;
	}
	return m;
}

static struct {
	struct rte_mbuf *m[FRAMES];
	unsigned int n;
} sent;

static void keep(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	assert_ptr_equal(arg, &sent);
	assert_in_range(sent.n, 0, FRAMES - 1);
	sent.m[sent.n++] = m;
}

static void free_sent(void)
{
	rte_pktmbuf_free_bulk(sent.m, sent.n);
	sent.n = 0;
}

/* The same bytes as the frame written by hand? */
static void assert_frame(const struct rte_mbuf *m, const struct fields *s, uint32_t offset, uint32_t bytes)
{
	struct frame f;

	make_frame(&f, s, offset, bytes);
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->pkt_len, f.n);
	assert_memory_equal(rte_pktmbuf_mtod(m, const uint8_t *), f.bytes, f.n);
	assert_int_equal(m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG), 0);
}

static void cut_as_by_hand(void **state)
{
	struct counters counters = { 0 };
	struct netif nif = { .offloads = NETIF_TX_SCATTER };

	srand(1);
	for (unsigned int round = 0; round < 200; round++) {
		struct fields s = plain, middle;
		uint32_t bytes = SEGMENT + 1 + (uint32_t)rand() % 40000, at = 0;

		s.v4 = round % 2;
		s.flags = ACK | (round % 3 ? PSH : 0) | (round % 5 ? 0 : FIN);
		middle = s;
		middle.flags = ACK;
		offload_send(long_segment(&s, bytes), &nif, box.mbufs, &counters, keep, &sent);
		assert_int_equal(sent.n, (bytes + SEGMENT - 1) / SEGMENT);
		for (unsigned int i = 0; i < sent.n; i++, at += SEGMENT)
			assert_frame(sent.m[i], i + 1 < sent.n ? &middle : &s, at, RTE_MIN(SEGMENT, bytes - at));
		free_sent();
	}
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
}

static void a_device_with_tso_gets_it_whole(void **state)
{
	struct counters counters = { 0 };
	struct netif nif = { .offloads = NETIF_TX_SCATTER | NETIF_TX_TSO | NETIF_TX_IP_CHECKSUM | NETIF_TX_TCP_CHECKSUM };
	struct rte_mbuf *m = long_segment(&plain, 5000);

	offload_send(m, &nif, box.mbufs, &counters, keep, &sent);
	assert_int_equal(sent.n, 1);
	assert_ptr_equal(sent.m[0], m);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	free_sent();
}

/* What the pool has is sent, the rest is lost and counted. */
static void cut_without_buffers(void **state)
{
	struct counters counters = { 0 };
	struct netif nif = { .offloads = 0 };
	struct rte_mbuf *m = long_segment(&plain, 8 * SEGMENT), *all[512];
	unsigned int n = 0;

	while ((all[n] = rte_pktmbuf_alloc(box.mbufs)) != NULL)
		n++;
	rte_pktmbuf_free_bulk(all, 3);
	offload_send(m, &nif, box.mbufs, &counters, keep, &sent);
	assert_int_equal(sent.n, 3);
	assert_int_equal(counters.drops[DROP_NO_MBUF], 1);
	for (unsigned int i = 0; i < 3; i++)
		assert_frame(sent.m[i], &plain, i * SEGMENT, SEGMENT);
	free_sent();
	rte_pktmbuf_free_bulk(all + 3, n - 3);
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
}

/* One packet whose headers are the first frame's but for the length, and whose data is the stream's. */
static void assert_joined(struct rte_mbuf *m, const struct fields *s, uint32_t offset, uint32_t bytes, uint32_t segment)
{
	uint32_t headers = 14 + (s->v4 ? 20 : 40) + 32;
	const struct rte_tcp_hdr *tcp;
	uint8_t data[JOIN_BYTES_MAX];
	const uint8_t *ip, *p;
	const char *why;

	assert_int_equal(rte_mbuf_check(m, 1, &why), 0);
	assert_int_equal(m->pkt_len, headers + bytes);
	assert_true(m->ol_flags & RTE_MBUF_F_RX_LRO);
	assert_int_equal(m->tso_segsz, segment);
	assert_int_equal(join_segment_bytes(m, bytes), segment);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);
	assert_int_equal(ip[s->v4 ? 2 : 4] << 8 | ip[s->v4 ? 3 : 5], m->pkt_len - 14 - (s->v4 ? 0 : 40));
	tcp = rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, headers - 32);
	assert_int_equal(rte_be_to_cpu_32(tcp->sent_seq), FIRST_SEQ + offset);
	assert_int_equal(tcp->tcp_flags, s->flags);
	p = rte_pktmbuf_read(m, headers, bytes, data);
	for (uint32_t i = 0; i < bytes; i++)
		assert_int_equal(p[i], byte_at(offset + i));
}

static void joined_is_what_was_cut(void **state)
{
	struct counters counters = { 0 };
	struct netif nif = { .offloads = 0 };

	srand(3);
	for (unsigned int round = 0; round < 100; round++) {
		struct fields s = plain;
		/* The last one no shorter than what is joined. */
		uint32_t bytes = SEGMENT * (2 + (uint32_t)rand() % 50) + (round % 4 ? 600 : 0);

		s.v4 = round % 2;
		s.flags = ACK | (round % 3 ? PSH : 0);
		offload_send(long_segment(&s, bytes), &nif, box.mbufs, &counters, keep, &sent);
		sent.n = join_burst(sent.m, sent.n);
		assert_int_equal(sent.n, 1);
		assert_joined(sent.m[0], &s, 0, bytes, SEGMENT);
		free_sent();
	}
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
}

/* Three segments, the second one with other fields: is any of them joined to another? */
static void assert_apart(const struct fields *second, uint32_t gap, unsigned int packets)
{
	struct rte_mbuf *m[3] = {
		frame_mbuf(&plain, 0, SEGMENT), frame_mbuf(second, SEGMENT + gap, SEGMENT),
		frame_mbuf(&plain, 2 * SEGMENT, SEGMENT),
	};

	assert_int_equal(join_burst(m, 3), packets);
	rte_pktmbuf_free_bulk(m, packets);
}

static void what_differs_stays_apart(void **state)
{
	struct fields s;

#define OTHER(field, value) \
	do { \
		s = plain; \
		s.field = (value); \
		assert_apart(&s, 0, 3); \
	} while (0)

	assert_apart(&plain, 0, 1);
	assert_apart(&plain, 1, 3);
	assert_apart(&plain, (uint32_t)-1, 3);
	OTHER(v4, false);
	OTHER(sport, 3);
	OTHER(window, 1001);
	OTHER(ack, 6);
	OTHER(ts, 8);
	OTHER(tos, 3);		/* congestion experienced, RFC 3168 */
	OTHER(ttl, 63);
	OTHER(source, 10);
	OTHER(flags, ACK | FIN);
	OTHER(flags, ACK | 0x40);	/* ECE */
	OTHER(flags, ACK | 0x20);	/* URG */
	OTHER(flags, SYN);
	/* A push is for what came before it, not for what comes after. */
	s = plain;
	s.flags = ACK | PSH;
	assert_apart(&s, 0, 2);
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
}

static void a_short_one_ends_it(void **state)
{
	struct rte_mbuf *m[4] = {
		frame_mbuf(&plain, 0, SEGMENT), frame_mbuf(&plain, SEGMENT, SEGMENT - 1),
		frame_mbuf(&plain, 2 * SEGMENT - 1, SEGMENT), frame_mbuf(&plain, 3 * SEGMENT - 1, SEGMENT + 1),
	};

	assert_int_equal(join_burst(m, 4), 3);
	assert_joined(m[0], &plain, 0, 2 * SEGMENT - 1, SEGMENT);
	rte_pktmbuf_free_bulk(m, 3);

	/* Tiny ones would hold a buffer each. */
	m[0] = frame_mbuf(&plain, 0, SEGMENT);
	m[1] = frame_mbuf(&plain, SEGMENT, 100);
	m[2] = frame_mbuf(&plain, SEGMENT + 100, 100);
	assert_int_equal(join_burst(m, 3), 3);
	rte_pktmbuf_free_bulk(m, 3);
}

/* A bit turned over in the @bad-th of four: it stays as it came, for the stack to drop and count. */
static void wrong_checksums_stay_apart(void **state)
{
	static const unsigned int packets[4] = { 2, 3, 3, 2 };

	for (unsigned int bad = 0; bad < 4; bad++) {
		for (unsigned int in_ip = 0; in_ip < 2; in_ip++) {
			struct rte_mbuf *m[4];
			struct frame f;

			for (unsigned int i = 0; i < 4; i++) {
				make_frame(&f, &plain, i * SEGMENT, SEGMENT);
				if (i == bad)
					f.bytes[in_ip ? f.ip + 10 : f.n - 5] ^= 4;
				m[i] = box_mbuf(&box, &f);
			}
			assert_int_equal(join_burst(m, 4), packets[bad]);
			assert_int_equal(m[bad ? 1 : 0]->ol_flags & RTE_MBUF_F_RX_LRO, 0);
			rte_pktmbuf_free_bulk(m, packets[bad]);
		}
	}
}

static void no_longer_than_ip_allows(void **state)
{
	struct rte_mbuf *m[FRAMES];
	unsigned int n;

	for (unsigned int i = 0; i < FRAMES; i++)
		m[i] = frame_mbuf(&plain, i * 1400, 1400);
	n = join_burst(m, FRAMES);
	assert_int_equal(n, 2);
	assert_in_range(m[0]->pkt_len, JOIN_BYTES_MAX - 1400, JOIN_BYTES_MAX);
	rte_pktmbuf_free_bulk(m, n);
}

/* Cut anywhere, or with any byte changed, nothing is read beyond the frame, and nothing lost. */
static void hostile_frames(void **state)
{
	srand(7);
	for (unsigned int round = 0; round < 20000; round++) {
		struct fields s = plain;
		struct rte_mbuf *m[2];
		struct frame f;
		unsigned int n;

		s.v4 = round % 2;
		m[0] = frame_mbuf(&s, 0, SEGMENT);
		make_frame(&f, &s, SEGMENT, SEGMENT);
		f.bytes[(size_t)rand() % 86] = (uint8_t)rand();
		if (round % 3 == 0)
			f.n = (size_t)rand() % (f.n + 1);
		if (round % 5 == 0)
			f.rx_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		m[1] = box_mbuf(&box, &f);
		n = join_burst(m, 2);
		assert_in_range(n, 1, 2);
		rte_pktmbuf_free_bulk(m, n);
	}
	assert_int_equal(rte_mempool_in_use_count(box.mbufs), 0);
}

static int start(void **state)
{
	box.mbufs = test_mbuf_pool("cut_join", 511);
	return 0;
}

static int finish(void **state)
{
	return rte_mempool_in_use_count(box.mbufs) == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_as_by_hand),
		cmocka_unit_test(a_device_with_tso_gets_it_whole),
		cmocka_unit_test(cut_without_buffers),
		cmocka_unit_test(joined_is_what_was_cut),
		cmocka_unit_test(what_differs_stays_apart),
		cmocka_unit_test(a_short_one_ends_it),
		cmocka_unit_test(wrong_checksums_stay_apart),
		cmocka_unit_test(no_longer_than_ip_allows),
		cmocka_unit_test(hostile_frames),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
