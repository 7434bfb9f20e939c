/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An error for a person: what, where, why, and what to do. The configuration,
 * the control socket and the start-up ladder all report with it.
 *
 * Threads: any; the struct is the caller's.
 */
#pragma once

#include <errno.h>
#include <stddef.h>

/* Programs may rely on these codes. */
#define ERROR_INVALID "invalid"		/* a value is wrong */
#define ERROR_UNKNOWN "unknown"		/* a key or verb that doesn't exist */
#define ERROR_NOT_FOUND "not_found"	/* no rule, certificate or connection of that name */
#define ERROR_EXISTS "exists"		/* the name is taken */
#define ERROR_CONFLICT "conflict"	/* right by itself, but not with the rest */
#define ERROR_BUSY "busy"		/* can't be done now */
#define ERROR_IO "io"			/* a file or socket */
#define ERROR_PROTOCOL "protocol"	/* what came isn't a request */
#define ERROR_INTERNAL "internal"	/* memory, or a bug */

struct error {
	char code[16];
	char where[256];	/* "posternd.conf:12: rule imap: listen"; "": everywhere */
	char message[512];
	char hint[384];		/* what to do; "": nothing to say */
};

/* Fills @e (may be NULL) and returns @err, a negative errno, so that it can be returned on. */
int error_set(struct error *e, int err, const char *code, const char *where, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Adds what to do about it; returns @err again. */
int error_hint(struct error *e, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "@prefix: " before where. */
void error_prefix(struct error *e, const char *prefix);
/* "where: message (hint)" in @buf. Returns @buf. */
const char *error_format(const struct error *e, char *buf, size_t buf_bytes);
