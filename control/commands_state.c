/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern connections, kill, stats, version, drain, and the rest about the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/client.h"
#include "control/command.h"
#include "control/metrics.h"
#include "control/table.h"
#include "control/text.h"

/* By a certificate that was found good; NULL: there is none. */
static const char *identity(const json_t *certificate)
{
	if (certificate == NULL || strcmp(text_of(certificate, "verify"), "ok") != 0)
		return "";
	return text_of(certificate, "cn")[0] != '\0' ? text_of(certificate, "cn") : text_of(certificate, "subject");
}

static void connection_row(struct table *t, const json_t *c)
{
	char age[16], from[16], to[16];

	table_cell(t, "%s", text_of(c, "id"));
	table_cell(t, "%s", text_of(c, "rule"));
	table_cell(t, "%s", text_of(c, "client"));
	table_cell(t, "%s", identity(json_object_get(c, "client_certificate")));
	table_cell(t, "%s", text_of(c, "server"));
	table_cell(t, "%s", text_of(c, "state"));
	table_cell(t, "%s", text_of(c, "sni"));
	table_cell(t, "%s", text_of(c, "tls")[0] != '\0' ? text_of(c, "tls") : text_of(c, "version"));
	table_cell(t, "%s", text_of(c, "cipher"));
	table_cell(t, "%s", table_age((uint64_t)number_of(c, "duration_us"), age, sizeof(age)));
	table_cell(t, "%s", table_bytes((uint64_t)number_of(c, "bytes_from_client"), from, sizeof(from)));
	table_cell(t, "%s", table_bytes((uint64_t)number_of(c, "bytes_to_client"), to, sizeof(to)));
}

/* One answer's rows, at most @max; how many. @t NULL: as a part of the JSON list, a line each. */
static uint64_t list_page(const json_t *rows, uint64_t max, bool first, struct table *t)
{
	size_t i;
	json_t *c;

	json_array_foreach(rows, i, c) {
		if (i == max)
			break;
		if (t != NULL) {
			connection_row(t, c);
			continue;
		}
		fputs(first && i == 0 ? "[\n  " : ",\n  ", stdout);
		json_dumpf(c, stdout, 0);
	}
	return i;
}

/* Page by page, as the daemon gives them. */
static enum postern_exit list_all(const struct invocation *inv, const json_t *args, uint64_t max, struct table *t)
{
	struct client *c = command_open(inv);
	enum postern_exit r = c != NULL ? POSTERN_OK : POSTERN_NO_DAEMON;
	json_t *next = json_string("");
	uint64_t n = 0;

	while (r == POSTERN_OK && next != NULL && n < max) {
		json_t *one = json_copy((json_t *)(uintptr_t)args), *result;

		json_object_set_new(one, "after", next);
		next = NULL;
		r = command_ask_on(inv, c, "connections", one, &result);
		if (r != POSTERN_OK)
			break;
		n += list_page(json_object_get(result, "connections"), max - n, n == 0, t);
		next = json_incref(json_object_get(result, "next"));
		json_decref(result);
	}
	json_decref(next);
	if (c != NULL)
		client_close(c);
	if (r == POSTERN_OK && t == NULL)
		puts(n > 0 ? "\n]" : "[]");
	return r;
}

static enum postern_exit list_connections(const struct invocation *inv)
{
	static const char *const heads[] = { "ID", "RULE", "CLIENT", "WHO", "SERVER", "STATE", "SNI", "TLS", "CIPHER",
					     ">AGE", ">FROM", ">TO", NULL };
	json_t *args = json_object();
	enum postern_exit r = command_pairs(inv, 0, NULL, args);
	const char *max_text = json_string_value(json_object_get(args, "max"));
	uint64_t max = UINT64_MAX;
	struct table *t = NULL;

	if (r == POSTERN_OK && max_text != NULL && (text_parse_count(max_text, &max) != 0 || max == 0))
		r = command_usage(inv, "max = \"%s\" isn't a number from 1 on", max_text);
	if (r == POSTERN_OK) {
		json_object_del(args, "max");
		if (!inv->json)
			t = table_new(heads);
		r = list_all(inv, args, max, t);
	}
	if (t != NULL)
		table_print(t, stdout);
	json_decref(args);
	return r;
}

static enum postern_exit kill_connection(const struct invocation *inv)
{
	json_t *args = json_object(), *result;
	enum postern_exit r = POSTERN_OK;

	if (inv->argc != 1) {
		json_decref(args);
		return command_usage(inv, "a connection's id or rule=NAME is needed");
	}
	if (strchr(inv->argv[0], '=') != NULL)
		r = command_pairs(inv, 0, NULL, args);
	else
		json_object_set_new(args, "id", json_string(inv->argv[0]));
	if (r != POSTERN_OK) {
		json_decref(args);
		return r;
	}
	r = command_ask(inv, "kill", args, &result);
	if (r == POSTERN_OK && result != NULL) {
		printf("%" JSON_INTEGER_FORMAT " ended\n", number_of(result, "killed"));
		json_decref(result);
	}
	return r;
}

static void print_counters(const json_t *stats, const char *group, const char *title, bool all)
{
	static const char *const heads[] = { "NAME", ">COUNT", "WHAT", NULL };
	const json_t *texts = json_object_get(json_object_get(stats, "texts"), group);
	struct table *t = table_new(heads);
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(stats, group), key, value) {
		if (!all && json_integer_value(value) == 0)
			continue;
		table_cell(t, "%s", key);
		table_cell(t, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		table_cell(t, "%s", text_of(texts, key));
	}
	printf("%s\n", title);
	table_print(t, stdout);
	putchar('\n');
}

static void print_workers(const json_t *stats)
{
	static const char *const heads[] = { ">WORKER", ">CPU", ">CONNECTIONS", ">TCP", ">HALF OPEN", "COOKIES", ">PACKETS FREE", ">OF", ">QUEUED",
					     ">TLS MEMORY", ">TURNS", ">BUSY", ">BUSY TIME", ">LONGEST TURN", NULL };
	struct table *t = table_new(heads);
	char bytes[16];
	size_t i;
	json_t *w;

	json_array_foreach(json_object_get(stats, "workers"), i, w) {
		json_int_t turns = number_of(w, "turns");

		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(w, "worker"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(w, "cpu"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(w, "connections"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(w, "tcp_connections"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(w, "half_open"));
		table_cell(t, "%s", number_of(w, "syn_cookies") != 0 ? "on" : "off");
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(w, "mbufs_free"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(w, "mbufs_total"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(w, "mbufs_queued"));
		table_cell(t, "%s", table_bytes((uint64_t)number_of(w, "tls_heap_used_bytes"), bytes, sizeof(bytes)));
		table_cell(t, "%" JSON_INTEGER_FORMAT, turns);
		table_cell(t, "%.0f%%", turns > 0 ? 100.0 * (double)number_of(w, "busy_turns") / (double)turns : 0.0);
		table_cell(t, "%.3f s", (double)number_of(w, "busy_us") / 1e6);
		table_cell(t, "%.3f ms", (double)number_of(json_object_get(w, "longest_turn"), "us") / 1e3);
	}
	puts("workers");
	table_print(t, stdout);
	putchar('\n');
}

static enum postern_exit print_metrics(const json_t *stats)
{
	size_t bytes;
	char *text = metrics_text(stats, &bytes);

	if (text == NULL) {
		fputs("postern: out of memory\n", stderr);
		return POSTERN_REFUSED;
	}
	fwrite(text, 1, bytes, stdout);
	free(text);
	return POSTERN_OK;
}

static enum postern_exit show_stats(const struct invocation *inv)
{
	struct invocation own = *inv;
	bool all = command_flag(&own, "--all"), metrics = command_flag(&own, "--metrics");
	json_t *result;
	enum postern_exit r = command_nothing_left(&own);

	if (r == POSTERN_OK)
		r = command_ask(inv, "stats", inv->json ? NULL : json_pack("{s:b}", "texts", 1), &result);
	if (r != POSTERN_OK || result == NULL)
		return r;
	if (metrics) {
		r = print_metrics(result);
		json_decref(result);
		return r;
	}
	print_workers(result);
	print_counters(result, "events", "events", all);
	print_counters(result, "drops", "refused and dropped, by reason", all);
	print_counters(result, "control", "control", all);
	json_decref(result);
	return POSTERN_OK;
}

static enum postern_exit show_version(const struct invocation *inv)
{
	char age[16];
	json_t *result;
	enum postern_exit r = command_ask_plain(inv, "version", &result);

	if (r == POSTERN_OK && result != NULL) {
		const json_t *libraries = json_object_get(result, "libraries");

		printf("posternd %s (postern " POSTERN_VERSION "), process %" JSON_INTEGER_FORMAT ", up %s%s\n",
		       text_of(result, "version"), number_of(result, "pid"),
		       table_age((uint64_t)number_of(result, "uptime_us"), age, sizeof(age)),
		       json_is_true(json_object_get(result, "draining")) ? ", draining" : "");
		printf("configuration %s, %" JSON_INTEGER_FORMAT " workers; %s, wolfSSL %s\n", text_of(result, "config"),
		       number_of(result, "workers"), text_of(libraries, "dpdk"), text_of(libraries, "wolfssl"));
		json_decref(result);
	}
	return r;
}

static enum postern_exit told_drain(enum postern_exit r, json_t *result)
{
	if (r == POSTERN_OK && result != NULL) {
		printf("%s; %" JSON_INTEGER_FORMAT " connections are open\n",
		       json_is_true(json_object_get(result, "draining")) ? "draining: new connections are refused" :
		       "new connections are accepted", number_of(result, "connections"));
		json_decref(result);
	}
	return r;
}

static enum postern_exit drain(const struct invocation *inv)
{
	struct invocation own = *inv;
	const char *over = command_option(&own, "--over");
	json_t *result = NULL;
	enum postern_exit r = command_nothing_left(&own);

	if (r == POSTERN_OK)
		r = command_ask(inv, "drain", over != NULL ? json_pack("{s:s}", "over", over) : NULL, &result);
	return told_drain(r, result);
}

static enum postern_exit undrain(const struct invocation *inv)
{
	json_t *result = NULL;
	enum postern_exit r = command_ask_plain(inv, "undrain", &result);

	return told_drain(r, result);
}

static enum postern_exit reload(const struct invocation *inv)
{
	json_t *result;
	enum postern_exit r = command_ask_plain(inv, "reload", &result);

	if (r == POSTERN_OK && result != NULL) {
		printf("reloaded: %" JSON_INTEGER_FORMAT " rules added, %" JSON_INTEGER_FORMAT " changed, %"
		       JSON_INTEGER_FORMAT " removed; %" JSON_INTEGER_FORMAT " certificates differ\n",
		       number_of(result, "added"), number_of(result, "changed"), number_of(result, "removed"),
		       number_of(result, "certificates"));
		if (text_of(result, "needs_restart")[0] != '\0')
			printf("the configuration's %s changed too, which needs a restart\n",
			       text_of(result, "needs_restart"));
		json_decref(result);
	}
	return r;
}

static enum postern_exit simple(const struct invocation *inv, const char *verb, const char *said)
{
	json_t *result;
	enum postern_exit r = command_ask_plain(inv, verb, &result);

	if (r == POSTERN_OK && result != NULL) {
		puts(said);
		json_decref(result);
	}
	return r;
}

static enum postern_exit stop(const struct invocation *inv)
{
	return simple(inv, "stop", "posternd stops");
}

static enum postern_exit rotate_log(const struct invocation *inv)
{
	return simple(inv, "log.rotate", "the log file is opened anew");
}

const struct command commands_state[] = {
	{ "connections", "[rule=NAME] [max=N]", "List open connections",
	  "FROM and TO count the plain bytes from and to the client. WHO is who that is by its\n"
	  "certificate, where a rule asks for one.\n"
	  "  max=N  only so many of them\n", list_connections },
	{ "kill", "ID | rule=NAME", "End a connection, or all of a rule", NULL, kill_connection },
	{ "stats", "[--all | --metrics]", "What is counted: workers, events, drops by reason",
	  "  --all      also what is 0\n"
	  "  --metrics  all of it in Prometheus' text format\n", show_stats },
	{ "version", "", "Version, age and libraries of the daemon", NULL, show_version },
	{ "drain", "[--over TIME]", "Refuse new connections; with --over end the open ones evenly",
	  "  --over TIME  end all open connections within this time, a share each second, so that\n"
	  "               their clients don't come back elsewhere all at once; 5min for example\n", drain },
	{ "undrain", "", "Accept new connections again", NULL, undrain },
	{ "reload", "", "Read the configuration's rules and certificates again, all or nothing", NULL, reload },
	{ "log rotate", "", "Open the log file anew, after it was moved away", NULL, rotate_log },
	{ "stop", "", "Stop the daemon; open connections end", NULL, stop },
	{ NULL, NULL, NULL, NULL, NULL }
};
