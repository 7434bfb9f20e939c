/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ClientHello's server name (RFC 6066 3), read before the library gets to
 * the message: a handshake that fails over the version or the cipher is worth a
 * line in the log with the name that was asked for, too.
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
