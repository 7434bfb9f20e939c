/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/flows.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#define IPV4_TCP_BYTES (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) + 4)
#define IPV6_TCP_BYTES (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv6_hdr) + 4)

static uint64_t sum_words(const uint8_t *p, unsigned int n)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t word;

		memcpy(&word, p + i * 4, sizeof(word));
		sum += word;
	}
	return sum;
}

/* The same for both directions: addresses and ports are added up. */
static bool entry_of(const struct rte_mbuf *m, uint32_t *entry)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ports;
	uint16_t type = m->data_len < IPV4_TCP_BYTES ? 0 : (uint16_t)(frame[12] << 8 | frame[13]);
	uint64_t sum;

	if (type == RTE_ETHER_TYPE_IPV4 && frame[14] == 0x45 && frame[23] == IPPROTO_TCP) {
		sum = sum_words(frame + 26, 2);
		ports = frame + 34;
	} else if (type == RTE_ETHER_TYPE_IPV6 && m->data_len >= IPV6_TCP_BYTES && frame[20] == IPPROTO_TCP) {
		sum = sum_words(frame + 22, 8);
		ports = frame + 54;
	} else {
		return false;
	}
	sum += (uint64_t)((uint32_t)ports[0] << 8 | ports[1]) * ((uint32_t)ports[2] << 8 | ports[3]) << 20;
	*entry = (uint32_t)((sum * 0x9e3779b97f4a7c15u) >> 40) % FLOWS_ENTRIES;
	return true;
}

void flows_learn(struct flows *f, const struct rte_mbuf *m, uint16_t queue)
{
	uint32_t entry;

	if (entry_of(m, &entry))
		f->queue[entry] = (uint8_t)(queue + 1);
}

uint16_t flows_queue(const struct flows *f, const struct rte_mbuf *m, uint16_t n_queues)
{
	uint32_t entry;

	if (!entry_of(m, &entry))
		return 0;
	return f->queue[entry] != 0 ? (uint16_t)(f->queue[entry] - 1) : (uint16_t)(entry % n_queues);
}
