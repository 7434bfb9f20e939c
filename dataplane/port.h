/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A port: one DPDK device with a receive and a transmit queue for each worker, or for
 * the first n_queues of them where the device has no more (then worker.c hands frames
 * on, both ways). Or a network interface of Linux's own, by packet sockets (packet_port.h).
 * Whatever a device can't do is made up for here and in offload.c, so nobody above
 * asks what kind of device it is.
 *
 * Order of calls: port_open for each, port_start for each; port_watch_link now and then; port_rx, port_prepare
 * and port_tx by workers; port_close after the workers have stopped.
 *
 * Threads: open, start, watch_link and close by control; link_ups by anyone; port_rx and port_tx by the worker whose
 * number is the queue's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netif.h"
#include "steer.h"

struct counters;
struct packet_port;
struct rte_mbuf;
struct rte_mempool;

struct port {
	struct netif *nif;
	struct steer steer;
	struct packet_port *packet;	/* NULL: it is a DPDK device */
	uint16_t device;	/* DPDK's port id, or one above them all */
	uint16_t n_queues;	/* pairs; worker w uses pair w, if there is one */
	bool hash_in_device;	/* its RSS places TCP as `steer` says */
	bool is_nic;		/* a physical or virtual function, not a software device */
	char driver[32];
	bool link_up;		/* as control saw it last */
	uint32_t link_ups;	/* how often it came up, the start included; written by control, atomically */
};

/*
 * Opens the device that @device (devargs, as given to EAL) names and fills in
 * @nif's MAC and offloads; its MTU becomes less where a software device can't do more. Received packets come from @pool. 0, or -errno with the
 * reason in @err.
 */
int port_open(struct port *p, struct netif *nif, const char *device, uint16_t n_workers,
	      struct rte_mempool *pool, char *err, size_t err_bytes);
int port_start(struct port *p, char *err, size_t err_bytes);
void port_close(struct port *p);

/* Looks at the link (a device may take a system call for that). Has it changed? Then link_up is what it is now. */
bool port_watch_link(struct port *p);
static inline uint32_t port_link_ups(const struct port *p)
{
	return __atomic_load_n(&p->link_ups, __ATOMIC_RELAXED);
}

/* Frames that arrived for @queue, at most @n. */
uint16_t port_rx(const struct port *p, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n, struct counters *counters);
/*
 * Before port_tx, once for each frame: what the device's offloads need is put into
 * its headers. Frees frames that the device can't send; returns how many are left, in front.
 */
uint16_t port_prepare(const struct port *p, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n);
/* Hands over frames; returns how many the device took, the rest stay the caller's. */
uint16_t port_tx(const struct port *p, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n, struct counters *counters);
/* What poll(2) can wait for when nothing is there to do, or -1: this port has to be looked at. */
int port_fd(const struct port *p, uint16_t queue);
/* After poll(2) told of an error there. */
void port_take_error(const struct port *p, uint16_t queue);

/* The port whose id is @device among @n ports, as an mbuf's `port` field names it. */
struct port *port_by_device(struct port *ports, unsigned int n, uint16_t device);

/* "net_memif0,id=1" names a software device (EAL's --vdev), "packet:eth1" none of DPDK's; "0000:03:00.0" a PCI one (-a). */
bool port_device_is_software(const char *device);
/* The devargs completed with as many queues as there are workers, where the driver needs to be told. 0 or -EINVAL: too long. */
int port_devargs(const char *device, uint16_t n_workers, char *out, size_t out_bytes);
