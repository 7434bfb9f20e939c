/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern's side of the control socket: asks, waits for the answer.
 *
 * Order of calls: client_open, client_ask any number of times, client_close.
 * Threads: one. Ownership: results are the caller's (json_decref).
 */
#pragma once

#include <jansson.h>

#include "control/error.h"

struct client;

/* NULL with @err: no daemon, no permission. */
struct client *client_open(const char *path, struct error *err);
void client_close(struct client *c);
/*
 * One request. Consumes @args (NULL: none). *result is set with 0. -EREMOTEIO: the
 * daemon refused, its reason is in @err; another -errno: the connection is broken.
 */
int client_ask(struct client *c, const char *verb, json_t *args, json_t **result, struct error *err);
