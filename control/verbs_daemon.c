/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs about the daemon as a whole. */
#include <rte_version.h>
#include <unistd.h>

#include "control/gateway.h"
#include "control/log.h"
#include "control/request.h"
#include "control/text.h"

static json_t *version(struct gateway *g, const json_t *args, struct error *err)
{
	char started[TIME_TEXT_BYTES];
	json_t *libraries;

	if (request_no_args(args, err) != 0)
		return NULL;
	libraries = json_pack("{s:s, s:s, s:s}", "dpdk", rte_version(), "wolfssl", g->tls_version,
			      "jansson", jansson_version_str());
	return json_pack("{s:s, s:i, s:s, s:I, s:I, s:s, s:b, s:o}", "version", POSTERN_VERSION,
		"pid", (int)getpid(), "started", text_format_time(g->started_us, started, sizeof(started)),
		"uptime_us", (json_int_t)(wall_clock_us() - g->started_us), "workers", (json_int_t)dataplane_workers(),
		"config", g->config->file, "draining", (int)g->drain.on, "libraries", libraries);
}

static uint64_t open_connections(void)
{
	uint64_t open = 0;

	for (uint16_t w = 0; w < dataplane_workers(); w++) {
		struct dataplane_gauges gauges;

		dataplane_gauges(w, &gauges);
		open += gauges.connections;
	}
	return open;
}

struct drain_args {
	uint64_t over_us;
};

static const struct field drain_fields[] = {
	{ "over", FIELD_DURATION, FIELD_OF(struct drain_args, over_us), 1000, UINT64_C(604800000000), NULL, NULL },
};

static json_t *drain_json(const struct gateway *g)
{
	return json_pack("{s:b, s:I, s:I}", "draining", (int)g->drain.on, "connections", (json_int_t)open_connections(),
			 "closed", (json_int_t)g->drain.closed);
}

static json_t *drain(struct gateway *g, const json_t *args, struct error *err)
{
	struct drain_args a = { .over_us = 0 };

	if (request_args(args, drain_fields, 1, &a, err) != 0 ||
	    drain_begin(&g->drain, a.over_us, monotonic_us(), err) != 0)
		return NULL;
	return drain_json(g);
}

static json_t *undrain(struct gateway *g, const json_t *args, struct error *err)
{
	if (request_no_args(args, err) != 0 || drain_end(&g->drain, err) != 0)
		return NULL;
	return drain_json(g);
}

static json_t *reload(struct gateway *g, const json_t *args, struct error *err)
{
	struct reload_report report;
	json_t *o;

	if (request_no_args(args, err) != 0 || gateway_reload(g, &report, err) != 0)
		return NULL;
	o = json_pack("{s:I, s:I, s:I, s:I, s:I}", "added", (json_int_t)report.added,
		      "changed", (json_int_t)report.changed, "removed", (json_int_t)report.removed,
		      "certificates", (json_int_t)report.certificates,
		      "generation", (json_int_t)g->live.generation);
	if (o != NULL && report.restart != NULL)
		json_object_set_new(o, "needs_restart", json_string(report.restart));
	return o;
}

static json_t *stop(struct gateway *g, const json_t *args, struct error *err)
{
	if (request_no_args(args, err) != 0)
		return NULL;
	log_say(LOG_INFO_LEVEL, "stop: asked by a control client");
	if (g->stop != NULL)
		g->stop(g->stop_arg);
	return json_pack("{s:b}", "stopping", 1);
}

static json_t *log_rotate(struct gateway *g, const json_t *args, struct error *err)
{
	(void)g;
	if (request_no_args(args, err) != 0 || log_reopen(err) != 0)
		return NULL;
	return json_object();
}

static void append_name(const struct verb *v, void *list)
{
	json_array_append_new(list, json_string(v->name));
}

static json_t *help(struct gateway *g, const json_t *args, struct error *err)
{
	json_t *list;

	(void)g;
	if (request_no_args(args, err) != 0)
		return NULL;
	list = json_array();
	request_each_verb(append_name, list);
	return list;
}

const struct verb verbs_daemon[] = {
	{ "version", version },
	{ "help", help },
	{ "drain", drain },
	{ "undrain", undrain },
	{ "reload", reload },
	{ "stop", stop },
	{ "log.rotate", log_rotate },
	{ NULL, NULL }
};
