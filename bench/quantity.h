/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measured values for people. The end of a value's name says its unit, here as
 * everywhere in postern: handshakes_per_s, down_bits_per_s, wait_us, rss_bytes,
 * process_cpu_s.
 *
 * Threads: any; the buffers are the caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define QUANTITY_BYTES 64

/* "12,345 /s", "4.81 Gbit/s", "230 µs", "1.53 ms", "17.8 KB", "2.50 s", "1,000". Returns @buf. */
const char *quantity_text(const char *name, double value, char buf[QUANTITY_BYTES]);

/* What it is, without the unit: "handshakes", "down", "rss". Returns @buf. */
const char *quantity_label(const char *name, char buf[QUANTITY_BYTES]);

/* "230 ns", "23.4 µs", "1.53 ms", "2.50 s". Returns @buf. */
const char *quantity_us(double us, char buf[QUANTITY_BYTES]);

/* "0.72×", "5.00×", "12.3×". Returns @buf. */
const char *quantity_ratio(double value, char buf[QUANTITY_BYTES]);

/* "1,234,567" when it is large, else with three digits that count: "12.3". Returns @buf. */
const char *quantity_number(double value, char buf[QUANTITY_BYTES]);

/* "1,234 @what/s": how @count has grown since *shown, in @us; *shown is @count then. */
void quantity_rate(char *buf, size_t buf_bytes, const char *what, uint64_t count, uint64_t *shown, uint64_t us);
