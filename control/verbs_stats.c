/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that is counted, under its names. */
#include <malloc.h>
#include <stdio.h>

#include "control/certs_watch.h"
#include "control/gateway.h"
#include "control/log.h"
#include "control/request.h"
#include "control/staples.h"

static json_t *drops_json(void)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < DROP_COUNT; i++) {
		uint64_t sum = 0;

		for (uint16_t w = 0; w < dataplane_workers(); w++)
			sum += counter_read(&dataplane_counters(w)->drops[i]);
		json_object_set_new(o, drop_name((enum drop)i), json_integer((json_int_t)sum));
	}
	return o;
}

static json_t *events_json(void)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < EVENT_COUNT; i++) {
		uint64_t sum = 0;

		for (uint16_t w = 0; w < dataplane_workers(); w++)
			sum += counter_read(&dataplane_counters(w)->events[i]);
		json_object_set_new(o, event_name((enum event)i), json_integer((json_int_t)sum));
	}
	return o;
}

/* How long turns took that found work: how many by their bound, and the longest one lately. */
static void add_turns(json_t *worker, const struct dataplane_gauges *g)
{
	static const uint32_t bounds_us[TURN_BOUNDS] = TURN_BOUNDS_US;
	static const char *const names[] = {
#define X(id, name) name,
		TURN_WORK(X)
#undef X
	};
	json_t *by_us = json_object(), *longest = json_pack("{s:I}", "us", (json_int_t)g->longest_us);

	for (unsigned int i = 0; i <= TURN_BOUNDS; i++) {
		char bound[16] = "longer";

		if (i < TURN_BOUNDS)
			snprintf(bound, sizeof(bound), "%u", bounds_us[i]);
		json_object_set_new(by_us, bound, json_integer((json_int_t)g->turns_by_us[i]));
	}
	for (unsigned int i = 0; i < TURN_WORK_COUNT; i++)
		json_object_set_new(longest, names[i], json_integer((json_int_t)g->longest_work[i]));
	json_object_set_new(worker, "turns_by_us", by_us);
	json_object_set_new(worker, "longest_turn", longest);
}

static json_t *gauges_json(uint16_t w, struct dataplane_gauges *sum)
{
	struct dataplane_gauges g;
	json_t *o;

	dataplane_gauges(w, &g);
	sum->connections += g.connections;
	sum->tcp_connections += g.tcp_connections;
	sum->half_open += g.half_open;
	sum->syn_cookies += g.syn_cookies;
	sum->mbufs_free += g.mbufs_free;
	sum->mbufs_queued += g.mbufs_queued;
	sum->mbufs_total += g.mbufs_total;
	sum->tls_heap_used_bytes += g.tls_heap_used_bytes;
	sum->busy_us += g.busy_us;
	o = json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "worker", (int)w,
		"cpu", (json_int_t)g.cpu, "connections", (json_int_t)g.connections,
		"tcp_connections", (json_int_t)g.tcp_connections,
		"half_open", (json_int_t)g.half_open, "syn_cookies", (json_int_t)g.syn_cookies, "mbufs_free", (json_int_t)g.mbufs_free,
		"mbufs_total", (json_int_t)g.mbufs_total, "mbufs_queued", (json_int_t)g.mbufs_queued,
		"tls_heap_used_bytes", (json_int_t)g.tls_heap_used_bytes,
		"turns", (json_int_t)g.turns, "busy_turns", (json_int_t)g.busy_turns, "busy_us", (json_int_t)g.busy_us);
	if (o != NULL)
		add_turns(o, &g);
	return o;
}

static json_t *control_json(const struct gateway *g)
{
	static const char *const names[] = {
#define X(id, name, text) name,
		CONTROL_COUNTERS(X)
#undef X
	};
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"generation", (json_int_t)g->live.generation, "changes", (json_int_t)g->changes,
		"refused_changes", (json_int_t)g->refused_changes, "retired_rules", (json_int_t)g->live.n_retired,
		"worker_stalls", (json_int_t)g->watchdog.stalls, "log_lines_lost", (json_int_t)log_lost(),
		"heap_used_bytes", (json_int_t)mallinfo2().uordblks);

	for (unsigned int i = 0; o != NULL && i < CONTROL_COUNTER_COUNT; i++)
		json_object_set_new(o, names[i], json_integer((json_int_t)control_counters[i]));
	return o;
}

/* For who watches by numbers: when must something be done? */
static json_t *certificates_json(const struct gateway *g)
{
	json_t *o = json_object();

	for (uint32_t i = 0; i < g->certs.n; i++) {
		const struct certificate *c = g->certs.list[i];

		time_t until;

		staples_state(c, &until);
		json_object_set_new(o, c->name, json_pack("{s:I, s:I, s:I, s:i}", "days_left",
			(json_int_t)certificate_days_left(c, time(NULL)), "not_after", (json_int_t)tls_cert_info(c->tls)->not_after,
			"ocsp_until", (json_int_t)until, "ocsp_lacking", tls_cert_info(c->tls)->must_staple && until == 0));
	}
	return o;
}

static json_t *rules_json(const struct gateway *g)
{
	json_t *o = json_object();

	for (uint32_t i = 0; i < g->rules.n; i++)
		json_object_set_new(o, g->rules.defs[i].name, rule_counts_json(g, g->rules.defs[i].name));
	return o;
}

static json_t *texts_json(void)
{
	static const char *const control[][2] = {
#define X(id, name, text) { name, text },
		CONTROL_COUNTERS(X)
#undef X
	};
	json_t *drops = json_object(), *events = json_object(), *own = json_object();

	for (unsigned int i = 0; i < DROP_COUNT; i++)
		json_object_set_new(drops, drop_name((enum drop)i), json_string(drop_text((enum drop)i)));
	for (unsigned int i = 0; i < EVENT_COUNT; i++)
		json_object_set_new(events, event_name((enum event)i), json_string(event_text((enum event)i)));
	for (unsigned int i = 0; i < CONTROL_COUNTER_COUNT; i++)
		json_object_set_new(own, control[i][0], json_string(control[i][1]));
	return json_pack("{s:o, s:o, s:o}", "drops", drops, "events", events, "control", own);
}

struct stats_args {
	bool texts;
};

static const struct field stats_fields[] = {
	{ "texts", FIELD_BOOL, FIELD_OF(struct stats_args, texts), 0, 0, NULL, NULL },
};

static json_t *about_json(const struct gateway *g)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:b}", "version", POSTERN_VERSION, "wolfssl", g->tls_version != NULL ? g->tls_version : "",
			 "started", (json_int_t)(g->started_us / 1000000), "clock_us", (json_int_t)monotonic_us(), "draining", (int)g->drain.on);
}

json_t *stats_json(struct gateway *g, bool texts)
{
	struct dataplane_gauges sum = { 0 };
	json_t *workers = json_array(), *o;

	for (uint16_t w = 0; w < dataplane_workers(); w++)
		json_array_append_new(workers, gauges_json(w, &sum));
	o = json_pack("{s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:o, s:o, s:o}",
		"about", about_json(g), "drops", drops_json(), "events", events_json(), "totals",
		"connections", (json_int_t)sum.connections, "tcp_connections", (json_int_t)sum.tcp_connections,
		"half_open", (json_int_t)sum.half_open, "syn_cookies", (json_int_t)sum.syn_cookies,
		"mbufs_free", (json_int_t)sum.mbufs_free, "mbufs_total", (json_int_t)sum.mbufs_total,
		"mbufs_queued", (json_int_t)sum.mbufs_queued, "tls_heap_used_bytes", (json_int_t)sum.tls_heap_used_bytes,
		"busy_us", (json_int_t)sum.busy_us, "workers", workers, "rules", rules_json(g), "control", control_json(g));
	if (o != NULL)
		json_object_set_new(o, "certificates", certificates_json(g));
	if (o != NULL && texts)
		json_object_set_new(o, "texts", texts_json());
	return o;
}

static json_t *stats(struct gateway *g, const json_t *args, struct error *err)
{
	struct stats_args a = { .texts = false };

	if (request_args(args, stats_fields, 1, &a, err) != 0)
		return NULL;
	return stats_json(g, a.texts);
}

const struct verb verbs_stats[] = {
	{ "stats", stats },
	{ NULL, NULL }
};
