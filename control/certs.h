/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The certificates that rules name. Each is loaded once, checked whole (tls/cert.h)
 * and shared by the rules that use it; a replaced one lives on in the rules of
 * older snapshots until they are gone.
 *
 * A name is looked for among the configuration's "certificate NAME { … }", then in
 * the store's folder (tls/store.h), where `postern cert` puts them.
 *
 * Threads: control. Ownership: counted; certificate_hold / certificate_release.
 */
#pragma once

#include "control/config.h"
#include "control/error.h"
#include "control/text.h"
#include "control/trusts.h"
#include "tls/cert.h"

struct tls_ctx;

struct certificate {
	char name[CERTIFICATE_NAME_BYTES];
	char chain_path[PATH_MAX], key_path[PATH_MAX];
	struct tls_cert *tls;
	uint64_t loaded_us;	/* since 1970 */
	struct files_watch files;	/* chain and key */
	uint8_t told;			/* certs_tell_ends: how near an end was told of */
	struct {
		char path[PATH_MAX];	/* "": not looked for yet */
		struct files_watch files;
		char why[256];		/* what is wrong with the last one that came; "": nothing */
		bool told_end, told_lack;
		bool fetching;
		uint32_t failures;	/* of fetching, since it last worked */
		uint64_t fetch_us;	/* monotonic: not before then */
	} staple;			/* control/staples.h */
	uint32_t held;
};

struct certs {
	uint32_t n, size;
	struct certificate **list;
	struct trusts trusts;	/* whom clients' certificates are believed from */
};

/* From files; an encrypted key by @config's passphrases. NULL with @err, which names the file and why. The caller holds it. */
struct certificate *certificate_load(const struct config *config, const char *name, const char *chain_path,
				     const char *key_path, struct error *err);
/* The same chain (a key that fits it is the same key). */
bool certificate_same(const struct certificate *a, const struct certificate *b);
/* May it be brought into use today? 0, or -EINVAL with @err. (At a start an expired one is better than none.) */
int certificate_check_dates(const struct certificate *c, struct error *err);
struct certificate *certificate_hold(struct certificate *c);
void certificate_release(struct certificate *c);	/* NULL: nothing */

/*
 * The certificates of a rule, in its order, each held: free() the list after
 * certificate_list_release. NULL with @err: one isn't in @certs, memory.
 */
struct certificate **certs_of_rule(const struct certs *certs, const struct rule_def *def, struct error *err);
void certificate_list_release(struct certificate **list, uint32_t n);	/* and frees it; NULL: nothing */
/*
 * One worker's context for a rule; @trust: its clients', which must outlive it, or NULL. NULL with @err: a key too weak for the rule, a name
 * of the rule that none of them holds, suites that don't go with it, memory.
 */
struct tls_ctx *certificate_context(struct certificate *const *list, const struct trust *trust,
				    const struct rule_def *def, struct error *err);

void certs_fini(struct certs *certs);
/* The same certificates, each held once more. 0, or -ENOMEM with @out empty. */
int certs_copy(struct certs *out, const struct certs *certs);
/* Borrowed; NULL: not loaded. */
struct certificate *certs_lookup(const struct certs *certs, const char *name);
/* Puts @c in the place of the one of its name, if any. Consumes the caller's hold. 0, or -ENOMEM (then still the caller's). */
int certs_put(struct certs *certs, struct certificate *c);
/* Takes the one of this name out, if there. */
void certs_remove(struct certs *certs, const char *name);

/* The files that the name stands for by the configuration. 0, or -ENOENT with @err. */
int certs_find_files(const struct config *config, const char *name, char *chain_path, char *key_path,
		     struct error *err);
/* Loads what @rules name and @certs lacks. 0, or -errno with @err. */
int certs_load_missing(struct certs *certs, const struct config *config, const struct ruleset *rules,
		       struct error *err);
/*
 * All of @rules' certificates read afresh; one whose files say the same as before is
 * the same struct as in @before (may be NULL). 0, or -errno with @err and @out empty.
 */
int certs_reload(struct certs *out, const struct certs *before, const struct config *config,
		 const struct ruleset *rules, struct error *err);
