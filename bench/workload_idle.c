/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions that are open and do nothing, as most of a mail server's are at any time:
 * opens --connections of them, at most --dialing in their handshake at a time and not
 * more than --rate a second, reads each one's greeting, and holds them for --seconds.
 * What they cost the gateway, whoever runs this reads off there.
 *
 * One that ends while it is held is an error, and isn't dialled again.
 */
#include <stdio.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/client.h"
#include "bench/options.h"
#include "bench/quantity.h"
#include "bench/run.h"
#include "bench/schedule.h"
#include "bench/workload.h"

#define DIALS_PER_TURN 16u

static struct {
	struct schedule schedule;
	struct histogram open;
	uint32_t greeted, least;	/* least: while they were held */
	uint64_t from_us, opened_us;	/* opened_us: until all were greeted; 0: not yet */
} all;

static int start(struct run *r, struct error *err)
{
	(void)err;
	memset(&all, 0, sizeof(all));
	all.from_us = clock_now_us();
	if (r->options->rate > 0)
		schedule_init(&all.schedule, r->options->rate);
	return 0;
}

static bool may_dial(const struct run *r)
{
	const struct clients *c = r->clients;

	return r->phase < RUN_MEASURING && c->n_dialing < r->want_dialing && clients_working(c) < r->want_open;
}

static uint64_t turn(struct run *r, uint64_t now_us)
{
	bool paced = r->options->rate > 0;
	uint32_t n = 0;

	while (n < DIALS_PER_TURN && may_dial(r) && (!paced || schedule_due(&all.schedule) != 0)) {
		if (paced)
			schedule_take(&all.schedule);
		if (client_dial(r->clients) == NULL)
			break;
		n++;
	}
	if (!may_dial(r))
		return UINT64_MAX;
	return paced ? schedule_next_us(&all.schedule, now_us) : now_us;
}

static void received(struct client *c, struct rte_mbuf *plain)
{
	if (c->greeted) {
		rte_pktmbuf_free(plain);	/* some servers say that they are still there */
		return;
	}
	if (!client_greeting(c, plain))
		return;
	histogram_record(&all.open, clock_since_ns(c->dialled));
	if (++all.greeted == client_run(c)->want_open && all.opened_us == 0)
		all.opened_us = clock_now_us() - all.from_us;
}

static void ended(struct client *c, enum client_end end)
{
	struct run *r = client_run(c);

	all.greeted -= c->greeted;
	if (run_measuring(r) && all.greeted < all.least)
		all.least = all.greeted;
	if (end == CLIENT_PEER_CLOSED)
		run_error(r, "closed_early");
}

static void measure(struct run *r, bool begins)
{
	(void)r;
	if (begins)
		all.least = all.greeted;
}

static void finish(struct run *r, struct result *result)
{
	(void)r;
	result_metric(result, "held_sessions", all.least);
	if (all.opened_us > 0) {
		result_metric(result, "all_open_s", (double)all.opened_us / 1e6);
		result_metric(result, "opens_per_s", (double)all.open.count * 1e6 / (double)all.opened_us);
	}
	result_latency(result, "latency", &all.open);
}

static void progress(struct run *r, uint64_t us, char *buf, size_t buf_bytes)
{
	char text[QUANTITY_BYTES];

	(void)r;
	(void)us;
	snprintf(buf, buf_bytes, "%s sessions open", quantity_number(all.greeted, text));
}

const struct workload workload_idle = {
	.name = "idle",
	.summary = "opens sessions and holds them, doing nothing",
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
