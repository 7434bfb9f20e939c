/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PROXY protocol's header, read and written: what a proxy tells its server of a
 * client, before the client's first byte. Versions 1 (a line of text) and 2 (binary,
 * with what TLS agreed) of the specification, HAProxy's doc/proxy-protocol.txt; its
 * sections are cited as "PROXY 2.1".
 *
 * Threads: any; pure. Ownership: everything is the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum proxy_version { PROXY_OFF, PROXY_V1, PROXY_V2 };

/* The client's connection, as it was before any proxy. */
struct proxy_ends {
	struct addr client, target;
	uint16_t client_port, target_port;
};

/* A longer header is refused: a real one is smaller than the least segment (PROXY 2). */
#define PROXY_READ_MAX_BYTES 2048u

enum proxy_read {
	PROXY_READ_PART,	/* right so far: more must come */
	PROXY_READ_BAD,		/* no PROXY header, or a malformed, a damaged or a too long one */
	PROXY_READ_LOCAL,	/* right, but it tells of no TCP client: the connection's own ends count */
	PROXY_READ_ENDS,
};

/*
 * @data: the first bytes of a connection, as far as they have come (no more than
 * PROXY_READ_MAX_BYTES are looked at). With the last two answers *header_bytes is
 * where the client's own bytes begin; with PROXY_READ_ENDS *ends is filled in.
 */
enum proxy_read proxy_read(const uint8_t *data, size_t bytes, struct proxy_ends *ends, size_t *header_bytes);

/* What was agreed with the client; NULL or "": not known, or nothing. */
struct proxy_tls {
	bool terminated;	/* by us; else only the name is known */
	const char *name;	/* SNI */
	const char *alpn, *version, *cipher;
	bool certified;		/* the client has shown a certificate, and it was good */
	bool resumed;		/* in an earlier session, which this one resumes */
	const char *client_name;	/* its common name */
};

/* The longest that can come of a name of 255 bytes, an ALPN name of 255, a common name of 255, and the rest. */
#define PROXY_WRITE_MAX_BYTES 1024u

/* Into @to, which has room for PROXY_WRITE_MAX_BYTES; returns how many bytes. @version: not PROXY_OFF. */
size_t proxy_write(uint8_t *to, enum proxy_version version, const struct proxy_ends *ends, const struct proxy_tls *tls);

/* For both ways: the signature of version 2, and CRC32c (RFC 9260 appendix A). */
#define PROXY_V2_HEADER_BYTES 16u
extern const uint8_t proxy_v2_signature[12];
uint32_t proxy_crc32c(const uint8_t *data, size_t bytes, uint32_t crc);

enum {
	PROXY_TLV_ALPN = 0x01,
	PROXY_TLV_AUTHORITY = 0x02,
	PROXY_TLV_CRC32C = 0x03,
	PROXY_TLV_SSL = 0x20,
	PROXY_TLV_SSL_VERSION = 0x21,
	PROXY_TLV_SSL_CN = 0x22,
	PROXY_TLV_SSL_CIPHER = 0x23,
};
