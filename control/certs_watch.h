/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates over time: files that are replaced, and dates that come near.
 *
 * The files are looked at, not waited for: a renewal may replace a file, a link to it,
 * or the folder that a link leads through, on a file system that tells of none of it;
 * stat() sees them all. A pair of files is read when it has stood still from one look
 * to the next, so that a key that is written after its certificate isn't missed. What
 * can't be used is said once, and the old one serves on.
 *
 * Threads: control.
 */
#pragma once

#include <stdint.h>

#include "control/certs.h"

struct gateway;

/* Now and then: looks at the files when it is time (the configuration's certificates.watch). */
void certs_watch(struct gateway *g, uint64_t now_us);

/* Whole days that are left; negative when it has ended. */
int64_t certificate_days_left(const struct certificate *c, time_t now);
/*
 * Says in the log which certificates end within 30, 7 and 1 days, each once, and which
 * have. A span that is more than half of a certificate's life is left out: one that
 * lives for six days isn't late when it is issued.
 */
void certs_tell_ends(struct certs *certs, time_t now);
