/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_packet.h"

#include <netinet/in.h>
#include <rte_mbuf.h>

#include "base/assert.h"

/* Devices take at least this many pieces of one packet (Intel's X710 no more), the header among them. */
#define PIECES_MAX 8

static struct rte_mbuf *packet_new(struct stack *s, size_t hdr_bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->config.mbufs);

	if (!m || !rte_pktmbuf_append(m, (uint16_t)hdr_bytes)) {
		rte_pktmbuf_free(m);
		count_drop(s->config.counters, DROP_NO_MBUF);
		return NULL;
	}
	return m;
}

static void copy_data(struct rte_mbuf *m, const struct tcp_data *d)
{
	char *to = rte_pktmbuf_append(m, (uint16_t)d->bytes);
	const struct rte_mbuf *from = d->m;
	uint32_t off = d->off, left = d->bytes;

	while (left > 0) {
		uint32_t n = RTE_MIN(left, from->data_len - off);

		rte_memcpy(to, rte_pktmbuf_mtod_offset(from, const char *, off), n);
		to += n;
		left -= n;
		from = from->next;
		off = 0;
	}
}

static unsigned int count_pieces(const struct tcp_data *d)
{
	uint32_t left = d->bytes, off = d->off;
	unsigned int n = 0;

	for (const struct rte_mbuf *m = d->m; left > 0; m = m->next, off = 0, n++)
		left -= RTE_MIN(left, m->data_len - off);
	return n;
}

uint32_t tcp_packet_most(const struct tcp_conn *c, const struct tcp_data *d)
{
	uint32_t off = d->off, most = 0;
	unsigned int n = 1;

	for (const struct rte_mbuf *m = d->m; n < tcp_netif(c)->tso_max_pieces && most < d->bytes; m = m->next, off = 0, n++)
		most += RTE_MIN(d->bytes - most, m->data_len - off);
	if (most == d->bytes)
		return most;
	/* One segment that is still in too many pieces is copied (put_data). */
	return RTE_MAX(most / c->mss, 1u) * c->mss;
}

/* Appends indirect mbufs that share the queued data. */
static bool attach_data(struct stack *s, struct rte_mbuf *m, const struct tcp_data *d)
{
	struct rte_mbuf *from = d->m, *last = m;
	uint32_t off = d->off, left = d->bytes;

	for (; left > 0; from = from->next, off = 0) {
		uint16_t n = (uint16_t)RTE_MIN(left, from->data_len - off);
		struct rte_mbuf *piece = rte_pktmbuf_alloc(s->config.mbufs);

		if (!piece)
			return false;
		rte_pktmbuf_attach(piece, from);
		piece->data_off = (uint16_t)(from->data_off + off);
		piece->data_len = n;
		piece->pkt_len = n;
		piece->next = NULL;
		piece->nb_segs = 1;
		last->next = piece;
		last = piece;
		m->nb_segs++;
		m->pkt_len += n;
		left -= n;
	}
	return true;
}

/* Is it for the device to cut? */
static bool is_long(const struct tcp_conn *c, const struct tcp_data *d)
{
	return d->bytes > c->mss && !d->whole;
}

static bool put_data(struct tcp_conn *c, struct rte_mbuf *m, const struct tcp_data *d)
{
	bool one_segment = !is_long(c, d);
	bool scatter = tcp_netif(c)->offloads & NETIF_TX_SCATTER;

	if (one_segment && d->bytes <= rte_pktmbuf_tailroom(m) &&
	    (!scatter || d->bytes <= TCP_COPY_BYTES || count_pieces(d) >= PIECES_MAX)) {
		copy_data(m, d);
		return true;
	}
	/* Without scatter this is an MTU larger than an mbuf: offload_finish decides. */
	return attach_data(c->stack, m, d);
}

bool tcp_packet_send(struct tcp_conn *c, uint32_t seq, uint8_t flags, uint16_t wnd,
		     const uint8_t *opts, size_t opts_bytes, const struct tcp_data *data)
{
	struct tcp_tx tx = {
		.seq = seq, .ack = (flags & TH_ACK) ? c->rcv_nxt : 0,
		.lport = c->tuple.lport, .fport = c->tuple.fport,
		.wnd = wnd, .flags = flags, .opts_bytes = (uint8_t)opts_bytes,
	};
	size_t hdr_bytes = TCP_HDR_MIN + opts_bytes;
	struct rte_mbuf *m = packet_new(c->stack, hdr_bytes);
	uint8_t *p;

	ASSERT(opts_bytes <= TCP_OPTS_MAX && opts_bytes % 4 == 0);
	if (!m)
		return false;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	tcp_hdr_put(p, &tx);
	memcpy(p + TCP_HDR_MIN, opts, opts_bytes);
	if (data->bytes > 0 && !put_data(c, m, data)) {
		rte_pktmbuf_free(m);
		count_drop(c->stack->config.counters, DROP_NO_MBUF);
		return false;
	}
	if (is_long(c, data)) {
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		m->tso_segsz = c->mss;
	}
	ip_output_hop(c->stack, &c->hop, &c->tuple.laddr, &c->tuple.faddr, m,
		      &(struct ip_tx){ .proto = IPPROTO_TCP, .l4_bytes = (uint8_t)hdr_bytes,
				       .tos = data->bytes > 0 && data->ect ? 2 : 0 });
	return true;
}

bool tcp_packet_send_bare(struct stack *s, struct ip_path *path, const struct tcp_tx *tx)
{
	struct rte_mbuf *m = packet_new(s, TCP_HDR_MIN);

	if (!m)
		return false;
	tcp_hdr_put(rte_pktmbuf_mtod(m, uint8_t *), tx);
	ip_output(s, path, m, IPPROTO_TCP, TCP_HDR_MIN, 0);
	return true;
}
