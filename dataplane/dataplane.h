/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dataplane as control sees it: started from one description, asked and
 * ordered through mailboxes, never touched.
 *
 * Order of calls: dataplane_start; policy_publish (policy_rcu.h) at will;
 * dataplane_order, dataplane_log, dataplane_counters; dataplane_stop.
 *
 * Threads: control only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counters.h"
#include "netif.h"
#include "record.h"
#include "turn_times.h"

#define DEVICE_TEXT_BYTES 256
#define CORES_TEXT_BYTES 128

enum dataplane_idle { IDLE_AUTO, IDLE_POLL, IDLE_ADAPTIVE };	/* auto: poll if every port is a NIC */
enum dataplane_hugepages { HUGEPAGES_AUTO, HUGEPAGES_YES, HUGEPAGES_NO };

struct dataplane_config {
	uint16_t n_workers;
	char cores[CORES_TEXT_BYTES];	/* CPU list for the workers, "1-2,5"; "": 0 .. n-1 from the allowed set */
	enum dataplane_idle idle;
	enum dataplane_hugepages hugepages;
	uint32_t memory_megabytes;	/* for packet buffers and DPDK altogether; 0: chosen by the limits */
	uint32_t max_connections;	/* client connections, all workers together */
	uint32_t buffer_bytes;		/* per connection and direction, at most */
	uint32_t tls_heap_megabytes;	/* per worker; 0: chosen by max_connections */
	uint64_t keepalive_us, user_timeout_us, user_timeout_limit_us;	/* as in stack.h */
	uint64_t handshake_budget_us;	/* of a worker's turn, for TLS handshakes */
	bool ignore_unpublished;	/* true: no RST to a SYN that no rule publishes */
	bool reassemble;	/* fragments are put together; false: dropped */
	struct netifs netifs;		/* name, addrs, vlan, mtu filled in; MAC and offloads come from the device */
	char devices[NETIF_MAX][DEVICE_TEXT_BYTES];	/* devargs: "0000:03:00.0" or "net_tap0,iface=x" */
};

/* EAL, ports, workers. 0, or -errno with the reason in @err. May be called once per process. */
int dataplane_start(struct dataplane_config *config, char *err, size_t err_bytes);
/* Resets what is open, stops the workers and closes the ports. Afterwards dataplane_log still gives the last records. */
void dataplane_stop(void);

/* What was found and chosen at the start, on one line: memory, and for each port driver, queues and who does what. */
void dataplane_describe(char *buf, size_t buf_bytes);

/*
 * Once a second: looks at one port's link (0 ..), and has its addresses announced when
 * it came up. False: there is no such port. *changed: it isn't as it was.
 */
struct dataplane_link {
	const char *port;	/* valid until dataplane_stop */
	bool up, changed;
};
bool dataplane_watch_link(unsigned int port, struct dataplane_link *link);

uint16_t dataplane_workers(void);
const struct counters *dataplane_counters(uint16_t worker);

/* A worker's gauges, at the time of asking. */
struct dataplane_gauges {
	uint64_t connections;	/* splices open */
	uint64_t tcp_connections;
	uint64_t half_open;	/* of these, clients whose TCP handshake isn't complete */
	uint64_t syn_cookies;	/* 1: SYNs are answered by cookies, for there are too many */
	uint64_t mbufs_free, mbufs_total;	/* of the one pool that all workers share */
	uint64_t mbufs_queued;	/* in this worker's connections' queues; its share of the pool bounds it */
	uint64_t tls_heap_used_bytes;
	uint64_t turns, busy_turns;	/* of the worker's loop */
	uint64_t busy_us;	/* what the busy ones took, by the CPU's time stamp counter; polling in vain isn't in it */
	uint64_t turns_by_us[TURN_BOUNDS + 1];	/* busy ones, by TURN_BOUNDS_US: how many took so long and no more */
	uint64_t longest_us, longest_work[TURN_WORK_COUNT];	/* the longest of the last 10 to 20 s, and what was in it */
	uint64_t quiesced_us;	/* when it last passed a quiescent state; the watchdog's eye */
	unsigned int cpu;
};
void dataplane_gauges(uint16_t worker, struct dataplane_gauges *g);

/* Takes up to @n finished connections' records from all workers' rings; returns how many. */
unsigned int dataplane_log(struct record_told *records, unsigned int n);

enum order_verb {
	ORDER_LIST,	/* fill `records`, at most `max`, of the rule `name` ("": of all) */
	ORDER_KILL,	/* the connection with `id` */
	ORDER_KILL_RULE,	/* up to `max` connections of the rule `name`, whichever version */
	ORDER_DRAIN,	/* on: refuse SYNs from now on; off: accept again */
	ORDER_CLOSE_SOME,	/* end up to `max` connections, oldest first (a drain that spreads) */
};

struct order {
	enum order_verb verb;
	uint64_t id;
	char name[RULE_NAME_BYTES];
	bool on;
	struct record_told *records;
	uint32_t max, done;	/* done: records filled, or connections ended */
	uint32_t cursor;	/* LIST, KILL_RULE: 0, or where the order before stopped, which had reached its max */
	/* private: */
	int finished;
};

/*
 * Gives @o to @worker and waits until it is done (the worker does a bounded part
 * each turn). 0, or -ETIMEDOUT when the worker didn't answer for a second: then @o
 * may still be in use and must not be freed.
 */
int dataplane_order(uint16_t worker, struct order *o);
