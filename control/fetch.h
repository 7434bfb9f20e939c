/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small HTTP client, by libcurl: a POST, and its answer within bounds of time and
 * size. It never waits: what is under way goes on in fetcher_run, as often as that is
 * called, so that a server that hangs delays nothing of ours.
 *
 * http and https only, no redirections, no proxy of the environment's, no cookies, no
 * connection kept.
 *
 * Order of calls: fetcher_new; fetcher_post and fetcher_run at will; fetcher_free.
 * Threads: control (libcurl resolves names in a thread of its own).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/error.h"

#define FETCHES_MAX 8u			/* at one time */
#define FETCH_ANSWER_MAX_BYTES 16384u
#define FETCH_CONNECT_MS 5000L
#define FETCH_MS 15000L			/* all of it */

struct fetcher;

/* NULL with @err. */
struct fetcher *fetcher_new(struct error *err);
/* What is under way is done with at once, as "stopped". NULL: nothing. */
void fetcher_free(struct fetcher *f);
/*
 * Begins. Unless this fails, @done is called once, from fetcher_run or fetcher_free: with the answer (status 200) and @why NULL,
 * or with why there is none. @body, @url and @type are copied. 0; -EBUSY: FETCHES_MAX are under way; -ENOMEM.
 */
int fetcher_post(struct fetcher *f, const char *url, const char *type, const void *body, size_t bytes,
		 void (*done)(void *arg, const uint8_t *answer, size_t answer_bytes, const char *why), void *arg);
/* Goes on with what is under way, without waiting. False: nothing is. */
bool fetcher_run(struct fetcher *f);
