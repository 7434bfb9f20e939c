/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transport over the kernel's sockets: epoll, edge-triggered, without blocking.
 * Data is read straight into mbufs and written from them. A socket belongs to the
 * network namespace that its thread was in when it was made: the listening one is
 * made in --serve-netns, all others in --client-netns.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "bench/memory.h"
#include "bench/options.h"
#include "bench/sockets.h"
#include "bench/transport.h"
#include "base/assert.h"
#include "dataplane/base/pool.h"

#define KERNEL_TCP_NODELAY 1		/* netinet/tcp.h and our tcp.h exclude each other */
#define EVENTS_PER_TURN 256
#define ACCEPTS_PER_TURN 64
#define PIECES 32u			/* mbufs of one read or write */
#define SEND_ROOM (256u << 10)
#define BACKLOG 16384
#define TICK_US 128u
#define TIMERS_PER_TURN 256u
#define CPU_READ_US 1000u

struct conn {
	TAILQ_ENTRY(conn) link;		/* in ready, when in_ready */
	struct kernel *kernel;
	struct endpoint *endpoint;	/* NULL: released, but has something to send yet */
	struct rte_mbuf *out, *out_tail;	/* what the kernel didn't take; only the chain's links are kept */
	uint32_t out_bytes;
	uint32_t events;		/* to be told */
	int fd;
	bool in_ready, connecting, readable, writable, hung_up, finished, dead, shut;
};

TAILQ_HEAD(conn_list, conn);

struct kernel {
	struct transport transport;	/* first */
	struct wheel wheel;
	struct pool conns;
	struct conn_list ready;		/* has news to be told */
	uint32_t n_ready;
	struct rte_mbuf *spare[PIECES];	/* to read into */
	unsigned int n_spare;
	int epoll, listener;		/* -1: none */
	int client_netns, serve_netns;	/* -1: where we are */
	struct addr sources[NETIF_ADDRS_MAX];
	unsigned int n_sources, next_source;
	bool accept_more, spin;
	uint64_t failed_accepts, cpu_read_us;
};

static void to_ready(struct conn *c, uint32_t events)
{
	c->events |= events;
	if (c->in_ready)
		return;
	c->in_ready = true;
	c->kernel->n_ready++;
	TAILQ_INSERT_TAIL(&c->kernel->ready, c, link);
}

static void leave_ready(struct conn *c)
{
	if (!c->in_ready)
		return;
	c->in_ready = false;
	c->kernel->n_ready--;
	TAILQ_REMOVE(&c->kernel->ready, c, link);
}

static void conn_gone(struct conn *c)
{
	leave_ready(c);
	if (c->fd >= 0)
		close(c->fd);
	for (struct rte_mbuf *m = c->out, *next; m; m = next) {
		next = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
	}
	pool_put(&c->kernel->conns, c);
}

static uint32_t event_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return TCP_REFUSED;
	case ETIMEDOUT:
		return TCP_TIMED_OUT;
	case ENETUNREACH:
	case EHOSTUNREACH:
		return TCP_UNREACHABLE;
	default:
		return TCP_RESET;
	}
}

static void died(struct conn *c, int error)
{
	if (c->dead)
		return;
	c->dead = true;
	c->readable = c->writable = false;
	to_ready(c, event_of(error));
}

/* Takes @n written bytes off the queue's front. */
static void written(struct conn *c, size_t n)
{
	c->out_bytes -= (uint32_t)n;
	while (n > 0) {
		struct rte_mbuf *m = c->out;
		uint16_t part = m->data_len < n ? m->data_len : (uint16_t)n;

		m->data_off = (uint16_t)(m->data_off + part);
		m->data_len = (uint16_t)(m->data_len - part);
		n -= part;
		if (m->data_len > 0)
			return;
		c->out = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
	}
	if (!c->out)
		c->out_tail = NULL;
}

static void write_out(struct conn *c)
{
	bool little = c->out_bytes >= SEND_ROOM;

	while (c->out && c->writable) {
		struct iovec pieces[PIECES];
		struct msghdr message = { .msg_iov = pieces };
		size_t asked = 0;
		ssize_t n;

		for (struct rte_mbuf *m = c->out; m && message.msg_iovlen < PIECES; m = m->next) {
			pieces[message.msg_iovlen++] =
				(struct iovec){ rte_pktmbuf_mtod(m, void *), m->data_len };
			asked += m->data_len;
		}
		n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) {
			if (c->endpoint)
				died(c, errno);
			else
				conn_gone(c);
			return;
		}
		if (n < 0 || (size_t)n < asked)
			c->writable = false;
		if (n > 0)
			written(c, (size_t)n);
	}
	if (little && c->out_bytes < SEND_ROOM && c->endpoint)
		to_ready(c, TCP_WRITABLE);
	if (!c->out && c->shut)
		shutdown(c->fd, SHUT_WR);
	if (!c->out && !c->endpoint)
		conn_gone(c);
}

static void on_events(struct conn *c, uint32_t events)
{
	int error = 0;
	socklen_t bytes = sizeof(error);

	if (events & (EPOLLERR | EPOLLHUP)) {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
		/* A hang-up alone: both sides have closed, which reading will tell. */
		if (error != 0) {
			if (c->endpoint)
				died(c, error);
			else
				conn_gone(c);
			return;
		}
	}
	if (events & EPOLLOUT) {
		if (c->connecting) {
			c->connecting = false;
			to_ready(c, TCP_ESTABLISHED);
		}
		c->writable = true;
		if (c->out) {
			write_out(c);
			return;
		}
	}
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) && c->endpoint) {
		c->readable = true;
		c->hung_up |= (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
		to_ready(c, TCP_READABLE);
	}
}

static struct conn *conn_new(struct kernel *k, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	struct conn *c = pool_get(&k->conns);
	int on = 1;

	if (!c)
		return NULL;
	c->kernel = k;
	c->fd = fd;
	event.data.ptr = c;
	setsockopt(fd, IPPROTO_TCP, KERNEL_TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return c;
	pool_put(&k->conns, c);
	return NULL;
}

static void accept_some(struct kernel *k)
{
	k->accept_more = false;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(k->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct conn *c;

		if (fd < 0) {
			k->failed_accepts += errno != EAGAIN && errno != ECONNABORTED && errno != EINTR;
			return;
		}
		c = conn_new(k, fd);
		if (!c) {
			k->failed_accepts++;
			close(fd);
			continue;
		}
		c->writable = true;
		c->endpoint = k->transport.accept(k->transport.accept_arg, c);
		if (c->endpoint)
			to_ready(c, TCP_ESTABLISHED);
		else
			conn_gone(c);
	}
	k->accept_more = true;
}

static int wait_events(struct kernel *k, struct epoll_event *events, uint64_t idle_until_us)
{
	uint64_t now_us = k->transport.now_us, until_us = wheel_next_us(&k->wheel);
	struct timespec wait = { 0 };

	if (idle_until_us < until_us)
		until_us = idle_until_us;
	if (!k->spin && k->n_ready == 0 && !k->accept_more && until_us > now_us)
		wait = (struct timespec){ (time_t)((until_us - now_us) / 1000000), (long)((until_us - now_us) % 1000000) * 1000 };
	/* By number: Debian 12's C library knows epoll_pwait2, older headers may not. */
	return (int)syscall(SYS_epoll_pwait2, k->epoll, events, EVENTS_PER_TURN, &wait, NULL, 0);
}

static void tell_news(struct kernel *k)
{
	/* Those that are woken meanwhile come next turn. */
	for (uint32_t n = k->n_ready; n > 0 && k->n_ready > 0; n--) {
		struct conn *c = TAILQ_FIRST(&k->ready);
		uint32_t events = c->events;

		leave_ready(c);
		c->events = 0;
		if (c->endpoint)
			c->endpoint->news(c->endpoint, events);
	}
}

/* A system call, so not every turn. */
static void read_cpu(struct kernel *k)
{
	struct timespec cpu;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	k->transport.busy = (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec;
	k->cpu_read_us = k->transport.now_us;
}

static bool turn(struct transport *t, uint64_t idle_until_us)
{
	struct kernel *k = (struct kernel *)t;
	struct epoll_event events[EVENTS_PER_TURN];
	int n = wait_events(k, events, idle_until_us);

	t->awake_from = clock_cycles();
	t->now_us = clock_now_us();
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			on_events(events[i].data.ptr, events[i].events);
		else
			k->accept_more = true;
	}
	if (k->accept_more)
		accept_some(k);
	tell_news(k);
	wheel_run(&k->wheel, t->now_us, TIMERS_PER_TURN);
	if (t->now_us - k->cpu_read_us >= CPU_READ_US)
		read_cpu(k);
	return n > 0;
}

static int listen_at(struct transport *t, const struct addr *addr, uint16_t port, struct error *err)
{
	struct kernel *k = (struct kernel *)t;
	struct epoll_event event = { .events = EPOLLIN };
	struct sockaddr_storage at;
	socklen_t bytes = sockets_address(addr, port, &at);
	int on = 1, rc = sockets_enter_netns(k->serve_netns, err);

	if (rc != 0)
		return rc;
	k->listener = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(k->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (k->listener < 0 || bind(k->listener, (struct sockaddr *)&at, bytes) != 0 || listen(k->listener, BACKLOG) != 0 ||
	    epoll_ctl(k->epoll, EPOLL_CTL_ADD, k->listener, &event) != 0)
		return error_set(err, -errno, ERROR_IO, "--serve", "can't listen: %s", strerror(errno));
	return sockets_enter_netns(k->client_netns, err);
}

static struct conn *dial(struct transport *t, const struct addr *to, uint16_t port, struct endpoint *e, int *why)
{
	struct kernel *k = (struct kernel *)t;
	struct sockaddr_storage at, from;
	socklen_t bytes = sockets_address(to, port, &at);
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct conn *c;

	if (fd < 0) {
		*why = -ENOMEM;
		return NULL;
	}
	if (k->n_sources > 0) {
		socklen_t from_bytes = sockets_address(&k->sources[k->next_source++ % k->n_sources], 0, &from);

		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&from, from_bytes) != 0) {
			*why = -EADDRNOTAVAIL;
			close(fd);
			return NULL;
		}
	}
	if (connect(fd, (struct sockaddr *)&at, bytes) != 0 && errno != EINPROGRESS) {
		*why = -errno;
		close(fd);
		return NULL;
	}
	c = conn_new(k, fd);
	if (!c) {
		*why = -ENOMEM;
		close(fd);
		return NULL;
	}
	c->connecting = true;
	c->endpoint = e;
	e->conn = c;
	return c;
}

static uint32_t send_room(struct conn *c)
{
	return c->dead || c->shut || c->out_bytes >= SEND_ROOM ? 0 : SEND_ROOM - c->out_bytes;
}

static void send_chain(struct conn *c, struct rte_mbuf *chain)
{
	bool idle = c->out == NULL;

	if (c->dead || c->shut) {
		rte_pktmbuf_free(chain);
		return;
	}
	c->out_bytes += chain->pkt_len;
	if (idle)
		c->out = chain;
	else
		c->out_tail->next = chain;
	c->out_tail = rte_pktmbuf_lastseg(chain);
	if (idle)
		write_out(c);
}

/* Fresh buffers for what the last read filled. */
static bool refill(struct kernel *k)
{
	while (k->n_spare < PIECES) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(k->transport.mbufs);

		if (!m)
			break;
		k->spare[k->n_spare++] = m;
	}
	return k->n_spare > 0;
}

static struct rte_mbuf *recv_chain(struct conn *c, uint32_t max_bytes)
{
	struct kernel *k = c->kernel;
	struct iovec pieces[PIECES];
	struct rte_mbuf *head = NULL, *tail = NULL;
	size_t asked = 0;
	int n = 0;
	ssize_t got;

	if (!c->readable || !refill(k))
		return NULL;
	for (unsigned int i = k->n_spare; i > 0 && asked < max_bytes; i--) {
		struct rte_mbuf *m = k->spare[i - 1];

		pieces[n++] = (struct iovec){ rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m) };
		asked += rte_pktmbuf_tailroom(m);
	}
	got = readv(c->fd, pieces, n);
	if (got <= 0) {
		c->readable = false;
		if (got == 0)
			c->finished = true;
		else if (errno != EAGAIN)
			died(c, errno);
		return NULL;
	}
	/* Less than asked for: there was no more. A FIN behind it comes, or came, with an event of its own. */
	if ((size_t)got < asked && !c->hung_up)
		c->readable = false;
	for (size_t left = (size_t)got; left > 0;) {
		struct rte_mbuf *m = k->spare[--k->n_spare];
		uint16_t part = rte_pktmbuf_tailroom(m) < left ? rte_pktmbuf_tailroom(m) : (uint16_t)left;

		m->data_len = part;
		m->pkt_len = part;
		left -= part;
		if (head) {
			tail->next = m;
			head->nb_segs++;
			head->pkt_len += part;
		} else {
			head = m;
		}
		tail = m;
	}
	return head;
}

static bool recv_finished(const struct conn *c)
{
	return c->finished;
}

static void shutdown_conn(struct conn *c)
{
	if (c->shut || c->dead)
		return;
	c->shut = true;
	if (!c->out)
		shutdown(c->fd, SHUT_WR);
}

static void reset(struct conn *c)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	c->dead = true;
	c->writable = false;
}

static void release(struct conn *c)
{
	c->endpoint = NULL;
	if (!c->out || c->dead)
		conn_gone(c);
	else
		c->shut = true;
}

static void wake(struct conn *c)
{
	to_ready(c, 0);
}

static void losses(const struct transport *t, void (*tell)(void *arg, const char *name, uint64_t count), void *arg)
{
	const struct kernel *k = (const struct kernel *)t;

	if (k->failed_accepts > 0)
		tell(arg, "accept_failed", k->failed_accepts);
}

static void kernel_free(struct transport *t)
{
	struct kernel *k = (struct kernel *)t;
	struct conn *c;

	for (uint32_t i = 0; i < k->conns.capacity; i++) {
		c = pool_at(&k->conns, i);
		if (c)
			conn_gone(c);
	}
	while (k->n_spare > 0)
		rte_pktmbuf_free(k->spare[--k->n_spare]);
	if (k->listener >= 0)
		close(k->listener);
	close(k->epoll);
	pool_fini(&k->conns);
	free(k);
}

static const struct transport_ops kernel_ops = {
	.name = "kernel",
	.listen = listen_at,
	.dial = dial,
	.send_room = send_room,
	.send = send_chain,
	.recv = recv_chain,
	.recv_finished = recv_finished,
	.shutdown = shutdown_conn,
	.reset = reset,
	.release = release,
	.wake = wake,
	.turn = turn,
	.losses = losses,
	.free = kernel_free,
};

/* The one that isn't named is where we are. */
static int open_namespaces(struct kernel *k, const struct options *o, struct error *err)
{
	static const char here[] = "/proc/self/ns/net";
	bool any = o->client_netns || o->serve_netns;
	int rc = sockets_open_netns(any && !o->client_netns ? here : o->client_netns, &k->client_netns, err);

	if (rc == 0)
		rc = sockets_open_netns(any && !o->serve_netns ? here : o->serve_netns, &k->serve_netns, err);
	return rc == 0 ? sockets_enter_netns(k->client_netns, err) : rc;
}

struct transport *transport_kernel_new(const struct options *o, struct error *err)
{
	struct kernel *k = calloc(1, sizeof(*k));
	uint32_t connections = options_sessions(o) * ((o->has_target ? 1u : 0) + (o->has_serve ? 1u : 0)) + 4096;
	int rc;

	if (!k) {
		error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
		return NULL;
	}
	k->transport.ops = &kernel_ops;
	k->transport.busy_is_ns = true;
	k->listener = -1;
	k->spin = !o->sleep;
	TAILQ_INIT(&k->ready);
	for (; k->n_sources < o->client_port.n_addrs; k->n_sources++)
		k->sources[k->n_sources] = o->client_port.addrs[k->n_sources].addr;
	rc = memory_start(o, &k->transport.mbufs, err);
	if (rc == 0)
		rc = sockets_raise_limit(connections, err);
	if (rc == 0)
		rc = open_namespaces(k, o, err);
	if (rc == 0 && ((k->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 ||
			pool_init(&k->conns, sizeof(struct conn), connections) != 0))
		rc = error_set(err, -ENOMEM, ERROR_INTERNAL, "", "there is no memory for %u sockets", connections);
	if (rc != 0) {
		free(k);
		return NULL;
	}
	k->transport.now_us = clock_now_us();
	wheel_init(&k->wheel, TICK_US, k->transport.now_us);
	k->transport.wheel = &k->wheel;
	return &k->transport;
}
