/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

struct watch {
	struct event *event;
	void (*run)(void *arg);
	void *arg;
	struct watch *next;
};

struct loop {
	struct event_base *base;
	struct watch *watches;
};

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->base = event_base_new();
	if (l->base != NULL)
		return l;
	free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	for (struct watch *w = l->watches, *next; w != NULL; w = next) {
		next = w->next;
		event_free(w->event);
		free(w);
	}
	/* What was freed during a callback is let go of in the next round. */
	event_base_loop(l->base, EVLOOP_NONBLOCK);
	event_base_free(l->base);
	free(l);
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	w->run(w->arg);
}

static int watch(struct loop *l, int fd, short what, const struct timeval *period, void (*run)(void *arg), void *arg)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->run = run;
	w->arg = arg;
	w->event = event_new(l->base, fd, what, on_event, w);
	if (w->event == NULL || event_add(w->event, period) != 0) {
		if (w->event != NULL)
			event_free(w->event);
		free(w);
		return -ENOMEM;
	}
	w->next = l->watches;
	l->watches = w;
	return 0;
}

static struct timeval period_of(unsigned int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
}

int loop_every(struct loop *l, unsigned int ms, void (*run)(void *arg), void *arg)
{
	struct timeval period = period_of(ms);

	return watch(l, -1, EV_PERSIST, &period, run, arg);
}

int loop_at_signal(struct loop *l, int number, void (*run)(void *arg), void *arg)
{
	return watch(l, number, EV_SIGNAL | EV_PERSIST, NULL, run, arg);
}

void loop_run(struct loop *l)
{
	event_base_dispatch(l->base);
}

void loop_stop(struct loop *l, unsigned int ms)
{
	struct timeval rest = period_of(ms);

	event_base_loopexit(l->base, &rest);
}
