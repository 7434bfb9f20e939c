/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a rule speaks with its internal servers: in the clear, or by TLS, and whom it
 * believes then. There is no TLS without verification: it would cost as much, and
 * protect from nobody who can answer in the server's place.
 *
 * Threads: control. Ownership: a plain struct.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "control/error.h"

#define BACKEND_TEXT_BYTES 256

struct tls_ctx;

struct rule_backend {
	bool tls;
	char ca[BACKEND_TEXT_BYTES];	/* PEM file, by its absolute path */
	char name[BACKEND_TEXT_BYTES];	/* of the servers: sent as SNI, and their certificate must hold it */
	int tls_min;			/* index in rule_backend_versions */
};

extern const char *const rule_backend_versions[];	/* words, for a field; up to NULL */

bool rule_backend_equal(const struct rule_backend *a, const struct rule_backend *b);
/* Is it whole? 0, or -EINVAL with @err. */
int rule_backend_check(const struct rule_backend *b, const char *where, struct error *err);
/* Its keys into @rule. 0, or -ENOMEM. */
int rule_backend_json(const struct rule_backend *b, json_t *rule);
void rule_backend_write(const struct rule_backend *b, FILE *out);

/* The CA's certificates as text; free() it. NULL with @err. */
char *rule_backend_read_ca(const struct rule_backend *b, struct error *err);
/* Would it do? 0, or -EINVAL with @err: for a check of rules before contexts are made. */
int rule_backend_try(const struct rule_backend *b, struct error *err);
/* One worker's context. @alpn may be NULL. NULL with @err. */
struct tls_ctx *rule_backend_context(const struct rule_backend *b, const char *ca_pem, const char *alpn, struct error *err);
