/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/orders.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/text.h"

#define ID_WORKER_SHIFT 56

/* An order with what it points to, so that both can be left behind together. */
struct kept {
	struct order order;
	struct record_told *records;
	struct kept *next;
};

static struct kept *late;	/* not answered in time */

static void kept_free(struct kept *k)
{
	free(k->records);
	free(k);
}

static void sweep_late(void)
{
	struct kept **at = &late, *k;

	while ((k = *at) != NULL) {
		if (!__atomic_load_n(&k->order.finished, __ATOMIC_ACQUIRE)) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		kept_free(k);
	}
}

static struct kept *kept_new(enum order_verb verb, uint32_t n_records, struct error *err)
{
	struct kept *k = calloc(1, sizeof(*k));

	sweep_late();
	if (k != NULL && n_records > 0)
		k->records = calloc(n_records, sizeof(*k->records));
	if (k == NULL || (n_records > 0 && k->records == NULL)) {
		free(k);
		error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
		return NULL;
	}
	k->order.verb = verb;
	k->order.records = k->records;
	k->order.max = n_records;
	return k;
}

/* 0; or -errno with @err, and @k is gone. */
static int give(uint16_t worker, struct kept *k, struct error *err)
{
	int r = dataplane_order(worker, &k->order);

	if (r == 0)
		return 0;
	if (r == -ETIMEDOUT) {
		k->next = late;
		late = k;
	} else {
		kept_free(k);
	}
	error_set(err, r, ERROR_BUSY, "", "worker %u %s", worker,
		  r == -ETIMEDOUT ? "didn't answer for a second" : "has too many orders waiting");
	return error_hint(err, r, "try again; if it stays so, `postern stats` and the log say what the worker does");
}

int orders_list(const char *rule, struct orders_place *at, uint32_t max, struct record_told **out, uint32_t *n,
		struct error *err)
{
	struct record_told *all = calloc(max, sizeof(*all));

	*n = 0;
	if (all == NULL)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	while (at->worker < dataplane_workers() && *n < max) {
		struct kept *k = kept_new(ORDER_LIST, max - *n, err);

		if (k != NULL) {
			snprintf(k->order.name, sizeof(k->order.name), "%s", rule != NULL ? rule : "");
			k->order.cursor = at->slot;
		}
		if (k == NULL || give(at->worker, k, err) != 0) {
			free(all);
			return -EBUSY;
		}
		memcpy(all + *n, k->records, k->order.done * sizeof(*all));
		*n += k->order.done;
		at->slot = k->order.cursor;
		if (k->order.done < k->order.max)
			*at = (struct orders_place){ .worker = (uint16_t)(at->worker + 1) };
		kept_free(k);
	}
	*out = all;
	return 0;
}

int orders_kill(uint64_t id, struct error *err)
{
	uint64_t worker = id >> ID_WORKER_SHIFT;
	char text[32];
	struct kept *k;
	uint32_t done;

	if (worker < dataplane_workers()) {
		k = kept_new(ORDER_KILL, 0, err);
		if (k == NULL)
			return -ENOMEM;
		k->order.id = id;
		if (give((uint16_t)worker, k, err) != 0)
			return -EBUSY;
		done = k->order.done;
		kept_free(k);
		if (done > 0)
			return 0;
	}
	error_set(err, -ENOENT, ERROR_NOT_FOUND, "", "there is no connection %s",
		  orders_id_format(id, text, sizeof(text)));
	return error_hint(err, -ENOENT, "it may have ended; `postern connections` lists those that are open");
}

int orders_kill_some(uint16_t worker, const char *name, uint32_t max, uint32_t *cursor, uint32_t *n,
		     struct error *err)
{
	struct kept *k = kept_new(ORDER_KILL_RULE, 0, err);
	int r;

	*n = 0;
	if (k == NULL)
		return -ENOMEM;
	snprintf(k->order.name, sizeof(k->order.name), "%s", name);
	k->order.max = max;
	k->order.cursor = *cursor;
	r = give(worker, k, err);
	if (r != 0)
		return r;
	*n = k->order.done;
	*cursor = k->order.cursor;
	kept_free(k);
	return 0;
}

static int drain_one(uint16_t worker, bool on, struct error *err)
{
	struct kept *k = kept_new(ORDER_DRAIN, 0, err);
	int r;

	if (k == NULL)
		return -ENOMEM;
	k->order.on = on;
	r = give(worker, k, err);
	if (r == 0)
		kept_free(k);
	return r;
}

int orders_drain(bool on, bool was, struct error *err)
{
	int r = 0;
	uint16_t w;

	for (w = 0; r == 0 && w < dataplane_workers(); w++)
		r = drain_one(w, on, err);
	/* Also to the one that didn't answer: it finds both orders in their order. */
	for (uint16_t back = 0; r != 0 && on != was && back < w; back++) {
		struct error again;

		drain_one(back, was, &again);
	}
	return r;
}

int orders_close_some(uint16_t worker, uint32_t max, uint32_t *n, struct error *err)
{
	struct kept *k = kept_new(ORDER_CLOSE_SOME, 0, err);
	int r;

	*n = 0;
	if (k == NULL)
		return -ENOMEM;
	k->order.max = max;
	r = give(worker, k, err);
	if (r != 0)
		return r;
	*n = k->order.done;
	kept_free(k);
	return 0;
}

const char *orders_id_format(uint64_t id, char *buf, size_t buf_bytes)
{
	snprintf(buf, buf_bytes, "%" PRIu64 "-%" PRIu64, id >> ID_WORKER_SHIFT,
		 id & ((UINT64_C(1) << ID_WORKER_SHIFT) - 1));
	return buf;
}

int orders_id_parse(const char *text, uint64_t *id)
{
	uint64_t worker, serial;
	char first[8] = "";
	const char *dash = strchr(text, '-');

	if (dash == NULL || (size_t)(dash - text) >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, (size_t)(dash - text));
	if (text_parse_count(first, &worker) != 0 || worker > 255 || text_parse_count(dash + 1, &serial) != 0 ||
	    serial >> ID_WORKER_SHIFT != 0)
		return -EINVAL;
	*id = worker << ID_WORKER_SHIFT | serial;
	return 0;
}
