/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TCP as the layer above (splice, tests, bench) sees it: RFC 9293 section 3.9's
 * user interface, without blocking. The layer above never sees segments.
 *
 * A passive connection appears in stack_ready with TCP_ESTABLISHED and user ==
 * NULL once its handshake is complete. An active one is made by tcp_connect.
 * News are events; stack_ready hands out a connection that has some, once; read
 * and clear them with tcp_events. Level, not edge, is what counts: after news, take
 * what you can take; what stays queued closes the window.
 *
 * Threads: the worker that owns the stack.
 * Ownership: a connection belongs to the layer above from its first appearance
 * until tcp_release; after that the stack finishes it alone (FIN, TIME_WAIT) and
 * no pointer to it may be kept. mbufs given to tcp_send are consumed, mbufs from
 * tcp_recv belong to the caller.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct rte_mbuf;
struct stack;
struct tcp_conn;

enum {
	TCP_ESTABLISHED = 1u << 0,	/* handshake complete */
	TCP_READABLE = 1u << 1,		/* data came: tcp_recv */
	TCP_WRITABLE = 1u << 2,		/* tcp_send_room grew, and little had been left; or our FIN is acknowledged */
	TCP_FIN = 1u << 3,		/* the peer's FIN came, in order; data before it may still be queued */
	TCP_RESET = 1u << 4,		/* ended by the peer's RST: release */
	TCP_TIMED_OUT = 1u << 5,	/* ended after retransmissions, keepalive or a connect time-out: release */
	TCP_REFUSED = 1u << 6,		/* active open answered by RST: release */
	TCP_UNREACHABLE = 1u << 7,	/* active open: no route, no neighbour: release */
};
/* Both: ended by us, for packet buffers ran low and the peer had taken nothing for long (tcp_stall.h): release. */
#define TCP_STALLED (TCP_RESET | TCP_TIMED_OUT)
#define TCP_DEAD (TCP_RESET | TCP_TIMED_OUT | TCP_REFUSED | TCP_UNREACHABLE)

/*
 * Dials faddr:fport from an own address, and from a local port whose replies
 * reach this worker. NULL: no route, no port or no connection left (*why, a
 * negative errno: -ENETUNREACH, -EADDRNOTAVAIL, -ENOMEM).
 */
struct tcp_conn *tcp_connect(struct stack *s, const struct addr *faddr, uint16_t fport, void *user, int *why);
/* The same from @laddr, an own address of the same IP version; one address alone has some 55,000 ports. NULL: any. */
struct tcp_conn *tcp_connect_from(struct stack *s, const struct addr *laddr, const struct addr *faddr, uint16_t fport,
				  void *user, int *why);

/* Takes the events since the last call. */
uint32_t tcp_events(struct tcp_conn *c);
/* Puts @c back into the ready list (the user has more work with it next turn). */
void tcp_wake(struct tcp_conn *c);

void *tcp_user(const struct tcp_conn *c);
/* Are there more connections than a core's cache is likely to hold? Then what is needed soon had better be fetched ahead. */
bool tcp_ahead_pays(const struct stack *s);
/* @c is needed soon: has it fetched from memory meanwhile. */
void tcp_ahead_of(const struct tcp_conn *c);
void tcp_set_user(struct tcp_conn *c, void *user);
const struct tuple *tcp_tuple(const struct tcp_conn *c);

/*
 * Bytes that tcp_send takes now: as many as the path can use soon (tcp_room.h). 0 after
 * tcp_shutdown or a dead end; little or 0 while packet buffers run low.
 */
uint32_t tcp_send_room(struct tcp_conn *c);
/*
 * Queues a chain for sending; consumes it. More than tcp_send_room is taken as well
 * (a TLS record can't be halved): ask first, overshoot by one record at most.
 * Segments leave at tcp_flush or at the end of the turn, coalesced.
 */
void tcp_send(struct tcp_conn *c, struct rte_mbuf *chain);
/* Bytes queued that the peer hasn't acknowledged. */
uint32_t tcp_send_queued(const struct tcp_conn *c);
/* FIN after what is queued. Receiving goes on. */
void tcp_shutdown(struct tcp_conn *c);

/* In-order bytes waiting. */
uint32_t tcp_recv_bytes(const struct tcp_conn *c);
/* Up to about @max_bytes (whole mbufs, at least one) as a chain, or NULL; opens the window. */
struct rte_mbuf *tcp_recv(struct tcp_conn *c, uint32_t max_bytes);
/* Copies up to @bytes of what waits without taking it; how many there were. */
uint32_t tcp_recv_peek(const struct tcp_conn *c, uint8_t *to, uint32_t bytes);
/* Throws away the first @bytes of what waits, which are no more than that. */
void tcp_recv_skip(struct tcp_conn *c, uint32_t bytes);
/* The peer's FIN was reached: all data before it has been taken by tcp_recv. */
bool tcp_recv_finished(const struct tcp_conn *c);
/* All we sent, the FIN included, is acknowledged. */
bool tcp_send_finished(const struct tcp_conn *c);

/* Is the peer to be probed when it is silent (RFC 9293 3.8.4; the stack's configuration says how soon)? */
void tcp_set_keepalive(struct tcp_conn *c, bool on);

/* RST now; ends the connection at once (release follows by the caller). */
void tcp_reset(struct tcp_conn *c);
/* The user is done. Not shut down yet: as if tcp_shutdown, and later data is answered by RST (RFC 9293 3.6.1). */
void tcp_release(struct tcp_conn *c);

/* For `postern connections`. */
struct tcp_info {
	const char *state;	/* "ESTABLISHED" */
	const char *congestion;	/* "bbr" */
	uint32_t srtt_us, rto_us, cwnd_bytes, mss_bytes;
	uint32_t pacing_rate;	/* bytes per second; 0: not paced */
	uint32_t delivery_rate;	/* what the path delivered lately, bytes per second; 0: not known */
	uint32_t retransmits;
};
void tcp_info(const struct tcp_conn *c, struct tcp_info *info);
