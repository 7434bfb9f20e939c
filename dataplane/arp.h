/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ARP for IPv4 over Ethernet (RFC 826), with the care of RFC 5227 for our own
 * addresses. What others say about themselves goes to neigh.h, which decides what
 * to believe. Only worker 0 answers; all workers listen.
 *
 * Threads: the stack's worker.
 * Ownership: arp_input consumes its mbuf.
 */
#pragma once

#include "base/addr.h"

struct netif;
struct rte_ether_addr;
struct rte_mbuf;
struct stack;

/* m's data begins after the Ethernet header. */
void arp_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m);

/* Asks for @target: everybody, or only its last known MAC address @mac (RFC 1122 2.3.2.1) when not NULL. */
void arp_request(struct stack *s, const struct netif *nif, const struct addr *target,
		 const struct rte_ether_addr *mac);

/* Gratuitous ARP: tells everybody that @own is at our MAC address (RFC 5227 3). */
void arp_announce(struct stack *s, const struct netif *nif, const struct addr *own);
