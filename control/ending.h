/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections that end, and their lines in the log. Each leaves a record in its
 * worker's ring, and a ring has room for some thousand: who ends many, ends them
 * here, in shares that the ring holds, with the log written between them.
 *
 * Threads: control.
 */
#pragma once

#include <stdint.h>

#include "control/error.h"

#define ENDING_BURST 64u
#define ENDING_SHARE 1024u	/* a quarter of a worker's log ring */

/* Finished connections to the log, ENDING_BURST at most; returns how many. */
unsigned int ending_log(void);
/* Ends all connections of a rule, whichever version. *n: how many, also when it fails half-way. 0, or -errno with @err. */
int ending_rule(const char *name, uint32_t *n, struct error *err);
/* Ends up to @max of one worker's connections, oldest first; likewise. */
int ending_oldest(uint16_t worker, uint32_t max, uint32_t *n, struct error *err);
