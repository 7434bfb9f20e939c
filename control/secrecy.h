/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps what posternd holds in memory (private keys, session keys, mail) off the disk:
 * no core file of it, no page of it in swap space.
 *
 * Order of calls: once, first of all: it holds for what is allocated later.
 * Threads: control, before there are others.
 */
#pragma once

#include <stdbool.h>

/* @core_dumps: as the system has them, and debuggers may attach. What can't be had is a warning in the log. */
void secrecy_begin(bool core_dumps);
