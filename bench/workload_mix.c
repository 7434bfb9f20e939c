/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a storm of handshakes does to those who are connected already. Three kinds
 * share --connections: a quarter are newcomers, who dial, read the greeting, close and
 * dial again without a pause; of the rest one in 32, at least one, takes bulk data;
 * the others ask small questions, --rate a second all together (default 2,000), by a
 * schedule: each answer's time counts from when its question should have gone out.
 * Bulk data comes as fast as it goes through; or, with --bulk-rate, so many bits a second
 * are asked for on each such connection, in large replies, as long as the last one came.
 *
 * The first half of --seconds is calm, the second half has the newcomers in it: the
 * same numbers from both stand side by side. The first half of the warm-up is a storm
 * as well: neither end meets its memory for the first time in the measured one.
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

#define RATE_DEFAULT 2000.0
#define BULK_SHARE 32u
#define NEWCOMERS_SHARE 4u
#define DIALS_PER_TURN 16u
#define SEARCH_MAX 256u
#define BULK_LINE "BULK down\r\n"
#define CHUNK_BYTES PATTERN_RUN		/* of bulk data that is asked for */

enum role { ASKER, TAKER, NEWCOMER, ROLES };

struct mixed {
	uint8_t role;
	bool joined, waiting;	/* who asks: in its group; its question isn't answered */
	uint32_t index;		/* in its group */
	uint32_t got_bytes;	/* of the reply */
	uint64_t number;	/* of questions, or bytes of bulk data */
	uint64_t since;		/* when the question should have gone out */
};

/* Those who ask by a schedule: the askers, and with --bulk-rate the takers. */
struct group {
	struct schedule schedule;
	double per_s;			/* 0: these don't ask */
	uint32_t request_bytes, reply_bytes;
	struct client **clients;
	uint32_t n, next;
};

struct tally {
	uint64_t answers, bytes, handshakes;
};

static struct {
	struct group groups[NEWCOMER];
	uint32_t want[ROLES], have[ROLES];
	struct histogram calm, handshake;
	bool storm;
	struct tally so_far, at_begin, at_storm, at_end;
	uint64_t begin_us, storm_us, end_us;
	uint64_t shown;
} all;

static double rate_of(const struct run *r)
{
	return r->options->rate > 0 ? r->options->rate : RATE_DEFAULT;
}

static void free_groups(void)
{
	for (unsigned int i = 0; i < NEWCOMER; i++)
		free(all.groups[i].clients);
}

static int make_groups(const struct run *r, struct error *err)
{
	const struct options *o = r->options;

	all.groups[ASKER] = (struct group){ .per_s = rate_of(r), .request_bytes = o->request_bytes,
					    .reply_bytes = o->reply_bytes };
	all.groups[TAKER] = (struct group){ .per_s = o->bulk_rate * all.want[TAKER] / (8.0 * CHUNK_BYTES),
					    .request_bytes = sizeof(uint64_t), .reply_bytes = CHUNK_BYTES };
	for (unsigned int i = 0; i < NEWCOMER; i++) {
		all.groups[i].clients = calloc(all.want[i], sizeof(struct client *));
		if (all.groups[i].clients == NULL)
			return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	}
	return 0;
}

static int start(struct run *r, struct error *err)
{
	const struct options *o = r->options;

	free_groups();
	memset(&all, 0, sizeof(all));
	if (o->connections < 4)
		return error_set(err, -EINVAL, ERROR_INVALID, "--connections", "mix needs at least 4");
	if (o->request_bytes < 8 || o->reply_bytes < 8 || o->request_bytes > PATTERN_RUN || o->reply_bytes > PATTERN_RUN)
		return error_set(err, -EINVAL, ERROR_INVALID, "--request-bytes, --reply-bytes", "8 to %u can be asked for",
				 PATTERN_RUN);
	all.want[NEWCOMER] = o->connections / NEWCOMERS_SHARE;
	all.want[TAKER] = RTE_MAX(1u, (o->connections - all.want[NEWCOMER]) / BULK_SHARE);
	all.want[ASKER] = o->connections - all.want[NEWCOMER] - all.want[TAKER];
	r->want_open = all.want[ASKER] + all.want[TAKER];
	return make_groups(r, err);
}

static bool newcomers_welcome(const struct run *r)
{
	uint64_t warming_us = r->transport->now_us - r->phase_from_us;

	return all.storm || (r->phase == RUN_WARMING && warming_us < (uint64_t)(r->options->warmup_s * 5e5));
}

/* Another of the kind that there are too few of. */
static bool dial(struct run *r)
{
	enum role role = all.have[TAKER] < all.want[TAKER] ? TAKER : all.have[ASKER] < all.want[ASKER] ? ASKER : NEWCOMER;
	struct client *c;

	if (role == NEWCOMER ? !newcomers_welcome(r) || all.have[NEWCOMER] == all.want[NEWCOMER]
			     : r->clients->n_dialing >= r->want_dialing)
		return false;
	c = client_dial(r->clients);
	if (c == NULL)
		return false;
	((struct mixed *)client_user(c))->role = (uint8_t)role;
	all.have[role]++;
	return true;
}

static void ask(struct client *c, uint64_t since)
{
	struct mixed *x = client_user(c);
	struct rte_mbuf *m = pattern_chain(client_run(c)->transport->mbufs, 0, all.groups[x->role].request_bytes);

	if (m == NULL) {
		client_fail(c, "no_memory");
		return;
	}
	x->number++;
	memcpy(rte_pktmbuf_mtod(m, void *), &x->number, sizeof(x->number));
	x->waiting = true;
	x->got_bytes = 0;
	x->since = since;
	client_send(c, m);
}

/* The next in turn that isn't waiting for an answer. */
static struct client *next_asker(struct group *g)
{
	for (uint32_t i = 0; i < g->n && i < SEARCH_MAX; i++) {
		struct client *c = g->clients[g->next++ % g->n];

		if (!((struct mixed *)client_user(c))->waiting)
			return c;
	}
	return NULL;
}

/* Asks what is due; when the next is. */
static uint64_t ask_due(struct group *g, uint64_t now_us)
{
	struct client *c;
	uint64_t due;

	if (g->per_s <= 0)
		return UINT64_MAX;
	if (g->schedule.interval_cycles <= 0)
		schedule_init(&g->schedule, g->per_s);
	while ((due = schedule_due(&g->schedule)) != 0 && (c = next_asker(g)) != NULL) {
		schedule_take(&g->schedule);
		ask(c, due);
	}
	return schedule_next_us(&g->schedule, now_us);
}

static void begin_storm(struct run *r)
{
	all.storm = true;
	all.storm_us = clock_now_us();
	all.at_storm = all.so_far;
	r->want_open += all.want[NEWCOMER];
}

static uint64_t turn(struct run *r, uint64_t now_us)
{
	uint64_t next_us = UINT64_MAX;
	uint32_t n = 0;

	if (run_ending(r))
		return UINT64_MAX;
	if (run_measuring(r) && !all.storm && now_us >= all.begin_us + (uint64_t)(r->options->seconds * 5e5))
		begin_storm(r);
	while (n < DIALS_PER_TURN && dial(r))
		n++;
	if (r->phase <= RUN_OPENING)
		return n == DIALS_PER_TURN ? now_us : UINT64_MAX;
	for (unsigned int i = 0; i < NEWCOMER; i++)
		next_us = RTE_MIN(next_us, ask_due(&all.groups[i], now_us));
	return n == DIALS_PER_TURN ? now_us : next_us;
}

static void greeted(struct client *c)
{
	struct mixed *x = client_user(c);
	struct group *g = &all.groups[x->role];
	char line[64];
	int n;

	if (x->role == NEWCOMER) {
		all.so_far.handshakes++;
		if (run_measuring(client_run(c)))
			histogram_record(&all.handshake, clock_since_ns(c->dialled));
		client_close(c);
	} else if (g->per_s <= 0) {
		client_send_bytes(c, BULK_LINE, sizeof(BULK_LINE) - 1);
	} else {
		n = snprintf(line, sizeof(line), "PING %u %u\r\n", g->request_bytes, g->reply_bytes);
		client_send_bytes(c, line, (uint32_t)n);
		if (c->ended)
			return;
		x->joined = true;
		x->index = g->n;
		g->clients[g->n++] = c;
	}
}

/* The reply repeats the question's number; what follows is the pattern. */
static bool reply_is_right(const struct mixed *x, const uint8_t *data, uint32_t bytes)
{
	uint32_t n = 0;

	if (x->got_bytes < 8) {
		n = RTE_MIN(8 - x->got_bytes, bytes);
		if (memcmp(data, (const uint8_t *)&x->number + x->got_bytes, n) != 0)
			return false;
	}
	return memcmp(data + n, pattern_at(0) + x->got_bytes + n, bytes - n) == 0;
}

static void answer_came(struct client *c, const struct rte_mbuf *m)
{
	struct mixed *x = client_user(c);
	uint32_t reply_bytes = all.groups[x->role].reply_bytes;
	struct run *r = client_run(c);

	for (; m != NULL; m = m->next) {
		if (!x->waiting || m->data_len > reply_bytes - x->got_bytes ||
		    !reply_is_right(x, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len)) {
			client_fail(c, "wrong_reply");
			return;
		}
		x->got_bytes += m->data_len;
		if (x->role == TAKER)
			all.so_far.bytes += m->data_len;
		if (x->got_bytes < reply_bytes)
			continue;
		x->waiting = false;
		if (x->role == TAKER)
			continue;
		all.so_far.answers++;
		if (run_measuring(r))
			histogram_record(all.storm ? &r->latency : &all.calm, clock_since_ns(x->since));
	}
}

static void bulk_came(struct client *c, const struct rte_mbuf *m)
{
	struct mixed *x = client_user(c);

	if (!pattern_check(m, x->number)) {
		client_fail(c, "wrong_data");
		return;
	}
	x->number += m->pkt_len;
	all.so_far.bytes += m->pkt_len;
}

static void received(struct client *c, struct rte_mbuf *plain)
{
	struct mixed *x = client_user(c);

	if (!c->greeted) {
		if (client_greeting(c, plain))
			greeted(c);
		return;
	}
	if (x->joined)
		answer_came(c, plain);
	else if (x->role == TAKER)
		bulk_came(c, plain);
	rte_pktmbuf_free(plain);
}

static void ended(struct client *c, enum client_end end)
{
	struct mixed *x = client_user(c);

	all.have[x->role]--;
	if (x->joined) {
		struct group *g = &all.groups[x->role];
		struct client *last = g->clients[--g->n];

		g->clients[x->index] = last;
		((struct mixed *)client_user(last))->index = x->index;
	}
	if (end == CLIENT_PEER_CLOSED)
		run_error(client_run(c), "closed_early");
}

static void measure(struct run *r, bool begins)
{
	(void)r;
	*(begins ? &all.begin_us : &all.end_us) = clock_now_us();
	*(begins ? &all.at_begin : &all.at_end) = all.so_far;
}

static double per_s(uint64_t from, uint64_t to, uint64_t from_us, uint64_t to_us)
{
	return (double)(to - from) * 1e6 / (double)(to_us - from_us);
}

static void finish(struct run *r, struct result *result)
{
	uint64_t b = all.begin_us, s = all.storm_us, e = all.end_us;

	result_parameter_int(result, "newcomers", all.want[NEWCOMER]);
	result_parameter_int(result, "bulk_connections", all.want[TAKER]);
	result_parameter_real(result, "asked_per_s", rate_of(r));
	if (r->options->bulk_rate > 0)
		result_parameter_real(result, "bulk_asked_bits_per_s", r->options->bulk_rate * all.want[TAKER]);
	if (all.storm && s > b && e > s) {
		result_metric(result, "handshakes_per_s", per_s(all.at_storm.handshakes, all.at_end.handshakes, s, e));
		result_metric(result, "requests_per_s", per_s(all.at_storm.answers, all.at_end.answers, s, e));
		result_metric(result, "down_bits_per_s", 8 * per_s(all.at_storm.bytes, all.at_end.bytes, s, e));
		result_metric(result, "calm_requests_per_s", per_s(all.at_begin.answers, all.at_storm.answers, b, s));
		result_metric(result, "calm_down_bits_per_s", 8 * per_s(all.at_begin.bytes, all.at_storm.bytes, b, s));
		result_latency(result, "latency", &r->latency);
		result_latency(result, "calm", &all.calm);
		result_latency(result, "handshake", &all.handshake);
	} else {
		run_error(r, "no_storm");
	}
	free_groups();
	memset(all.groups, 0, sizeof(all.groups));
}

static void progress(struct run *r, uint64_t us, char *buf, size_t buf_bytes)
{
	char text[QUANTITY_BYTES];

	(void)r;
	snprintf(buf, buf_bytes, "%s, %s handshakes/s", all.storm ? "storm" : "calm",
		 quantity_number((double)(all.so_far.handshakes - all.shown) * 1e6 / (double)us, text));
	all.shown = all.so_far.handshakes;
}

const struct workload workload_mix = {
	.name = "mix",
	.summary = "requests and bulk on open connections, calm and in a storm of handshakes",
	.state_bytes = sizeof(struct mixed),
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
