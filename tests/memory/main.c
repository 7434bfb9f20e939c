/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where in another process's memory given bytes lie: for tests that look for keys which
 * should be gone. All that it could write to and that is there is read, in one pass for
 * all needles. Wants root's rights.
 *
 *   memory-search PID < NEEDLES
 *
 * A needle is a line of hexadecimal digits, NEEDLE_MIN bytes or more. Prints a line for
 * each place found, "NUMBER ADDRESS", the first needle's number being 0. Exit status 0
 * when all could be read, found or not.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEEDLES_MAX 4096u
#define NEEDLE_MIN 4u
#define NEEDLE_MAX 128u
#define CHUNK_BYTES ((size_t)1 << 20)
#define PAGES_AT_ONCE 4096u
#define THERE (UINT64_C(3) << 62)	/* bits of a pagemap entry: present, or in swap space */

struct needle {
	uint8_t text[NEEDLE_MAX];
	size_t bytes;
	int next;	/* with the same first two bytes; -1: none */
};

static struct needle needles[NEEDLES_MAX];
static int first_of[1 << 16];
static int n_needles;
static size_t longest;

/* What was read last, with the end of what was before it in front. */
static uint8_t buf[NEEDLE_MAX + CHUNK_BYTES];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static bool read_needle(const char *line, struct needle *n)
{
	unsigned int byte;
	int used;

	for (n->bytes = 0; n->bytes < NEEDLE_MAX && sscanf(line, "%2x%n", &byte, &used) == 1 && used == 2; line += 2)
		n->text[n->bytes++] = (uint8_t)byte;
	return n->bytes >= NEEDLE_MIN && (*line == '\n' || *line == '\0');
}

static void read_needles(void)
{
	char line[2 * NEEDLE_MAX + 2];
	uint16_t key;

	memset(first_of, -1, sizeof(first_of));
	while (fgets(line, sizeof(line), stdin)) {
		struct needle *n = &needles[n_needles];

		if (n_needles == NEEDLES_MAX || !read_needle(line, n)) {
			fprintf(stderr, "memory-search: needle %d isn't one\n", n_needles);
			exit(1);
		}
		memcpy(&key, n->text, sizeof(key));
		n->next = first_of[key];
		first_of[key] = n_needles++;
		longest = n->bytes > longest ? n->bytes : longest;
	}
}

/* @text is what lies at @address; needles that begin within its last bytes come with the next part. */
static void look(const uint8_t *text, size_t bytes, uint64_t address)
{
	const bool skip = first_of[0] < 0;	/* no needle begins with two bytes of 0, as most of memory does */
	uint64_t eight = 1;
	uint16_t key;

	for (size_t at = 0; at + NEEDLE_MIN <= bytes; at++) {
		if (skip && at + sizeof(eight) <= bytes)
			memcpy(&eight, text + at, sizeof(eight));
		if (skip && at + sizeof(eight) <= bytes && eight == 0) {
			at += sizeof(eight) - 2;
			continue;
		}
		memcpy(&key, text + at, sizeof(key));
		for (int i = first_of[key]; i >= 0; i = needles[i].next) {
			if (needles[i].bytes <= bytes - at && memcmp(text + at, needles[i].text, needles[i].bytes) == 0)
				printf("%d %llx\n", i, (unsigned long long)(address + at));
		}
	}
}

/* [begin, end) is there. What one chunk ends with is looked at again with the next; so is a needle that lies in it whole. */
static void look_run(int memory, uint64_t begin, uint64_t end)
{
	size_t kept = 0;

	while (begin < end) {
		size_t want = end - begin < CHUNK_BYTES ? (size_t)(end - begin) : CHUNK_BYTES;
		ssize_t got = pread(memory, buf + kept, want, (off_t)begin);

		if (got <= 0)
			return;	/* unmapped since, or a device's */
		look(buf, kept + (size_t)got, begin - kept);
		begin += (uint64_t)got;
		got += (ssize_t)kept;
		kept = (size_t)got < longest - 1 ? (size_t)got : longest - 1;
		memmove(buf, buf + (size_t)got - kept, kept);
	}
}

static void look_mapping(int memory, int pagemap, uint64_t begin, uint64_t end)
{
	static uint64_t entries[PAGES_AT_ONCE];
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t run = end, at = begin;	/* where what is there began; @end: nothing is */

	while (at < end) {
		size_t n = (end - at) / page < PAGES_AT_ONCE ? (size_t)((end - at) / page) : PAGES_AT_ONCE;
		ssize_t got = pread(pagemap, entries, n * sizeof(entries[0]), (off_t)(at / page * sizeof(entries[0])));

		if (got < (ssize_t)(n * sizeof(entries[0])))
			break;
		for (size_t i = 0; i < n; i++, at += page) {
			if ((entries[i] & THERE) && run == end) {
				run = at;
			} else if (!(entries[i] & THERE) && run != end) {
				look_run(memory, run, at);
				run = end;
			}
		}
	}
	look_run(memory, run, at);
}

static int open_of(const char *pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long long begin, end;
	char line[4096], rights[8];
	int memory, pagemap;
	FILE *maps;

	if (argc != 2) {
		fprintf(stderr, "Usage: memory-search PID < NEEDLES\n");
		return 2;
	}
	read_needles();
	if (n_needles == 0)
		return 0;
	memory = open_of(argv[1], "mem");
	pagemap = open_of(argv[1], "pagemap");
	maps = fdopen(open_of(argv[1], "maps"), "r");
	if (!maps)
		die("maps");
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%llx-%llx %7s", &begin, &end, rights) == 3 && rights[0] == 'r' && rights[1] == 'w')
			look_mapping(memory, pagemap, begin, end);
	}
	fclose(maps);
	close(memory);
	close(pagemap);
	return 0;
}
