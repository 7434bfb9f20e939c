/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client's memory of a session, for its next connection to the same server: the
 * ticket that the server gave and the keys that go with it (RFC 8446 2.2).
 *
 * Order of calls: tls_resume_save on a session that has read the ticket (TLS 1.3
 * sends it after the handshake); tls_resume_use on a new one, before its first
 * tls_handshake; tls_resume_free.
 * Threads: the worker of both sessions. Ownership: the caller's; from its heap.
 */
#pragma once

#include "tls/tls.h"

struct tls_resume;

/* NULL: no ticket came, or memory is out. */
struct tls_resume *tls_resume_save(struct tls_session *s);
/* False: it is for another kind of context. Whether the server accepts it is seen in tls_info. */
bool tls_resume_use(struct tls_session *s, const struct tls_resume *r);
void tls_resume_free(struct tls_resume *r);
