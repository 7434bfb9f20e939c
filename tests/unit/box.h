/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stack in a box, for tests of one protocol: frames are written in, what it sends
 * is looked at, and nothing may leak. Two ports:
 *
 *   0  02:00:00:00:00:01  192.0.2.1/24, 192.0.2.100/32, 2001:db8:1::1/64; default routes
 *                         via 192.0.2.254 and 2001:db8:1::fe
 *   1  02:00:00:00:01:01  10.0.0.1/24, 2001:db8:2::1/64; VLAN 7 when asked for
 *
 * Order of calls: box_init; frame_*, box_give, box_run; box_fini.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counters.h"
#include "netif.h"
#include "stack.h"

struct rte_mbuf;
struct rte_mempool;

#define BOX_SENT_MAX 256
#define BOX_MBUFS 1023u

struct box {
	struct netifs netifs;
	struct counters counters;
	struct stack *stack;
	struct rte_mempool *mbufs;
	uint64_t now_us;
	unsigned int split;	/* frames are given in chained mbufs of so many bytes; 0: in one */
	unsigned int n_sent;	/* frames sent and not yet cleared */
	struct rte_mbuf *sent[BOX_SENT_MAX];
	const struct netif *sent_on[BOX_SENT_MAX];
	unsigned int n_handed;	/* packets for other workers, and the last one's */
	uint16_t handed_to;
	uint32_t handed_bytes;
};

struct box_options {
	uint16_t worker;
	uint16_t vlan;		/* of port 1 */
	uint32_t max_neighbours;	/* 0: 64 */
	bool reassemble;	/* fragments */
	uint32_t buffer_bytes;	/* of a connection, each way; 0: 65536 */
};

/* The one mempool of all boxes of the program. */
void box_init(struct box *b, const struct box_options *options);
/* Fails the test when an mbuf was lost. */
void box_fini(struct box *b);
void box_clear(struct box *b);

/* Time passes in steps of @step_us, the timers with it. */
void box_run(struct box *b, uint64_t us);

uint64_t box_drops(const struct box *b, enum drop d);
uint64_t box_all_drops(const struct box *b);
uint64_t box_events(const struct box *b, enum event e);

/* A frame under construction, written from the front. */
struct frame {
	uint8_t bytes[4096];
	size_t n;
	size_t ip, l4;		/* where the headers begin */
	uint64_t rx_flags;	/* RTE_MBUF_F_RX_*: the device's word */
	uint16_t vlan_tci;
};

void frame_raw(struct frame *f, const void *bytes, size_t n);
/* @dst NULL: port 0's MAC. @src: the last byte of 02:00:00:00:ff:xx. */
void frame_eth(struct frame *f, const uint8_t *dst, uint8_t src, uint16_t type);
void frame_vlan(struct frame *f, const uint8_t *dst, uint8_t src, uint16_t vlan, uint16_t type);
/* An IPv4 or IPv6 header by the addresses; frame_end sets lengths and checksums. */
void frame_ip(struct frame *f, const char *src, const char *dst, uint8_t proto);
/* 20 bytes of TCP header. */
void frame_tcp(struct frame *f, uint16_t sport, uint16_t dport, uint32_t seq);
/* 8 bytes of ICMP header; @rest in host order. */
void frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t rest);
/* Length and checksums of IP and of TCP, ICMP. */
void frame_end(struct frame *f);
/* An ARP packet with its Ethernet header. @dst NULL: broadcast. @sha, @tha: last byte of 02:00:00:00:ff:xx; tha 1: port 0's MAC. */
void frame_arp(struct frame *f, const uint8_t *dst, uint16_t op, uint8_t sha, const char *sip, uint8_t tha,
	       const char *tip);

void peer_mac(uint8_t mac[6], uint8_t last);

/* Gives the frame to port @nif. */
void box_give(struct box *b, unsigned int nif, const struct frame *f);
/* As an mbuf, split as the box says. */
struct rte_mbuf *box_mbuf(struct box *b, const struct frame *f);
/* Frame @i of those sent, in one piece. */
const uint8_t *box_sent(const struct box *b, unsigned int i, size_t *n);
