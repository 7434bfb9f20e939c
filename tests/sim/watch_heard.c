/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an end learns from the frames that reach it, and that it answers them in time. */
#include <string.h>
#include <rte_common.h>

#include "sim.h"
#include "watch_private.h"

#define ACK_DELAY_US 501000u	/* RFC 9293 3.8.6.3: less than half a second, and a tick */

/* @heeded: the sender must take it, so its retransmission timer begins anew. */
static void acknowledged(struct watch *w, struct watch_end *e, uint32_t ack, bool heeded)
{
	size_t n = 0;

	if (e->acked == e->iss && lt(e->iss, ack))
		e->min_rtt_us = RTE_MIN(e->min_rtt_us, w->sim->now_us - e->progress_us);
	while (n < e->n_runs && leq(e->runs[n].end, ack)) {
		const struct watch_run *r = &e->runs[n++];

		if (r->times == 1 && r->gap_us == 0 && !r->sacked)
			e->min_rtt_us = RTE_MIN(e->min_rtt_us, w->sim->now_us - r->sent_us);
	}
	e->n_runs -= n;
	if (n > 0)
		memmove(e->runs, e->runs + n, e->n_runs * sizeof(*e->runs));
	e->acked = ack;
	if (heeded)
		e->progress_us = w->sim->now_us;
	if (e->renege && leq(e->renege_until, ack))
		e->renege = false;
}

static void sacked(struct watch_end *e, const struct segment *s, bool heeded)
{
	for (unsigned int i = 0; i < s->n_sack; i++)
		for (size_t k = 0; k < e->n_runs; k++)
			if (lt(e->acked, s->sack[i][0]) && leq(s->sack[i][0], e->runs[k].seq) && leq(e->runs[k].end, s->sack[i][1])) {
				e->runs[k].reported = true;
				e->runs[k].sacked |= heeded;
			}
}

/* RFC 9293 3.10.7.4 first: what isn't acceptable is answered, and its acknowledgment passed over. */
static bool acceptable(const struct watch_end *e, const struct segment *s)
{
	if (!e->has_ack)
		return true;
	return leq(s->seq, e->last_edge) && (s->end == s->seq ? leq(e->last_ack, s->seq) : lt(e->expect, s->end));
}

static void heard_ack(struct watch *w, struct watch_conn *c, int host, const struct segment *s, bool old)
{
	struct watch_end *e = &c->ends[host];
	uint32_t wnd = (uint32_t)s->wnd << ((s->flags & SEG_SYN) ? 0 : watch_scale(c, !host));
	bool heeded = !old && acceptable(e, s);

	if (!leq(s->ack, e->sent_max))
		return;
	e->edge = e->has_edge ? later(e->edge, s->ack + wnd) : s->ack + wnd;
	e->has_edge = true;
	e->wnd_max = RTE_MAX(e->wnd_max, wnd);
	if (lt(s->ack, e->acked))
		return;
	if (lt(e->acked, s->ack))
		acknowledged(w, e, s->ack, heeded);
	/* What it may pass over as old says nothing that it must keep to. */
	sacked(e, s, !old && e->has_ack && leq(e->last_ack, s->seq) && leq(s->seq, e->last_edge));
}

/* New data in order: from now on an answer is due. */
static void heard_data(struct watch *w, struct watch_end *e, const struct segment *s)
{
	uint32_t end = earlier(s->end, e->last_edge);

	e->full_bytes = RTE_MAX(e->full_bytes, s->bytes);
	/* RFC 5961 5.2: an acknowledgment as old as that may be an attacker's, and its data with it. */
	if (lt(s->ack, e->acked - e->wnd_max))
		return;
	if (!e->said || !e->has_ack || !leq(s->seq, e->expect) || !lt(e->expect, end))
		return;
	e->expect = end;
	if (e->waiting_us == 0)
		e->waiting_us = RTE_MAX(w->sim->now_us, 1u);
}

static void heard_syn(struct watch_end *e, const struct segment *s)
{
	/* Another answer to a SYN of its own (a cookie's) comes too late; another SYN begins anew. */
	if (e->has_irs && (e->irs == s->seq || (s->flags & SEG_ACK)))
		return;
	e->has_irs = true;
	e->irs = s->seq;
	e->got_max = s->seq + 1;
	e->has_ack = e->has_heard_ts = false;
	e->waiting_us = 0;
}

void watch_delivered(struct watch *w, int host, const uint8_t *frame, size_t bytes)
{
	struct watch_conn *c;
	struct watch_end *e;
	struct segment s;
	bool old, v6;

	if (w->sim->failed)
		return;
	if (!segment_read(&s, frame, bytes)) {
		if (frame_tells(frame, bytes, &v6) && w->asking[host][v6])
			watch_resolved(w, host, v6);
		return;
	}
	c = watch_find(w, !host, &s);
	if (!c || c->late_syn)
		return;
	e = &c->ends[host];
	e->heard++;
	e->fresh = true;
	if (s.flags & SEG_SYN)
		heard_syn(e, &s);
	if (s.flags & SEG_RST) {
		/* It may have ended by that; who is still there says so with the next segment. */
		e->said = false;
		e->waiting_us = 0;
	}
	if ((s.flags & SEG_RST) || !e->has_irs)
		return;
	old = s.has_ts && e->has_heard_ts && lt(s.ts_val, e->heard_ts);
	e->got_max = later(e->got_max, s.end);
	if (s.has_ts) {
		e->heard_ts = e->has_heard_ts ? later(e->heard_ts, s.ts_val) : s.ts_val;
		e->has_heard_ts = true;
	}
	if ((s.flags & SEG_ACK) && e->has_syn)
		heard_ack(w, c, host, &s, old);
	if (!(s.flags & SEG_SYN) && s.end != s.seq)
		heard_data(w, e, &s);
}

void watch_turn(struct watch *w, int host)
{
	if (w->sim->failed)
		return;
	for (unsigned int i = 0; i < WATCH_CONNS; i++) {
		struct watch_end *e = &w->conns[i].ends[host];
		uint32_t full = RTE_MIN(RTE_MAX(e->full_bytes, 536u), w->sim->scenario.hosts[host].rcv_buffer_bytes / 2);

		if (!w->conns[i].used)
			continue;
		e->fresh = false;
		if (e->waiting_us == 0 || w->asking[host][w->conns[i].v6] || watch_short_of_memory(w, host))
			continue;
		if (w->sim->now_us - e->waiting_us > ACK_DELAY_US)
			watch_fail(w, host, NULL, "port %u to %u hasn't acknowledged for %llu us", w->conns[i].ports[host], w->conns[i].ports[!host],
				   (unsigned long long)(w->sim->now_us - e->waiting_us));
		if (e->expect - e->last_ack >= 2 * full)
			watch_fail(w, host, NULL, "port %u to %u hasn't acknowledged %u bytes, two segments or more (RFC 9293 3.8.6.3)",
				   w->conns[i].ports[host], w->conns[i].ports[!host], e->expect - e->last_ack);
	}
}
