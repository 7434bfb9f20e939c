/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections per second: each shakes hands, reads the server's greeting and closes.
 * --connections are in flight at any time; with --rate so many are begun each second
 * whether the ones before have finished or not, and the time of each counts from when
 * it should have begun.
 */
#include <stdio.h>

#include <rte_mbuf.h>

#include "bench/client.h"
#include "bench/options.h"
#include "bench/quantity.h"
#include "bench/run.h"
#include "bench/schedule.h"
#include "bench/workload.h"

static struct {
	struct schedule schedule;
	uint64_t done, shown, from;
	uint64_t resumed_from;
} all;

static int start(struct run *r, struct error *err)
{
	(void)err;
	all = (__typeof__(all)){ 0 };
	r->want_dialing = r->want_open;
	return 0;
}

static uint64_t turn(struct run *r, uint64_t now_us)
{
	struct clients *clients = r->clients;
	uint64_t due;

	if (r->options->rate <= 0 || run_ending(r) || !clients->answered)
		return UINT64_MAX;
	if (r->want_dialing > 0) {
		r->want_dialing = 0;	/* the first has gone ahead; now the schedule dials */
		schedule_init(&all.schedule, r->options->rate);
	}
	while (clients_working(clients) < r->want_open && (due = schedule_due(&all.schedule)) != 0) {
		struct client *c = client_dial(clients);

		if (!c)
			break;
		c->dialled = due;
		schedule_take(&all.schedule);
	}
	return schedule_next_us(&all.schedule, now_us);
}

static void received(struct client *c, struct rte_mbuf *plain)
{
	struct run *r = client_run(c);

	if (!client_greeting(c, plain))
		return;
	all.done++;
	if (run_measuring(r))
		histogram_record(&r->latency, clock_since_ns(c->dialled));
	client_close(c);
}

static void ended(struct client *c, enum client_end end)
{
	if (end == CLIENT_PEER_CLOSED)
		run_error(client_run(c), "closed_early");
}

static void measure(struct run *r, bool begins)
{
	if (begins) {
		all.from = all.done;
		all.resumed_from = r->clients->resumed;
	} else {
		all.done -= all.from;
		all.resumed_from = r->clients->resumed - all.resumed_from;
	}
}

static void finish(struct run *r, struct result *result)
{
	result_metric(result, "handshakes_per_s", (double)all.done / r->measured_s);
	result_metric(result, "resumed", (double)all.resumed_from);
	result_latency(result, "latency", &r->latency);
}

static void progress(struct run *r, uint64_t us, char *buf, size_t buf_bytes)
{
	(void)r;
	quantity_rate(buf, buf_bytes, "handshakes", all.done, &all.shown, us);
}

const struct workload workload_handshake = {
	.name = "handshake",
	.summary = "connections per second: each reads the greeting and closes",
	.start = start,
	.turn = turn,
	.received = received,
	.ended = ended,
	.measure = measure,
	.finish = finish,
	.progress = progress,
};
