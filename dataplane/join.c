/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "join.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "offload.h"
#include "pkt.h"
#include "tcp_hdr.h"

/* What is shorter had better be copied behind what came before it (tcp_rcvq.c): it must not hold a buffer of its own. */
#define SEGMENT_BYTES_MIN 512u

/* A data segment in a frame. */
struct piece {
	const uint8_t *ip, *tcp;
	uint32_t seq, bytes;
	uint16_t l4_offset, header_bytes;	/* of the frame; all headers */
	bool pushed;
};

/* Several of them that follow each other: m is the first one's frame, or NULL. */
struct run {
	struct rte_mbuf *m, *last;
	struct piece first;
	uint32_t next_seq, bytes;
	bool verified;			/* the first one's checksums */
};

/* The offset of the TCP header, or 0: there is none that could be joined to another. */
static uint16_t find_tcp(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *v4 = (const struct rte_ipv4_hdr *)(eth + 1);
	const struct rte_ipv6_hdr *v6 = (const struct rte_ipv6_hdr *)(eth + 1);
	uint16_t ip_bytes = (uint16_t)(m->data_len - sizeof(*eth));

	if (m->data_len < sizeof(*eth) + sizeof(*v4) + TCP_HDR_MIN + SEGMENT_BYTES_MIN || m->next != NULL ||
	    (m->ol_flags & (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_LRO)))
		return 0;
	if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
		bool good = v4->version_ihl == (4 << 4 | 5) && v4->next_proto_id == IPPROTO_TCP &&
			    v4->total_length == rte_cpu_to_be_16(ip_bytes) &&
			    !(v4->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK));

		return good ? sizeof(*eth) + sizeof(*v4) : 0;
	}
	if (eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV6) || *(const uint8_t *)v6 >> 4 != 6 || v6->proto != IPPROTO_TCP ||
	    v6->payload_len != rte_cpu_to_be_16((uint16_t)(ip_bytes - sizeof(*v6))))
		return 0;
	return sizeof(*eth) + sizeof(*v6);
}

/* False: not a plain data segment. */
static bool parse(const struct rte_mbuf *m, struct piece *p)
{
	const struct rte_tcp_hdr *tcp;
	uint32_t tcp_bytes;

	p->l4_offset = find_tcp(m);
	if (p->l4_offset == 0)
		return false;
	tcp = rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, p->l4_offset);
	tcp_bytes = (tcp->data_off >> 4) * 4u;
	if ((tcp->tcp_flags & ~TH_PSH) != TH_ACK || tcp_bytes < TCP_HDR_MIN || m->data_len <= p->l4_offset + tcp_bytes)
		return false;
	p->ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, sizeof(struct rte_ether_hdr));
	p->tcp = (const uint8_t *)tcp;
	p->header_bytes = (uint16_t)(p->l4_offset + tcp_bytes);
	p->seq = rte_be_to_cpu_32(tcp->sent_seq);
	p->bytes = m->data_len - p->header_bytes;
	p->pushed = (tcp->tcp_flags & TH_PSH) != 0;
	return p->bytes >= SEGMENT_BYTES_MIN;
}

static bool same(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
	return memcmp(a + from, b + from, to - from) == 0;
}

/* All but lengths, checksums, sequence number, PSH and IPv4's identification, which says nothing here. */
static bool same_headers(const struct piece *a, const struct piece *b)
{
	size_t tcp_bytes = (size_t)a->header_bytes - a->l4_offset;

	if (a->header_bytes != b->header_bytes || a->l4_offset != b->l4_offset ||
	    !same(a->ip - sizeof(struct rte_ether_hdr), b->ip - sizeof(struct rte_ether_hdr), 0,
		  sizeof(struct rte_ether_hdr)))
		return false;
	if (a->ip[0] >> 4 == 4 ? !same(a->ip, b->ip, 0, 2) || !same(a->ip, b->ip, 6, 10) || !same(a->ip, b->ip, 12, 20) :
				 !same(a->ip, b->ip, 0, 4) || !same(a->ip, b->ip, 6, 40))
		return false;
	return same(a->tcp, b->tcp, 0, 4) && same(a->tcp, b->tcp, 8, 13) && same(a->tcp, b->tcp, 14, 16) &&
	       same(a->tcp, b->tcp, 18, tcp_bytes);
}

static bool checksums_good(const struct rte_mbuf *m, const struct piece *p)
{
	uint64_t device = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	bool good = p->ip[0] >> 4 == 6 || device == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
		    (device == RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN &&
		     pkt_header_sum(p->ip, sizeof(struct rte_ipv4_hdr)) == 0xffff);

	return good && offload_tcp_checksum_good(m, p->l4_offset, p->ip);
}

static void set_checksums_good(struct rte_mbuf *m)
{
	m->ol_flags = (m->ol_flags & ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK)) |
		      RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

static void begin(struct run *r, struct rte_mbuf *m, const struct piece *p)
{
	*r = (struct run){ .m = m, .last = m, .first = *p, .next_seq = p->seq + p->bytes, .bytes = p->bytes };
	if (p->pushed)
		r->m = NULL;
}

/* Does @p go on where the run stops? */
static bool follows(const struct run *r, const struct piece *p)
{
	return r->m != NULL && p->seq == r->next_seq && p->bytes <= r->first.bytes &&
	       r->first.header_bytes + r->bytes + p->bytes <= JOIN_BYTES_MAX && same_headers(&r->first, p);
}

/* False: a checksum is wrong, and the run at its end. */
static bool verify(struct run *r, const struct rte_mbuf *m, const struct piece *p)
{
	if (!r->verified && checksums_good(r->m, &r->first)) {
		set_checksums_good(r->m);
		r->verified = true;
	}
	if (r->verified && checksums_good(m, p))
		return true;
	r->m = NULL;
	return false;
}

static void put_length(struct rte_mbuf *m)
{
	uint16_t ip_bytes = (uint16_t)(m->pkt_len - sizeof(struct rte_ether_hdr));
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct rte_ether_hdr));

	if (ip[0] >> 4 == 4)
		((struct rte_ipv4_hdr *)ip)->total_length = rte_cpu_to_be_16(ip_bytes);
	else
		((struct rte_ipv6_hdr *)ip)->payload_len =
			rte_cpu_to_be_16((uint16_t)(ip_bytes - sizeof(struct rte_ipv6_hdr)));
}

static void append(struct run *r, struct rte_mbuf *m, const struct piece *p)
{
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(r->m, struct rte_tcp_hdr *, r->first.l4_offset);
	bool ends = p->pushed || p->bytes < r->first.bytes;

	rte_pktmbuf_adj(m, p->header_bytes);
	r->last->next = m;
	r->last = m;
	r->m->nb_segs++;
	r->m->pkt_len += p->bytes;
	r->m->ol_flags |= RTE_MBUF_F_RX_LRO;
	r->m->tso_segsz = (uint16_t)r->first.bytes;
	put_length(r->m);
	r->bytes += p->bytes;
	r->next_seq += p->bytes;
	if (p->pushed)
		tcp->tcp_flags |= TH_PSH;
	if (ends)
		r->m = NULL;
}

unsigned int join_burst(struct rte_mbuf **mbufs, unsigned int n)
{
	struct run run = { .m = NULL };
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];
		struct piece p;

		if (!parse(m, &p)) {
			run.m = NULL;
			mbufs[kept++] = m;
		} else if (follows(&run, &p) && verify(&run, m, &p)) {
			append(&run, m, &p);
		} else {
			begin(&run, m, &p);
			mbufs[kept++] = m;
		}
	}
	return kept;
}
