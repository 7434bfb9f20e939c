/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rule of steer.h as a filter program (classic BPF), by which Linux gives each TCP segment to the
 * packet socket of the worker whose it is (PACKET_FANOUT_CBPF), so that workers need hand none on.
 * What isn't a whole TCP segment goes to the first one, and worker.c does the rest.
 *
 * Threads: any.
 */
#pragma once

#include <linux/filter.h>

struct steer;

#define PACKET_FANOUT_MAX 1024u

/* Writes the program for sockets in their workers' order; returns its instructions, at most PACKET_FANOUT_MAX. */
unsigned short packet_fanout(const struct steer *s, struct sock_filter *program);
