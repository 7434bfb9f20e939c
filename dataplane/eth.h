/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ethernet II frames and one 802.1Q tag, done in software: a port with a VLAN
 * takes and sends tagged frames only, a port without one untagged frames only.
 *
 * Threads: the stack's worker.
 * Ownership: all consume their mbuf.
 */
#pragma once

#include <stdint.h>

struct netif;
struct rte_ether_addr;
struct rte_mbuf;
struct stack;

#define ETH_HEADER_MAX 18u	/* with a tag */

/* A received frame. */
void eth_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m);

/* Writes the header for @nif -> @dst into @header (ETH_HEADER_MAX bytes); returns its length. */
uint8_t eth_header(uint8_t *header, const struct netif *nif, const struct rte_ether_addr *dst, uint16_t type);

/* Prepends a header made by eth_header and gives the frame to the device. */
void eth_output(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const uint8_t *header,
		uint8_t header_bytes);

/* The same for one frame to a MAC address that no neighbour entry holds. @type in host order. */
void eth_output_to(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct rte_ether_addr *dst,
		   uint16_t type);
