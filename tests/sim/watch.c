/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <rte_common.h>

#include "sim.h"
#include "tcp_hdr.h"
#include "tcp_limits.h"
#include "watch_private.h"

#define SILENCE_US 190000u		/* a persist or retransmission timer's, at least */
#define PROBE_US 9000u			/* a tail loss probe's (RFC 8985 7.2), at least */
#define RTO_MAX_US 60000000u

void watch_fail(struct watch *w, int host, const struct segment *s, const char *format, ...)
{
	char text[160];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (s)
		sim_fail(w->sim, "at %llu us, host %d, port %u to %u, seq %u, %u bytes: %s",
			 (unsigned long long)(w->sim->now_us - w->sim->start_us), host, s->sport, s->dport, s->seq, s->bytes, text);
	else
		sim_fail(w->sim, "at %llu us, host %d: %s",
			 (unsigned long long)(w->sim->now_us - w->sim->start_us), host, text);
}

void watch_init(struct watch *w, struct sim *s)
{
	memset(w, 0, sizeof(*w));
	w->sim = s;
}

static void clear(struct watch_conn *c)
{
	for (int i = 0; i < 2; i++)
		free(c->ends[i].runs);
	memset(c, 0, sizeof(*c));
}

void watch_fini(struct watch *w)
{
	for (unsigned int i = 0; i < WATCH_CONNS; i++)
		clear(&w->conns[i]);
}

/* Its memory may be short: then it may forget, and answer late. */
bool watch_short_of_memory(const struct watch *w, int host)
{
	const struct host_config *h = &w->sim->scenario.hosts[host];

	return w->sim->scenario.thief || h->small_pool > 0 || h->queue_mbufs > 0;
}

void watch_resolved(struct watch *w, int host, bool v6)
{
	w->asking[host][v6] = false;
	w->resolved_us[host][v6] = w->sim->now_us;
	for (unsigned int i = 0; i < WATCH_CONNS; i++) {
		struct watch_end *e = &w->conns[i].ends[host];

		if (!w->conns[i].used || w->conns[i].v6 != v6)
			continue;
		e->unseen = true;
		e->waiting_us = 0;
		e->expect = e->last_ack;
		/* Nor is it known when these were last sent. */
		for (size_t k = 0; k < e->n_runs; k++) {
			e->runs[k].late = true;
			e->runs[k].times = 1;
			e->runs[k].gap_us = 0;
		}
	}
}

struct watch_conn *watch_find(struct watch *w, int host, const struct segment *s)
{
	for (unsigned int i = 0; i < WATCH_CONNS; i++) {
		struct watch_conn *c = &w->conns[i];

		if (c->used && c->v6 == s->v6 && c->ports[host] == s->sport && c->ports[!host] == s->dport)
			return c;
	}
	return NULL;
}

static void take_syn_options(struct watch_end *e, const struct segment *s, uint64_t now_us)
{
	e->has_syn = true;
	if (!e->said && (e->n_runs == 0)) {
		e->iss = e->acked = s->seq;
		e->sent_max = s->seq + 1;
		e->min_rtt_us = UINT64_MAX;
		e->progress_us = now_us;	/* of the handshake: its round trip counts, from the last SYN */
	}
	e->opt_ts = s->has_ts;
	e->opt_sack = s->sack_permitted;
	e->opt_wscale = s->has_wscale;
	e->wscale = (uint8_t)RTE_MIN(s->wscale, 14u);
	e->mss = s->has_mss ? s->mss : s->v6 ? 1220 : 536;
}

uint8_t watch_scale(const struct watch_conn *c, int host)
{
	return c->ends[host].opt_wscale && c->ends[!host].opt_wscale ? c->ends[host].wscale : 0;
}

/* A SYN begins a connection, or says the same again. */
static struct watch_conn *sent_syn(struct watch *w, int host, const struct segment *s, struct watch_conn *c)
{
	struct watch_end *e;

	if (c && c->ends[host].has_syn && c->ends[host].iss != s->seq && !(s->flags & SEG_ACK)) {
		clear(c);
		c = NULL;
	}
	/* It was over (a RST said so, perhaps), and an old SYN came late: of this nothing will come. */
	if (c && (s->flags & SEG_ACK) && (c->ends[host].said || (c->ends[host].has_ack && lt(s->ack, c->ends[host].last_ack))))
		c->late_syn = true;
	if (!c) {
		for (unsigned int i = 0; i < WATCH_CONNS && !c; i++)
			if (!w->conns[i].used)
				c = &w->conns[i];
		if (!c)
			c = &w->conns[w->next++ % WATCH_CONNS];
		clear(c);
		c->used = true;
		c->v6 = s->v6;
		c->ports[host] = s->sport;
		c->ports[!host] = s->dport;
	}
	e = &c->ends[host];
	if (e->has_syn && e->iss != s->seq)
		e->resync = true;
	take_syn_options(e, s, w->sim->now_us);
	if (s->bytes > 0)
		watch_fail(w, host, s, "data in a SYN");
	if ((s->flags & SEG_ACK) && c->ends[!host].has_syn &&
	    ((s->has_ts && !c->ends[!host].opt_ts) || (s->has_wscale && !c->ends[!host].opt_wscale) ||
	     (s->sack_permitted && !c->ends[!host].opt_sack)))
		watch_fail(w, host, s, "a SYN-ACK with options that the SYN hadn't (RFC 7323 1.3, RFC 2018 2)");
	return c;
}

static void add_run(struct watch_end *e, size_t at, struct watch_run run)
{
	if (e->n_runs == e->cap_runs) {
		e->cap_runs = e->cap_runs ? 2 * e->cap_runs : 64;
		e->runs = realloc(e->runs, e->cap_runs * sizeof(*e->runs));
		if (!e->runs)
			abort();
	}
	memmove(&e->runs[at + 1], &e->runs[at], (e->n_runs - at) * sizeof(run));
	e->runs[at] = run;
	e->n_runs++;
}

/* So that no run reaches over @seq. */
static void cut_runs(struct watch_end *e, uint32_t seq)
{
	for (size_t i = 0; i < e->n_runs; i++) {
		struct watch_run *r = &e->runs[i], tail = *r;

		if (!lt(r->seq, seq) || !lt(seq, r->end))
			continue;
		r->end = tail.seq = seq;
		add_run(e, i + 1, tail);
		return;
	}
}

/* Sent again: is there a reason? */
static void check_again(struct watch *w, int host, struct watch_end *e, const struct segment *s, const struct watch_run *r)
{
	uint64_t now = w->sim->now_us, gap = now - r->sent_us;
	/* What waited for a neighbour's address says nothing of time. */
	bool heard = e->heard > r->heard || r->late || w->resolved_us[host][s->v6] == now;

	if (!heard && gap < PROBE_US && now - e->progress_us < SILENCE_US)
		watch_fail(w, host, s, "sent again after %llu us, and nothing was heard since", (unsigned long long)gap);
	/* The retransmission timer may run since the last progress. */
	if (!heard && e->min_rtt_us != UINT64_MAX && gap < e->min_rtt_us && now - e->progress_us < SILENCE_US)
		watch_fail(w, host, s, "sent again after %llu us, less than a round trip of %llu", (unsigned long long)gap,
		     (unsigned long long)e->min_rtt_us);
	/*
	 * The oldest's time-outs, which leave none of them out: doubled each time; the first may
	 * have been a probe's. A tick of the wheel may miss.
	 */
	if (!heard && r == e->runs && r->times >= 3 && gap + gap / 2 < 2 * r->gap_us && gap < RTO_MAX_US && !watch_short_of_memory(w, host))
		watch_fail(w, host, s, "sent again after %llu us, the time before after %llu: no back-off (RFC 6298 5.5)",
		     (unsigned long long)gap, (unsigned long long)r->gap_us);
}

static void sent_again(struct watch *w, int host, struct watch_end *e, const struct segment *s)
{
	bool checked = false, all_sacked = true;

	cut_runs(e, s->seq);
	cut_runs(e, s->end);
	if (e->n_runs > 0 && e->runs[0].reported) {
		/* The other end must have dropped what it SACKed, heeded or not, if this waits for it (RFC 2018 8). */
		e->renege = true;
		e->renege_until = e->sent_max;
	}
	for (size_t i = 0; i < e->n_runs; i++) {
		struct watch_run *r = &e->runs[i];

		if (lt(r->seq, s->seq) || !leq(r->end, s->end))
			continue;
		if (!checked)
			check_again(w, host, e, s, r);
		checked = true;
		all_sacked &= r->sacked;
		r->gap_us = e->heard > r->heard ? 0 : w->sim->now_us - r->sent_us;
		r->times = e->heard > r->heard ? 1 : r->times + 1;
		r->sent_us = w->sim->now_us;
		r->late = w->resolved_us[host][s->v6] == w->sim->now_us;
		r->heard = e->heard;
	}
	if (checked && all_sacked && !e->renege)
		watch_fail(w, host, s, "what was SACKed is sent again (RFC 2018 5.1)");
}

/* The largest payload that the other end and the own MTU allow. */
static uint32_t full_segment(const struct watch *w, const struct watch_conn *c, int host, const struct segment *s)
{
	uint32_t mtu = w->sim->scenario.hosts[host].mtu - (s->v6 ? 60u : 40u);

	return RTE_MIN(mtu, c->ends[!host].mss) - s->options_bytes;
}

/* RFC 9293 3.8.6.2.1: (1) a full segment, (2) all there is, (3) half the largest window, (4) after a while. */
static bool silly(const struct watch *w, const struct watch_conn *c, int host, const struct segment *s)
{
	const struct watch_end *e = &c->ends[host];
	uint64_t now = w->sim->now_us;
	uint32_t full;

	/* What found no packet buffer, or no address, before may be seen as new when it is sent again. */
	if ((s->flags & (SEG_PSH | SEG_FIN)) || e->unseen || watch_short_of_memory(w, host))
		return false;
	/* A cookie remembers MSS roughly, so what is full shows by what was sent before. */
	full = RTE_MIN(full_segment(w, c, host, s), e->sent_full);
	/* Behind what may be a black hole a full one is smaller, as small as the last resort. */
	if (w->sim->hosts[host].counters.events[EVENT_TCP_PMTU_BLACK_HOLE] > 0)
		full = RTE_MIN(full, TCP_PATH_MTU_BASE_V4 - 40 - TCP_TS_BYTES);
	return s->bytes < full && s->bytes < e->wnd_max / 2 && now - e->data_us < SILENCE_US;
}

/*
 * Slow start is the fastest that a window opens: by what was delivered. What lies below
 * the highest SACKed number counts as gone, delivered or lost. A probe, and limited
 * transmit, come on top.
 */
static void check_flight(struct watch *w, const struct watch_conn *c, int host, const struct segment *s)
{
	const struct watch_end *e = &c->ends[host];
	uint32_t mss = c->ends[!host].mss, from = e->acked, delivered = e->acked - e->iss, most;

	for (size_t i = 0; i < e->n_runs; i++) {
		if (!e->runs[i].reported)
			continue;
		from = e->runs[i].end;
		delivered += e->runs[i].end - e->runs[i].seq;
	}
	most = RTE_MIN(10 * mss, RTE_MAX(2 * mss, 14600u)) + delivered + 3 * mss;
	if (lt(from, s->end) && s->end - from > most)
		watch_fail(w, host, s, "%u bytes in flight, more than slow start allows: %u", s->end - from, most);
}

static void check_window(struct watch *w, struct watch_conn *c, int host, const struct segment *s)
{
	struct watch_end *e = &c->ends[host];
	uint32_t full = full_segment(w, c, host, s);

	if (!e->has_edge || !leq(s->end, e->edge))
		watch_fail(w, host, s, "beyond the window, which ends at %u", e->edge);
	if (s->bytes > full)
		watch_fail(w, host, s, "more than a segment may carry, %u (RFC 6691)", full);
	if (e->opt_sack && c->ends[!host].opt_sack)
		check_flight(w, c, host, s);
}

static void sent_data(struct watch *w, struct watch_conn *c, int host, const struct segment *s)
{
	struct watch_end *e = &c->ends[host];
	uint64_t now = w->sim->now_us;

	/* A frame without a buffer for the device's needs, or an address, is lost before it is seen. */
	if (lt(e->sent_max, s->seq) && (e->unseen || watch_short_of_memory(w, host))) {
		add_run(e, e->n_runs, (struct watch_run){
			.seq = e->sent_max, .end = s->seq, .sent_us = now, .heard = e->heard, .times = 1 });
		e->sent_max = s->seq;
	}
	if (lt(e->sent_max, s->seq)) {
		watch_fail(w, host, s, "a gap: sent so far until %u", e->sent_max);
		return;
	}
	check_window(w, c, host, s);
	if (e->fin && lt(e->fin_seq, s->seq + s->bytes))
		watch_fail(w, host, s, "data after the FIN");
	if (lt(s->seq, e->sent_max)) {
		sent_again(w, host, e, s);
	} else if (s->bytes > 0 && silly(w, c, host, s)) {
		watch_fail(w, host, s, "a silly segment: a full one has %u, the window had %u", full_segment(w, c, host, s), e->wnd_max);
	}
	e->sent_full = RTE_MAX(e->sent_full, s->bytes);
	if (lt(e->sent_max, s->end)) {
		/* The end of what there was to send: nothing older comes behind it. */
		e->unseen = e->unseen && !(s->flags & (SEG_PSH | SEG_FIN));
		add_run(e, e->n_runs, (struct watch_run){
			.seq = later(s->seq, e->sent_max), .end = s->end, .sent_us = now, .heard = e->heard, .times = 1 });
		e->sent_max = s->end;
	}
	if (s->flags & SEG_FIN) {
		e->fin = true;
		e->fin_seq = s->end - 1;
	}
	e->data_us = now;
}

/* What it says of what it has received. */
static void check_acknowledgment(struct watch *w, struct watch_conn *c, int host, const struct segment *s)
{
	struct watch_end *e = &c->ends[host], *peer = &c->ends[!host];
	uint8_t scale = (s->flags & SEG_SYN) ? 0 : watch_scale(c, host);
	uint32_t edge = s->ack + ((uint32_t)s->wnd << scale), unit = 1u << scale;
	bool grew = !e->has_ack || lt(e->last_edge, edge);

	if (!peer->has_syn || lt(e->got_max, s->ack))
		watch_fail(w, host, s, "acknowledges %u, and only %u came", s->ack, e->got_max);
	if (e->has_ack && lt(s->ack, e->last_ack))
		watch_fail(w, host, s, "acknowledges %u, after %u", s->ack, e->last_ack);
	/* RFC 9293 3.8.6, SHLD-14; scaling rounds down, and a SYN can't say more than 64 KB. */
	if (e->has_ack && lt(edge + unit - 1, e->last_edge))
		watch_fail(w, host, s, "the window's edge goes back from %u to %u", e->last_edge, edge);
	for (unsigned int i = 0; i < s->n_sack; i++)
		if (!lt(s->sack[i][0], s->sack[i][1]) || lt(e->got_max, s->sack[i][1]))
			watch_fail(w, host, s, "SACKs %u to %u, and only until %u came", s->sack[i][0], s->sack[i][1], e->got_max);
	if (s->n_sack > 0 && !(e->opt_sack && peer->opt_sack))
		watch_fail(w, host, s, "SACK that wasn't agreed upon");
	/* Something came, or there is news, or it is a probe, or waited for a neighbour's address: else nobody needs it. */
	if (s->bytes == 0 && !(s->flags & (SEG_SYN | SEG_FIN)) && e->said && s->seq == e->sent_max &&
	    !e->fresh && s->ack == e->last_ack && !grew && w->resolved_us[host][s->v6] != w->sim->now_us &&
	    !watch_short_of_memory(w, host))
		watch_fail(w, host, s, "an acknowledgment that nobody needs");
	e->last_ack = e->has_ack ? later(e->last_ack, s->ack) : s->ack;
	e->last_edge = e->has_ack ? later(e->last_edge, edge) : edge;
	e->expect = e->last_ack;
	e->has_ack = true;
}

static void check_timestamp(struct watch *w, struct watch_conn *c, int host, const struct segment *s)
{
	struct watch_end *e = &c->ends[host];
	bool agreed = e->opt_ts && c->ends[!host].opt_ts;

	if (s->flags & SEG_SYN)
		agreed = s->has_ts;
	if (s->has_ts != agreed)
		watch_fail(w, host, s, agreed ? "no timestamp (RFC 7323 3.2)" : "a timestamp that wasn't agreed upon");
	if (!s->has_ts)
		return;
	/* Cookies have bits of their own in the timestamps of SYN-ACKs. */
	if (e->has_ts && !(s->flags & SEG_SYN) && lt(s->ts_val, e->last_ts))
		watch_fail(w, host, s, "the timestamp goes back from %u to %u", e->last_ts, s->ts_val);
	if ((s->flags & SEG_ACK) && e->has_heard_ts && lt(e->heard_ts, s->ts_ecr))
		watch_fail(w, host, s, "echoes timestamp %u, the latest was %u", s->ts_ecr, e->heard_ts);
	e->has_ts = !(s->flags & SEG_SYN);
	e->last_ts = s->ts_val;
}

void watch_sent(struct watch *w, int host, const uint8_t *frame, size_t bytes)
{
	struct watch_conn *c;
	struct watch_end *e;
	struct segment s;
	bool v6;

	if (w->sim->failed)
		return;
	if (!segment_read(&s, frame, bytes)) {
		if (frame_asks(frame, bytes, &v6))
			w->asking[host][v6] = true;
		return;
	}
	if (w->asking[host][s.v6])
		watch_resolved(w, host, s.v6);
	c = watch_find(w, host, &s);
	if (s.flags & SEG_SYN)
		c = sent_syn(w, host, &s, c);
	if (!c || !c->ends[host].has_syn || c->late_syn)
		return;
	e = &c->ends[host];
	if (s.flags & SEG_RST) {
		/* The end, or an answer to a segment of another life: what it says next will show. */
		e->said = false;
		e->waiting_us = 0;
		e->expect = e->last_ack;
		return;
	}
	if (e->resync && !(s.flags & SEG_SYN)) {
		e->resync = false;
		e->iss = e->acked = s.seq - 1;
		e->sent_max = s.seq;
		/* The window that was promised to the other SYN is as good as unknown. */
		e->has_edge = true;
		e->edge = s.seq + (1u << 30);
	}
	check_timestamp(w, c, host, &s);
	if (!(s.flags & SEG_SYN) && (s.bytes > 0 || (s.flags & SEG_FIN)))
		sent_data(w, c, host, &s);
	if (s.flags & SEG_ACK)
		check_acknowledgment(w, c, host, &s);
	if (!(s.flags & SEG_SYN))
		e->said = true;
	e->waiting_us = 0;
}
