/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result.h"

static bool ends_with(const char *s, const char *ending)
{
	size_t n = strlen(s), m = strlen(ending);

	return n > m && strcmp(s + n - m, ending) == 0;
}

static double number_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *round_cpu(const struct round *r, double *share)
{
	static const char *const names[] = { "charged_s", "core_busy_s", "process_cpu_s" };
	const char *charged = json_string_value(json_object_get(r->gateway, "charged_as"));
	double wall_s = number_of(r->gateway, "wall_s");

	*share = NAN;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		double cpu_s = number_of(r->gateway, names[i]);

		if (cpu_s > 0 && wall_s > 0) {
			*share = cpu_s / wall_s;
			return i == 0 && charged != NULL ? charged : names[i];
		}
	}
	return NULL;
}

double round_value(const struct round *r, const struct measure *m, enum basis basis)
{
	const json_t *metric = json_object_get(json_object_get(r->result, "metrics"), m->metric);
	double value, share;

	if (metric == NULL)
		metric = json_object_get(r->gateway, m->metric);
	if (m->part != NULL)
		metric = json_object_get(metric, m->part);
	if (!json_is_number(metric))
		return NAN;
	value = json_number_value(metric);
	if (basis == PER_CORE || !ends_with(m->metric, "_per_s"))
		return value;
	return round_cpu(r, &share) != NULL ? value / share : NAN;
}

/* What more or less of is better, by the unit its name ends with. */
static bool classify(const char *name, const json_t *value, struct measure *m)
{
	*m = (struct measure){ .metric = name };
	if (json_is_object(value))
		return ends_with(name, "_us");
	if (!json_is_number(value))
		return false;
	m->more_is_better = ends_with(name, "_per_s");
	if (m->more_is_better && json_number_value(value) == 0)
		return false;	/* the direction that wasn't asked for */
	return m->more_is_better || ends_with(name, "_s") || ends_with(name, "_us") ||
	       ends_with(name, "_bytes_per_session");
}

static void add_measure(struct measure *list, size_t max, size_t *n, struct measure m)
{
	for (size_t i = 0; i < *n; i++) {
		if (strcmp(list[i].metric, m.metric) == 0 &&
		    strcmp(list[i].part ? list[i].part : "", m.part ? m.part : "") == 0)
			return;
	}
	if (*n < max)
		list[(*n)++] = m;
}

void compared_measures(const struct compared *c, struct measure *list, size_t max, size_t *n)
{
	static const char *const parts[] = { "p50", "p99", "p99.9", "max" };
	struct measure m;
	const char *name;
	json_t *value;

	*n = 0;
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->series[i].n; k++) {
			const struct round *r = &c->series[i].rounds[k];

			json_object_foreach(json_object_get(r->result, "metrics"), name, value) {
				if (!classify(name, value, &m))
					continue;
				for (size_t p = 0; p < (json_is_object(value) ? sizeof(parts) / sizeof(parts[0]) : 1); p++) {
					m.part = json_is_object(value) ? parts[p] : NULL;
					add_measure(list, max, n, m);
				}
			}
			/* Of the gateway's own numbers only memory is a measure; its times are what rates go by. */
			json_object_foreach((json_t *)(uintptr_t)r->gateway, name, value) {
				if (ends_with(name, "_bytes_per_session") && classify(name, value, &m))
					add_measure(list, max, n, m);
			}
		}
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* NANs are left out. Sorts @values. */
static struct spread spread_of(double *values, size_t n)
{
	size_t known = 0;

	for (size_t i = 0; i < n; i++) {
		if (isfinite(values[i]))
			values[known++] = values[i];
	}
	if (known == 0)
		return (struct spread){ .median = NAN, .least = NAN, .most = NAN };
	qsort(values, known, sizeof(values[0]), by_value);
	return (struct spread){
		.median = (values[(known - 1) / 2] + values[known / 2]) / 2,
		.least = values[0],
		.most = values[known - 1],
		.n = known,
	};
}

static void *grown(void *list, size_t n, size_t bytes)
{
	list = reallocarray(list, n, bytes);
	if (list == NULL) {
		fprintf(stderr, "postern-bench: out of memory\n");
		exit(1);
	}
	return list;
}

struct spread series_spread(const struct series *s, const struct measure *m, enum basis basis)
{
	double *values = grown(NULL, s->n + 1, sizeof(values[0]));
	struct spread spread;

	for (size_t i = 0; i < s->n; i++)
		values[i] = round_value(&s->rounds[i], m, basis);
	spread = spread_of(values, s->n);
	free(values);
	return spread;
}

const struct series *compared_best_peer(const struct compared *c, const struct measure *m, enum basis basis)
{
	const struct series *best = NULL;
	double best_value = NAN;

	for (size_t i = 0; i < c->n; i++) {
		double value;

		if (!series_is_peer(&c->series[i]))
			continue;
		value = series_spread(&c->series[i], m, basis).median;
		if (isfinite(value) && (best == NULL || (m->more_is_better ? value > best_value : value < best_value))) {
			best = &c->series[i];
			best_value = value;
		}
	}
	return best;
}

static double ratio_of(double ours, double theirs, const struct measure *m)
{
	double ratio = m->more_is_better ? ours / theirs : theirs / ours;

	return isfinite(ratio) ? ratio : NAN;
}

static const struct round *round_lookup(const struct series *s, int number)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->rounds[i].number == number)
			return &s->rounds[i];
	}
	return NULL;
}

struct spread series_ratio(const struct series *s, const struct series *peer, const struct measure *m,
			   enum basis basis)
{
	double *values = grown(NULL, s->n + 1, sizeof(values[0]));
	struct spread spread;

	for (size_t i = 0; i < s->n; i++) {
		const struct round *other = round_lookup(peer, s->rounds[i].number);

		values[i] = other != NULL ? ratio_of(round_value(&s->rounds[i], m, basis), round_value(other, m, basis), m)
					  : NAN;
	}
	spread = spread_of(values, s->n);
	if (spread.n == 0) {
		values[0] = ratio_of(series_spread(s, m, basis).median, series_spread(peer, m, basis).median, m);
		spread = spread_of(values, 1);
	}
	free(values);
	return spread;
}

bool series_histogram(const struct series *s, struct histogram *h)
{
	histogram_init(h);
	for (size_t i = 0; i < s->n; i++)
		result_histogram(json_object_get(s->rounds[i].result, "histogram"), h);
	return h->count > 0;
}

uint64_t series_errors(const struct series *s)
{
	uint64_t errors = 0;
	const char *name;
	json_t *value;

	for (size_t i = 0; i < s->n; i++) {
		json_t *metrics = json_object_get(s->rounds[i].result, "metrics");

		json_object_foreach(json_object_get(metrics, "errors"), name, value)
			errors += json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
	}
	return errors;
}

size_t series_limited(const struct series *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += json_is_true(json_object_get(json_object_get(s->rounds[i].result, "client"), "limited"));
	return n;
}

double series_disturbed(const struct series *s)
{
	double most = 0;

	for (size_t i = 0; i < s->n; i++) {
		double share = number_of(s->rounds[i].gateway, "core_busy_before");

		most = share > most ? share : most;
	}
	return most;
}

void comparison_init(struct comparison *c)
{
	*c = (struct comparison){ .files = json_array() };
	if (c->files == NULL) {
		fprintf(stderr, "postern-bench: out of memory\n");
		exit(1);
	}
}

void comparison_fini(struct comparison *c)
{
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->cases[i].n; k++)
			free(c->cases[i].series[k].rounds);
		free(c->cases[i].series);
	}
	free(c->cases);
	json_decref(c->files);
	*c = (struct comparison){ 0 };
}

static struct compared *case_of(struct comparison *c, const char *workload, const char *name)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->cases[i].workload, workload) == 0 && strcmp(c->cases[i].name, name) == 0)
			return &c->cases[i];
	}
	c->cases = grown(c->cases, c->n + 1, sizeof(c->cases[0]));
	c->cases[c->n] = (struct compared){ .workload = workload, .name = name };
	return &c->cases[c->n++];
}

static struct series *series_of(struct compared *c, const char *subject, const char *path, const char *setting)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct series *s = &c->series[i];

		if (strcmp(s->subject, subject) == 0 && strcmp(s->path, path) == 0 && strcmp(s->setting, setting) == 0)
			return &c->series[i];
	}
	c->series = grown(c->series, c->n + 1, sizeof(c->series[0]));
	c->series[c->n] = (struct series){ .subject = subject, .path = path, .setting = setting };
	return &c->series[c->n++];
}

static const char *string_of(const json_t *object, const char *name, const char *none)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : none;
}

static int add_result(struct comparison *c, const json_t *result, const char *subject, const char *path,
		      const json_t *run, const char *where, struct error *err)
{
	const json_t *number = json_object_get(run, "round");
	struct series *s;

	if (strcmp(string_of(result, "schema", ""), RESULT_SCHEMA) != 0)
		return error_set(err, -EINVAL, ERROR_INVALID, where, "this isn't a result of postern-bench: its schema is '%s', not '%s'",
				 string_of(result, "schema", ""), RESULT_SCHEMA);
	s = series_of(case_of(c, string_of(result, "workload", "?"), string_of(result, "name", "")), subject, path,
		      string_of(run, "receive", ""));
	s->rounds = grown(s->rounds, s->n + 1, sizeof(s->rounds[0]));
	s->rounds[s->n] = (struct round){
		.number = json_is_integer(number) ? (int)json_integer_value(number) : (int)s->n + 1,
		.result = result,
		.gateway = json_object_get(run, "gateway"),
	};
	s->n++;
	return 0;
}

static int add_compared(struct comparison *c, const json_t *file, const char *where, struct error *err)
{
	const json_t *runs = json_object_get(file, "runs");
	int status = 0;

	if (!json_is_array(runs))
		return error_set(err, -EINVAL, ERROR_INVALID, where, "it has no list of runs");
	c->described = file;
	for (size_t i = 0; i < json_array_size(runs) && status == 0; i++) {
		const json_t *run = json_array_get(runs, i);

		if (!json_is_object(json_object_get(run, "result")))
			continue;	/* it failed, and bench/compare has said so */
		status = add_result(c, json_object_get(run, "result"), string_of(run, "subject", "?"),
				    string_of(run, "path", ""), run, where, err);
	}
	return status;
}

static int add_any(struct comparison *c, const json_t *json, const char *label, const char *where, struct error *err)
{
	int status = 0;

	if (strcmp(string_of(json, "schema", ""), COMPARISON_SCHEMA) == 0)
		return add_compared(c, json, where, err);
	if (!json_is_array(json))
		return add_result(c, json, label, string_of(json, "transport", ""), NULL, where, err);
	for (size_t i = 0; i < json_array_size(json) && status == 0; i++) {
		const json_t *one = json_array_get(json, i);

		if (json_is_array(one))
			return error_set(err, -EINVAL, ERROR_INVALID, where, "a list in a list isn't a result");
		status = add_any(c, one, label, where, err);
	}
	return status;
}

/* The file's name without folder and ending, kept beside what was read. */
static const char *label_of(struct comparison *c, const char *path, const char *label)
{
	const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	size_t n = ends_with(name, ".json") ? strlen(name) - 5 : strlen(name);
	json_t *kept = label != NULL ? json_string(label) : json_stringn(name, n);

	if (kept == NULL)
		kept = json_string("(not UTF-8)");
	json_array_append_new(c->files, kept);
	return json_string_value(json_array_get(c->files, json_array_size(c->files) - 1));
}

int comparison_load(struct comparison *c, const char *path, const char *label, struct error *err)
{
	json_error_t why;
	json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (json == NULL && why.line <= 0)
		return error_set(err, -EIO, ERROR_IO, path, "%s", why.text);
	if (json == NULL)
		return error_set(err, -EINVAL, ERROR_INVALID, path, "line %d: %s", why.line, why.text);
	json_array_append_new(c->files, json);
	return add_any(c, json, label_of(c, path, label), path, err);
}
