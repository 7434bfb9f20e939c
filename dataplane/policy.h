/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The publishing rules as workers read them: an immutable snapshot, built by
 * control (control/rules.c), published and retired by RCU (policy_rcu.h).
 *
 * A rule that didn't change is the same `struct rule` in the next snapshot. A
 * connection keeps the rule that it was accepted under, counted in the rule's slot
 * of its worker; control frees a rule once no snapshot holds it, a grace period has
 * passed and all its slots say 0.
 *
 * Threads: a snapshot and its rules are read by all workers; a slot's counters are
 * written by its worker only (base/count.h).
 * Ownership: control's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/count.h"
#include "base/lines.h"
#include "proxy.h"

struct tls_ctx;
struct tls_tickets;

#define WORKERS_MAX 64
#define RULE_NAME_BYTES 48
#define RULE_SERVERS_MAX 32

/* Disjoint ranges in ascending order: a look-up is a binary search. (rte_lpm costs 64 MB for each set.) */
struct addr_range {
	struct addr first, last;
};

struct addr_set {
	uint32_t n;
	struct addr_range ranges[];
};

struct rule_server {
	struct addr addr;
	uint16_t port;
};

/* A rule's numbers over all its versions, by worker; owned by control as long as the rule's name exists. */
struct rule_count {
	uint64_t accepted, refused, failed;	/* refused: denied client; failed: TLS or backend */
	uint64_t bytes_from_client, bytes_to_client;	/* plaintext */
	uint64_t open;		/* connections now */
} __attribute__((aligned(LINE_BYTES)));
LINES_OWN(struct rule_count);

/* What a worker alone uses of a rule. */
struct rule_slot {
	struct tls_ctx *tls;
	struct tls_ctx *server_tls;	/* with its servers; NULL: in the clear */
	uint64_t connections;	/* that hold this version of the rule */
	uint32_t next_server;	/* round robin */
} __attribute__((aligned(LINE_BYTES)));
LINES_OWN(struct rule_slot);

struct rule {
	char name[RULE_NAME_BYTES];
	struct addr addr;	/* published */
	uint16_t port;
	uint16_t n_servers;
	struct rule_server servers[RULE_SERVERS_MAX];
	const struct addr_set *allow, *deny;	/* NULL allow: any client; NULL deny: none. Deny wins. */
	const struct addr_set *proxies;	/* whose connections begin with a PROXY header that says who the client is; NULL: none */
	uint64_t idle_timeout_us, handshake_timeout_us;
	enum proxy_version proxy;	/* what its servers are told of each client */
	/*
	 * TLS is its servers' own: bytes go to and fro as they come. Such rules may share an
	 * address and port; the host name that a client asks for chooses among them.
	 */
	bool passthrough;
	uint32_t n_names;	/* of a passthrough rule; 0: it serves all other names, and clients that name none */
	const char *const *names;	/* lower case; ".example" stands for any label before it */
	struct rule_count *counts;	/* [n_workers] */
	struct rule_slot *slots;	/* [n_workers] */
};

struct policy_name {
	const char *name;
	struct rule *rule;
};

/* Only enabled rules are in a snapshot. */
struct policy {
	uint64_t generation;
	const struct tls_tickets *tickets;
	uint32_t n_rules, n_names;
	struct policy_name *names;	/* of all passthrough rules; ascending by address, port and name */
	struct rule *rules[];	/* ascending by policy_compare */
};

/* Room for @n rules with @n_names names together; free() it. NULL: no memory. */
struct policy *policy_new(uint32_t n, uint32_t n_names);
/* Its rules are all there: puts them and their names in order. */
void policy_order(struct policy *p);
/* NULL: no memory. */
struct policy *policy_copy(const struct policy *p);

/* Builds a set of @n prefixes (any order, overlapping or not); free() it. NULL: no memory. */
struct addr_set *addr_set_new(const struct prefix *prefixes, uint32_t n);
bool addr_set_contains(const struct addr_set *set, const struct addr *a);

/* The order of rules in a snapshot: by address, then port; of several there that without names first, then by name. */
int policy_compare(const struct rule *a, const struct rule *b);
/* The rule that publishes laddr:lport, the first if there are several, or NULL. */
struct rule *policy_lookup(const struct policy *p, const struct addr *laddr, uint16_t lport);
/* The passthrough rule there for @name, which is in lower case; "": none is known. NULL: no rule. */
struct rule *policy_route(const struct policy *p, const struct addr *laddr, uint16_t lport, const char *name);
/* As the next two, for @first of policy_lookup or any other rule there. */
bool policy_allows(const struct policy *p, const struct rule *first, const struct addr *client);
bool policy_trusts(const struct policy *p, const struct rule *first, const struct addr *proxy);
bool rule_allows(const struct rule *r, const struct addr *client);
/* Is its word taken for who the client is (rule_allows is asked for that one, then)? */
bool rule_trusts(const struct rule *r, const struct addr *proxy);
