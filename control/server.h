/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket: a Unix stream socket, one JSON object a line each way
 * (request.h answers). Its clients may be wrong or hostile: lines are bounded, so
 * are answers that nobody reads and the number of clients (beyond it the one that
 * was silent the longest gives way), and nothing here waits for a client.
 *
 * Order of calls: server_new; the base's loop; server_free.
 * Threads: control.
 */
#pragma once

#include <stddef.h>

#include "control/error.h"

struct event_base;
struct gateway;
struct server;

#define SERVER_LINE_MAX_BYTES (256u << 10)
#define SERVER_CLIENTS_MAX 64u
#define SERVER_IDLE_S 600	/* between requests */
#define SERVER_STUCK_S 30	/* in the middle of a line, or not reading an answer */

struct server_config {
	const char *path;
	unsigned int mode;	/* of the socket */
	const char *group;	/* "": as it is */
};

/* NULL with @err: another posternd answers there, no right to make it, no such group. A dead one's socket is replaced. */
struct server *server_new(struct event_base *base, struct gateway *g, const struct server_config *config,
			  struct error *err);
void server_free(struct server *s);
unsigned int server_clients(const struct server *s);
