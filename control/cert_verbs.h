/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the verbs of `postern cert` share: their options, keys of the store, the CA
 * with its index, and what is asked of a person.
 *
 * Threads: one. Ownership: options borrow from argv, or from a struct cert_answers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tls/ca_index.h"
#include "tls/constraints.h"

#define CERT_WHY_BYTES 1024
#define CERT_SECRET_BYTES 256

struct cert_options {
	const char *verb, *dir, *name;
	const char *common_name, *organisation, *unit, *city, *state, *country, *email;
	const char *alt_names[TLS_ALT_NAMES_MAX];
	size_t n_alt_names;
	const char *permitted[TLS_PERMITTED_MAX];
	size_t n_permitted;
	const char *key, *chain, *request, *passphrase_file;
	unsigned int days, usage;	/* 0: not given */
	enum tls_reason reason;
	bool json, force, reuse_key, passphrase, all, der, fingerprint;
};

/* The verbs; each gives the exit status. */
int cert_ca(const struct cert_options *o);		/* cert_ca.c */
int cert_issue(const struct cert_options *o);
int cert_renew(const struct cert_options *o);
int cert_request(const struct cert_options *o);		/* cert_request.c */
int cert_import(const struct cert_options *o);
int cert_revoke(const struct cert_options *o);		/* cert_revoke.c */
int cert_crl(const struct cert_options *o);
int cert_issued(const struct cert_options *o);
int cert_root(const struct cert_options *o);		/* cert_root.c */
int cert_show(const struct cert_options *o);		/* cert_show.c */

/* Says on stderr what went wrong; 1. */
int cert_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "2026-11-25T04:30:00Z" */
void cert_date(time_t at, char buf[32]);

/* cert_request.c */
struct tls_subject cert_subject(const struct cert_options *o);
/* A new key of that kind. NULL with the reason in @why. */
struct tls_key *cert_new_key(const char *kind, char *why);
/* One of the store, not encrypted. NULL with the reason. */
struct tls_key *cert_stored_key(const char *dir, const char *name, enum tls_store_kind kind, char *why);
/* @chain NULL: the key alone, as @kind; else both, in the place of what is there. 0, or a negative number with the reason. */
int cert_write_key(const char *dir, const char *name, enum tls_store_kind kind, const struct tls_key *key,
		   const char *chain, char *why);

/*
 * cert_secret.c: a passphrase, of --passphrase-file or typed on the terminal without
 * being seen; @anew: for something new, typed twice, not too short. The owner wipes it.
 */
struct cert_secret {
	char text[CERT_SECRET_BYTES];
	size_t bytes;
};
int cert_secret_get(const struct cert_options *o, const char *what, bool anew, struct cert_secret *out, char *why);
void cert_secret_wipe(struct cert_secret *s);

/* cert_ca.c: the folder's CA at hand, with the lock that its changes need. */
struct cert_authority {
	char *pem;
	size_t pem_bytes;
	struct tls_key *key;		/* NULL: opened without */
	struct tls_ca_index index;
	int lock;
};
/* The passphrase is asked for before the lock is taken. 0, or -1 with the reason. cert_authority_close in either case. */
int cert_authority_open(const struct cert_options *o, bool with_key, struct cert_authority *a, char *why);
void cert_authority_close(struct cert_authority *a);

/*
 * cert_ask.c: the questions of `ca` and `request`, where a person sits at a terminal
 * and the flags don't say enough. False: there is nobody to ask.
 */
struct cert_answers {
	char text[12][512];
};
bool cert_ask_possible(const struct cert_options *o);
/* Fills in what is missing. 0, or -1: no answer came, or it was no. */
int cert_ask(struct cert_options *o, bool ca, struct cert_answers *answers);
