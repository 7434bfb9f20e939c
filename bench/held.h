/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions that are only there (--held): opened before the workload's own connections,
 * greeted, and left alone until the run ends. What a workload costs beside so many open
 * sessions is what it does then.
 *
 * To client.c it is a workload, whose connections stand apart from the run's: they
 * count in none of its bounds.
 *
 * Threads: one.
 */
#pragma once

#include <stdbool.h>

struct run;
struct workload;

extern const struct workload workload_held;

/* Dials what is missing of --held. True: more is to be done at once. */
bool held_dial(struct run *r);
/* Are all there? */
bool held_complete(const struct run *r);
