/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With more connections than a core's cache holds, each segment is for one whose state
 * lies in memory. A burst's segments are worked on one after another, and so would be
 * the waits; asked for ahead, what all of them need comes at the same time.
 *
 * It reads headers that nothing has checked yet, within the packet; a wrong guess costs
 * a fetch in vain, and no more.
 *
 * Threads: the stack's worker.
 * Ownership: borrows the mbufs.
 */
#pragma once

struct rte_mbuf;
struct stack;

#define TCP_AHEAD_MAX 32u	/* frames at once */

/* @n frames, at most TCP_AHEAD_MAX, as they came from the port. */
void tcp_ahead(const struct stack *s, struct rte_mbuf *const *mbufs, unsigned int n);
