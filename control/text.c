/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The bytes of the character that begins at @s, or 0 when it isn't one (RFC 3629 4). */
static size_t utf8_character(const unsigned char *s, size_t bytes)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
		   (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > bytes)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

size_t text_utf8_prefix(const char *s, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		unsigned char c = (unsigned char)s[at];
		size_t n = utf8_character((const unsigned char *)s + at, bytes - at);

		if (n == 0 || (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			break;
		at += n;
	}
	return at;
}

void text_clean(const char *s, char *out, size_t out_bytes)
{
	size_t bytes = strlen(s), at = 0, to = 0;

	while (at < bytes && to + 1 < out_bytes) {
		unsigned char c = (unsigned char)s[at];
		size_t n = utf8_character((const unsigned char *)s + at, bytes - at);

		if (n == 0 || c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)s[at + 1] < 0xa0)) {
			out[to++] = '?';	/* terminals obey U+0080 to U+009F, too */
			at += n > 0 ? n : 1;
			continue;
		}
		if (to + n + 1 > out_bytes)
			break;
		memcpy(out + to, s + at, n);
		to += n;
		at += n;
	}
	out[to] = '\0';
}

bool text_is_name(const char *s, size_t max_bytes)
{
	size_t n = strlen(s);

	if (n == 0 || n >= max_bytes || s[0] == '.' || s[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && strchr("._-", s[i]) == NULL)
			return false;
	}
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int parse_scaled(const char *s, const struct unit *units, uint64_t *out)
{
	uint64_t value = 0;
	const char *p = s;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	}
	for (const struct unit *u = units; u->name != NULL; u++) {
		if (strcasecmp(p, u->name) == 0)
			return __builtin_mul_overflow(value, u->factor, out) ? -ERANGE : 0;
	}
	return -EINVAL;
}

int text_parse_count(const char *s, uint64_t *out)
{
	static const struct unit units[] = { { "", 1 }, { NULL, 0 } };

	return parse_scaled(s, units, out);
}

int text_parse_bytes(const char *s, uint64_t *out)
{
	static const struct unit units[] = {
		{ "", 1 }, { "b", 1 },
		{ "k", 1000 }, { "m", 1000000 }, { "g", 1000000000 },
		{ "kb", 1024 }, { "mb", 1048576 }, { "gb", 1073741824 },
		{ NULL, 0 }
	};

	return parse_scaled(s, units, out);
}

static const struct unit duration_units[] = {
	{ "d", UINT64_C(86400000000) }, { "h", UINT64_C(3600000000) }, { "min", 60000000 },
	{ "s", 1000000 }, { "ms", 1000 }, { "us", 1 }, { "", 1000000 }, { NULL, 0 }
};

int text_parse_duration(const char *s, uint64_t *out_us)
{
	return parse_scaled(s, duration_units, out_us);
}

const char *text_format_duration(uint64_t us, char *buf, size_t buf_bytes)
{
	const struct unit *u = duration_units;

	while (us % u->factor != 0)
		u++;
	if (us == 0)
		u = &duration_units[3];
	snprintf(buf, buf_bytes, "%" PRIu64 "%s", us / u->factor, u->name);
	return buf;
}

const char *text_format_time(uint64_t us, char *buf, size_t buf_bytes)
{
	time_t seconds = (time_t)(us / 1000000);
	char day[TIME_TEXT_BYTES] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, buf_bytes, "%s.%06uZ", day, (unsigned int)(us % 1000000));
	return buf;
}
