/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy.h"

#include <stdlib.h>

#include "base/assert.h"

static int range_compare(const void *a, const void *b)
{
	const struct addr_range *x = a, *y = b;

	return memcmp(&x->first, &y->first, sizeof(x->first));
}

static struct addr_range range_of(const struct prefix *p)
{
	struct addr_range r = { .first = p->addr, .last = p->addr };

	for (unsigned int i = 0; i < sizeof(r.first.b); i++) {
		unsigned int bits = p->len > i * 8 ? p->len - i * 8 : 0;
		uint8_t mask = bits >= 8 ? 0xff : (uint8_t)(0xff00u >> bits);

		r.first.b[i] = (uint8_t)(r.first.b[i] & mask);
		r.last.b[i] = (uint8_t)(r.last.b[i] | (uint8_t)~mask);
	}
	return r;
}

/* Ranges of prefixes nest or are disjoint, so one pass over them in order drops those that nest. */
static uint32_t ranges_merge(struct addr_range *r, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (kept > 0 && memcmp(&r[i].first, &r[kept - 1].last, sizeof(r->first)) <= 0) {
			if (memcmp(&r[i].last, &r[kept - 1].last, sizeof(r->last)) > 0)
				r[kept - 1].last = r[i].last;
		} else {
			r[kept++] = r[i];
		}
	}
	return kept;
}

struct addr_set *addr_set_new(const struct prefix *prefixes, uint32_t n)
{
	struct addr_set *set = malloc(sizeof(*set) + n * sizeof(set->ranges[0]));

	if (set == NULL)
		return NULL;
	for (uint32_t i = 0; i < n; i++)
		set->ranges[i] = range_of(&prefixes[i]);
	if (n > 0)
		qsort(set->ranges, n, sizeof(set->ranges[0]), range_compare);
	set->n = ranges_merge(set->ranges, n);
	return set;
}

bool addr_set_contains(const struct addr_set *set, const struct addr *a)
{
	uint32_t low = 0, high = set->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (memcmp(a, &set->ranges[mid].first, sizeof(*a)) < 0)
			high = mid;
		else if (memcmp(a, &set->ranges[mid].last, sizeof(*a)) > 0)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

static int key_compare(const struct addr *a, uint16_t a_port, const struct addr *b, uint16_t b_port)
{
	int c = memcmp(a, b, sizeof(*a));

	return c != 0 ? c : (int)a_port - (int)b_port;
}

int policy_compare(const struct rule *a, const struct rule *b)
{
	return key_compare(&a->addr, a->port, &b->addr, b->port);
}

struct rule *policy_lookup(const struct policy *p, const struct addr *laddr, uint16_t lport)
{
	uint32_t low = 0, high = p->n_rules;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int c = key_compare(laddr, lport, &p->rules[mid]->addr, p->rules[mid]->port);

		if (c == 0)
			return p->rules[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

bool rule_trusts(const struct rule *r, const struct addr *proxy)
{
	return r->proxies != NULL && addr_set_contains(r->proxies, proxy);
}

bool rule_allows(const struct rule *r, const struct addr *client)
{
	if (r->deny != NULL && addr_set_contains(r->deny, client))
		return false;
	return r->allow == NULL || addr_set_contains(r->allow, client);
}
