/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A workload: what clients do on their connections. One file each, workload_NAME.c,
 * which defines one `const struct workload workload_NAME`, listed in workload.c; what
 * the internal server says to it is a service (backend.h).
 *
 * A client's script is written as answers to what happens: begin (just dialled), opened
 * (TLS is up), received, writable, ended. From these it calls client.h. A run has one
 * workload, so numbers over all connections may stand in the file's static memory,
 * zeroed by `start`; what belongs to one connection stands in client_user.
 *
 * Order: start; per connection begin, opened, received and writable..., ended; turn in
 * each turn; measure(true) and measure(false) at the ends of RUN_MEASURING; finish.
 *
 * Threads: one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/error.h"

struct client;
struct options;
struct result;
struct rte_mbuf;
struct run;

/* How a connection ended. */
enum client_end {
	CLIENT_CLOSED,		/* client_close was called, and the peer closed as well, in good order */
	CLIENT_PEER_CLOSED,	/* the peer closed first, in good order */
	CLIENT_FAILED,		/* anything else: counted as an error under its name already */
	CLIENT_RUN_OVER,	/* the run ended and it was still open: given up without being asked */
};

struct workload {
	const char *name;
	const char *summary;		/* one line for --help */
	size_t state_bytes;		/* client_user: zeroed at dial */
	const char *greeting;		/* what its own backend says first; NULL: the default (backend.h) */
	bool all_open_first;		/* warm-up begins when want_open connections are open */
	bool dials_itself;		/* connections are dialled by client_dial in `turn` only */

	/* All of these may be NULL but `received`. */
	/* Options are checked here: 0, or -errno with the reason. */
	int (*start)(struct run *r, struct error *err);
	void (*begin)(struct client *c);
	void (*opened)(struct client *c);
	/* Plaintext came; consumes @plain. The greeting is the first of it. */
	void (*received)(struct client *c, struct rte_mbuf *plain);
	void (*writable)(struct client *c);	/* there is news, and perhaps room */
	void (*ended)(struct client *c, enum client_end end);	/* the last word about @c */
	/* @now_us: transport's. Returns when it wants to be called at the latest; UINT64_MAX: any time will do. */
	uint64_t (*turn)(struct run *r, uint64_t now_us);
	void (*measure)(struct run *r, bool begins);
	void (*finish)(struct run *r, struct result *result);
	/* For the progress line: "12,345 requests/s"; @us: since the last call. */
	void (*progress)(struct run *r, uint64_t us, char *buf, size_t buf_bytes);
};

extern const struct workload *const workloads[];	/* NULL at the end */
const struct workload *workload_lookup(const char *name);
