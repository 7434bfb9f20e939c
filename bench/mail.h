/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made-up mail for the imap and smtp workloads. A message is named by a number: its
 * size and its every byte follow from that, so that client and backend, which may be
 * two processes, agree on it without a word.
 *
 * Sizes, in whole lines: a text of log-normal size, median 8 KB, sigma 1.0; and in 15
 * of 100 messages an attachment besides, log-normal, median 200 KB, sigma 1.3. None is
 * above 10 MB. A message has 83 KB on average, 9 KB in the middle. These are an
 * assumption, chosen to be like what mail servers see, not a measurement of one.
 *
 * Text is lines of 76 letters and CRLF, none of which begins with a dot.
 *
 * Order of calls: mail_init, then anything. Threads: any after the first mail_init.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MAIL_LINE_BYTES 78u
#define MAIL_HEADER_BYTES (16 * MAIL_LINE_BYTES)	/* what a client asks of messages that it lists */
#define MAIL_MESSAGE_MAX (10u << 20)
#define MAIL_TEXT_MEDIAN 8192
#define MAIL_TEXT_SIGMA 1.0
#define MAIL_ATTACHMENT_SHARE 0.15
#define MAIL_ATTACHMENT_MEDIAN 204800
#define MAIL_ATTACHMENT_SIGMA 1.3

struct result;

void mail_init(void);	/* a second call does nothing */

uint32_t mail_bytes(uint32_t number);

/* Message @number from @offset on: *bytes (at least 1 line's rest, unless it is 0) can be read there. */
const char *mail_text(uint32_t number, uint32_t offset, uint32_t *bytes);
/* Are these @bytes what message @number has at @offset? */
bool mail_matches(uint32_t number, uint32_t offset, const char *data, uint32_t bytes);

/* The distribution's parameters, for the result. */
void mail_parameters(struct result *r);

/* A protocol's line that comes in pieces. */
#define MAIL_COMMAND_BYTES 88u

struct mail_line {
	uint8_t bytes;
	bool too_long;		/* it had more; they are gone */
	char text[MAIL_COMMAND_BYTES];
};

/*
 * Takes of @data up to the line's end; how many bytes. *whole: it has come, NUL-terminated
 * and without CRLF; the next call begins the next line.
 */
uint32_t mail_line_take(struct mail_line *l, const char *data, uint32_t bytes, bool *whole);
