/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stack whose connection has been brought into some state, with a peer that plays
 * by hand and users on top, for fuzz_tcp.c. Each payload byte is a function of its
 * sequence number, so that what is sent and what is received can be verified.
 *
 * Order of calls: tcp_case_init; steps, each with tcp_case_turn behind it; tcp_case_fini.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tcp_conn.h"
#include "tcp_peer.h"

#define TCP_CASE_USERS 6

/* Where a case begins. */
enum tcp_start {
	START_LISTEN, START_SYN_SENT, START_SYN_RCVD, START_SIMULTANEOUS, START_ESTABLISHED, START_DIALLED,
	START_CLOSE_WAIT, START_LAST_ACK, START_FIN_WAIT_1, START_FIN_WAIT_2, START_CLOSING, START_TIME_WAIT,
	START_COUNT
};

/* What else is the case then, as bits. */
enum {
	WITH_QUEUE = 1,		/* much to send: some in flight, some not yet */
	WITH_SACKED = 2,	/* of what is in flight, the peer reported the middle */
	WITH_HOLES = 4,		/* received with two holes */
	WITH_UNREAD = 8,	/* received and not read */
	WITH_ZERO_WINDOW = 16,	/* the peer has no room left */
	WITH_TIMEOUT = 32,	/* a retransmission time-out has passed */
	WITH_EARLY_FIN = 64,	/* a FIN lies behind a hole */
	WITH_RELEASE = 128,	/* the user is gone */
};

struct tcp_case_user {
	struct tcp_conn *conn;		/* NULL: free */
	bool known;			/* rx_seq is */
	uint32_t rx_seq, tx_seq;	/* of the next byte that is read, and written */
};

struct tcp_case {
	struct tcp_peer peer;
	struct tcp_origin origin;
	struct tcp_case_user users[TCP_CASE_USERS];
	uint8_t options;		/* head[2]: which the peer's SYN has */
	struct rte_mbuf *stolen;
};

/* @head: FUZZ_HEAD_BYTES of choices. */
void tcp_case_init(struct tcp_case *t, const uint8_t *head);
/* ASSERTs that nothing was lost. */
void tcp_case_fini(struct tcp_case *t);
/* The stack's and the users' turn, then all that must hold is checked. */
void tcp_case_turn(struct tcp_case *t);
void tcp_case_run(struct tcp_case *t, uint64_t ms);

/* The @which-th connection that there is (modulo), or NULL. */
struct tcp_conn *tcp_case_conn(struct tcp_case *t, unsigned int which);
/* The peer's timestamps and such for a segment of @c's connection. */
void tcp_case_options(const struct tcp_case *t, const struct tcp_conn *c, struct tcp_opts *o);
/* A segment of the peer's on @c, or on a connection of its own when that is NULL; then a turn. */
void tcp_case_send(struct tcp_case *t, const struct tcp_conn *c, const struct tcp_rx *rx);

void tcp_case_dial(struct tcp_case *t);
void tcp_case_write(struct tcp_case *t, struct tcp_case_user *u, uint32_t bytes);
void tcp_case_read(struct tcp_case *t, struct tcp_case_user *u, uint32_t bytes);
void tcp_case_release(struct tcp_case_user *u);
/* All packet buffers but @left vanish, or are there again if they had. */
void tcp_case_thief(struct tcp_case *t, unsigned int left);
