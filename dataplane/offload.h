/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stack asks for every offload in mbuf flags; here is done what the device
 * can't do: IPv4 and TCP checksums, and flattening chained mbufs. (Segmentation
 * isn't: TCP makes segments of the size that the port takes, netif.tso_max_bytes.)
 *
 * Threads: any; touches only the mbuf.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

/*
 * Makes @m ready for a device that offers @offloads (NETIF_TX_*): returns the frame
 * to send (perhaps a flat copy from @pool, the original freed), or NULL when @pool
 * is empty or the frame too large for one mbuf of it (the original freed).
 */
struct rte_mbuf *offload_finish(struct rte_mbuf *m, uint32_t offloads, struct rte_mempool *pool);

/*
 * Is a received TCP segment's checksum right? The device's word, else computed.
 * @m begins at the TCP header and ends with the segment; @ip_header: as received.
 */
bool offload_tcp_checksum_good(const struct rte_mbuf *m, const void *ip_header);
