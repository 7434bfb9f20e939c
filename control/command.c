/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/client.h"

static void print_error(const struct invocation *inv, const struct error *err)
{
	json_t *o;

	if (inv->json) {
		o = json_pack("{s:{s:s, s:s, s:s, s:s}}", "error", "code", err->code, "where", err->where,
			      "message", err->message, "hint", err->hint);
		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(o);
		return;
	}
	fprintf(stderr, "postern: %s%s%s\n", err->where, err->where[0] != '\0' ? ": " : "", err->message);
	if (err->hint[0] != '\0')
		fprintf(stderr, "  %s\n", err->hint);
}

struct client *command_open(const struct invocation *inv)
{
	struct error err;
	struct client *c = client_open(inv->socket, &err);

	if (c == NULL)
		print_error(inv, &err);
	return c;
}

enum postern_exit command_ask_on(const struct invocation *inv, struct client *c, const char *verb, json_t *args,
				 json_t **result)
{
	struct error err;
	int r;

	*result = NULL;
	r = client_ask(c, verb, args, result, &err);
	if (r == 0)
		return POSTERN_OK;
	print_error(inv, &err);
	return r == -EREMOTEIO || r == -EINVAL ? POSTERN_REFUSED : POSTERN_NO_DAEMON;
}

enum postern_exit command_ask(const struct invocation *inv, const char *verb, json_t *args, json_t **result)
{
	struct client *c = command_open(inv);
	enum postern_exit r;

	*result = NULL;
	if (c == NULL) {
		json_decref(args);
		return POSTERN_NO_DAEMON;
	}
	r = command_ask_on(inv, c, verb, args, result);
	client_close(c);
	if (r == POSTERN_OK && inv->json) {
		json_dumpf(*result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
		json_decref(*result);
		*result = NULL;
	}
	return r;
}

enum postern_exit command_ask_plain(const struct invocation *inv, const char *verb, json_t **result)
{
	enum postern_exit r = command_nothing_left(inv);

	*result = NULL;
	return r == POSTERN_OK ? command_ask(inv, verb, NULL, result) : r;
}

static bool in_list(const char *const *list, const char *key)
{
	for (; list != NULL && *list != NULL; list++) {
		if (strcmp(*list, key) == 0)
			return true;
	}
	return false;
}

static json_t *split(const char *value)
{
	json_t *list = json_array();

	while (*value != '\0') {
		size_t n = strcspn(value, ",");

		if (n > 0)
			json_array_append_new(list, json_stringn(value, n));
		value += n;
		value += *value == ',';
	}
	return list;
}

enum postern_exit command_pairs(const struct invocation *inv, int first, const char *const *lists, json_t *args)
{
	for (int i = first; i < inv->argc; i++) {
		const char *equal = strchr(inv->argv[i], '=');
		char key[64];
		json_t *value;

		if (equal == NULL || equal == inv->argv[i] || (size_t)(equal - inv->argv[i]) >= sizeof(key))
			return command_usage(inv, "\"%s\" isn't KEY=VALUE", inv->argv[i]);
		memcpy(key, inv->argv[i], (size_t)(equal - inv->argv[i]));
		key[equal - inv->argv[i]] = '\0';
		if (json_object_get(args, key) != NULL)
			return command_usage(inv, "%s is given twice", key);
		value = in_list(lists, key) ? split(equal + 1) : json_string(equal + 1);
		if (value == NULL || json_object_set_new(args, key, value) != 0)
			return command_usage(inv, "\"%s\" isn't UTF-8 text", inv->argv[i]);
	}
	return POSTERN_OK;
}

static void drop_argument(struct invocation *inv, int i)
{
	inv->argc--;
	memmove(&inv->argv[i], &inv->argv[i + 1], (size_t)(inv->argc - i) * sizeof(char *));
}

bool command_flag(struct invocation *inv, const char *flag)
{
	for (int i = 0; i < inv->argc; i++) {
		if (strcmp(inv->argv[i], flag) == 0) {
			drop_argument(inv, i);
			return true;
		}
	}
	return false;
}

const char *command_option(struct invocation *inv, const char *option)
{
	size_t n = strlen(option);

	for (int i = 0; i < inv->argc; i++) {
		const char *value = NULL;

		if (strncmp(inv->argv[i], option, n) != 0)
			continue;
		if (inv->argv[i][n] == '=') {
			value = inv->argv[i] + n + 1;
		} else if (inv->argv[i][n] == '\0' && i + 1 < inv->argc) {
			value = inv->argv[i + 1];
			drop_argument(inv, i + 1);
		}
		if (value != NULL) {
			drop_argument(inv, i);
			return value;
		}
	}
	return NULL;
}

enum postern_exit command_usage(const struct invocation *inv, const char *format, ...)
{
	va_list args;

	fputs("postern: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nUsage: postern %s%s%s\n`postern %s --help` says more.\n", inv->command->words,
		inv->command->arguments[0] != '\0' ? " " : "", inv->command->arguments, inv->command->words);
	return POSTERN_USAGE;
}

enum postern_exit command_nothing_left(const struct invocation *inv)
{
	return inv->argc == 0 ? POSTERN_OK : command_usage(inv, "\"%s\" is too much", inv->argv[0]);
}

const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

json_int_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

const char *texts_of(const json_t *o, const char *key, char *buf, size_t buf_bytes)
{
	const json_t *list = json_object_get(o, key);

	buf[0] = '\0';
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));
		size_t used = strlen(buf);

		if (used + strlen(s != NULL ? s : "") + 5 > buf_bytes) {
			snprintf(buf + used, buf_bytes - used, ",…");
			break;
		}
		snprintf(buf + used, buf_bytes - used, "%s%s", i > 0 ? "," : "", s != NULL ? s : "");
	}
	return buf;
}
