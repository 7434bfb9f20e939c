/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz_box.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <rte_mbuf.h>

#include "base/assert.h"
#include "stack_private.h"
#include "tcp_ahead.h"

uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->data++;
}

size_t fuzz_bytes(struct fuzz_input *in, uint8_t *out, size_t max)
{
	size_t n = in->n < max ? in->n : max;

	if (n > 0)
		memcpy(out, in->data, n);
	in->data += n;
	in->n -= n;
	return n;
}

static void heap_free(void *buffer, void *opaque)
{
	free(buffer);
}

/* The frame in memory of its own: nothing that may be read lies after it. */
static struct rte_mbuf *on_heap(struct box *b, const struct frame *f)
{
	size_t shared = sizeof(struct rte_mbuf_ext_shared_info);
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->mbufs);
	struct rte_mbuf_ext_shared_info *info;
	char *buffer;

	/* The counter first, then the frame up to the block's last byte. */
	ASSERT(m != NULL);
	buffer = malloc(shared + f->n);
	ASSERT(buffer != NULL);
	info = (struct rte_mbuf_ext_shared_info *)buffer;
	info->free_cb = heap_free;
	info->fcb_opaque = NULL;
	rte_mbuf_ext_refcnt_set(info, 1);
	memcpy(buffer + shared, f->bytes, f->n);
	rte_pktmbuf_attach_extbuf(m, buffer, RTE_BAD_IOVA, (uint16_t)(shared + f->n), info);
	m->data_off = (uint16_t)shared;
	m->data_len = (uint16_t)f->n;
	m->pkt_len = (uint32_t)f->n;
	m->ol_flags |= f->rx_flags;
	m->vlan_tci = f->vlan_tci;
	return m;
}

void fuzz_give(struct box *b, unsigned int nif, const struct frame *f, uint8_t how)
{
	static const unsigned int splits[4] = { 0, 0, 1, 13 };
	struct rte_mbuf *m;

	b->split = splits[how & 3];
	m = (how & 3) == 1 ? on_heap(b, f) : box_mbuf(b, f);
	tcp_ahead(b->stack, &m, 1);	/* as with many connections open (stack.c) */
	stack_input(b->stack, &b->netifs.netifs[nif], &m, 1, b->now_us);
}

void fuzz_send(struct box *b, uint8_t to)
{
	static const char *const hops[] = { "192.0.2.9", "192.0.2.10", "8.8.8.8", "10.0.0.25",
					    "2001:db8:1::9", "2001:db8:1::a", "2400::1", "2001:db8:2::25" };
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->mbufs);
	struct frame f = { .n = 0 };
	struct ip_path p;
	struct addr a;
	int rc = addr_parse(hops[to % 8], &a) | ip_path_init(b->stack, &p, NULL, &a);

	ASSERT(rc == 0 && m != NULL);
	frame_tcp(&f, 993, 50000, to);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f.n), f.bytes, f.n);
	ip_output(b->stack, &p, m, IPPROTO_TCP, 20, 0);
}

void fuzz_check(struct box *b)
{
	struct neigh_table *t = &b->stack->neigh;
	uint32_t pending = 0, known = 0, used = 0;
	struct neigh_entry *e;

	TAILQ_FOREACH(e, &t->pending, link) {
		ASSERT(e->state == NEIGH_INCOMPLETE || e->state == NEIGH_FAILED);
		ASSERT(wheel_armed(&e->timer) && e->n_waiting <= NEIGH_WAITING_MAX);
		pending++;
	}
	TAILQ_FOREACH(e, &t->known, link) {
		ASSERT(e->state != NEIGH_INCOMPLETE && e->state != NEIGH_FAILED);
		ASSERT(wheel_armed(&e->timer) && e->n_waiting == 0 && e->header_bytes >= 14);
		/* Never a group's MAC, none, or our own. */
		ASSERT((e->header[0] & 1) == 0 &&
		       memcmp(e->header, &b->netifs.netifs[e->netif].mac, 6) != 0);
		known++;
	}
	ASSERT(pending == t->n_pending && pending + known == pool_in_use(&t->entries));
	for (uint32_t i = 0; i <= t->bucket_mask; i++) {
		for (uint32_t k = t->buckets[i]; k != 0; k = e->next) {
			e = pool_at(&t->entries, k - 1);
			ASSERT(e && neigh_lookup(b->stack, &b->netifs.netifs[e->netif], &e->addr) == e);
			used++;
		}
	}
	ASSERT(used == pool_in_use(&t->entries));
}
