/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/hello.h"

#define RECORD_HANDSHAKE 22u
#define RECORD_HEADER_BYTES 5u
#define EXTENSION_SERVER_NAME 0u
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

static struct der name_of(struct der extension)
{
	struct der list, name;
	unsigned int type;

	if (!vector(&extension, 2, &list))
		return (struct der){ 0 };
	while (number(&list, 1, &type) && vector(&list, 2, &name))
		if (type == 0 && name.n > 0 && name.n <= NAME_MAX_BYTES)
			return name;
	return (struct der){ 0 };
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

struct der tls_hello_server_name(struct der record)
{
	struct der extensions, extension;
	unsigned int type;

	if (!extensions_of(record, &extensions))
		return (struct der){ 0 };
	while (number(&extensions, 2, &type) && vector(&extensions, 2, &extension))
		if (type == EXTENSION_SERVER_NAME)
			return name_of(extension);
	return (struct der){ 0 };
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
