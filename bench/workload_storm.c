/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everybody reconnects at once, as after a restart of a switch on the way: all of
 * --connections sessions are open, all are reset in the same moment, and all dial
 * again at once. How long until each is back (its greeting read), and until all are.
 * Once they are, there is a moment of calm, and then the next storm, for --seconds.
 *
 * Each one's time counts from the moment in which it was thrown out, whatever it had
 * to wait for: its turn at the load generator, or a second attempt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/client.h"
#include "bench/options.h"
#include "bench/quantity.h"
#include "bench/run.h"
#include "bench/workload.h"

#define DIALS_PER_TURN 32u	/* then what came meanwhile is read */
#define CALM_US 300000u
#define STORMS_MAX 256u

static struct {
	struct histogram storm;		/* the one that rages; it counts once it is over */
	double back_s[STORMS_MAX];
	unsigned int n;
	bool raging;
	uint64_t since, since_us;	/* when all were thrown out */
	uint64_t calm_until_us;
	uint32_t back;
	bool unfinished;
} all;

static int start(struct run *r, struct error *err)
{
	if (r->options->rate > 0)
		return error_set(err, -EINVAL, ERROR_INVALID, "--rate", "in a storm all dial at once");
	memset(&all, 0, sizeof(all));
	return 0;
}

static void throw_out(struct run *r)
{
	struct client *c;

	histogram_init(&all.storm);
	all.raging = true;
	all.since = clock_cycles();
	all.since_us = clock_now_us();
	while ((c = TAILQ_FIRST(&r->clients->open)) != NULL)
		client_abort(c);
}

static void over(struct run *r)
{
	all.raging = false;
	all.calm_until_us = clock_now_us() + CALM_US;
	histogram_merge(&r->latency, &all.storm);
	if (all.n < STORMS_MAX)
		all.back_s[all.n++] = (double)(clock_now_us() - all.since_us) / 1e6;
}

static uint64_t turn(struct run *r, uint64_t now_us)
{
	struct clients *clients = r->clients;
	bool opening = r->phase < RUN_MEASURING;
	uint32_t n = 0;

	if (run_ending(r))
		return UINT64_MAX;
	if (run_measuring(r) && !all.raging && now_us >= all.calm_until_us && all.back == r->want_open)
		throw_out(r);
	while (n < DIALS_PER_TURN && clients_working(clients) < r->want_open &&
	       (!opening || clients->n_dialing < r->want_dialing)) {
		struct client *c = client_dial(clients);

		if (c == NULL)
			break;
		if (all.raging)
			c->dialled = all.since;
		n++;
	}
	if (n == DIALS_PER_TURN)
		return now_us;
	return run_measuring(r) && !all.raging ? all.calm_until_us : UINT64_MAX;
}

static void received(struct client *c, struct rte_mbuf *plain)
{
	struct run *r = client_run(c);

	if (c->greeted) {
		rte_pktmbuf_free(plain);
		return;
	}
	if (!client_greeting(c, plain))
		return;
	all.back++;
	if (!all.raging)
		return;
	histogram_record(&all.storm, clock_since_ns(c->dialled));
	if (all.back == r->want_open)
		over(r);
}

static void ended(struct client *c, enum client_end end)
{
	all.back -= c->greeted;
	if (end == CLIENT_PEER_CLOSED)
		run_error(client_run(c), "closed_early");
}

static void measure(struct run *r, bool begins)
{
	(void)r;
	if (!begins)
		all.unfinished = all.raging;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void finish(struct run *r, struct result *result)
{
	result_parameter_real(result, "calm_s", CALM_US / 1e6);
	result_metric(result, "storms", all.n);
	if (all.n == 0) {
		run_error(r, "storm_not_over");
		return;
	}
	result_metric(result, "unfinished_storms", all.unfinished);
	qsort(all.back_s, all.n, sizeof(all.back_s[0]), by_value);
	result_metric(result, "all_back_s", all.back_s[all.n / 2]);
	result_metric(result, "all_back_longest_s", all.back_s[all.n - 1]);
	result_metric(result, "reconnects_per_s", r->want_open / all.back_s[all.n / 2]);
	result_latency(result, "latency", &r->latency);
}

static void progress(struct run *r, uint64_t us, char *buf, size_t buf_bytes)
{
	char text[QUANTITY_BYTES];

	(void)r;
	(void)us;
	snprintf(buf, buf_bytes, "%u storms over, %s sessions open", all.n, quantity_number(all.back, text));
}

const struct workload workload_storm = {
	.name = "storm",
	.summary = "all sessions are thrown out and dial again at once",
	.all_open_first = true,
	.dials_itself = true,
	.start = start,
	.turn = turn,
	.received = received,
	.ended = ended,
	.measure = measure,
	.finish = finish,
	.progress = progress,
};
