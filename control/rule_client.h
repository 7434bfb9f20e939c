/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a rule wants to know of its clients by TLS: a certificate, from whom, and how
 * far revocation lists are asked.
 *
 * Threads: control. Ownership: a plain struct.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/error.h"
#include "tls/context.h"

#define RULE_PATH_BYTES 512
#define RULE_CLIENT_DEPTH_MAX 8u	/* TLS itself takes chains of nine certificates */

struct rule_client {
	int certificate;	/* TLS_CLIENT_AUTH_... */
	int crl_expired;	/* index in rule_crl_words: 1, a list serves on behind its end */
	uint64_t depth;
	char ca[RULE_PATH_BYTES], crl[RULE_PATH_BYTES];	/* files; "" none */
};

extern const char *const rule_client_words[];	/* none, optional, required */
extern const char *const rule_crl_words[];	/* refuse, accept */

void rule_client_init(struct rule_client *c);
bool rule_client_equal(const struct rule_client *a, const struct rule_client *b);
/* Do its keys go together? 0, or -EINVAL with @err. */
int rule_client_check(const struct rule_client *c, const char *where, struct error *err);
/* @trust: NULL for a rule without. */
void rule_client_settings(const struct rule_client *c, const struct tls_trust *trust, struct tls_client_auth *out);

/* Adds its keys to @rule. 0, or -ENOMEM. */
int rule_client_json(const struct rule_client *c, json_t *rule);
/* The lines of configuration for what isn't the default. */
void rule_client_write(const struct rule_client *c, FILE *out);
