/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backend's side of workload_smtp.c: as much of a submission server (RFC 6409,
 * RFC 5321) as that client needs. It checks that each message is the one, and as long,
 * as MAIL FROM said.
 */
#include <stdio.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/backend.h"
#include "bench/mail.h"

struct smtp {
	struct mail_line line;
	uint32_t message, bytes;	/* as MAIL FROM said */
	uint32_t offset;		/* of its text, so far */
	uint16_t recipients;
	bool authenticated, data;	/* data: what comes is text */
};

static void say(struct served *s, const char *line)
{
	served_send_bytes(s, line, (uint32_t)strlen(line));
}

/* False: unknown, or out of order. */
static bool command(struct served *s, const char *line)
{
	struct smtp *t = served_user(s);
	unsigned int message, bytes;

	if (strncmp(line, "EHLO ", 5) == 0) {
		say(s, "250-bench.invalid\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n");
	} else if (strncmp(line, "AUTH PLAIN ", 11) == 0) {
		t->authenticated = true;
		say(s, "235 2.7.0 Accepted\r\n");
	} else if (t->authenticated && sscanf(line, "MAIL FROM:<m%u@bench.invalid> SIZE=%u", &message, &bytes) == 2) {
		t->message = message;
		t->bytes = bytes;
		t->recipients = 0;
		say(s, "250 2.1.0 Ok\r\n");
	} else if (t->bytes > 0 && strncmp(line, "RCPT TO:<", 9) == 0) {
		t->recipients++;
		say(s, "250 2.1.5 Ok\r\n");
	} else if (t->recipients > 0 && strcmp(line, "DATA") == 0) {
		t->data = true;
		t->offset = 0;
		say(s, "354 End data with <CR><LF>.<CR><LF>\r\n");
	} else if (strcmp(line, "QUIT") == 0) {
		say(s, "221 2.0.0 Bye\r\n");
	} else {
		return false;
	}
	return true;
}

/* The text is known, and so is where its end must be: what comes then is the line with the dot. */
static uint32_t text_came(struct served *s, const char *data, uint32_t bytes)
{
	struct smtp *t = served_user(s);
	uint32_t n = RTE_MIN(t->bytes - t->offset, bytes);
	bool whole;

	if (n > 0) {
		if (!mail_matches(t->message, t->offset, data, n))
			served_fail(s, "smtp_wrong_text");
		t->offset += n;
		return n;
	}
	n = mail_line_take(&t->line, data, bytes, &whole);
	if (t->line.too_long || (whole && strcmp(t->line.text, ".") != 0)) {
		served_fail(s, "smtp_wrong_end");
	} else if (whole) {
		t->data = false;
		t->bytes = 0;
		t->recipients = 0;
		say(s, "250 2.0.0 Ok: queued\r\n");
	}
	return n;
}

static bool claims(const char *line)
{
	return strncmp(line, "EHLO ", 5) == 0;
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
	struct smtp *t = served_user(s);

	for (const struct rte_mbuf *m = chain; m != NULL && !s->ended; m = m->next) {
		const char *data = rte_pktmbuf_mtod(m, const char *);

		for (uint32_t left = m->data_len, n; left > 0 && !s->ended; left -= n, data += n) {
			bool whole;

			if (t->data) {
				n = text_came(s, data, left);
				continue;
			}
			n = mail_line_take(&t->line, data, left, &whole);
			if (t->line.too_long || (whole && !command(s, t->line.text)))
				served_fail(s, "smtp_bad_command");
		}
	}
	rte_pktmbuf_free(chain);
}

const struct service service_smtp = {
	.name = "smtp",
	.state_bytes = sizeof(struct smtp),
	.keeps_line = true,
	.claims = claims,
	.begin = begin,
	.received = received,
};
_Static_assert(sizeof(struct smtp) <= BACKEND_STATE_BYTES, "a service's state has its place in struct served");
