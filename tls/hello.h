/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a ClientHello tells before the library gets to it: the server name (RFC 6066
 * 3), for a handshake that fails over the version or the cipher is worth a line in
 * the log with the name that was asked for, too; and how much work it asks for, so
 * that the cheap ones can go first when many wait.
 *
 * Threads: any; pure. Ownership: the name borrows from the record.
 */
#pragma once

#include "tls/der.h"

/*
 * The host name in the first @record (its header included), or an empty slice: no
 * ClientHello, one that goes on in another record, no name, or a malformed one.
 */
struct der tls_hello_server_name(struct der record);

enum tls_hello_kind {
	TLS_HELLO_PART,		/* more must come before anything can be done */
	TLS_HELLO_OTHER,	/* not TLS: refusing it costs nothing */
	TLS_HELLO_RESUMES,	/* offers a ticket; whether that is good is not looked at */
	TLS_HELLO_FULL,
};

/* @stream: the first bytes that a client sent, as far as they have come. */
enum tls_hello_kind tls_hello_look(struct der stream);
