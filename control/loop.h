/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Control's event loop: timers and signals, by libevent (which only loop.c and
 * server.c see; its struct event and our enum event don't go together).
 *
 * Order of calls: loop_new, loop_every, loop_paced, loop_readable and loop_at_signal, loop_run, loop_free.
 * Threads: control.
 */
#pragma once

struct event_base;
struct loop;

struct loop *loop_new(void);	/* NULL: no memory */
void loop_free(struct loop *l);
struct event_base *loop_base(struct loop *l);

/* 0, or -ENOMEM. */
int loop_every(struct loop *l, unsigned int ms, void (*run)(void *arg), void *arg);
/* @run tells in how many milliseconds it is to be called again. */
int loop_paced(struct loop *l, unsigned int (*run)(void *arg), void *arg);
/* When @fd has something to read; it must be open until loop_free, or nothing may come of it. */
int loop_readable(struct loop *l, int fd, void (*run)(void *arg), void *arg);
int loop_at_signal(struct loop *l, int number, void (*run)(void *arg), void *arg);

/* Returns after loop_stop. */
void loop_run(struct loop *l);
/* Ends loop_run after @ms more of it. */
void loop_stop(struct loop *l, unsigned int ms);
