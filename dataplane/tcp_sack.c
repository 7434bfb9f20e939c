/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_sack.h"

#include "tcp_recovery.h"
#include "tcp_sndq.h"

static uint32_t mark_sacked(struct tcp_conn *c, struct tcp_seg *g)
{
	if (g->flags & TCP_SEG_SACKED)
		return 0;
	tcp_seg_not_lost(c, g);
	g->flags |= TCP_SEG_SACKED;
	c->sacked_bytes += g->bytes;
	return g->bytes;
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
		g = TAILQ_NEXT(g, link);
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

static uint32_t mark_block(struct tcp_conn *c, const struct tcp_range *block)
{
	struct tcp_seg *g;
	uint32_t newly = 0;

	TAILQ_FOREACH(g, &c->segs, link) {
		if (seq_leq(tcp_seg_end(g), block->start))
			continue;
		if (seq_geq(g->seq, block->end))
			break;
		if (seq_geq(g->seq, block->start) && seq_leq(tcp_seg_end(g), block->end)) {
			newly += mark_sacked(c, g);
		} else if (!(g->flags & TCP_SEG_SACKED)) {
			struct tcp_seg *covered = cut_to(c, g, block);

			if (covered) {
				newly += mark_sacked(c, covered);
				g = covered;
			}
		}
	}
	return newly;
}

uint32_t tcp_sack_input(struct tcp_conn *c, const struct tcp_range *blocks, unsigned int n)
{
	uint32_t newly = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct tcp_range *b = &blocks[i];

		/* D-SACK (RFC 2883) lies before snd_una or within another block: nothing to mark. */
		if (seq_leq(b->start, c->snd_una) || seq_geq(b->start, b->end) || seq_gt(b->end, c->snd_nxt))
			continue;
		newly += mark_block(c, b);
	}
	return newly;
}

uint32_t tcp_sack_mark_lost(struct tcp_conn *c)
{
	uint32_t above = 0, newly = 0;
	struct tcp_seg *g;

	if (c->sacked_bytes == 0)
		return 0;
	TAILQ_FOREACH_REVERSE(g, &c->segs, tcp_seg_list, link) {
		if (g->flags & TCP_SEG_SACKED)
			above += g->bytes;
		else if (above > (TCP_DUP_THRESH - 1) * c->mss && !(g->flags & TCP_SEG_LOST))
			newly += tcp_seg_lost(c, g);
	}
	return newly;
}

void tcp_sack_forget(struct tcp_conn *c)
{
	struct tcp_seg *g;

	TAILQ_FOREACH(g, &c->segs, link)
		g->flags &= (uint8_t)~TCP_SEG_SACKED;
	c->sacked_bytes = 0;
}
