/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

struct watch {
	struct event *event;
	void (*run)(void *arg);
	unsigned int (*paced)(void *arg);	/* in the place of run */
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

static struct timeval period_of(unsigned int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	struct timeval next;

	(void)fd;
	(void)what;
	if (w->paced == NULL) {
		w->run(w->arg);
		return;
	}
	next = period_of(w->paced(w->arg));
	event_add(w->event, &next);
}

static int watch(struct loop *l, int fd, short what, const struct timeval *period, const struct watch *told)
{
	struct watch *w = malloc(sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	*w = *told;
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

int loop_every(struct loop *l, unsigned int ms, void (*run)(void *arg), void *arg)
{
	struct timeval period = period_of(ms);

	return watch(l, -1, EV_PERSIST, &period, &(struct watch){ .run = run, .arg = arg });
}

int loop_paced(struct loop *l, unsigned int (*run)(void *arg), void *arg)
{
	struct timeval at_once = period_of(0);

	return watch(l, -1, 0, &at_once, &(struct watch){ .paced = run, .arg = arg });
}

int loop_readable(struct loop *l, int fd, void (*run)(void *arg), void *arg)
{
	return watch(l, fd, EV_READ | EV_PERSIST, NULL, &(struct watch){ .run = run, .arg = arg });
}

int loop_at_signal(struct loop *l, int number, void (*run)(void *arg), void *arg)
{
	return watch(l, number, EV_SIGNAL | EV_PERSIST, NULL, &(struct watch){ .run = run, .arg = arg });
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
