/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A port by packet sockets on one end of a veth, in a network namespace of the test's own;
 * at the other end a plain packet socket that writes and reads what a kernel would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_tcp.h>

#include "base/addr.h"
#include "eal.h"
#include "packet_port.h"
#include "pkt.h"
#include "steer.h"

#define POOL 4096u
#define ID 77
#define BURST 20u	/* what the peer's socket can hold of long ones */
#define HEADERS (RTE_ETHER_HDR_LEN + 20 + 20)
#define LONG (HEADERS + 60000)

static struct rte_mempool *pool;
static struct packet_port *port;
static struct counters counters;
static struct steer steer;
static int peer = -1;

/* False: this machine doesn't let us. */
static bool enter_namespace(void)
{
	return (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) &&
	       system("ip link add near type veth peer name far 2> /dev/null && "
		      "sysctl -qw net.ipv6.conf.near.disable_ipv6=1 net.ipv6.conf.far.disable_ipv6=1 2> /dev/null && "
		      "ip link set far up && ip link set near up") == 0;
}

static void open_peer(void)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int on = 1;

	to.sll_ifindex = (int)if_nametoindex("far");
	peer = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	assert_true(peer >= 0);
	assert_int_equal(setsockopt(peer, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(peer, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), 0);
	assert_int_equal(bind(peer, (struct sockaddr *)&to, sizeof(to)), 0);
}

static void open_device(const char *device, uint16_t queues)
{
	char err[256] = "";

	if (packet_port_open(&port, device, queues, ID, pool, err, sizeof(err)) != 0 ||
	    packet_port_start(port, &steer, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	counters = (struct counters){ 0 };
	open_peer();
}

static void open_port(uint16_t queues)
{
	open_device("packet:near", queues);
}

static int teardown(void **state)
{
	(void)state;
	if (port)
		packet_port_close(port);
	port = NULL;
	if (peer >= 0)
		close(peer);
	peer = -1;
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

/* A TCP segment of @bytes in all, its sum left open: only its lengths and data matter here. */
static void make_frame(uint8_t *frame, uint32_t bytes, uint8_t seed)
{
	struct rte_ether_hdr *eth = (void *)frame;
	struct rte_ipv4_hdr *ip = (void *)(eth + 1);
	struct rte_tcp_hdr *tcp = (void *)(ip + 1);

	memset(frame, 0, HEADERS);
	eth->dst_addr = port->mac;
	eth->src_addr = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, 9 } };
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = 4 << 4 | 5;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(bytes - RTE_ETHER_HDR_LEN));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_TCP;
	ip->src_addr = RTE_BE32(0xc0000201);
	ip->dst_addr = RTE_BE32(0xc0000202);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp->data_off = 5 << 4;
	tcp->src_port = rte_cpu_to_be_16(seed);
	for (uint32_t i = HEADERS; i < bytes; i++)
		frame[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

static ssize_t peer_send(const uint8_t *frame, uint32_t bytes, struct virtio_net_hdr header)
{
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)(uintptr_t)frame, bytes } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };

	return sendmsg(peer, &m, 0);
}

static struct virtio_net_hdr unfinished(uint16_t gso_size)
{
	return (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = RTE_ETHER_HDR_LEN + 20, .csum_offset = 16,
		.hdr_len = HEADERS, .gso_size = gso_size,
		.gso_type = gso_size ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_NONE,
	};
}

static void send_frame(uint32_t bytes, uint8_t seed)
{
	static uint8_t frame[LONG];

	make_frame(frame, bytes, seed);
	assert_int_equal(peer_send(frame, bytes, unfinished(bytes > 1514 ? 1448 : 0)),
			 (ssize_t)(bytes + sizeof(struct virtio_net_hdr)));
}

static struct rte_mbuf *next(uint16_t queue)
{
	struct rte_mbuf *m;

	return packet_queue_rx(&port->queues[queue], &m, 1, &counters) ? m : NULL;
}

/* An interface that has just come up carries nothing for a moment. What isn't IP comes to the first queue. */
static void await_link(void)
{
	static const uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 0x88, 0xb5 };
	struct rte_mbuf *m;

	for (unsigned int tries = 0; tries < 5000; tries++) {
		peer_send(frame, sizeof(frame), (struct virtio_net_hdr){ 0 });
		m = next(0);
		rte_pktmbuf_free(m);
		if (m)
			return;
		usleep(1000);
	}
	fail_msg("nothing ever arrives");
}

/* The next frame is that of send_frame(@bytes, @seed). */
static void expect_frame(uint32_t bytes, uint8_t seed)
{
	static uint8_t wanted[LONG], got[LONG];
	struct rte_mbuf *m = next(0);

	assert_non_null(m);
	make_frame(wanted, bytes, seed);
	assert_int_equal(m->pkt_len, bytes);
	assert_int_equal(m->port, ID);
	assert_true(m->data_len >= HEADERS || m->data_len == bytes);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_NONE);
	assert_ptr_equal(rte_pktmbuf_read(m, 0, bytes, got) == (void *)got ? got : memcpy(got, rte_pktmbuf_mtod(m, void *),
			 bytes), got);
	assert_memory_equal(got, wanted, bytes);
	rte_mbuf_sanity_check(m, 1);
	rte_pktmbuf_free(m);
}

/* What arrives is what was sent, in order, slots and long segments mixed. */
static void test_receive(void **state)
{
	static const uint32_t sizes[] = { HEADERS, 60, 61, 1514, 1515 + 500, 5000, LONG, 60, LONG, 30000, 1514, 2048 };

	(void)state;
	open_port(1);
	assert_null(next(0));
	for (unsigned int round = 0; round < 300; round++) {
		for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			send_frame(sizes[i], (uint8_t)(i + round));
		for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			expect_frame(sizes[i], (uint8_t)(i + round));
	}
	assert_null(next(0));
	for (unsigned int i = 0; i < DROP_COUNT; i++)
		assert_int_equal(counters.drops[i], 0);
}

/* A finished sum is the stack's to check, whatever it is. */
static void test_plain_sum(void **state)
{
	uint8_t frame[200];
	struct rte_mbuf *m;

	(void)state;
	open_port(1);
	make_frame(frame, sizeof(frame), 1);
	assert_true(peer_send(frame, sizeof(frame), (struct virtio_net_hdr){ 0 }) > 0);
	m = next(0);
	assert_non_null(m);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN);
	rte_pktmbuf_free(m);
}

/* With an address beside the interface's, which Linux's own filter lets pass. */
static void test_own_mac(void **state)
{
	struct rte_ether_addr mac = { { 2, 0, 0, 0, 0xab, 1 } };

	(void)state;
	open_device("packet:near,mac=02:00:00:00:ab:01", 1);
	assert_true(rte_is_same_ether_addr(&port->mac, &mac));
	assert_int_equal(system("bridge fdb show dev near | grep -q 02:00:00:00:ab:01"), 0);
	send_frame(LONG, 1);
	expect_frame(LONG, 1);
}

/* The kernel takes a VLAN's tag off the frame: it is told beside it. */
static void test_vlan(void **state)
{
	uint8_t frame[204], plain[200];
	struct rte_mbuf *m;

	(void)state;
	open_port(1);
	make_frame(plain, sizeof(plain), 1);
	memcpy(frame, plain, 12);
	memcpy(frame + 12, "\x81\x00\x60\x07", 4);
	memcpy(frame + 16, plain + 12, sizeof(plain) - 12);
	assert_true(peer_send(frame, sizeof(frame), (struct virtio_net_hdr){ 0 }) > 0);
	m = next(0);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, sizeof(plain));
	assert_true(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED);
	assert_int_equal(m->vlan_tci & 0xfff, 7);
	rte_pktmbuf_free(m);

	/* Another kind of tag isn't a VLAN of ours. */
	frame[12] = 0x88;
	frame[13] = 0xa8;
	assert_true(peer_send(frame, sizeof(frame), (struct virtio_net_hdr){ 0 }) > 0);
	assert_null(next(0));
	assert_int_equal(counters.drops[DROP_ETH_VLAN], 1);
}

/* Everything that didn't fit is counted, and afterwards all goes on. */
static void test_overflow(void **state)
{
	unsigned int sent = 0, got = 0;
	struct rte_mbuf *m[32];
	uint16_t n;

	(void)state;
	open_port(1);
	for (; sent < 3000; sent++)
		send_frame(100, 1);
	do {
		n = packet_queue_rx(&port->queues[0], m, 32, &counters);
		rte_pktmbuf_free_bulk(m, n);
		got += n;
	} while (n > 0);
	send_frame(100, 2);	/* tells of the loss */
	expect_frame(100, 2);
	assert_true(got < sent);
	assert_int_equal(counters.drops[DROP_RX_FULL], sent - got);
}

/* Without packet buffers frames are lost one by one, also those that wait in the socket, and no order is. */
static void test_no_buffers(void **state)
{
	static struct rte_mbuf *all[POOL + 1];	/* the last stays NULL */
	unsigned int n = 0;

	(void)state;
	open_port(1);
	while ((all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	send_frame(LONG, 1);
	send_frame(100, 2);
	send_frame(LONG, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_null(next(0));
	assert_int_equal(counters.drops[DROP_NO_MBUF], 3);
	rte_pktmbuf_free_bulk(all, n);
	send_frame(LONG, 4);
	send_frame(100, 5);
	expect_frame(LONG, 4);
	expect_frame(100, 5);
}

/* A segment as the stack makes it, in @pieces; @tso: for Linux to cut. */
static struct rte_mbuf *make_mbuf(uint32_t bytes, unsigned int pieces, bool tso, uint8_t seed)
{
	static uint8_t frame[LONG];
	struct addr src = addr_from_v4(RTE_BE32(0xc0000201)), dst = addr_from_v4(RTE_BE32(0xc0000202));
	struct rte_mbuf *head = NULL;
	struct rte_tcp_hdr *tcp = (void *)(frame + RTE_ETHER_HDR_LEN + 20);

	make_frame(frame, bytes, seed);
	tcp->cksum = pkt_pseudo_sum(&src, &dst, IPPROTO_TCP, tso ? 0 : bytes - RTE_ETHER_HDR_LEN - 20);
	for (uint32_t at = 0, left = pieces; left > 0; left--) {
		uint32_t n = at == 0 && pieces > 1 ? HEADERS : (bytes - at) / left;
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame + at, n);
		at += n;
		if (head)
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
		else
			head = m;
	}
	head->l2_len = RTE_ETHER_HDR_LEN;
	head->l3_len = 20;
	head->l4_len = 20;
	head->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM | (tso ? RTE_MBUF_F_TX_TCP_SEG : 0);
	head->tso_segsz = 1448;
	packet_queue_prepare(&head, 1);
	return head;
}

static uint16_t transmit(struct rte_mbuf **mbufs, uint16_t n)
{
	return packet_queue_tx(&port->queues[0], mbufs, n, &counters);
}

/* The peer gets the segment as it is, told how to cut it and where its sum is missing, with the right start of the sum. */
static void expect_at_peer(uint32_t bytes, uint8_t seed)
{
	static uint8_t wanted[LONG], got[LONG + sizeof(struct virtio_net_hdr)];
	struct addr src = addr_from_v4(RTE_BE32(0xc0000201)), dst = addr_from_v4(RTE_BE32(0xc0000202));
	struct rte_tcp_hdr *tcp = (void *)(wanted + RTE_ETHER_HDR_LEN + 20);
	struct virtio_net_hdr header;

	assert_int_equal(recv(peer, got, sizeof(got), MSG_TRUNC), (ssize_t)(bytes + sizeof(header)));
	memcpy(&header, got, sizeof(header));
	make_frame(wanted, bytes, seed);
	tcp->cksum = pkt_pseudo_sum(&src, &dst, IPPROTO_TCP, bytes - RTE_ETHER_HDR_LEN - 20);
	assert_memory_equal(got + sizeof(header), wanted, bytes);
	assert_int_equal(header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(header.csum_start, RTE_ETHER_HDR_LEN + 20);
	assert_int_equal(header.gso_type, bytes > 1514 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_NONE);
	if (bytes > 1514)
		assert_int_equal(header.gso_size, 1448);
}

static void test_transmit(void **state)
{
	struct rte_mbuf *burst[BURST];

	(void)state;
	open_port(1);
	for (unsigned int round = 0; round < 100; round++) {
		for (unsigned int i = 0; i < BURST; i++) {
			bool tso = i % 10 == 3;

			burst[i] = make_mbuf(tso ? LONG : 60 + i * 10, tso ? 48 : 1 + i % 5, tso, (uint8_t)i);
		}
		assert_int_equal(transmit(burst, BURST), BURST);
		for (unsigned int i = 0; i < BURST; i++)
			expect_at_peer(i % 10 == 3 ? LONG : 60 + i * 10, (uint8_t)i);
	}
	assert_int_equal(counters.drops[DROP_TX_REFUSED], 0);
}

/* What Linux refuses is counted and hinders nothing behind it. */
static void test_refused(void **state)
{
	struct rte_mbuf *burst[3];

	(void)state;
	open_port(1);
	burst[0] = make_mbuf(100, 1, false, 1);
	burst[1] = make_mbuf(1600, 2, false, 2);	/* over the MTU, and not to be cut */
	burst[2] = make_mbuf(100, 1, false, 3);
	assert_int_equal(transmit(burst, 3), 3);
	assert_int_equal(counters.drops[DROP_TX_REFUSED], 1);
	expect_at_peer(100, 1);
	expect_at_peer(100, 3);
}

/* Linux tells of a link some time after it carries frames. */
static void await_running(void)
{
	for (unsigned int tries = 0; !packet_port_link(port) && tries < 5000; tries++)
		usleep(1000);
	assert_true(packet_port_link(port));
}

/* The interface goes down and comes again: nobody is stuck, and poll(2) tells of the error once. */
static void test_down(void **state)
{
	struct pollfd fd;
	struct rte_mbuf *m;

	(void)state;
	open_port(1);
	await_link();
	fd = (struct pollfd){ .fd = port->queues[0].fd, .events = POLLIN };
	await_running();
	assert_int_equal(system("ip link set near down"), 0);
	assert_false(packet_port_link(port));
	assert_int_equal(poll(&fd, 1, 0), 1);
	assert_true(fd.revents & POLLERR);
	packet_queue_take_error(&port->queues[0]);
	assert_int_equal(poll(&fd, 1, 0), 0);
	m = make_mbuf(100, 1, false, 1);
	assert_int_equal(transmit(&m, 1), 1);
	assert_int_equal(counters.drops[DROP_TX_REFUSED], 1);

	assert_int_equal(system("ip link set near up"), 0);
	await_link();
	await_running();
	send_frame(LONG, 1);
	assert_int_equal(poll(&fd, 1, 0), 1);
	expect_frame(LONG, 1);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

/* A segment to any port of ours, of either IP version; what isn't TCP among them. */
static uint32_t any_frame(uint8_t *frame, unsigned int i)
{
	struct rte_ipv4_hdr *ip = (void *)(frame + RTE_ETHER_HDR_LEN);
	struct rte_ipv6_hdr *ip6 = (void *)ip;
	uint8_t random[40];

	make_frame(frame, 200, 1);
	for (unsigned int b = 0; b < sizeof(random); b++)
		random[b] = (uint8_t)rand();
	if (i % 2) {
		memcpy(&ip->src_addr, random, 12);
		ip->next_proto_id = i % 16 == 1 ? IPPROTO_UDP : IPPROTO_TCP;
		ip->fragment_offset = i % 16 == 3 ? RTE_BE16(RTE_IPV4_HDR_MF_FLAG) : 0;
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		return 200;
	}
	((struct rte_ether_hdr *)frame)->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	ip6->vtc_flow = RTE_BE32(6u << 28);
	ip6->payload_len = RTE_BE16(146);
	ip6->proto = i % 16 == 2 ? IPPROTO_UDP : IPPROTO_TCP;
	memcpy(&ip6->src_addr, random, 36);
	return 200;
}

/* Of several queues each frame comes to one, a TCP segment to that of steer.h's worker. */
static void spread(uint16_t queues)
{
	unsigned int got = 0, tcp = 0, per_queue[8] = { 0 };
	struct rte_mbuf *m;
	uint8_t frame[200];

	open_port(queues);
	await_link();
	for (unsigned int i = 0; i < 640; i++) {
		any_frame(frame, i);
		assert_true(peer_send(frame, sizeof(frame), (struct virtio_net_hdr){ 0 }) > 0);
	}
	for (uint16_t q = 0; q < queues; q++) {
		for (; (m = next(q)) != NULL; got++, per_queue[q]++) {
			uint16_t owner = steer_frame(&steer, m);

			assert_int_equal(owner == STEER_HERE ? 0 : owner, q);
			tcp += owner != STEER_HERE;
			rte_pktmbuf_free(m);
		}
		assert_true(per_queue[q] > 520u / queues / 2);
	}
	assert_int_equal(got, 640);
	assert_int_equal(tcp, 520);
	teardown(NULL);
}

/* Also on an interface that is down at first: it is brought up. */
static void test_queues(void **state)
{
	static const uint16_t queues[] = { 2, 3, 4, 7, 8 };
	uint8_t key[STEER_KEY_BYTES];

	(void)state;
	assert_int_equal(system("ip link set near down"), 0);
	for (unsigned int i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		steer_init(&steer, queues[i], 40, 128);
		for (unsigned int b = 0; b < sizeof(key); b++)
			key[b] = (uint8_t)rand();
		steer_set_key(&steer, key, sizeof(key));
		spread(queues[i]);
	}
}

static void test_names(void **state)
{
	static const char *const bad[] = { "packet:", "packet:nosuch", "packet:lo", "packet:anamethatistoolong",
					   "packet:near,x=1", "packet:near,mac=", "packet:near,mac=02:00",
					   "packet:near,mac=01:00:00:00:00:01", "packet:near,mac=00:00:00:00:00:00",
					   "packet:near,mac=02:00:00:00:00:01,x=1" };
	char err[256];

	(void)state;
	assert_true(packet_port_named("packet:eth1"));
	assert_false(packet_port_named("net_af_packet0,iface=eth1"));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = '\0';
		assert_true(packet_port_open(&port, bad[i], 1, ID, pool, err, sizeof(err)) < 0);
		assert_null(port);
		assert_true(strlen(err) > 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_receive, teardown),
		cmocka_unit_test_teardown(test_plain_sum, teardown),
		cmocka_unit_test_teardown(test_own_mac, teardown),
		cmocka_unit_test_teardown(test_vlan, teardown),
		cmocka_unit_test_teardown(test_overflow, teardown),
		cmocka_unit_test_teardown(test_no_buffers, teardown),
		cmocka_unit_test_teardown(test_transmit, teardown),
		cmocka_unit_test_teardown(test_refused, teardown),
		cmocka_unit_test_teardown(test_down, teardown),
		cmocka_unit_test_teardown(test_queues, teardown),
		cmocka_unit_test_teardown(test_names, teardown),
	};

	if (!enter_namespace()) {
		printf("1..0 # SKIP no network namespace of its own to be had here\n");
		return 0;
	}
	test_eal_init();
	pool = test_mbuf_pool("packet_port", POOL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
