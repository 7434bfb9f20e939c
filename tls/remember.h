/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker's memory of the servers that it was a client of: one session of each, to
 * be resumed at the next connection. A fixed number of places; two servers that meet
 * in one lose a resumption now and then, and nothing else.
 *
 * What was verified once is not verified again in a resumed session (RFC 8446 2.2),
 * so a session is found under the context only that it was made with.
 *
 * Order of calls: tls_recall before the first tls_handshake; tls_remember once data
 * has come from the server (in TLS 1.3 its ticket has come by then).
 * Threads: the calling worker. Ownership: the memory is the worker's, from its heap.
 */
#pragma once

#include "tls/tls.h"

#define TLS_REMEMBERED_MAX 256u

/* @server: which of the context's. */
void tls_recall(struct tls_session *s, unsigned int server);
/* Keeps its session, if it has one to resume; and lets go of what only that needed. */
void tls_remember(struct tls_session *s, unsigned int server);
/* Forgets all; tls_worker_fini does that, too. */
void tls_remember_nothing(void);
