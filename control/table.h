/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables for people: columns as wide as their widest cell. And the units that
 * people read: bytes and ages.
 *
 * Order of calls: table_new, table_cell row by row, table_print (which frees).
 * Threads: one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table;

/* @heads: the columns' names, NULL at the end; one that begins with '>' is aligned to the right. */
struct table *table_new(const char *const *heads);
/* The next cell, from left to right; copied. */
void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *t, FILE *out);

/* "0", "1023", "1.5k", "20M": of 1024, at most 5 characters. */
const char *table_bytes(uint64_t bytes, char *buf, size_t buf_bytes);
/* "0.4s", "59s", "3m20s", "2h05m", "9d03h". */
const char *table_age(uint64_t us, char *buf, size_t buf_bytes);
/* Characters, not bytes. */
size_t table_width(const char *s);
