/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /metrics over HTTP, on an address of the host's own network stack (not of the
 * ports), by libmicrohttpd within control's loop: no thread of its own, a few
 * connections at most, and none for long.
 *
 * Order of calls: metrics_server_new, metrics_server_free before loop_free.
 * Threads: control. Ownership: pooled by malloc; the gateway must outlive it.
 */
#pragma once

#include <stdint.h>

#include "dataplane/base/addr.h"

struct error;
struct gateway;
struct loop;
struct metrics_server;

/* NULL with @err: the address can't be listened on. */
struct metrics_server *metrics_server_new(struct loop *l, struct gateway *g, const struct addr *addr, uint16_t port,
					  struct error *err);
/* NULL is fine. */
void metrics_server_free(struct metrics_server *m);
