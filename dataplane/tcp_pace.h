/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pacing: data leaves at c->pacing_rate, not as fast as the port takes it, so that a
 * window doesn't fill a short queue at once. The bucket holds a quantum, a millisecond
 * of the rate but two segments at least; who finds it empty waits for the wheel. A
 * timer that is late is made good, within a bound.
 *
 * A window that is smaller than a millisecond of the rate (a LAN) never waits, and
 * neither does the initial window (RFC 6928) after a silence.
 *
 * Where the port's own queue is full, nothing leaves either: the device decides then
 * how fast, and the wheel asks it again soon.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include <stdint.h>

struct tcp_conn;

#define TCP_PACE_QUANTUM_US 1000u
#define TCP_PACE_DEVICE_US 128u
#define TCP_PACE_LATE_US 1000u		/* of a late timer (a sleeping worker, a tick of the wheel) made good */

/* Bytes that may leave now, whole segments but at least one; 0: later, and the timer is set. */
uint32_t tcp_pace_room(struct tcp_conn *c);
/* These left. */
void tcp_pace_sent(struct tcp_conn *c, uint32_t bytes);
/* For controllers with a window: it shall leave within a round trip, faster in slow start, where it doubles. */
void tcp_pace_window(struct tcp_conn *c);
/* Sets the rate, in bytes per second, with what is too slow or too fast to mean anything cut off. */
void tcp_pace_set(struct tcp_conn *c, uint64_t bytes_per_s);
