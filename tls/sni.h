/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For who passes TLS on without taking part in it: the host name that a client asks
 * for, and the one thing that can be said to him without keys, an alert.
 *
 * Order of calls: tls_sni_read on what has come, until it isn't TLS_SNI_PART.
 * Threads: any; pure. Ownership: everything is the caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tls/tls.h"

#define TLS_SNI_BYTES 254u	/* a name with its NUL */
/* A ClientHello and the records around it are no longer; the largest known have some 1,800. */
#define TLS_SNI_STREAM_BYTES TLS_INPUT_MIN_BYTES

enum tls_sni_status {
	TLS_SNI_PART,	/* right so far: more must come */
	TLS_SNI_READ,
	TLS_SNI_BAD,	/* no ClientHello, or a malformed or a too long one */
};

struct tls_sni {
	char name[TLS_SNI_BYTES];	/* in lower case, without a last dot; "": the client names none */
	size_t least_bytes;		/* TLS_SNI_PART: with how few it could be whole */
	enum tls_error error;		/* TLS_SNI_BAD */
	uint8_t alert;			/* that tells the client */
};

/* @stream: the first @bytes that a client sent, TLS_SNI_STREAM_BYTES at the most; it is written over. */
enum tls_sni_status tls_sni_read(uint8_t *stream, size_t bytes, struct tls_sni *out);

#define TLS_ALERT_RECORD_BYTES 7u
#define TLS_ALERT_UNRECOGNIZED_NAME 112u	/* RFC 6066 3 */
/* A fatal alert in the clear, RFC 8446 5.1 and 6. */
void tls_alert_record(uint8_t record[TLS_ALERT_RECORD_BYTES], uint8_t alert);
