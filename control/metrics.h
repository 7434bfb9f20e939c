/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The numbers of `stats` in Prometheus' text format (exposition format 0.0.4): for
 * metrics_server.h, and for `postern stats --metrics`. What `stats` learns to
 * count is here without a change, except for new kinds of things.
 *
 * Threads: any; a pure function.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* @stats: the answer of `stats` with texts. free() it. NULL: no memory. */
char *metrics_text(const json_t *stats, size_t *bytes);
