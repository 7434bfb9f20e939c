/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim [--seeds N] [--from N] [--seconds S]   a run over many seeds; prints TAP
 * sim --seed N [--pcap FILE]                 one seed again, with its frames
 */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "../unit/eal.h"
#include "sim.h"

#define BATCH 100

/* What all seeds together made the stacks do: a run that never retransmits proves little. */
static struct counters total;

static void add_counters(const struct counters *c)
{
	for (int i = 0; i < DROP_COUNT; i++)
		total.drops[i] += c->drops[i];
	for (int i = 0; i < EVENT_COUNT; i++)
		total.events[i] += c->events[i];
}

static void print_counters(void)
{
	for (int i = 0; i < EVENT_COUNT; i++)
		if (total.events[i] > 0)
			printf("# %s %llu\n", event_name((enum event)i), (unsigned long long)total.events[i]);
	for (int i = 0; i < DROP_COUNT; i++)
		if (total.drops[i] > 0)
			printf("# drop %s %llu\n", drop_name((enum drop)i), (unsigned long long)total.drops[i]);
}

struct result {
	bool good;
	uint64_t hash, frames, events, bytes;
	char failure[300];
};

/* Which seed is running, should an assertion end the program. */
static uint64_t current_seed;

static void say_seed(void)
{
	fprintf(stderr, "sim: in seed %llu\n", (unsigned long long)current_seed);
}

static struct result run_seed(uint64_t seed, FILE *pcap)
{
	static struct sim s;
	struct scenario sc;
	struct result r = { 0 };

	current_seed = seed;
	scenario_from_seed(&sc, seed);
	sim_init(&s, seed, &sc, pcap);
	if (!sim_run(&s))
		sim_app_explain(&s);
	r.good = sim_fini(&s);
	add_counters(&s.hosts[0].counters);
	add_counters(&s.hosts[1].counters);
	r.hash = s.frame_hash;
	r.frames = s.frames;
	r.events = s.events;
	r.bytes = s.rx_bytes;
	snprintf(r.failure, sizeof(r.failure), "%s", s.failure);
	return r;
}

static int one(uint64_t seed, const char *pcap_path)
{
	FILE *pcap = pcap_path ? fopen(pcap_path, "wb") : NULL;
	struct result r;

	if (pcap_path && !pcap) {
		perror(pcap_path);
		return 2;
	}
	if (pcap)
		sim_pcap_begin(pcap);
	r = run_seed(seed, pcap);
	if (pcap)
		fclose(pcap);
	printf("seed %llu: %s, %llu frames, %llu events, %llu bytes delivered, hash %016llx\n",
	       (unsigned long long)seed, r.good ? "good" : r.failure, (unsigned long long)r.frames,
	       (unsigned long long)r.events, (unsigned long long)r.bytes, (unsigned long long)r.hash);
	return r.good ? 0 : 1;
}

static unsigned int batch(uint64_t from, uint64_t n, uint64_t *frames, uint64_t *bytes)
{
	unsigned int failed = 0;

	for (uint64_t seed = from; seed < from + n; seed++) {
		struct result r = run_seed(seed, NULL);

		*frames += r.frames;
		*bytes += r.bytes;
		/* The same seed gives the same frames. */
		if (r.good && seed % 16 == 0 && run_seed(seed, NULL).hash != r.hash) {
			r.good = false;
			snprintf(r.failure, sizeof(r.failure), "the same seed gave other frames");
		}
		if (!r.good) {
			printf("# seed %llu: %s\n", (unsigned long long)seed, r.failure);
			failed++;
		}
	}
	return failed;
}

static int many(uint64_t from, uint64_t n, unsigned int seconds)
{
	uint64_t frames = 0, bytes = 0, seeds = 0;
	struct timespec begin, now;
	unsigned int failed = 0, tests = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		uint64_t size = seconds ? BATCH : (n - seeds < BATCH ? n - seeds : BATCH);
		unsigned int bad;

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (seconds ? now.tv_sec - begin.tv_sec >= seconds : seeds >= n)
			break;
		bad = batch(from + seeds, size, &frames, &bytes);
		printf("%s %u - seeds %llu to %llu\n", bad ? "not ok" : "ok", ++tests,
		       (unsigned long long)(from + seeds), (unsigned long long)(from + seeds + size - 1));
		fflush(stdout);
		seeds += size;
		failed += bad;
	}
	printf("# %llu seeds, %llu frames, %llu bytes delivered and verified, %.1f s\n", (unsigned long long)seeds,
	       (unsigned long long)frames, (unsigned long long)bytes,
	       (double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9);
	print_counters();
	printf("1..%u\n", tests);
	return failed ? 1 : 0;
}

static void on_abort(int sig)
{
	(void)sig;
	say_seed();
}


int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "seeds", required_argument, NULL, 'n' },
		{ "from", required_argument, NULL, 'f' }, { "seconds", required_argument, NULL, 't' },
		{ "pcap", required_argument, NULL, 'p' }, { NULL, 0, NULL, 0 },
	};
	uint64_t seed = 0, from = 1, n = 500;
	unsigned int seconds = 0;
	const char *pcap = NULL;
	bool single = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			single = true;
			break;
		case 'n':
			n = strtoull(optarg, NULL, 0);
			break;
		case 'f':
			from = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'p':
			pcap = optarg;
			break;
		default:
			fprintf(stderr, "usage: sim [--seeds N] [--from N] [--seconds S] | --seed N [--pcap FILE]\n");
			return 2;
		}
	}
	signal(SIGABRT, on_abort);
	test_eal_init();
	return single ? one(seed, pcap) : many(from, n, seconds);
}
