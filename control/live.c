/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/assert.h"
#include "dataplane/base/lines.h"
#include "dataplane/policy_rcu.h"
#include "tls/context.h"
#include "tls/tickets.h"

/* All versions of a rule of one name count here. */
struct live_numbers {
	char name[RULE_NAME_BYTES];
	uint32_t versions;	/* of live_rule, current and retired */
	bool named;		/* the operator has a rule of this name, enabled or not */
	struct rule_count *counts;	/* [n_workers] */
	struct live_numbers *next;
};

struct live_rule {
	struct rule rule;	/* what workers see */
	struct rule_def def;
	struct certificate **certificates;	/* in the definition's order */
	struct trust *trust;			/* that its clients' certificates are checked by; NULL: none */
	struct live_numbers *numbers;
	struct addr_set *allow, *deny, *proxies;
	char *backend_ca;	/* PEM; NULL: none */
	const char **names;	/* of passthrough: in the definition's */
	bool kept;		/* is in the snapshot being built */
	struct live_rule *next;
};

struct live_next {
	struct policy *policy;
	struct live_rule *fresh;	/* made for it */
};

void live_init(struct live *l, uint16_t n_workers, struct tls_tickets *tickets)
{
	memset(l, 0, sizeof(*l));
	l->n_workers = n_workers;
	l->tickets = tickets;
}

static struct live_numbers *numbers_hold(struct live *l, const char *name)
{
	struct live_numbers *n;

	for (n = l->numbers; n != NULL; n = n->next) {
		if (strcmp(n->name, name) == 0) {
			n->versions++;
			return n;
		}
	}
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return NULL;
	n->counts = lines_alloc(l->n_workers, sizeof(*n->counts));
	if (n->counts == NULL) {
		free(n);
		return NULL;
	}
	memcpy(n->name, name, strlen(name) + 1);
	n->versions = 1;
	n->next = l->numbers;
	l->numbers = n;
	return n;
}

/* Frees the numbers that neither a name nor a version needs. */
static void numbers_sweep(struct live *l)
{
	struct live_numbers **at = &l->numbers, *n;

	while ((n = *at) != NULL) {
		if (n->named || n->versions > 0) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		free(n->counts);
		free(n);
	}
}

static void live_rule_free(struct live *l, struct live_rule *r)
{
	for (uint16_t w = 0; r->rule.slots != NULL && w < l->n_workers; w++) {
		if (r->rule.slots[w].tls != NULL)
			tls_ctx_free(r->rule.slots[w].tls);
		if (r->rule.slots[w].server_tls != NULL)
			tls_ctx_free(r->rule.slots[w].server_tls);
	}
	free(r->rule.slots);
	free(r->allow);
	free(r->deny);
	free(r->proxies);
	free(r->backend_ca);
	free(r->names);
	if (r->numbers != NULL)
		r->numbers->versions--;
	certificate_list_release(r->certificates, r->def.certificates.n);
	trust_release(r->trust);
	rule_def_fini(&r->def);
	free(r);
}

static void fill_rule(struct rule *out, const struct rule_def *def, const struct live_limits *limits)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->name, def->name, sizeof(out->name));
	out->addr = def->listen;
	out->port = rule_def_port(def);
	out->n_servers = def->n_servers;
	for (unsigned int i = 0; i < def->n_servers; i++) {
		out->servers[i].addr = def->servers[i].addr;
		out->servers[i].port = rule_def_server_port(def, i);
	}
	out->proxy = (enum proxy_version)def->proxy;
	out->idle_timeout_us = def->idle_timeout_us != 0 ? def->idle_timeout_us : limits->idle_timeout_us;
	out->handshake_timeout_us = def->handshake_timeout_us != 0 ? def->handshake_timeout_us :
				    limits->handshake_timeout_us;
}

static int fill_clients(struct live_rule *r, const struct rule_def *def)
{
	if (def->allow.n > 0 && (r->allow = addr_set_new(def->allow.prefixes, def->allow.n)) == NULL)
		return -ENOMEM;
	if (def->deny.n > 0 && (r->deny = addr_set_new(def->deny.prefixes, def->deny.n)) == NULL)
		return -ENOMEM;
	if (def->proxy_from.n > 0 && (r->proxies = addr_set_new(def->proxy_from.prefixes, def->proxy_from.n)) == NULL)
		return -ENOMEM;
	r->rule.allow = r->allow;
	r->rule.deny = r->deny;
	r->rule.proxies = r->proxies;
	return 0;
}

/* They are in lower case already (rule_def.c). */
static int fill_names(struct live_rule *r)
{
	const struct name_list *list = &r->def.names;

	r->rule.passthrough = r->def.passthrough;
	if (!r->def.passthrough || list->n == 0)
		return 0;
	r->names = calloc(list->n, sizeof(r->names[0]));
	if (r->names == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < list->n; i++)
		r->names[i] = list->names[i] + (list->names[i][0] == '*');
	r->rule.names = r->names;
	r->rule.n_names = list->n;
	return 0;
}

static int fill_slots(const struct live *l, struct live_rule *r, struct error *err)
{
	r->rule.slots = lines_alloc(l->n_workers, sizeof(*r->rule.slots));
	if (r->rule.slots == NULL)
		return -ENOMEM;
	for (uint16_t w = 0; !r->def.passthrough && w < l->n_workers; w++) {
		r->rule.slots[w].tls = certificate_context(r->certificates, r->trust, &r->def, err);
		if (r->rule.slots[w].tls == NULL)
			return -EINVAL;
		if (!r->def.backend.tls)
			continue;
		r->rule.slots[w].server_tls = rule_backend_context(&r->def.backend, r->backend_ca, rule_def_alpn(&r->def), err);
		if (r->rule.slots[w].server_tls == NULL)
			return -EINVAL;
	}
	return 0;
}

/* Consumes @certificates. */
static struct live_rule *live_rule_new(struct live *l, const struct rule_def *def, struct certificate **certificates,
				       struct trust *trust, const struct live_limits *limits, struct error *err)
{
	struct live_rule *r = calloc(1, sizeof(*r));
	int rc = -ENOMEM;

	if (r == NULL || rule_def_copy(&r->def, def) != 0) {
		free(r);
		certificate_list_release(certificates, def->certificates.n);
		error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
		return NULL;
	}
	fill_rule(&r->rule, def, limits);
	r->certificates = certificates;
	r->trust = trust_hold(trust);
	r->numbers = numbers_hold(l, def->name);
	if (def->backend.tls && (r->backend_ca = rule_backend_read_ca(&def->backend, err)) == NULL) {
		rc = -EINVAL;
	} else if (r->numbers != NULL && fill_clients(r, def) == 0 && fill_names(r) == 0) {
		r->rule.counts = r->numbers->counts;
		rc = fill_slots(l, r, err);
	}
	if (rc == 0)
		return r;
	if (rc == -ENOMEM)
		error_set(err, rc, ERROR_INTERNAL, "", "out of memory");
	live_rule_free(l, r);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct live_rule *const *)a)->def.name, (*(struct live_rule *const *)b)->def.name);
}

/* A CA's file that has gone, or can't be read now, leaves what was read. */
static bool same_ca(const struct live_rule *r)
{
	struct error err;
	char *now = r->def.backend.tls ? rule_backend_read_ca(&r->def.backend, &err) : NULL;
	bool same = now == NULL || strcmp(now, r->backend_ca) == 0;

	free(now);
	return same;
}

/* The rule of the current snapshot that serves @def unchanged, or NULL. @sorted: those rules by name. */
static struct live_rule *reusable(struct live_rule **sorted, size_t n, struct rule_def *def,
				  struct certificate *const *certificates, const struct trust *trust,
				  const struct live_limits *limits)
{
	struct live_rule key = { .def = *def }, *wanted = &key, **found, *r;

	found = n > 0 ? bsearch(&wanted, sorted, n, sizeof(*sorted), by_name) : NULL;
	if (found == NULL)
		return NULL;
	r = *found;
	fill_rule(&key.rule, def, limits);
	return rule_def_equal(&r->def, def) && r->trust == trust &&
	       memcmp(r->certificates, certificates, def->certificates.n * sizeof(certificates[0])) == 0 &&
	       r->rule.idle_timeout_us == key.rule.idle_timeout_us &&
	       r->rule.handshake_timeout_us == key.rule.handshake_timeout_us && same_ca(r) ? r : NULL;
}

/* What building needs beside the rule itself. */
struct build {
	struct live_next *next;
	struct live_rule **sorted;	/* the current rules, by name */
	size_t n_sorted;
	const struct certs *certs;
	const struct live_limits *limits;
};

static int add_rule(struct live *l, struct build *b, struct rule_def *def, struct error *err)
{
	struct certificate **certificates = certs_of_rule(b->certs, def, err);
	struct trust *trust = trusts_of_rule(&b->certs->trusts, def);
	struct live_next *next = b->next;
	char prefix[RULE_NAME_BYTES + 8];
	struct live_rule *r;

	if (certificates == NULL)
		return -ENOMEM;
	r = reusable(b->sorted, b->n_sorted, def, certificates, trust, b->limits);
	if (r != NULL) {
		certificate_list_release(certificates, def->certificates.n);
	} else {
		r = live_rule_new(l, def, certificates, trust, b->limits, err);
		if (r == NULL) {
			snprintf(prefix, sizeof(prefix), "rule %s", def->name);
			error_prefix(err, prefix);
			return -EINVAL;
		}
		r->next = next->fresh;
		next->fresh = r;
	}
	r->kept = true;
	next->policy->rules[next->policy->n_rules++] = &r->rule;
	return 0;
}

static int build_begin(struct live *l, struct build *b, const struct ruleset *rules)
{
	uint32_t n = 0, n_names = 0;

	for (struct live_rule *r = l->rules; r != NULL; r = r->next, n++)
		r->kept = false;
	for (uint32_t i = 0; i < rules->n; i++)
		n_names += rules->defs[i].passthrough ? rules->defs[i].names.n : 0;
	b->sorted = calloc(n + 1, sizeof(struct live_rule *));
	b->next = calloc(1, sizeof(*b->next));
	if (b->next != NULL)
		b->next->policy = policy_new(rules->n, n_names);
	if (b->sorted == NULL || b->next == NULL || b->next->policy == NULL) {
		free(b->sorted);
		free(b->next);
		return -ENOMEM;
	}
	for (struct live_rule *r = l->rules; r != NULL; r = r->next)
		b->sorted[b->n_sorted++] = r;
	qsort(b->sorted, n, sizeof(b->sorted[0]), by_name);
	return 0;
}

int live_build(struct live *l, const struct ruleset *rules, const struct certs *certs,
	       const struct live_limits *limits, struct live_next **out, struct error *err)
{
	struct build b = { .certs = certs, .limits = limits };
	struct policy *policy;
	int r = 0;

	if (build_begin(l, &b, rules) != 0)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	policy = b.next->policy;
	policy->generation = l->generation + 1;
	policy->tickets = l->tickets;
	for (uint32_t i = 0; r == 0 && i < rules->n; i++) {
		if (rules->defs[i].enabled)
			r = add_rule(l, &b, &rules->defs[i], err);
	}
	free(b.sorted);
	if (r != 0) {
		live_discard(l, b.next);
		return r;
	}
	policy_order(policy);
	*out = b.next;
	return 0;
}

void live_discard(struct live *l, struct live_next *next)
{
	for (struct live_rule *r = next->fresh, *after; r != NULL; r = after) {
		after = r->next;
		live_rule_free(l, r);
	}
	numbers_sweep(l);
	free(next->policy);
	free(next);
}

void live_publish(struct live *l, struct live_next *next, const struct ruleset *rules)
{
	struct live_rule **at = &l->rules, *r;

	l->generation = next->policy->generation;
	l->current = next->policy;
	free(policy_publish(next->policy));
	while ((r = *at) != NULL) {	/* what isn't in it is held by connections only, from now on */
		if (r->kept) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		r->next = l->retired;
		l->retired = r;
		l->n_retired++;
	}
	*at = next->fresh;
	free(next);
	for (struct live_numbers *n = l->numbers; n != NULL; n = n->next)
		n->named = ruleset_lookup(rules, n->name) != NULL;
	numbers_sweep(l);
}

static uint64_t connections_of(const struct live *l, const struct live_rule *r)
{
	uint64_t sum = 0;

	for (uint16_t w = 0; w < l->n_workers; w++)
		sum += counter_read(&r->rule.slots[w].connections);
	return sum;
}

unsigned int live_reap(struct live *l)
{
	struct live_rule **at = &l->retired, *r, *unheld = NULL;
	unsigned int n = 0;

	while ((r = *at) != NULL) {
		if (connections_of(l, r) != 0) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		r->next = unheld;
		unheld = r;
		l->n_retired--;
	}
	if (unheld == NULL)
		return 0;
	policy_synchronize();	/* the turn in which a worker let go of it is over, too */
	for (; unheld != NULL; unheld = r, n++) {
		r = unheld->next;
		live_rule_free(l, unheld);
	}
	numbers_sweep(l);
	return n;
}

int live_put_tickets(struct live *l, struct tls_tickets *fresh, struct error *err)
{
	struct policy *next;

	ASSERT(l->current != NULL);
	next = policy_copy(l->current);
	if (next == NULL) {
		tls_tickets_free(fresh);
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	}
	next->generation = ++l->generation;
	next->tickets = fresh;
	l->current = next;
	free(policy_publish(next));
	/* A worker lets go of the last keys when it first sees the new snapshot: in the turn that it begins now. */
	policy_synchronize();
	tls_tickets_free(l->tickets);
	l->tickets = fresh;
	return 0;
}

void live_fini(struct live *l)
{
	struct live_rule *lists[] = { l->rules, l->retired };

	free(policy_publish(NULL));
	for (unsigned int i = 0; i < 2; i++) {
		for (struct live_rule *r = lists[i], *after; r != NULL; r = after) {
			after = r->next;
			live_rule_free(l, r);
		}
	}
	for (struct live_numbers *n = l->numbers; n != NULL; n = n->next)
		n->named = false;
	numbers_sweep(l);
	ASSERT(l->numbers == NULL);	/* else a version was lost */
	tls_tickets_free(l->tickets);
	memset(l, 0, sizeof(*l));
}

void live_count(const struct live *l, const char *name, struct rule_count *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (const struct live_numbers *n = l->numbers; n != NULL; n = n->next) {
		if (strcmp(n->name, name) != 0)
			continue;
		for (uint16_t w = 0; w < l->n_workers; w++) {
			const struct rule_count *c = &n->counts[w];

			sum->accepted += counter_read(&c->accepted);
			sum->refused += counter_read(&c->refused);
			sum->failed += counter_read(&c->failed);
			sum->bytes_from_client += counter_read(&c->bytes_from_client);
			sum->bytes_to_client += counter_read(&c->bytes_to_client);
			sum->open += counter_read(&c->open);
		}
	}
}

uint64_t live_retired_connections(const struct live *l, const char *name)
{
	uint64_t sum = 0;

	for (const struct live_rule *r = l->retired; r != NULL; r = r->next) {
		if (strcmp(r->def.name, name) == 0)
			sum += connections_of(l, r);
	}
	return sum;
}
