/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast one transfer goes on paths of different kinds, over many seeds, against
 * bounds that are checked in: a change that makes TCP slower fails here. Each bound
 * is a share of what the path allows: its rate, or, where random loss is the limit,
 * the rate of Mathis et al. (1997), MSS / RTT * sqrt(3/2) / sqrt(p).
 *
 * goodput [--seeds N] [--path N]; prints TAP and the table.
 */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/eal.h"
#include "sim.h"

#define MSS 1448.0
#define SEEDS_MAX 200

struct path {
	const char *name;
	double mbit;		/* of the bottleneck */
	uint64_t rtt_us;
	uint32_t queue_packets;
	struct wire_faults faults;
	uint32_t buffer_bytes;
	uint64_t bytes;
	unsigned int flows;
	double mean_share, p10_share;	/* of what the path allows, at least */
	double ratio;		/* two flows: the faster over the slower, mean, at most */
};

/*
 * Measured, less a margin. Where the bounds are far from 1, bursts overflow short queues (no pacing yet), and
 * a window that was halved without a loss stays so (no undo yet).
 */
static const struct path paths[] = {
	{ "LAN", 1000, 200, 500, { .loss = 0 }, 262144, 8000000, 1, 0.95, 0.95, 0 },
	{ "100 Mbit/s, 40 ms, 50 packets", 100, 40000, 50, { .loss = 0 }, 1000000, 64000000, 1, 0.38, 0.38, 0 },
	{ "10 Mbit/s, 100 ms, 100 packets", 10, 100000, 100, { .loss = 0 }, 1000000, 12000000, 1, 0.65, 0.60, 0 },
	{ "20 ms, 0.1 % lost", 100, 20000, 1000, { .loss = 0.001 }, 1000000, 40000000, 1, 1.00, 0.90, 0 },
	{ "20 ms, 1 % lost", 100, 20000, 1000, { .loss = 0.01 }, 1000000, 40000000, 1, 1.05, 0.95, 0 },
	{ "20 ms, 5 % lost", 100, 20000, 1000, { .loss = 0.05 }, 1000000, 4000000, 1, 0.95, 0.70, 0 },
	{ "40 ms, bursts of 5", 50, 40000, 1000, { .burst_begin = 0.001, .burst_end = 0.2 }, 1000000, 4000000, 1, 0.40, 0.20, 0 },
	{ "40 ms, 1 % overtaken by up to 5 ms", 50, 40000, 1000, { .reorder = 0.01, .reorder_us = 5000 }, 1000000, 4000000, 1, 0.30, 0.15, 0 },
	{ "100 Mbit/s, 200 ms, 1000 packets", 100, 200000, 1000, { .loss = 0 }, 4194304, 80000000, 1, 0.50, 0.50, 0 },
	{ "two flows, 100 Mbit/s, 40 ms", 100, 40000, 50, { .loss = 0 }, 1000000, 64000000, 2, 0.40, 0.38, 2.6 },
};

/* What the path allows, in Mbit/s of payload. */
static double allowed(const struct path *p)
{
	double wire = p->mbit * MSS / (MSS + 66), loss = p->faults.loss;
	double mathis = loss > 0 ? MSS * 8 / (double)p->rtt_us * sqrt(1.5 / loss) : wire;

	return mathis < wire ? mathis : wire;
}

static uint8_t controller;

static void make_scenario(const struct path *p, struct scenario *sc, uint64_t seed)
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
			.congestion = controller, .mtu = 1500, .max_conns = 16, .max_half_open = 8,
			.rcv_buffer_bytes = p->buffer_bytes, .snd_buffer_bytes = p->buffer_bytes,
			.offloads = NETIF_TX_SCATTER, .secret = { seed, 7 },
		};
	}
	/* Host 1 sends; only what it sends meets the bottleneck and the faults. */
	sc->faults[0] = sc->healed[0] = (struct wire_faults){ .delay_us = p->rtt_us / 2 };
	sc->faults[1] = sc->healed[1] = f;
	sc->n_flows = p->flows;
	for (unsigned int i = 0; i < p->flows; i++) {
		sc->flows[i].port = SIM_PORT;
		sc->flows[i].start_us = i * 3000;
		for (int side = 0; side < 2; side++)
			sc->flows[i].ends[side] = (struct end_plan){ .write_max = 16384, .mbuf_max = 1900 };
		sc->flows[i].ends[1].tx_bytes = p->bytes;
	}
}

/* Mbit/s of all flows together; *ratio: of the fastest to the slowest. Below 0: failed. */
static double run(const struct path *p, uint64_t seed, double *ratio)
{
	static struct sim s;
	struct scenario sc;
	double fast = 0, slow = INFINITY, end_us = 0;

	make_scenario(p, &sc, seed);
	sim_init(&s, seed, &sc, NULL);
	s.check = false;
	sim_run(&s);
	for (unsigned int i = 0; i < p->flows; i++) {
		double us = (double)(s.flows[i].end_us - s.flows[i].start_us);

		fast = fmax(fast, (double)p->bytes * 8 / us);
		slow = fmin(slow, (double)p->bytes * 8 / us);
		end_us = fmax(end_us, (double)(s.flows[i].end_us - s.start_us));
	}
	*ratio = fast / slow;
	if (!sim_fini(&s)) {
		printf("# %s, seed %llu: %s\n", p->name, (unsigned long long)seed, s.failure);
		return -1;
	}
	return (double)p->bytes * 8 * p->flows / end_us;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool measure(const struct path *p, unsigned int number, unsigned int seeds)
{
	double got[SEEDS_MAX], sum = 0, ratios = 0, ratio, most = allowed(p), mean, p10;
	bool good = true;

	for (unsigned int i = 0; i < seeds; i++) {
		got[i] = run(p, i + 1, &ratio);
		good = good && got[i] >= 0;
		sum += got[i];
		ratios += ratio;
	}
	qsort(got, seeds, sizeof(got[0]), compare);
	mean = sum / seeds;
	p10 = got[seeds / 10];
	ratio = ratios / seeds;
	/* Twice what random loss allows: it doesn't yield as it should, and takes it from others. */
	good = good && (p->faults.loss == 0 || mean <= 2 * most);
	good = good && mean >= p->mean_share * most && p10 >= p->p10_share * most && (p->ratio == 0 || ratio <= p->ratio);
	printf("%s %u - %s: mean %.1f, median %.1f, worst tenth %.1f of %.1f Mbit/s (bounds %.1f, %.1f)", good ? "ok" : "not ok",
	       number, p->name, mean, got[seeds / 2], p10, most, p->mean_share * most, p->p10_share * most);
	if (p->flows > 1)
		printf(", faster over slower %.2f", ratio);
	printf("\n");
	fflush(stdout);
	return good;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seeds", required_argument, NULL, 'n' }, { "controller", required_argument, NULL, 'c' }, { "path", required_argument, NULL, 'p' }, { NULL, 0, NULL, 0 },
	};
	unsigned int seeds = 10, n = sizeof(paths) / sizeof(paths[0]), only = 0;
	bool good = true;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'n')
			seeds = (unsigned int)strtoul(optarg, NULL, 0);
		else if (opt == 'p')
			only = (unsigned int)strtoul(optarg, NULL, 0);
		if (opt == 'c')
			controller = (uint8_t)atoi(optarg);
		if (opt == '?' || seeds == 0 || seeds > SEEDS_MAX || only > n) {
			fprintf(stderr, "usage: goodput [--seeds 1..%d] [--path 1..%u]\n", SEEDS_MAX, n);
			return 2;
		}
	}
	test_eal_init();
	for (unsigned int i = 0; i < n; i++)
		if (only == 0 || only == i + 1)
			good = measure(&paths[i], i + 1, seeds) && good;
	printf("1..%u\n", n);
	return good ? 0 : 1;
}
