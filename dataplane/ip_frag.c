/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ip_frag.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

/* rte_ip_frag_table_del_expired_entries: experimental in 22.11, for years, and the same in 24.11. */
#ifndef ALLOW_EXPERIMENTAL_API
#define ALLOW_EXPERIMENTAL_API
#endif
#include <rte_ip_frag.h>
#include <rte_tcp.h>

#include "base/lines.h"
#include "ip.h"
#include "mbuf_reserve.h"
#include "netif.h"
#include "pkt.h"
#include "stack_private.h"
#include "steer.h"

#define IP4_BYTES 20u
#define IP6_BYTES 40u
#define EXT_BYTES 8u	/* the fragment header (RFC 8200 4.5) */

/* The table: buckets of entries, twice, for DPDK hashes twice. More than datagrams, so that few collide. */
#define BUCKETS 64u
#define BUCKET_ENTRIES 4u

struct ip_frags {
	struct stack *stack;
	struct rte_ip_frag_tbl *table;
	struct rte_ip_frag_death_row dead;
	struct wheel_timer timer;
	uint64_t stored_us;	/* when a fragment came into the table last */
};

/* What a fragment says of itself; offsets and lengths count from the end of the unfragmented header. */
struct piece {
	uint32_t offset, bytes;
	uint32_t header_bytes;	/* of IP, the fragment header included */
	uint8_t proto;
	bool more;
};

static struct piece piece4(const struct rte_ipv4_hdr *ip)
{
	uint16_t field = rte_be_to_cpu_16(ip->fragment_offset);

	return (struct piece){
		.offset = (field & RTE_IPV4_HDR_OFFSET_MASK) * 8u,
		.bytes = rte_be_to_cpu_16(ip->total_length) - IP4_BYTES,
		.header_bytes = IP4_BYTES, .proto = ip->next_proto_id, .more = field & RTE_IPV4_HDR_MF_FLAG,
	};
}

static struct piece piece6(const struct rte_ipv6_hdr *ip)
{
	const struct rte_ipv6_fragment_ext *ext = (const struct rte_ipv6_fragment_ext *)(ip + 1);
	uint16_t field = rte_be_to_cpu_16(ext->frag_data);

	return (struct piece){
		.offset = field & 0xfff8u,
		.bytes = rte_be_to_cpu_16(ip->payload_len) - EXT_BYTES,
		.header_bytes = IP6_BYTES + EXT_BYTES, .proto = ext->next_header, .more = field & RTE_IPV6_EHDR_MF_MASK,
	};
}

static struct piece piece_of(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? piece4((const struct rte_ipv4_hdr *)ip) : piece6((const struct rte_ipv6_hdr *)ip);
}

/* RFC 1858 and 3128: the first fragment holds the whole TCP header, and no other one any of it. */
static bool tiny(const struct rte_mbuf *m, const struct piece *p)
{
	const struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, p->header_bytes);

	if (p->offset > 0)
		return p->offset < sizeof(*tcp);
	return p->bytes < sizeof(*tcp) || p->bytes < (tcp->data_off >> 4) * 4u;
}

/* Why this fragment isn't worth keeping, or DROP_COUNT. */
static enum drop piece_check(struct rte_mbuf *m, const struct piece *p)
{
	if (p->proto != IPPROTO_TCP)
		return DROP_IP_FRAGMENT;	/* neighbour discovery among them (RFC 6980) */
	if (p->bytes == 0 || (p->more && p->bytes % 8 != 0) ||
	    p->header_bytes + p->offset + p->bytes > UINT16_MAX)
		return DROP_IP_FRAG_INVALID;
	if (p->offset == 0 && !pkt_pull(m, RTE_MIN(m->pkt_len, p->header_bytes + (uint32_t)sizeof(struct rte_tcp_hdr))))
		return DROP_IP_SHORT;
	return tiny(m, p) ? DROP_IP_FRAG_TINY : DROP_COUNT;
}

/* A whole packet, its data at the Ethernet header: here, or at the worker that has its connection. */
static void complete(struct stack *s, const struct netif *nif, struct rte_mbuf *m, uint32_t l2_bytes, bool v4)
{
	uint16_t owner = s->config.worker;

	/* The headers' sums were good; the segment's was never looked at. */
	m->ol_flags &= ~(RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_IP_CKSUM_MASK |
			 RTE_MBUF_F_RX_RSS_HASH);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	count_event(s->config.counters, EVENT_IP_REASSEMBLED);
	if (nif->steer && s->config.ops.hand_over)
		owner = steer_frame(nif->steer, m);
	if (owner < s->config.n_workers && owner != s->config.worker) {
		s->config.ops.hand_over(s->config.ops.arg, owner, m);
		return;
	}
	m->l2_len = l2_bytes & 0x7f;
	rte_pktmbuf_adj(m, (uint16_t)l2_bytes);
	if (v4)
		ip4_input(s, nif, m);
	else
		ip6_input(s, nif, m, true);
}

static bool overlap(const struct piece *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = i + 1; k < n; k++)
			if (p[i].offset < p[k].offset + p[k].bytes && p[k].offset < p[i].offset + p[i].bytes)
				return true;
	return false;
}

/*
 * DPDK gives back the fragments that it gave up, without a reason: those of one
 * datagram together with the new one @m, when that made the set impossible; @m alone,
 * when there is no place; others, when their time was over.
 */
static void bury(struct ip_frags *f, const struct rte_mbuf *m)
{
	struct rte_ip_frag_death_row *d = &f->dead;
	struct piece set[RTE_LIBRTE_IP_FRAG_MAX_FRAG + 1];
	struct counters *c = f->stack->config.counters;
	enum drop why = DROP_IP_FRAG_TIMEOUT;
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->cnt; i++) {
		if (d->row[i] == m)
			why = DROP_IP_FRAG_FULL;
		if (n < RTE_DIM(set))
			set[n++] = piece_of(rte_pktmbuf_mtod_offset(d->row[i], const uint8_t *, d->row[i]->l2_len));
	}
	if (why == DROP_IP_FRAG_FULL && n > 1)
		why = overlap(set, n) ? DROP_IP_FRAG_OVERLAP : DROP_IP_FRAG_MANY;
	counter_add(&c->drops[why], d->cnt);
	rte_ip_frag_free_death_row(d, 0);
}

static void expire(struct wheel_timer *t, uint64_t now_us)
{
	struct ip_frags *f = container_of(t, struct ip_frags, timer);
	uint64_t last_us = f->stored_us + IP_FRAG_TIMEOUT_US + 1;

	/* As many as the row holds at a time. */
	do {
		rte_ip_frag_table_del_expired_entries(f->table, &f->dead, now_us);
		if (f->dead.cnt == 0)
			break;
		bury(f, NULL);
	} while (true);
	if (now_us < last_us)
		wheel_arm(&f->stack->wheel, t, RTE_MIN(last_us, now_us + IP_FRAG_TIMEOUT_US / 4));
}

/* Keeps the fragment, or returns the whole that it completes. @m begins at the Ethernet header. */
static struct rte_mbuf *assemble(struct stack *s, struct rte_mbuf *m, uint32_t l2_bytes, const struct piece *p, bool v4)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, l2_bytes);
	struct ip_frags *f = s->frags;
	struct rte_mbuf *whole;

	m->l2_len = l2_bytes & 0x7f;
	m->l3_len = p->header_bytes & 0x1ff;
	if (v4)
		whole = rte_ipv4_frag_reassemble_packet(f->table, &f->dead, m, s->now_us, (struct rte_ipv4_hdr *)ip);
	else
		whole = rte_ipv6_frag_reassemble_packet(f->table, &f->dead, m, s->now_us, (struct rte_ipv6_hdr *)ip,
							(struct rte_ipv6_fragment_ext *)(ip + IP6_BYTES));
	if (f->dead.cnt > 0)
		bury(f, m);
	if (whole)
		return whole;
	f->stored_us = s->now_us;
	if (!wheel_armed(&f->timer))
		wheel_arm(&s->wheel, &f->timer, s->now_us + IP_FRAG_TIMEOUT_US + 1);
	return NULL;
}

/* RFC 6946: a "fragment" that is the whole stands for itself, whatever else has its identification. */
static void strip_atomic(struct rte_mbuf *m, uint32_t l2_bytes)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(frame + l2_bytes);

	ip->proto = frame[l2_bytes + IP6_BYTES];
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(ip->payload_len) - EXT_BYTES));
	memmove(frame + EXT_BYTES, frame, l2_bytes + IP6_BYTES);
	rte_pktmbuf_adj(m, EXT_BYTES);
}

void ip_frag_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, bool v4)
{
	uint32_t l2_bytes = m->l2_len;
	struct piece p;
	enum drop why;

	/* For IPv6 the fragment header as well. */
	if (!v4 && (rte_be_to_cpu_16(rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *)->payload_len) < EXT_BYTES ||
		    !pkt_pull(m, IP6_BYTES + EXT_BYTES))) {
		stack_drop(s, DROP_IP_SHORT, m);
		return;
	}
	p = piece_of(rte_pktmbuf_mtod(m, const uint8_t *));
	pkt_trim(m, p.header_bytes + p.bytes);
	why = piece_check(m, &p);
	if (why == DROP_COUNT && !mbuf_reserve_allows(&s->reserve, MBUF_USE_CONNECTION))
		why = DROP_NO_MBUF;
	if (why != DROP_COUNT) {
		stack_drop(s, why, m);
		return;
	}
	/* The Ethernet header is still there (eth.c). */
	if (!rte_pktmbuf_prepend(m, (uint16_t)l2_bytes)) {
		stack_drop(s, DROP_NO_MBUF, m);
		return;
	}
	if (!v4 && p.offset == 0 && !p.more)
		strip_atomic(m, l2_bytes);
	else
		m = assemble(s, m, l2_bytes, &p, v4);
	if (m)
		complete(s, nif, m, l2_bytes, v4);
}

int ip_frag_init(struct stack *s)
{
	struct ip_frags *f;

	s->frags = NULL;
	if (!s->config.reassemble)
		return 0;
	f = lines_alloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->stack = s;
	f->table = rte_ip_frag_table_create(BUCKETS, BUCKET_ENTRIES, IP_FRAG_DATAGRAMS, IP_FRAG_TIMEOUT_US, SOCKET_ID_ANY);
	if (!f->table) {
		free(f);
		return -ENOMEM;
	}
	wheel_timer_init(&f->timer, expire);
	s->frags = f;
	return 0;
}

void ip_frag_fini(struct stack *s)
{
	struct ip_frags *f = s->frags;

	if (!f)
		return;
	if (wheel_armed(&f->timer))
		wheel_cancel(&s->wheel, &f->timer);
	rte_ip_frag_table_destroy(f->table);
	free(f);
	s->frags = NULL;
}
