/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The internal server behind the gateway: plaintext, greets first like a mail server,
 * then serves whatever protocol the client's first line asks for. One backend speaks
 * all of them (services), so the same process can stand behind any workload.
 *
 * A service: `claims` says by the first line whether it is its own; then it gets that
 * line and all that follows. The line's bytes are part of what `received` gets only
 * for services that say so (`keeps_line`): a real protocol's first command is data.
 *
 * Threads: one. Ownership: mbufs given are consumed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bench/transport.h"
#include "dataplane/base/pool.h"

#define BACKEND_LINE_BYTES 512u
#define BACKEND_STATE_BYTES 128u	/* of a service, at most */
#define BACKEND_GREETING "* OK postern-bench ready\r\n"

struct backend;
struct served;

struct service {
	const char *name;
	size_t state_bytes;	/* served_user: zeroed; at most BACKEND_STATE_BYTES */
	bool keeps_line;
	bool (*claims)(const char *line);	/* NUL-terminated, without CRLF */
	/* False: the line was wrong; the connection is reset and an error counted. */
	bool (*begin)(struct served *s, const char *line);
	void (*received)(struct served *s, struct rte_mbuf *data);
	void (*writable)(struct served *s);	/* NULL, or: there is news, and perhaps room */
	void (*finished)(struct served *s);	/* NULL: closes. The client's FIN came */
};

extern const struct service *const services[];	/* workload.c; NULL at the end */

struct served {
	struct endpoint endpoint;	/* first */
	struct backend *backend;
	const struct service *service;	/* NULL: the first line isn't complete */
	char *line;			/* what came of it; from the backend's pool, NULL: nothing */
	uint16_t line_bytes;
	bool shut, peer_done, in_news, ended;
	TAILQ_ENTRY(served) link;
	char user[BACKEND_STATE_BYTES] __attribute__((aligned(16)));
};

TAILQ_HEAD(served_list, served);

struct backend {
	struct transport *transport;
	struct pool pool, lines;
	struct served_list open;
	const char *greeting;
	uint32_t greeting_bytes;
	uint64_t accepted, received_bytes, sent_bytes;	/* so far */
	uint64_t up_bytes;		/* of these, payload that the bulk service took and checked */
	void (*error)(void *arg, const char *name);
	void *error_arg;
};

/* @max: connections at one time. @greeting: NULL: the default. 0, or -errno with the reason. */
int backend_init(struct backend *b, struct transport *t, uint32_t max, const char *greeting, struct error *err);
void backend_fini(struct backend *b);

static inline void *served_user(struct served *s)
{
	return s->user;
}

uint32_t served_room(struct served *s);
void served_send(struct served *s, struct rte_mbuf *data);
void served_send_bytes(struct served *s, const void *data, uint32_t bytes);
/* FIN; the connection goes when the client's FIN has come as well. */
void served_close(struct served *s);
/* RST, and counts the error @name: the client did what it mustn't. */
void served_fail(struct served *s, const char *name);
void served_wake(struct served *s);
