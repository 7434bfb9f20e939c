/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number of each worker, rule or certificate. */
struct member {
	const char *key, *name, *help;
	bool counter;
	double unit;		/* a key's unit in the metric's: microseconds are 1e-6 seconds */
};

static const struct member worker_members[] = {
	{ "connections", "worker_connections", "client connections that are open", false, 1 },
	{ "tcp_connections", "worker_tcp_connections", "TCP connections, to clients and to servers", false, 1 },
	{ "half_open", "worker_half_open", "TCP connections before their handshake's end", false, 1 },
	{ "syn_cookies", "worker_syn_cookies", "1 while SYNs are answered by cookies", false, 1 },
	{ "mbufs_free", "worker_mbufs_free", "packet buffers that are free", false, 1 },
	{ "mbufs_total", "worker_mbufs", "packet buffers in all", false, 1 },
	{ "mbufs_queued", "worker_mbufs_queued", "packet buffers that connections hold", false, 1 },
	{ "tls_heap_used_bytes", "worker_tls_heap_bytes", "memory of TLS sessions", false, 1 },
	{ "turns", "worker_turns_total", "turns of the worker's loop", true, 1 },
	{ "busy_turns", "worker_busy_turns_total", "those that found work", true, 1 },
	{ "busy_us", "worker_busy_seconds_total", "time that these took", true, 1e-6 },
	{ 0 }
};

static const struct member rule_members[] = {
	{ "open", "rule_connections", "client connections that are open", false, 1 },
	{ "accepted", "rule_accepted_total", "client connections that were accepted", true, 1 },
	{ "refused", "rule_refused_total", "clients that aren't allowed", true, 1 },
	{ "failed", "rule_failed_total", "client connections that failed before they reached a server", true, 1 },
	{ "bytes_from_client", "rule_bytes_from_client_total", "bytes from clients, without TLS", true, 1 },
	{ "bytes_to_client", "rule_bytes_to_client_total", "bytes to clients, without TLS", true, 1 },
	{ 0 }
};

static const struct member certificate_members[] = {
	{ "not_after", "certificate_not_after_seconds", "when the certificate ends, in seconds since 1970", false, 1 },
	{ "ocsp_until", "certificate_ocsp_until_seconds", "when the OCSP response that is shown with it ends; 0: there is none", false, 1 },
	{ "ocsp_lacking", "certificate_ocsp_lacking", "1 when it must be shown with one (must-staple), and there is none", false, 1 },
	{ 0 }
};

/* Of control's numbers those that don't only grow. */
static const char *const control_gauges[] = { "generation", "retired_rules", "heap_used_bytes", NULL };

static void begin(FILE *out, const char *name, const char *help, bool counter)
{
	fprintf(out, "# HELP postern_%s ", name);
	for (; *help != '\0'; help++) {
		if (*help == '\\' || *help == '\n')
			fputs(*help == '\n' ? "\\n" : "\\\\", out);
		else
			fputc(*help, out);
	}
	fprintf(out, "\n# TYPE postern_%s %s\n", name, counter ? "counter" : "gauge");
}

static void label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		fputc(*value, out);
	}
	fputc('"', out);
}

static void sample(FILE *out, const char *name, const char *label_name, const char *label_value, double value)
{
	fprintf(out, "postern_%s{", name);
	label(out, label_name, label_value);
	fprintf(out, "} %.17g\n", value);
}

/* One number alone. */
static void single(FILE *out, const char *name, const char *help, bool counter, double value)
{
	begin(out, name, help, counter);
	fprintf(out, "postern_%s %.17g\n", name, value);
}

static const char *text_or(const json_t *texts, const char *key)
{
	const char *text = json_string_value(json_object_get(texts, key));

	return text != NULL ? text : key;
}

static void put_about(FILE *out, const json_t *about)
{
	begin(out, "build_info", "what runs; always 1", false);
	fputs("postern_build_info{", out);
	label(out, "version", text_or(about, "version"));
	fputc(',', out);
	label(out, "wolfssl", text_or(about, "wolfssl"));
	fputs("} 1\n", out);
	single(out, "start_time_seconds", "when posternd started, in seconds since 1970", false,
	       json_number_value(json_object_get(about, "started")));
	single(out, "draining", "1 while no new connections are accepted", false,
	       json_is_true(json_object_get(about, "draining")));
}

static void put_drops(FILE *out, json_t *drops)
{
	const char *key;
	json_t *value;

	begin(out, "drops_total", "packets and connections that were refused or dropped, by reason (postern stats --all)", true);
	json_object_foreach(drops, key, value)
		sample(out, "drops_total", "reason", key, json_number_value(value));
}

static bool is_among(const char *const *words, const char *word)
{
	while (*words != NULL && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

/* Each a metric of its own: postern_events' and control's numbers have nothing in common that could be added up. */
static void put_counters(FILE *out, json_t *numbers, const json_t *texts, const char *prefix,
			 const char *const *gauges)
{
	const char *key;
	json_t *value;

	json_object_foreach(numbers, key, value) {
		bool counter = !is_among(gauges, key);
		char name[96];

		snprintf(name, sizeof(name), "%s%s%s", prefix, key, counter ? "_total" : "");
		single(out, name, text_or(texts, key), counter, json_number_value(value));
	}
}

static void put_workers(FILE *out, const json_t *workers)
{
	for (const struct member *m = worker_members; m->key != NULL; m++) {
		begin(out, m->name, m->help, m->counter);
		for (size_t i = 0; i < json_array_size(workers); i++) {
			char number[24];

			snprintf(number, sizeof(number), "%zu", i);
			sample(out, m->name, "worker", number,
			       json_number_value(json_object_get(json_array_get(workers, i), m->key)) * m->unit);
		}
	}
}

/* As Prometheus has its histograms: each bucket counts all that are not longer. */
static void put_turns(FILE *out, const json_t *workers)
{
	static const char *const name = "worker_turn_seconds";
	const char *bound;
	json_t *count;

	fprintf(out, "# HELP postern_%s how long turns of the worker's loop took that found work\n# TYPE postern_%s histogram\n",
		name, name);
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const json_t *w = json_array_get(workers, i);
		json_int_t sum = 0;

		json_object_foreach(json_object_get(w, "turns_by_us"), bound, count) {
			char le[32] = "+Inf", *end;
			unsigned long us = strtoul(bound, &end, 10);

			if (end != bound)
				snprintf(le, sizeof(le), "%g", (double)us / 1e6);
			sum += json_integer_value(count);
			fprintf(out, "postern_%s_bucket{worker=\"%zu\",le=\"%s\"} %" JSON_INTEGER_FORMAT "\n", name, i, le, sum);
		}
		fprintf(out, "postern_%s_sum{worker=\"%zu\"} %.9g\npostern_%s_count{worker=\"%zu\"} %" JSON_INTEGER_FORMAT "\n",
			name, i, json_number_value(json_object_get(w, "busy_us")) / 1e6, name, i, sum);
	}
}

static void put_named(FILE *out, json_t *things, const char *kind, const struct member *members)
{
	const char *name;
	json_t *thing;

	for (const struct member *m = members; m->key != NULL; m++) {
		begin(out, m->name, m->help, m->counter);
		json_object_foreach(things, name, thing)
			sample(out, m->name, kind, name, json_number_value(json_object_get(thing, m->key)) * m->unit);
	}
}

char *metrics_text(const json_t *stats, size_t *bytes)
{
	static const char *const no_gauges[] = { NULL };
	const json_t *texts = json_object_get(stats, "texts");
	char *text = NULL;
	FILE *out = open_memstream(&text, bytes);
	bool failed;

	if (out == NULL)
		return NULL;
	put_about(out, json_object_get(stats, "about"));
	put_workers(out, json_object_get(stats, "workers"));
	put_turns(out, json_object_get(stats, "workers"));
	put_named(out, json_object_get(stats, "rules"), "rule", rule_members);
	put_named(out, json_object_get(stats, "certificates"), "certificate", certificate_members);
	put_drops(out, json_object_get(stats, "drops"));
	put_counters(out, json_object_get(stats, "events"), json_object_get(texts, "events"), "", no_gauges);
	put_counters(out, json_object_get(stats, "control"), json_object_get(texts, "control"), "control_", control_gauges);
	failed = ferror(out) != 0;
	if (fclose(out) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}
