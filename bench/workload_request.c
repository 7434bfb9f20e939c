/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small requests and replies on open connections. Closed loop: each connection asks
 * again as soon as it was answered. Open loop (--rate): requests go out by a schedule,
 * on the connections in turn, several at a time on one if need be, and the time of
 * each counts from when it should have gone out. With --active there are so many
 * unanswered at any time, on all connections in turn, one on each at most: so the
 * load doesn't grow with the connections, and each is met cold.
 *
 * A request is its number on the connection (8 bytes) and filler; the reply repeats
 * the number, and every byte of both is checked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/client.h"
#include "bench/options.h"
#include "bench/pattern.h"
#include "bench/quantity.h"
#include "bench/run.h"
#include "bench/schedule.h"
#include "bench/workload.h"

#define FLIGHT_MAX 16u			/* unanswered on one connection; power of two */
#define KICKS_PER_TURN 256u
#define STUCK_NS 2000000000u

struct asker {
	uint64_t asked, answered;	/* requests sent, replies complete */
	uint32_t got_bytes;		/* of the reply at hand */
	uint32_t index;			/* in all.open */
	uint64_t since[FLIGHT_MAX];	/* when each unanswered one should have gone out */
};

static struct {
	struct schedule schedule;
	struct client **open;
	uint32_t n_open, next, kicked;
	uint32_t request_bytes, reply_bytes;
	bool open_loop;
	uint32_t active, unanswered;
	uint64_t done, shown, from;
	uint32_t answered_on;	/* connections that were answered at all */
} all;

static int start(struct run *r, struct error *err)
{
	const struct options *o = r->options;

	free(all.open);
	all = (__typeof__(all)){
		.request_bytes = o->request_bytes, .reply_bytes = o->reply_bytes, .open_loop = o->rate > 0,
		.active = o->active,
	};
	if (o->request_bytes < 8 || o->reply_bytes < 8 || o->request_bytes > PATTERN_RUN || o->reply_bytes > PATTERN_RUN)
		return error_set(err, -EINVAL, ERROR_INVALID, "--request-bytes, --reply-bytes", "8 to %u can be asked for",
				 PATTERN_RUN);
	all.open = calloc(o->connections + 1u, sizeof(struct client *));
	if (!all.open)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	return 0;
}

static void ask(struct client *c, uint64_t since)
{
	struct asker *a = client_user(c);
	struct rte_mbuf *m = pattern_chain(client_run(c)->transport->mbufs, 0, all.request_bytes);

	if (!m) {
		client_fail(c, "no_memory");
		return;
	}
	memcpy(rte_pktmbuf_mtod(m, void *), &a->asked, sizeof(a->asked));
	a->since[a->asked++ % FLIGHT_MAX] = since;
	all.unanswered++;
	client_send(c, m);
}

static void join(struct client *c)
{
	struct asker *a = client_user(c);
	char line[64];
	int n = snprintf(line, sizeof(line), "PING %u %u\r\n", all.request_bytes, all.reply_bytes);

	client_send_bytes(c, line, (uint32_t)n);
	if (c->ended)
		return;
	a->index = all.n_open;
	all.open[all.n_open++] = c;
}

static void leave(struct client *c)
{
	struct asker *a = client_user(c), *last;

	if (a->index >= all.n_open || all.open[a->index] != c)
		return;
	last = client_user(all.open[--all.n_open]);
	all.open[a->index] = all.open[all.n_open];
	last->index = a->index;
}

/* The reply is right so far? Its number, then the pattern. */
static bool check(const struct asker *a, const uint8_t *data, uint32_t bytes)
{
	uint32_t at = a->got_bytes, n = 0;

	if (at < 8) {
		n = 8 - at < bytes ? 8 - at : bytes;
		if (memcmp(data, (const uint8_t *)&a->answered + at, n) != 0)
			return false;
	}
	return memcmp(data + n, pattern_at(0) + at + n, bytes - n) == 0;
}

static void answered(struct client *c)
{
	struct run *r = client_run(c);
	struct asker *a = client_user(c);

	if (run_measuring(r))
		histogram_record(&r->latency, clock_since_ns(a->since[a->answered % FLIGHT_MAX]));
	a->got_bytes = 0;
	a->answered++;
	all.unanswered--;
	all.done++;
	if (!all.open_loop && all.active == 0 && !run_ending(r))
		ask(c, clock_cycles());
}

static void received(struct client *c, struct rte_mbuf *plain)
{
	struct asker *a = client_user(c);

	if (!c->greeted) {
		if (client_greeting(c, plain))
			join(c);
		return;
	}
	for (const struct rte_mbuf *m = plain; m && !c->ended; m = m->next) {
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
		uint32_t left = m->data_len;

		while (left > 0 && !c->ended) {
			uint32_t n = all.reply_bytes - a->got_bytes < left ? all.reply_bytes - a->got_bytes : left;

			if (a->answered == a->asked || !check(a, data, n)) {
				client_fail(c, a->answered == a->asked ? "unasked_reply" : "wrong_reply");
				break;
			}
			a->got_bytes += n;
			data += n;
			left -= n;
			if (a->got_bytes == all.reply_bytes)
				answered(c);
		}
	}
	rte_pktmbuf_free(plain);
}

static void ended(struct client *c, enum client_end end)
{
	struct asker *a = client_user(c);

	leave(c);
	all.unanswered -= (uint32_t)(a->asked - a->answered);
	if (end == CLIENT_PEER_CLOSED)
		run_error(client_run(c), "closed_early");
}

/* The next connection in turn that has less than @most unanswered, or NULL. */
static struct client *next_open(uint32_t most)
{
	for (uint32_t i = 0; i < all.n_open && i < KICKS_PER_TURN; i++) {
		struct client *c = all.open[all.next++ % all.n_open];
		struct asker *a = client_user(c);

		if (a->asked - a->answered < most)
			return c;
	}
	return NULL;
}

static uint64_t turn_open_loop(uint64_t now_us)
{
	uint64_t due;

	while ((due = schedule_due(&all.schedule)) != 0) {
		struct client *c = next_open(FLIGHT_MAX);

		if (!c)
			break;
		schedule_take(&all.schedule);
		ask(c, due);
	}
	return schedule_next_us(&all.schedule, now_us);
}

static uint64_t turn_active(uint64_t now_us)
{
	struct client *c;

	for (uint32_t i = 0; i < KICKS_PER_TURN; i++) {
		if (all.unanswered >= all.active || (c = next_open(1)) == NULL)
			return UINT64_MAX;
		ask(c, clock_cycles());
	}
	return now_us;
}

static uint64_t turn(struct run *r, uint64_t now_us)
{
	if (r->phase <= RUN_OPENING || run_ending(r))
		return UINT64_MAX;
	if (all.open_loop) {
		if (all.schedule.interval_cycles <= 0)
			schedule_init(&all.schedule, r->options->rate);
		return turn_open_loop(now_us);
	}
	if (all.active > 0)
		return turn_active(now_us);
	/* The first request on each; also on those that came later. */
	for (uint32_t i = 0; i < KICKS_PER_TURN && all.kicked < all.n_open; i++) {
		struct client *c = all.open[all.kicked++];
		struct asker *a = client_user(c);

		if (a->asked == 0)
			ask(c, clock_cycles());
	}
	return all.kicked < all.n_open ? now_us : UINT64_MAX;
}

static void measure(struct run *r, bool begins)
{
	if (begins) {
		all.from = all.done;
		return;
	}
	all.done -= all.from;
	for (uint32_t i = 0; i < all.n_open; i++) {
		const struct asker *a = client_user(all.open[i]);

		all.answered_on += a->answered > 0;
		if (a->asked != a->answered && clock_since_ns(a->since[a->answered % FLIGHT_MAX]) > STUCK_NS)
			run_error(r, "unanswered");
	}
}

static void finish(struct run *r, struct result *result)
{
	result_metric(result, "requests_per_s", (double)all.done / r->measured_s);
	result_metric(result, "answered_connections", all.answered_on);
	result_latency(result, "latency", &r->latency);
	free(all.open);
	all.open = NULL;
}

static void progress(struct run *r, uint64_t us, char *buf, size_t buf_bytes)
{
	(void)r;
	quantity_rate(buf, buf_bytes, "requests", all.done, &all.shown, us);
}

const struct workload workload_request = {
	.name = "request",
	.summary = "small requests and replies on open connections: rate and latency",
	.state_bytes = sizeof(struct asker),
	.all_open_first = true,
	.start = start,
	.received = received,
	.ended = ended,
	.turn = turn,
	.measure = measure,
	.finish = finish,
	.progress = progress,
};
