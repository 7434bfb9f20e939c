/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern's verbs as a person types them.
 *
 * Threads: one.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Exit statuses; postern(1) documents them. */
enum postern_exit {
	POSTERN_OK = 0,
	POSTERN_REFUSED = 1,	/* posternd said no; for `postern cert`: it failed */
	POSTERN_USAGE = 2,
	POSTERN_NO_DAEMON = 3,	/* can't be reached, or the connection broke */
};

struct invocation {
	const char *socket;
	bool json;
	int argc;	/* what follows the verb's words */
	char **argv;
	const struct command *command;
};

struct command {
	const char *words;	/* "rule add" */
	const char *arguments;	/* "NAME KEY=VALUE…" */
	const char *summary;	/* one line */
	const char *help;	/* more, or NULL */
	enum postern_exit (*run)(const struct invocation *inv);
};

extern const struct command commands_rules[], commands_state[], commands_certs[], commands_tickets[];

/*
 * Asks one thing and answers the exit status. With --json prints the result and
 * sets *result to NULL; else *result is the caller's. Consumes @args.
 */
enum postern_exit command_ask(const struct invocation *inv, const char *verb, json_t *args, json_t **result);

struct client;
/* For several questions on one connection: NULL, and told; client_close (client.h). */
struct client *command_open(const struct invocation *inv);
/* As command_ask, but prints nothing that went well: *result is the caller's. */
enum postern_exit command_ask_on(const struct invocation *inv, struct client *c, const char *verb, json_t *args,
				 json_t **result);

/* The same for a verb that takes no arguments; those that are there are told as wrong usage. */
enum postern_exit command_ask_plain(const struct invocation *inv, const char *verb, json_t **result);

/* "key=value" words from argv[@first] on into @args; a key of @lists becomes a list (by commas). */
enum postern_exit command_pairs(const struct invocation *inv, int first, const char *const *lists, json_t *args);
/* Takes a flag such as "--now" out of the arguments. */
bool command_flag(struct invocation *inv, const char *flag);
/* Takes "--over 5min" or "--over=5min" out of the arguments; NULL: not there. */
const char *command_option(struct invocation *inv, const char *option);
/* Says what is wrong with the arguments and how they should be. */
enum postern_exit command_usage(const struct invocation *inv, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* For verbs that take nothing: POSTERN_OK, or told. */
enum postern_exit command_nothing_left(const struct invocation *inv);

/* Members of an answer; "" and 0 when they aren't there. */
const char *text_of(const json_t *o, const char *key);
json_int_t number_of(const json_t *o, const char *key);
/* A list's texts, separated by commas, in @buf. */
const char *texts_of(const json_t *o, const char *key, char *buf, size_t buf_bytes);
