/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/hello.h"

#include "tls/strength.h"

#define RECORD_HANDSHAKE 22u
#define RECORD_HEADER_BYTES 5u
#define RECORD_TEXT_MAX_BYTES 16384u
#define MESSAGE_HEADER_BYTES 4u
#define CLIENT_HELLO 1u
#define EXTENSION_SERVER_NAME 0u
#define EXTENSION_STATUS_REQUEST 5u
#define EXTENSION_SUPPORTED_GROUPS 10u	/* RFC 8422 5.1.1 */
#define EXTENSION_SIGNATURE_ALGORITHMS 13u
#define EXTENSION_ALPN 16u
#define EXTENSION_EXTENDED_MASTER_SECRET 23u	/* RFC 7627 5.1 */
#define EXTENSION_SUPPORTED_VERSIONS 43u
#define FALLBACK_SCSV 0x5600u
#define RANDOM_BYTES 32u
#define EXTENSION_SESSION_TICKET 35u	/* RFC 5077 3.2 */
#define EXTENSION_PRE_SHARED_KEY 41u	/* RFC 8446 4.2.11 */
#define NAME_MAX_BYTES 255u

/* A vector with a length of @octets bytes before it, RFC 8446 3.4. */
static bool vector(struct der *in, unsigned int octets, struct der *out)
{
	size_t n = 0, i;

	if (in->n < octets)
		return false;
	for (i = 0; i < octets; i++)
		n = n << 8 | in->p[i];
	if (n > in->n - octets)
		return false;
	*out = (struct der){ in->p + octets, n };
	in->p += octets + n;
	in->n -= octets + n;
	return true;
}

static bool number(struct der *in, unsigned int octets, unsigned int *out)
{
	if (in->n < octets)
		return false;
	for (*out = 0; octets > 0; octets--) {
		*out = *out << 8 | in->p[0];
		in->p++;
		in->n--;
	}
	return true;
}

/* The extensions of a ClientHello that begins and ends in @record; the session id before them goes by unread. */
static bool extensions_of(struct der record, struct der *extensions)
{
	struct der body, hello, skipped;
	unsigned int type, version;

	if (!number(&record, 1, &type) || type != RECORD_HANDSHAKE || !number(&record, 2, &version) ||
	    !vector(&record, 2, &body) || !number(&body, 1, &type) || type != 1 || !vector(&body, 3, &hello) || hello.n < 34)
		return false;
	hello.p += 34;	/* version, random */
	hello.n -= 34;
	return vector(&hello, 1, &skipped) && vector(&hello, 2, &skipped) && vector(&hello, 1, &skipped) &&
	       vector(&hello, 2, extensions);
}

static bool offers_ticket(struct der extensions)
{
	struct der extension;
	unsigned int type;

	while (number(&extensions, 2, &type) && vector(&extensions, 2, &extension))
		if (type == EXTENSION_PRE_SHARED_KEY || (type == EXTENSION_SESSION_TICKET && extension.n > 0))
			return true;
	return false;
}

enum tls_hello_kind tls_hello_look(struct der stream)
{
	struct der extensions;

	if ((stream.n > 0 && stream.p[0] != RECORD_HANDSHAKE) || (stream.n > 1 && stream.p[1] != 3))
		return TLS_HELLO_OTHER;
	if (stream.n < RECORD_HEADER_BYTES ||
	    stream.n - RECORD_HEADER_BYTES < ((size_t)stream.p[3] << 8 | stream.p[4]))
		return TLS_HELLO_PART;
	if (!extensions_of(stream, &extensions))
		return TLS_HELLO_FULL;
	return offers_ticket(extensions) ? TLS_HELLO_RESUMES : TLS_HELLO_FULL;
}

/* @missing bytes of a message follow @at in a record of @n bytes and, if that doesn't hold them, in one more. */
static size_t least_for(size_t at, size_t n, size_t missing)
{
	size_t next = missing > n ? RECORD_HEADER_BYTES + missing - n : 0;

	return at + RECORD_HEADER_BYTES + n + next;
}

enum tls_hello_joined tls_hello_join_least(uint8_t *stream, size_t bytes, struct der *body, size_t *least)
{
	size_t at = 0, joined = 0, whole = MESSAGE_HEADER_BYTES, n;

	for (;;) {
		if (joined >= MESSAGE_HEADER_BYTES) {
			if (stream[0] != CLIENT_HELLO)
				return TLS_HELLO_NONE;
			n = (size_t)stream[1] << 16 | (size_t)stream[2] << 8 | stream[3];
			whole = MESSAGE_HEADER_BYTES + n;
			if (joined >= whole) {
				*body = (struct der){ stream + MESSAGE_HEADER_BYTES, n };
				return TLS_HELLO_WHOLE;
			}
		}
		*least = least_for(at, whole - joined, whole - joined);
		if (bytes - at < RECORD_HEADER_BYTES)
			return TLS_HELLO_MORE;
		n = (size_t)stream[at + 3] << 8 | stream[at + 4];
		if (stream[at] != RECORD_HANDSHAKE || n == 0 || n > RECORD_TEXT_MAX_BYTES)
			return TLS_HELLO_NONE;
		*least = least_for(at, n, whole - joined);
		at += RECORD_HEADER_BYTES;
		if (bytes - at < n)
			return TLS_HELLO_MORE;
		memmove(stream + joined, stream + at, n);
		joined += n;
		at += n;
	}
}

enum tls_hello_joined tls_hello_join(uint8_t *stream, size_t bytes, struct der *body)
{
	size_t least;

	return tls_hello_join_least(stream, bytes, body, &least);
}

static bool read_name(struct der extension, struct tls_hello *out)
{
	struct der list, name;
	unsigned int type;

	if (!vector(&extension, 2, &list) || list.n == 0)
		return false;
	while (list.n > 0) {
		if (!number(&list, 1, &type) || !vector(&list, 2, &name))
			return false;
		if (type != 0)
			continue;
		if (name.n == 0 || name.n > NAME_MAX_BYTES || out->name.n > 0)	/* RFC 6066 3: one of a type */
			return false;
		out->name = name;
	}
	return true;
}

static bool read_protocols(struct der extension, struct tls_hello *out)
{
	struct der list, name;

	if (!vector(&extension, 2, &list) || list.n == 0)
		return false;
	out->protocols = list;
	while (list.n > 0)
		if (!vector(&list, 1, &name) || name.n == 0)
			return false;
	return true;
}

static bool read_versions(struct der extension, struct tls_hello *out)
{
	unsigned int version;
	struct der list;

	if (!vector(&extension, 1, &list))
		return false;
	out->version = 0;
	while (list.n > 0) {
		if (!number(&list, 2, &version))
			return false;
		if (version <= 0x0304 && version > out->version)	/* what is higher means nothing, RFC 8701 */
			out->version = (uint16_t)version;
	}
	return true;
}

static uint32_t can_of_scheme(unsigned int scheme)
{
	switch (scheme) {	/* RFC 8446 4.2.3 */
	case 0x0403: return TLS_HELLO_ECDSA_P256 | TLS_HELLO_ECDSA;
	case 0x0503: return TLS_HELLO_ECDSA_P384 | TLS_HELLO_ECDSA;
	case 0x0603: return TLS_HELLO_ECDSA;
	case 0x0807: return TLS_HELLO_ED25519;
	case 0x0804: case 0x0805: case 0x0806: return TLS_HELLO_RSA_PSS;
	case 0x0401: case 0x0501: case 0x0601: return TLS_HELLO_RSA_PKCS1;
	default: return 0;
	}
}

static uint32_t can_of_group(unsigned int group)
{
	return group == 23 ? TLS_HELLO_CURVE_P256 : group == 24 ? TLS_HELLO_CURVE_P384 : 0;
}

static uint32_t bit_of_group(unsigned int group)
{
	size_t i;

	for (i = 0; i < tls_groups_count; i++)
		if (tls_groups[i].id == group)
			return 1u << i;
	return 0;
}

/* A list of numbers, each a bit or none. */
static bool read_bits(struct der extension, uint32_t (*bits_of)(unsigned int value), uint32_t *bits)
{
	unsigned int value;
	struct der list;

	if (!vector(&extension, 2, &list))
		return false;
	while (list.n > 0) {
		if (!number(&list, 2, &value))
			return false;
		*bits |= bits_of(value);
	}
	return true;
}

static bool read_extensions(struct der extensions, struct tls_hello *out)
{
	bool schemes = false, groups = false, ok = true;
	struct der extension;
	unsigned int type;

	while (ok && extensions.n > 0) {
		if (!number(&extensions, 2, &type) || !vector(&extensions, 2, &extension))
			return false;
		if (type == EXTENSION_SERVER_NAME)
			ok = read_name(extension, out);
		else if (type == EXTENSION_EXTENDED_MASTER_SECRET)
			out->extended_master = true;
		else if (type == EXTENSION_STATUS_REQUEST)
			out->asks_status = true;
		else if (type == EXTENSION_ALPN)
			ok = out->protocols.n == 0 && read_protocols(extension, out);
		else if (type == EXTENSION_SUPPORTED_VERSIONS)
			ok = read_versions(extension, out);
		else if (type == EXTENSION_SIGNATURE_ALGORITHMS)
			ok = schemes = read_bits(extension, can_of_scheme, &out->can);
		else if (type == EXTENSION_SUPPORTED_GROUPS)
			ok = groups = read_bits(extension, can_of_group, &out->can) &&
				      read_bits(extension, bit_of_group, &out->groups);
	}
	if (!schemes)	/* RFC 5246 7.4.1.4.1 */
		out->can |= TLS_HELLO_ECDSA | TLS_HELLO_RSA_PKCS1;
	if (!groups) {
		out->can |= TLS_HELLO_CURVE_P256 | TLS_HELLO_CURVE_P384;
		out->groups = UINT32_MAX;
	}
	return ok;
}

static bool read_suites(struct der list, struct tls_hello *out)
{
	bool first = true;
	unsigned int id;
	size_t i;

	while (list.n > 0) {
		if (!number(&list, 2, &id))
			return false;
		if (id == FALLBACK_SCSV)
			out->fallback = true;
		if (id == FALLBACK_SCSV || (id & 0x0f0f) == 0x0a0a)	/* RFC 8701's values stand for nothing */
			continue;
		for (i = 0; i < tls_suites_count; i++)
			if (tls_suites[i].id == id)
				out->suites |= 1u << i;
		if (first)
			out->prefers_chacha = id == 0x1303 || id == 0xcca8 || id == 0xcca9;
		first = false;
	}
	return true;
}

bool tls_hello_read(struct der body, struct tls_hello *out)
{
	struct der session, suites, methods, extensions = { 0 };
	unsigned int version;

	*out = (struct tls_hello){ 0 };
	if (!number(&body, 2, &version) || body.n < RANDOM_BYTES)
		return false;
	out->version = (uint16_t)(version > 0x0303 ? 0x0303 : version);
	body.p += RANDOM_BYTES;
	body.n -= RANDOM_BYTES;
	if (!vector(&body, 1, &session) || !vector(&body, 2, &suites) || !vector(&body, 1, &methods))
		return false;
	if (body.n > 0 && (!vector(&body, 2, &extensions) || body.n > 0))
		return false;
	return read_suites(suites, out) && read_extensions(extensions, out);
}

bool tls_hello_speaks(const struct tls_hello *hello, const char *names)
{
	struct der list = hello->protocols, name;
	size_t n;

	for (; *names; names += n + (names[n] == ',')) {
		n = strcspn(names, ",");
		list = hello->protocols;
		while (vector(&list, 1, &name))
			if (name.n == n && memcmp(name.p, names, n) == 0)
				return true;
	}
	return false;
}
