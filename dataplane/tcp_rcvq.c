/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_rcvq.h"

#include <errno.h>
#include <rte_mbuf.h>

#include "base/assert.h"

/* A full segment on Ethernet. */
#define SEGMENT_BYTES 1460u

/* A received run of bytes: mbufs linked by next, each with its own data_len. */
struct run {
	uint32_t start, end;
	struct rte_mbuf *head, *tail;
};

static size_t ooo_bytes(uint32_t blocks)
{
	return sizeof(struct tcp_ooo) + blocks * sizeof(struct tcp_ooo_block);
}

/* Few holes are the rule, and what is handed out is cleared: most queues are small. */
int tcp_rcvq_init(struct tcp_stack *t, uint32_t max_conns, uint32_t rcv_buffer_bytes)
{
	uint32_t blocks = rcv_buffer_bytes / (2 * SEGMENT_BYTES) + 2;
	uint32_t n = RTE_MIN(max_conns, 256 + max_conns / 8), n_large = 0;

	t->ooo_blocks = RTE_MIN(RTE_MAX(blocks, TCP_OOO_BLOCKS_MIN), TCP_OOO_BLOCKS_MAX);
	if (t->ooo_blocks > TCP_OOO_BLOCKS_MIN)
		n_large = RTE_MIN(n, (uint32_t)(TCP_OOO_BYTES_MAX / ooo_bytes(t->ooo_blocks)));
	if (pool_init(&t->ooos, ooo_bytes(TCP_OOO_BLOCKS_MIN), n) != 0)
		return -ENOMEM;
	return pool_init(&t->ooos_large, ooo_bytes(t->ooo_blocks), n_large);
}

void tcp_rcvq_fini(struct tcp_stack *t)
{
	pool_fini(&t->ooos);
	pool_fini(&t->ooos_large);
}

static struct tcp_ooo *ooo_new(struct tcp_stack *t)
{
	struct tcp_ooo *o = pool_get(&t->ooos);

	if (o)
		o->max = TCP_OOO_BLOCKS_MIN;
	return o;
}

static void ooo_free(struct tcp_stack *t, struct tcp_ooo *o)
{
	pool_put(o->max > TCP_OOO_BLOCKS_MIN ? &t->ooos_large : &t->ooos, o);
}

/* All blocks of @c are used: more of them. False: it has the most, or none is left. */
static bool ooo_enlarge(struct tcp_conn *c)
{
	struct tcp_stack *t = &c->stack->tcp;
	struct tcp_ooo *large = c->ooo->max < t->ooo_blocks ? pool_get(&t->ooos_large) : NULL;

	if (!large)
		return false;
	memcpy(large, c->ooo, ooo_bytes(c->ooo->n));
	large->max = t->ooo_blocks;
	ooo_free(t, c->ooo);
	c->ooo = large;
	return true;
}

static void free_mbuf(struct stack *s, struct rte_mbuf *m)
{
	s->reserve.held--;
	m->next = NULL;
	rte_pktmbuf_free_seg(m);
}

static void free_run(struct stack *s, struct rte_mbuf *m)
{
	while (m) {
		struct rte_mbuf *next = m->next;

		free_mbuf(s, m);
		m = next;
	}
}

/* Frees empty mbufs; leaves at least one byte or nothing. */
static void drop_empty(struct stack *s, struct run *r)
{
	struct rte_mbuf **at = &r->head;

	r->tail = NULL;
	while (*at) {
		struct rte_mbuf *m = *at;

		if (m->data_len == 0) {
			*at = m->next;
			free_mbuf(s, m);
		} else {
			r->tail = m;
			at = &m->next;
		}
	}
}

static void cut_front(struct stack *s, struct run *r, uint32_t bytes)
{
	r->start += bytes;
	for (struct rte_mbuf *m = r->head; bytes > 0; m = m->next) {
		uint16_t n = (uint16_t)RTE_MIN(bytes, m->data_len);

		m->data_off = (uint16_t)(m->data_off + n);
		m->data_len = (uint16_t)(m->data_len - n);
		bytes -= n;
	}
	drop_empty(s, r);
}

static void cut_back(struct stack *s, struct run *r, uint32_t bytes)
{
	uint32_t keep = r->end - r->start - bytes;

	r->end -= bytes;
	for (struct rte_mbuf *m = r->head; m; m = m->next) {
		uint16_t n = (uint16_t)RTE_MIN(keep, m->data_len);

		m->data_len = n;
		keep -= n;
	}
	drop_empty(s, r);
}

static bool may_write(struct rte_mbuf *m)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

/* Appends the chain head..tail to *dst_head..*dst_tail, by copy when both ends are small. */
static void join(struct stack *s, struct rte_mbuf **dst_head, struct rte_mbuf **dst_tail,
		 struct rte_mbuf *head, struct rte_mbuf *tail)
{
	struct rte_mbuf *last = *dst_tail;

	if (!last) {
		*dst_head = head;
		*dst_tail = tail;
		return;
	}
	if (head == tail && (head->data_len <= TCP_SMALL_BYTES || last->data_len < 1024) &&
	    may_write(last) && rte_pktmbuf_tailroom(last) >= head->data_len) {
		memcpy(rte_pktmbuf_mtod_offset(last, char *, last->data_len),
		       rte_pktmbuf_mtod(head, char *), head->data_len);
		last->data_len = (uint16_t)(last->data_len + head->data_len);
		free_mbuf(s, head);
		return;
	}
	last->next = head;
	*dst_tail = tail;
}

static void remove_block(struct tcp_ooo *o, uint32_t i)
{
	o->n--;
	memmove(&o->blocks[i], &o->blocks[i + 1], (o->n - i) * sizeof(o->blocks[0]));
}

static void forget_if_empty(struct tcp_conn *c)
{
	if (c->ooo && c->ooo->n == 0) {
		ooo_free(&c->stack->tcp, c->ooo);
		c->ooo = NULL;
	}
}

static void deliver(struct tcp_conn *c, struct rte_mbuf *head, struct rte_mbuf *tail, uint32_t end)
{
	c->rcv_bytes += end - c->rcv_nxt;
	c->rcv_nxt = end;
	join(c->stack, &c->rcv_head, &c->rcv_tail, head, tail);
}

/* rcv_nxt moved: early blocks may be in order now, or be covered in part. */
static void deliver_blocks(struct tcp_conn *c)
{
	struct tcp_ooo *o = c->ooo;

	while (o && o->n > 0 && seq_leq(o->blocks[0].start, c->rcv_nxt)) {
		struct tcp_ooo_block *b = &o->blocks[0];
		struct run r = { b->start, b->end, b->head, b->tail };

		remove_block(o, 0);
		if (seq_leq(r.end, c->rcv_nxt)) {
			free_run(c->stack, r.head);
			continue;
		}
		if (r.start != c->rcv_nxt)
			cut_front(c->stack, &r, c->rcv_nxt - r.start);
		deliver(c, r.head, r.tail, r.end);
	}
	forget_if_empty(c);
}

/* What of @r was there already: the first run of it is told to the peer. */
static void note_dup(struct tcp_range *dup, uint32_t start, uint32_t end)
{
	if (dup->start == dup->end)
		*dup = (struct tcp_range){ start, end };
}

/* Cuts off what is there already and drops blocks that @r covers whole. False: nothing of @r is new. */
static bool make_disjoint(struct stack *s, struct tcp_ooo *o, struct run *r, struct tcp_range *dup)
{
	for (uint32_t i = 0; i < o->n;) {
		struct tcp_ooo_block *b = &o->blocks[i];

		if (seq_leq(b->start, r->start) && seq_geq(b->end, r->end)) {
			b->stamp = ++o->stamp;	/* the block around it is reported first (RFC 2883 section 4) */
			note_dup(dup, r->start, r->end);
			return false;
		}
		if (seq_geq(b->start, r->start) && seq_leq(b->end, r->end)) {
			note_dup(dup, b->start, b->end);
			free_run(s, b->head);
			remove_block(o, i);
			continue;
		}
		if (seq_leq(b->start, r->start) && seq_gt(b->end, r->start)) {
			note_dup(dup, r->start, b->end);
			cut_front(s, r, b->end - r->start);
		} else if (seq_lt(b->start, r->end) && seq_geq(b->end, r->end)) {
			note_dup(dup, b->start, r->end);
			cut_back(s, r, r->end - b->start);
		}
		i++;
	}
	return true;
}

/* Puts the disjoint @r into its place, melted with neighbours that touch it. False: no block left. */
static bool insert_run(struct stack *s, struct tcp_ooo *o, const struct run *r)
{
	struct tcp_ooo_block *b;
	uint32_t i = o->n;

	while (i > 0 && seq_lt(r->start, o->blocks[i - 1].start))
		i--;
	b = &o->blocks[i];
	if (i > 0 && b[-1].end == r->start) {
		b--;
		join(s, &b->head, &b->tail, r->head, r->tail);
		b->end = r->end;
		i--;
	} else {
		if (o->n == o->max && !(i < o->n && b->start == r->end))
			return false;
		if (i < o->n && b->start == r->end) {
			struct rte_mbuf *head = r->head, *tail = r->tail;

			join(s, &head, &tail, b->head, b->tail);
			*b = (struct tcp_ooo_block){ r->start, b->end, ++o->stamp, head, tail };
			return true;
		}
		memmove(b + 1, b, (o->n - i) * sizeof(*b));
		o->n++;
		*b = (struct tcp_ooo_block){ r->start, r->end, 0, r->head, r->tail };
	}
	b->stamp = ++o->stamp;
	if (i + 1 < o->n && b[1].start == b->end) {
		join(s, &b->head, &b->tail, b[1].head, b[1].tail);
		b->end = b[1].end;
		remove_block(o, i + 1);
	}
	return true;
}

static enum tcp_rcvq_verdict input_early(struct tcp_conn *c, struct run *r, struct tcp_range *dup)
{
	if (!c->ooo && mbuf_reserve_allows(&c->stack->reserve, MBUF_USE_QUEUE))
		c->ooo = ooo_new(&c->stack->tcp);
	if (!c->ooo) {
		free_run(c->stack, r->head);
		return TCP_RCVQ_FULL;
	}
	if (!make_disjoint(c->stack, c->ooo, r, dup)) {
		free_run(c->stack, r->head);
		return TCP_RCVQ_DUPLICATE;
	}
	if (!insert_run(c->stack, c->ooo, r) && !(ooo_enlarge(c) && insert_run(c->stack, c->ooo, r))) {
		free_run(c->stack, r->head);
		forget_if_empty(c);
		return TCP_RCVQ_FULL;
	}
	return TCP_RCVQ_OUT_OF_ORDER;
}

enum tcp_rcvq_verdict tcp_rcvq_input(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint32_t bytes,
				     struct tcp_range *dup)
{
	struct run r = { seq, seq + bytes, m, NULL };

	*dup = (struct tcp_range){ seq, seq_lt(seq, c->rcv_nxt) ? seq_min(r.end, c->rcv_nxt) : seq };
	c->stack->reserve.held += m->nb_segs;
	drop_empty(c->stack, &r);
	if (seq_leq(r.end, c->rcv_nxt)) {
		free_run(c->stack, r.head);
		return TCP_RCVQ_DUPLICATE;
	}
	if (seq_lt(r.start, c->rcv_nxt))
		cut_front(c->stack, &r, c->rcv_nxt - r.start);
	if (seq_gt(r.end, c->rcv_adv)) {
		if (seq_geq(r.start, c->rcv_adv)) {
			free_run(c->stack, r.head);
			return TCP_RCVQ_FULL;
		}
		cut_back(c->stack, &r, r.end - c->rcv_adv);
	}
	if (r.start != c->rcv_nxt)
		return input_early(c, &r, dup);
	if (c->rcv_bytes >= TCP_PRESSURE_BYTES && !mbuf_reserve_allows(&c->stack->reserve, MBUF_USE_QUEUE)) {
		free_run(c->stack, r.head);
		return TCP_RCVQ_FULL;
	}
	if (c->ooo && seq_lt(c->ooo->blocks[0].start, r.end))
		note_dup(dup, c->ooo->blocks[0].start, seq_min(c->ooo->blocks[0].end, r.end));
	deliver(c, r.head, r.tail, r.end);
	deliver_blocks(c);
	return TCP_RCVQ_IN_ORDER;
}

struct rte_mbuf *tcp_rcvq_take(struct tcp_conn *c, uint32_t max_bytes)
{
	struct rte_mbuf *head = c->rcv_head, *last = head;
	uint32_t bytes;
	uint16_t segs = 1;

	if (!head)
		return NULL;
	bytes = head->data_len;
	while (last->next && bytes + last->next->data_len <= max_bytes && segs < UINT16_MAX) {
		last = last->next;
		bytes += last->data_len;
		segs++;
	}
	c->rcv_head = last->next;
	if (!c->rcv_head)
		c->rcv_tail = NULL;
	last->next = NULL;
	head->nb_segs = segs;
	head->pkt_len = bytes;
	c->rcv_bytes -= bytes;
	c->stack->reserve.held -= segs;
	return head;
}

void tcp_rcvq_cut(struct tcp_conn *c, uint16_t bytes)
{
	ASSERT(c->rcv_head && bytes < c->rcv_head->data_len);
	c->rcv_head->data_off = (uint16_t)(c->rcv_head->data_off + bytes);
	c->rcv_head->data_len = (uint16_t)(c->rcv_head->data_len - bytes);
	c->rcv_bytes -= bytes;
}

uint32_t tcp_rcvq_end(const struct tcp_conn *c)
{
	return c->ooo ? c->ooo->blocks[c->ooo->n - 1].end : c->rcv_nxt;
}

unsigned int tcp_rcvq_sack(const struct tcp_conn *c, struct tcp_range *out, unsigned int max)
{
	const struct tcp_ooo *o = c->ooo;
	uint32_t below = UINT32_MAX;
	unsigned int n = 0;

	while (o && n < max) {
		const struct tcp_ooo_block *newest = NULL;

		for (uint32_t i = 0; i < o->n; i++)
			if (o->blocks[i].stamp < below && (!newest || o->blocks[i].stamp > newest->stamp))
				newest = &o->blocks[i];
		if (!newest)
			break;
		below = newest->stamp;
		out[n++] = (struct tcp_range){ newest->start, newest->end };
	}
	return n;
}

void tcp_rcvq_purge(struct tcp_conn *c)
{
	free_run(c->stack, c->rcv_head);
	c->rcv_head = c->rcv_tail = NULL;
	c->rcv_bytes = 0;
	tcp_rcvq_renege(c);
}

void tcp_rcvq_renege(struct tcp_conn *c)
{
	if (!c->ooo)
		return;
	for (uint32_t i = 0; i < c->ooo->n; i++)
		free_run(c->stack, c->ooo->blocks[i].head);
	c->ooo->n = 0;
	forget_if_empty(c);
}

static unsigned int count_run(const struct rte_mbuf *m, const struct rte_mbuf *tail, uint32_t bytes)
{
	unsigned int n = 0;
	uint32_t sum = 0;

	for (; m; m = m->next) {
		ASSERT(m->data_len > 0 && (m->next || m == tail));
		sum += m->data_len;
		n++;
	}
	ASSERT(sum == bytes);
	return n;
}

unsigned int tcp_rcvq_mbufs(const struct tcp_conn *c)
{
	unsigned int n = count_run(c->rcv_head, c->rcv_tail, c->rcv_bytes);

	for (uint32_t i = 0; c->ooo && i < c->ooo->n; i++) {
		const struct tcp_ooo_block *b = &c->ooo->blocks[i];

		n += count_run(b->head, b->tail, b->end - b->start);
	}
	return n;
}

void tcp_rcvq_check(const struct tcp_conn *c)
{
	uint32_t early = 0, after = c->rcv_nxt, n = c->ooo ? c->ooo->n : 0;

	ASSERT(!c->ooo || (n > 0 && n <= c->ooo->max));
	for (uint32_t i = 0; i < n; i++) {
		const struct tcp_ooo_block *b = &c->ooo->blocks[i];

		ASSERT(seq_gt(b->start, after) && seq_gt(b->end, b->start));
		ASSERT(seq_leq(b->end, c->rcv_adv));
		early += b->end - b->start;
		after = b->end;
	}
	ASSERT((c->rcv_head == NULL) == (c->rcv_bytes == 0));
	ASSERT(tcp_rcvq_mbufs(c) <= 2 * (1 + n) + (c->rcv_bytes + early) / 256);
}
