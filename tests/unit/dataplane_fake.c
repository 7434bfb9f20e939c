/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane_fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/assert.h"
#include "dataplane/policy_rcu.h"

struct dataplane_fake fake;

void fake_reset(uint16_t n_workers)
{
	free(fake.connections);
	free(fake.log);
	memset(&fake, 0, sizeof(fake));
	fake.n_workers = n_workers;
}

int fake_connect(uint16_t worker, const char *listen, uint16_t port, const char *client)
{
	const struct policy *p = policy_current();
	struct fake_connection *c;
	struct addr laddr, faddr;
	struct rule *rule;

	ASSERT(addr_parse(listen, &laddr) == 0 && addr_parse(client, &faddr) == 0);
	rule = p != NULL ? policy_lookup(p, &laddr, port) : NULL;
	if (rule == NULL || fake.draining[worker])
		return -1;
	if (!rule_allows(rule, &faddr)) {
		counter_add(&rule->counts[worker].refused, 1);
		return -1;
	}
	if (fake.n_connections == fake.size) {
		fake.size = fake.size > 0 ? fake.size * 2 : 64;
		fake.connections = realloc(fake.connections, fake.size * sizeof(*fake.connections));
		ASSERT(fake.connections != NULL);
	}
	c = &fake.connections[fake.n_connections];
	memset(c, 0, sizeof(*c));
	c->open = true;
	c->rule = rule;
	c->worker = worker;
	c->record = (struct record){ .id = (uint64_t)worker << 56 | ++fake.serial, .client = faddr, .client_port = 40000,
				     .listen = laddr, .listen_port = port, .server = rule->servers[0].addr,
				     .server_port = rule->servers[0].port, .state = "open", .version = "TLSv1.3",
				     .cipher = "TLS_AES_128_GCM_SHA256", .group = "X25519" };
	snprintf(c->record.rule, sizeof(c->record.rule), "%s", rule->name);
	counter_add(&rule->slots[worker].connections, 1);
	counter_add(&rule->counts[worker].accepted, 1);
	counter_add(&rule->counts[worker].open, 1);
	fake.gauges[worker].connections++;
	return (int)fake.n_connections++;
}

void fake_close(int connection, enum splice_end how)
{
	struct fake_connection *c = &fake.connections[connection];

	ASSERT(c->open);
	c->open = false;
	c->record.end = (uint8_t)how;
	counter_add(&c->rule->slots[c->worker].connections, (uint64_t)-1);
	counter_add(&c->rule->counts[c->worker].open, (uint64_t)-1);
	fake.gauges[c->worker].connections--;
	fake.log = realloc(fake.log, (fake.n_log + 1) * sizeof(*fake.log));
	ASSERT(fake.log != NULL);
	fake.log[fake.n_log++] = (struct record_told){ .record = c->record };
	if (fake.n_log > fake.log_peak)
		fake.log_peak = fake.n_log;
	c->rule = NULL;
}

void fake_answer_late(void)
{
	while (fake.n_late > 0)
		fake.late[--fake.n_late]->finished = 1;
}

uint64_t fake_open(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < fake.n_connections; i++)
		n += fake.connections[i].open;
	return n;
}

int dataplane_start(struct dataplane_config *config, char *err, size_t err_bytes)
{
	(void)err;
	(void)err_bytes;
	const char *connections = getenv("POSTERN_FAKE_CONNECTIONS");	/* tests/control: there at the first list */

	fake_reset(config->n_workers);
	fake.started++;
	fake.awaited = connections != NULL ? atoi(connections) : 0;
	return 0;
}

void dataplane_stop(void)
{
	for (size_t i = 0; i < fake.n_connections; i++) {
		if (fake.connections[i].open)
			fake_close((int)i, SPLICE_DRAINED);
	}
	fake.stopped++;
}

void dataplane_describe(char *buf, size_t buf_bytes)
{
	snprintf(buf, buf_bytes, "a dataplane that takes notes");
}

bool dataplane_watch_link(unsigned int port, struct dataplane_link *link)
{
	*link = (struct dataplane_link){ "external", !fake.link_down, fake.link_down != fake.link_was_down };
	fake.link_was_down = fake.link_down;
	return port == 0;
}

uint16_t dataplane_workers(void)
{
	return fake.n_workers;
}

const struct counters *dataplane_counters(uint16_t worker)
{
	return &fake.counters[worker];
}

void dataplane_gauges(uint16_t worker, struct dataplane_gauges *g)
{
	if (!fake.stuck)
		fake.gauges[worker].turns++;
	fake.gauges[worker].cpu = worker;
	*g = fake.gauges[worker];
}

unsigned int dataplane_log(struct record_told *records, unsigned int n)
{
	unsigned int taken = fake.n_log < n ? fake.n_log : n;

	if (taken == 0)
		return 0;
	memcpy(records, fake.log, taken * sizeof(*records));
	fake.n_log -= taken;
	memmove(fake.log, fake.log + taken, fake.n_log * sizeof(*records));
	return taken;
}

static bool meant(const struct order *o, const struct fake_connection *c)
{
	switch (o->verb) {
	case ORDER_KILL:
		return c->record.id == o->id;
	case ORDER_KILL_RULE:
		return o->done < o->max && strcmp(c->record.rule, o->name) == 0;
	case ORDER_CLOSE_SOME:
		return o->done < o->max;
	default:
		return false;
	}
}

int dataplane_order(uint16_t worker, struct order *o)
{
	o->done = 0;
	o->finished = 0;
	if (o->verb == ORDER_DRAIN)	/* what is told late is done late, in its order */
		fake.draining[worker] = o->on;
	if (fake.stuck && (!fake.stuck_one || worker == fake.stuck_worker)) {
		ASSERT(fake.n_late < sizeof(fake.late) / sizeof(fake.late[0]));
		fake.late[fake.n_late++] = o;
		return -ETIMEDOUT;
	}
	for (; o->verb == ORDER_LIST && fake.awaited > 0; fake.awaited--)
		ASSERT(fake_connect((uint16_t)(fake.awaited % fake.n_workers), "192.0.2.10", 993, "203.0.113.9") >= 0);
	for (size_t i = o->cursor; i < fake.n_connections; i++) {
		struct fake_connection *c = &fake.connections[i];

		if (!c->open || c->worker != worker)
			continue;
		if (o->verb == ORDER_LIST && (o->name[0] == '\0' || strcmp(o->name, c->record.rule) == 0)) {
			if (o->done == o->max) {
				o->cursor = (uint32_t)i;
				break;
			}
			o->records[o->done++] = (struct record_told){ .record = c->record };
		} else if (meant(o, c)) {
			fake_close((int)i, o->verb == ORDER_CLOSE_SOME ? SPLICE_DRAINED : SPLICE_KILLED);
			o->done++;
			if (o->verb == ORDER_KILL_RULE && o->done == o->max) {
				o->cursor = (uint32_t)i + 1;
				break;
			}
		}
	}
	o->finished = 1;
	return 0;
}
