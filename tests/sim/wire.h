/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One direction of a wire in virtual time. A frame sent waits for the link (rate and
 * a bounded queue), travels (delay, jitter), and may meet a fault: loss, loss in
 * bursts (Gilbert-Elliott), duplication, reordering, one bit turned over, or a link
 * that is cut for a while. The clock is whatever the caller says: virtual here, real
 * in tests/bridge.
 *
 * Ownership: wire_send copies; wire_take gives a frame that the caller frees.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rng.h"

/* What a path or a peer does wrong with ECN. */
enum wire_ecn_fault {
	WIRE_ECN_GOOD,
	WIRE_ECN_BLEACH,	/* marks are wiped out */
	WIRE_ECN_CE,		/* all that may be marked is */
	WIRE_ECN_ECHO,		/* a peer that always says it was marked */
};

struct wire_faults {
	double loss, duplicate, reorder, corrupt;
	double burst_begin, burst_end;	/* per frame; within a burst everything is lost */
	uint64_t delay_us, jitter_us, reorder_us;
	uint64_t bytes_per_s;		/* 0: no limit */
	uint32_t queue_bytes;		/* behind the rate limit */
	/* The rate is slow_bytes_per_s now and then, for change_us on the average. */
	uint64_t slow_bytes_per_s, change_us;
	/*
	 * From plan_us on the link is cut now and then: up for cut_every_us, then down for
	 * cut_us, on the average. Two directions with one plan are cut at the same times.
	 */
	uint64_t cut_every_us, cut_us;
	uint64_t plan_us, plan_seed;
	/* From hole_us on, longer frames vanish without a word: a black hole for path MTU discovery. 0: none do. */
	uint32_t hole_bytes;
	uint64_t hole_us;
	/* Behind the rate limit: with more queued, what may be marked (RFC 3168) is; 0: the queue only drops. */
	uint32_t mark_bytes;
	enum wire_ecn_fault ecn;
};

/* One of two states in turn; the times come from a seed only, whenever they are asked for. */
struct wire_turns {
	struct rng rng;
	uint64_t until_us;		/* 0: not begun */
	bool on;
};

struct wire_frame {
	uint64_t at_us, order;
	size_t bytes;
	uint8_t data[];
};

struct wire {
	struct wire_faults faults;
	struct rng rng;
	uint64_t free_at_us;		/* when the link has sent what it has */
	bool in_burst;
	struct wire_turns cut, slow;
	struct wire_frame **heap;	/* by at_us, then order */
	size_t n, capacity;
	uint64_t orders;
	uint64_t sent, lost, queue_lost, cut_lost, hole_lost, marked, duplicated, reordered, corrupted;
};

void wire_init(struct wire *w, uint64_t seed);
void wire_fini(struct wire *w);
/* Other faults from now on; what is under way arrives as it would have. */
void wire_set(struct wire *w, const struct wire_faults *faults, uint64_t now_us);
/* Marks or mangles a frame, as the faults say; @deep: the queue is over mark_bytes. */
void wire_ecn(struct wire *w, uint8_t *frame, size_t bytes, bool deep);
void wire_send(struct wire *w, const uint8_t *data, size_t bytes, uint64_t now_us);
/* When the next frame arrives; UINT64_MAX: none on the way. */
uint64_t wire_next_us(const struct wire *w);
/* A frame that has arrived by @now_us, or NULL. */
struct wire_frame *wire_take(struct wire *w, uint64_t now_us);
