/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proxy.h"

#include <stdio.h>

#include "base/assert.h"

/* PROXY 2.2.6: the client's connection is under TLS; it showed a certificate in this connection; in this session. */
#define CLIENT_SSL 0x01u
#define CLIENT_CERT_CONN 0x02u
#define CLIENT_CERT_SESS 0x04u
#define NAME_MAX_BYTES 255u	/* of what a client may choose */
#define TEXT_MAX_BYTES 64u	/* of our own names for versions and ciphers */

static bool is_v4(const struct proxy_ends *ends)
{
	return addr_is_v4(&ends->client) && addr_is_v4(&ends->target);
}

/* Both must be written in the same family's way. */
static const char *address_text(const struct proxy_ends *ends, const struct addr *a, char *buf, size_t buf_bytes)
{
	char text[ADDR_TEXT_BYTES];

	addr_format(a, text, sizeof(text));
	snprintf(buf, buf_bytes, "%s%s", addr_is_v4(a) && !is_v4(ends) ? "::ffff:" : "", text);
	return buf;
}

static size_t write_v1(uint8_t *to, const struct proxy_ends *ends)
{
	char client[ADDR_TEXT_BYTES + 7], target[ADDR_TEXT_BYTES + 7];
	int n = snprintf((char *)to, PROXY_WRITE_MAX_BYTES, "PROXY %s %s %s %u %u\r\n", is_v4(ends) ? "TCP4" : "TCP6",
			 address_text(ends, &ends->client, client, sizeof(client)),
			 address_text(ends, &ends->target, target, sizeof(target)), ends->client_port, ends->target_port);

	ASSERT(n > 0 && n < (int)PROXY_WRITE_MAX_BYTES);
	return (size_t)n;
}

static uint8_t *put16(uint8_t *at, size_t value)
{
	*at++ = (uint8_t)(value >> 8);
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *put(uint8_t *at, const void *data, size_t bytes)
{
	memcpy(at, data, bytes);
	return at + bytes;
}

static uint8_t *put_text(uint8_t *at, uint8_t type, const char *text, size_t max_bytes)
{
	size_t n = text != NULL ? strlen(text) : 0;

	if (n == 0 || n > max_bytes)
		return at;
	*at++ = type;
	return put(put16(at, n), text, n);
}

/* A vector of vectors. 0 behind the bits: a certificate was shown and verified; who shows a bad one doesn't get here. */
static uint8_t *put_ssl(uint8_t *at, const struct proxy_tls *tls)
{
	uint8_t *length = at + 1, *value = at + 3;

	uint8_t bits = CLIENT_SSL;

	if (tls->certified)
		bits |= tls->resumed ? CLIENT_CERT_SESS : CLIENT_CERT_SESS | CLIENT_CERT_CONN;
	*at = PROXY_TLV_SSL;
	at = put(value, (const uint8_t[]){ bits, 0, 0, 0, !tls->certified }, 5);
	at = put_text(at, PROXY_TLV_SSL_VERSION, tls->version, TEXT_MAX_BYTES);
	at = put_text(at, PROXY_TLV_SSL_CIPHER, tls->cipher, TEXT_MAX_BYTES);
	if (tls->certified)
		at = put_text(at, PROXY_TLV_SSL_CN, tls->client_name, NAME_MAX_BYTES);
	put16(length, (size_t)(at - value));
	return at;
}

static uint8_t *put_ends(uint8_t *at, const struct proxy_ends *ends)
{
	size_t skipped = is_v4(ends) ? 12 : 0;	/* of a mapped address */

	at = put(at, ends->client.b + skipped, 16 - skipped);
	at = put(at, ends->target.b + skipped, 16 - skipped);
	return put16(put16(at, ends->client_port), ends->target_port);
}

static size_t write_v2(uint8_t *to, const struct proxy_ends *ends, const struct proxy_tls *tls)
{
	uint8_t *at = put(to, proxy_v2_signature, sizeof(proxy_v2_signature)), *length, *crc;
	uint32_t sum;

	*at++ = 0x21;				/* version 2, PROXY */
	*at++ = is_v4(ends) ? 0x11 : 0x21;	/* TCP over IPv4 or IPv6 */
	length = at;
	at = put_ends(at + 2, ends);
	at = put_text(at, PROXY_TLV_ALPN, tls->alpn, NAME_MAX_BYTES);
	at = put_text(at, PROXY_TLV_AUTHORITY, tls->name, NAME_MAX_BYTES);
	if (tls->terminated)
		at = put_ssl(at, tls);
	*at++ = PROXY_TLV_CRC32C;
	crc = put16(at, sizeof(sum));
	at = put(crc, (const uint8_t[sizeof(sum)]){ 0 }, sizeof(sum));
	put16(length, (size_t)(at - to) - PROXY_V2_HEADER_BYTES);
	sum = proxy_crc32c(to, (size_t)(at - to), UINT32_MAX) ^ UINT32_MAX;
	put16(put16(crc, sum >> 16), sum & 0xffff);
	return (size_t)(at - to);
}

/* Header, addresses, two texts of a vector each, the three of put_ssl, and the checksum. */
_Static_assert(16 + 36 + 3 * (3 + NAME_MAX_BYTES) + 3 + 5 + 2 * (3 + TEXT_MAX_BYTES) + 3 + 4 <= PROXY_WRITE_MAX_BYTES,
	       "PROXY_WRITE_MAX_BYTES");

size_t proxy_write(uint8_t *to, enum proxy_version version, const struct proxy_ends *ends, const struct proxy_tls *tls)
{
	ASSERT(version != PROXY_OFF);
	return version == PROXY_V1 ? write_v1(to, ends) : write_v2(to, ends, tls);
}
