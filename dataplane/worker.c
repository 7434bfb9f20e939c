/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring_elem.h>

#include "base/assert.h"
#include "mbuf_reserve.h"
#include "offload.h"
#include "policy.h"
#include "policy_rcu.h"
#include "splice.h"
#include "stack.h"
#include "steer.h"
#include "tls/tls.h"

#define BURSTS_PER_TURN 4	/* of each port */
#define INBOX_FRAMES 2048
#define ORDERS 16
#define LOG_RECORDS 4096

/* The half-open bound leaves room for the established ones' second legs. */
#define HALF_OPEN_PER_WORKER 4096
#define NEIGHBOURS_PER_WORKER 4096

/* TLS's memory: what a session keeps, what it needs beside that while it shakes hands, and how many may do so at once. */
#define TLS_COMMON_BYTES ((size_t)16 << 20)
#define TLS_SESSION_BYTES 640u
#define TLS_HANDSHAKE_BYTES 14336u
#define HANDSHAKES_PER_WORKER 4096u

/* Adaptive idling: how long to poll on after the last work, and the longest sleep. */
#define SPIN_US 100
#define SLEEP_MIN_US 20
#define SLEEP_MAX_US 1000

/* After a stop: time for the last FINs and alerts to leave. */
#define GOODBYE_US 50000

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* The port has fewer queues than there are workers: one that has a queue sends for us. */
static void tx_hand_over(struct worker *w, const struct port *p, struct txq *q)
{
	struct rte_ring *outbox = w->shared->workers[w->id % p->n_queues].outbox;
	unsigned int sent;

	for (uint16_t i = q->first; i < q->end; i++)
		q->mbufs[i]->port = p->device;
	sent = rte_ring_enqueue_burst(outbox, (void **)q->mbufs + q->first, txq_frames(q), NULL);
	q->first = (uint16_t)(q->first + sent);
	for (uint16_t i = q->first; i < q->end; i++)
		count_drop(&w->counters, DROP_TX_FULL);
	txq_clear(q);
}

/* True: frames left. */
static bool tx_flush(struct worker *w, unsigned int port)
{
	const struct port *p = &w->shared->ports[port];
	struct txq *q = &w->tx[port];
	unsigned int sent;

	if (txq_frames(q) == 0)
		return false;
	if (w->id >= p->n_queues) {
		tx_hand_over(w, p, q);
		return true;
	}
	sent = txq_flush(q, p, w->id, &w->counters, stack_now_us(w->stack));
	stack_set_tx_full(w->stack, p->nif, txq_full(q));
	return sent > 0;
}

static void tx_put(struct worker *w, unsigned int port, struct rte_mbuf *m)
{
	struct txq *q = &w->tx[port];

	if (!txq_put(q, m)) {
		count_drop(&w->counters, DROP_TX_FULL);
		rte_pktmbuf_free(m);
	}
	if (txq_flush_due(q))
		tx_flush(w, port);
}

/* What others gave us to send; they finished it. */
static unsigned int send_outbox(struct worker *w)
{
	const struct worker_shared *sh = w->shared;
	struct rte_mbuf *mbufs[BURST];
	unsigned int n = rte_ring_dequeue_burst(w->outbox, (void **)mbufs, BURST, NULL);

	for (unsigned int i = 0; i < n; i++) {
		struct port *p = port_by_device(sh->ports, sh->n_ports, mbufs[i]->port);

		ASSERT(p != NULL);
		tx_put(w, p->nif->id, mbufs[i]);
	}
	return n;
}

static void transmit_frame(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	tx_put(arg, nif->id, m);
}

static void transmit(void *arg, const struct netif *nif, struct rte_mbuf *m)
{
	struct worker *w = arg;

	offload_send(m, nif, w->mbufs, &w->counters, transmit_frame, w);
}

/* Valid for this turn: the hook runs between two quiescent states. */
static enum stack_verdict syn(void *arg, const struct tuple *t, const struct netif *nif)
{
	struct worker *w = arg;

	(void)nif;
	return splices_syn(w->splices, policy_current(), t);
}

static void hand_over(struct worker *w, uint16_t to, struct rte_mbuf *m)
{
	if (rte_ring_enqueue(w->shared->workers[to].inbox, m) == 0) {
		count_event(&w->counters, EVENT_STEERED);
		return;
	}
	count_drop(&w->counters, DROP_STEER_FULL);
	rte_pktmbuf_free(m);
}

static void give_reassembled(void *arg, uint16_t to, struct rte_mbuf *m)
{
	hand_over(arg, to, m);
}

static void hand_to_all(struct worker *w, struct rte_mbuf *m)
{
	for (uint16_t other = 0; other < w->shared->n_workers; other++) {
		struct rte_mbuf *copy;

		if (other == w->id)
			continue;
		copy = rte_pktmbuf_copy(m, w->mbufs, 0, UINT32_MAX);
		if (copy == NULL) {
			count_drop(&w->counters, DROP_NO_MBUF);
			continue;
		}
		copy->port = m->port;
		hand_over(w, other, copy);
	}
}

/* Keeps in @mbufs what is ours, sends the rest to its owners; returns how many stay. */
static uint16_t steer(struct worker *w, const struct port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];
		uint16_t owner;

		if (p->hash_in_device && (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0) {
			mbufs[kept++] = m;
			continue;
		}
		owner = steer_frame(&p->steer, m);
		if (owner == STEER_ALL)
			hand_to_all(w, m);
		if (owner == STEER_ALL || owner == STEER_HERE || owner == w->id)
			mbufs[kept++] = m;
		else
			hand_over(w, owner, m);
	}
	return kept;
}

/* A turn with handshakes is long beside a burst: then more than one waits. */
static unsigned int receive_port(struct worker *w, struct port *p, uint64_t now_us)
{
	struct rte_mbuf *mbufs[BURST];
	unsigned int total = 0;
	uint16_t got;

	do {
		uint16_t n = got = port_rx(p, w->id, mbufs, BURST, &w->counters);

		total += got;
		if (w->shared->n_workers > 1)
			n = steer(w, p, mbufs, n);
		if (n > 0)
			stack_input(w->stack, p->nif, mbufs, n, now_us);
	} while (got == BURST && total < BURSTS_PER_TURN * BURST);
	return total;
}

static unsigned int receive(struct worker *w, uint64_t now_us)
{
	const struct worker_shared *sh = w->shared;
	unsigned int total = 0;

	for (unsigned int i = 0; i < sh->n_ports; i++)
		total += w->id < sh->ports[i].n_queues ? receive_port(w, &sh->ports[i], now_us) : 0;
	return total;
}

static unsigned int receive_inbox(struct worker *w, uint64_t now_us)
{
	const struct worker_shared *sh = w->shared;
	struct rte_mbuf *mbufs[BURST];
	unsigned int n = rte_ring_dequeue_burst(w->inbox, (void **)mbufs, BURST, NULL);

	for (unsigned int i = 0; i < n; i++) {
		struct port *p = port_by_device(sh->ports, sh->n_ports, mbufs[i]->port);

		ASSERT(p != NULL);
		stack_input(w->stack, p->nif, &mbufs[i], 1, now_us);
	}
	return n;
}

static bool run_orders(struct worker *w)
{
	if (w->order == NULL && rte_ring_dequeue(w->orders, (void **)&w->order) != 0)
		return false;
	if (splices_order(w->splices, w->order)) {
		__atomic_store_n(&w->order->finished, 1, __ATOMIC_RELEASE);
		w->order = NULL;
	}
	return true;
}

static void publish_gauges(struct worker *w, bool busy, uint64_t cycles, uint64_t now_us)
{
	struct dataplane_gauges *g = &w->gauges;

	counter_add(&g->turns, 1);
	if (!busy)
		return;
	counter_add(&g->busy_turns, 1);
	counter_add(&w->busy_cycles, cycles);
	turn_times_note(&w->times, cycles, w->work, now_us);
	__atomic_store_n(&g->connections, splices_open(w->splices), __ATOMIC_RELAXED);
	__atomic_store_n(&g->tcp_connections, stack_conns(w->stack), __ATOMIC_RELAXED);
	__atomic_store_n(&g->half_open, stack_half_open(w->stack), __ATOMIC_RELAXED);
	__atomic_store_n(&g->mbufs_queued, stack_reserve(w->stack)->held, __ATOMIC_RELAXED);
	__atomic_store_n(&g->syn_cookies, stack_syn_cookies(w->stack), __ATOMIC_RELAXED);
	__atomic_store_n(&g->tls_heap_used_bytes, tls_worker_heap_used(), __ATOMIC_RELAXED);
}

/* What control has seen of the links (port_watch_link): neighbours hear of us when one comes up. */
static void follow_links(struct worker *w, uint64_t now_us)
{
	for (unsigned int i = 0; i < w->shared->n_ports; i++) {
		uint32_t ups = port_link_ups(&w->shared->ports[i]);

		if (ups == w->link_ups[i])
			continue;
		w->link_ups[i] = ups;
		stack_announce(w->stack, w->shared->ports[i].nif, now_us);
	}
}

/* One turn. True: there was work, or more waits. */
static bool turn(struct worker *w, uint64_t now_us)
{
	const struct policy *policy = policy_current();
	uint32_t *work = w->work, sum = 0;

	if (policy != NULL)
		tls_worker_set_tickets(policy->tickets);
	if (w->id == 0)
		follow_links(w, now_us);
	work[TURN_PACKETS] = receive(w, now_us);
	if (w->shared->n_workers > 1)
		work[TURN_PACKETS] += receive_inbox(w, now_us);
	work[TURN_SERVED] = splices_run(w->splices, policy, now_us);
	work[TURN_TIMERS] = stack_tick(w->stack, now_us);
	if (w->shared->n_workers > 1)
		sum += send_outbox(w);
	for (unsigned int i = 0; i < w->shared->n_ports; i++)
		sum += tx_flush(w, i);
	work[TURN_HANDSHAKES] = splices_shake(w->splices);
	work[TURN_ORDERS] = run_orders(w);
	for (unsigned int i = 0; i < TURN_WORK_COUNT; i++)
		sum += work[i];
	return sum > 0 || splices_pending(w->splices);
}

/* Ports that have something to wait for end the sleep: with a frame, or with room where frames wait. */
static void wait_for_ports(struct worker *w, const struct timespec *most)
{
	const struct worker_shared *sh = w->shared;

	for (unsigned int i = 0; i < sh->n_ports; i++)
		w->fds[i].events = (short)(POLLIN | (txq_frames(&w->tx[i]) > 0 ? POLLOUT : 0));
	if (ppoll(w->fds, sh->n_ports, most, NULL) <= 0)
		return;
	for (unsigned int i = 0; i < sh->n_ports; i++) {
		if (w->fds[i].revents & POLLERR)
			port_take_error(&sh->ports[i], w->id);
	}
}

/* Until the next timer at the latest, longer the longer nothing happened. */
static void sleep_idle(struct worker *w, uint64_t now_us)
{
	uint64_t sleep_us = (now_us - w->busy_us) / 4;
	uint64_t next_us = stack_next_us(w->stack);
	struct timespec ts;

	if (sleep_us > SLEEP_MAX_US)
		sleep_us = SLEEP_MAX_US;
	if (next_us < now_us + sleep_us)
		sleep_us = next_us > now_us ? next_us - now_us : 0;
	if (sleep_us < SLEEP_MIN_US)
		return;
	ts = (struct timespec){ .tv_nsec = (long)sleep_us * 1000 };
	policy_offline();
	wait_for_ports(w, &ts);
	policy_online();
}

static void loop(struct worker *w)
{
	uint64_t stop_us = UINT64_MAX, now_us, from = rte_rdtsc(), to;

	while ((now_us = clock_us()) < stop_us) {
		bool busy = turn(w, now_us);

		policy_quiesce();
		__atomic_store_n(&w->gauges.quiesced_us, now_us, __ATOMIC_RELAXED);
		to = rte_rdtsc();
		publish_gauges(w, busy, to - from, now_us);
		from = to;	/* one reading a turn: what comes behind it is of the next */
		if (busy) {
			w->busy_us = now_us;
		} else if (w->shared->adaptive && now_us - w->busy_us > SPIN_US) {
			sleep_idle(w, now_us);
			from = rte_rdtsc();
		}
		if (stop_us == UINT64_MAX && __atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
			splices_close_all(w->splices);
			stop_us = now_us + GOODBYE_US;
		}
	}
}

static int build_stack(struct worker *w, const uint64_t secret[2])
{
	const struct dataplane_config *c = w->shared->config;
	uint32_t max_splices = (c->max_connections + w->shared->n_workers - 1) / w->shared->n_workers;
	struct stack_config config = {
		.worker = w->id,
		.n_workers = w->shared->n_workers,
		.max_conns = max_splices * 2 + HALF_OPEN_PER_WORKER,
		.max_half_open = HALF_OPEN_PER_WORKER,
		.max_neighbours = NEIGHBOURS_PER_WORKER,
		.rcv_buffer_bytes = c->buffer_bytes,
		.snd_buffer_bytes = c->buffer_bytes,
		.queue_mbufs = w->mbufs->size / w->shared->n_workers,
		.keepalive_us = c->keepalive_us,
		.user_timeout_us = c->user_timeout_us,
		.user_timeout_limit_us = c->user_timeout_limit_us,
		.reassemble = c->reassemble,
		.secret = { secret[0], secret[1] },
		.netifs = &c->netifs,
		.mbufs = w->mbufs,
		.counters = &w->counters,
		.ops = { .transmit = transmit, .syn = syn, .hand_over = give_reassembled, .arg = w },
	};
	struct splices_config splices = {
		.worker = w->id,
		.max_splices = max_splices,
		.mbufs = w->mbufs,
		.ignore_unpublished = c->ignore_unpublished,
		.handshake_budget_us = c->handshake_budget_us,
		.clock_us = clock_us,
		.counters = &w->counters,
		.log = w->log,
	};

	w->stack = stack_new(&config, clock_us());
	splices.stack = w->stack;
	w->splices = w->stack != NULL ? splices_new(&splices) : NULL;
	return w->splices != NULL ? 0 : -ENOMEM;
}

static struct rte_ring *ring(const char *what, uint16_t id, unsigned int entry_bytes, unsigned int n, unsigned int flags)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s%u", what, id);
	return rte_ring_create_elem(name, entry_bytes, n, SOCKET_ID_ANY, flags);
}

int worker_init(struct worker *w, const struct worker_shared *shared, uint16_t id, struct rte_mempool *mbufs,
		const uint64_t secret[2])
{
	w->shared = shared;
	w->id = id;
	w->mbufs = mbufs;
	w->inbox = ring("inbox", id, sizeof(void *), INBOX_FRAMES, RING_F_SC_DEQ);
	w->outbox = ring("outbox", id, sizeof(void *), INBOX_FRAMES, RING_F_SC_DEQ);
	w->orders = ring("orders", id, sizeof(void *), ORDERS, RING_F_SP_ENQ | RING_F_SC_DEQ);
	w->log = ring("log", id, sizeof(struct record_told), LOG_RECORDS, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (w->inbox == NULL || w->outbox == NULL || w->orders == NULL || w->log == NULL)
		return -ENOMEM;
	/* Touched now, not by the first few thousand connections that end. */
	memset(w->log + 1, 0, (size_t)w->log->size * sizeof(struct record_told));
	return build_stack(w, secret);
}

static void free_frames(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (r != NULL && rte_ring_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void worker_fini(struct worker *w)
{
	if (w->stack != NULL)
		stack_free(w->stack);
	for (unsigned int i = 0; i < NETIF_MAX; i++)
		txq_clear(&w->tx[i]);
	free_frames(w->inbox);
	free_frames(w->outbox);
	rte_ring_free(w->orders);
}

static size_t tls_heap_bytes(const struct worker *w)
{
	const struct dataplane_config *c = w->shared->config;
	size_t per_worker = (c->max_connections + w->shared->n_workers - 1) / w->shared->n_workers;

	if (c->tls_heap_megabytes != 0)
		return (size_t)c->tls_heap_megabytes << 20;
	return TLS_COMMON_BYTES + RTE_MIN(per_worker, (size_t)HANDSHAKES_PER_WORKER) * TLS_HANDSHAKE_BYTES +
	       per_worker * TLS_SESSION_BYTES;
}

int worker_run(void *arg)
{
	struct worker *w = arg;

	w->cpu = (unsigned int)sched_getcpu();	/* it is pinned to this one */
	w->gauges.cpu = w->cpu;
	prctl(PR_SET_TIMERSLACK, 1000ul);
	for (unsigned int i = 0; i < w->shared->n_ports; i++)
		w->fds[i].fd = port_fd(&w->shared->ports[i], w->id);
	if (tls_worker_init(tls_heap_bytes(w), w->mbufs) != 0) {
		__atomic_store_n(&w->state, WORKER_FAILED, __ATOMIC_RELEASE);
		return 0;
	}
	turn_times_init(&w->times, rte_get_tsc_hz(), clock_us());
	policy_reader_begin();
	__atomic_store_n(&w->state, WORKER_RUNNING, __ATOMIC_RELEASE);
	loop(w);
	splices_free(w->splices);
	policy_reader_end();
	tls_worker_fini();
	__atomic_store_n(&w->state, WORKER_ENDED, __ATOMIC_RELEASE);
	return 0;
}

void worker_stop(struct worker *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
}

enum worker_state worker_state(const struct worker *w)
{
	return (enum worker_state)__atomic_load_n(&w->state, __ATOMIC_ACQUIRE);
}

static uint64_t us_of(uint64_t cycles)
{
	return (uint64_t)((double)cycles * 1e6 / (double)rte_get_tsc_hz());
}

uint64_t worker_busy_us(const struct worker *w)
{
	return us_of(counter_read(&w->busy_cycles));
}

void worker_turns(const struct worker *w, struct dataplane_gauges *g)
{
	struct turn_longest longest = turn_times_read_longest(&w->times);

	for (unsigned int i = 0; i <= TURN_BOUNDS; i++)
		g->turns_by_us[i] = counter_read(&w->times.counts[i]);
	g->longest_us = us_of(longest.cycles);
	memcpy(g->longest_work, longest.work, sizeof(g->longest_work));
}
