/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list of short texts that a rule owns: its certificates' names, its host names.
 *
 * Threads: any. Ownership: the list owns its texts; all zero is an empty one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct name_list {
	uint32_t n, size;
	char **names;
};

void name_list_fini(struct name_list *list);
/* Copies @name to the end. 0, or -ENOMEM. */
int name_list_add(struct name_list *list, const char *name);
/* 0, or -ENOMEM with @out empty. */
int name_list_copy(struct name_list *out, const struct name_list *from);
bool name_list_equal(const struct name_list *a, const struct name_list *b);
bool name_list_has(const struct name_list *list, const char *name);
