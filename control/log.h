/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posternd's log: its own messages with a level, and a line for each connection
 * that ended. One line each, JSON or text, to a file or standard error. What can't
 * be written is counted, and the count is the first thing said when writing works
 * again: nothing is lost silently.
 *
 * Order of calls: before log_open, messages go to standard error as text. log_open;
 * the rest at will; log_reopen after the file was moved away; log_close.
 *
 * Threads: control. Ownership: the process has one log.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/error.h"
#include "dataplane/record.h"

enum log_level { LOG_ERROR_LEVEL, LOG_WARNING_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };

/* @file "": standard error. @json: else text. 0, or -errno with @err and the log as it was. */
int log_open(const char *file, bool json, struct error *err);
/* Opens the same path again. 0, or -errno with @err; then it goes on in the old file. */
int log_reopen(struct error *err);
void log_close(void);
/* Messages that are less important than @level aren't written. Default: info. */
void log_set_level(enum log_level level);

void log_say(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An error as a message; on standard error too, when the log is a file. */
void log_fatal(const struct error *e);
void log_connection(const struct record_told *told);
/* Lines lost since the start. */
uint64_t log_lost(void);

/* A record as JSON: of a finished connection (`how` it ended) or, with @live, of one that is open. NULL: no memory. */
json_t *record_json(const struct record_told *told, bool live);
