/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One representation of an address for both IP versions: 16 bytes in network
 * order, an IPv4 address as its IPv4-mapped form ::ffff:a.b.c.d (RFC 4291
 * 2.5.5.2). Tables, tuples, rules and routes hold nothing else, so each exists
 * once. On the wire a mapped address is IPv4; a packet whose IPv6 header carries
 * one is dropped (ip.c), so the two can't be confused.
 *
 * Threads: any; pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"

struct addr {
	uint8_t b[16];
};

/* An address and its prefix; `len` counts in 128 bits (IPv4 /24 is 120). */
struct prefix {
	struct addr addr;
	uint8_t len;
};

/* The two ends of a connection, seen from postern. Ports in host order. */
struct tuple {
	struct addr laddr, faddr;
	uint16_t lport, fport;
};

#define ADDR_TEXT_BYTES 46	/* INET6_ADDRSTRLEN */
#define ENDPOINT_TEXT_BYTES 56	/* "[v6]:65535" */

static inline bool addr_is_v4(const struct addr *a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

static inline bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* @be: an IPv4 address in network order, as it stands in a header. */
static inline struct addr addr_from_v4(uint32_t be)
{
	struct addr a = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff } };

	memcpy(a.b + 12, &be, sizeof(be));
	return a;
}

/* Network order again. The address must be IPv4 (asserted). */
static inline uint32_t addr_to_v4(const struct addr *a)
{
	uint32_t be;

	ASSERT(addr_is_v4(a));
	memcpy(&be, a->b + 12, sizeof(be));
	return be;
}

/* The prefix that holds @a? */
bool prefix_contains(const struct prefix *p, const struct addr *a);

/* "192.0.2.1" or "2001:db8::1". 0, or -EINVAL. */
int addr_parse(const char *text, struct addr *out);
/*
 * "192.0.2.0/24", "2001:db8::/32", "192.0.2.1" (a host); "any", "default" = ::/0,
 * which holds both versions (0.0.0.0/0 holds IPv4 only). Bits after the prefix are
 * kept, since a port's own address is written this way too. 0, or -EINVAL.
 */
int prefix_parse(const char *text, struct prefix *out);
/* "192.0.2.1:993", "[2001:db8::1]:993", or an address alone (port stays as it is). 0, or -EINVAL. */
int endpoint_parse(const char *text, struct addr *addr, uint16_t *port);

/* The text of an address in @buf (at least ADDR_TEXT_BYTES); returns @buf. */
const char *addr_format(const struct addr *a, char *buf, size_t buf_bytes);
const char *endpoint_format(const struct addr *a, uint16_t port, char *buf, size_t buf_bytes);
