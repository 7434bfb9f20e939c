/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A TCP that only writes down what it is told, in place of ours: for tests of the
 * layers below it. Linked before the library, so that its functions are taken.
 */
#pragma once

#include <stdint.h>

#include "base/addr.h"
#include "ip.h"
#include "tcp_private.h"

struct tcp_fake {
	unsigned int inputs;
	struct ip_info info;		/* of the last segment */
	uint32_t pkt_len, data_len;
	uint16_t l3_len;
	uint64_t ol_flags;
	const struct netif *nif;
	uint8_t first[64];		/* its first bytes */
	uint8_t all[4096];		/* as many as there are, up to these */

	unsigned int errors;
	struct tuple tuple;		/* of the last error */
	uint32_t seq;
	enum tcp_icmp kind;
	uint16_t mtu;
};

extern struct tcp_fake tcp_fake;
