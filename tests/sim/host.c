/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "offload.h"
#include "sim.h"
#include "stack_private.h"

#define BURST 32
#define FRAME_MAX 70000

struct addr host_addr(int index, bool v6)
{
	struct addr a;
	char text[32];

	snprintf(text, sizeof(text), v6 ? "fd00::%d" : "10.0.0.%d", index + 1);
	if (addr_parse(text, &a) != 0)
		abort();
	return a;
}

static void finish_checksums(uint8_t *frame, size_t bytes)
{
	uint8_t *ip = frame + 14;

	(void)bytes;
	if (ip[0] >> 4 == 4) {
		struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)ip;
		struct rte_tcp_hdr *t = (struct rte_tcp_hdr *)(ip + 20);

		h->hdr_checksum = 0;
		h->hdr_checksum = rte_ipv4_cksum(h);
		t->cksum = 0;
		t->cksum = rte_ipv4_udptcp_cksum(h, t);
	} else {
		struct rte_ipv6_hdr *h = (struct rte_ipv6_hdr *)ip;
		struct rte_tcp_hdr *t = (struct rte_tcp_hdr *)(ip + 40);

		t->cksum = 0;
		t->cksum = rte_ipv6_udptcp_cksum(h, t);
	}
}

/* What a device with TSO does with a super-segment. */
static void cut_segments(struct host *h, const struct rte_mbuf *m, const uint8_t *frame, size_t bytes)
{
	size_t headers = (size_t)m->l2_len + m->l3_len + m->l4_len, at = headers;
	uint8_t out[2048];

	if (headers + m->tso_segsz > sizeof(out))
		abort();
	for (; at < bytes; at += m->tso_segsz) {
		size_t n = RTE_MIN(bytes - at, (size_t)m->tso_segsz);
		struct rte_tcp_hdr *t = (struct rte_tcp_hdr *)(out + m->l2_len + m->l3_len);
		size_t ip_bytes = headers - m->l2_len + n;

		memcpy(out, frame, headers);
		memcpy(out + headers, frame + at, n);
		t->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(t->sent_seq) + (uint32_t)(at - headers));
		if (at + n < bytes)
			t->tcp_flags &= (uint8_t)~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
		if (out[m->l2_len] >> 4 == 4)
			((struct rte_ipv4_hdr *)(out + m->l2_len))->total_length = rte_cpu_to_be_16((uint16_t)ip_bytes);
		else
			((struct rte_ipv6_hdr *)(out + m->l2_len))->payload_len = rte_cpu_to_be_16((uint16_t)(ip_bytes - 40));
		finish_checksums(out, headers + n);
		sim_frame(h->sim, h->index, out, headers + n);
		wire_send(h->out, out, headers + n, h->sim->now_us);
	}
}

static void transmit_frame(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	struct host *h = arg;
	static uint8_t frame[FRAME_MAX];
	size_t bytes = 0;

	for (const struct rte_mbuf *seg = m; seg; seg = seg->next) {
		if (bytes + seg->data_len > sizeof(frame))
			abort();
		memcpy(frame + bytes, rte_pktmbuf_mtod(seg, const void *), seg->data_len);
		bytes += seg->data_len;
	}
	if (bytes != m->pkt_len)
		sim_fail(h->sim, "a frame's pkt_len isn't the sum of its segments");
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		cut_segments(h, m, frame, bytes);
	} else {
		if (bytes > nif->mtu + 14u)
			sim_fail(h->sim, "a frame is larger than the MTU");
		/* A device with checksum offload. */
		if (m->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM)
			finish_checksums(frame, bytes);
		sim_frame(h->sim, h->index, frame, bytes);
		wire_send(h->out, frame, bytes, h->sim->now_us);
	}
	rte_pktmbuf_free(m);
}

static void transmit(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	struct host *h = arg;

	offload_send(m, nif, h->pool, &h->counters, transmit_frame, h);
}

static enum stack_verdict accept_syn(void *arg, const struct tuple *t, const struct netif *nif)
{
	struct host *h = arg;

	(void)nif;
	if (t->lport == SIM_PORT)
		return STACK_ACCEPT;
	count_drop(&h->counters, DROP_TCP_NO_LISTENER);
	return t->lport == SIM_SILENT_PORT ? STACK_IGNORE : STACK_REFUSE;
}

void host_init(struct host *h, struct sim *sim, int index, const struct host_config *config,
	       struct rte_mempool *pool, struct wire *out, uint64_t now_us)
{
	struct netif *nif = &h->netifs.netifs[0];
	struct stack_config sc = {
		.worker = 0, .n_workers = 1,
		.max_conns = config->max_conns, .max_half_open = config->max_half_open, .max_neighbours = 16,
		.rcv_buffer_bytes = config->rcv_buffer_bytes, .snd_buffer_bytes = config->snd_buffer_bytes,
		.keepalive_us = config->keepalive_us, .user_timeout_limit_us = config->user_timeout_limit_us,
		.queue_mbufs = config->queue_mbufs,
		.secret = { config->secret[0], config->secret[1] },
		.netifs = &h->netifs, .mbufs = pool, .counters = &h->counters,
		.ops = { .transmit = transmit, .syn = accept_syn, .arg = h },
	};
	char err[200];

	memset(h, 0, sizeof(*h));
	h->sim = sim;
	h->index = index;
	h->thief_us = UINT64_MAX;
	h->pool = pool;
	h->small = config->small_pool > 0 || config->queue_mbufs > 0;
	h->out = out;
	h->netifs.n_netifs = 1;
	snprintf(nif->name, sizeof(nif->name), "sim%d", index);
	nif->mac.addr_bytes[0] = 2;
	nif->mac.addr_bytes[5] = (uint8_t)(index + 1);
	nif->mtu = config->mtu;
	nif->offloads = config->offloads;
	nif->congestion = config->congestion;
	nif->ecn = config->ecn;
	nif->tso_max_bytes = config->tso_max_bytes;
	nif->tso_max_pieces = (uint16_t)(4 + config->tso_max_bytes % 37);
	nif->n_addrs = 2;
	nif->addrs[0] = (struct prefix){ host_addr(index, false), 120 };
	nif->addrs[1] = (struct prefix){ host_addr(index, true), 64 };
	if (netifs_init(&h->netifs, err, sizeof(err)) != 0) {
		fprintf(stderr, "sim: %s\n", err);
		abort();
	}
	h->stack = stack_new(&sc, now_us);
	if (!h->stack)
		abort();
}

void host_thief(struct host *h)
{
	struct rte_mbuf *m;

	if (!h->stolen) {
		while ((m = rte_pktmbuf_alloc(h->pool)) != NULL) {
			m->next = h->stolen;
			h->stolen = m;
		}
		return;
	}
	while ((m = h->stolen) != NULL) {
		h->stolen = m->next;
		m->next = NULL;
		rte_pktmbuf_free(m);
	}
}

void host_fini(struct host *h)
{
	if (h->stolen)
		host_thief(h);
	stack_free(h->stack);
	if (rte_mempool_avail_count(h->pool) != h->pool->size)
		sim_fail(h->sim, "packet buffers leaked");
}

static struct rte_mbuf *receive(struct host *h, const struct wire_frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(h->pool);
	char *p = m ? rte_pktmbuf_append(m, (uint16_t)f->bytes) : NULL;

	if (!p) {
		h->rx_no_mbuf++;
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(p, f->data, f->bytes);
	return m;
}

void host_turn(struct host *h, struct wire *in, uint64_t now_us)
{
	struct rte_mbuf *burst[BURST];
	struct wire_frame *f;
	unsigned int n = 0;

	while (n < BURST && (f = wire_take(in, now_us)) != NULL) {
		burst[n] = receive(h, f);
		if (burst[n] && h->sim->check)
			watch_delivered(&h->sim->watch, h->index, f->data, f->bytes);
		if (burst[n])
			n++;
		free(f);
	}
	stack_input(h->stack, &h->netifs.netifs[0], burst, n, now_us);
	sim_app(h->sim, h->index);
	stack_tick(h->stack, now_us);
}
