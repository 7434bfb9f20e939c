/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client, the gateway and a mail server in one process on a virtual clock: three
 * stacks joined by two wires with delay and, if wanted, faults; splices and TLS in
 * the middle, all as they ship. Nothing here knows of devices or threads.
 *
 * Order of calls: world_new; peers (peer.h); world_run; world_free, which checks
 * that nothing was leaked.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "netif.h"
#include "policy.h"
#include "record.h"
#include "splice.h"
#include "stack.h"
#include "../wire.h"

struct rte_mempool;
struct rte_ring;
struct tls_ctx;
struct tls_tickets;

/*
 * What the gateway does is done below the functions that are so marked, and what is ours
 * meanwhile below world_pause_wire: where callgrind counts, and where it doesn't
 * (test_budget.py, which uses gcc). So none of them may be inlined or called in another way.
 */
#ifdef __clang__
#define COUNTED __attribute__((noinline))
#else
#define COUNTED __attribute__((noipa))
#endif

enum node_id { CLIENT, GATEWAY, SERVER, NODES };

/* Where a wire (../wire.h) leads. */
struct link {
	struct wire wire;
	enum node_id to_node;
	const struct netif *to;
	bool cut;
};

struct node {
	struct world *world;
	enum node_id id;
	struct netifs netifs;
	struct stack *stack;
	struct counters counters;
	struct link *out[2];	/* by netif id */
};

struct peer;

struct world {
	uint64_t now_us;
	uint64_t spent_us;	/* of this turn, by the gateway */
	uint32_t handshake_us;
	struct node nodes[NODES];
	struct link links[4];	/* client->gateway, gateway->client, gateway->server, server->gateway */
	struct rte_mempool *mbufs;	/* clients and servers */
	struct rte_mempool *gateway_mbufs;
	struct rte_ring *log;
	struct splices *splices;
	struct policy *policy;	/* one rule; NULL: unpublished */
	struct rule rule;
	struct rule_count rule_count;
	struct rule_slot rule_slot;
	struct tls_ctx *client_tls;
	struct tls_ctx *server_tls[2];	/* of port 143 and 144; NULL: in the clear */
	struct tls_tickets *tickets;	/* NULL: none are given */
	enum stack_verdict server_verdict[2];	/* of port 143 and 144 */
	uint32_t server_syns;	/* connections that the gateway tried to the server's ports */
	struct peer *peers[256], *listening;	/* listening: what accepted server connections copy */
	unsigned int n_peers;
	struct record records[256];
	struct record_told told;	/* the last one */
	unsigned int n_records;
};

struct world_config {
	struct wire_faults faults;	/* of each wire, each way */
	uint64_t seed;
	uint32_t max_splices, buffer_bytes;
	uint32_t log_records;	/* power of two; 0: 256 */
	bool ipv6, tickets;
	uint16_t group;	/* of the clients' key exchange, as IANA numbers them; 0: all that postern knows */
	uint32_t handshake_us;	/* what each step of a gateway's handshake takes; 0: no time, as all the rest */
	uint32_t handshake_budget_us;	/* of a turn; 0: 100 */
};

#define WORLD_CLIENT(v6) ((v6) ? "2001:db8:1::2" : "192.0.2.2")
#define WORLD_LISTEN(v6) ((v6) ? "2001:db8:1::10" : "192.0.2.10")
#define WORLD_SERVER "10.20.0.2"

/* 5 ms each way, nothing lost, buffers of up to 6 MB. */
extern const struct world_config world_usual;

struct world *world_new(const struct world_config *config);
/* Runs the world's timers out and asserts that no packet, session or connection is left. */
void world_free(struct world *w);

/* Runs until @done says so or @limit_us of virtual time have gone by; returns whether it was done. */
bool world_run(struct world *w, bool (*done)(struct world *), uint64_t limit_us);
/* Every peer's connection and every splice has ended (for world_run). */
bool world_ended(struct world *w);
/* Lets time go by. */
void world_wait(struct world *w, uint64_t us);

/* The one record of the log since the last call (asserted to be there and the only one). */
struct record world_record(struct world *w);
