/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	unsigned int whole = p->len / 8, rest = p->len % 8;

	if (memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.b[whole] ^ a->b[whole]) >> (8 - rest)) == 0;
}

int addr_parse(const char *text, struct addr *out)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*out = addr_from_v4(v4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, text, out->b) == 1)
		return 0;
	return -EINVAL;
}

/* Decimal digits only (no sign, no space), up to @max; -EINVAL otherwise. */
static int number_parse(const char *text, unsigned int max)
{
	unsigned int v = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = v * 10 + (unsigned int)(*text - '0');
		if (v > max)
			return -EINVAL;
	}
	return (int)v;
}

/* Copies the @bytes of @text before a separator as a string of its own. */
static int part_copy(char *out, size_t out_bytes, const char *text, size_t bytes)
{
	if (bytes >= out_bytes)
		return -EINVAL;
	memcpy(out, text, bytes);
	out[bytes] = '\0';
	return 0;
}

int prefix_parse(const char *text, struct prefix *out)
{
	char host[ADDR_TEXT_BYTES];
	struct prefix p;
	const char *slash;
	int len;

	if (strcmp(text, "any") == 0 || strcmp(text, "default") == 0) {
		memset(out, 0, sizeof(*out));
		return 0;
	}
	slash = strchr(text, '/');
	if (part_copy(host, sizeof(host), text, slash ? (size_t)(slash - text) : strlen(text)) != 0 ||
	    addr_parse(host, &p.addr) != 0)
		return -EINVAL;
	p.len = 128;
	if (slash) {
		/* The notation decides how the length counts: ::ffff:192.0.2.0/120 is a text of 128 bits. */
		bool v4_text = strchr(host, ':') == NULL;

		len = number_parse(slash + 1, v4_text ? 32 : 128);
		if (len < 0)
			return -EINVAL;
		p.len = (uint8_t)(v4_text ? len + 96 : len);
	}
	*out = p;
	return 0;
}

/* @text after the address: "" or ":port". */
static int port_parse(const char *text, uint16_t *port)
{
	int n;

	if (*text == '\0')
		return 0;
	if (*text != ':')
		return -EINVAL;
	n = number_parse(text + 1, 65535);
	if (n <= 0)
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

int endpoint_parse(const char *text, struct addr *addr, uint16_t *port)
{
	char host[ADDR_TEXT_BYTES];
	const char *end, *colon;
	struct addr a;

	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end || part_copy(host, sizeof(host), text + 1, (size_t)(end - text - 1)) != 0)
			return -EINVAL;
		/* Brackets are for IPv6 only (RFC 3986 3.2.2). */
		if (strchr(host, ':') == NULL)
			return -EINVAL;
		end++;
	} else {
		colon = strchr(text, ':');
		/* One colon parts a port; more belong to an IPv6 address. */
		end = colon && strchr(colon + 1, ':') == NULL ? colon : text + strlen(text);
		if (part_copy(host, sizeof(host), text, (size_t)(end - text)) != 0)
			return -EINVAL;
	}
	if (addr_parse(host, &a) != 0 || port_parse(end, port) != 0)
		return -EINVAL;
	*addr = a;
	return 0;
}

const char *addr_format(const struct addr *a, char *buf, size_t buf_bytes)
{
	const char *text;

	if (addr_is_v4(a))
		text = inet_ntop(AF_INET, a->b + 12, buf, (socklen_t)buf_bytes);
	else
		text = inet_ntop(AF_INET6, a->b, buf, (socklen_t)buf_bytes);
	ASSERT(text != NULL);	/* fails only for want of room, which is the caller's bug */
	return buf;
}

const char *endpoint_format(const struct addr *a, uint16_t port, char *buf, size_t buf_bytes)
{
	char host[ADDR_TEXT_BYTES];
	int n;

	addr_format(a, host, sizeof(host));
	n = snprintf(buf, buf_bytes, addr_is_v4(a) ? "%s:%u" : "[%s]:%u", host, port);
	ASSERT(n > 0 && (size_t)n < buf_bytes);
	return buf;
}
