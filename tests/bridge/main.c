/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * faulty_bridge --seconds N [--seed N] --link NAME,DEVICE,DEVICE...
 *
 * Carries frames between the devices of each link, with the faults that standard
 * input asks for, until that ends or the time is over. Commands, a line each:
 *
 *   set LINK DIRECTION [KEY=VALUE]...   DIRECTION: 0 (first to second device), 1, both.
 *                                       Keys are those of struct wire_faults; what
 *                                       isn't named is off.
 *   stats                               what was carried and what was done to it
 *
 * Each is answered by one line: `ok`, `error: WHY`, or one of JSON.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "link.h"

#define LINKS_MAX 4
#define LINE_BYTES 1024

struct bridge {
	struct link links[LINKS_MAX];
	char names[LINKS_MAX][16];
	unsigned int n_links;
	uint64_t seed;
	char line[LINE_BYTES];
	size_t line_bytes;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* False: there is no such fault, or its value is no number or out of bounds. */
static bool set_fault(struct wire_faults *f, const char *key, const char *value)
{
	const struct {
		const char *name;
		double *share;
		uint64_t *number;
		uint32_t *bytes;
	} keys[] = {
		{ "loss", &f->loss, NULL, NULL }, { "duplicate", &f->duplicate, NULL, NULL },
		{ "reorder", &f->reorder, NULL, NULL }, { "corrupt", &f->corrupt, NULL, NULL },
		{ "burst_begin", &f->burst_begin, NULL, NULL }, { "burst_end", &f->burst_end, NULL, NULL },
		{ "delay_us", NULL, &f->delay_us, NULL }, { "jitter_us", NULL, &f->jitter_us, NULL },
		{ "reorder_us", NULL, &f->reorder_us, NULL }, { "bytes_per_s", NULL, &f->bytes_per_s, NULL },
		{ "slow_bytes_per_s", NULL, &f->slow_bytes_per_s, NULL }, { "change_us", NULL, &f->change_us, NULL },
		{ "cut_every_us", NULL, &f->cut_every_us, NULL }, { "cut_us", NULL, &f->cut_us, NULL },
		{ "queue_bytes", NULL, NULL, &f->queue_bytes }, { "hole_bytes", NULL, NULL, &f->hole_bytes },
	};
	char *end;
	double v = strtod(value, &end);

	if (*value == '\0' || *end != '\0' || !(v >= 0 && v <= 1e12))
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, key) != 0)
			continue;
		if (keys[i].share)
			*keys[i].share = v;
		else if (keys[i].number)
			*keys[i].number = (uint64_t)v;
		else
			*keys[i].bytes = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
		return !keys[i].share || v <= 1;
	}
	return false;
}

/* One state lasts 1 us at least; a rate needs a queue. */
static const char *check_faults(const struct wire_faults *f)
{
	if (f->cut_every_us > 0 && f->cut_us == 0)
		return "cut_every_us without cut_us";
	if (f->change_us > 0 && (f->bytes_per_s == 0 || f->slow_bytes_per_s == 0))
		return "change_us needs two rates";
	if (f->bytes_per_s > 0 && f->queue_bytes == 0)
		return "bytes_per_s without queue_bytes";
	return NULL;
}

static void command_set(struct bridge *b, char *rest)
{
	struct wire_faults f = { .plan_us = now_us(), .plan_seed = b->seed };
	char *save, *name = strtok_r(rest, " ", &save), *direction = strtok_r(NULL, " ", &save), *word;
	const char *problem;
	unsigned int i = 0;

	while (name && i < b->n_links && strcmp(b->names[i], name) != 0)
		i++;
	if (!direction || i == b->n_links ||
	    (strcmp(direction, "0") != 0 && strcmp(direction, "1") != 0 && strcmp(direction, "both") != 0)) {
		printf("error: set LINK 0|1|both KEY=VALUE...\n");
		return;
	}
	while ((word = strtok_r(NULL, " ", &save)) != NULL) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		if (!value || !set_fault(&f, word, value)) {
			printf("error: no such fault, or no such value: %s\n", word);
			return;
		}
	}
	problem = check_faults(&f);
	if (problem) {
		printf("error: %s\n", problem);
		return;
	}
	for (int d = 0; d < 2; d++)
		if (strcmp(direction, "both") == 0 || direction[0] - '0' == d)
			wire_set(&b->links[i].wires[d], &f, f.plan_us);
	printf("ok\n");
}

static void command_stats(const struct bridge *b)
{
	printf("{");
	for (unsigned int i = 0; i < b->n_links; i++) {
		printf("%s\"%s\": [", i ? ", " : "", b->names[i]);
		for (int d = 0; d < 2; d++) {
			const struct link *l = &b->links[i];
			const struct wire *w = &l->wires[d];

			printf("%s{\"received\": %llu, \"transmitted\": %llu, \"lost\": %llu, \"queue_lost\": %llu, "
			       "\"cut_lost\": %llu, \"hole_lost\": %llu, \"duplicated\": %llu, \"reordered\": %llu, \"corrupted\": %llu, "
			       "\"overflowed\": %llu, \"refused\": %llu}", d ? ", " : "",
			       (unsigned long long)l->received[d], (unsigned long long)l->transmitted[d],
			       (unsigned long long)w->lost, (unsigned long long)w->queue_lost,
			       (unsigned long long)w->cut_lost, (unsigned long long)w->hole_lost,
			       (unsigned long long)w->duplicated,
			       (unsigned long long)w->reordered, (unsigned long long)w->corrupted,
			       (unsigned long long)l->overflowed[d], (unsigned long long)l->refused[d]);
		}
		printf("]");
	}
	printf("}\n");
}

static void command(struct bridge *b, char *line)
{
	if (strncmp(line, "set ", 4) == 0)
		command_set(b, line + 4);
	else if (strcmp(line, "stats") == 0)
		command_stats(b);
	else
		printf("error: set or stats\n");
	fflush(stdout);
}

/* False: standard input has ended. */
static bool read_commands(struct bridge *b)
{
	ssize_t n = read(STDIN_FILENO, b->line + b->line_bytes, sizeof(b->line) - b->line_bytes);
	char *end;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	b->line_bytes += (size_t)n;
	while ((end = memchr(b->line, '\n', b->line_bytes)) != NULL) {
		size_t used = (size_t)(end - b->line) + 1;

		*end = '\0';
		command(b, b->line);
		b->line_bytes -= used;
		memmove(b->line, b->line + used, b->line_bytes);
	}
	return b->line_bytes < sizeof(b->line);
}

static void wait_for_frames(struct bridge *b, struct pollfd *fds, uint64_t until_us)
{
	struct timespec t;
	uint64_t now = now_us(), next = until_us;

	for (unsigned int i = 0; i < b->n_links; i++)
		if (link_next_us(&b->links[i]) < next)
			next = link_next_us(&b->links[i]);
	next = next > now ? next - now : 0;
	t.tv_sec = (time_t)(next / 1000000);
	t.tv_nsec = (long)(next % 1000000 * 1000);
	if (ppoll(fds, 1 + 2 * b->n_links, &t, NULL) < 0)
		for (unsigned int i = 0; i < 1 + 2 * b->n_links; i++)
			fds[i].revents = 0;	/* a signal */
}

static int run(struct bridge *b, uint64_t until_us)
{
	struct pollfd fds[1 + 2 * LINKS_MAX] = { { .fd = STDIN_FILENO, .events = POLLIN } };
	char err[200];

	for (unsigned int i = 0; i < 2 * b->n_links; i++)
		fds[1 + i] = (struct pollfd){ .fd = b->links[i / 2].sockets[i % 2], .events = POLLIN };
	printf("ready\n");
	fflush(stdout);
	while (now_us() < until_us) {
		wait_for_frames(b, fds, until_us);
		for (unsigned int i = 0; i < b->n_links; i++) {
			if (link_receive(&b->links[i], now_us(), err, sizeof(err)) != 0) {
				fprintf(stderr, "faulty_bridge: %s\n", err);
				return 1;
			}
			link_transmit(&b->links[i], now_us());
		}
		if (fds[0].revents != 0 && !read_commands(b))
			return 0;
	}
	fprintf(stderr, "faulty_bridge: its time is over\n");
	return 3;
}

/* "NAME,FIRST,SECOND" */
static int add_link(struct bridge *b, char *text)
{
	char *save, *name = strtok_r(text, ",", &save), *first = strtok_r(NULL, ",", &save),
	     *second = strtok_r(NULL, ",", &save), err[200];

	if (!second || b->n_links == LINKS_MAX || strlen(name) >= sizeof(b->names[0])) {
		fprintf(stderr, "faulty_bridge: --link NAME,DEVICE,DEVICE, at most %d of them\n", LINKS_MAX);
		return 2;
	}
	if (link_open(&b->links[b->n_links], first, second, b->seed + b->n_links, err, sizeof(err)) != 0) {
		fprintf(stderr, "faulty_bridge: %s\n", err);
		return 1;
	}
	snprintf(b->names[b->n_links++], sizeof(b->names[0]), "%s", name);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 't' }, { "seed", required_argument, NULL, 's' },
		{ "link", required_argument, NULL, 'l' }, { NULL, 0, NULL, 0 },
	};
	static struct bridge b;
	uint64_t seconds = 0;
	int opt, status = 0;

	while (status == 0 && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 't')
			seconds = strtoull(optarg, NULL, 0);
		else if (opt == 's')
			b.seed = strtoull(optarg, NULL, 0);
		else if (opt == 'l')
			status = add_link(&b, optarg);
		else
			status = 2;
	}
	if (status == 0 && (b.n_links == 0 || seconds == 0 || seconds > 86400)) {
		fprintf(stderr, "usage: faulty_bridge --seconds 1..86400 [--seed N] --link NAME,DEVICE,DEVICE...\n");
		status = 2;
	}
	if (status == 0)
		status = run(&b, now_us() + seconds * 1000000);
	for (unsigned int i = 0; i < b.n_links; i++)
		link_close(&b.links[i]);
	return status;
}
