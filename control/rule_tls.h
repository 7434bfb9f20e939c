/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a rule speaks TLS: a named level, and the keys that say otherwise. The levels go
 * by the server-side guidelines that are widely used (Mozilla's; RFC 9325), as far as
 * anything of theirs is built in: no version before TLS 1.2, no CBC suite, no key
 * exchange without forward secrecy is, so they have nothing to leave out at the lower
 * end but what the old-clients level is for, RSA keys of 2048 bits.
 *
 * Threads: control. Ownership: a plain struct.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "control/conf.h"
#include "control/fields.h"
#include "tls/context.h"

enum rule_tls_version { RULE_TLS_12, RULE_TLS_13, RULE_TLS_BY_POLICY };
enum rule_sni { RULE_SNI_ANY, RULE_SNI_STRICT };

struct rule_tls {
	int policy;		/* index in the levels */
	int min, max;		/* enum rule_tls_version */
	uint64_t strength_bits;	/* 0: by policy */
	uint16_t suites[TLS_SUITES_MAX], groups[TLS_GROUPS_MAX];	/* up to a 0; none: by policy */
	int sni;		/* enum rule_sni */
};

extern const char *const rule_tls_policies[];	/* words, for a field; up to NULL */
extern const char *const rule_tls_versions[];
extern const char *const rule_sni_words[];

void rule_tls_init(struct rule_tls *tls);
bool rule_tls_equal(const struct rule_tls *a, const struct rule_tls *b);

/* Readers of a value into a struct rule_tls; "policy" gives it back to the level. 0, or -EINVAL with @err. */
int rule_tls_read_strength(const struct conf *value, const struct place *place, struct rule_tls *tls, struct error *err);
int rule_tls_read_ciphers(const struct conf *value, const struct place *place, struct rule_tls *tls, struct error *err);
int rule_tls_read_groups(const struct conf *value, const struct place *place, struct rule_tls *tls, struct error *err);

/* What is to be: versions, strength, suites, groups, names. The rest of @out is left alone. */
void rule_tls_settings(const struct rule_tls *tls, struct tls_settings *out);

/* Adds its keys to @rule, with what is to be. 0, or -ENOMEM. */
int rule_tls_json(const struct rule_tls *tls, json_t *rule);
/* The lines of configuration for what isn't the default. */
void rule_tls_write(const struct rule_tls *tls, FILE *out);
