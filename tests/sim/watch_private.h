/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the watcher's two halves share: watch.c looks at what is sent, watch_heard.c at what arrives. */
#pragma once

#include "watch.h"
#include "watch_frame.h"

static inline bool lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline uint32_t later(uint32_t a, uint32_t b)
{
	return lt(a, b) ? b : a;
}

static inline uint32_t earlier(uint32_t a, uint32_t b)
{
	return lt(a, b) ? a : b;
}

/* A rule was broken by @host; with the segment that shows it, or NULL. */
void watch_fail(struct watch *w, int host, const struct segment *s, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The connection that a segment sent by @host belongs to, or NULL. */
struct watch_conn *watch_find(struct watch *w, int host, const struct segment *s);
/* @host knows the other's address again. What it had to say meanwhile comes now, or was dropped. */
void watch_resolved(struct watch *w, int host, bool v6);
/* By how many bits the windows that @host's end says are shifted. */
uint8_t watch_scale(const struct watch_conn *c, int host);
/* Its memory may be short: then it may forget, and answer late. */
bool watch_short_of_memory(const struct watch *w, int host);
