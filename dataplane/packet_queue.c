/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet_queue.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "base/assert.h"

#define SLOTS 2048u
#define SLOT_BYTES_MIN 2048u
#define BLOCK_BYTES 65536u	/* the ring is made of: whole slots, whole pages */
/* In a slot beside the IP packet: the kernel's header, an address, the offload header, alignment. */
#define SLOT_EXTRA_BYTES (128u + RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)
#define FRAME_BYTES_MAX (PACKET_QUEUE_BYTES_MAX + RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)
#define RX_PIECES_MAX 64u
#define RX_BUFFER_BYTES (16 << 20)	/* of joined segments that wait in the socket */
#define TX_BUFFER_BYTES (1 << 20)	/* on their way through the kernel */
#define TX_FRAMES 64u
#define TX_PIECES (TX_FRAMES * 8u)

struct packet_tx {
	struct mmsghdr messages[TX_FRAMES];
	struct virtio_net_hdr headers[TX_FRAMES];
	struct iovec pieces[TX_PIECES + PACKET_QUEUE_PIECES_MAX + 1];
};

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* The larger buffers need CAP_NET_ADMIN; without it the system's bound holds. */
static int set_buffers(int fd)
{
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RX_BUFFER_BYTES) != 0 &&
	    set(fd, SOL_SOCKET, SO_RCVBUF, RX_BUFFER_BYTES) != 0)
		return -1;
	return set(fd, SOL_SOCKET, SO_SNDBUFFORCE, TX_BUFFER_BYTES) != 0 ? set(fd, SOL_SOCKET, SO_SNDBUF, TX_BUFFER_BYTES)
									  : 0;
}

static int failed(const char *what, char *err, size_t err_bytes)
{
	int rc = errno != 0 ? -errno : -ENOMEM;

	snprintf(err, err_bytes, "a packet socket could not be made: %s: %s", what, strerror(-rc));
	return rc;
}

/* What is missing, or NULL. */
static const char *set_up(const struct packet_queue *q)
{
	if (set(q->fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2) != 0)
		return "TPACKET_V2";
	if (set(q->fd, SOL_PACKET, PACKET_VNET_HDR, 1) != 0)
		return "PACKET_VNET_HDR";
	if (set(q->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1) != 0)
		return "PACKET_IGNORE_OUTGOING (Linux 4.20)";
	if (set(q->fd, SOL_PACKET, PACKET_COPY_THRESH, 1) != 0)
		return "PACKET_COPY_THRESH";
	if (set_buffers(q->fd) != 0)
		return "room for what waits";
	return NULL;
}

int packet_queue_open(struct packet_queue *q, uint16_t device, struct rte_mempool *pool, char *err, size_t err_bytes)
{
	const char *what;
	int rc;

	*q = (struct packet_queue){ .device = device, .pool = pool };
	/* Protocol 0: nothing is received before packet_queue_start. */
	q->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (q->fd < 0)
		return failed("it needs CAP_NET_RAW", err, err_bytes);
	what = set_up(q);
	if (what == NULL)
		q->tx = lines_alloc(1, sizeof(*q->tx));
	if (q->tx != NULL)
		return 0;
	rc = failed(what != NULL ? what : "memory", err, err_bytes);
	packet_queue_close(q);
	return rc;
}

int packet_queue_make_ring(struct packet_queue *q, uint16_t mtu, char *err, size_t err_bytes)
{
	struct tpacket_req request;

	q->slots = SLOTS;
	q->slot_bytes = SLOT_BYTES_MIN;
	while (q->slot_bytes < mtu + SLOT_EXTRA_BYTES && q->slot_bytes < BLOCK_BYTES)
		q->slot_bytes *= 2;
	request = (struct tpacket_req){
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = q->slots * q->slot_bytes / BLOCK_BYTES,
		.tp_frame_size = q->slot_bytes,
		.tp_frame_nr = q->slots,
	};
	if (setsockopt(q->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) == 0) {
		q->ring = mmap(NULL, (size_t)q->slots * q->slot_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, q->fd, 0);
		if (q->ring != MAP_FAILED)
			return 0;
	}
	q->ring = NULL;
	return failed("memory for its receive ring", err, err_bytes);
}

int packet_queue_start(struct packet_queue *q, int ifindex)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = RTE_BE16(ETH_P_ALL), .sll_ifindex = ifindex,
	};

	return bind(q->fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : -errno;
}

void packet_queue_close(struct packet_queue *q)
{
	if (q->ring != NULL)
		munmap(q->ring, (size_t)q->slots * q->slot_bytes);
	if (q->fd >= 0)
		close(q->fd);
	free(q->tx);
	*q = (struct packet_queue){ .fd = -1 };
}

/* A chain with room for @bytes, at most RX_PIECES_MAX of them, or NULL. */
static struct rte_mbuf *new_chain(struct rte_mempool *pool, uint32_t bytes)
{
	uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
	uint32_t n = RTE_MAX((bytes + room - 1) / room, 1u);
	struct rte_mbuf *pieces[RX_PIECES_MAX];

	if (n > RX_PIECES_MAX || rte_pktmbuf_alloc_bulk(pool, pieces, n) != 0)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		pieces[i]->data_len = (uint16_t)RTE_MIN(bytes, room);
		bytes -= pieces[i]->data_len;
		pieces[i]->next = i + 1 < n ? pieces[i + 1] : NULL;
		pieces[0]->pkt_len += pieces[i]->data_len;
	}
	pieces[0]->nb_segs = (uint16_t)n;
	return pieces[0];
}

static struct rte_mbuf *copy_slot(struct packet_queue *q, const uint8_t *frame, uint32_t bytes, struct counters *counters)
{
	struct rte_mbuf *m = new_chain(q->pool, bytes);

	if (m == NULL) {
		count_drop(counters, DROP_NO_MBUF);
		return NULL;
	}
	for (struct rte_mbuf *piece = m; piece != NULL; piece = piece->next) {
		memcpy(rte_pktmbuf_mtod(piece, void *), frame, piece->data_len);
		frame += piece->data_len;
	}
	return m;
}

/* Takes the socket's next frame into @m, or away when @m is NULL. Its length, or -1. */
static ssize_t receive(struct packet_queue *q, struct rte_mbuf *m, struct virtio_net_hdr *header)
{
	struct iovec pieces[RX_PIECES_MAX + 1] = { { .iov_base = header, .iov_len = sizeof(*header) } };
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 1 };
	ssize_t got;

	for (; m != NULL; m = m->next)
		pieces[message.msg_iovlen++] = (struct iovec){ rte_pktmbuf_mtod(m, void *), m->data_len };
	/* What happened to the interface is told first, once. */
	do
		got = recvmsg(q->fd, &message, MSG_DONTWAIT | MSG_TRUNC);
	while (got < 0 && (errno == ENETDOWN || errno == EINTR));
	return got < (ssize_t)sizeof(*header) ? -1 : got - (ssize_t)sizeof(*header);
}

/* A frame that was too long for its slot: the socket has it, whole, in the slots' order. */
static struct rte_mbuf *fetch(struct packet_queue *q, uint32_t bytes, struct virtio_net_hdr *header,
			      struct counters *counters)
{
	struct rte_mbuf *m = bytes <= FRAME_BYTES_MAX ? new_chain(q->pool, bytes) : NULL;
	ssize_t got = receive(q, m, header);

	if (m == NULL) {
		count_drop(counters, bytes <= FRAME_BYTES_MAX ? DROP_NO_MBUF : DROP_RX_LONG);
		return NULL;
	}
	if (got == (ssize_t)bytes)
		return m;
	count_drop(counters, DROP_RX_LONG);
	rte_pktmbuf_free(m);
	return NULL;
}

/* A sum that is unfinished is one of this host's, or of what was joined after it had been checked. */
static uint64_t checksum_flag(const struct virtio_net_hdr *header)
{
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return RTE_MBUF_F_RX_L4_CKSUM_NONE;
	return header->flags & VIRTIO_NET_HDR_F_DATA_VALID ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0;
}

/* The kernel takes the outer VLAN tag off. False: it was no 802.1Q tag. */
static bool put_vlan(struct rte_mbuf *m, const struct tpacket2_hdr *slot, uint32_t status)
{
	if (!(status & TP_STATUS_VLAN_VALID))
		return true;
	m->vlan_tci = slot->tp_vlan_tci;
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	return !(status & TP_STATUS_VLAN_TPID_VALID) || slot->tp_vlan_tpid == ETH_P_8021Q;
}

/* Frames for which no slot was free. */
static void count_lost(struct packet_queue *q, struct counters *counters)
{
	struct tpacket_stats stats;
	socklen_t bytes = sizeof(stats);

	if (getsockopt(q->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
		counter_add(&counters->drops[DROP_RX_FULL], stats.tp_drops);
}

static struct rte_mbuf *take(struct packet_queue *q, const struct tpacket2_hdr *slot, uint32_t status,
			     struct counters *counters)
{
	const uint8_t *frame = (const uint8_t *)slot + slot->tp_mac;
	struct virtio_net_hdr header;
	struct rte_mbuf *m;

	ASSERT(slot->tp_mac >= sizeof(*slot) + sizeof(header) && slot->tp_mac + slot->tp_snaplen <= q->slot_bytes);
	memcpy(&header, frame - sizeof(header), sizeof(header));
	if (status & TP_STATUS_COPY) {
		m = fetch(q, slot->tp_len, &header, counters);
	} else if (slot->tp_snaplen < slot->tp_len) {
		count_drop(counters, DROP_RX_FULL);	/* too long for the slot, and the socket had no room either */
		m = NULL;
	} else {
		m = copy_slot(q, frame, slot->tp_snaplen, counters);
	}
	if (m == NULL)
		return NULL;
	m->port = q->device;
	m->ol_flags |= checksum_flag(&header);
	if (put_vlan(m, slot, status))
		return m;
	count_drop(counters, DROP_ETH_VLAN);
	rte_pktmbuf_free(m);
	return NULL;
}

uint16_t packet_queue_rx(struct packet_queue *q, struct rte_mbuf **mbufs, uint16_t n, struct counters *counters)
{
	uint16_t got = 0;
	bool lost = false;

	for (uint16_t i = 0; i < n; i++) {
		struct tpacket2_hdr *slot = (void *)(q->ring + (size_t)q->next * q->slot_bytes);
		uint32_t status = __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);

		if (!(status & TP_STATUS_USER))
			break;
		mbufs[got] = take(q, slot, status, counters);
		got = (uint16_t)(got + (mbufs[got] != NULL));
		lost |= (status & TP_STATUS_LOSING) != 0;
		__atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		q->next = (q->next + 1) & (q->slots - 1);
	}
	if (lost)
		count_lost(q, counters);
	return got;
}

/* The pseudo header's sum is in the field, but where the device is to cut without the length (ip_output). */
static void add_length(struct rte_mbuf *m)
{
	uint32_t l4_offset = (uint32_t)(m->l2_len + m->l3_len);
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, struct rte_tcp_hdr *, l4_offset);
	uint32_t sum = tcp->cksum + (uint32_t)rte_cpu_to_be_16((uint16_t)(m->pkt_len - l4_offset));

	tcp->cksum = (uint16_t)((sum & 0xffff) + (sum >> 16));
}

void packet_queue_prepare(struct rte_mbuf **mbufs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (mbufs[i]->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
			add_length(mbufs[i]);
	}
}

static void offload_header(struct rte_mbuf *m, struct virtio_net_hdr *header)
{
	uint32_t l4_offset = (uint32_t)(m->l2_len + m->l3_len);

	*header = (struct virtio_net_hdr){ .hdr_len = (uint16_t)m->data_len };
	if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM || (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)) {
		ASSERT(m->data_len >= l4_offset + sizeof(struct rte_tcp_hdr));
		header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header->csum_start = (uint16_t)l4_offset;
		header->csum_offset = offsetof(struct rte_tcp_hdr, cksum);
	}
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		header->gso_type = m->ol_flags & RTE_MBUF_F_TX_IPV6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		header->gso_size = m->tso_segsz;
		header->hdr_len = (uint16_t)(l4_offset + m->l4_len);
	}
}

/* Describes up to @n frames for one call; returns how many. */
static unsigned int describe(struct packet_tx *tx, struct rte_mbuf **mbufs, uint16_t n)
{
	unsigned int at = 0, i;

	for (i = 0; i < n && i < TX_FRAMES && at < TX_PIECES; i++) {
		struct rte_mbuf *m = mbufs[i];

		ASSERT(m->nb_segs <= PACKET_QUEUE_PIECES_MAX);
		offload_header(m, &tx->headers[i]);
		tx->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &tx->pieces[at], .msg_iovlen = m->nb_segs + 1u };
		tx->pieces[at++] = (struct iovec){ &tx->headers[i], sizeof(tx->headers[i]) };
		for (; m != NULL; m = m->next)
			tx->pieces[at++] = (struct iovec){ rte_pktmbuf_mtod(m, void *), m->data_len };
	}
	return i;
}

/* The kernel is out of room or memory: later. What the frame or the interface lacks won't come by waiting. */
static bool worth_waiting(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINTR;
}

uint16_t packet_queue_tx(struct packet_queue *q, struct rte_mbuf **mbufs, uint16_t n, struct counters *counters)
{
	uint16_t done = 0;

	while (done < n) {
		unsigned int described = describe(q->tx, mbufs + done, (uint16_t)(n - done));
		int sent = sendmmsg(q->fd, q->tx->messages, described, MSG_DONTWAIT);

		if (sent < 0 && worth_waiting(errno))
			break;
		if (sent < 0) {
			count_drop(counters, DROP_TX_REFUSED);
			sent = 1;
		}
		rte_pktmbuf_free_bulk(mbufs + done, (unsigned int)sent);
		done = (uint16_t)(done + sent);
	}
	return done;
}

void packet_queue_take_error(struct packet_queue *q)
{
	int error;
	socklen_t bytes = sizeof(error);

	getsockopt(q->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
}
