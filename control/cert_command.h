/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern cert ca|request|issue|import|show: certificates made and looked at in
 * their folder (tls/store.h), without a daemon. Exit statuses as of the other
 * verbs: 0 done, 1 refused with the reason on stderr, 2 wrong usage.
 *
 * Threads: one; tls_init is called by it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Is `postern cert WORD` one of these? */
bool cert_command_has(const char *word);
/* Prints more about that one. 0. */
int cert_command_help(const char *word);
/* Prints a line for each of them, as the list of all verbs has it. */
void cert_command_list(FILE *out);
/* argv[0]: the word after "cert". @json: as if --json stood among them. The exit status. */
int cert_command(int argc, char **argv, bool json);

struct cert_options {
	const char *verb, *dir, *name;
	const char *common_name, *organisation, *unit, *city, *state, *country, *email;
	const char *alt_names[64];
	size_t n_alt_names;
	const char *key, *chain, *request;
	unsigned int days;
	bool json, force, reuse_key;
};

/* cert_show.c */
int cert_show(const struct cert_options *o);
/* Says on stderr what went wrong; 1. */
int cert_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
