/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A dataplane that only takes notes, for tests of control: workers that exist as
 * numbers, connections that the test opens and closes, orders that are carried out
 * at once. It takes the place of dataplane.c at link time; publication (policy_rcu.c)
 * is the real one.
 *
 * Threads: one.
 */
#pragma once

#include "dataplane/dataplane.h"

struct fake_connection {
	bool open;
	struct record record;
	struct rule *rule;	/* held, as a splice does */
	uint16_t worker;
};

struct dataplane_fake {
	uint16_t n_workers;
	struct counters counters[WORKERS_MAX];
	struct dataplane_gauges gauges[WORKERS_MAX];
	struct fake_connection *connections;
	size_t n_connections, size;
	bool draining[WORKERS_MAX];
	bool stuck;		/* orders time out */
	uint16_t stuck_worker;	/* only this one's, when stuck_one */
	bool stuck_one;
	unsigned int started, stopped;
	struct record_told *log;
	unsigned int n_log, log_peak;	/* records that wait now, and at the most */
	uint64_t serial;
	bool link_down, link_was_down;	/* of its only port */
	struct order *late[64];
	unsigned int n_late;
	int awaited;
};

extern struct dataplane_fake fake;

/* Everything as before the first test. */
void fake_reset(uint16_t n_workers);
/*
 * A client connects to laddr:lport, as a worker would take it under the current
 * snapshot. Its index, or -1: no rule, or not allowed.
 */
int fake_connect(uint16_t worker, const char *listen, uint16_t port, const char *client);
/* It ends: the rule is let go, a record goes to the log. */
void fake_close(int connection, enum splice_end how);
uint64_t fake_open(void);
/* The orders that timed out while `stuck` are done now, after all. */
void fake_answer_late(void);
