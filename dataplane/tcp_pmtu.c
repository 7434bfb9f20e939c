/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_pmtu.h"

#include <rte_common.h>

#include "tcp_hdr.h"
#include "tcp_list.h"
#include "tcp_open.h"
#include "tcp_pace.h"
#include "tcp_recovery.h"
#include "tcp_seg_ring.h"

/* A probe is worth its loss while the two ends of the search are further apart. */
#define SEARCH_STEP 16u
/* Lost so often, a size doesn't pass (RFC 8899's MAX_PROBES is 3, for probes that nothing else depends on). */
#define PROBES 2u
/* The clock of pmtu_stamp: 16.8 s, in 16 bits: it wraps after 12 days, when the time to look again is long over. */
#define STAMP_SHIFT 24

/* Headers of a segment with data. */
static uint32_t header_bytes(const struct tcp_conn *c)
{
	return (addr_is_v4(&c->tuple.faddr) ? 40u : 60u) + (c->ts_ok ? TCP_TS_BYTES : 0u);
}

/* The most that makes sense: the port's MTU, or what fills the peer's MSS. */
static uint32_t limit(const struct tcp_conn *c)
{
	return RTE_MIN((uint32_t)tcp_netif(c)->mtu, c->peer_mss + (addr_is_v4(&c->tuple.faddr) ? 40u : 60u));
}

static void stamp(struct tcp_conn *c)
{
	c->pmtu_stamp = (uint16_t)(c->stack->now_us >> STAMP_SHIFT);
}

static void set(struct tcp_conn *c, uint32_t mtu)
{
	c->hop.mtu = (uint16_t)mtu;
	tcp_open_update_mss(c);
	c->cwnd = RTE_MAX(c->cwnd, (uint32_t)c->mss);
}

/* Sizes from @high on don't pass. @from_top: the next probe is the largest of the rest, else one half way. */
static void search_below(struct tcp_conn *c, uint32_t high, bool from_top)
{
	c->pmtu_high = (uint16_t)high;
	c->pmtu_top = from_top;
	c->pmtu_fails = 0;
	c->pmtu_search = high > c->hop.mtu + (from_top ? 1u : SEARCH_STEP);
	stamp(c);
}

void tcp_pmtu_probe_over(struct tcp_conn *c, struct tcp_seg *g)
{
	g->flags &= (uint8_t)~TCP_SEG_PROBE;
	c->pmtu_probing = false;
}

void tcp_pmtu_too_big(struct tcp_conn *c, uint16_t mtu)
{
	uint32_t least = addr_is_v4(&c->tuple.faddr) ? TCP_PATH_MTU_MIN_V4 : TCP_PATH_MTU_MIN_V6;
	uint32_t fits = RTE_MAX((uint32_t)mtu, least);
	struct tcp_seg *g, *after = NULL;

	/* About a probe it may say more than is known; about others only less. */
	if (fits >= c->hop.mtu && !(c->pmtu_probing && fits < c->pmtu_high))
		return;
	if (fits < c->hop.mtu)
		set(c, fits);
	search_below(c, fits + 1, true);
	/* What was too big is lost, though not by congestion: send it again in smaller pieces. */
	TCP_SEG_FOREACH(g, c) {
		if (g->bytes + header_bytes(c) <= fits || !tcp_seg_in_flight(g))
			continue;
		if (g->flags & TCP_SEG_PROBE)
			tcp_pmtu_probe_over(c, g);
		tcp_seg_lost(c, g, &after);
	}
	c->rtx_forced = true;
	tcp_list_output(c);
}

/* Where to go down to from packets of @bytes after so many time-outs; 0: no further. */
static uint32_t base(const struct tcp_conn *c, uint32_t bytes)
{
	if (c->backoff >= TCP_BLACK_HOLE_TIMEOUTS - 1 && bytes > TCP_PATH_MTU_BASE)
		return TCP_PATH_MTU_BASE;
	if (c->backoff >= 2 * (TCP_BLACK_HOLE_TIMEOUTS - 1) + 1 && addr_is_v4(&c->tuple.faddr) &&
	    bytes > TCP_PATH_MTU_BASE_V4)
		return TCP_PATH_MTU_BASE_V4;
	return 0;
}

void tcp_pmtu_timed_out(struct tcp_conn *c)
{
	const struct tcp_seg *g = tcp_seg_first(c);
	/* By the segment that doesn't get through: the peer's MSS, or what there was to send, may keep it below hop.mtu. */
	uint32_t was = RTE_MIN(tcp_seg_data(g), (uint32_t)c->mss) + header_bytes(c), to = base(c, was);

	if (to == 0)
		return;
	count_event(c->stack->config.counters, EVENT_TCP_PMTU_BLACK_HOLE);
	set(c, to);
	search_below(c, was, false);
}

/* A search that has ended begins anew after a while: routes change. */
static bool searching(struct tcp_conn *c)
{
	uint32_t most = limit(c);
	uint16_t since = (uint16_t)((uint16_t)(c->stack->now_us >> STAMP_SHIFT) - c->pmtu_stamp);

	if (c->hop.mtu >= most)
		return false;
	if (!c->pmtu_search && (uint64_t)since << STAMP_SHIFT >= TCP_PMTU_RAISE_US)
		search_below(c, most + 1, true);
	return c->pmtu_search;
}

static uint32_t next_size(const struct tcp_conn *c)
{
	uint32_t high = RTE_MIN((uint32_t)c->pmtu_high, limit(c) + 1);

	return c->pmtu_top ? high - 1 : (c->hop.mtu + high) / 2;
}

uint32_t tcp_pmtu_probe(struct tcp_conn *c)
{
	uint32_t bytes, pipe, most;

	if (c->hop.mtu >= tcp_netif(c)->mtu || c->pmtu_probing || !searching(c))
		return 0;
	if (c->ca_state != TCP_CA_OPEN || c->backoff > 0 || c->to_resend)
		return 0;
	bytes = next_size(c) - header_bytes(c);
	if (bytes <= c->mss)
		return 0;
	/* Enough must follow to tell by its acknowledgments whether the probe was lost (RFC 4821 section 7.4). */
	most = bytes + (TCP_DUP_THRESH + 1) * c->mss;
	pipe = tcp_pipe(c);
	if (tcp_pace_room(c) == 0 || c->snd_unsent < most || c->cwnd < most || c->cwnd < pipe + bytes ||
	    seq_lt(c->snd_una + c->snd_wnd, c->snd_nxt + most))
		return 0;
	return bytes;
}

void tcp_pmtu_probe_sent(struct tcp_conn *c, uint32_t seq, uint32_t bytes)
{
	struct tcp_seg *g = tcp_seg_last(c);

	count_event(c->stack->config.counters, EVENT_TCP_PMTU_PROBE);
	/* Without a record of its own it can't be told from the segments before it. */
	if (g->seq != seq || g->bytes != bytes)
		return;
	g->flags |= TCP_SEG_PROBE;
	c->pmtu_probing = true;
}

void tcp_pmtu_probe_acked(struct tcp_conn *c, struct tcp_seg *g)
{
	uint32_t mtu = g->bytes + header_bytes(c);

	tcp_pmtu_probe_over(c, g);
	if (mtu <= c->hop.mtu)
		return;
	set(c, mtu);
	c->pmtu_fails = 0;
	c->pmtu_search = c->pmtu_high > mtu + SEARCH_STEP;
	c->pmtu_top = false;
	stamp(c);
}

void tcp_pmtu_probe_lost(struct tcp_conn *c, struct tcp_seg *g)
{
	uint32_t mtu = g->bytes + header_bytes(c);

	tcp_pmtu_probe_over(c, g);
	/* Its data mustn't wait for room in the window: the loss isn't congestion's. */
	c->rtx_forced = true;
	if (++c->pmtu_fails >= PROBES && mtu > c->hop.mtu)
		search_below(c, mtu, false);
}
