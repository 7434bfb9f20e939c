/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/hello.h"

#define EXTENSION_SERVER_NAME 0u
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

struct der tls_hello_server_name(struct der record)
{
	struct der body, hello, extensions, skipped, extension;
	unsigned int type, version;

	if (!number(&record, 1, &type) || type != 22 || !number(&record, 2, &version) || !vector(&record, 2, &body) ||
	    !number(&body, 1, &type) || type != 1 || !vector(&body, 3, &hello) || hello.n < 34)
		return (struct der){ 0 };
	hello.p += 34;	/* version, random */
	hello.n -= 34;
	if (!vector(&hello, 1, &skipped) || !vector(&hello, 2, &skipped) || !vector(&hello, 1, &skipped) ||
	    !vector(&hello, 2, &extensions))
		return (struct der){ 0 };
	while (number(&extensions, 2, &type) && vector(&extensions, 2, &extension))
		if (type == EXTENSION_SERVER_NAME)
			return name_of(extension);
	return (struct der){ 0 };
}
