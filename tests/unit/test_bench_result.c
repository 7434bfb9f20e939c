/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/quantity.h"
#include "bench/result.h"

static struct histogram h, back;

static struct result *some_result(void)
{
	struct result *r = result_new("request", "64x256-c64", "kernel", "10.0.0.1:993");

	histogram_init(&h);
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_record(&h, i * 1000);
	result_parameter_int(r, "connections", 64);
	result_parameter_real(r, "rate_per_s", 2500.5);
	result_parameter_text(r, "key", "P-256");
	result_parameter_bool(r, "resumed", false);
	result_seed(r, 42);
	result_version(r, "wolfssl", "5.9.2");
	result_duration(r, 10.25);
	result_window(r, 7500000, 17750000);
	result_metric(r, "requests_per_s", 38123.4);
	result_metric(r, "down_bits_per_s", 4.8e9);
	result_metric(r, "sessions", 64);
	result_latency(r, "latency", &h);
	result_latency(r, "greeting", &h);
	result_error(r, "reset", 2);
	result_error(r, "timeout", 0);
	result_error(r, "reset", 3);
	result_client(r, 0.97, true, "dialled later than asked");
	result_turns(r, &h, 24000000, 12);
	return r;
}

/* What was written, read by another parser's eyes: from the file, not from memory. */
static json_t *written(struct result *r)
{
	char path[] = "/tmp/test_bench_result.XXXXXX";
	struct error err;
	json_t *json;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(result_write(r, path, &err), 0);
	json = json_load_file(path, 0, NULL);
	unlink(path);
	assert_non_null(json);
	return json;
}

static double number(json_t *json, const char *a, const char *b, const char *c)
{
	json = json_object_get(json_object_get(json, a), b);
	if (c != NULL)
		json = json_object_get(json, c);
	assert_true(json_is_number(json));
	return json_number_value(json);
}

static const char *string(json_t *json, const char *a, const char *b)
{
	json = json_object_get(json, a);
	if (b != NULL)
		json = json_object_get(json, b);
	assert_true(json_is_string(json));
	return json_string_value(json);
}

static void json_has_what_was_said(void **state)
{
	struct result *r = some_result();
	json_t *json = written(r);

	assert_string_equal(string(json, "schema", NULL), "postern-bench/1");
	assert_string_equal(string(json, "workload", NULL), "request");
	assert_string_equal(string(json, "name", NULL), "64x256-c64");
	assert_string_equal(string(json, "transport", NULL), "kernel");
	assert_string_equal(string(json, "target", NULL), "10.0.0.1:993");
	assert_int_equal(json_integer_value(json_object_get(json, "seed")), 42);
	assert_true(number(json, "parameters", "connections", NULL) == 64);
	assert_true(number(json, "parameters", "rate_per_s", NULL) == 2500.5);
	assert_string_equal(string(json, "parameters", "key"), "P-256");
	assert_true(json_is_false(json_object_get(json_object_get(json, "parameters"), "resumed")));
	assert_true(json_number_value(json_object_get(json, "duration_s")) == 10.25);
	assert_true(json_real_value(json_array_get(json_object_get(json, "window"), 0)) == 7.5);
	assert_true(json_real_value(json_array_get(json_object_get(json, "window"), 1)) == 17.75);
	assert_true(number(json, "metrics", "requests_per_s", NULL) == 38123.4);
	assert_true(number(json, "metrics", "down_bits_per_s", NULL) == 4.8e9);
	assert_int_equal(number(json, "metrics", "errors", "reset"), 5);
	assert_null(json_object_get(json_object_get(json_object_get(json, "metrics"), "errors"), "timeout"));
	assert_true(number(json, "client", "busy", NULL) == 0.97);
	assert_true(json_is_true(json_object_get(json_object_get(json, "client"), "limited")));
	assert_string_equal(string(json, "client", "note"), "dialled later than asked");
	assert_true(number(json, "client", "turn_us", "max") == 1000);
	assert_float_equal(number(json, "client", "turn_us", "p99"), 990, 9.9);
	assert_true(number(json, "client", "off_core_s", NULL) == 0.024);
	assert_true(number(json, "client", "off_core_times", NULL) == 12);
	assert_string_equal(string(json, "versions", "wolfssl"), "5.9.2");
	assert_true(strlen(string(json, "versions", "postern")) > 0);
	assert_true(strlen(string(json, "versions", "kernel")) > 0);
	assert_true(number(json, "cpu", "core", NULL) >= 0);
	assert_int_equal(strlen(string(json, "started", NULL)), strlen("2026-01-31T12:00:00Z"));
	json_decref(json);
	result_free(r);
}

static void latencies_are_in_microseconds(void **state)
{
	struct result *r = some_result();
	json_t *json = written(r), *metrics = json_object_get(json, "metrics");

	assert_float_equal(number(metrics, "latency_us", "p50", NULL), 500, 5);
	assert_float_equal(number(metrics, "latency_us", "p90", NULL), 900, 9);
	assert_float_equal(number(metrics, "latency_us", "p99", NULL), 990, 9.9);
	assert_float_equal(number(metrics, "latency_us", "p99.9", NULL), 999, 9.9);
	assert_true(number(metrics, "latency_us", "max", NULL) == 1000);
	assert_true(number(metrics, "latency_us", "min", NULL) == 1);
	assert_float_equal(number(metrics, "latency_us", "mean", NULL), 500.5, 1e-6);
	assert_int_equal(number(metrics, "latency_us", "count", NULL), 1000);
	assert_true(number(metrics, "greeting_us", "max", NULL) == 1000);
	json_decref(json);
	result_free(r);
}

/* Bucket by bucket, as it was: so results of several rounds can be merged. */
static void histogram_comes_back(void **state)
{
	struct result *r = some_result();
	json_t *json = written(r);

	histogram_init(&back);
	assert_true(result_histogram(json_object_get(json, "histogram"), &back));
	assert_memory_equal(back.counts, h.counts, sizeof(h.counts));
	assert_int_equal(back.count, h.count);
	histogram_init(&back);
	assert_true(result_histogram(json_object_get(json_object_get(json, "histograms"), "greeting"), &back));
	assert_memory_equal(back.counts, h.counts, sizeof(h.counts));
	json_decref(json);
	result_free(r);
}

static void what_is_no_histogram_is_refused(void **state)
{
	static const char *const wrong[] = { "{}", "[1]", "[[-1, 1]]", "[[1, -1]]", "[[1e300, 1]]" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *json = json_loads(wrong[i], 0, NULL);

		histogram_init(&back);
		assert_non_null(json);
		if (result_histogram(json, &back))
			assert_int_equal(back.count, 0);	/* [1] says nothing, and no harm is done */
		json_decref(json);
	}
	assert_false(result_histogram(NULL, &back));
}

static void an_empty_histogram_says_nothing(void **state)
{
	struct result *r = result_new("idle", "", "kernel", "");
	json_t *json;

	histogram_init(&h);
	result_latency(r, "latency", &h);
	json = written(r);
	assert_null(json_object_get(json_object_get(json, "metrics"), "latency_us"));
	assert_null(json_object_get(json, "histogram"));
	json_decref(json);
	result_free(r);
}

static void text_that_is_not_utf8_spoils_nothing(void **state)
{
	struct result *r = result_new("idle", "\xff\xfe", "kernel", "tar\"get\n");
	json_t *json;

	result_parameter_text(r, "name", "\xc3\x28");
	json = written(r);
	assert_string_equal(string(json, "name", NULL), "(not UTF-8)");
	assert_string_equal(string(json, "target", NULL), "tar\"get\n");
	json_decref(json);
	result_free(r);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct result *r = some_result();
	struct error err;

	assert_true(result_write(r, "/nowhere/at/all.json", &err) < 0);
	assert_non_null(strstr(err.where, "/nowhere/at/all.json"));
	assert_true(result_write(r, "/dev/full", &err) < 0);
	assert_string_equal(err.code, ERROR_IO);
	result_free(r);
}

static char *printed(const json_t *json)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	result_print(json, out);
	fclose(out);
	return text;
}

static void table_says_what_was_measured(void **state)
{
	static const char *const wanted[] = {
		"request 64x256-c64 over kernel to 10.0.0.1:993, 10.2 s, seed 42", "connections 64", "resumed no",
		"38,123 /s", "4.80 Gbit/s", "p99.9", "ERRORS: reset 5", "97 %", "IT WAS THE LIMIT",
		"dialled later than asked", "wolfssl 5.9.2", "1.00 ms",
	};
	struct result *r = some_result();
	char *text = printed(result_json(r));

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strstr(text, wanted[i]) == NULL)
			fail_msg("no '%s' in:\n%s", wanted[i], text);
	}
	assert_null(strstr(text, "timeout"));
	free(text);
	result_free(r);
}

/* A file that somebody edited, or of another version. */
static void table_of_half_a_result(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", "{\"metrics\": 5, \"client\": [], \"cpu\": \"x\", \"parameters\": {\"a\": {}}}",
		"{\"metrics\": {\"latency_us\": {}, \"x\": \"y\", \"errors\": 3}, \"duration_s\": \"long\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *json = json_loads(texts[i], 0, NULL);
		char *text;

		assert_non_null(json);
		text = printed(json);
		assert_true(strlen(text) > 0);
		free(text);
		json_decref(json);
	}
}

static void quantities(void **state)
{
	static const struct {
		const char *name;
		double value;
		const char *text, *label;
	} cases[] = {
		{ "handshakes_per_s", 1234567.8, "1,234,568 /s", "handshakes" },
		{ "handshakes_per_s", 12.34, "12.3 /s", "handshakes" },
		{ "down_bits_per_s", 12.4e9, "12.4 Gbit/s", "down" },
		{ "down_bits_per_s", 999, "999 bit/s", "down" },
		{ "latency_us", 0.25, "250 ns", "latency" },
		{ "latency_us", 23.456, "23.5 µs", "latency" },
		{ "latency_us", 1530, "1.53 ms", "latency" },
		{ "wait_s", 2.5, "2.50 s", "wait" },
		{ "wait_s", 0.0153, "15.3 ms", "wait" },
		{ "rss_bytes", 17800, "17.8 KB", "rss" },
		{ "memory_bytes_per_session", 2000, "2.00 KB", "memory per session" },
		{ "busy_percent", 97.25, "97.2 %", "busy" },
		{ "sessions", 200000, "200,000", "sessions" },
		{ "sessions", 0, "0", "sessions" },
		{ "lost", -1234, "-1,234", "lost" },
		{ "lost", -123, "-123", "lost" },
		{ "_us", 5, "5", " us" },
		{ "ratio", 0.004, "0.00400", "ratio" },
	};
	char buf[QUANTITY_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(quantity_text(cases[i].name, cases[i].value, buf), cases[i].text);
		assert_string_equal(quantity_label(cases[i].name, buf), cases[i].label);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_what_was_said),
		cmocka_unit_test(latencies_are_in_microseconds),
		cmocka_unit_test(histogram_comes_back),
		cmocka_unit_test(what_is_no_histogram_is_refused),
		cmocka_unit_test(an_empty_histogram_says_nothing),
		cmocka_unit_test(text_that_is_not_utf8_spoils_nothing),
		cmocka_unit_test(a_file_that_cannot_be_written_is_told),
		cmocka_unit_test(table_says_what_was_measured),
		cmocka_unit_test(table_of_half_a_result),
		cmocka_unit_test(quantities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
