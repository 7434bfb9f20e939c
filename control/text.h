/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small services for text: UTF-8, names, sizes, durations, time stamps, files.
 *
 * Threads: any; pure functions, except for the files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* How many of the @bytes at @s are well-formed UTF-8 (RFC 3629) without control characters but tab, LF, CR. */
size_t text_utf8_prefix(const char *s, size_t bytes);
/* Copies @s, replacing what isn't printable UTF-8 by '?'; always ends @out. */
void text_clean(const char *s, char *out, size_t out_bytes);
/* 1..@max_bytes-1 characters of A-Z a-z 0-9 . _ -, not beginning with . or -. */
bool text_is_name(const char *s, size_t max_bytes);

/* "20000". 0, or -EINVAL, or -ERANGE beyond 64 bits. */
int text_parse_count(const char *s, uint64_t *out);
/* "65536", "64k" (1000), "64kb" (1024), also m, mb, g, gb. 0, -EINVAL, -ERANGE. */
int text_parse_bytes(const char *s, uint64_t *out);
/* "500ms", "10s", "30min", "2h", "1d"; a number alone is seconds. Microseconds. 0, -EINVAL, -ERANGE. */
int text_parse_duration(const char *s, uint64_t *out_us);
/* The shortest of these texts that says @us exactly: "30min", "10s", "1500ms". */
const char *text_format_duration(uint64_t us, char *buf, size_t buf_bytes);

/* RFC 3339 with microseconds, UTC: "2026-11-24T18:30:00.123456Z". @us since 1970. */
const char *text_format_time(uint64_t us, char *buf, size_t buf_bytes);
#define TIME_TEXT_BYTES 40

/* The whole file with a NUL after it; free() it. 0, or -errno with @err. */
int text_read_file(const char *path, size_t max_bytes, char **out, size_t *out_bytes, struct error *err);
/* By what a file is known, as far as a change of it shows; and a second one that belongs to it. */
struct files_stamp {
	struct {
		uint64_t device, inode, bytes, changed_ns;
	} first, second;
};
/* @second: NULL, none. All zeros when one isn't there. */
void files_stamp(const char *first, const char *second, struct files_stamp *out);

/* Files that are replaced now and then: a change counts once they look the same twice, and are whole. */
struct files_watch {
	struct files_stamp read;	/* those that were read last */
	struct files_stamp seen;	/* those that may still be changing, */
	bool moving;			/* if so */
};
enum files_state { FILES_SAME, FILES_MOVING, FILES_CHANGED };
/* @now: what files_stamp says. FILES_MOVING: look again soon. FILES_CHANGED: read them, and set w->read. */
enum files_state files_watch_look(struct files_watch *w, const struct files_stamp *now);
/* Replaces the file in one step (a new file, fsync, rename, fsync of its folder). 0, or -errno with @err. */
int text_write_file(const char *path, const char *data, size_t bytes, unsigned int mode, struct error *err);
