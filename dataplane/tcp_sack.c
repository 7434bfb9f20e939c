/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_sack.h"

#include "tcp_recovery.h"
#include "tcp_seg_ring.h"
#include "tcp_sndq.h"

/* Records looked at for the blocks of one acknowledgment, at most, beside those newly marked. */
#define SACK_STEPS 4096u

static void mark_sacked(struct tcp_conn *c, struct tcp_seg *g, struct tcp_acked *acked)
{
	if (g->flags & TCP_SEG_SACKED)
		return;
	tcp_sndq_delivered(c, g, acked);
	tcp_seg_forget(c, g);
	g->flags |= TCP_SEG_SACKED;
	tcp_rate_delivered(c, g, g->bytes);
	c->sacked_bytes += g->bytes;
	acked->sacked_bytes += g->bytes;
	acked->new_bytes += g->bytes;
}

/* Cuts @g so that what @block covers of it, in whole segments, is a record of its own. */
static struct tcp_seg *cut_to(struct tcp_conn *c, struct tcp_seg *g, const struct tcp_range *block)
{
	uint32_t before = 0, covered;

	if (g->bytes <= c->mss)
		return NULL;
	if (seq_gt(block->start, g->seq))
		before = (block->start - g->seq + c->mss - 1) / c->mss * c->mss;
	if (before >= tcp_seg_data(g))
		return NULL;
	if (before > 0) {
		if (!tcp_sndq_split(c, g, before))
			return NULL;
		g = tcp_seg_next(c, g);
	}
	if (seq_geq(block->end, tcp_seg_end(g)))
		return g;
	if (seq_leq(block->end, g->seq))
		return NULL;
	covered = (block->end - g->seq) / c->mss * c->mss;
	if (covered == 0 || covered >= g->bytes || covered > tcp_seg_data(g) || !tcp_sndq_split(c, g, covered))
		return NULL;
	return g;
}

/*
 * The first record that reaches into @block, looked for from the end that is nearer:
 * holes are few and near snd_una, or what isn't SACKed yet is near snd_nxt. NULL: the
 * search took too long; the peer will say it again, and the rest of the window is shorter then.
 */
static struct tcp_seg *first_of(struct tcp_conn *c, const struct tcp_range *block, unsigned int *steps)
{
	struct tcp_seg *g = tcp_seg_first(c), *before;

	if (block->start - c->snd_una <= c->snd_nxt - block->start) {
		for (; g && seq_leq(tcp_seg_end(g), block->start); g = tcp_seg_next(c, g))
			if ((*steps)-- == 0)
				return NULL;
		return g;
	}
	g = tcp_seg_last(c);
	while ((before = tcp_seg_prev(c, g)) != NULL && seq_gt(tcp_seg_end(before), block->start)) {
		if ((*steps)-- == 0)
			return NULL;
		g = before;
	}
	return g;
}

static void mark_block(struct tcp_conn *c, const struct tcp_range *block, struct tcp_acked *acked, unsigned int *steps)
{
	struct tcp_seg *g;

	for (g = first_of(c, block, steps); g && seq_lt(g->seq, block->end); g = tcp_seg_next(c, g)) {
		if (g->flags & TCP_SEG_SACKED) {
			if ((*steps)-- == 0)
				return;
		} else if (seq_geq(g->seq, block->start) && seq_leq(tcp_seg_end(g), block->end)) {
			mark_sacked(c, g, acked);
			g = tcp_sndq_join_sacked(c, g);
		} else {
			struct tcp_seg *covered = cut_to(c, g, block);

			if (covered) {
				mark_sacked(c, covered, acked);
				g = tcp_sndq_join_sacked(c, covered);
			}
		}
	}
}

void tcp_sack_input(struct tcp_conn *c, const struct tcp_range *blocks, unsigned int n, struct tcp_acked *acked)
{
	unsigned int steps = SACK_STEPS;

	for (unsigned int i = 0; i < n; i++) {
		const struct tcp_range *b = &blocks[i];

		/* D-SACK (RFC 2883) lies before snd_una or within another block: nothing to mark. */
		if (seq_leq(b->start, c->snd_una) || seq_geq(b->start, b->end) || seq_gt(b->end, c->snd_nxt))
			continue;
		mark_block(c, b, acked, &steps);
	}
}

void tcp_sack_forget(struct tcp_conn *c)
{
	struct tcp_seg *g, *after = NULL;

	TCP_SEG_FOREACH(g, c) {
		if (!(g->flags & TCP_SEG_SACKED))
			continue;
		g->flags &= (uint8_t)~TCP_SEG_SACKED;
		pool_ring_append(tcp_segs_by_time(c), &c->in_flight, g);
		tcp_seg_lost(c, g, &after);
	}
	c->sacked_bytes = 0;
}
