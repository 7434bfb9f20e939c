/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator's rules as a whole: definitions in the order in which they were
 * made. A change works on a copy and replaces the set when all else succeeded.
 *
 * Threads: control. Ownership: a set owns its definitions.
 */
#pragma once

#include "control/rule_def.h"

#define RULES_MAX 4096u

struct ruleset {
	uint32_t n, size;
	struct rule_def *defs;
};

void ruleset_fini(struct ruleset *set);
/* 0, or -ENOMEM with @out empty. */
int ruleset_copy(struct ruleset *out, const struct ruleset *set);
/* Borrowed until the set changes; NULL: no such rule. */
struct rule_def *ruleset_lookup(const struct ruleset *set, const char *name);
/* Consumes *@def (which is then as after rule_def_init). 0, or -errno with @err. */
int ruleset_add(struct ruleset *set, struct rule_def *def, const char *where, struct error *err);
void ruleset_remove(struct ruleset *set, struct rule_def *def);

/* Reads the members of every "rule" section of @root into @set. 0, or -errno with @err. */
int ruleset_read(struct ruleset *set, const struct conf *root, const char *file, struct error *err);
/*
 * Two rules on one address and port, or two of passthrough there for one name? 0, or
 * -EINVAL with @err. Disabled rules count: they may be enabled.
 */
int ruleset_check(const struct ruleset *set, struct error *err);
/* As configuration text, with a heading. NULL: no memory; free() it. */
char *ruleset_text(const struct ruleset *set, const char *heading);
