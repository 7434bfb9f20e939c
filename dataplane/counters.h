/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything a worker counts: drops (a packet or connection refused, the reason its
 * name) and events. Control prints both by these, so a new one is a line in counters_list.h, no more.
 *
 * Threads: written by one worker (base/count.h), read by control.
 */
#pragma once

#include <stdint.h>
#include "base/count.h"
#include "counters_list.h"

enum drop {
#define X(id, name, text) DROP_##id,
	DROPS(X) DROP_COUNT
#undef X
};

enum event {
#define X(id, name, text) EVENT_##id,
	EVENTS(X) EVENT_COUNT
#undef X
};

struct counters {
	uint64_t drops[DROP_COUNT];
	uint64_t events[EVENT_COUNT];
};

static inline void count_drop(struct counters *c, enum drop d)
{
	counter_add(&c->drops[d], 1);
}

static inline void count_event(struct counters *c, enum event e)
{
	counter_add(&c->events[e], 1);
}

const char *drop_name(enum drop d);
const char *drop_text(enum drop d);
const char *event_name(enum event e);
const char *event_text(enum event e);
