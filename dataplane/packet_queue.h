/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One packet socket (packet(7)) as a receive and a transmit queue, with offload headers
 * (PACKET_VNET_HDR): frames of up to 64 KB go in and out, which the peer's kernel or ours
 * cuts and joins where it must, and checksums are left to whoever needs them.
 *
 * What arrives lies in a ring of memory shared with the kernel, so that looking costs no system call;
 * what doesn't fit into a slot of it, the joined segments, waits in the socket and
 * is fetched into its packet buffers directly. What is sent goes a burst a call.
 *
 * Order of calls: packet_queue_open, packet_queue_make_ring, packet_queue_start; rx, tx; packet_queue_close.
 *
 * Threads: open, start and close by control; rx, tx and ready by the worker whose queue it is.
 * Ownership: packet_queue_tx consumes the frames that it says it took.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/lines.h"
#include "counters.h"

struct rte_mbuf;
struct rte_mempool;

/* Behind the Ethernet header, of what is received and sent. */
#define PACKET_QUEUE_BYTES_MAX 65535u
/* Of one frame that is sent. */
#define PACKET_QUEUE_PIECES_MAX 48u

struct packet_tx;

/* A port has an array of them, one for each worker. */
struct packet_queue {
	int fd;			/* -1: closed */
	uint16_t device;	/* what received mbufs' `port` says */
	uint32_t slot_bytes, slots, next;
	uint8_t *ring;
	struct packet_tx *tx;
	struct rte_mempool *pool;
} __attribute__((aligned(LINE_BYTES)));
LINES_OWN(struct packet_queue);

/* mbufs come from @pool. 0, or -errno with the reason in @err, and closed. */
int packet_queue_open(struct packet_queue *q, uint16_t device, struct rte_mempool *pool, char *err, size_t err_bytes);
/* Its slots hold frames of @mtu. 0, or -errno with the reason in @err. */
int packet_queue_make_ring(struct packet_queue *q, uint16_t mtu, char *err, size_t err_bytes);
/* Frames come from now on. 0 or -errno. */
int packet_queue_start(struct packet_queue *q, int ifindex);
void packet_queue_close(struct packet_queue *q);

/* What arrived, at most @n frames; returns how many. */
uint16_t packet_queue_rx(struct packet_queue *q, struct rte_mbuf **mbufs, uint16_t n, struct counters *counters);
/* Before packet_queue_tx, once for each frame: Linux wants another sum in segments that it is to cut than NICs do. */
void packet_queue_prepare(struct rte_mbuf **mbufs, uint16_t n);
/*
 * Sends; returns how many frames are dealt with, those that the kernel refuses among them (counted).
 * Less than @n: there is no room for more now.
 */
uint16_t packet_queue_tx(struct packet_queue *q, struct rte_mbuf **mbufs, uint16_t n, struct counters *counters);
/* After poll(2) told of an error on the queue's fd: takes it, so that the next poll doesn't tell it again. */
void packet_queue_take_error(struct packet_queue *q);
