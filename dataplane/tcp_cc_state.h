/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each congestion controller keeps in a connection (struct tcp_conn has a union
 * of them); only the controller named looks into it.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tcp_cubic {
	uint64_t epoch_us;	/* start of this congestion avoidance stage; 0: none */
	float w_max, k_s, w_est, cwnd_prior;	/* windows in segments, K in seconds */
};
