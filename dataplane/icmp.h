/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ICMP (RFC 792, 1122) and ICMPv6 (RFC 4443): answers to ping, within a rate and a
 * size; errors about our own segments, handed to TCP with the tuple they quote.
 * postern itself never sends an ICMP error: a gateway that does can be made to
 * speak to third parties, and TCP says all that must be said with RST. Redirects,
 * source quench, router advertisements and the rest are counted and ignored.
 *
 * Threads: the stack's worker; any worker answers what arrives at it.
 * Ownership: *_input consume their mbuf.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_info;
struct netif;
struct rte_mbuf;
struct stack;
struct tuple;

#define ICMP_ECHO_PER_S 1000u
#define ICMP_ECHO_BURST 100u
#define ICMP_ECHO_MAX_BYTES 1480u	/* ICMP header and data: a ping fills one Ethernet frame */

/* Token bucket of echo answers. */
struct icmp_limit {
	uint64_t refilled_us;
	uint32_t tokens;
};

void icmp_limit_init(struct icmp_limit *l, uint64_t now_us);

/* m's data begins at the ICMP header and ends with the packet; the IP header lies right before it. */
void icmp4_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info);
/* Neighbour discovery goes on to nd.h. */
void icmp6_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info);

/*
 * Reads the beginning of a packet that we sent, as an ICMP error quotes it: its
 * tuple (own end local) and sequence number. False: cut too short, not TCP, or not
 * its first fragment.
 */
bool icmp_quoted(const uint8_t *ip, size_t bytes, struct tuple *t, uint32_t *seq);
