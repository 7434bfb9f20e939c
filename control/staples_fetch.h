/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OCSP responses fetched from the responders that certificates name (RFC 6960 A.1),
 * where the configuration says `ocsp = fetch`: when there is none, and when half of one's
 * time is over. What comes is checked, kept in the certificate's file, so that a restart
 * has it, and shown. After a failure it is tried again, first in a minute and then more
 * and more seldom.
 *
 * Order of calls: staples_fetch_run as often as it says; staples_fetch_end.
 * Threads: control, which never waits for a responder.
 */
#pragma once

#include <stdint.h>

#include "control/certs.h"

struct gateway;

/* Begins what is due and goes on with what is under way. In how many milliseconds to call it again. */
unsigned int staples_fetch_run(struct gateway *g, uint64_t now_us);
/* One that isn't due. */
void staples_fetch_now(struct gateway *g, struct certificate *c);
void staples_fetch_end(struct gateway *g);
