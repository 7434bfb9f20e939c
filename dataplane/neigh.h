/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Neighbours: which MAC address a next hop has. One table for ARP and ND, one per
 * worker, with the states of RFC 4861 7.3.2, except DELAY: a stale entry is probed on
 * its first use. TCP advises (RFC 1122 3.3.1.4, RFC 4861 7.3.1): while what it sends is
 * acknowledged an entry stays reachable without a question, and when the same segment
 * is sent again and again the neighbour is asked early.
 *
 * Who is believed: an entry is made only when we want to send. Nobody else's
 * message makes one. A known entry's MAC changes only by an answer to a question
 * of ours: who claims an entry with another MAC makes us ask the old one first.
 *
 * Bounds: max_neighbours entries, at most half of them unresolved (a scan of our
 * networks can't push out those that work); three packets wait per entry.
 *
 * Threads: the stack's worker.
 * Ownership: neigh_output consumes its mbuf.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/addr.h"
#include "base/pool.h"
#include "base/siphash.h"
#include "base/wheel.h"
#include "eth.h"

struct ip_hop;
struct netif;
struct rte_ether_addr;
struct rte_mbuf;
struct stack;

#define NEIGH_WAITING_MAX 3
#define NEIGH_PROBES 3			/* MAX_UNICAST_SOLICIT, MAX_MULTICAST_SOLICIT */
#define NEIGH_RETRANS_US 1000000ull	/* RETRANS_TIMER */
#define NEIGH_DOUBT_US 250000ull	/* how long the old MAC has to answer when another claims its place */
#define NEIGH_REACHABLE_US 30000000ull	/* REACHABLE_TIME, without its random factor */
#define NEIGH_FORGET_US 600000000ull	/* a stale entry that nobody uses */
#define NEIGH_ADVICE_US 3000000ull	/* advice against a neighbour isn't heard so soon after good news of it */
#define NEIGH_HOLD_US 3000000ull	/* after no answer: how long packets fail at once */

enum neigh_state {
	NEIGH_INCOMPLETE,	/* asked everybody; packets wait */
	NEIGH_REACHABLE,	/* answered lately */
	NEIGH_STALE,		/* known, not confirmed, not used */
	NEIGH_PROBE,		/* used; asked the known MAC */
	NEIGH_FAILED,		/* nobody answered; packets fail */
};

struct neigh_entry {
	struct addr addr;
	_Alignas(8) uint8_t header[ETH_HEADER_MAX];	/* ready to be prepended; begins with the MAC */
	uint8_t header_bytes;
	uint8_t netif, state;
	uint8_t probes_left;
	uint8_t n_waiting;
	uint32_t next;			/* in the hash chain: index + 1 */
	uint64_t hold_until_us;
	uint64_t good_us;		/* the last answer or good advice */
	TAILQ_ENTRY(neigh_entry) link;	/* in `pending` or `known` */
	struct wheel_timer timer;
	struct stack *stack;
	struct rte_mbuf *waiting[NEIGH_WAITING_MAX];	/* IP packets without Ethernet header, oldest first */
};

TAILQ_HEAD(neigh_list, neigh_entry);

struct neigh_table {
	struct pool entries;
	uint32_t *buckets;	/* index + 1 of the first entry */
	uint32_t bucket_mask;
	struct siphash_key key;
	struct neigh_list pending;	/* INCOMPLETE and FAILED, oldest first */
	struct neigh_list known;	/* the others, longest unconfirmed first */
	uint32_t n_pending, max_pending;
};

/* 0, or -ENOMEM. Uses s->config and the wheel. */
int neigh_init(struct stack *s);
void neigh_fini(struct stack *s);

/*
 * Sends the IP packet @m (an Ethernet header is prepended) to the next hop towards
 * @dst, now or when that is resolved. Keeps hop->neigh as its hint. When nobody answers, TCP hears
 * of it as of an ICMP error (tcp_private.h), never within this call.
 */
void neigh_output(struct stack *s, struct ip_hop *hop, const struct addr *dst, struct rte_mbuf *m);

/*
 * A well-formed ARP or ND message said that @a is at @mac. @answer: to us, as to a
 * question of ours. Does nothing when @a isn't in the table.
 */
void neigh_heard(struct stack *s, const struct netif *nif, const struct addr *a, const struct rte_ether_addr *mac,
		 bool answer);

/*
 * TCP's advice about the next hop towards @dst. Good: what was sent by it has arrived.
 * Bad: what is sent by it doesn't seem to; it is asked, unless it has answered, or anybody
 * has had good to say of it, within NEIGH_ADVICE_US. So a thousand clients that are gone
 * make one question. Neither makes an entry, and good advice ends no question that is under way:
 * who claims another's place is believed by the other's silence only.
 */
void neigh_advise_good(struct stack *s, const struct ip_hop *hop, const struct addr *dst);
void neigh_advise_bad(struct stack *s, struct ip_hop *hop, const struct addr *dst);

/* For tests and control: the entry, or NULL. Borrowed until the next call of this module. */
const struct neigh_entry *neigh_lookup(const struct stack *s, const struct netif *nif, const struct addr *a);
