/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ticket keys (tls/tickets.h) as a file, for gateways that are to resume each other's
 * sessions, or their own after a restart. A line is a key: the moment from which it
 * seals, in UTC, and its 256 bits in hexadecimal.
 *
 *	2026-11-25T06:00:00Z 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 *
 * What follows a # is a comment. The order of lines doesn't matter.
 *
 * No message says anything of a line but its number.
 *
 * Threads: control. Ownership: the caller's; it wipes text and keys.
 */
#pragma once

#include "tls/der.h"
#include "tls/tickets.h"

/*
 * The keys of @text, newest first; how many, or -EINVAL with the reason in @err: not
 * in this form, none, too many, two that are the same or begin in the same moment, one
 * that nobody drew by chance (all its bytes the same).
 */
int tls_ticket_file_parse(struct der text, struct tls_ticket_key keys[TLS_TICKETS_KEYS_MAX], char *err,
			  size_t err_bytes);

/*
 * The keys of the file at @path, which must be its owner's (and group's) alone. How
 * many, or -EINVAL with the reason in @err: as above, or one key must have begun at
 * @now, to seal.
 */
int tls_ticket_file_read(const char *path, time_t now, struct tls_ticket_key keys[TLS_TICKETS_KEYS_MAX], char *err,
			 size_t err_bytes);

/*
 * Moves @keys (newest first, *n of them; 0: there were none) on to @now: appends keys
 * that begin @every_s after one another, until the newest begins half a step ahead or
 * more, and drops those whose tickets are all older than @lifetime_s. 0; -E2BIG: it would
 * be more than TLS_TICKETS_KEYS_MAX; -EIO: no random numbers.
 */
int tls_ticket_file_roll(struct tls_ticket_key keys[TLS_TICKETS_KEYS_MAX], unsigned int *n, time_t now,
			 uint32_t every_s, uint32_t lifetime_s);

/* The text of a file, in @out of @out_bytes; its length. */
#define TLS_TICKET_FILE_BYTES (512u + TLS_TICKETS_KEYS_MAX * 90u)
size_t tls_ticket_file_write(const struct tls_ticket_key *keys, unsigned int n, char out[TLS_TICKET_FILE_BYTES]);
