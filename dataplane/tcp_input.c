/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arriving segments: what any of them must pass, and whose they are. */
#include "tcp_input.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "offload.h"
#include "tcp_close.h"
#include "tcp_cookie.h"
#include "tcp_listen.h"
#include "tcp_output.h"
#include "tcp_table.h"

/* Combinations that no TCP sends: null, xmas, SYN with FIN or RST (RFC 9293 knows no use of them). */
static bool flags_possible(uint8_t flags)
{
	uint8_t f = flags & (TH_SYN | TH_FIN | TH_RST);

	if (f & (uint8_t)(f - 1))
		return false;
	return (flags & TH_ACK) || f == TH_SYN || f == TH_RST;
}

/*
 * RFC 6191 section 2: may this SYN follow the connection in TIME-WAIT? Timestamps
 * decide where both have them; where only the new one will have them, PAWS keeps the
 * old one's segments out; else the sequence numbers must go on. Section 2 would drop
 * the others silently; RFC 9293 3.10.7.4 has them answered, as our other states do.
 */
static bool may_follow(const struct tcp_conn *c, const struct tcp_rx *rx)
{
	if (c->state != TCPS_TIME_WAIT || (rx->flags & (TH_SYN | TH_ACK | TH_RST)) != TH_SYN)
		return false;
	if (c->ts_ok && rx->opts.has_ts && rx->opts.ts_val != c->ts_recent)
		return seq_gt(rx->opts.ts_val, c->ts_recent);
	if (!c->ts_ok && rx->opts.has_ts)
		return true;
	return seq_gt(rx->seq, c->rcv_nxt);
}

static void dispatch(struct stack *s, const struct netif *nif, struct rte_mbuf *m,
		     const struct ip_info *info, const struct tuple *t, struct tcp_rx *rx)
{
	struct tcp_conn *c = tcp_lookup(s, t);

	s->tcp.follows = c && may_follow(c, rx);
	if (s->tcp.follows) {
		s->tcp.follow_seq = c->snd_nxt;
		tcp_conn_end(c, 0);
		c = NULL;
	}
	if (c && c->state == TCPS_SYN_SENT) {
		tcp_input_syn_sent(c, m, rx);
	} else if (c) {
		tcp_input_conn(c, m, rx);
	} else if ((rx->flags & (TH_SYN | TH_ACK | TH_RST)) == TH_SYN) {
		/* Data in a SYN isn't kept: the client sends it again (RFC 9293 3.10.7.2 allows both). */
		tcp_listen_input(s, nif, info, t, rx);
		s->tcp.follows = false;
		rte_pktmbuf_free(m);
	} else if ((rx->flags & (TH_SYN | TH_ACK | TH_RST)) != TH_ACK || !tcp_cookie_input(s, nif, m, info, t, rx)) {
		tcp_reply_rst(s, info, t, rx);
		stack_drop(s, DROP_TCP_NO_CONNECTION, m);
	}
}

/* 0, or the reason to drop it. */
static int check(const struct rte_mbuf *m, const struct ip_info *info, struct tcp_rx *rx, enum drop *why)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	int err;

	if (m->data_len < TCP_HDR_MIN || info->payload_bytes < TCP_HDR_MIN || m->pkt_len < info->payload_bytes) {
		*why = DROP_TCP_SHORT;
		return -EMSGSIZE;
	}
	if (!offload_tcp_checksum_good(m, 0, p - m->l3_len)) {
		*why = DROP_TCP_CHECKSUM;
		return -EINVAL;
	}
	err = tcp_hdr_parse(p, m->data_len, info->payload_bytes, rx);
	if (err != 0) {
		*why = err == -EMSGSIZE ? DROP_TCP_SHORT : DROP_TCP_OPTIONS;
		return err;
	}
	if (!flags_possible(rx->flags)) {
		*why = DROP_TCP_FLAGS;
		return -EINVAL;
	}
	return 0;
}

void tcp_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info)
{
	const struct rte_tcp_hdr *h = rte_pktmbuf_mtod(m, const struct rte_tcp_hdr *);
	struct tuple t = { .laddr = info->dst, .faddr = info->src };
	struct tcp_rx rx;
	enum drop why;

	if (check(m, info, &rx, &why) != 0) {
		stack_drop(s, why, m);
		return;
	}
	rx.ce = (info->tos & 3) == 3;
	t.lport = rte_be_to_cpu_16(h->dst_port);
	t.fport = rte_be_to_cpu_16(h->src_port);
	if (m->pkt_len > info->payload_bytes &&
	    rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - info->payload_bytes)) != 0) {
		stack_drop(s, DROP_TCP_SHORT, m);
		return;
	}
	rte_pktmbuf_adj(m, rx.hdr_bytes);
	dispatch(s, nif, m, info, &t, &rx);
}
