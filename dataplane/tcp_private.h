/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the stack gives to TCP and TCP to the stack: packets in, ICMP errors in, the
 * end of a turn. The layer above the stack uses tcp.h and never this.
 *
 * Order of calls: tcp_stack_init (config, now_us and wheel of the stack are set);
 * tcp_input per segment; tcp_turn_end at the end of stack_tick, after the timers;
 * tcp_stack_fini.
 *
 * Threads: the stack's worker.
 * Ownership: tcp_input consumes its mbuf. Connections belong to the stack's pool.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/pool.h"
#include "base/siphash.h"
#include "ip.h"
#include "tcp_rst_limit.h"
#include "tcp_rate.h"

struct netif;
struct rte_mbuf;
struct stack;
struct tcp_conn;

/* Where sequence numbers and timestamps begin, instead of RFC 6528's: tests of wrap-around. */
struct tcp_origin {
	uint32_t isn;
	uint32_t ts_offset;
};

/* SYN cookies (tcp_cookie.c). */
struct tcp_cookie_key {
	uint64_t period;
	struct siphash_key key;
};

struct tcp_cookies {
	struct siphash_key secret;
	struct tcp_cookie_key keys[2];		/* of the last even and the last odd period */
	uint64_t sent_us;			/* the last one */
	bool sent;				/* ever */
	bool on;				/* the backlog is under pressure */
};

struct tcp_stack {
	struct pool conns;
	struct pool segs;			/* records of sent segments (tcp_sndq.h) */
	struct pool ooos;			/* out-of-order queues (tcp_rcvq.h) */
	struct pool ooos_large;			/* for those with many holes */
	uint32_t ooo_blocks;			/* that each may have */
	uint32_t *buckets;			/* hash table of their numbers (base/pool_ring.h), chained through them */
	uint32_t bucket_mask;
	struct siphash_key table_key, isn_key, ts_key, random_key;
	uint64_t random_counter;		/* numbers drawn so far */
	/* Rings of connections (tcp_list.h) */
	uint32_t ready;				/* with news for the user */
	uint32_t woken;				/* ready in the next turn (tcp_wake) */
	uint32_t output;			/* may have something to send this turn */
	uint32_t half_open;			/* SYN-RECEIVED, oldest first */
	uint32_t time_wait;			/* released and in TIME-WAIT, oldest first */
	uint32_t orphans, orphans_done;		/* released and not yet closed, oldest first (tcp_orphan.c) */
	uint32_t n_half_open, n_time_wait, n_orphans;
	uint32_t stall_cursor;			/* tcp_stall.c */
	struct tcp_cookies cookies;
	struct tcp_rate_sample sample;		/* of the acknowledgment that is being worked on */
	struct tcp_rst_limit rst_limit;		/* RSTs to strangers */
	bool follows;				/* the connection that begins takes the place of one in TIME-WAIT, */
	uint32_t follow_seq;			/* whose sequence numbers ended here */
	const struct tcp_origin *origin;	/* NULL outside tests */
};

/* 0, or -ENOMEM. Uses s->config, s->now_us. */
int tcp_stack_init(struct stack *s);
/* Frees every connection without a word to its peer. */
void tcp_stack_fini(struct stack *s);

/*
 * A TCP segment: m's data begins at the TCP header and may be longer than
 * info->payload_bytes (Ethernet padding); the IP header lies right before it
 * (m->l3_len bytes). Consumes @m.
 */
void tcp_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info);

/* Sends what this turn made ready: coalesced data, acknowledgments, window updates. */
void tcp_turn_end(struct stack *s);

/* Is there output or news that waits for this turn's end? (Then stack_next_us is now.) */
bool tcp_busy(const struct stack *s);

/* The next connection with news, taken off the list; NULL: none. */
struct tcp_conn *tcp_next_ready(struct stack *s);
/* Connections in the table, TIME-WAIT included. */
uint32_t tcp_conns(const struct stack *s);
/* The connection at @index of the pool (bounded walks for control), or NULL. */
struct tcp_conn *tcp_conn_at(const struct stack *s, uint32_t index);

enum tcp_icmp {
	TCP_ICMP_UNREACHABLE,	/* also: the neighbour of a segment of ours never answered */
	TCP_ICMP_TOO_BIG,	/* fragmentation needed (RFC 1191), packet too big (RFC 8201) */
};

/*
 * An ICMP error about a segment that we sent: its tuple (own end local) and the
 * sequence number quoted. Believed only when that number is in flight (RFC 5927 4).
 * @mtu: next-hop MTU in bytes for TCP_ICMP_TOO_BIG.
 */
void tcp_icmp_error(struct stack *s, const struct tuple *t, uint32_t seq, enum tcp_icmp kind, uint16_t mtu);
