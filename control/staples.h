/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The OCSP responses that are shown with certificates (tls/staple.h): where they lie,
 * and how long they still serve.
 *
 * A certificate's lies in a file of DER: the configuration's `ocsp` of its section, or
 * NAME.ocsp in the certificates' folder. Who fetches it puts it there: another program,
 * or posternd itself (staples_fetch.h). It is looked for as replaced certificates are,
 * and what can't be used is said, once, and the old one serves on until its end.
 *
 * Order of calls: staples_begin for certificates that are new, before they serve;
 * staples_tick.
 * Threads: control. Waits for a grace period when a response replaces another.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include "control/certs.h"
#include "tls/der.h"

struct gateway;

/* Reads the files of the certificates that it hasn't seen yet. What there is to say about them goes to the log. */
void staples_begin(struct certs *certs, const struct config *config);
/* Reads the file again, or all of them: somebody wishes it. */
void staples_read(struct certificate *c, const struct config *config);
void staples_reread(struct certs *certs, const struct config *config);
/* Once a second: files that were replaced, responses that end by the clock's @now. */
void staples_tick(struct gateway *g, uint64_t now_us, time_t now);

/*
 * Brings @response into use for @c, if it can be, and is no older than what is there. @from: where it comes
 * from, for the log. 0; -EALREADY: nothing new; or -EINVAL with the reason in c->staple.why.
 */
int staples_take(struct certificate *c, struct der response, const char *from);
/* Where @c's lies: PATH_MAX. */
void staples_path(const struct config *config, const struct certificate *c, char *path);
/* Whom to ask for it: a URL, or "". */
const char *staples_responder(const struct config *config, const struct certificate *c);
/* "good", "revoked", "none"; *until receives its end, or 0. */
const char *staples_state(const struct certificate *c, time_t *until);
