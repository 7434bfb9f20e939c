/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the load generator's connections reach the network: through our own stack over
 * DPDK ports (transport_dpdk.c), or through the kernel's sockets (transport_kernel.c).
 * Client and backend are written against this alone, so that a gateway in the kernel
 * and postern are driven by the same code.
 *
 * The words and the meaning of events are those of dataplane/tcp.h: news are levels,
 * tcp_send takes a chain whole, and after release no pointer to the connection is kept.
 *
 * Order of calls: transport_dpdk_new or transport_kernel_new; set `accept` and call
 * transport_listen where there is a backend; then transport_turn for as long as it
 * takes, which calls endpoints' `news`; transport_free.
 *
 * Threads: one. Ownership: mbufs given to conn_send are consumed, those of conn_recv
 * are the caller's; a connection belongs to its endpoint until conn_release.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/clock.h"
#include "control/error.h"
#include "dataplane/base/addr.h"
#include "dataplane/base/wheel.h"
#include "dataplane/tcp.h"

struct conn;	/* a transport's connection; who it is only the transport knows */
struct options;
struct rte_mbuf;
struct rte_mempool;
struct transport;

/* One end of a connection of ours: first member of what owns it. */
struct endpoint {
	/* @events: TCP_* of dataplane/tcp.h since the last call, 0 after conn_wake. */
	void (*news)(struct endpoint *e, uint32_t events);
	struct conn *conn;	/* NULL: released */
};

struct transport_ops {
	const char *name;	/* "dpdk" */
	int (*listen)(struct transport *t, const struct addr *addr, uint16_t port, struct error *err);
	struct conn *(*dial)(struct transport *t, const struct addr *to, uint16_t port, struct endpoint *e, int *why);
	uint32_t (*send_room)(struct conn *c);
	void (*send)(struct conn *c, struct rte_mbuf *chain);
	struct rte_mbuf *(*recv)(struct conn *c, uint32_t max_bytes);
	bool (*recv_finished)(const struct conn *c);
	void (*shutdown)(struct conn *c);
	void (*reset)(struct conn *c);
	void (*release)(struct conn *c);
	void (*wake)(struct conn *c);
	bool (*turn)(struct transport *t, uint64_t idle_until_us);
	/* What it lost or couldn't do, by name: to be counted as errors. */
	void (*losses)(const struct transport *t, void (*tell)(void *arg, const char *name, uint64_t count), void *arg);
	void (*free)(struct transport *t);
};

struct transport {
	const struct transport_ops *ops;
	struct rte_mempool *mbufs;
	struct wheel *wheel;		/* timers of client and backend; the turn runs it */
	uint64_t now_us;		/* of this turn */
	uint64_t awake_from;		/* clock_cycles: when it began, or when its wait was over */
	uint64_t busy;			/* cycles (dpdk) or CPU nanoseconds (kernel) spent on work so far */
	bool busy_is_ns;
	uint64_t lost_frames;		/* that the device had no room for */
	/* A connection came in: its endpoint, or NULL to refuse it. */
	struct endpoint *(*accept)(void *arg, struct conn *c);
	void *accept_arg;
};

/* Each takes what it needs of @o. NULL with the reason in @err. */
struct transport *transport_dpdk_new(const struct options *o, struct error *err);
struct transport *transport_kernel_new(const struct options *o, struct error *err);

static inline void transport_free(struct transport *t)
{
	if (t)
		t->ops->free(t);
}

/* The backend's address. 0, or -errno with the reason. */
static inline int transport_listen(struct transport *t, const struct addr *addr, uint16_t port, struct error *err)
{
	return t->ops->listen(t, addr, port, err);
}

/*
 * One turn: packets or sockets, news, timers. Where there is nothing to do it may wait,
 * not longer than until @idle_until_us (0: don't wait). True: there was work.
 */
static inline bool transport_turn(struct transport *t, uint64_t idle_until_us)
{
	return t->ops->turn(t, idle_until_us);
}

/* The share of one core that it was busy between two readings of `busy`. */
double transport_load(const struct transport *t, uint64_t busy_from, uint64_t busy_to, uint64_t us);

/* NULL: *why is a negative errno. The endpoint's `conn` is set. */
static inline struct conn *conn_dial(struct transport *t, const struct addr *to, uint16_t port, struct endpoint *e,
				     int *why)
{
	return t->ops->dial(t, to, port, e, why);
}

static inline uint32_t conn_send_room(struct transport *t, struct conn *c)
{
	return t->ops->send_room(c);
}

static inline void conn_send(struct transport *t, struct conn *c, struct rte_mbuf *chain)
{
	t->ops->send(c, chain);
}

/* As tcp_recv. */
static inline struct rte_mbuf *conn_recv(struct transport *t, struct conn *c, uint32_t max_bytes)
{
	return t->ops->recv(c, max_bytes);
}

static inline bool conn_recv_finished(struct transport *t, const struct conn *c)
{
	return t->ops->recv_finished(c);
}

static inline void conn_shutdown(struct transport *t, struct conn *c)
{
	t->ops->shutdown(c);
}

static inline void conn_reset(struct transport *t, struct conn *c)
{
	t->ops->reset(c);
}

static inline void conn_release(struct transport *t, struct endpoint *e)
{
	t->ops->release(e->conn);
	e->conn = NULL;
}

/* `news` is called next turn. */
static inline void conn_wake(struct transport *t, struct conn *c)
{
	t->ops->wake(c);
}
