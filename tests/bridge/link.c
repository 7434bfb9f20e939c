/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST 64
#define BUFFER_BYTES (4 << 20)

static int fail(char *err, size_t err_bytes, const char *what, const char *device, int error)
{
	snprintf(err, err_bytes, "%s of %s: %s", what, device, strerror(error));
	return -error;
}

static int open_socket(const char *device, char *err, size_t err_bytes)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq all = { .mr_type = PACKET_MR_PROMISC };
	int on = 1, bytes = BUFFER_BYTES, fd;

	to.sll_ifindex = (int)if_nametoindex(device);
	if (to.sll_ifindex == 0)
		return fail(err, err_bytes, "the index", device, errno);
	all.mr_ifindex = to.sll_ifindex;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(err, err_bytes, "a packet socket (root is needed)", device, errno);
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) != 0 ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		int error = errno;

		close(fd);
		return fail(err, err_bytes, "the packet socket's set-up", device, error);
	}
	/* As much as is allowed: frames lost here are lost unseen. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return fd;
}

int link_open(struct link *l, const char *first, const char *second, uint64_t seed, char *err, size_t err_bytes)
{
	const char *names[2] = { first, second };

	memset(l, 0, sizeof(*l));
	for (int i = 0; i < 2; i++) {
		snprintf(l->names[i], sizeof(l->names[i]), "%s", names[i]);
		wire_init(&l->wires[i], seed * 2 + (uint64_t)i);
		l->sockets[i] = open_socket(names[i], err, err_bytes);
		if (l->sockets[i] < 0) {
			int error = l->sockets[i];

			if (i == 1)
				close(l->sockets[0]);
			return error;
		}
	}
	return 0;
}

void link_close(struct link *l)
{
	for (int i = 0; i < 2; i++) {
		wire_fini(&l->wires[i]);
		close(l->sockets[i]);
	}
}

/* Is the frame as a wire would carry it? */
static bool complete(struct msghdr *msg, const char *device, char *err, size_t err_bytes)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_CSUMNOTREADY) {
			snprintf(err, err_bytes, "a frame without checksum came from %s: "
				 "`ethtool -K DEVICE tx off` at its other end", device);
			return false;
		}
		if (aux.tp_len > LINK_FRAME_BYTES_MAX) {
			snprintf(err, err_bytes, "a frame of %u bytes came from %s: "
				 "`ethtool -K DEVICE tso off gso off` at its other end", aux.tp_len, device);
			return false;
		}
	}
	return true;
}

static int receive(struct link *l, int from, uint64_t now_us, char *err, size_t err_bytes)
{
	static uint8_t frame[LINK_FRAME_BYTES_MAX];
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct wire *w = &l->wires[from];

	for (int i = 0; i < BURST; i++) {
		struct iovec part = { frame, sizeof(frame) };
		struct msghdr msg = {
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(l->sockets[from], &msg, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0)
			return fail(err, err_bytes, "receiving", l->names[from], errno);
		if (!complete(&msg, l->names[from], err, err_bytes))
			return -EBADMSG;
		l->received[from]++;
		if (w->n >= LINK_FRAMES_MAX)
			l->overflowed[from]++;
		else
			wire_send(w, frame, (size_t)n, now_us);
	}
	return 0;
}

int link_receive(struct link *l, uint64_t now_us, char *err, size_t err_bytes)
{
	int error = receive(l, 0, now_us, err, err_bytes);

	return error ? error : receive(l, 1, now_us, err, err_bytes);
}

void link_transmit(struct link *l, uint64_t now_us)
{
	for (int i = 0; i < 2; i++) {
		struct wire_frame *f;

		while ((f = wire_take(&l->wires[i], now_us)) != NULL) {
			if (send(l->sockets[!i], f->data, f->bytes, 0) == (ssize_t)f->bytes)
				l->transmitted[i]++;
			else
				l->refused[i]++;	/* its queue is full: lost, as a device loses it */
			free(f);
		}
	}
}

uint64_t link_next_us(const struct link *l)
{
	uint64_t a = wire_next_us(&l->wires[0]), b = wire_next_us(&l->wires[1]);

	return a < b ? a : b;
}
