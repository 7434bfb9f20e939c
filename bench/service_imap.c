/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backend's side of workload_imap.c: as much of an IMAP server (RFC 9051) as that
 * client needs, over made-up messages (mail.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/backend.h"
#include "bench/mail.h"

#define TURN_BYTES (128u << 10)
#define HEADERS_MAX 64u

struct imap {
	struct mail_line line;
	uint32_t tag;
	uint32_t message, offset, bytes;	/* being sent: bytes 0 is none */
	uint16_t headers_left;			/* messages of which only the header goes out, after this one */
	bool idling, sending;
};

static void say(struct served *s, const char *line)
{
	served_send_bytes(s, line, (uint32_t)strlen(line));
}

static void completed(struct served *s, const char *what)
{
	struct imap *i = served_user(s);
	char line[96];

	snprintf(line, sizeof(line), "a%u OK %s completed\r\n", i->tag, what);
	say(s, line);
}

static void begin_message(struct served *s, uint32_t message, bool whole)
{
	struct imap *i = served_user(s);
	char line[128];

	i->message = message;
	i->offset = 0;
	i->bytes = whole ? mail_bytes(message) : MAIL_HEADER_BYTES;
	i->sending = true;
	snprintf(line, sizeof(line), "* %u FETCH (UID %u FLAGS (\\Seen) BODY[%s] {%u}\r\n", message % 4242 + 1, message,
		 whole ? "" : "HEADER", i->bytes);
	say(s, line);
}

/* As much of what was asked for as there is room for. */
static void pump(struct served *s)
{
	struct imap *i = served_user(s);
	uint32_t sent = 0, room;

	while (i->sending && !s->ended && sent < TURN_BYTES && (room = served_room(s)) > 0) {
		uint32_t n;
		const char *piece = mail_text(i->message, i->offset, &n);

		n = RTE_MIN(RTE_MIN(n, i->bytes - i->offset), 1448u);
		served_send_bytes(s, piece, n);
		i->offset += n;
		sent += n;
		if (i->offset < i->bytes || s->ended)
			continue;
		say(s, ")\r\n");
		i->sending = false;
		if (i->headers_left > 0) {
			i->headers_left--;
			begin_message(s, i->message + 1, false);
		} else if (!s->ended) {
			completed(s, "FETCH");
		}
	}
	if (i->sending && !s->ended && served_room(s) > 0)
		served_wake(s);
}

static bool fetch(struct served *s, const char *rest)
{
	struct imap *i = served_user(s);
	unsigned int first, last;

	if (sscanf(rest, "%u:%u (FLAGS BODY.PEEK[HEADER])", &first, &last) == 2) {
		if (last < first || last - first >= HEADERS_MAX)
			return false;
		i->headers_left = (uint16_t)(last - first);
		begin_message(s, first, false);
	} else if (sscanf(rest, "%u BODY.PEEK[]", &first) == 1) {
		i->headers_left = 0;
		begin_message(s, first, true);
	} else {
		return false;
	}
	if (!s->ended)
		pump(s);
	return true;
}

/* False: unknown. */
static bool command(struct served *s, const char *line)
{
	struct imap *i = served_user(s);
	unsigned int tag;
	int at = 0;

	if (i->idling) {
		i->idling = false;
		if (strcmp(line, "DONE") == 0)
			completed(s, "IDLE");
		return strcmp(line, "DONE") == 0;
	}
	/* One command at a time: what follows a FETCH before its end would be a client's bug. */
	if (i->sending || sscanf(line, "a%u %n", &tag, &at) != 1 || at == 0)
		return false;
	i->tag = tag;
	line += at;
	if (strncmp(line, "LOGIN ", 6) == 0) {
		completed(s, "LOGIN");
	} else if (strcmp(line, "SELECT INBOX") == 0) {
		say(s, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* 4242 EXISTS\r\n"
		       "* OK [UIDVALIDITY 1767225600] UIDs valid\r\n* OK [UIDNEXT 4294967295] Predicted next UID\r\n");
		completed(s, "[READ-WRITE] SELECT");
	} else if (strncmp(line, "UID FETCH ", 10) == 0) {
		return fetch(s, line + 10);
	} else if (strcmp(line, "IDLE") == 0) {
		i->idling = true;
		say(s, "+ idling\r\n");
	} else if (strcmp(line, "LOGOUT") == 0) {
		say(s, "* BYE logging out\r\n");
		completed(s, "LOGOUT");
	} else {
		return false;
	}
	return true;
}

static bool claims(const char *line)
{
	return line[0] == 'a' && strstr(line, " LOGIN ") != NULL;
}

static bool begin(struct served *s, const char *line)
{
	(void)s;
	(void)line;
	mail_init();
	return true;
}

static void received(struct served *s, struct rte_mbuf *chain)
{
	struct imap *i = served_user(s);

	for (const struct rte_mbuf *m = chain; m != NULL && !s->ended; m = m->next) {
		const char *data = rte_pktmbuf_mtod(m, const char *);
		uint32_t left = m->data_len;
		bool whole;

		while (left > 0 && !s->ended) {
			uint32_t n = mail_line_take(&i->line, data, left, &whole);

			data += n;
			left -= n;
			if (i->line.too_long || (whole && !command(s, i->line.text)))
				served_fail(s, "imap_bad_command");
		}
	}
	rte_pktmbuf_free(chain);
}

const struct service service_imap = {
	.name = "imap",
	.state_bytes = sizeof(struct imap),
	.keeps_line = true,
	.claims = claims,
	.begin = begin,
	.received = received,
	.writable = pump,
};
_Static_assert(sizeof(struct imap) <= BACKEND_STATE_BYTES, "a service's state has its place in struct served");
