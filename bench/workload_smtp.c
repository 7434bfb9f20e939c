/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mail programs that send (SMTP submission, RFC 6409 and 5321): each connection says
 * EHLO, authenticates, hands over a message, in one of five sessions a second one, of
 * sizes as mail.h has them, quits, and dials again. The backend checks every byte.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/client.h"
#include "bench/mail.h"
#include "bench/options.h"
#include "bench/quantity.h"
#include "bench/run.h"
#include "bench/workload.h"

#define GREETING_LINE "220 bench.invalid ESMTP postern-bench\r\n"
#define AGAIN_SHARE 0.2			/* of messages are followed by another */
#define RECIPIENTS_MAX 3u
#define TURN_BYTES (128u << 10)

enum step { GREETING, EHLO, AUTH, MAIL, RCPT, DATA, TEXT, QUIT };

struct sender {
	struct mail_line line;
	uint8_t step, recipients;
	bool done;			/* the session went to its end */
	uint32_t message, bytes, offset;
	uint64_t asked, began;		/* clock_cycles of the last command, and of MAIL FROM */
};

static struct {
	struct histogram submit, greeting;
	uint64_t sessions, messages, bytes;
	struct {
		uint64_t sessions, messages, bytes;
	} from;
	uint64_t shown;
} all;

static int start(struct run *r, struct error *err)
{
	if (r->options->rate > 0)
		return error_set(err, -EINVAL, ERROR_INVALID, "--rate",
				 "smtp has no open loop: --connections says how many sessions there are at a time");
	memset(&all, 0, sizeof(all));
	mail_init();
	return 0;
}

__attribute__((format(printf, 3, 4)))
static void command(struct client *c, enum step step, const char *format, ...)
{
	struct sender *s = client_user(c);
	char line[96];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	s->step = (uint8_t)step;
	s->asked = clock_cycles();
	client_send_bytes(c, line, (uint32_t)n);
}

static void new_message(struct client *c)
{
	struct sender *s = client_user(c);

	s->message = (uint32_t)run_random(client_run(c)) >> 1;
	s->bytes = mail_bytes(s->message);
	s->offset = 0;
	s->recipients = (uint8_t)(1 + run_random(client_run(c)) % RECIPIENTS_MAX);
	s->began = clock_cycles();
	command(c, MAIL, "MAIL FROM:<m%u@bench.invalid> SIZE=%u\r\n", s->message, s->bytes);
}

/* As much of the text as there is room for, and its end. */
static void pump(struct client *c)
{
	struct sender *s = client_user(c);
	uint32_t sent = 0, room;

	if (s->step != TEXT || s->offset == s->bytes)
		return;
	while (!c->ended && s->offset < s->bytes && sent < TURN_BYTES && (room = client_room(c)) > 0) {
		uint32_t n;
		const char *piece = mail_text(s->message, s->offset, &n);

		n = RTE_MIN(RTE_MIN(n, s->bytes - s->offset), RTE_MIN(room, 1448u));
		client_send_bytes(c, piece, n);
		s->offset += n;
		sent += n;
	}
	if (c->ended)
		return;
	if (s->offset == s->bytes)
		client_send_bytes(c, ".\r\n", 3);
	else if (client_room(c) > 0)
		client_wake(c);
}

static void message_taken(struct client *c)
{
	struct sender *s = client_user(c);
	struct run *r = client_run(c);

	if (run_measuring(r))
		histogram_record(&all.submit, clock_since_ns(s->began));
	all.messages++;
	all.bytes += s->bytes;
	if (!run_ending(r) && run_random_unit(r) < AGAIN_SHARE)
		new_message(c);
	else
		command(c, QUIT, "QUIT\r\n");
}

/* The server's answer to the last command: on to the next. */
static void next(struct client *c)
{
	struct sender *s = client_user(c);

	switch ((enum step)s->step) {
	case GREETING:
		c->greeted = true;
		command(c, EHLO, "EHLO client.invalid\r\n");
		break;
	case EHLO:	/* NUL user NUL secret, as RFC 4616 has it */
		command(c, AUTH, "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
		break;
	case AUTH:
		new_message(c);
		break;
	case MAIL:
	case RCPT:
		if (s->recipients > 0)
			command(c, RCPT, "RCPT TO:<r%u@bench.invalid>\r\n", s->recipients--);
		else
			command(c, DATA, "DATA\r\n");
		break;
	case DATA:
		s->step = TEXT;
		pump(c);
		break;
	case TEXT:
		message_taken(c);
		break;
	default:
		s->done = true;
		all.sessions++;
		client_close(c);
	}
}

/* False: not what a server says here. */
static bool line_came(struct client *c, const char *line)
{
	static const char *const codes[] = { "220", "250", "235", "250", "250", "354", "250", "221" };
	struct sender *s = client_user(c);
	struct run *r = client_run(c);

	if (strncmp(line, codes[s->step], 3) != 0 || (s->step == TEXT && s->offset < s->bytes))
		return false;
	if (line[3] == '-')	/* more of the same answer */
		return true;
	if (s->step == GREETING)
		s->asked = c->dialled;
	if (run_measuring(r) && s->step != TEXT)
		histogram_record(s->step == GREETING ? &all.greeting : &r->latency, clock_since_ns(s->asked));
	next(c);
	return true;
}

static void received(struct client *c, struct rte_mbuf *plain)
{
	struct sender *s = client_user(c);

	for (const struct rte_mbuf *m = plain; m != NULL && !c->ended; m = m->next) {
		const char *data = rte_pktmbuf_mtod(m, const char *);

		for (uint32_t left = m->data_len, n; left > 0 && !c->ended && c->state == CLIENT_OPEN; left -= n, data += n) {
			bool whole;

			n = mail_line_take(&s->line, data, left, &whole);
			if (s->line.too_long || (whole && !line_came(c, s->line.text)))
				client_fail(c, "smtp_wrong_answer");
		}
	}
	rte_pktmbuf_free(plain);
}

static void ended(struct client *c, enum client_end end)
{
	const struct sender *s = client_user(c);

	if (end == CLIENT_PEER_CLOSED && !s->done)
		run_error(client_run(c), "closed_early");
}

static void measure(struct run *r, bool begins)
{
	(void)r;
	if (begins) {
		all.from = (__typeof__(all.from)){ all.sessions, all.messages, all.bytes };
		return;
	}
	all.from = (__typeof__(all.from)){ all.sessions - all.from.sessions, all.messages - all.from.messages,
					   all.bytes - all.from.bytes };
}

static void finish(struct run *r, struct result *result)
{
	mail_parameters(result);
	result_parameter_real(result, "another_message_share", AGAIN_SHARE);
	result_parameter_int(result, "recipients_max", RECIPIENTS_MAX);
	result_metric(result, "sessions_per_s", (double)all.from.sessions / r->measured_s);
	result_metric(result, "messages_per_s", (double)all.from.messages / r->measured_s);
	result_metric(result, "up_bits_per_s", (double)all.from.bytes * 8 / r->measured_s);
	result_latency(result, "latency", &r->latency);
	result_latency(result, "submit", &all.submit);
	result_latency(result, "greeting", &all.greeting);
}

static void progress(struct run *r, uint64_t us, char *buf, size_t buf_bytes)
{
	(void)r;
	quantity_rate(buf, buf_bytes, "messages", all.messages, &all.shown, us);
}

const struct workload workload_smtp = {
	.name = "smtp",
	.summary = "mail programs that send: EHLO, AUTH, messages, QUIT",
	.state_bytes = sizeof(struct sender),
	.greeting = GREETING_LINE,
	.start = start,
	.received = received,
	.writable = pump,
	.ended = ended,
	.measure = measure,
	.finish = finish,
	.progress = progress,
};
