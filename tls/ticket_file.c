/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/ticket_file.h"

#include "tls/cert.h"
#include "tls/rng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TIME_BYTES 20u	/* 2026-11-25T06:00:00Z */
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"

static int refuse(char *err, size_t err_bytes, unsigned int line, const char *why)
{
	snprintf(err, err_bytes, "line %u: %s", line, why);
	return -EINVAL;
}

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "0" in the form stands for any digit. */
static bool time_read(struct der *in, int64_t *out)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	char text[TIME_BYTES + 1], again[TIME_BYTES + 1];
	struct tm tm = { 0 };
	size_t i;

	if (in->n < TIME_BYTES)
		return false;
	for (i = 0; i < TIME_BYTES; i++)
		if (form[i] == '0' ? in->p[i] < '0' || in->p[i] > '9' : in->p[i] != form[i])
			return false;
	memcpy(text, in->p, TIME_BYTES);
	text[TIME_BYTES] = '\0';
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec) != 6)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*out = (int64_t)timegm(&tm);
	/* A 30th of February became the 2nd of March. */
	if (strftime(again, sizeof(again), TIME_FORMAT, &tm) != TIME_BYTES || memcmp(again, text, TIME_BYTES) != 0)
		return false;
	*in = (struct der){ in->p + TIME_BYTES, in->n - TIME_BYTES };
	return *out >= 0;
}

static bool key_read(struct der *in, uint8_t key[TLS_TICKET_KEY_BYTES])
{
	size_t i;

	if (in->n < 2 * TLS_TICKET_KEY_BYTES)
		return false;
	for (i = 0; i < TLS_TICKET_KEY_BYTES; i++) {
		int high = digit(in->p[2 * i]), low = digit(in->p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (uint8_t)(high << 4 | low);
	}
	*in = (struct der){ in->p + 2 * TLS_TICKET_KEY_BYTES, in->n - 2 * TLS_TICKET_KEY_BYTES };
	return true;
}

static bool skip_blanks(struct der *in)
{
	size_t before = in->n;

	while (in->n > 0 && (in->p[0] == ' ' || in->p[0] == '\t' || in->p[0] == '\r'))
		*in = (struct der){ in->p + 1, in->n - 1 };
	return in->n < before;
}

/* The next line without its end and its comment. */
static struct der line_next(struct der *text)
{
	const uint8_t *end = memchr(text->p, '\n', text->n), *comment;
	struct der line = { text->p, end ? (size_t)(end - text->p) : text->n };

	*text = end ? (struct der){ end + 1, text->n - line.n - 1 } : (struct der){ text->p + text->n, 0 };
	comment = line.n > 0 ? memchr(line.p, '#', line.n) : NULL;
	if (comment)
		line.n = (size_t)(comment - line.p);
	return line;
}

static bool drawn(const uint8_t key[TLS_TICKET_KEY_BYTES])
{
	size_t i;

	for (i = 1; i < TLS_TICKET_KEY_BYTES && key[i] == key[0]; i++)
		;
	return i < TLS_TICKET_KEY_BYTES;
}

/* What is wrong with one more key, or NULL. */
static const char *why_not(const struct tls_ticket_key *keys, unsigned int n, const struct tls_ticket_key *k)
{
	unsigned int i;

	if (!drawn(k->key))
		return "this is no key: each byte of it is the same";
	if (n == TLS_TICKETS_KEYS_MAX)
		return "more than 32 keys";
	for (i = 0; i < n; i++) {
		if (keys[i].from == k->from)
			return "another key begins in the same moment";
		if (memcmp(keys[i].key, k->key, sizeof(k->key)) == 0)
			return "this key stands here twice";
	}
	return NULL;
}

static void put(struct tls_ticket_key *keys, unsigned int n, const struct tls_ticket_key *k)
{
	unsigned int i;

	for (i = n; i > 0 && keys[i - 1].from < k->from; i--)
		keys[i] = keys[i - 1];
	keys[i] = *k;
}

int tls_ticket_file_parse(struct der text, struct tls_ticket_key keys[TLS_TICKETS_KEYS_MAX], char *err,
			  size_t err_bytes)
{
	unsigned int n = 0, number = 0;
	const char *why = NULL;

	while (text.n > 0 && !why) {
		struct der line = line_next(&text);
		struct tls_ticket_key k;

		number++;
		skip_blanks(&line);
		if (line.n == 0)
			continue;
		if (!time_read(&line, &k.from) || !skip_blanks(&line))
			why = "it doesn't begin with a time such as 2026-11-25T06:00:00Z";
		else if (!key_read(&line, k.key) || (skip_blanks(&line), line.n > 0))
			why = "64 hexadecimal digits, and nothing else, are to follow the time";
		else if ((why = why_not(keys, n, &k)) == NULL)
			put(keys, n++, &k);
		explicit_bzero(&k, sizeof(k));
	}
	if (why)
		return refuse(err, err_bytes, number, why);
	if (n > 0)
		return (int)n;
	snprintf(err, err_bytes, "it holds no key");
	return -EINVAL;
}

int tls_ticket_file_read(const char *path, time_t now, struct tls_ticket_key keys[TLS_TICKETS_KEYS_MAX], char *err,
			 size_t err_bytes)
{
	unsigned int mode;
	char why[128];
	size_t bytes;
	char *text = tls_file_read(path, &bytes, &mode, err, err_bytes);
	int n = -EINVAL;

	if (!text)
		return -EINVAL;
	if (tls_key_file_private(path, mode, err, err_bytes)) {
		n = tls_ticket_file_parse((struct der){ (uint8_t *)text, bytes }, keys, why, sizeof(why));
		if (n < 0)
			snprintf(err, err_bytes, "%s: %s", path, why);
	}
	explicit_bzero(text, bytes);
	free(text);
	if (n < 0 || keys[n - 1].from <= (int64_t)now)
		return n;
	explicit_bzero(keys, (size_t)n * sizeof(keys[0]));
	snprintf(err, err_bytes, "%s: none of its keys has begun: give the first an earlier time, or set the clock", path);
	return -EINVAL;
}

int tls_ticket_file_roll(struct tls_ticket_key keys[TLS_TICKETS_KEYS_MAX], unsigned int *n, time_t now,
			 uint32_t every_s, uint32_t lifetime_s)
{
	/* Half a step: run again at once there is nothing to do, and a timer that is early or late has one key to make. */
	int64_t at = (int64_t)now, near = at + every_s / 2;

	while (*n > 1 && keys[*n - 2].from + (int64_t)lifetime_s < at)
		explicit_bzero(&keys[--*n], sizeof(keys[0]));
	while (*n == 0 || keys[0].from < near) {
		struct tls_ticket_key k = { .from = at };

		if (*n == TLS_TICKETS_KEYS_MAX)
			return -E2BIG;
		if (*n > 0)	/* one that begins too soon wouldn't be everywhere yet */
			k.from = keys[0].from + every_s >= near ? keys[0].from + every_s : at + every_s;
		if (tls_rng_generate(k.key, sizeof(k.key)) != 0)
			return -EIO;
		put(keys, (*n)++, &k);
		explicit_bzero(&k, sizeof(k));
	}
	return 0;
}

size_t tls_ticket_file_write(const struct tls_ticket_key *keys, unsigned int n, char out[TLS_TICKET_FILE_BYTES])
{
	size_t at = (size_t)snprintf(out, TLS_TICKET_FILE_BYTES,
		"# Keys of postern's TLS session tickets, shared by the gateways that hold this file:\n"
		"# from when each seals, and the key. Whoever has them can open all tickets.\n");
	unsigned int i, k;

	for (i = n; i-- > 0;) {
		time_t from = (time_t)keys[i].from;
		struct tm tm;

		at += strftime(out + at, TLS_TICKET_FILE_BYTES - at, TIME_FORMAT " ", gmtime_r(&from, &tm));
		for (k = 0; k < TLS_TICKET_KEY_BYTES; k++)
			at += (size_t)snprintf(out + at, TLS_TICKET_FILE_BYTES - at, "%02x", keys[i].key[k]);
		out[at++] = '\n';
	}
	return at;
}
