/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast transfers go on paths of different kinds, with each congestion controller
 * and over many seeds, against bounds that are checked in: a change that makes TCP
 * slower fails here. Each bound is a share of what the path allows: its rate; or, for
 * controllers that take every loss for congestion, where loss is random, the rate of
 * Mathis et al. (1997), MSS / RTT * sqrt(3/2) / sqrt(p), which CUBIC in its
 * Reno-friendly region (RFC 9438 4.3) has as well; or the rate that the same controller
 * has on the path before it in the table, which is the same without its losses.
 *
 * goodput [--seeds N] [--path N] [--controller NAME]; prints TAP and the table.
 */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/eal.h"
#include "sim.h"

#define MSS 1448.0
#define SEEDS_MAX 200
#define CONTROLLERS 3

static const struct {
	const char *name;
	uint8_t congestion;
} controllers[CONTROLLERS] = {
	{ "bbr", CONGESTION_BBR }, { "cubic", CONGESTION_CUBIC }, { "newreno", CONGESTION_NEWRENO },
};

/* At least, of what the path allows; 0: not asked. The median has the mean's. */
struct bound {
	double mean, p10;
};

struct path {
	const char *name;
	double mbit;		/* of the bottleneck */
	uint64_t rtt_us;
	uint32_t queue_packets;
	struct wire_faults faults;
	uint32_t buffer_bytes;
	uint64_t bytes;
	unsigned int flows;
	uint64_t settled_bytes;	/* the rate is measured from when so much had come: slow start isn't counted */
	unsigned int seeds_part;	/* one seed of so many runs; 0: all */
	bool after_lossless;	/* BBR's bound is a share of what it had on the path before */
	struct bound bounds[CONTROLLERS];	/* measured over 100 seeds, less a margin */
	double ratio;		/* two flows: the faster over the slower, mean, at most */
};

static const struct path paths[] = {
	{ .name = "LAN", .mbit = 1000, .rtt_us = 200, .queue_packets = 500, .buffer_bytes = 262144, .bytes = 8000000,
	  .bounds = { { 0.95, 0.95 }, { 0.95, 0.95 }, { 0.95, 0.95 } } },
	{ .name = "100 Mbit/s, 40 ms, 50 packets", .mbit = 100, .rtt_us = 40000, .queue_packets = 50,
	  .buffer_bytes = 1000000, .bytes = 64000000, .bounds = { { 0.85, 0.75 }, { 0.8, 0.7 }, { 0.75, 0.65 } } },
	{ .name = "10 Mbit/s, 100 ms, 100 packets", .mbit = 10, .rtt_us = 100000, .queue_packets = 100,
	  .buffer_bytes = 1000000, .bytes = 12000000, .bounds = { { 0.8, 0.8 }, { 0.8, 0.8 }, { 0.7, 0.7 } } },
	{ .name = "100 Mbit/s, 20 ms, 1000 packets", .mbit = 100, .rtt_us = 20000, .queue_packets = 1000,
	  .buffer_bytes = 1000000, .bytes = 20000000, .bounds = { { 0.8, 0.8 }, { 0.8, 0.8 }, { 0.8, 0.8 } } },
	{ .name = "the same, 1 % lost", .mbit = 100, .rtt_us = 20000, .queue_packets = 1000, .faults = { .loss = 0.01 },
	  .buffer_bytes = 1000000, .bytes = 20000000, .after_lossless = true,
	  .bounds = { { 0.9, 0.8 }, { 1.0, 0.9 }, { 0.9, 0.8 } } },
	{ .name = "20 ms, 0.1 % lost", .mbit = 100, .rtt_us = 20000, .queue_packets = 1000, .faults = { .loss = 0.001 },
	  .buffer_bytes = 1000000, .bytes = 20000000, .bounds = { { 0.8, 0.8 }, { 1.0, 0.9 }, { 0.8, 0.7 } } },
	{ .name = "20 ms, 5 % lost", .mbit = 100, .rtt_us = 20000, .queue_packets = 1000, .faults = { .loss = 0.05 },
	  .buffer_bytes = 1000000, .bytes = 8000000, .bounds = { { 0.3, 0.15 }, { 0.9, 0.7 }, { 0.8, 0.6 } } },
	{ .name = "50 Mbit/s, 40 ms, bursts of 5", .mbit = 50, .rtt_us = 40000, .queue_packets = 1000,
	  .faults = { .burst_begin = 0.001, .burst_end = 0.2 }, .buffer_bytes = 1000000, .bytes = 8000000,
	  .bounds = { { 0.75, 0.7 }, { 0.4, 0.2 }, { 0.3, 0.15 } } },
	{ .name = "50 Mbit/s, 40 ms, 1 % overtaken by up to 5 ms", .mbit = 50, .rtt_us = 40000, .queue_packets = 1000,
	  .faults = { .reorder = 0.01, .reorder_us = 5000 }, .buffer_bytes = 1000000, .bytes = 8000000,
	  .bounds = { { 0.75, 0.75 }, { 0.7, 0.6 }, { 0.7, 0.6 } } },
	{ .name = "100 Mbit/s, 200 ms, 1000 packets", .mbit = 100, .rtt_us = 200000, .queue_packets = 1000,
	  .buffer_bytes = 6291456, .bytes = 80000000, .bounds = { { 0.7, 0.65 }, { 0.7, 0.65 }, { 0.7, 0.65 } } },
	{ .name = "the same, when the window is open", .mbit = 100, .rtt_us = 200000, .queue_packets = 1000,
	  .buffer_bytes = 6291456, .bytes = 400000000, .settled_bytes = 80000000, .seeds_part = 4,
	  .bounds = { { 0.93, 0.92 }, { 0.97, 0.97 }, { 0.97, 0.97 } } },
	{ .name = "20 Mbit/s, 60 ms, up to 10 ms of jitter, 0.5 % lost", .mbit = 20, .rtt_us = 60000, .queue_packets = 200,
	  .faults = { .loss = 0.005, .jitter_us = 10000 }, .buffer_bytes = 1000000, .bytes = 8000000,
	  .bounds = { { 0.7, 0.65 }, { 0.9, 0.8 }, { 0.8, 0.7 } } },
	{ .name = "two flows, 100 Mbit/s, 40 ms, 50 packets", .mbit = 100, .rtt_us = 40000, .queue_packets = 50,
	  .buffer_bytes = 1000000, .bytes = 32000000, .flows = 2,
	  .bounds = { { 0.75, 0.65 }, { 0.6, 0.5 }, { 0.6, 0.5 } }, .ratio = 2 },
	/* Queues that mark (RFC 3168) when 50 packets wait, and drop nothing as long as that is heeded. */
	{ .name = "100 Mbit/s, 40 ms, marked from 50 packets on", .mbit = 100, .rtt_us = 40000, .queue_packets = 1000,
	  .faults = { .mark_bytes = 50 * 1514 }, .buffer_bytes = 1000000, .bytes = 32000000,
	  .bounds = { { 0.75, 0.65 }, { 0.75, 0.65 }, { 0.7, 0.6 } } },
	{ .name = "two flows, 100 Mbit/s, 40 ms, marked from 50 packets on", .mbit = 100, .rtt_us = 40000, .queue_packets = 1000,
	  .faults = { .mark_bytes = 50 * 1514 }, .buffer_bytes = 1000000, .bytes = 32000000, .flows = 2,
	  .bounds = { { 0.75, 0.65 }, { 0.75, 0.65 }, { 0.7, 0.6 } }, .ratio = 2 },
};

#define PATHS (sizeof(paths) / sizeof(paths[0]))

/* What came of it. */
struct outcome {
	double mean, median, p10, p90, ratio;
	bool measured;
};
static struct outcome outcomes[PATHS][CONTROLLERS];

/* What the path allows, in Mbit/s of payload. */
static double allowed(unsigned int path, unsigned int k)
{
	const struct path *p = &paths[path];
	double wire = p->mbit * MSS / (MSS + 66), loss = p->faults.loss, mathis;

	if (k == 0 && p->after_lossless && outcomes[path - 1][k].measured)
		return outcomes[path - 1][k].mean;
	if (k == 0 || loss == 0)
		return wire;
	mathis = MSS * 8 / (double)p->rtt_us * sqrt(1.5 / loss);
	return mathis < wire ? mathis : wire;
}

static unsigned int flows_of(const struct path *p)
{
	return p->flows > 1 ? p->flows : 1;
}

static void make_scenario(const struct path *p, uint8_t congestion, struct scenario *sc, uint64_t seed)
{
	struct wire_faults f = p->faults;

	memset(sc, 0, sizeof(*sc));
	f.delay_us = p->rtt_us / 2;
	f.bytes_per_s = (uint64_t)(p->mbit * 1e6 / 8);
	f.queue_bytes = p->queue_packets * 1514;
	sc->start_us = 1000000 + seed * 7919;
	sc->heal_us = 600000000;	/* never */
	sc->limit_us = 600000000;
	for (int i = 0; i < 2; i++) {
		sc->hosts[i] = (struct host_config){
			.congestion = congestion, .mtu = 1500, .max_conns = 16, .max_half_open = 8,
			.rcv_buffer_bytes = p->buffer_bytes, .snd_buffer_bytes = p->buffer_bytes,
			.ecn = p->faults.mark_bytes > 0 ? ECN_ON : ECN_ACCEPT, .offloads = NETIF_TX_SCATTER, .secret = { seed, 7 },
		};
	}
	/* Host 1 sends; only what it sends meets the bottleneck and the faults. */
	sc->faults[0] = sc->healed[0] = (struct wire_faults){ .delay_us = p->rtt_us / 2 };
	sc->faults[1] = sc->healed[1] = f;
	sc->n_flows = flows_of(p);
	for (unsigned int i = 0; i < sc->n_flows; i++) {
		sc->flows[i].port = SIM_PORT;
		sc->flows[i].start_us = i * 3000;
		for (int side = 0; side < 2; side++)
			sc->flows[i].ends[side] = (struct end_plan){ .write_max = 16384, .mbuf_max = 1900 };
		sc->flows[i].ends[1].tx_bytes = p->bytes;
	}
}

/* Mbit/s of all flows together; *ratio: of the fastest to the slowest. Below 0: failed. */
static double run(const struct path *p, unsigned int k, uint64_t seed, double *ratio)
{
	static struct sim s;
	struct scenario sc;
	double fast = 0, slow = INFINITY, end_us = 0;
	bool marks_heeded;

	make_scenario(p, controllers[k].congestion, &sc, seed);
	sim_init(&s, seed, &sc, NULL);
	s.check = false;
	for (unsigned int i = 0; i < sc.n_flows; i++)
		s.flows[i].settled_bytes = p->settled_bytes;
	sim_run(&s);
	for (unsigned int i = 0; i < sc.n_flows; i++) {
		double us = (double)(s.flows[i].end_us - s.flows[i].start_us);

		fast = fmax(fast, (double)p->bytes * 8 / us);
		slow = fmin(slow, (double)p->bytes * 8 / us);
		end_us = fmax(end_us, (double)(s.flows[i].end_us - s.start_us));
	}
	*ratio = fast / slow;
	marks_heeded = p->faults.mark_bytes == 0 || (s.wires[1].marked > 0 && s.wires[1].queue_lost == 0 &&
						     s.hosts[1].counters.events[EVENT_TCP_RETRANSMIT] == 0);
	if (!sim_fini(&s)) {
		printf("# %s, %s, seed %llu: %s\n", controllers[k].name, p->name, (unsigned long long)seed, s.failure);
		return -1;
	}
	if (!marks_heeded) {
		printf("# %s, %s, seed %llu: marked or not, the queue ran over\n", controllers[k].name, p->name, (unsigned long long)seed);
		return -1;
	}
	if (p->settled_bytes > 0)
		return (double)(p->bytes - p->settled_bytes) * 8 / (double)(s.flows[0].end_us - s.flows[0].settled_us);
	return (double)p->bytes * 8 * sc.n_flows / end_us;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* False: a run failed. */
static bool run_all(unsigned int path, unsigned int k, unsigned int seeds)
{
	struct outcome *o = &outcomes[path][k];
	double got[SEEDS_MAX], ratio;
	bool good = true;

	if (paths[path].seeds_part > 0)
		seeds = (seeds + paths[path].seeds_part - 1) / paths[path].seeds_part;
	for (unsigned int i = 0; i < seeds; i++) {
		got[i] = run(&paths[path], k, i + 1, &ratio);
		good = good && got[i] >= 0;
		o->mean += got[i] / seeds;
		o->ratio += ratio / seeds;
	}
	qsort(got, seeds, sizeof(got[0]), compare);
	o->median = got[seeds / 2];
	o->p10 = got[seeds / 10];
	o->p90 = got[seeds * 9 / 10];
	o->measured = true;
	return good;
}

static bool measure(unsigned int path, unsigned int k, unsigned int seeds)
{
	const struct path *p = &paths[path];
	const struct outcome *o = &outcomes[path][k];
	const struct bound *b = &p->bounds[k];
	bool good = true;
	double most;

	if (k == 0 && p->after_lossless && !outcomes[path - 1][k].measured)
		good = run_all(path - 1, k, seeds);
	most = allowed(path, k);
	good = run_all(path, k, seeds) && good;
	/* Far more than random loss allows, slow start until the first loss included: it doesn't yield as it should. */
	good = good && (k == 0 || p->faults.loss == 0 || o->mean <= 3 * most);
	good = good && o->mean >= b->mean * most && o->median >= b->mean * most && o->p10 >= b->p10 * most;
	good = good && (p->ratio == 0 || o->ratio <= p->ratio);
	printf("%s %u - %s, %s: mean %.1f, median %.1f, worst tenth %.1f, best tenth %.1f of %.1f Mbit/s (bounds %.1f, %.1f)",
	       good ? "ok" : "not ok", k * (unsigned int)PATHS + path + 1, controllers[k].name, p->name,
	       o->mean, o->median, o->p10, o->p90, most, b->mean * most, b->p10 * most);
	if (p->flows > 1)
		printf(", faster over slower %.2f", o->ratio);
	printf("\n");
	fflush(stdout);
	return good;
}

/* As docs/tcp.md has it. */
static void print_table(unsigned int seeds)
{
	printf("# %u seeds, Mbit/s: mean, median (worst tenth to best tenth)\n# | path and its rate |", seeds);
	for (unsigned int k = 0; k < CONTROLLERS; k++)
		printf(" %s |", controllers[k].name);
	printf("\n# |---|---|---|---|\n");
	for (unsigned int i = 0; i < PATHS; i++) {
		printf("# | %s: %.1f |", paths[i].name, paths[i].mbit * MSS / (MSS + 66));
		for (unsigned int k = 0; k < CONTROLLERS; k++) {
			const struct outcome *o = &outcomes[i][k];

			printf(" %.1f, %.1f (%.1f to %.1f)", o->mean, o->median, o->p10, o->p90);
			if (paths[i].flows > 1)
				printf(", ratio %.2f", o->ratio);
			printf(" |");
		}
		printf("\n");
	}
}

static int usage(FILE *out)
{
	fprintf(out, "usage: goodput [--seeds 1..%d] [--path 1..%zu] [--controller bbr|cubic|newreno]\n"
		"Bulk data over lossy and narrow paths in virtual time, against what each path allows: TAP, and a table.\n",
		SEEDS_MAX, PATHS);
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seeds", required_argument, NULL, 'n' }, { "path", required_argument, NULL, 'p' },
		{ "controller", required_argument, NULL, 'c' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	unsigned int seeds = 4, only = 0, from = 0, to = CONTROLLERS;
	bool good = true;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			seeds = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'p':
			only = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'c':
			for (from = 0; from < CONTROLLERS && strcmp(optarg, controllers[from].name) != 0; from++)
				;
			to = from + 1;
			break;
		default:
			return usage(opt == 'h' ? stdout : stderr);
		}
	}
	if (seeds == 0 || seeds > SEEDS_MAX || only > PATHS || from == CONTROLLERS)
		return usage(stderr);
	test_eal_init();
	for (unsigned int k = from; k < to; k++)
		for (unsigned int i = 0; i < PATHS; i++)
			if (only == 0 || only == i + 1)
				good = measure(i, k, seeds) && good;
	if (only == 0 && to - from == CONTROLLERS)
		print_table(seeds);
	printf("1..%zu\n", CONTROLLERS * PATHS);
	return good ? 0 : 1;
}
