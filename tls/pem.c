/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/pem.h"

#include <stdlib.h>
#include <stdio.h>

#define LINE_CHARS 64u

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const char *find(struct der text, const char *what)
{
	return text.n ? memmem(text.p, text.n, what, strlen(what)) : NULL;
}

static void skip_to(struct der *text, const char *to)
{
	size_t n = (size_t)((const uint8_t *)to - text->p);

	text->p += n;
	text->n -= n;
}

static int base64_value(uint8_t c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Base64 with white space. False: another character, or bits that belong to no byte. */
static bool base64_decode(struct der text, uint8_t *out, size_t *out_bytes)
{
	uint32_t bits = 0, n_bits = 0, padding = 0;
	size_t n = 0;
	int v;

	for (size_t i = 0; i < text.n; i++) {
		if (memchr(" \t\r\n", text.p[i], 4))
			continue;
		if (text.p[i] == '=') {
			padding++;
			continue;
		}
		v = base64_value(text.p[i]);
		if (v < 0 || padding)
			return false;
		bits = bits << 6 | (uint32_t)v;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[n++] = (uint8_t)(bits >> n_bits);
			bits &= (1u << n_bits) - 1;
		}
	}
	*out_bytes = n;
	return padding <= 2 && bits == 0 && (padding == 0 || padding * 2 == n_bits);
}

static bool take_label(struct der *text, char label[PEM_LABEL_BYTES])
{
	const char *end = find(*text, "-----");
	size_t n;

	if (!end)
		return false;
	n = (size_t)((const uint8_t *)end - text->p);
	if (n >= PEM_LABEL_BYTES || memchr(text->p, '\n', n))
		return false;
	memcpy(label, text->p, n);
	label[n] = '\0';
	skip_to(text, end + 5);
	return true;
}

enum pem_result pem_next(struct der *text, struct pem_block *out)
{
	char end_line[PEM_LABEL_BYTES + 16];
	const char *begin, *end, *headers;
	struct der body;

	memset(out, 0, sizeof(*out));
	begin = find(*text, "-----BEGIN ");
	if (!begin)
		return PEM_END;
	skip_to(text, begin + 11);
	if (!take_label(text, out->label))
		return PEM_BAD;
	snprintf(end_line, sizeof(end_line), "-----END %s-----", out->label);
	end = find(*text, end_line);
	if (!end)
		return PEM_BAD;
	body = (struct der){ text->p, (size_t)((const uint8_t *)end - text->p) };
	skip_to(text, end + strlen(end_line));
	if (find(body, "Proc-Type:") && find(body, "ENCRYPTED")) {
		out->encrypted = true;
		return PEM_BLOCK;
	}
	headers = find(body, "\n\n");	/* RFC 1421 headers end with an empty line */
	if (headers && find((struct der){ body.p, (size_t)((const uint8_t *)headers - body.p) }, ":"))
		skip_to(&body, headers + 2);
	out->der = malloc(body.n + 1);
	if (!out->der)
		return PEM_NO_MEMORY;
	if (!base64_decode(body, out->der, &out->der_bytes) || out->der_bytes == 0) {
		pem_block_fini(out);
		return PEM_BAD;
	}
	return PEM_BLOCK;
}

void pem_block_fini(struct pem_block *b)
{
	if (b->der) {
		explicit_bzero(b->der, b->der_bytes);
		free(b->der);
	}
	b->der = NULL;
	b->der_bytes = 0;
}

char *pem_encode(const char *label, struct der der)
{
	size_t base64_chars = (der.n + 2) / 3 * 4;
	size_t capacity = base64_chars + base64_chars / LINE_CHARS + 2 * strlen(label) + 64;
	char *text = malloc(capacity), *to = text;
	size_t i, line = 0;
	uint32_t v;

	if (!text)
		return NULL;
	to += sprintf(to, "-----BEGIN %s-----\n", label);
	for (i = 0; i < der.n; i += 3) {
		v = (uint32_t)der.p[i] << 16;
		v |= i + 1 < der.n ? (uint32_t)der.p[i + 1] << 8 : 0;
		v |= i + 2 < der.n ? der.p[i + 2] : 0;
		*to++ = alphabet[v >> 18];
		*to++ = alphabet[v >> 12 & 63];
		*to++ = i + 1 < der.n ? alphabet[v >> 6 & 63] : '=';
		*to++ = i + 2 < der.n ? alphabet[v & 63] : '=';
		line += 4;
		if (line == LINE_CHARS || i + 3 >= der.n) {
			*to++ = '\n';
			line = 0;
		}
	}
	sprintf(to, "-----END %s-----\n", label);
	return text;
}
