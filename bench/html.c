/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/html.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"	/* U+FFFD */

/* The bytes of the character at @s, 0 if it's none (RFC 3629 section 4). */
static size_t utf8_bytes(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : 0;
	uint32_t c;

	if (n < 2)
		return n;
	c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* No surrogates, and none of the two that XML leaves out besides. */
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff)
		return 0;
	return n;
}

void html_text(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s != '\0') {
		size_t n = utf8_bytes(s);

		if (n == 0 || (*s < 0x20 && *s != '\t' && *s != '\n')) {
			fputs(REPLACEMENT, out);
			n = 1;
		} else if (*s == '&') {
			fputs("&amp;", out);
		} else if (*s == '<') {
			fputs("&lt;", out);
		} else if (*s == '>') {
			fputs("&gt;", out);
		} else if (*s == '"') {
			fputs("&quot;", out);
		} else if (*s == '\'') {
			fputs("&#39;", out);
		} else {
			fwrite(s, 1, n, out);
		}
		s += n;
	}
}

__attribute__((format(printf, 2, 0)))
static void vtextf(FILE *out, const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		fprintf(stderr, "postern-bench: out of memory\n");
		exit(1);
	}
	html_text(out, text);
	free(text);
}

void html_textf(FILE *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vtextf(out, format, args);
	va_end(args);
}

void html_element(FILE *out, const char *tag, const char *format, ...)
{
	va_list args;

	fprintf(out, "<%s>", tag);
	va_start(args, format);
	vtextf(out, format, args);
	va_end(args);
	fprintf(out, "</%.*s>", (int)strcspn(tag, " "), tag);
}

static void json_text(FILE *out, const json_t *json)
{
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));

	html_text(out, text != NULL ? text : "?");
	free(text);
}

static void json_list(FILE *out, const json_t *json, unsigned int depth)
{
	bool flat = true;
	size_t n = json_array_size(json);

	for (size_t i = 0; i < n; i++)
		flat = flat && !json_is_object(json_array_get(json, i)) && !json_is_array(json_array_get(json, i));
	for (size_t i = 0; i < n; i++) {
		if (flat && i > 0)
			fputs(", ", out);
		if (!flat)
			fputs("<div>", out);
		html_json(out, json_array_get(json, i), depth);
		if (!flat)
			fputs("</div>", out);
	}
}

static void json_table(FILE *out, const json_t *json, unsigned int depth)
{
	const char *name;
	json_t *value;

	fputs("<table class='json'>", out);
	/* Jansson's iteration takes no const, though it changes nothing. */
	json_object_foreach((json_t *)(uintptr_t)json, name, value) {
		fputs("<tr>", out);
		html_element(out, "th", "%s", name);
		fputs("<td>", out);
		html_json(out, value, depth);
		fputs("</td></tr>\n", out);
	}
	fputs("</table>", out);
}

void html_json(FILE *out, const json_t *json, unsigned int depth)
{
	const char *string = json_string_value(json);

	if (string != NULL && strchr(string, '\n') != NULL)
		html_element(out, "pre", "%s", string);
	else if (string != NULL)
		html_text(out, string);
	else if (json_is_boolean(json))
		fputs(json_is_true(json) ? "yes" : "no", out);
	else if (json_is_null(json))
		fputs("\xe2\x80\x93", out);
	else if (depth > 0 && json_is_object(json) && json_object_size(json) > 0)
		json_table(out, json, depth - 1);
	else if (depth > 0 && json_is_array(json))
		json_list(out, json, depth - 1);
	else if (json != NULL)
		json_text(out, json);
}
