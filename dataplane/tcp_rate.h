/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Delivery rate (draft-ietf-ccwg-bbr section 4.1): each record remembers how much had
 * been delivered when it was sent; when it is acknowledged or SACKed, the difference
 * over the time between is what the path delivers. The longer one of the time for
 * sending and the time for acknowledging counts, so bursts of ACKs don't look fast.
 *
 * A sample taken while the user had nothing to send says nothing about the path: it
 * is marked as limited by the application.
 *
 * Order of calls for an acknowledgment: tcp_rate_begin; tcp_rate_delivered for each
 * record that it covers newly, tcp_rate_lost for each found lost; tcp_rate_end.
 *
 * Threads: the stack's worker. The sample is the stack's, valid until the next
 * acknowledgment.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tcp_conn;
struct tcp_seg;

struct tcp_rate_sample {
	uint32_t rate;			/* bytes per second; 0: no sample */
	uint32_t delivered;		/* bytes over the interval */
	uint32_t interval_us;
	uint32_t prior_delivered;	/* conn's count when the newest record delivered was sent */
	uint32_t rtt_us;		/* of the youngest record that was sent once; UINT32_MAX: none */
	uint32_t newly_acked;		/* bytes that this acknowledgment delivered */
	uint32_t newly_lost;		/* bytes that it made lost */
	uint32_t tx_in_flight;		/* when the newest record was sent, itself included */
	uint32_t lost;			/* bytes lost since then */
	bool echoed;			/* the acknowledgment echoes a mark of congestion (tcp_ecn.c) */
	bool app_limited;
	bool any;			/* something was delivered: prior_delivered and what follows are set */
	/* private: */
	uint32_t newest_sent_us, newest_end, send_elapsed_us, ack_elapsed_us;
};

/* A record leaves, for the first time or again; @flight_bytes: outstanding before. */
void tcp_rate_sent(struct tcp_conn *c, struct tcp_seg *g, uint32_t flight_bytes);

void tcp_rate_begin(struct tcp_conn *c);
/* @bytes of @g were acknowledged or SACKed for the first time. */
void tcp_rate_delivered(struct tcp_conn *c, const struct tcp_seg *g, uint32_t bytes);
void tcp_rate_lost(struct tcp_conn *c, const struct tcp_seg *g);
/* The finished sample. */
const struct tcp_rate_sample *tcp_rate_end(struct tcp_conn *c);

/* Before new data or an acknowledgment: had the user nothing to send, though it was allowed? */
void tcp_rate_look(struct tcp_conn *c);
/* Samples of what is in flight now won't count as the path's limit. */
void tcp_rate_limited_by_app(struct tcp_conn *c);
