/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Putting fragments of TCP segments together (RFC 791 3.2, RFC 8200 4.5) within a
 * bound, when the configuration asks for it; otherwise fragments are dropped, which
 * is the default: every TCP of today sends with "don't fragment" set, so what comes
 * in fragments is either a broken tunnel's, which its operator knows, or hostile,
 * and each unfinished datagram pins packet buffers.
 *
 * The bound: IP_FRAG_DATAGRAMS at a time and worker, of at most eight fragments (DPDK's
 * constant), each for IP_FRAG_TIMEOUT_US from its first one. Fragments of one datagram
 * reach one worker (steer.h hashes the addresses alone); the whole may belong to
 * another, which then gets it by stack_ops.hand_over.
 *
 * Overlapping fragments are never put together: the whole datagram goes (RFC 5722).
 *
 * Threads: the stack's worker.
 * Ownership: ip_frag_input consumes its mbuf; the table holds the mbufs of what isn't whole yet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct netif;
struct rte_mbuf;
struct stack;

#define IP_FRAG_DATAGRAMS 64u
#define IP_FRAG_TIMEOUT_US 5000000u

/* 0, or -ENOMEM. Nothing is made when the configuration drops fragments. */
int ip_frag_init(struct stack *s);
void ip_frag_fini(struct stack *s);

/*
 * A fragment to an own address, from a source that may be true: m's data begins at
 * the IP header, which lies in one piece, its length checked. What becomes whole is
 * given to ip4_input or ip6_input, or to its worker.
 */
void ip_frag_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, bool v4);
