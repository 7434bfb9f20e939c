/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HyStart++ (RFC 9406): slow start that notices by growing round trips that a queue
 * fills, before it overflows. It then grows slower for a few rounds (conservative
 * slow start), and ends if the round trips stay long. For the first slow start of a
 * connection only, as the RFC asks (section 4.3).
 *
 * Threads: the stack's worker.
 */
#pragma once

#include <stdint.h>

struct tcp_conn;

void tcp_hystart_init(struct tcp_conn *c);
/*
 * @bytes were acknowledged in slow start. How much cwnd grows by; when slow start is
 * over, ssthresh is set to cwnd.
 */
uint32_t tcp_hystart_acked(struct tcp_conn *c, uint32_t bytes);
