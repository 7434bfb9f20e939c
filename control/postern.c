/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern, the operator's command: finds the verb, and leaves the rest to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cert_command.h"
#include "control/command.h"
#include "control/no_core.h"
#include "control/table.h"

#define SOCKET_DEFAULT "/run/postern/postern.sock"

static const struct command *const tables[] = { commands_rules, commands_certs, commands_tickets, commands_state };

static void print_commands(FILE *out)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct command *c = tables[i]; c->words != NULL; c++) {
			char line[64];

			snprintf(line, sizeof(line), "%s %s", c->words, c->arguments);
			if (table_width(line) <= 30)
				fprintf(out, "  %s%*s  %s\n", line, 30 - (int)table_width(line), "", c->summary);
			else
				fprintf(out, "  %s\n  %-30s  %s\n", line, "", c->summary);
		}
	}
}

static void help(FILE *out)
{
	fputs("Usage: postern [-s SOCKET] [--json] VERB …\n\nCommands a running posternd.\n\n", out);
	print_commands(out);
	cert_command_list(out);
	fputs("\n"
	      "  -s, --socket SOCKET  posternd's control socket (default: $POSTERN_SOCKET, else\n"
	      "                       " SOCKET_DEFAULT ")\n"
	      "  --json               print the answer as JSON, errors too\n"
	      "  --help               this text; after a verb: more about it\n"
	      "  --version            of this command (`postern version`: of the daemon, too)\n"
	      "\n"
	      "Exit status: 0 done, 1 refused with a reason, 2 usage, 3 posternd can't be reached.\n", out);
}

static void help_verb(const struct command *c)
{
	printf("Usage: postern %s%s%s\n\n%s.\n", c->words, c->arguments[0] != '\0' ? " " : "", c->arguments, c->summary);
	if (c->help != NULL)
		printf("\n%s", c->help);
}

/* How many of the arguments are the command's words; 0: it is another. */
static int match(const char *words, int argc, char **argv)
{
	char copy[64], *save = NULL;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save), n++) {
		if (n == argc || strcmp(argv[n], w) != 0)
			return 0;
	}
	return n;
}

/* The command with the most words that fit: "rule" alone isn't one where "rule add" is meant. */
static const struct command *lookup(int argc, char **argv, int *n_words)
{
	const struct command *found = NULL;

	*n_words = 0;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct command *c = tables[i]; c->words != NULL; c++) {
			int n = match(c->words, argc, argv);

			if (n > *n_words) {
				*n_words = n;
				found = c;
			}
		}
	}
	return found;
}

/* The verbs that begin with @word, and how many. */
static unsigned int print_group(const char *word, const char *before, FILE *out)
{
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct command *c = tables[i]; c->words != NULL; c++) {
			if (strncmp(c->words, word, strlen(word)) != 0)
				continue;
			fprintf(out, "%s  %s %s\n", n++ == 0 ? before : "", c->words, c->arguments);
		}
	}
	if (strcmp(word, "cert") == 0)
		cert_command_list(out);
	return n;
}

/* `postern rule --help`, where "rule" alone is no verb. */
static bool help_group(const char *word)
{
	return print_group(word, "Verbs:\n", stdout) > 0;
}

static int unknown_verb(int argc, char **argv)
{
	fprintf(stderr, "postern: there is no verb \"%s%s%s\"\n", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	if (print_group(argv[0], "Perhaps one of:\n", stderr) == 0)
		fputs("`postern --help` lists them.\n", stderr);
	return POSTERN_USAGE;
}

/* The global options, wherever they stand among the arguments. 0, or 1 + the exit status. */
static int take_options(struct invocation *inv, bool *wants_help)
{
	bool first = true;

	for (int i = 0; i < inv->argc;) {
		const char *a = inv->argv[i];
		int taken = 1;

		if (strcmp(a, "--json") == 0) {
			inv->json = true;
		} else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
			*wants_help = true;
		} else if (first && (strcmp(a, "-s") == 0 || strcmp(a, "--socket") == 0)) {
			if (i + 1 == inv->argc) {
				fprintf(stderr, "postern: %s needs a path\n", a);
				return 1 + POSTERN_USAGE;
			}
			inv->socket = inv->argv[i + 1];
			taken = 2;
		} else if (first && strncmp(a, "--socket=", 9) == 0) {
			inv->socket = a + 9;
		} else if (first && strcmp(a, "--version") == 0) {
			puts("postern " POSTERN_VERSION);
			return 1 + POSTERN_OK;
		} else if (first && a[0] == '-') {
			fprintf(stderr, "postern: unknown option %s; `postern --help` lists them\n", a);
			return 1 + POSTERN_USAGE;
		} else {
			first = false;
			i++;
			continue;
		}
		inv->argc -= taken;
		memmove(&inv->argv[i], &inv->argv[i + taken], (size_t)(inv->argc - i) * sizeof(char *));
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *socket = getenv("POSTERN_SOCKET");
	struct invocation inv = { .socket = socket != NULL && socket[0] != '\0' ? socket : SOCKET_DEFAULT,
				  .argc = argc - 1, .argv = argv + 1 };
	bool wants_help = false;
	int n, r;

	(void)no_core_dumps();	/* `postern cert` makes private keys, and asks for passphrases */
	r = take_options(&inv, &wants_help);
	if (r != 0)
		return r - 1;
	if (inv.argc == 0) {
		help(wants_help ? stdout : stderr);
		return wants_help ? POSTERN_OK : POSTERN_USAGE;
	}
	/* Certificates are made without the daemon. */
	if (inv.argc > 1 && strcmp(inv.argv[0], "cert") == 0 && cert_command_has(inv.argv[1]))
		return wants_help ? cert_command_help(inv.argv[1]) : cert_command(inv.argc - 1, inv.argv + 1, inv.json);
	inv.command = lookup(inv.argc, inv.argv, &n);
	if (inv.command == NULL && wants_help && help_group(inv.argv[0]))
		return POSTERN_OK;
	if (inv.command == NULL)
		return unknown_verb(inv.argc, inv.argv);
	inv.argc -= n;
	inv.argv += n;
	if (wants_help) {
		help_verb(inv.command);
		return POSTERN_OK;
	}
	return (int)inv.command->run(&inv);
}
