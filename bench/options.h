/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of postern-bench, checked.
 *
 * Threads: one; immutable after options_parse. Ownership: strings are argv's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/error.h"
#include "dataplane/base/addr.h"
#include "dataplane/dataplane.h"
#include "dataplane/netif.h"

#define OPTIONS_ROUTES_MAX 8
#define OPTIONS_QUEUES_MAX 8

enum direction { DIRECTION_DOWN = 1, DIRECTION_UP = 2, DIRECTION_BOTH = 3 };

/* A DPDK port of ours. */
struct options_port {
	const char *device;		/* NULL: there is none */
	struct prefix addrs[NETIF_ADDRS_MAX];
	unsigned int n_addrs;
};

struct options {
	const char *workload;		/* or "backend" */
	bool kernel;			/* --transport kernel */
	bool has_target, has_serve;
	struct addr target, serve;
	uint16_t target_port, serve_port;

	/* what is done */
	double seconds, warmup_s, open_timeout_s, timeout_s;
	uint32_t connections, dialing;
	uint32_t held;			/* sessions besides that do nothing */
	uint32_t active;		/* requests unanswered at one time; 0: one a connection */
	double rate;			/* per second; 0: closed loop */
	uint32_t request_bytes, reply_bytes;
	double bulk_rate;		/* of mix: bits per second asked for on each bulk connection; 0: what goes through */
	enum direction direction;
	uint64_t seed;

	/* TLS */
	bool plain, resume;
	uint16_t tls_version;		/* TLS_VERSION_1_2 or _1_3 */
	uint16_t group;			/* IANA's number */
	const char *server_name;	/* NULL: no SNI */

	/* where */
	int cpu;			/* -1: any */
	uint32_t memory_megabytes;	/* packet buffers; 0: by the connections */
	enum dataplane_hugepages hugepages;
	uint16_t queues;		/* of each port */
	bool sleep;			/* when there is nothing to do; else poll */
	struct options_port client_port, backend_port;
	struct route routes[OPTIONS_ROUTES_MAX];
	unsigned int n_routes;
	enum congestion congestion;
	const char *client_netns, *serve_netns;

	const char *greeting;		/* backend: NULL: IMAP's */

	/* what is told */
	const char *name;		/* NULL: the workload's */
	const char *json;		/* NULL: none */
	const char *phases;		/* NULL: nowhere */
	bool quiet, progress, allow_errors;
};

/* Sessions that a run may have open at one time. */
static inline uint32_t options_sessions(const struct options *o)
{
	return o->connections + o->held;
}

enum options_outcome { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* DONE: help or version was printed. WRONG: the reason is in @err. */
enum options_outcome options_parse(int argc, char **argv, struct options *o, struct error *err);
void options_usage(FILE *out);
