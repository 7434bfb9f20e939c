/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A network interface of this Linux as a port, "packet:eth1": a packet socket for each
 * worker (packet_queue.h). DPDK has a driver for such interfaces as well, net_af_packet,
 * which knows no offload headers: frames of the MTU only, each with a checksum in software. This one
 * costs a fraction in bulk, and its workers sleep until a frame comes (docs/performance.md).
 *
 * "packet:eth1,mac=02:00:00:00:00:01" has a MAC address beside the interface's. Linux then takes what comes to it
 * for another host's and drops it at once, where it would look for a route for each frame that isn't its own.
 *
 * Order of calls: packet_port_open, packet_port_start, packet_port_link at will,
 * packet_port_close.
 *
 * Threads: control; its queues are the workers'.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rte_ether.h>

#include "packet_queue.h"

struct rte_mempool;
struct steer;

struct packet_port {
	char iface[IFNAMSIZ];
	int ifindex;
	uint16_t n_queues;
	bool own_mac;		/* mac isn't the interface's */
	struct rte_ether_addr mac;
	uint16_t mtu;
	struct packet_queue queues[];
};

/* Is @device, of the configuration, such a port? */
bool packet_port_named(const char *device);

/*
 * The interface that @device names, with a queue each for @n_queues workers. *out is NULL on errors: -errno with the
 * reason in @err. @id: what received mbufs' `port` says.
 */
int packet_port_open(struct packet_port **out, const char *device, uint16_t n_queues, uint16_t id,
		     struct rte_mempool *pool, char *err, size_t err_bytes);
/* Frames come from now on; of several queues, to the worker's that @steer says (packet_fanout.h). 0, or -errno as above. */
int packet_port_start(struct packet_port *p, const struct steer *steer, char *err, size_t err_bytes);
void packet_port_close(struct packet_port *p);
/* Is the interface up and its cable in? */
bool packet_port_link(const struct packet_port *p);
