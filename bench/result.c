/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/result.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/assert.h"

struct result {
	json_t *root;
};

static const struct percentile {
	const char *name;
	double percent;
} percentiles[] = { { "p50", 50 }, { "p90", 90 }, { "p99", 99 }, { "p99.9", 99.9 } };

/* Text from outside needn't be UTF-8 (a target, an error's name): then it says so. */
static json_t *text(const char *value)
{
	json_t *json = json_string(value);

	return json != NULL ? json : json_string("(not UTF-8)");
}

/* Jansson's setters fail for want of memory alone, here; a result with holes would be worse than none. */
static void put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) < 0) {
		fprintf(stderr, "postern-bench: out of memory, or '%s' isn't UTF-8\n", name);
		exit(1);
	}
}

static json_t *part(struct result *r, const char *name)
{
	json_t *json = json_object_get(r->root, name);

	if (json == NULL) {
		json = json_object();
		put(r->root, name, json);
	}
	return json;
}

static json_t *real(double value)
{
	ASSERT(isfinite(value));
	return json_real(value);
}

static void note_machine(struct result *r)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	json_t *cpu = part(r, "cpu");
	struct utsname system;
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char *value = strchr(line, ':');

		if (value == NULL)
			continue;
		value += strspn(value, ": ");
		value[strcspn(value, "\n")] = '\0';
		if (strncmp(line, "model name", 10) == 0 && json_object_get(cpu, "model") == NULL)
			put(cpu, "model", text(value));
		if (strncmp(line, "cpu MHz", 7) == 0 && json_object_get(cpu, "mhz") == NULL)
			put(cpu, "mhz", real(strtod(value, NULL)));
	}
	if (file != NULL)
		fclose(file);
	put(cpu, "core", json_integer(sched_getcpu()));
	if (uname(&system) == 0)
		result_version(r, "kernel", system.release);
	result_version(r, "postern", POSTERN_VERSION);
}

struct result *result_new(const char *workload, const char *name, const char *transport, const char *target)
{
	struct result *r = calloc(1, sizeof(*r));
	time_t now = time(NULL);
	struct tm utc;
	char stamp[32];

	if (r == NULL || (r->root = json_object()) == NULL) {
		fprintf(stderr, "postern-bench: out of memory\n");
		exit(1);
	}
	put(r->root, "schema", text(RESULT_SCHEMA));
	put(r->root, "workload", text(workload));
	put(r->root, "name", text(name));
	put(r->root, "transport", text(transport));
	put(r->root, "target", text(target));
	part(r, "parameters");
	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc);
	put(r->root, "started", text(stamp));
	note_machine(r);
	part(r, "metrics");
	return r;
}

void result_free(struct result *r)
{
	if (r == NULL)
		return;
	json_decref(r->root);
	free(r);
}

void result_parameter_int(struct result *r, const char *name, int64_t value)
{
	put(part(r, "parameters"), name, json_integer(value));
}

void result_parameter_real(struct result *r, const char *name, double value)
{
	put(part(r, "parameters"), name, real(value));
}

void result_parameter_text(struct result *r, const char *name, const char *value)
{
	put(part(r, "parameters"), name, text(value));
}

void result_parameter_bool(struct result *r, const char *name, bool value)
{
	put(part(r, "parameters"), name, json_boolean(value));
}

void result_seed(struct result *r, uint64_t seed)
{
	ASSERT(seed <= INT64_MAX);
	put(r->root, "seed", json_integer((json_int_t)seed));
}

void result_version(struct result *r, const char *name, const char *version)
{
	put(part(r, "versions"), name, text(version));
}

void result_duration(struct result *r, double seconds)
{
	put(r->root, "duration_s", real(seconds));
}

void result_window(struct result *r, uint64_t from_us, uint64_t to_us)
{
	json_t *window = json_array();

	ASSERT(from_us <= to_us);
	json_array_append_new(window, real((double)from_us / 1e6));
	json_array_append_new(window, real((double)to_us / 1e6));
	put(r->root, "window", window);
}

void result_metric(struct result *r, const char *name, double value)
{
	put(part(r, "metrics"), name, real(value));
}

/* Three decimals of a microsecond: the nanoseconds that were counted, exactly. */
static json_t *us_of(double ns)
{
	return real(ns / 1000);
}

static json_t *buckets_of(const struct histogram *h)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h->counts[i] > 0)
			json_array_append_new(list, json_pack("[f, I]", (double)histogram_upper_ns(i) / 1000,
							      (json_int_t)h->counts[i]));
	}
	return list;
}

static json_t *percentiles_of(const struct histogram *h)
{
	json_t *list = json_object();

	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		put(list, percentiles[i].name, us_of((double)histogram_percentile_ns(h, percentiles[i].percent)));
	put(list, "max", us_of((double)h->max_ns));
	return list;
}

void result_latency(struct result *r, const char *name, const struct histogram *h)
{
	json_t *latency;
	char key[64];

	if (h->count == 0)
		return;
	latency = percentiles_of(h);
	put(latency, "min", us_of((double)h->min_ns));
	put(latency, "mean", us_of(histogram_mean_ns(h)));
	put(latency, "count", json_integer((json_int_t)h->count));
	snprintf(key, sizeof(key), "%s_us", name);
	put(part(r, "metrics"), key, latency);
	if (strcmp(name, "latency") == 0)
		put(r->root, "histogram", buckets_of(h));
	else
		put(part(r, "histograms"), name, buckets_of(h));
}

void result_error(struct result *r, const char *name, uint64_t count)
{
	json_t *metrics = part(r, "metrics"), *errors = json_object_get(metrics, "errors");

	if (count == 0)
		return;
	if (errors == NULL) {
		errors = json_object();
		put(metrics, "errors", errors);
	}
	count += (uint64_t)json_integer_value(json_object_get(errors, name));
	put(errors, name, json_integer((json_int_t)count));
}

void result_client(struct result *r, double busy, bool limited, const char *note)
{
	json_t *client = part(r, "client");

	put(client, "busy", real(busy));
	put(client, "limited", json_boolean(limited));
	if (note != NULL)
		put(client, "note", text(note));
}

void result_turns(struct result *r, const struct histogram *lengths, uint64_t off_core_ns, uint64_t off_core_times)
{
	json_t *client = part(r, "client");

	if (lengths->count == 0)
		return;
	put(client, "turn_us", percentiles_of(lengths));
	if (off_core_ns != UINT64_MAX)
		put(client, "off_core_s", real((double)off_core_ns / 1e9));
	put(client, "off_core_times", json_integer((json_int_t)off_core_times));
}

const json_t *result_json(const struct result *r)
{
	return r->root;
}

int result_write(const struct result *r, const char *path, struct error *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int failed;

	if (file == NULL)
		goto broken;
	/* Short lists on one line would be nicer, but this is what jansson writes. */
	failed = json_dumpf(r->root, file, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) < 0 || fputc('\n', file) == EOF ||
		 fflush(file) != 0;
	if (file != stdout && fclose(file) != 0)
		failed = 1;
	if (!failed)
		return 0;
broken:
	return error_set(err, errno > 0 ? -errno : -EIO, ERROR_IO, path, "can't write the result: %s",
			 strerror(errno > 0 ? errno : EIO));
}

bool result_histogram(const json_t *array, struct histogram *h)
{
	size_t i;
	json_t *pair;

	if (!json_is_array(array))
		return false;
	json_array_foreach(array, i, pair) {
		double upper_us = json_number_value(json_array_get(pair, 0));
		json_int_t count = json_integer_value(json_array_get(pair, 1));

		if (!(upper_us >= 0) || upper_us > (double)HISTOGRAM_MAX_NS || count < 0)
			return false;
		histogram_record_many(h, (uint64_t)llround(upper_us * 1000), (uint64_t)count);
	}
	return true;
}
