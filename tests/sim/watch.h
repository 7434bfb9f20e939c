/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A watcher of the wire: it reads the frames that the two hosts send and are given,
 * nothing of their stacks' state, and knows by RFCs what a TCP must never do. So it
 * finds what a stack believes wrongly of itself.
 *
 * Order of calls: watch_init; watch_sent and watch_delivered for each frame, watch_turn
 * when a host has done its turn; watch_fini. Failures: sim_fail.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;

#define WATCH_CONNS 64

/* One end's sent data, a run that was sent in one frame. */
struct watch_run {
	uint32_t seq, end;
	uint64_t sent_us, gap_us;	/* last transmission; time between that and the one before */
	uint64_t heard;			/* frames given to the sender until then */
	uint32_t times;
	bool late;			/* the last one had waited for a neighbour's address */
	bool reported, sacked;		/* by a SACK block; by one that its sender had to heed */
};

/* One end of a connection. "It" is this end. */
struct watch_end {
	bool has_syn, fin, has_edge, has_ack, has_irs;
	bool said;				/* a segment behind its SYN */
	bool resync;				/* it sent two SYNs with different numbers (a cookie's): which counts shows later */
	bool opt_ts, opt_sack, opt_wscale;	/* in its SYN */
	uint8_t wscale;
	uint16_t mss;				/* that its SYN allows the other */
	/* As a sender */
	uint32_t iss, sent_max, fin_seq;
	uint32_t acked, edge, wnd_max;		/* by the other's segments that reached it */
	uint64_t data_us, heard;		/* heard: frames that reached it */
	uint64_t min_rtt_us, progress_us;
	uint32_t sent_full;			/* the largest payload */
	bool unseen;				/* some may have been dropped for want of an address: what seems new may not be */
	bool renege;				/* SACKed data may be sent again, */
	uint32_t renege_until;			/* until this is acknowledged */
	struct watch_run *runs;
	size_t n_runs, cap_runs;
	/* As a receiver */
	uint32_t irs;
	uint32_t last_ack, last_edge;		/* that it has acknowledged and promised */
	uint32_t expect;			/* where data given to it in order ends, at least */
	uint32_t got_max;			/* the end of all that was given to it */
	uint32_t full_bytes;			/* the largest payload given to it */
	uint64_t waiting_us;			/* since when new data isn't answered; 0: none */
	bool fresh;				/* something reached it in this turn */
	uint32_t last_ts, heard_ts;
	bool has_ts, has_heard_ts;
};

struct watch_conn {
	bool used, v6, late_syn;
	uint16_t ports[2];			/* by host */
	struct watch_end ends[2];
};

struct watch {
	struct sim *sim;
	struct watch_conn conns[WATCH_CONNS];
	unsigned int next;			/* the entry to use anew when all are in use */
	/* By host and IP version: it looks for an address, its frames wait or are dropped; when it last found it. */
	bool asking[2][2];
	uint64_t resolved_us[2][2];
};

void watch_init(struct watch *w, struct sim *s);
void watch_fini(struct watch *w);
/* @host puts a frame onto the wire. */
void watch_sent(struct watch *w, int host, const uint8_t *frame, size_t bytes);
/* @host's stack is about to get a frame. */
void watch_delivered(struct watch *w, int host, const uint8_t *frame, size_t bytes);
/* @host has done its turn, and said what there is to say. */
void watch_turn(struct watch *w, int host);
