/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim [--seeds N] [--from N] [--seconds S]   a run over many seeds; prints TAP
 * sim --hours H [--from N]                   for long: a line of progress, and an end at the first failure
 * sim --list FILE                            the seeds that a file names, one a line, each with a remark
 * sim --seed N [--pcap FILE]                 one seed again, in words and with its frames
 */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
	struct scenario sc;
	struct result r;

	if (pcap_path && !pcap) {
		perror(pcap_path);
		return 2;
	}
	if (pcap)
		sim_pcap_begin(pcap);
	scenario_from_seed(&sc, seed);
	scenario_explain(&sc);
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

static double seconds_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

static void say_total(uint64_t seeds, uint64_t frames, uint64_t bytes, const struct timespec *begin)
{
	printf("# %llu seeds, %llu frames, %llu bytes delivered and verified, %.1f s\n", (unsigned long long)seeds,
	       (unsigned long long)frames, (unsigned long long)bytes, seconds_since(begin));
}

static int many(uint64_t from, uint64_t n, unsigned int seconds)
{
	uint64_t frames = 0, bytes = 0, seeds = 0;
	struct timespec begin;
	unsigned int failed = 0, tests = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		uint64_t size = seconds ? BATCH : (n - seeds < BATCH ? n - seeds : BATCH);
		unsigned int bad;

		if (seconds ? seconds_since(&begin) >= seconds : seeds >= n)
			break;
		bad = batch(from + seeds, size, &frames, &bytes);
		printf("%s %u - seeds %llu to %llu\n", bad ? "not ok" : "ok", ++tests,
		       (unsigned long long)(from + seeds), (unsigned long long)(from + seeds + size - 1));
		fflush(stdout);
		seeds += size;
		failed += bad;
	}
	say_total(seeds, frames, bytes, &begin);
	print_counters();
	printf("1..%u\n", tests);
	return failed ? 1 : 0;
}

static int listed(const char *path)
{
	FILE *f = fopen(path, "r");
	uint64_t frames = 0, bytes = 0, seed;
	unsigned int tests = 0, failed = 0;
	char line[200];

	if (!f) {
		perror(path);
		return 2;
	}
	while (fgets(line, sizeof(line), f)) {
		char *remark;
		bool bad;

		seed = strtoull(line, &remark, 10);
		if (remark == line)
			continue;
		bad = batch(seed, 1, &frames, &bytes) > 0;
		remark += strspn(remark, " \t");
		printf("%s %u - seed %llu: %.*s\n", bad ? "not ok" : "ok", ++tests, (unsigned long long)seed,
		       (int)strcspn(remark, "\n"), remark);
		failed += bad;
	}
	fclose(f);
	printf("1..%u\n", tests);
	return failed || tests == 0 ? 1 : 0;
}

/* On a terminal the line stays in its place. */
static void say_progress(uint64_t seed, const struct timespec *begin)
{
	fprintf(stderr, "%ssim: %.0f s, seed %llu, %llu retransmissions, %llu time-outs%s", isatty(2) ? "\r" : "", seconds_since(begin),
		(unsigned long long)seed, (unsigned long long)total.events[EVENT_TCP_RETRANSMIT],
		(unsigned long long)total.events[EVENT_TCP_RTO], isatty(2) ? "" : "\n");
}

static int long_run(uint64_t from, double hours)
{
	uint64_t frames = 0, bytes = 0, seed = from;
	struct timespec begin;
	double said = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (seconds_since(&begin) < hours * 3600) {
		if (batch(seed, 1, &frames, &bytes) > 0) {
			printf("not ok 1 - again: sim --seed %llu --pcap FILE\n1..1\n", (unsigned long long)seed);
			return 1;
		}
		seed++;
		if (seconds_since(&begin) - said >= (isatty(2) ? 1 : 60)) {
			said = seconds_since(&begin);
			say_progress(seed, &begin);
		}
	}
	say_total(seed - from, frames, bytes, &begin);
	print_counters();
	printf("ok 1 - seeds %llu to %llu\n1..1\n", (unsigned long long)from, (unsigned long long)seed - 1);
	return 0;
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
		{ "pcap", required_argument, NULL, 'p' }, { "hours", required_argument, NULL, 'h' },
		{ "list", required_argument, NULL, 'l' }, { NULL, 0, NULL, 0 },
	};
	uint64_t seed = 0, from = 1, n = 500;
	unsigned int seconds = 0;
	double hours = 0;
	const char *pcap = NULL, *list = NULL;
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
		case 'h':
			hours = strtod(optarg, NULL);
			break;
		case 'p':
			pcap = optarg;
			break;
		case 'l':
			list = optarg;
			break;
		default:
			fprintf(stderr, "usage: sim [--seeds N] [--from N] [--seconds S] | --hours H [--from N] | --list FILE | --seed N [--pcap FILE]\n");
			return 2;
		}
	}
	signal(SIGABRT, on_abort);
	test_eal_init();
	if (single)
		return one(seed, pcap);
	if (list)
		return listed(list);
	return hours > 0 ? long_run(from, hours) : many(from, n, seconds);
}
