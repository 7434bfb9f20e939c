/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection's state, under RFC 9293's names. Each mechanism owns its part of
 * the structure (the comments name the file); others read it.
 *
 * Threads: the stack's worker.
 * Ownership: pooled (tcp_stack.conns); tcp_table.c gives and takes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool_ring.h"
#include "base/wheel.h"
#include "stack_private.h"
#include "tcp.h"
#include "tcp_cc_state.h"
#include "tcp_limits.h"
#include "tcp_seq.h"
#include "tcp_state.h"

struct tcp_ooo;

/*
 * In the order of use, by cache lines (offsets are asserted below). Data that arrives in
 * order and its acknowledgment touch the first four lines; an acknowledgment that
 * arrives, and data that leaves, the first six; then BBR's, and what is rare.
 */
struct tcp_conn {
	/* Line 0: who it is, and what may be done with a segment */
	struct stack *stack;
	uint32_t hash, hash_next;		/* tcp_table.c */
	struct tuple tuple;
	uint8_t state;				/* enum tcp_state */
	uint8_t ca_state;			/* enum tcp_ca_state */
	bool passive : 1, by_cookie : 1;	/* came by a SYN, which was answered by a cookie (tcp_cookie.c) */
	bool released : 1;			/* the user is gone */
	bool fin_wanted : 1, fin_sent : 1;	/* tcp_shutdown: FIN after what is queued; snd_nxt counts it */
	bool fin_received : 1, fin_ahead : 1;	/* reached in order, and rcv_nxt counts it; came out of order, at fin_seq */
	bool sack_ok : 1, ts_ok : 1, wscale_ok : 1;	/* both sides said so */
	bool in_table : 1, in_ready : 1, in_woken : 1, in_output : 1, in_half_open : 1, in_time_wait : 1;
	bool in_orphans : 1, orphan_done : 1;	/* tcp_orphan.c; done: nothing of ours is outstanding */
	bool keepalive : 1;			/* the user wants it (tcp_keepalive.c) */
	bool uto_due : 1;			/* the next segment carries our user time-out (tcp_uto.c) */
	bool ecn_ask : 1, ecn_ok : 1, ecn_echo : 1, ecn_ece : 1, ecn_cwr : 1, ecn_slow : 1;	/* tcp_ecn.c */
	bool ack_now : 1, cwnd_limited : 1;	/* an acknowledgment is due at once; the last output stopped at cwnd (RFC 7661's idea) */
	bool rtx_forced : 1, tx_blocked : 1;	/* RFC 6675 section 5 step 4.3: whatever the pipe holds; output found no mbuf */
	bool rack_reordering : 1, rack_dsack_on : 1;	/* RACK.reordering_seen; rack_dsack_round is set */
	bool pace_free : 1;			/* a first window: nothing of it is acknowledged yet (tcp_pace.c) */
	bool room_wanted : 1, window_shrank : 1;	/* tcp_send_room told of little: TCP_WRITABLE is due; tcp_window.c */
	uint8_t congestion : 2;			/* enum congestion, of the port */
	uint8_t undo_on : 1, undo_sent : 1, frto : 2;	/* tcp_undo.c: undo is valid; something was sent again; enum tcp_frto */
	uint8_t keep_probes : 4;		/* sent since the peer was heard */

	/* Line 1: sequence numbers and windows (RFC 9293 section 3.3.1), timestamps (RFC 7323) */
	_Alignas(64) uint32_t snd_una;
	uint32_t snd_nxt;			/* never goes back */
	uint32_t snd_wnd, snd_wl1, snd_wl2, snd_wnd_max;
	uint32_t rcv_nxt, rcv_adv;		/* rcv_adv: right edge promised; never goes back */
	uint32_t rcv_acked;			/* rcv_nxt in our last segment: RFC 7323's Last.ACK.sent */
	uint32_t rcv_bytes;			/* in order, waiting for the user (tcp_rcvq.c) */
	uint32_t ts_offset, ts_recent, ts_recent_ms;
	uint16_t mss, rcv_mss;			/* payload of a full segment, options deducted; largest payload seen: what "two segments" means */
	uint16_t rcv_units;			/* RCV.BUFF, in units of the window field */
	uint8_t snd_wscale, rcv_wscale;
	uint8_t quick_acks, events;		/* acknowledgments left that aren't delayed; tcp.h */
	uint8_t backoff, dupacks;		/* doublings of the time-out (RFC 6298 5.5); with SACK: acknowledgments with news */

	/* Line 2: what came, who is told, when something is due, where answers go */
	_Alignas(64) struct rte_mbuf *rcv_head;
	struct rte_mbuf *rcv_tail;
	struct pool_link owner_link, output_link;	/* tcp_list.h */
	uint32_t deadline[TCP_T_COUNT];		/* tcp_timer.h; 0: off */
	struct ip_hop hop;

	/* Line 3 */
	_Alignas(64) struct tcp_ooo *ooo;			/* NULL while nothing is out of order */
	void *user;
	struct wheel_timer timer;
	uint32_t round_seq, round_us, round_left;	/* tcp_window.c: where the user was when it began; when; the least that waited in it */
	uint16_t round_rtt_ms;			/* the shortest seen in it; UINT16_MAX: none */
	uint16_t snd_next_off;			/* bytes of snd_next that were sent */

	/* Line 4: the send queue (tcp_sndq.c) */
	_Alignas(64) uint32_t snd_bytes;			/* queued, unacknowledged and unsent */
	uint32_t snd_unsent;			/* of these, never sent */
	struct rte_mbuf *snd_head, *snd_tail, *snd_next;	/* next: where unsent data begins; NULL: all sent */
	uint32_t segs;				/* records of what is sent and unacknowledged, by number (tcp_seg_ring.h) */
	uint32_t in_flight, to_resend;		/* rings of them by time */
	uint32_t sacked_bytes, lost_bytes, rtx_bytes;	/* sums over them (tcp_sack.c, tcp_recovery.c) */
	uint32_t cwnd, ssthresh;		/* tcp_cc.c */

	/* Line 5: delivery rate (tcp_rate.c), round-trip time (tcp_rtt.c), loss detection (tcp_rack.c) */
	_Alignas(64) uint32_t delivered;	/* bytes acknowledged or SACKed */
	uint32_t delivered_us;			/* when the last ones were; times are the clock's low half */
	uint32_t first_sent_us, lost;		/* when the newest of these were sent; bytes ever found lost */
	uint32_t app_limited;			/* samples don't count until so much is delivered; 0: they do */
	uint32_t pacing_rate, pace_next_us;	/* bytes per second, 0: no limit; when more is due (tcp_pace.c) */
	uint32_t last_sent_us;			/* SYN or data; the clock's low half */
	uint32_t srtt_us, rttvar_us, min_rtt_us, rack_rtt_us;
	uint32_t rack_xmit_us, rack_end_seq;	/* RACK.segment: the youngest delivered; the clock's low half */
	uint32_t recovery_point;
	uint8_t rack_reo_mult : 7, tlp_rtt : 1;	/* tcp_rack.c, tcp_tlp.c (a round trip measured since the last probe) */
	uint8_t rack_reo_persist : 5, tlp_armed : 1, tlp_out : 1, tlp_again : 1;
	uint16_t user_timeout_s;		/* agreed on (tcp_uto.c); 0: the configuration's */

	/* Lines 6 and 7 */
	_Alignas(64) union {
		struct tcp_window_cc win;
		struct tcp_bbr bbr;
	};					/* the controller's own: tcp_cc_state.h */
	/* Rare: losses, path MTU, the end */
	struct tcp_undo undo;
	uint32_t prior_cwnd;			/* before the last loss, for tcp_cc_undo */
	uint32_t rack_dsack_round, retransmits, fin_seq;
	uint32_t challenge_ms;			/* last challenge ACK */
	uint16_t peer_mss;			/* its MSS option */
	uint16_t pmtu_high, pmtu_stamp;		/* tcp_pmtu.c: what is known not to pass, and since when */
	uint8_t pmtu_search : 1, pmtu_top : 1, pmtu_probing : 1, pmtu_fails : 2;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct tcp_conn) == 512, "a connection is eight cache lines");
_Static_assert(offsetof(struct tcp_conn, snd_una) == 64 && offsetof(struct tcp_conn, rcv_head) == 128 &&
	       offsetof(struct tcp_conn, ooo) == 192 && offsetof(struct tcp_conn, snd_bytes) == 256 &&
	       offsetof(struct tcp_conn, delivered) == 320 && offsetof(struct tcp_conn, win) == 384,
	       "fields lie in the cache lines that they were put into");

static inline bool tcp_synchronized(const struct tcp_conn *c)
{
	return c->state >= TCPS_ESTABLISHED;
}

static inline const struct netif *tcp_netif(const struct tcp_conn *c)
{
	return ip_hop_netif(c->stack, &c->hop);
}

/* Sequence numbers sent and not acknowledged. */
static inline uint32_t tcp_flight(const struct tcp_conn *c)
{
	return c->snd_nxt - c->snd_una;
}

/* The timestamp clock: milliseconds, moved by a secret per pair of addresses. */
static inline uint32_t tcp_ts_now(const struct tcp_conn *c)
{
	return (uint32_t)(c->stack->now_us / 1000) + c->ts_offset;
}
