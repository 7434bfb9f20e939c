/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neigh_box.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_mbuf.h>


void path_to(struct box *b, struct ip_path *p, const char *dst)
{
	struct addr a;

	assert_int_equal(addr_parse(dst, &a), 0);
	assert_int_equal(ip_path_init(b->stack, p, NULL, &a), 0);
}

void out(struct box *b, struct ip_path *p, uint32_t seq)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->mbufs);
	struct frame f = { .n = 0 };

	assert_non_null(m);
	frame_tcp(&f, 40000, 143, seq);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f.n), f.bytes, f.n);
	ip_output(b->stack, p, m, IPPROTO_TCP, 20, 0);
}

void out_to(struct box *b, const char *dst, uint32_t seq)
{
	struct ip_path p;

	path_to(b, &p, dst);
	out(b, &p, seq);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool asks(const struct box *b, unsigned int i, const char *target, uint8_t mac)
{
	uint8_t to[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct addr a;
	size_t n;
	const uint8_t *p = box_sent(b, i, &n);

	assert_int_equal(addr_parse(target, &a), 0);
	if (mac)
		peer_mac(to, mac);
	return n == 42 && p[12] == 8 && p[13] == 6 && p[21] == 1 && memcmp(p, to, 6) == 0 &&
	       memcmp(p + 38, a.b + 12, 4) == 0;
}

bool carries(const struct box *b, unsigned int i, uint32_t seq, uint8_t mac)
{
	uint8_t to[6];
	size_t n;
	const uint8_t *p = box_sent(b, i, &n);

	peer_mac(to, mac);
	return n == 54 && p[12] == 8 && p[13] == 0 && memcmp(p, to, 6) == 0 && be32(p + 38) == seq;
}

void answers(struct box *b, const char *who, uint8_t mac)
{
	static const uint8_t us[6] = { 2, 0, 0, 0, 0, 1 };
	struct frame f;

	frame_arp(&f, us, 2, mac, who, 1, "192.0.2.1");
	box_give(b, 0, &f);
}

void claims(struct box *b, const char *who, uint8_t mac)
{
	struct frame f;

	frame_arp(&f, NULL, 1, mac, who, 0, who);
	box_give(b, 0, &f);
}

enum neigh_state state_of(struct box *b, const char *who)
{
	const struct neigh_entry *e;
	struct addr a;

	assert_int_equal(addr_parse(who, &a), 0);
	e = neigh_lookup(b->stack, &b->netifs.netifs[0], &a);
	return e ? (enum neigh_state)e->state : (enum neigh_state)99;
}

void resolve(struct box *b, const char *who, uint8_t mac)
{
	out_to(b, who, 1);
	answers(b, who, mac);
	assert_int_equal(state_of(b, who), NEIGH_REACHABLE);
	box_clear(b);
}
