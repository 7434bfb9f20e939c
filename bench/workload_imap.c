/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mail programs at work over IMAP (RFC 9051): each connection logs in, selects its
 * inbox, lists the headers of the last messages, reads some of them whole (sizes as
 * mail.h has them), waits in IDLE for a moment, logs out, and dials again. Every byte
 * of a message is checked.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/client.h"
#include "bench/mail.h"
#include "bench/options.h"
#include "bench/quantity.h"
#include "bench/run.h"
#include "bench/workload.h"

#define LISTED 20u			/* headers asked for at once */
#define READ_MEAN 3.0			/* messages read whole in a session, at least 1 */
#define READ_MAX 20u
#define IDLE_US 250000u

enum step { GREETING, LOGIN, SELECT, LIST, READ, IDLE, LOGOUT };

struct reader {
	struct client *client;
	struct wheel_timer idle;	/* armed in IDLE alone */
	struct mail_line line;
	uint8_t step, to_read;
	bool done;			/* the session went to its end */
	uint16_t tag, came;		/* of the last command; messages that came for it */
	uint32_t message;		/* the next one to come */
	uint32_t literal, offset;	/* of its text: bytes that came, of how many */
	uint64_t asked;			/* clock_cycles of the last command */
};

static struct {
	struct histogram fetch, greeting;
	uint64_t sessions, commands, messages, bytes;
	struct {
		uint64_t sessions, commands, messages, bytes;
	} from;
	uint64_t shown;
} all;

static int start(struct run *r, struct error *err)
{
	if (r->options->rate > 0)
		return error_set(err, -EINVAL, ERROR_INVALID, "--rate",
				 "imap has no open loop: --connections says how many sessions there are at a time");
	memset(&all, 0, sizeof(all));
	mail_init();
	return 0;
}

__attribute__((format(printf, 3, 4)))
static void command(struct client *c, enum step step, const char *format, ...)
{
	struct reader *i = client_user(c);
	char line[96];
	int n = snprintf(line, sizeof(line), "a%u ", ++i->tag);
	va_list args;

	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
	va_end(args);
	i->step = (uint8_t)step;
	i->came = 0;
	i->asked = clock_cycles();
	client_send_bytes(c, line, (uint32_t)n);
}

/* A message number whose size and text are whatever they are; the seed's. */
static uint32_t any_message(struct client *c)
{
	return (uint32_t)run_random(client_run(c)) >> 1;
}

static void read_next(struct client *c)
{
	struct reader *i = client_user(c);

	i->to_read--;
	i->message = any_message(c);
	command(c, READ, "UID FETCH %u BODY.PEEK[]\r\n", i->message);
}

/* At least one, one more with a fixed chance each time: the mean is READ_MEAN. */
static uint8_t how_many(struct client *c)
{
	uint8_t n = 1;

	while (n < READ_MAX && run_random_unit(client_run(c)) < 1 - 1 / READ_MEAN)
		n++;
	return n;
}

static void idle_over(struct wheel_timer *t, uint64_t now_us)
{
	struct reader *i = (struct reader *)((char *)t - offsetof(struct reader, idle));

	(void)now_us;
	i->asked = clock_cycles();
	client_send_bytes(i->client, "DONE\r\n", 6);
}

static void measured(struct client *c, struct histogram *h)
{
	struct reader *i = client_user(c);

	if (run_measuring(client_run(c)))
		histogram_record(h, clock_since_ns(i->asked));
}

/* The tagged answer to the last command came: on to the next. */
static void next(struct client *c)
{
	struct reader *i = client_user(c);
	struct run *r = client_run(c);
	bool fetched = i->step == LIST || i->step == READ;

	all.commands++;
	measured(c, fetched ? &all.fetch : &r->latency);
	if (run_ending(r) && i->step < LOGOUT)
		i->step = IDLE;
	switch ((enum step)i->step) {
	case LOGIN:
		command(c, SELECT, "SELECT INBOX\r\n");
		break;
	case SELECT:
		i->message = any_message(c);
		command(c, LIST, "UID FETCH %u:%u (FLAGS BODY.PEEK[HEADER])\r\n", i->message, i->message + LISTED - 1);
		break;
	case LIST:
		i->to_read = how_many(c);
		read_next(c);
		break;
	case READ:
		if (i->to_read > 0)
			read_next(c);
		else
			command(c, IDLE, "IDLE\r\n");
		break;
	case IDLE:
		command(c, LOGOUT, "LOGOUT\r\n");
		break;
	default:
		i->done = true;
		all.sessions++;
		client_close(c);
	}
}

/* "... {1234}" announces as many bytes. False: there must be none now, or not so many. */
static bool literal_begins(struct reader *i, const char *line)
{
	const char *brace = strrchr(line, '{');
	uint32_t wanted = i->step == LIST ? MAIL_HEADER_BYTES : mail_bytes(i->message);

	if ((i->step != LIST && i->step != READ) || strtoul(brace + 1, NULL, 10) != wanted)
		return false;
	i->literal = wanted;
	i->offset = 0;
	return true;
}

/* False: not what a server says here. */
static bool line_came(struct client *c, const char *line)
{
	struct reader *i = client_user(c);
	unsigned int tag;
	char ok[4] = "";
	size_t n = strlen(line);

	if (i->step == GREETING) {
		i->asked = c->dialled;
		measured(c, &all.greeting);
		c->greeted = true;
		command(c, LOGIN, "LOGIN user%05u secret%05u\r\n", (unsigned int)(run_random(client_run(c)) % 100000), 12345u);
		return strncmp(line, "* OK", 4) == 0;
	}
	if (line[0] == '*' && n > 0 && line[n - 1] == '}')
		return literal_begins(i, line);
	if (line[0] == '*' || strcmp(line, ")") == 0)
		return true;
	if (line[0] == '+' && i->step == IDLE) {
		measured(c, &client_run(c)->latency);
		wheel_arm(client_run(c)->transport->wheel, &i->idle, client_run(c)->transport->now_us + IDLE_US);
		return true;
	}
	if (sscanf(line, "a%u %3s", &tag, ok) != 2 || tag != i->tag || strcmp(ok, "OK") != 0)
		return false;
	if ((i->step == LIST && i->came != LISTED) || (i->step == READ && i->came != 1))
		return false;
	next(c);
	return true;
}

/* Of a message's text. How many bytes were taken, 0: they aren't that message's. */
static uint32_t text_came(struct reader *i, const char *data, uint32_t bytes)
{
	uint32_t n = i->literal - i->offset < bytes ? i->literal - i->offset : bytes;

	if (!mail_matches(i->message, i->offset, data, n))
		return 0;
	i->offset += n;
	all.bytes += n;
	if (i->offset == i->literal) {
		i->literal = 0;
		i->message++;
		i->came++;
		all.messages += i->step == READ;
	}
	return n;
}

static uint32_t take(struct client *c, const char *data, uint32_t bytes)
{
	struct reader *i = client_user(c);
	bool whole = false;
	uint32_t n;

	if (i->literal > 0) {
		n = text_came(i, data, bytes);
		if (n == 0)
			client_fail(c, "imap_wrong_text");
		return n;
	}
	n = mail_line_take(&i->line, data, bytes, &whole);
	if (i->line.too_long || (whole && !line_came(c, i->line.text)))
		client_fail(c, "imap_wrong_answer");
	return n;
}

static void begin(struct client *c)
{
	struct reader *i = client_user(c);

	i->client = c;
	wheel_timer_init(&i->idle, idle_over);
}

static void received(struct client *c, struct rte_mbuf *plain)
{
	for (const struct rte_mbuf *m = plain; m != NULL && !c->ended; m = m->next) {
		const char *data = rte_pktmbuf_mtod(m, const char *);

		for (uint32_t left = m->data_len, n; left > 0 && !c->ended && c->state == CLIENT_OPEN; left -= n) {
			n = take(c, data, left);
			data += n;
		}
	}
	rte_pktmbuf_free(plain);
}

static void ended(struct client *c, enum client_end end)
{
	struct reader *i = client_user(c);

	wheel_cancel(client_run(c)->transport->wheel, &i->idle);
	if (end == CLIENT_PEER_CLOSED && !i->done)
		run_error(client_run(c), "closed_early");
}

static void measure(struct run *r, bool begins)
{
	(void)r;
	if (begins) {
		all.from = (__typeof__(all.from)){ all.sessions, all.commands, all.messages, all.bytes };
		return;
	}
	all.from = (__typeof__(all.from)){ all.sessions - all.from.sessions, all.commands - all.from.commands,
					   all.messages - all.from.messages, all.bytes - all.from.bytes };
}

static void finish(struct run *r, struct result *result)
{
	mail_parameters(result);
	result_parameter_int(result, "headers_listed", LISTED);
	result_parameter_real(result, "messages_read_mean", READ_MEAN);
	result_parameter_real(result, "idle_s", IDLE_US / 1e6);
	result_metric(result, "sessions_per_s", (double)all.from.sessions / r->measured_s);
	result_metric(result, "commands_per_s", (double)all.from.commands / r->measured_s);
	result_metric(result, "messages_per_s", (double)all.from.messages / r->measured_s);
	result_metric(result, "down_bits_per_s", (double)all.from.bytes * 8 / r->measured_s);
	result_latency(result, "latency", &r->latency);
	result_latency(result, "fetch", &all.fetch);
	result_latency(result, "greeting", &all.greeting);
}

static void progress(struct run *r, uint64_t us, char *buf, size_t buf_bytes)
{
	(void)r;
	quantity_rate(buf, buf_bytes, "IMAP sessions", all.sessions, &all.shown, us);
}

const struct workload workload_imap = {
	.name = "imap",
	.summary = "mail programs: log in, list headers, read messages, IDLE, log out",
	.state_bytes = sizeof(struct reader),
	.start = start,
	.begin = begin,
	.received = received,
	.ended = ended,
	.measure = measure,
	.finish = finish,
	.progress = progress,
};
