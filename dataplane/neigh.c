/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neigh.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_ether.h>

#include "arp.h"
#include "base/lines.h"
#include "icmp.h"
#include "nd.h"
#include "stack_private.h"

/* How far a search for an entry that can be evicted goes. */
#define EVICT_LOOK_AT 8

static struct neigh_entry *entry_of(struct wheel_timer *t)
{
	return (struct neigh_entry *)((char *)t - offsetof(struct neigh_entry, timer));
}

static bool is_pending(const struct neigh_entry *e)
{
	return e->state == NEIGH_INCOMPLETE || e->state == NEIGH_FAILED;
}

static struct rte_ether_addr entry_mac(const struct neigh_entry *e)
{
	struct rte_ether_addr mac;

	memcpy(&mac, e->header, sizeof(mac));
	return mac;
}

static uint32_t *bucket_of(const struct neigh_table *t, uint8_t netif, const struct addr *a)
{
	uint8_t key[sizeof(*a) + 1];

	memcpy(key, a, sizeof(*a));
	key[sizeof(*a)] = netif;
	return &t->buckets[siphash(&t->key, key, sizeof(key)) & t->bucket_mask];
}

static struct neigh_entry *lookup(const struct neigh_table *t, uint8_t netif, const struct addr *a)
{
	uint32_t i = *bucket_of(t, netif, a);

	while (i != 0) {
		struct neigh_entry *e = pool_at(&t->entries, i - 1);

		if (e->netif == netif && addr_equal(&e->addr, a))
			return e;
		i = e->next;
	}
	return NULL;
}

const struct neigh_entry *neigh_lookup(const struct stack *s, const struct netif *nif, const struct addr *a)
{
	return lookup(&s->neigh, nif->id, a);
}

static const struct netif *entry_netif(const struct neigh_entry *e)
{
	return &e->stack->config.netifs->netifs[e->netif];
}

static void unlink_entry(struct neigh_table *t, struct neigh_entry *e)
{
	uint32_t index = pool_index(&t->entries, e) + 1;
	uint32_t *i = bucket_of(t, e->netif, &e->addr);

	while (*i != index) {
		struct neigh_entry *other;

		ASSERT(*i != 0);
		other = pool_at(&t->entries, *i - 1);
		i = &other->next;
	}
	*i = e->next;
	if (is_pending(e)) {
		TAILQ_REMOVE(&t->pending, e, link);
		t->n_pending--;
	} else {
		TAILQ_REMOVE(&t->known, e, link);
	}
}

static void entry_free(struct neigh_entry *e, enum drop why)
{
	struct stack *s = e->stack;

	wheel_cancel(&s->wheel, &e->timer);
	unlink_entry(&s->neigh, e);
	for (unsigned int i = 0; i < e->n_waiting; i++)
		stack_drop(s, why, e->waiting[i]);
	pool_put(&s->neigh.entries, e);
}

/* The one place where an entry's state changes: keeps it in the right list, at the right end. */
static void set_state(struct neigh_entry *e, enum neigh_state state, unsigned int probes, uint64_t timer_us)
{
	struct stack *s = e->stack;
	struct neigh_table *t = &s->neigh;
	bool was_pending = is_pending(e);

	e->state = (uint8_t)state;
	e->probes_left = (uint8_t)probes;
	if (was_pending != is_pending(e)) {
		TAILQ_REMOVE(was_pending ? &t->pending : &t->known, e, link);
		TAILQ_INSERT_TAIL(was_pending ? &t->known : &t->pending, e, link);
		t->n_pending += was_pending ? -1u : 1u;
	} else if (state == NEIGH_REACHABLE) {
		TAILQ_REMOVE(&t->known, e, link);
		TAILQ_INSERT_TAIL(&t->known, e, link);
	}
	wheel_arm(&s->wheel, &e->timer, s->now_us + timer_us);
}

static void ask(struct neigh_entry *e, bool everybody)
{
	const struct netif *nif = entry_netif(e);
	struct rte_ether_addr mac = entry_mac(e);

	if (addr_is_v4(&e->addr))
		arp_request(e->stack, nif, &e->addr, everybody ? NULL : &mac);
	else
		nd_solicit(e->stack, nif, &e->addr, everybody ? NULL : &mac);
}

static void ask_everybody(struct neigh_entry *e)
{
	set_state(e, NEIGH_INCOMPLETE, NEIGH_PROBES - 1, NEIGH_RETRANS_US);
	ask(e, true);
}

/* Tells TCP about the packets that waited in vain. Its reaction may come back into this module. */
static void fail_waiting(struct neigh_entry *e)
{
	struct rte_mbuf *waiting[NEIGH_WAITING_MAX];
	struct stack *s = e->stack;
	unsigned int n = e->n_waiting;

	memcpy(waiting, e->waiting, sizeof(waiting));
	e->n_waiting = 0;
	for (unsigned int i = 0; i < n; i++) {
		const void *ip = rte_pktmbuf_mtod(waiting[i], const void *);
		struct tuple tuple;
		uint32_t seq;
		bool tcp = icmp_quoted(ip, waiting[i]->data_len, &tuple, &seq);

		stack_drop(s, DROP_NEIGH_UNRESOLVED, waiting[i]);
		if (tcp)
			tcp_icmp_error(s, &tuple, seq, TCP_ICMP_UNREACHABLE, 0);
	}
}

static void neigh_fire(struct wheel_timer *timer, uint64_t now_us)
{
	struct neigh_entry *e = entry_of(timer);

	switch ((enum neigh_state)e->state) {
	case NEIGH_REACHABLE:
		if (e->good_us + NEIGH_REACHABLE_US > now_us)
			set_state(e, NEIGH_REACHABLE, 0, e->good_us + NEIGH_REACHABLE_US - now_us);
		else
			set_state(e, NEIGH_STALE, 0, NEIGH_FORGET_US);
		return;
	case NEIGH_STALE:
		entry_free(e, DROP_NEIGH_UNRESOLVED);
		return;
	case NEIGH_PROBE:
		if (e->probes_left == 0) {
			ask_everybody(e);
			return;
		}
		set_state(e, NEIGH_PROBE, e->probes_left - 1u, NEIGH_RETRANS_US);
		ask(e, false);
		return;
	case NEIGH_INCOMPLETE:
		if (e->probes_left > 0) {
			set_state(e, NEIGH_INCOMPLETE, e->probes_left - 1u, NEIGH_RETRANS_US);
			ask(e, true);
			return;
		}
		e->hold_until_us = now_us + NEIGH_HOLD_US;
		set_state(e, NEIGH_FAILED, 0, NEIGH_HOLD_US);
		fail_waiting(e);
		return;
	case NEIGH_FAILED:
		if (now_us >= e->hold_until_us) {
			/* Packets that came in this very tick: a new try for them. */
			if (e->n_waiting > 0)
				ask_everybody(e);
			else
				entry_free(e, DROP_NEIGH_UNRESOLVED);
			return;
		}
		wheel_arm(&e->stack->wheel, &e->timer, e->hold_until_us);
		fail_waiting(e);
		return;
	}
}

/* Makes room for one more entry, which will be unresolved. False: all are in use. */
static bool make_room(struct neigh_table *t)
{
	struct neigh_entry *e;
	unsigned int looked_at = 0;

	if (t->n_pending >= t->max_pending)
		entry_free(TAILQ_FIRST(&t->pending), DROP_NEIGH_FULL);
	if (pool_in_use(&t->entries) < t->entries.capacity)
		return true;
	TAILQ_FOREACH(e, &t->known, link) {
		if (e->state == NEIGH_STALE) {
			entry_free(e, DROP_NEIGH_FULL);
			return true;
		}
		if (++looked_at == EVICT_LOOK_AT)
			break;
	}
	e = TAILQ_FIRST(&t->pending);
	if (!e)
		return false;
	entry_free(e, DROP_NEIGH_FULL);
	return true;
}

static struct neigh_entry *entry_new(struct stack *s, const struct netif *nif, const struct addr *a)
{
	struct neigh_table *t = &s->neigh;
	struct neigh_entry *e;
	uint32_t *bucket;

	if (!make_room(t))
		return NULL;
	e = pool_get(&t->entries);
	ASSERT(e != NULL);
	e->addr = *a;
	e->netif = nif->id;
	e->stack = s;
	e->state = NEIGH_INCOMPLETE;
	wheel_timer_init(&e->timer, neigh_fire);
	bucket = bucket_of(t, e->netif, a);
	e->next = *bucket;
	*bucket = pool_index(&t->entries, e) + 1;
	TAILQ_INSERT_TAIL(&t->pending, e, link);
	t->n_pending++;
	return e;
}

/* The queue keeps the newest (RFC 4861 7.2.2, RFC 1122 2.3.2.2). */
static void wait_with(struct neigh_entry *e, struct rte_mbuf *m)
{
	if (e->n_waiting == NEIGH_WAITING_MAX) {
		stack_drop(e->stack, DROP_NEIGH_UNRESOLVED, e->waiting[0]);
		memmove(&e->waiting[0], &e->waiting[1], sizeof(e->waiting[0]) * (NEIGH_WAITING_MAX - 1));
		e->n_waiting--;
	}
	e->waiting[e->n_waiting++] = m;
}

/* The entry that the hint names, if it is still the next hop's. */
static struct neigh_entry *hinted(struct stack *s, const struct ip_hop *hop, const struct addr *next_hop)
{
	struct neigh_entry *e = hop->neigh != 0 ? pool_at(&s->neigh.entries, hop->neigh - 1) : NULL;

	return e && e->netif == hop->nif && addr_equal(&e->addr, next_hop) ? e : NULL;
}

/* The entry of the next hop: by the hint, else by hash, else a new one. NULL: the table is full. */
static struct neigh_entry *hop_entry(struct stack *s, struct ip_hop *hop, const struct addr *dst)
{
	const struct addr *next_hop = ip_next_hop(s, hop, dst);
	struct neigh_table *t = &s->neigh;
	struct neigh_entry *e = hinted(s, hop, next_hop);

	if (e)
		return e;
	e = lookup(t, hop->nif, next_hop);
	if (!e) {
		e = entry_new(s, ip_hop_netif(s, hop), next_hop);
		if (!e)
			return NULL;
		ask_everybody(e);
	}
	hop->neigh = pool_index(&t->entries, e) + 1;
	return e;
}

void neigh_output(struct stack *s, struct ip_hop *hop, const struct addr *dst, struct rte_mbuf *m)
{
	struct neigh_entry *e = hop_entry(s, hop, dst);

	if (unlikely(!e)) {
		stack_drop(s, DROP_NEIGH_FULL, m);
		return;
	}
	if (unlikely(e->state != NEIGH_REACHABLE)) {
		if (is_pending(e)) {
			wait_with(e, m);
			/* Fails in the next turn, not now: the caller is TCP itself. */
			if (e->state == NEIGH_FAILED)
				wheel_arm(&s->wheel, &e->timer, s->now_us);
			return;
		}
		if (e->state == NEIGH_STALE) {
			set_state(e, NEIGH_PROBE, NEIGH_PROBES - 1, NEIGH_RETRANS_US);
			ask(e, false);
		}
	}
	eth_output(s, ip_hop_netif(s, hop), m, e->header, e->header_bytes);
}

void neigh_advise_good(struct stack *s, const struct ip_hop *hop, const struct addr *dst)
{
	struct neigh_entry *e = hinted(s, hop, ip_next_hop(s, hop, dst));

	if (e)
		e->good_us = s->now_us;
}

void neigh_advise_bad(struct stack *s, struct ip_hop *hop, const struct addr *dst)
{
	struct neigh_entry *e = hinted(s, hop, ip_next_hop(s, hop, dst));

	/* Pending, or asked already: nothing to add. */
	if (!e || (e->state != NEIGH_REACHABLE && e->state != NEIGH_STALE))
		return;
	if (s->now_us - e->good_us < NEIGH_ADVICE_US)
		return;
	count_event(s->config.counters, EVENT_NEIGH_DOUBTED);
	set_state(e, NEIGH_PROBE, NEIGH_PROBES - 1, NEIGH_RETRANS_US);
	ask(e, false);
}

static void confirm(struct neigh_entry *e)
{
	e->good_us = e->stack->now_us;
	set_state(e, NEIGH_REACHABLE, 0, NEIGH_REACHABLE_US);
}

static void send_waiting(struct neigh_entry *e)
{
	unsigned int n = e->n_waiting;

	e->n_waiting = 0;
	for (unsigned int i = 0; i < n; i++)
		eth_output(e->stack, entry_netif(e), e->waiting[i], e->header, e->header_bytes);
}

void neigh_heard(struct stack *s, const struct netif *nif, const struct addr *a, const struct rte_ether_addr *mac,
		 bool answer)
{
	struct neigh_entry *e = lookup(&s->neigh, nif->id, a);
	struct rte_ether_addr old;

	if (!e)
		return;
	if (is_pending(e)) {
		e->header_bytes = eth_header(e->header, nif, mac,
					     addr_is_v4(a) ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
		if (answer)
			confirm(e);
		else
			set_state(e, NEIGH_STALE, 0, NEIGH_FORGET_US);
		send_waiting(e);
		return;
	}
	old = entry_mac(e);
	if (rte_is_same_ether_addr(&old, mac)) {
		if (answer)
			confirm(e);
		return;
	}
	/* Another MAC: a failover, or a lie. If the old one is silent, everybody is asked. */
	if (e->state != NEIGH_PROBE) {
		set_state(e, NEIGH_PROBE, 0, NEIGH_DOUBT_US);
		ask(e, false);
	}
}

int neigh_init(struct stack *s)
{
	struct neigh_table *t = &s->neigh;
	uint32_t max = s->config.max_neighbours, n_buckets = 16;

	ASSERT(max >= 2);
	while (n_buckets < max && n_buckets < 1u << 20)
		n_buckets *= 2;
	t->bucket_mask = n_buckets - 1;
	t->max_pending = max / 2;
	t->n_pending = 0;
	t->key.k0 = s->config.secret[0] ^ 0x6e65696768626f75ull;
	t->key.k1 = s->config.secret[1] ^ 0x7273206f66206f75ull;
	TAILQ_INIT(&t->pending);
	TAILQ_INIT(&t->known);
	t->buckets = lines_alloc(n_buckets, sizeof(*t->buckets));
	if (!t->buckets || pool_init(&t->entries, sizeof(struct neigh_entry), max) != 0) {
		free(t->buckets);
		return -ENOMEM;
	}
	return 0;
}

void neigh_fini(struct stack *s)
{
	struct neigh_table *t = &s->neigh;

	for (uint32_t i = 0; i < t->entries.capacity; i++) {
		struct neigh_entry *e = pool_at(&t->entries, i);

		if (!e)
			continue;
		wheel_cancel(&s->wheel, &e->timer);
		for (unsigned int k = 0; k < e->n_waiting; k++)
			rte_pktmbuf_free(e->waiting[k]);
		pool_put(&t->entries, e);
	}
	pool_fini(&t->entries);
	free(t->buckets);
	t->buckets = NULL;
}
