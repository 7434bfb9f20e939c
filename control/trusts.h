/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bundles of CAs, each with its revocation lists, that rules check their clients'
 * certificates by: read once, checked whole (tls/trust.h), shared by the rules that
 * name the same files, and kept by the rules of older snapshots until they are gone.
 *
 * Threads: control. Ownership: counted; trust_hold / trust_release.
 */
#pragma once

#include "control/error.h"
#include "control/ruleset.h"
#include "control/text.h"
#include "tls/trust.h"

struct trust {
	char ca_path[RULE_PATH_BYTES], crl_path[RULE_PATH_BYTES];	/* crl_path: "" none */
	struct tls_trust *tls;
	struct files_watch files;	/* CAs and lists */
	bool told;			/* that it has ended */
	uint32_t held;
};

struct trusts {
	uint32_t n;
	struct trust **list;
};

/* From files. NULL with @err, which names the file and why. The caller holds it. */
struct trust *trust_load(const char *ca_path, const char *crl_path, struct error *err);
/* Of its files as they are now. */
void trust_stamp(const struct trust *t, struct files_stamp *out);
bool trust_same(const struct trust *a, const struct trust *b);
/* Is there a CA, and are all the lists (@ended_crl: whatever they are) in their dates? Else what is wrong, in @why, and false. */
bool trust_is_current(const struct trust *t, time_t now, bool ended_crl, char *why, size_t why_bytes);
struct trust *trust_hold(struct trust *t);
void trust_release(struct trust *t);	/* NULL: nothing */

void trusts_fini(struct trusts *trusts);
/* The same ones, each held once more. 0, or -ENOMEM with @out empty. */
int trusts_copy(struct trusts *out, const struct trusts *trusts);
/* The one of a rule. Borrowed; NULL: it asks for no certificate, or it isn't loaded. */
struct trust *trusts_of_rule(const struct trusts *trusts, const struct rule_def *def);
/* In the place of the one of its files, if any. Consumes the caller's hold. 0, or -ENOMEM (then still the caller's). */
int trusts_put(struct trusts *trusts, struct trust *t);
/* Loads what @rules name and @trusts lacks, and lets go of what none of them names. 0, or -errno with @err. */
int trusts_load_missing(struct trusts *trusts, const struct ruleset *rules, struct error *err);
/* Those whose files say the same as before become the same as in @before. */
void trusts_reuse(struct trusts *trusts, const struct trusts *before);
/* May those that aren't in @before be brought into use today? 0, or -EINVAL with @err. */
int trusts_check_new(const struct trusts *trusts, const struct trusts *before, const struct ruleset *rules,
		     struct error *err);
/* How many aren't in @before. */
uint32_t trusts_fresh(const struct trusts *trusts, const struct trusts *before);
/* Into the log, once each: those that have ended. */
void trusts_tell_ends(struct trusts *trusts, time_t now);
