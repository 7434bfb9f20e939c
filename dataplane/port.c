/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "base/assert.h"
#include "counters.h"
#include "cut.h"
#include "packet_port.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024
/* Of one TSO packet, where a device names no lower bound (an 82599's is 40). */
#define TSO_PIECES_MAX 40

/* What we want from a device's RSS: exactly the hash of steer.h, for both IP versions. */
#define RSS_TCP (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)

static const char *why(int error)
{
	return strerror(error < 0 ? -error : error);
}

bool port_device_is_software(const char *device)
{
	return packet_port_named(device) || strncmp(device, "net_", 4) == 0 || strncmp(device, "eth_", 4) == 0;
}

int port_devargs(const char *device, uint16_t n_workers, char *out, size_t out_bytes)
{
	static const struct {
		const char *driver, *argument;
	} queues[] = {
		{ "net_af_packet", "qpairs" },
		{ "net_af_xdp", "queue_count" },
	};
	const char *argument = NULL;
	int n;

	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		if (strncmp(device, queues[i].driver, strlen(queues[i].driver)) == 0 &&
		    strstr(device, queues[i].argument) == NULL)
			argument = queues[i].argument;
	}
	if (argument != NULL)
		n = snprintf(out, out_bytes, "%s,%s=%u", device, argument, n_workers);
	else
		n = snprintf(out, out_bytes, "%s", device);
	return n < 0 || (size_t)n >= out_bytes ? -EINVAL : 0;
}

/* The device's own name: the devargs up to the first comma. */
static int probe(const char *device, uint16_t n_workers, uint16_t *id, char *err, size_t err_bytes)
{
	char devargs[512], name[RTE_ETH_NAME_MAX_LEN];
	size_t name_bytes = strcspn(device, ",");
	int rc;

	if (name_bytes >= sizeof(name) || port_devargs(device, n_workers, devargs, sizeof(devargs)) != 0) {
		snprintf(err, err_bytes, "the device \"%s\" is too long a name", device);
		return -EINVAL;
	}
	memcpy(name, device, name_bytes);
	name[name_bytes] = '\0';

	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	rc = rte_dev_probe(devargs);
	if (rc != 0 && strcmp(devargs, device) != 0)
		rc = rte_dev_probe(device);	/* perhaps it hasn't as many queues as we asked for */
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(name, id);
	if (rc != 0)
		snprintf(err, err_bytes,
			 "DPDK could not open the device \"%s\": %s. Check the name, that the interface "
			 "exists here, and for a PCI address that it is bound to vfio-pci", devargs, why(rc));
	return rc;
}

static bool rss_usable(const struct rte_eth_dev_info *info, uint16_t n_workers)
{
	return n_workers > 1 && (info->flow_type_rss_offloads & RSS_TCP) == RSS_TCP &&
	       info->reta_size >= n_workers && info->reta_size <= STEER_TABLE_MAX &&
	       (info->reta_size & (info->reta_size - 1)) == 0 &&
	       info->hash_key_size >= 40 && info->hash_key_size <= STEER_KEY_BYTES;
}

/* With the key that all know, a client could choose which worker to load. */
static void choose_key(struct port *p)
{
	uint8_t key[STEER_KEY_BYTES];

	if (getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key))
		steer_set_key(&p->steer, key, p->steer.key_bytes);
}

static void choose_steering(struct port *p, const struct rte_eth_dev_info *info, uint16_t n_workers)
{
	p->hash_in_device = p->n_queues == n_workers && rss_usable(info, n_workers);
	if (p->hash_in_device)
		steer_init(&p->steer, n_workers, info->hash_key_size, info->reta_size);
	else
		steer_init(&p->steer, n_workers, 40, 128);
	choose_key(p);
}

/*
 * A software device's checksums are the same work as ours in a worse place, and
 * its "TSO" a second segmentation, so only a NIC is asked for them.
 */
static uint64_t choose_tx_offloads(struct port *p, const struct rte_eth_dev_info *info)
{
	uint64_t wanted = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

	if (p->is_nic)
		wanted |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO;
	wanted &= info->tx_offload_capa;
	if ((wanted & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) == 0 || (wanted & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) == 0 ||
	    info->tx_desc_lim.nb_seg_max < 4)
		wanted &= ~RTE_ETH_TX_OFFLOAD_TCP_TSO;

	p->nif->offloads = 0;
	if (wanted & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		p->nif->offloads |= NETIF_TX_SCATTER;
	if (wanted & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		p->nif->offloads |= NETIF_TX_IP_CHECKSUM;
	if (wanted & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
		p->nif->offloads |= NETIF_TX_TCP_CHECKSUM;
	if (wanted & RTE_ETH_TX_OFFLOAD_TCP_TSO) {
		p->nif->offloads |= NETIF_TX_TSO;
		p->nif->tso_max_bytes = CUT_BYTES_MAX;
		p->nif->tso_max_pieces = (uint16_t)RTE_MIN(info->tx_desc_lim.nb_seg_max, TSO_PIECES_MAX);
	}
	return wanted;
}

/* A device that can't cut long segments has it done before (cut.h), where a frame fits into one of @pool's buffers. */
static void choose_cutting(struct port *p, struct rte_mempool *pool)
{
	uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;

	if ((p->nif->offloads & NETIF_TX_TSO) || room < (uint32_t)p->nif->mtu + RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)
		return;
	p->nif->tso_max_bytes = CUT_BYTES_MAX;
	p->nif->tso_max_pieces = CUT_PIECES_MAX;
}

/* What doesn't fit into one packet buffer, a device must be able to take from several, and lay into several. */
static int check_mtu(const struct port *p, const struct rte_eth_dev_info *info, struct rte_mempool *pool,
		     const char *device, char *err, size_t err_bytes)
{
	uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
	uint32_t most = room - RTE_ETHER_HDR_LEN - RTE_VLAN_HLEN;
	bool receives = (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	bool sends = (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;

	if (p->nif->mtu <= most || (receives && sends))
		return 0;
	snprintf(err, err_bytes,
		 "mtu %u: a packet buffer holds %u bytes of IP packet, and the device \"%s\" (driver %s) can't %s a "
		 "frame in several. Set mtu to %u or less, here and for the network at this port", p->nif->mtu, most,
		 device, p->driver, receives ? "send" : "receive", most);
	return -EINVAL;
}

static int configure(struct port *p, const struct rte_eth_dev_info *info, uint16_t n_workers)
{
	struct rte_eth_conf conf = {
		.rxmode.mtu = p->nif->mtu,
		.rxmode.offloads = info->rx_offload_capa &
				   (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |
				    RTE_ETH_RX_OFFLOAD_SCATTER),
		.txmode.offloads = choose_tx_offloads(p, info),
	};
	int rc;

	if (!p->is_nic)
		conf.rxmode.offloads &= RTE_ETH_RX_OFFLOAD_SCATTER;
	choose_steering(p, info, n_workers);
	if (p->hash_in_device) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
		conf.rx_adv_conf.rss_conf.rss_key = p->steer.key;
		conf.rx_adv_conf.rss_conf.rss_key_len = (uint8_t)p->steer.key_bytes;
		conf.rx_adv_conf.rss_conf.rss_hf = RSS_TCP;
	}
	rc = rte_eth_dev_configure(p->device, p->n_queues, p->n_queues, &conf);
	if (rc != 0 && p->is_nic == false && conf.rxmode.mtu != 0) {
		/* Some software devices know no MTU but the interface's. */
		uint16_t mtu;

		conf.rxmode.mtu = 0;
		rc = rte_eth_dev_configure(p->device, p->n_queues, p->n_queues, &conf);
		if (rc == 0 && rte_eth_dev_get_mtu(p->device, &mtu) == 0)
			p->nif->mtu = (uint16_t)RTE_MIN(p->nif->mtu, mtu);
	}
	return rc;
}

static int set_up_queues(struct port *p, struct rte_mempool *pool)
{
	uint16_t rx = RX_DESCRIPTORS, tx = TX_DESCRIPTORS;
	unsigned int socket = (unsigned int)rte_eth_dev_socket_id(p->device);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->device, &rx, &tx);

	for (uint16_t q = 0; rc == 0 && q < p->n_queues; q++) {
		rc = rte_eth_rx_queue_setup(p->device, q, rx, socket, NULL, pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(p->device, q, tx, socket, NULL);
	}
	return rc;
}

/* The kernel does what the interface can't: any interface may be given long segments and unfinished sums. */
static int open_packet_port(struct port *p, const char *device, uint16_t n_workers, struct rte_mempool *pool, char *err,
			    size_t err_bytes)
{
	int rc;

	p->device = (uint16_t)(RTE_MAX_ETHPORTS + p->nif->id);
	p->n_queues = n_workers;
	rc = packet_port_open(&p->packet, device, n_workers, p->device, pool, err, err_bytes);
	if (rc != 0)
		return rc;
	snprintf(p->driver, sizeof(p->driver), "packet sockets");
	p->nif->mac = p->packet->mac;
	p->nif->mtu = (uint16_t)RTE_MIN(p->nif->mtu, p->packet->mtu);
	p->nif->offloads = NETIF_TX_SCATTER | NETIF_TX_TCP_CHECKSUM | NETIF_TX_TSO;
	p->nif->tso_max_bytes = CUT_BYTES_MAX;
	p->nif->tso_max_pieces = PACKET_QUEUE_PIECES_MAX;
	steer_init(&p->steer, n_workers, 40, 128);
	choose_key(p);
	return 0;
}

int port_open(struct port *p, struct netif *nif, const char *device, uint16_t n_workers,
	      struct rte_mempool *pool, char *err, size_t err_bytes)
{
	struct rte_eth_dev_info info;
	int rc;

	*p = (struct port){ .nif = nif };
	nif->steer = n_workers > 1 ? &p->steer : NULL;
	if (packet_port_named(device))
		return open_packet_port(p, device, n_workers, pool, err, err_bytes);
	rc = probe(device, n_workers, &p->device, err, err_bytes);
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_info_get(p->device, &info);
	if (rc != 0) {
		snprintf(err, err_bytes, "the device \"%s\" doesn't tell what it can do: %s", device, why(rc));
		return rc;
	}
	snprintf(p->driver, sizeof(p->driver), "%s", info.driver_name);
	p->is_nic = !port_device_is_software(device);
	p->n_queues = (uint16_t)RTE_MIN(n_workers, RTE_MIN(info.max_rx_queues, info.max_tx_queues));
	if (p->n_queues == 0) {
		snprintf(err, err_bytes, "the device \"%s\" has no queues", device);
		return -EINVAL;
	}
	rc = check_mtu(p, &info, pool, device, err, err_bytes);
	if (rc != 0)
		return rc;
	rc = configure(p, &info, n_workers);
	if (rc == 0)
		rc = set_up_queues(p, pool);
	if (rc == 0)
		rc = rte_eth_macaddr_get(p->device, &nif->mac);
	choose_cutting(p, pool);
	if (rc != 0)
		snprintf(err, err_bytes, "the device \"%s\" (driver %s) refused %u queues with MTU %u: %s", device,
			 p->driver, p->n_queues, nif->mtu, why(rc));
	return rc;
}

/* The indirection table can be written on some devices only after the start. */
static int write_rss_table(const struct port *p)
{
	struct rte_eth_rss_reta_entry64 reta[STEER_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE] = { 0 };

	for (uint16_t i = 0; i < p->steer.table_entries; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= 1ull << (i % RTE_ETH_RETA_GROUP_SIZE);
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = p->steer.table[i];
	}
	return rte_eth_dev_rss_reta_update(p->device, reta, p->steer.table_entries);
}

/*
 * Does the device say that it spreads as `steer` says? One that took our key and kept
 * its own would take servers' replies to workers that know nothing of them.
 */
static bool rss_as_ours(const struct port *p)
{
	uint8_t key[STEER_KEY_BYTES] = { 0 };
	struct rte_eth_rss_conf conf = { .rss_key = key, .rss_key_len = (uint8_t)p->steer.key_bytes };

	return rte_eth_dev_rss_hash_conf_get(p->device, &conf) == 0 && (conf.rss_hf & RSS_TCP) == RSS_TCP &&
	       memcmp(key, p->steer.key, p->steer.key_bytes) == 0;
}

/* A device that can't tell is taken to be linked. */
static bool link_is_up(const struct port *p)
{
	struct rte_eth_link link = { 0 };

	if (p->packet != NULL)
		return packet_port_link(p->packet);
	return rte_eth_link_get_nowait(p->device, &link) != 0 || link.link_status == RTE_ETH_LINK_UP;
}

static int start_device(struct port *p, char *err, size_t err_bytes)
{
	int rc = rte_eth_dev_start(p->device);

	if (rc != 0) {
		snprintf(err, err_bytes, "the port %s did not start: %s", p->nif->name, why(rc));
		return rc;
	}
	/* A device that keeps its own table spreads as it likes; then the workers redistribute. */
	if (p->hash_in_device && (write_rss_table(p) != 0 || !rss_as_ours(p)))
		p->hash_in_device = false;
	/* Neighbour discovery is multicast (RFC 4861); a device without the filter hears all anyway. */
	if (rte_eth_allmulticast_enable(p->device) != 0 && p->is_nic &&
	    rte_eth_promiscuous_enable(p->device) != 0) {
		snprintf(err, err_bytes, "the port %s can't receive multicast, which IPv6 needs", p->nif->name);
		return -ENOTSUP;
	}
	return 0;
}

int port_start(struct port *p, char *err, size_t err_bytes)
{
	int rc = p->packet != NULL ? packet_port_start(p->packet, &p->steer, err, err_bytes) : start_device(p, err, err_bytes);

	if (rc != 0)
		return rc;
	/* What a device says of its link so early may be wrong: it is announced to in any case. */
	p->link_up = link_is_up(p);
	p->link_ups = 1;
	return 0;
}

bool port_watch_link(struct port *p)
{
	bool up = link_is_up(p);

	if (up == p->link_up)
		return false;
	p->link_up = up;
	if (up)
		__atomic_store_n(&p->link_ups, p->link_ups + 1, __ATOMIC_RELAXED);
	return true;
}

void port_close(struct port *p)
{
	if (p->packet != NULL) {
		packet_port_close(p->packet);
		p->packet = NULL;
		return;
	}
	rte_eth_dev_stop(p->device);
	rte_eth_dev_close(p->device);
}

uint16_t port_rx(const struct port *p, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n, struct counters *counters)
{
	if (p->packet != NULL)
		return packet_queue_rx(&p->packet->queues[queue], mbufs, n, counters);
	return rte_eth_rx_burst(p->device, queue, mbufs, n);
}

/* Drivers differ in what they want in the headers: virtio's TSO another sum than Intel's. */
uint16_t port_prepare(const struct port *p, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t kept = 0, at = 0;

	if (p->packet != NULL)
		packet_queue_prepare(mbufs, n);
	if (!p->is_nic)
		return n;
	while (at < n) {
		uint16_t good = rte_eth_tx_prepare(p->device, queue, mbufs + at, (uint16_t)(n - at));

		memmove(mbufs + kept, mbufs + at, good * sizeof(*mbufs));
		kept = (uint16_t)(kept + good);
		at = (uint16_t)(at + good);
		if (at < n)
			rte_pktmbuf_free(mbufs[at++]);
	}
	return kept;
}

uint16_t port_tx(const struct port *p, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n, struct counters *counters)
{
	if (p->packet != NULL)
		return packet_queue_tx(&p->packet->queues[queue], mbufs, n, counters);
	return rte_eth_tx_burst(p->device, queue, mbufs, n);
}

int port_fd(const struct port *p, uint16_t queue)
{
	return p->packet != NULL && queue < p->n_queues ? p->packet->queues[queue].fd : -1;
}

void port_take_error(const struct port *p, uint16_t queue)
{
	packet_queue_take_error(&p->packet->queues[queue]);
}

struct port *port_by_device(struct port *ports, unsigned int n, uint16_t device)
{
	for (unsigned int i = 0; i < n; i++) {
		if (ports[i].device == device)
			return &ports[i];
	}
	return NULL;
}
