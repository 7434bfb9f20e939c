/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet_port.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "packet_fanout.h"

#define PREFIX "packet:"
#define MAC_OPTION ",mac="

bool packet_port_named(const char *device)
{
	return strncmp(device, PREFIX, strlen(PREFIX)) == 0;
}

static int ask(const struct packet_port *p, unsigned long request, struct ifreq *r)
{
	memset(r, 0, sizeof(*r));
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", p->iface);
	return ioctl(p->queues[0].fd, request, r) == 0 ? 0 : -errno;
}

static int identify(struct packet_port *p, char *err, size_t err_bytes)
{
	struct ifreq r;
	int rc = ask(p, SIOCGIFINDEX, &r);

	if (rc != 0) {
		snprintf(err, err_bytes, "the interface \"%s\" doesn't exist here (%s): `ip link` lists those that do",
			 p->iface, strerror(-rc));
		return rc;
	}
	p->ifindex = r.ifr_ifindex;
	rc = ask(p, SIOCGIFHWADDR, &r);
	if (rc == 0 && r.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
		snprintf(err, err_bytes, "the interface \"%s\" isn't an Ethernet one", p->iface);
		return -EINVAL;
	}
	if (!p->own_mac)
		memcpy(&p->mac, r.ifr_hwaddr.sa_data, sizeof(p->mac));
	if (rc == 0)
		rc = ask(p, SIOCGIFMTU, &r);
	p->mtu = (uint16_t)RTE_MIN(r.ifr_mtu, (int)UINT16_MAX);
	if (rc != 0)
		snprintf(err, err_bytes, "the interface \"%s\" doesn't tell its address or MTU: %s", p->iface, strerror(-rc));
	return rc;
}

/* Sockets are made before the interface is asked for: the first one is who asks. */
static int open_queues(struct packet_port *p, uint16_t n, uint16_t id, struct rte_mempool *pool, char *err,
		       size_t err_bytes)
{
	int rc = 0;

	for (uint16_t i = 0; rc == 0 && i < n; i++) {
		rc = packet_queue_open(&p->queues[i], id, pool, err, err_bytes);
		p->n_queues = (uint16_t)(i + (rc == 0));
	}
	if (rc == 0)
		rc = identify(p, err, err_bytes);
	for (uint16_t i = 0; rc == 0 && i < n; i++)
		rc = packet_queue_make_ring(&p->queues[i], p->mtu, err, err_bytes);
	return rc;
}

/* @device: packet:INTERFACE, then perhaps ,mac=ADDRESS. */
static int parse(struct packet_port *p, const char *device, char *err, size_t err_bytes)
{
	const char *iface = device + strlen(PREFIX), *option = strchr(iface, ',');
	size_t bytes = option != NULL ? (size_t)(option - iface) : strlen(iface);

	if (bytes == 0 || bytes >= sizeof(p->iface)) {
		snprintf(err, err_bytes, "\"%s\" names no interface: write packet: and its name, as in packet:eth1", device);
		return -EINVAL;
	}
	memcpy(p->iface, iface, bytes);
	if (option == NULL)
		return 0;
	p->own_mac = true;
	if (strncmp(option, MAC_OPTION, strlen(MAC_OPTION)) == 0 &&
	    rte_ether_unformat_addr(option + strlen(MAC_OPTION), &p->mac) == 0 && rte_is_valid_assigned_ether_addr(&p->mac))
		return 0;
	snprintf(err, err_bytes, "\"%s\": behind the interface may stand an address for a host, as in "
		 "packet:eth1,mac=02:00:00:00:00:01", device);
	return -EINVAL;
}

int packet_port_open(struct packet_port **out, const char *device, uint16_t n_queues, uint16_t id,
		     struct rte_mempool *pool, char *err, size_t err_bytes)
{
	struct packet_port *p = lines_alloc(1, sizeof(*p) + n_queues * sizeof(p->queues[0]));
	int rc;

	*out = NULL;
	if (p == NULL) {
		snprintf(err, err_bytes, "there is no memory for the port \"%s\"", device);
		return -ENOMEM;
	}
	rc = parse(p, device, err, err_bytes);
	if (rc == 0)
		rc = open_queues(p, n_queues, id, pool, err, err_bytes);
	if (rc != 0)
		packet_port_close(p);
	else
		*out = p;
	return rc;
}

static int join(const struct packet_port *p, struct packet_mreq request)
{
	request.mr_ifindex = p->ifindex;
	return setsockopt(p->queues[0].fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) == 0 ? 0 : -errno;
}

/* Frames that the interface would not take for its own: neighbour discovery is multicast (RFC 4861). */
static int hear(const struct packet_port *p)
{
	struct packet_mreq mine = { .mr_type = PACKET_MR_UNICAST, .mr_alen = sizeof(p->mac) };
	int rc = join(p, (struct packet_mreq){ .mr_type = PACKET_MR_ALLMULTI });

	memcpy(mine.mr_address, &p->mac, sizeof(p->mac));
	return rc == 0 && p->own_mac ? join(p, mine) : rc;
}

/* Each frame to one of the queues, a TCP segment to its worker's. */
static int spread(const struct packet_port *p, const struct steer *steer)
{
	int how = (PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	struct sock_filter instructions[PACKET_FANOUT_MAX];
	struct sock_fprog program = { packet_fanout(steer, instructions), instructions };
	socklen_t bytes = sizeof(how);

	for (uint16_t i = 0; i < p->n_queues; i++) {
		if (setsockopt(p->queues[i].fd, SOL_PACKET, PACKET_FANOUT, &how, sizeof(how)) != 0)
			return -errno;
		if (i > 0)
			continue;
		/* The kernel chose a number; the others join that. */
		if (setsockopt(p->queues[0].fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof(program)) != 0 ||
		    getsockopt(p->queues[0].fd, SOL_PACKET, PACKET_FANOUT, &how, &bytes) != 0)
			return -errno;
		how &= ~(PACKET_FANOUT_FLAG_UNIQUEID << 16);
	}
	return 0;
}

/* As far as we may; sockets can't share what arrives at an interface that is down (before Linux 6.13). */
static void bring_up(const struct packet_port *p)
{
	struct ifreq r;

	if (ask(p, SIOCGIFFLAGS, &r) != 0 || (r.ifr_flags & IFF_UP))
		return;
	r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
	ioctl(p->queues[0].fd, SIOCSIFFLAGS, &r);
}

int packet_port_start(struct packet_port *p, const struct steer *steer, char *err, size_t err_bytes)
{
	int rc;

	bring_up(p);
	rc = hear(p);
	for (uint16_t i = 0; rc == 0 && i < p->n_queues; i++)
		rc = packet_queue_start(&p->queues[i], p->ifindex);
	if (rc == 0 && p->n_queues > 1)
		rc = spread(p, steer);
	if (rc != 0)
		snprintf(err, err_bytes, "packet sockets could not be bound to the interface \"%s\": %s", p->iface,
			 strerror(-rc));
	return rc;
}

void packet_port_close(struct packet_port *p)
{
	for (uint16_t i = 0; i < p->n_queues; i++)
		packet_queue_close(&p->queues[i]);
	free(p);
}

bool packet_port_link(const struct packet_port *p)
{
	struct ifreq r;

	return ask(p, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}
