/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define V1_MAX_BYTES 107u	/* PROXY 2.1, CRLF included */
#define TLV_HEADER_BYTES 3u
#define CRC_BYTES 4u

const uint8_t proxy_v2_signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

uint32_t proxy_crc32c(const uint8_t *data, size_t bytes, uint32_t crc)
{
	/* Once a connection and a few hundred bytes: no table. */
	for (; bytes > 0; bytes--) {
		crc ^= *data++;
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return crc;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The next word of a line, of up to 39 bytes, as a string of its own. False: none, or too long. */
static bool word(const uint8_t **at, const uint8_t *end, char *out, size_t out_bytes)
{
	size_t n = 0;

	while (*at + n < end && (*at)[n] != ' ') {
		if (n + 1 >= out_bytes || (*at)[n] == '\0')
			return false;
		out[n] = (char)(*at)[n];
		n++;
	}
	out[n] = '\0';
	*at += n;
	return n > 0;
}

/* One space, not two. */
static bool space(const uint8_t **at, const uint8_t *end)
{
	if (*at == end || **at != ' ')
		return false;
	(*at)++;
	return true;
}

static bool address(const char *text, bool v6, struct addr *out)
{
	struct in_addr v4;

	if (v6)
		return inet_pton(AF_INET6, text, out->b) == 1;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return false;
	*out = addr_from_v4(v4.s_addr);
	return true;
}

/* Decimal without leading zeros. */
static bool port(const char *text, uint16_t *out)
{
	uint32_t n = 0;

	if (text[0] == '0' && text[1] != '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (uint32_t)(*text - '0');
		if (n > 65535)
			return false;
	}
	*out = (uint16_t)n;
	return true;
}

/* What stands between "PROXY " and CRLF. */
static enum proxy_read read_line(const uint8_t *at, const uint8_t *end, struct proxy_ends *ends)
{
	char text[4][ADDR_TEXT_BYTES], kind[8];
	bool v6;

	if (!word(&at, end, kind, sizeof(kind)))
		return PROXY_READ_BAD;
	if (strcmp(kind, "UNKNOWN") == 0)
		return PROXY_READ_LOCAL;	/* whatever else the line says */
	v6 = strcmp(kind, "TCP6") == 0;
	if (!v6 && strcmp(kind, "TCP4") != 0)
		return PROXY_READ_BAD;
	for (unsigned int i = 0; i < 4; i++) {
		if (!space(&at, end) || !word(&at, end, text[i], sizeof(text[i])))
			return PROXY_READ_BAD;
	}
	if (at != end || !address(text[0], v6, &ends->client) || !address(text[1], v6, &ends->target) ||
	    !port(text[2], &ends->client_port) || !port(text[3], &ends->target_port))
		return PROXY_READ_BAD;
	return PROXY_READ_ENDS;
}

static enum proxy_read read_v1(const uint8_t *data, size_t bytes, struct proxy_ends *ends, size_t *header_bytes)
{
	static const char begin[] = "PROXY ";
	const size_t n = bytes < V1_MAX_BYTES ? bytes : V1_MAX_BYTES, begins = sizeof(begin) - 1;
	const uint8_t *cr;

	if (memcmp(data, begin, n < begins ? n : begins) != 0)
		return PROXY_READ_BAD;
	cr = memchr(data, '\r', n);
	if (memchr(data, '\n', cr != NULL ? (size_t)(cr - data) : n) != NULL)
		return PROXY_READ_BAD;
	if (cr == NULL || (size_t)(cr - data) + 1 == n)
		return n < V1_MAX_BYTES ? PROXY_READ_PART : PROXY_READ_BAD;
	if (cr[1] != '\n')
		return PROXY_READ_BAD;
	*header_bytes = (size_t)(cr - data) + 2;
	return read_line(data + begins, cr, ends);
}

/* The vectors behind the addresses: their form, and the checksum when there is one (PROXY 2.2.3). */
static bool read_tlvs(const uint8_t *header, size_t from, size_t bytes)
{
	static const uint8_t zero[CRC_BYTES];
	size_t at = from;

	while (at < bytes) {
		size_t n, value = at + TLV_HEADER_BYTES;

		if (bytes - at < TLV_HEADER_BYTES)
			return false;
		n = be16(header + at + 1);
		if (n > bytes - value)
			return false;
		if (header[at] == PROXY_TLV_CRC32C) {
			uint32_t crc, told;

			if (n != CRC_BYTES)
				return false;
			told = (uint32_t)be16(header + value) << 16 | be16(header + value + 2);
			crc = proxy_crc32c(header, value, UINT32_MAX);
			crc = proxy_crc32c(zero, sizeof(zero), crc);
			crc = proxy_crc32c(header + value + n, bytes - value - n, crc);
			if ((crc ^ UINT32_MAX) != told)
				return false;
		}
		at = value + n;
	}
	return true;
}

static void read_ends(const uint8_t *p, bool v6, struct proxy_ends *ends)
{
	if (v6) {
		memcpy(ends->client.b, p, 16);
		memcpy(ends->target.b, p + 16, 16);
		p += 32;
	} else {
		uint32_t v4[2];

		memcpy(v4, p, sizeof(v4));
		ends->client = addr_from_v4(v4[0]);
		ends->target = addr_from_v4(v4[1]);
		p += sizeof(v4);
	}
	ends->client_port = be16(p);
	ends->target_port = be16(p + 2);
}

static enum proxy_read read_v2(const uint8_t *data, size_t bytes, struct proxy_ends *ends, size_t *header_bytes)
{
	static const size_t address_bytes[] = { 0, 12, 36, 216 };	/* by family: none, IPv4, IPv6, Unix */
	size_t n = bytes < sizeof(proxy_v2_signature) ? bytes : sizeof(proxy_v2_signature), whole;
	unsigned int family, transport;

	if (memcmp(data, proxy_v2_signature, n) != 0 || (bytes > 12 && data[12] != 0x20 && data[12] != 0x21))
		return PROXY_READ_BAD;
	if (bytes < PROXY_V2_HEADER_BYTES)
		return PROXY_READ_PART;
	family = data[13] >> 4;
	transport = data[13] & 15;
	whole = PROXY_V2_HEADER_BYTES + be16(data + 14);
	if (family > 3 || transport > 2 || whole > PROXY_READ_MAX_BYTES)
		return PROXY_READ_BAD;
	if (bytes < whole)
		return PROXY_READ_PART;
	*header_bytes = whole;
	if (data[12] == 0x20)	/* LOCAL: what follows isn't meant for anybody */
		return PROXY_READ_LOCAL;
	if (whole < PROXY_V2_HEADER_BYTES + address_bytes[family] ||
	    !read_tlvs(data, PROXY_V2_HEADER_BYTES + address_bytes[family], whole))
		return PROXY_READ_BAD;
	if (transport != 1 || (family != 1 && family != 2))
		return PROXY_READ_LOCAL;
	read_ends(data + PROXY_V2_HEADER_BYTES, family == 2, ends);
	return PROXY_READ_ENDS;
}

enum proxy_read proxy_read(const uint8_t *data, size_t bytes, struct proxy_ends *ends, size_t *header_bytes)
{
	if (bytes == 0)
		return PROXY_READ_PART;
	return data[0] == proxy_v2_signature[0] ? read_v2(data, bytes, ends, header_bytes) :
						  read_v1(data, bytes, ends, header_bytes);
}
