/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request of the control socket, from its line to its answer. The socket
 * itself is server.h; the language is docs/control-protocol.md.
 *
 * Threads: control.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/error.h"
#include "control/fields.h"

struct gateway;

/* What control itself counts; `postern stats` shows it. */
#define CONTROL_COUNTERS(X) \
	X(REQUESTS, "requests", "requests answered") \
	X(REFUSED, "refused", "requests answered with an error") \
	X(GARBAGE, "garbage", "lines that were no request") \
	X(TOO_LONG, "too_long", "lines over the bound, and their connections closed") \
	X(CLIENTS, "clients", "control connections accepted") \
	X(TOO_MANY, "too_many", "control connections closed to make room for a new one") \
	X(SLOW, "slow", "control connections closed for being idle or not reading") \
	X(LOST, "lost", "control connections that went away in the middle of a line or an answer")

enum control_counter {
#define X(id, name, text) CONTROL_##id,
	CONTROL_COUNTERS(X)
#undef X
	CONTROL_COUNTER_COUNT
};

extern uint64_t control_counters[CONTROL_COUNTER_COUNT];

/* The answer to one line (without its newline), as text with a newline; free() it. NULL: no memory. */
char *request_answer(struct gateway *g, const char *line, size_t bytes);
/* An answer to something that isn't a request. NULL: no memory. */
char *request_refusal(const struct error *err);

/*
 * A verb: takes its "args" (an object, possibly empty), gives its "result".
 * NULL with @err.
 */
struct verb {
	const char *name;
	json_t *(*run)(struct gateway *g, const json_t *args, struct error *err);
};

extern const struct verb verbs_rules[], verbs_certs[], verbs_tickets[], verbs_connections[], verbs_stats[], verbs_daemon[];
/* Calls @visit for every verb. */
void request_each_verb(void (*visit)(const struct verb *v, void *arg), void *arg);

/* Reads @args into @out by a table (fields.h). 0, or -errno with @err. */
int request_args(const json_t *args, const struct field *fields, size_t n_fields, void *out, struct error *err);
/* For verbs without arguments. 0, or -EINVAL with @err. */
int request_no_args(const json_t *args, struct error *err);
/* What `stats` answers. NULL: no memory. */
json_t *stats_json(struct gateway *g, bool texts);
/* A rule's numbers, as several verbs show them. NULL: no memory. */
json_t *rule_counts_json(const struct gateway *g, const char *name);
