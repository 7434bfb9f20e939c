/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IPv6 neighbour discovery (RFC 4861), the part that a host with fixed addresses
 * and routes needs: it asks for next hops, answers for its own addresses, and
 * announces them. Router advertisements and redirects are ignored (icmp.c counts
 * them): routes come from the configuration. No duplicate address detection of our
 * own (RFC 4862 5.4): an operator gave the addresses, and another host's claim to
 * one is counted as address_conflict; others' detection is answered.
 * No MLD reports (RFC 3810): a switch that snoops on them and doesn't flood unknown
 * solicited-node groups needs them turned off, or a static group.
 *
 * Threads: the stack's worker. Only worker 0 answers; all workers listen.
 * Ownership: nd_input consumes its mbuf.
 */
#pragma once

#include "base/addr.h"

struct ip_info;
struct netif;
struct rte_ether_addr;
struct rte_mbuf;
struct stack;

/* A solicitation or advertisement with a good checksum; m's data begins at the ICMPv6 header. */
void nd_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info);

/* Asks for @target: its solicited-node group, or only its last known MAC @mac when not NULL. */
void nd_solicit(struct stack *s, const struct netif *nif, const struct addr *target,
		const struct rte_ether_addr *mac);

/* Unsolicited advertisement of @own to all nodes (RFC 4861 7.2.6). */
void nd_announce(struct stack *s, const struct netif *nif, const struct addr *own);

/* The solicited-node multicast address of @a (RFC 4291 2.7.1). */
struct addr nd_solicited_node(const struct addr *a);
