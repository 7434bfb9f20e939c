/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stack asks for every offload in mbuf flags; here is done what the device
 * can't do: IPv4 and TCP checksums, flattening chained mbufs, and cutting long
 * segments (cut.h; TCP makes those only for a port with a netif.tso_max_bytes).
 *
 * Threads: any; touches only the mbuf.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct counters;
struct netif;
struct rte_mbuf;
struct rte_mempool;

/*
 * Makes of @m, which the stack sends through @nif, what its device can send, and gives that to @transmit:
 * a frame, or dozens. Without a buffer in @pool what is left of it is dropped, and counted.
 */
void offload_send(struct rte_mbuf *m, const struct netif *nif, struct rte_mempool *pool, struct counters *counters,
		  void (*transmit)(void *arg, const struct netif *nif, struct rte_mbuf *m), void *arg);
/*
 * For one frame: makes @m ready for a device that offers @offloads (NETIF_TX_*): returns the frame
 * to send (perhaps a flat copy from @pool, the original freed), or NULL when @pool
 * is empty or the frame too large for one mbuf of it (the original freed).
 */
struct rte_mbuf *offload_finish(struct rte_mbuf *m, uint32_t offloads, struct rte_mempool *pool);

/*
 * Is a received TCP segment's checksum right? The device's word, else computed.
 * The TCP header is @offset bytes into @m, which ends with the segment; @ip_header: as received.
 */
bool offload_tcp_checksum_good(const struct rte_mbuf *m, uint32_t offset, const void *ip_header);
