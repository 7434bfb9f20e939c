/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One worker's network stack: Ethernet, ARP/ND, IP, ICMP and TCP. It knows no
 * device and no clock: it is given packets and a time, and gives packets back
 * through the transmit hook. So two stacks can be run against each other in
 * virtual time.
 *
 * Order of calls: stack_new; then, per turn: stack_input, stack_ready until NULL
 * (the layer above does its work, tcp.h), stack_tick; at the end stack_free.
 *
 * It counts the packets and bytes that it takes and gives (rx_*, tx_*).
 *
 * Threads: one stack belongs to one worker.
 * Ownership: stack_input consumes its mbufs; the transmit hook consumes what it gets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "base/wheel.h"
#include "counters.h"
#include "netif.h"

struct mbuf_reserve;
struct rte_mbuf;
struct rte_mempool;
struct tcp_conn;
struct stack;

enum stack_verdict {
	STACK_ACCEPT,
	STACK_REFUSE,	/* answer with RST */
	STACK_IGNORE,	/* no answer */
};

/* What the layers around the stack do for it. All on the worker's thread. */
struct stack_ops {
	/* A finished frame with its offload requests set (offload.h); consumes @m. */
	void (*transmit)(void *arg, const struct netif *nif, struct rte_mbuf *m);
	/* May this SYN begin a connection? The hook counts the reason of a refusal itself. */
	enum stack_verdict (*syn)(void *arg, const struct tuple *t, const struct netif *nif);
	/* A packet put together from fragments belongs to another worker (steer.h); consumes @m. NULL: never. */
	void (*hand_over)(void *arg, uint16_t worker, struct rte_mbuf *m);
	void *arg;
};

struct stack_config {
	uint16_t worker, n_workers;	/* worker 0 answers ARP, ND and announces addresses */
	uint32_t max_conns;		/* TCP connections, both legs and TIME_WAIT counted */
	uint32_t max_half_open;		/* of these, not yet established; near it SYN cookies begin */
	uint32_t max_neighbours;
	uint32_t rcv_buffer_bytes;	/* per connection, at most: receive window and what waits for the user */
	uint32_t snd_buffer_bytes;	/* per connection, at most: unacknowledged and unsent */
	uint32_t queue_mbufs;		/* for all connections' queues together (mbuf_reserve.h); 0: the whole pool */
	uint64_t keepalive_us;		/* silence before a probe, where the user asks for it; at most 12 h; 0: never */
	uint64_t user_timeout_us;	/* data unacknowledged for so long ends its connection; 0: 120 s */
	uint64_t user_timeout_limit_us;	/* what a peer may extend that to (RFC 5482); 0: its wish isn't heard, nor ours told */
	bool reassemble;		/* put fragments together (ip_frag.h); false: drop them */
	uint64_t secret[2];		/* random; ISNs, ports and tables derive from it */
	const struct netifs *netifs;
	struct rte_mempool *mbufs;	/* for everything that the stack sends */
	struct counters *counters;
	struct stack_ops ops;
};

/* NULL when memory is out. @now_us: the clock that all later calls use. */
struct stack *stack_new(const struct stack_config *config, uint64_t now_us);
/* Frees all connections without a word to their peers. */
void stack_free(struct stack *s);

/* Packets received on port @nif. Consumes them. */
void stack_input(struct stack *s, const struct netif *nif, struct rte_mbuf **mbufs, unsigned int n, uint64_t now_us);

/* Runs timers that are due. Returns how many fired. */
unsigned int stack_tick(struct stack *s, uint64_t now_us);
/* When stack_tick has work next (may be early, never late); UINT64_MAX: never. */
uint64_t stack_next_us(const struct stack *s);

/*
 * Worker 0, when @nif's link comes up: gratuitous ARP and unsolicited neighbour
 * advertisements for its addresses, now and again over the next 10 s (stack_tick).
 */
void stack_announce(struct stack *s, const struct netif *nif, uint64_t now_us);

/*
 * Frames for @nif wait in front of its device (txq.h), or no longer: as long as they
 * do, TCP sends no data there, but acknowledgments and the like.
 */
void stack_set_tx_full(struct stack *s, const struct netif *nif, bool full);

/* The wheel, for timers of the layer above on the same clock. */
struct wheel *stack_wheel(struct stack *s);
uint64_t stack_now_us(const struct stack *s);

/* The next connection with news (tcp.h: events), or NULL. Borrowed. */
struct tcp_conn *stack_ready(struct stack *s);
/* What is left for queues; the layer above asks before it takes buffers of its own. */
const struct mbuf_reserve *stack_reserve(const struct stack *s);
/* TCP connections now in the table. */
uint32_t stack_conns(const struct stack *s);
/* Of these, clients whose handshake isn't complete. */
uint32_t stack_half_open(const struct stack *s);
/* Are SYNs now answered by cookies (RFC 4987), for there are too many of them? */
bool stack_syn_cookies(const struct stack *s);
