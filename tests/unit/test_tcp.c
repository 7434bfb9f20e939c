/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TCP against single segments, written by hand: what no well-behaved stack on the other end would send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <rte_mbuf.h>

#include "box.h"
#include "tcp.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define PEER "192.0.2.9"
#define PEER_PORT 40000
#define PORT 993

/* The far end, as far as these tests need one. */
struct far {
	struct box box;
	struct tcp_conn *conn;
	uint32_t seq, ack;	/* of its next segment */
	uint16_t wnd;
	bool timestamps;
	uint32_t ts_val, ts_ecr;
};

/* A segment that the stack sent. */
struct seen {
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t wnd;
	uint32_t bytes;
	uint32_t ts_ecr;	/* of segments other than SYNs */
};

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One segment from the far end at its seq, with @options (a multiple of 4) and @bytes of zeros. */
static void give(struct far *f, uint8_t flags, const uint8_t *options, size_t options_bytes, size_t bytes)
{
	static const uint8_t zeros[1460];
	uint8_t ts[12] = { 1, 1, 8, 10 };
	struct frame frame;

	if (f->timestamps && options_bytes == 0) {
		put32(ts + 4, f->ts_val);
		put32(ts + 8, f->ts_ecr);
		options = ts;
		options_bytes = sizeof(ts);
	}
	frame_eth(&frame, NULL, 9, 0x0800);
	frame_ip(&frame, PEER, "192.0.2.1", IPPROTO_TCP);
	frame_tcp(&frame, PEER_PORT, PORT, f->seq);
	put32(frame.bytes + frame.l4 + 8, f->ack);
	frame.bytes[frame.l4 + 12] = (uint8_t)((20 + options_bytes) / 4 << 4);
	frame.bytes[frame.l4 + 13] = flags;
	frame.bytes[frame.l4 + 14] = (uint8_t)(f->wnd >> 8);
	frame.bytes[frame.l4 + 15] = (uint8_t)f->wnd;
	if (options_bytes > 0)
		frame_raw(&frame, options, options_bytes);
	frame_raw(&frame, zeros, bytes);
	frame_end(&frame);
	box_give(&f->box, 0, &frame);
}

/* A turn's end; sent frames of earlier turns are forgotten. */
static void turn(struct far *f)
{
	box_clear(&f->box);
	stack_tick(f->box.stack, f->box.now_us);
}

/* Segments among what was sent since the last turn. */
static unsigned int count(struct far *f)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < f->box.n_sent; i++) {
		size_t bytes;
		const uint8_t *p = box_sent(&f->box, i, &bytes);

		n += p[12] == 8 && p[13] == 0 && p[23] == IPPROTO_TCP;
	}
	return n;
}

static struct seen last_seen(struct far *f)
{
	struct seen s = { 0 };

	for (unsigned int i = 0; i < f->box.n_sent; i++) {
		size_t bytes;
		const uint8_t *p = box_sent(&f->box, i, &bytes);

		if (p[12] != 8 || p[13] != 0 || p[23] != IPPROTO_TCP)
			continue;
		s.seq = get32(p + 38);
		s.ack = get32(p + 42);
		s.flags = p[47];
		s.wnd = (uint16_t)(p[48] << 8 | p[49]);
		s.bytes = (uint32_t)bytes - 34 - (p[46] >> 4) * 4u;
		s.ts_ecr = (p[46] >> 4) > 7 ? get32(p + 62) : 0;
	}
	return s;
}

/* The far end connects; @options are its SYN's. */
static void far_connect(struct far *f, const uint8_t *options, size_t options_bytes, const struct box_options *box)
{
	struct frame arp;

	memset(f, 0, sizeof(*f));
	box_init(&f->box, box);
	f->seq = 1000;
	f->wnd = 65535;
	give(f, SYN, options, options_bytes, 0);
	frame_arp(&arp, NULL, 2, 9, PEER, 1, "192.0.2.1");
	memcpy(arp.bytes, (const uint8_t[6]){ 2, 0, 0, 0, 0, 1 }, 6);
	box_give(&f->box, 0, &arp);
	assert_int_equal(last_seen(f).flags, SYN | ACK);
	f->seq++;
	f->ack = last_seen(f).seq + 1;
}

static void far_establish(struct far *f)
{
	give(f, ACK, NULL, 0, 0);
	f->conn = stack_ready(f->box.stack);
	assert_non_null(f->conn);
	tcp_set_user(f->conn, f);
	assert_int_equal(tcp_events(f->conn), TCP_ESTABLISHED);
	turn(f);
}

static void far_end(struct far *f)
{
	tcp_release(f->conn);
	box_fini(&f->box);
}

static void send_bytes(struct far *f, uint16_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->box.mbufs);
	char *p;

	assert_non_null(m);
	p = rte_pktmbuf_append(m, bytes);
	assert_non_null(p);
	memset(p, 0, bytes);
	tcp_send(f->conn, m);
}


/* Without window scaling 64 KB are all that can be promised: a larger buffer is no reason to acknowledge again. */
static void test_large_buffer_without_scaling(void **state)
{
	static const uint8_t mss[4] = { 2, 4, 5, 180 };
	struct box_options options = { .buffer_bytes = 262144 };
	struct rte_mbuf *m;
	struct far f;

	(void)state;
	far_connect(&f, mss, sizeof(mss), &options);
	far_establish(&f);
	give(&f, ACK, NULL, 0, 1460);
	f.seq += 1460;
	turn(&f);
	assert_int_equal(count(&f), 1);
	m = tcp_recv(f.conn, 65536);
	assert_non_null(m);
	rte_pktmbuf_free(m);
	turn(&f);
	/* A bare acknowledgment calls for nothing: answered, it would be a duplicate at the far end. */
	for (int i = 0; i < 3; i++) {
		give(&f, ACK, NULL, 0, 0);
		turn(&f);
		assert_int_equal(count(&f), 0);
	}
	/* Data of our own carries the acknowledgment; none follows. */
	send_bytes(&f, 100);
	turn(&f);
	assert_int_equal(count(&f), 1);
	assert_int_equal(last_seen(&f).bytes, 100);
	far_end(&f);
}

/* RFC 7323 5.5: after 24 days of silence the last timestamp says nothing; then they count again. */
static void test_timestamps_after_a_long_silence(void **state)
{
	static const uint8_t syn[12] = { 1, 1, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0 };
	struct far f;

	(void)state;
	far_connect(&f, syn, sizeof(syn), NULL);
	f.timestamps = true;
	f.ts_val = 1000;
	far_establish(&f);
	/* The far end's clock of milliseconds goes more than half round. */
	f.box.now_us += 26ull * 86400 * 1000000;
	f.ts_val += 26u * 86400 * 1000;
	turn(&f);
	give(&f, ACK, NULL, 0, 10);
	f.seq += 10;
	assert_int_equal(tcp_recv_bytes(f.conn), 10);
	turn(&f);
	assert_int_equal(last_seen(&f).ts_ecr, f.ts_val);
	f.ts_val -= 1000;
	give(&f, ACK, NULL, 0, 10);
	assert_int_equal(tcp_recv_bytes(f.conn), 10);
	assert_int_equal(box_drops(&f.box, DROP_TCP_PAWS), 1);
	far_end(&f);
}

/* @n mbufs of @bytes that can't be melted together, as when a device still holds them. */
static void send_pieces(struct far *f, struct rte_mbuf **held, unsigned int n, uint16_t bytes)
{
	struct rte_mbuf *head = NULL;

	for (unsigned int i = 0; i < n; i++) {
		char *p;

		held[i] = rte_pktmbuf_alloc(f->box.mbufs);
		assert_non_null(held[i]);
		p = rte_pktmbuf_append(held[i], bytes);
		memset(p, 0, bytes);
		rte_mbuf_refcnt_update(held[i], 1);
		if (head == NULL)
			head = held[i];
		else
			assert_int_equal(rte_pktmbuf_chain(head, held[i]), 0);
	}
	tcp_send(f->conn, head);
}

static void let_go(struct rte_mbuf **held, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		rte_pktmbuf_free_seg(held[i]);	/* alone: others may be linked behind it */
}

static unsigned int most_pieces(const struct far *f)
{
	unsigned int most = 0;

	for (unsigned int i = 0; i < f->box.n_sent; i++)
		most = RTE_MAX(most, f->box.sent[i]->nb_segs);
	return most;
}

/* Intel's take 8 pieces of a packet (i40e); one more and the queue stops. */
static void test_pieces_of_a_segment(void **state)
{
	static const uint8_t mss[4] = { 2, 4, 5, 180 };
	struct rte_mbuf *held[24];
	struct far f;

	(void)state;
	far_connect(&f, mss, sizeof(mss), NULL);
	f.box.netifs.netifs[0].offloads = NETIF_TX_SCATTER;
	far_establish(&f);
	send_pieces(&f, held, 24, 1460 / 8);
	turn(&f);
	assert_int_equal(count(&f), 3);
	assert_true(most_pieces(&f) <= 8);
	let_go(held, 24);
	far_end(&f);
}

/* A connection over a device that cuts packets of up to @pieces into segments. */
static void far_connect_tso(struct far *f, uint16_t pieces)
{
	static const uint8_t mss[4] = { 2, 4, 5, 180 };
	struct netif *nif;

	far_connect(f, mss, sizeof(mss), NULL);
	nif = &f->box.netifs.netifs[0];
	nif->offloads = NETIF_TX_SCATTER | NETIF_TX_TCP_CHECKSUM | NETIF_TX_TSO;
	nif->tso_max_bytes = 61440;
	nif->tso_max_pieces = pieces;
	far_establish(f);
}

static void test_pieces_for_tso(void **state)
{
	struct rte_mbuf *held[40];
	uint32_t bytes = 0;
	struct far f;

	(void)state;
	far_connect_tso(&f, 17);
	send_pieces(&f, held, 40, 300);
	turn(&f);
	/* 16 pieces of 300 bytes hold 3 segments, 12,000 bytes are 9 of them: 3 at a time. */
	assert_int_equal(count(&f), 3);
	assert_true(most_pieces(&f) > 8);
	assert_true(most_pieces(&f) <= 17);
	for (unsigned int i = 0; i < f.box.n_sent; i++)
		bytes += f.box.sent[i]->pkt_len - 54;
	assert_int_equal(bytes, 12000);
	let_go(held, 40);
	far_end(&f);
}

/* RFC 5681 4.1: after a pause the network is asked anew, also when the device would cut a whole window at once. */
static void test_restart_after_idle_with_tso(void **state)
{
	struct far f;

	(void)state;
	far_connect_tso(&f, 64);
	/* Slow start: every round is acknowledged whole. */
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 30; i++)
			send_bytes(&f, 1460);
		for (int i = 0; tcp_send_queued(f.conn) > 0 && i < 20; i++) {
			turn(&f);
			f.ack = last_seen(&f).seq + last_seen(&f).bytes;
			give(&f, ACK, NULL, 0, 0);
		}
		assert_int_equal(tcp_send_queued(f.conn), 0);
	}
	box_run(&f.box, 5000000);
	for (int i = 0; i < 40; i++)
		send_bytes(&f, 1460);
	turn(&f);
	assert_int_equal(count(&f), 1);
	assert_int_equal(last_seen(&f).bytes, 14600);
	far_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_buffer_without_scaling),
		cmocka_unit_test(test_timestamps_after_a_long_silence),
		cmocka_unit_test(test_pieces_of_a_segment),
		cmocka_unit_test(test_pieces_for_tso),
		cmocka_unit_test(test_restart_after_idle_with_tso),
	};

	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
