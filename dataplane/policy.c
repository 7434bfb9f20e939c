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
	int c = key_compare(&a->addr, a->port, &b->addr, b->port);

	if (c != 0)
		return c;
	return (a->n_names > 0) != (b->n_names > 0) ? (a->n_names > 0) - (b->n_names > 0) : strcmp(a->name, b->name);
}

struct policy *policy_new(uint32_t n, uint32_t n_names)
{
	struct policy *p = calloc(1, sizeof(*p) + n * sizeof(p->rules[0]) + n_names * sizeof(p->names[0]));

	if (p != NULL)
		p->names = (struct policy_name *)&p->rules[n];
	return p;
}

static int by_endpoint(const void *a, const void *b)
{
	return policy_compare(*(struct rule *const *)a, *(struct rule *const *)b);
}

static int by_name(const void *a, const void *b)
{
	const struct policy_name *x = a, *y = b;
	int c = key_compare(&x->rule->addr, x->rule->port, &y->rule->addr, y->rule->port);

	return c != 0 ? c : strcmp(x->name, y->name);
}

void policy_order(struct policy *p)
{
	p->n_names = 0;
	for (uint32_t i = 0; i < p->n_rules; i++) {
		for (uint32_t k = 0; p->rules[i]->passthrough && k < p->rules[i]->n_names; k++)
			p->names[p->n_names++] = (struct policy_name){ p->rules[i]->names[k], p->rules[i] };
	}
	if (p->n_rules > 0)
		qsort(p->rules, p->n_rules, sizeof(p->rules[0]), by_endpoint);
	if (p->n_names > 0)
		qsort(p->names, p->n_names, sizeof(p->names[0]), by_name);
}

struct policy *policy_copy(const struct policy *p)
{
	struct policy *copy = policy_new(p->n_rules, p->n_names);

	if (copy == NULL)
		return NULL;
	copy->generation = p->generation;
	copy->tickets = p->tickets;
	copy->n_rules = p->n_rules;
	copy->n_names = p->n_names;
	memcpy(copy->rules, p->rules, p->n_rules * sizeof(p->rules[0]));
	if (p->n_names > 0)
		memcpy(copy->names, p->names, p->n_names * sizeof(p->names[0]));
	return copy;
}

/* Where the rules of laddr:lport begin, if there are any. */
static uint32_t first_of(const struct policy *p, const struct addr *laddr, uint16_t lport)
{
	uint32_t low = 0, high = p->n_rules;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (key_compare(laddr, lport, &p->rules[mid]->addr, p->rules[mid]->port) <= 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static bool publishes(const struct policy *p, uint32_t i, const struct addr *laddr, uint16_t lport)
{
	return i < p->n_rules && key_compare(laddr, lport, &p->rules[i]->addr, p->rules[i]->port) == 0;
}

struct rule *policy_lookup(const struct policy *p, const struct addr *laddr, uint16_t lport)
{
	uint32_t i = first_of(p, laddr, lport);

	return publishes(p, i, laddr, lport) ? p->rules[i] : NULL;
}

static struct rule *named(const struct policy *p, const struct addr *laddr, uint16_t lport, const char *name)
{
	uint32_t low = 0, high = p->n_names;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct policy_name *at = &p->names[mid];
		int c = key_compare(laddr, lport, &at->rule->addr, at->rule->port);

		if (c == 0)
			c = strcmp(name, at->name);
		if (c == 0)
			return at->rule;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

struct rule *policy_route(const struct policy *p, const struct addr *laddr, uint16_t lport, const char *name)
{
	struct rule *first = policy_lookup(p, laddr, lport), *r;
	const char *dot = strchr(name, '.');

	if (first == NULL || !first->passthrough)
		return NULL;
	/* What begins with a dot isn't a host's name, but stands for others'. */
	r = name[0] != '.' ? named(p, laddr, lport, name) : NULL;
	if (r == NULL && dot != NULL && dot != name)
		r = named(p, laddr, lport, dot);
	return r == NULL && first->n_names == 0 ? first : r;
}

static bool any_of(const struct policy *p, const struct rule *first, const struct addr *a,
		   bool (*is)(const struct rule *r, const struct addr *a))
{
	if (!first->passthrough)
		return is(first, a);
	for (uint32_t i = first_of(p, &first->addr, first->port); publishes(p, i, &first->addr, first->port); i++) {
		if (is(p->rules[i], a))
			return true;
	}
	return false;
}

bool policy_allows(const struct policy *p, const struct rule *first, const struct addr *client)
{
	return any_of(p, first, client, rule_allows);
}

bool policy_trusts(const struct policy *p, const struct rule *first, const struct addr *proxy)
{
	return any_of(p, first, proxy, rule_trusts);
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
