/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "eal.h"
#include "offload.h"

#define STACK_IP 0xc0000201u	/* 192.0.2.1 */
#define PEER_IP 0xc0000202u

static const struct rte_ether_addr peer_mac = { { 2, 0, 0, 0, 0, 2 } };
static const struct rte_ether_addr stack_mac = { { 2, 0, 0, 0, 0, 1 } };

static void fail(const char *what)
{
	fprintf(stderr, "tcp_peer: %s\n", what);
	abort();
}

static struct rte_mbuf *frame(struct tcp_peer *p, const void *payload, size_t bytes, uint16_t type)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->mbufs);
	struct rte_ether_hdr *eth = m ? (void *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*eth) + bytes)) : NULL;

	if (!eth && p->scarce) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (!eth)
		fail("no packet buffer");
	eth->dst_addr = stack_mac;
	eth->src_addr = peer_mac;
	eth->ether_type = rte_cpu_to_be_16(type);
	memcpy(eth + 1, payload, bytes);
	return m;
}

static void give(struct tcp_peer *p, struct rte_mbuf *m)
{
	if (m)
		stack_input(p->stack, &p->netifs.netifs[0], &m, 1, p->now_us);
}

static void answer_arp(struct tcp_peer *p)
{
	struct rte_arp_hdr arp = {
		.arp_hardware = RTE_BE16(1), .arp_protocol = RTE_BE16(0x0800),
		.arp_hlen = 6, .arp_plen = 4, .arp_opcode = RTE_BE16(2),
		.arp_data = {
			.arp_sha = peer_mac, .arp_sip = rte_cpu_to_be_32(PEER_IP),
			.arp_tha = stack_mac, .arp_tip = rte_cpu_to_be_32(STACK_IP),
		},
	};

	give(p, frame(p, &arp, sizeof(arp), 0x0806));
}

static void take_segment(struct tcp_peer *p, const struct rte_mbuf *m)
{
	struct tcp_peer_segment *s = &p->queue[p->head++ % TCP_PEER_QUEUE];
	uint8_t bytes[66000];
	const uint8_t *tcp = rte_pktmbuf_read(m, 34, m->pkt_len - 34, bytes);

	if (p->head - p->tail > TCP_PEER_QUEUE)
		fail("the stack sends too much");
	memset(s, 0, sizeof(*s));
	if (!tcp || tcp_hdr_parse(tcp, m->pkt_len - 34, m->pkt_len - 34, &s->rx) != 0)
		fail("the stack sent a malformed segment");
	s->sport = (uint16_t)(tcp[0] << 8 | tcp[1]);
	s->dport = (uint16_t)(tcp[2] << 8 | tcp[3]);
	s->at_us = p->now_us;
	s->tos = *rte_pktmbuf_mtod_offset(m, const uint8_t *, 15);
	memcpy(s->data, tcp + s->rx.hdr_bytes, RTE_MIN((size_t)s->rx.bytes, sizeof(s->data)));
}

static void transmit(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	struct tcp_peer *p = arg;
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (eth->ether_type == RTE_BE16(0x0806)) {
		rte_pktmbuf_free(m);
		answer_arp(p);
		return;
	}
	m = offload_finish(m, nif->offloads, p->mbufs);
	if (!m)
		return;
	take_segment(p, m);
	rte_pktmbuf_free(m);
}

static enum stack_verdict syn(void *arg, const struct tuple *t, const struct netif *nif)
{
	struct tcp_peer *p = arg;

	(void)nif;
	return t->lport == 993 ? p->verdict : STACK_REFUSE;
}

void tcp_peer_init(struct tcp_peer *p, const struct tcp_peer_options *options)
{
	static const struct tcp_peer_options none;
	static struct rte_mempool *pool;
	const struct tcp_peer_options *o = options ? options : &none;
	struct netif *nif = &p->netifs.netifs[0];
	char err[200];
	struct stack_config config = {
		.n_workers = 1, .max_neighbours = 16,
		.max_conns = o->max_conns ? o->max_conns : 16,
		.max_half_open = o->max_half_open ? o->max_half_open : 8,
		.rcv_buffer_bytes = o->rcv_buffer_bytes ? o->rcv_buffer_bytes : 65536,
		.snd_buffer_bytes = o->snd_buffer_bytes ? o->snd_buffer_bytes : 65536,
		.queue_mbufs = o->queue_mbufs,
		.keepalive_us = o->keepalive_us,
		.user_timeout_us = o->user_timeout_us, .user_timeout_limit_us = o->user_timeout_limit_us,
		.secret = { 1, 2 },
		.netifs = &p->netifs, .counters = &p->counters,
		.ops = { .transmit = transmit, .syn = syn, .arg = p },
	};

	if (!pool)
		pool = test_mbuf_pool("tcp_peer", 2047);
	memset(p, 0, sizeof(*p));
	p->mbufs = config.mbufs = pool;
	p->now_us = o->start_us ? o->start_us : 1000000;
	p->verdict = STACK_ACCEPT;
	p->netifs.n_netifs = 1;
	snprintf(nif->name, sizeof(nif->name), "wire");
	nif->mac = stack_mac;
	nif->congestion = o->congestion;
	nif->mtu = 1500;
	nif->ecn = o->ecn;
	nif->offloads = o->offloads;
	nif->tso_max_bytes = o->tso_max_bytes;
	nif->tso_max_pieces = 40;
	nif->n_addrs = 1;
	nif->addrs[0] = (struct prefix){ addr_from_v4(rte_cpu_to_be_32(STACK_IP)), 120 };
	if (netifs_init(&p->netifs, err, sizeof(err)) != 0)
		fail(err);
	p->stack = stack_new(&config, p->now_us);
	if (!p->stack)
		fail("no memory");
}

void tcp_peer_fini(struct tcp_peer *p)
{
	stack_free(p->stack);
	if (rte_mempool_avail_count(p->mbufs) != p->mbufs->size)
		fail("packet buffers leaked");
}

void tcp_peer_turn(struct tcp_peer *p)
{
	struct tcp_conn *c;

	stack_input(p->stack, &p->netifs.netifs[0], NULL, 0, p->now_us);
	/* The test is the application: it looks at p->conn itself. */
	while ((c = stack_ready(p->stack)) != NULL)
		p->conn = c;
	stack_tick(p->stack, p->now_us);
}

void tcp_peer_run(struct tcp_peer *p, uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i++) {
		p->now_us += 1000;
		tcp_peer_turn(p);
	}
}

void tcp_peer_give_ip(struct tcp_peer *p, uint8_t proto, const uint8_t *payload, uint16_t bytes)
{
	uint8_t packet[4096];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)packet;

	if (bytes > 2000u - sizeof(*ip))
		fail("packet too long");
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x45, .type_of_service = p->tos, .total_length = rte_cpu_to_be_16((uint16_t)(20 + bytes)),
		.time_to_live = 64, .next_proto_id = proto,
		.src_addr = rte_cpu_to_be_32(PEER_IP), .dst_addr = rte_cpu_to_be_32(STACK_IP),
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memcpy(packet + 20, payload, bytes);
	give(p, frame(p, packet, 20u + bytes, 0x0800));
}

void tcp_peer_give_raw(struct tcp_peer *p, uint8_t *segment, uint16_t bytes, bool fix_checksum)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = 0x45, .total_length = rte_cpu_to_be_16((uint16_t)(20 + bytes)), .next_proto_id = IPPROTO_TCP,
		.src_addr = rte_cpu_to_be_32(PEER_IP), .dst_addr = rte_cpu_to_be_32(STACK_IP),
	};
	struct rte_tcp_hdr *t = (struct rte_tcp_hdr *)segment;

	if (fix_checksum && bytes >= TCP_HDR_MIN) {
		t->cksum = 0;
		t->cksum = rte_ipv4_udptcp_cksum(&ip, t);
	}
	tcp_peer_give_ip(p, IPPROTO_TCP, segment, bytes);
}

void tcp_peer_send_raw(struct tcp_peer *p, uint8_t *segment, uint16_t bytes, bool fix_checksum)
{
	tcp_peer_give_raw(p, segment, bytes, fix_checksum);
	tcp_peer_turn(p);
}

void tcp_peer_give(struct tcp_peer *p, uint16_t sport, uint16_t dport, const struct tcp_rx *rx, const uint8_t *data)
{
	uint8_t segment[2048];
	struct tcp_tx tx = {
		.seq = rx->seq, .ack = rx->ack, .lport = sport, .fport = dport, .wnd = rx->wnd, .flags = rx->flags,
	};
	uint8_t *opts = segment + TCP_HDR_MIN;

	tx.opts_bytes = (uint8_t)((rx->flags & TH_SYN) ? tcp_opts_put_syn(opts, &rx->opts)
						       : tcp_opts_put(opts, &rx->opts));
	tcp_hdr_put(segment, &tx);
	for (uint32_t i = 0; i < rx->bytes; i++)
		segment[TCP_HDR_MIN + tx.opts_bytes + i] = data ? data[i] : (uint8_t)(rx->seq + i);
	tcp_peer_give_raw(p, segment, (uint16_t)(TCP_HDR_MIN + tx.opts_bytes + rx->bytes), true);
}

void tcp_peer_send(struct tcp_peer *p, uint16_t sport, uint16_t dport, const struct tcp_rx *rx, const uint8_t *data)
{
	tcp_peer_give(p, sport, dport, rx, data);
	tcp_peer_turn(p);
}

const struct tcp_peer_segment *tcp_peer_next(struct tcp_peer *p)
{
	return p->tail == p->head ? NULL : &p->queue[p->tail++ % TCP_PEER_QUEUE];
}

struct rte_mbuf *tcp_peer_chain(struct tcp_peer *p, uint32_t from, uint32_t bytes)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t at = 0; at < bytes;) {
		uint16_t n = (uint16_t)RTE_MIN(bytes - at, 1800u);
		struct rte_mbuf *m = rte_pktmbuf_alloc(p->mbufs);
		uint8_t *to = m ? (uint8_t *)rte_pktmbuf_append(m, n) : NULL;

		if (!to)
			fail("no packet buffer");
		for (uint16_t i = 0; i < n; i++)
			to[i] = (uint8_t)(from + at + i);
		if (!head)
			head = m;
		else if (rte_pktmbuf_chain(head, m) != 0)
			fail("chain too long");
		at += n;
	}
	return head;
}
