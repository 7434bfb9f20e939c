/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection's deadlines (enum tcp_deadline) on one wheel timer. The timer is
 * moved only when a deadline comes before it: an acknowledgment that pushes the
 * retransmission time-out back costs nothing, the timer then fires early once and
 * goes to sleep again.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"

void tcp_timer_init(struct tcp_conn *c);
/* After deadlines changed. */
void tcp_timer_update(struct tcp_conn *c);
void tcp_timer_stop(struct tcp_conn *c);
