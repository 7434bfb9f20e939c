/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_fake.h"

#include "tcp.h"
#include "tcp_ahead.h"

#include <string.h>
#include <rte_mbuf.h>

struct tcp_fake tcp_fake;

int tcp_stack_init(struct stack *s)
{
	memset(&tcp_fake, 0, sizeof(tcp_fake));
	return 0;
}

void tcp_stack_fini(struct stack *s)
{
}

void tcp_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info)
{
	tcp_fake.inputs++;
	tcp_fake.info = *info;
	tcp_fake.nif = nif;
	tcp_fake.pkt_len = m->pkt_len;
	tcp_fake.data_len = m->data_len;
	tcp_fake.ol_flags = m->ol_flags;
	tcp_fake.l3_len = (uint16_t)m->l3_len;
	memset(tcp_fake.first, 0, sizeof(tcp_fake.first));
	memcpy(tcp_fake.first, rte_pktmbuf_mtod(m, const void *), RTE_MIN((size_t)m->data_len, sizeof(tcp_fake.first)));
	for (uint32_t i = 0; i < RTE_MIN(m->pkt_len, (uint32_t)sizeof(tcp_fake.all)); i++)
		rte_memcpy(&tcp_fake.all[i], rte_pktmbuf_read(m, i, 1, &(uint8_t){ 0 }), 1);
	rte_pktmbuf_free(m);
}

void tcp_icmp_error(struct stack *s, const struct tuple *t, uint32_t seq, enum tcp_icmp kind, uint16_t mtu)
{
	tcp_fake.errors++;
	tcp_fake.tuple = *t;
	tcp_fake.seq = seq;
	tcp_fake.kind = kind;
	tcp_fake.mtu = mtu;
}

void tcp_turn_end(struct stack *s)
{
}

bool tcp_busy(const struct stack *s)
{
	return false;
}

struct tcp_conn *tcp_next_ready(struct stack *s)
{
	return NULL;
}

bool tcp_ahead_pays(const struct stack *s)
{
	(void)s;
	return false;
}

void tcp_ahead(const struct stack *s, struct rte_mbuf *const *mbufs, unsigned int n)
{
	(void)s;
	(void)mbufs;
	(void)n;
}

uint32_t tcp_conns(const struct stack *s)
{
	return 0;
}
