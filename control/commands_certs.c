/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern cert list, load: what posternd has loaded. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/table.h"

/* "good, 2026-11-29 10:00Z"; "must, and none". */
static const char *staple_text(const json_t *ocsp, char *buf, size_t buf_bytes)
{
	const char *until = text_of(ocsp, "until"), *state = text_of(ocsp, "state");

	if (until[0] != '\0')
		snprintf(buf, buf_bytes, "%s, %.10s %.5sZ", strcmp(state, "revoked") == 0 ? "REVOKED" : state, until, until + 11);
	else if (json_is_true(json_object_get(ocsp, "must_staple")))
		snprintf(buf, buf_bytes, "MUST, and none");
	else
		snprintf(buf, buf_bytes, "%s", state);
	return buf;
}

static enum postern_exit staple_cert(const struct invocation *inv)
{
	json_t *args, *result, *ocsp;
	enum postern_exit r;
	char text[48];

	if (inv->argc != 1)
		return command_usage(inv, "one certificate's name is needed");
	args = json_pack("{s:s}", "name", inv->argv[0]);
	if (args == NULL)
		return command_usage(inv, "the name isn't UTF-8 text");
	r = command_ask(inv, "cert.staple", args, &result);
	if (r == POSTERN_OK && result != NULL) {
		ocsp = json_object_get(result, "ocsp");
		printf("certificate %s: OCSP response %s: %s\n", inv->argv[0], text_of(ocsp, "file"),
		       staple_text(ocsp, text, sizeof(text)));
		if (text_of(ocsp, "problem")[0] != '\0')
			printf("the last one that came can't be used: %s\n", text_of(ocsp, "problem"));
		if (json_is_true(json_object_get(ocsp, "fetching")))
			puts("its responder is being asked; the log and `postern certs` will say what comes of it");
		json_decref(result);
	}
	return r;
}

static enum postern_exit list_certs(const struct invocation *inv)
{
	static const char *const heads[] = { "CERTIFICATE", "NAMES", "KEY", ">BITS", "UNTIL", ">DAYS", "OCSP", "RULES", "NOTE", NULL };
	char names[120], rules[80], notes[200], staple[48];
	json_t *result, *c;
	struct table *t;
	enum postern_exit r = command_ask_plain(inv, "cert.list", &result);
	size_t i;

	if (r != POSTERN_OK || result == NULL)
		return r;
	t = table_new(heads);
	json_array_foreach(result, i, c) {
		table_cell(t, "%s", text_of(c, "name"));
		table_cell(t, "%s", texts_of(c, "names", names, sizeof(names)));
		table_cell(t, "%s", text_of(c, "key"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(c, "strength"));
		table_cell(t, "%.10s", text_of(c, "not_after"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(c, "days_left"));
		table_cell(t, "%s", staple_text(json_object_get(c, "ocsp"), staple, sizeof(staple)));
		table_cell(t, "%s", texts_of(c, "rules", rules, sizeof(rules)));
		table_cell(t, "%s", texts_of(c, "warnings", notes, sizeof(notes)));
	}
	table_print(t, stdout);
	json_decref(result);
	return POSTERN_OK;
}

/* The daemon reads the files itself, from another folder: it wants whole paths. */
static enum postern_exit make_absolute(const struct invocation *inv, json_t *args, const char *key)
{
	const char *path = json_string_value(json_object_get(args, key));
	char *whole;

	if (path == NULL)
		return POSTERN_OK;
	whole = realpath(path, NULL);
	if (whole == NULL)
		return command_usage(inv, "%s: there is no file %s", key, path);
	json_object_set_new(args, key, json_string(whole));
	free(whole);
	return POSTERN_OK;
}

static enum postern_exit load_cert(const struct invocation *inv)
{
	struct invocation own = *inv;
	json_t *args, *result;
	enum postern_exit r;
	bool force = command_flag(&own, "--force");

	inv = &own;
	if (inv->argc < 1)
		return command_usage(inv, "the certificate's name is needed");
	args = json_pack("{s:s, s:b}", "name", inv->argv[0], "force", (int)force);
	if (args == NULL)
		return command_usage(inv, "the name isn't UTF-8 text");
	r = command_pairs(inv, 1, NULL, args);
	if (r == POSTERN_OK)
		r = make_absolute(inv, args, "chain");
	if (r == POSTERN_OK)
		r = make_absolute(inv, args, "key");
	if (r != POSTERN_OK) {
		json_decref(args);
		return r;
	}
	r = command_ask(inv, "cert.load", args, &result);
	if (r == POSTERN_OK && result != NULL) {
		char names[400];

		printf("certificate %s: for %s, until %.10s; new handshakes use it\n", text_of(result, "name"),
		       texts_of(result, "names", names, sizeof(names)), text_of(result, "not_after"));
		json_decref(result);
	}
	return r;
}

static enum postern_exit remove_cert(const struct invocation *inv)
{
	json_t *args, *result;
	enum postern_exit r;

	if (inv->argc != 1)
		return command_usage(inv, "one certificate's name is needed");
	args = json_pack("{s:s}", "name", inv->argv[0]);
	if (args == NULL)
		return command_usage(inv, "the name isn't UTF-8 text");
	r = command_ask(inv, "cert.remove", args, &result);
	if (r == POSTERN_OK && result != NULL) {
		printf("certificate %s: removed; its files stay\n", inv->argv[0]);
		json_decref(result);
	}
	return r;
}

const struct command commands_certs[] = {
	{ "certs", "", "The same as cert list", NULL, list_certs },
	{ "cert list", "", "List the certificates that posternd has loaded", NULL, list_certs },
	{ "cert load", "NAME [chain=FILE] [key=FILE] [--force]", "Have posternd read a certificate again, for new handshakes",
	  "Without files: those of the store or of the configuration. With files: until the next\n"
	  "reload or restart only.\n"
	  "  --force  also one that has expired or isn't valid yet\n", load_cert },
	{ "cert remove", "NAME", "Have posternd forget a certificate that no rule uses", NULL, remove_cert },
	{ "cert staple", "NAME", "Have posternd read the certificate's OCSP response again, and ask its CA for one if it does that",
	  NULL, staple_cert },
	{ NULL, NULL, NULL, NULL, NULL }
};
