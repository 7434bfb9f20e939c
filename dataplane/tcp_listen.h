/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passive open: a SYN of no connection (RFC 9293 section 3.10.7.2). Whether it may
 * become one is asked of the layer above (stack_ops.syn). How many may be half-open is
 * bounded: near the bound SYNs are answered by cookies (tcp_cookie.h).
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

void tcp_listen_input(struct stack *s, const struct netif *nif, const struct ip_info *info,
		      const struct tuple *t, const struct tcp_rx *rx);
