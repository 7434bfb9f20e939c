/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A result as a table for people. */
#include "bench/result.h"

#include <string.h>

#include "bench/quantity.h"
#include "control/table.h"

static const char *string_of(const json_t *json, const char *name, const char *none)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value != NULL && value[0] != '\0' ? value : none;
}

/* Text as it is, numbers without more digits than they have. */
static void print_value(const json_t *value, FILE *out)
{
	if (json_is_string(value))
		fputs(json_string_value(value), out);
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
	else if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		fprintf(out, "%g", json_number_value(value));
}

static void print_pairs(const char *title, json_t *object, FILE *out)
{
	const char *name;
	json_t *value;
	bool first = true;

	json_object_foreach(object, name, value) {
		fprintf(out, "%s%s ", first ? title : ", ", name);
		print_value(value, out);
		first = false;
	}
	if (!first)
		fputc('\n', out);
}

static void print_metrics(json_t *metrics, FILE *out)
{
	static const char *const heads[] = { "measured", ">value", NULL };
	struct table *table = NULL;
	char label[QUANTITY_BYTES], text[QUANTITY_BYTES];
	const char *name;
	json_t *value;

	json_object_foreach(metrics, name, value) {
		if (!json_is_number(value))
			continue;
		if (table == NULL)
			table = table_new(heads);
		table_cell(table, "%s", quantity_label(name, label));
		table_cell(table, "%s", quantity_text(name, json_number_value(value), text));
	}
	if (table != NULL)
		table_print(table, out);
}

static void print_latencies(json_t *metrics, FILE *out)
{
	static const char *const heads[] = { "latency", ">p50", ">p90", ">p99", ">p99.9", ">max", ">mean", ">count",
					     NULL };
	static const char *const keys[] = { "p50", "p90", "p99", "p99.9", "max", "mean" };
	struct table *table = NULL;
	char text[QUANTITY_BYTES];
	const char *name;
	json_t *value;

	json_object_foreach(metrics, name, value) {
		if (!json_is_object(value) || strcmp(name, "errors") == 0)
			continue;
		if (table == NULL)
			table = table_new(heads);
		table_cell(table, "%s", quantity_label(name, text));
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			table_cell(table, "%s", quantity_us(json_number_value(json_object_get(value, keys[i])), text));
		table_cell(table, "%s", quantity_number(json_number_value(json_object_get(value, "count")), text));
	}
	if (table != NULL)
		table_print(table, out);
}

/* What of the latencies may be the client's own. */
static void print_turns(const json_t *client, FILE *out)
{
	const json_t *turn = json_object_get(client, "turn_us"), *off = json_object_get(client, "off_core_s");
	char p99[QUANTITY_BYTES], max[QUANTITY_BYTES];

	if (turn == NULL)
		return;
	fprintf(out, "client: a turn of its loop took %s at most, and 99 %% of the time %s or less",
		quantity_us(json_number_value(json_object_get(turn, "max")), max),
		quantity_us(json_number_value(json_object_get(turn, "p99")), p99));
	if (off != NULL)
		fprintf(out, "; others had its core for %.1f ms of its work", 1e3 * json_number_value(off));
	fputc('\n', out);
}

void result_print(const json_t *json, FILE *out)
{
	json_t *metrics = json_object_get(json, "metrics"), *client = json_object_get(json, "client");
	json_t *cpu = json_object_get(json, "cpu");
	const char *note = string_of(client, "note", NULL);

	fprintf(out, "%s %s over %s to %s, %.3g s, seed %" JSON_INTEGER_FORMAT "\n", string_of(json, "workload", "?"),
		string_of(json, "name", ""), string_of(json, "transport", "?"), string_of(json, "target", "?"),
		json_number_value(json_object_get(json, "duration_s")),
		json_integer_value(json_object_get(json, "seed")));
	print_pairs("with ", json_object_get(json, "parameters"), out);
	print_metrics(metrics, out);
	print_latencies(metrics, out);
	print_pairs("ERRORS: ", json_object_get(metrics, "errors"), out);
	if (client != NULL)
		fprintf(out, "client: its core was busy for %.0f %% of the time%s\n",
			100 * json_number_value(json_object_get(client, "busy")),
			json_is_true(json_object_get(client, "limited")) ? ": IT WAS THE LIMIT" : "");
	print_turns(client, out);
	if (note != NULL)
		fprintf(out, "client: %s\n", note);
	print_pairs("versions: ", json_object_get(json, "versions"), out);
	fprintf(out, "on %s, %.0f MHz, core %" JSON_INTEGER_FORMAT ", %s\n", string_of(cpu, "model", "?"),
		json_number_value(json_object_get(cpu, "mhz")), json_integer_value(json_object_get(cpu, "core")),
		string_of(json, "started", "?"));
}
