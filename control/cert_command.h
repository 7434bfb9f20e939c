/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern cert ca, request, issue and the like: certificates made and looked at in
 * their folder (tls/store.h), without a daemon; cert_verbs.h has the verbs. Exit statuses as of the other
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
