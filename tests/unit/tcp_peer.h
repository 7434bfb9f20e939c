/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The far end of a TCP connection, played by hand: segments are written exactly as
 * a test wants them, and what the stack answers is taken apart. On 192.0.2.0/24;
 * the stack is .1 and listens on port 993, the peer is .2 and answers ARP.
 *
 * Order of calls: tcp_peer_init; tcp_peer_send, tcp_peer_run, tcp_peer_next; tcp_peer_fini.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "netif.h"
#include "stack.h"
#include "tcp.h"
#include "tcp_hdr.h"

#define TCP_PEER_QUEUE 512
#define TCP_PEER_PORT 40000

struct tcp_peer_segment {
	struct tcp_rx rx;
	uint16_t sport, dport;
	uint8_t tos;
	uint64_t at_us;
	uint8_t data[2048];
};

struct tcp_peer {
	struct netifs netifs;
	struct counters counters;
	struct stack *stack;
	struct rte_mempool *mbufs;
	uint64_t now_us;
	enum stack_verdict verdict;	/* of SYNs */
	uint8_t tos;			/* of what the peer sends */
	struct tcp_conn *conn;		/* the newest the stack handed out */
	bool scarce;			/* the pool may be empty: what the peer sends is lost then */
	unsigned int head, tail;
	struct tcp_peer_segment queue[TCP_PEER_QUEUE];
};

struct tcp_peer_options {
	uint32_t rcv_buffer_bytes, snd_buffer_bytes;	/* 0: 65536 */
	uint32_t queue_mbufs;				/* 0: the pool */
	uint32_t max_conns, max_half_open;		/* 0: 16, 8 */
	uint32_t offloads, tso_max_bytes;
	uint8_t congestion, ecn;			/* of the port */
	uint64_t keepalive_us, user_timeout_us, user_timeout_limit_us;
	uint64_t start_us;				/* 0: 1 s */
};

void tcp_peer_init(struct tcp_peer *p, const struct tcp_peer_options *options);
/* Ends the program when packet buffers were lost. */
void tcp_peer_fini(struct tcp_peer *p);

/* A segment from peer port @sport to stack port @dport, then a turn. @rx: seq, ack, flags, wnd, opts, bytes. */
void tcp_peer_send(struct tcp_peer *p, uint16_t sport, uint16_t dport, const struct tcp_rx *rx, const uint8_t *data);
/* The same with a damaged checksum or any other TCP header bytes: @segment is header and payload. */
void tcp_peer_send_raw(struct tcp_peer *p, uint8_t *segment, uint16_t bytes, bool fix_checksum);
/* The same two without a turn: for users of their own. */
void tcp_peer_give(struct tcp_peer *p, uint16_t sport, uint16_t dport, const struct tcp_rx *rx, const uint8_t *data);
void tcp_peer_give_raw(struct tcp_peer *p, uint8_t *segment, uint16_t bytes, bool fix_checksum);
/* Any IP packet from the peer, without a turn. */
void tcp_peer_give_ip(struct tcp_peer *p, uint8_t proto, const uint8_t *payload, uint16_t bytes);
/* A turn without packets. */
void tcp_peer_turn(struct tcp_peer *p);
/* Time passes, millisecond by millisecond. */
void tcp_peer_run(struct tcp_peer *p, uint64_t ms);
/* The next segment that the stack sent, or NULL. */
const struct tcp_peer_segment *tcp_peer_next(struct tcp_peer *p);
/* An mbuf chain of @bytes, each byte its offset from @from, for tcp_send. */
struct rte_mbuf *tcp_peer_chain(struct tcp_peer *p, uint32_t from, uint32_t bytes);
