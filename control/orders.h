/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Orders to all workers, or to the one that is meant, with their answers added up.
 *
 * A worker that doesn't answer within a second leaves its order in its hands:
 * such an order is kept here until it was answered after all.
 *
 * Threads: control. Each call may wait up to a second for each worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/error.h"
#include "dataplane/dataplane.h"

/* Where a listing goes on; zeros at first. It has ended when `worker` is dataplane_workers(). */
struct orders_place {
	uint16_t worker;
	uint32_t slot;
};
/*
 * Connections that are open, of the rule (NULL: of all): up to @max from *at on, which
 * is moved; free(*out). One that lives for as long as the listing takes is in it once.
 * 0, or -errno with @err.
 */
int orders_list(const char *rule, struct orders_place *at, uint32_t max, struct record_told **out, uint32_t *n,
		struct error *err);
/* Ends one connection. 0, -ENOENT or -errno with @err. */
int orders_kill(uint64_t id, struct error *err);
/*
 * Ends up to @max of one worker's connections of a rule, whichever version. *n: how
 * many; less than @max: that was all. *cursor: 0 at first, then as it is left.
 */
int orders_kill_some(uint16_t worker, const char *name, uint32_t max, uint32_t *cursor, uint32_t *n,
		     struct error *err);
/*
 * Refuses new connections from now on (or accepts them again). A worker that doesn't
 * answer: all are told to do as they did before, @was, and that one follows when it can.
 */
int orders_drain(bool on, bool was, struct error *err);
/* Ends up to @max of one worker's connections, oldest first. *n: how many. */
int orders_close_some(uint16_t worker, uint32_t max, uint32_t *n, struct error *err);

/* "0-17": the worker and its serial number. The number's 64 bits don't survive in programs that read JSON as doubles. */
const char *orders_id_format(uint64_t id, char *buf, size_t buf_bytes);
int orders_id_parse(const char *text, uint64_t *id);
