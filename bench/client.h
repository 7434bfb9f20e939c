/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One client connection: dial, TLS handshake (new, or resumed with a ticket), the
 * workload's script, and a good end: close_notify, FIN, and waiting for the peer's.
 * It asks of a gateway what a mail program would, and computes less: certificates
 * and signatures aren't verified (tls/context.h: blind).
 *
 * With --plain there is no TLS: what is measured is then the client itself, or a
 * plaintext proxy.
 *
 * Threads: one. Ownership: clients come from a pool of --connections and are gone
 * after the workload's `ended`; mbufs given are consumed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bench/transport.h"
#include "bench/workload.h"
#include "dataplane/base/pool.h"
#include "tls/tls.h"

struct clients;
struct run;
struct tls_ctx;
struct tls_resume;

enum client_state {
	CLIENT_DIALING,
	CLIENT_HANDSHAKE,
	CLIENT_OPEN,
	CLIENT_CLOSING,
};

struct client {
	struct endpoint endpoint;	/* first */
	struct clients *all;
	struct tls_session *tls;	/* NULL: --plain */
	uint8_t state;			/* enum client_state */
	bool in_news, in_shaking, ended;		/* ended during a callback: freed when that returns */
	bool greeted, used_ticket;
	bool held;			/* of --held (held.h), not the workload's */
	uint64_t dialled;		/* clock_cycles; the workload may set it to when it should have been */
	TAILQ_ENTRY(client) link;	/* by state: all->waiting, or all->open or all->held */
	uint64_t waiting_since_us;
	TAILQ_ENTRY(client) shaking_link;
	uint32_t events;		/* of the transport's, while it is in all->shaking */
	char user[] __attribute__((aligned(16)));	/* the workload's state_bytes */
};

TAILQ_HEAD(client_list, client);

struct clients {
	struct run *run;
	struct pool pool;
	struct client_list waiting;	/* dialling, shaking hands or closing; the longest first */
	struct client_list open, held;	/* held: those of --held */
	struct client_list shaking;	/* handshakes with something to do */
	uint32_t n_dialing, n_open, n_closing;	/* n_dialing: not yet through TLS; open: the workload's */
	uint32_t n_held, n_held_greeted;	/* of --held, in any state; greeted and open */
	uint64_t dialled, handshakes, resumed, ended, resets_at_close;	/* so far */
	struct tls_ctx *tls;
	struct tls_resume *ticket;	/* --resume */
	uint64_t ticket_us;		/* when it was got */
	uint64_t dial_again_us;		/* after a connection that failed at once: not one upon the other */
	bool answered;			/* has any got a word from its server? */
};

/* 0, or -errno with the reason. @max: connections at one time, closing ones included. */
int clients_init(struct clients *all, struct run *r, uint32_t max, struct error *err);
void clients_fini(struct clients *all);
/* Gives up who has waited longer than --timeout. Call it now and then. */
void clients_sweep(struct clients *all, uint64_t now_us);
/*
 * Handshakes, for a bounded time: call it in each turn. They are long beside anything else,
 * and the answers to those who are connected must not wait behind many. True: more wait.
 */
bool clients_shake(struct clients *all);
/* The run is over: resets all that are left; the workload hears CLIENT_RUN_OVER. */
void clients_reset_all(struct clients *all);

/* A new connection, or NULL (counted as an error, or the pool is empty). */
struct client *client_dial(struct clients *all);
/* The same, for --held. */
struct client *client_dial_held(struct clients *all);

/* The workload's connections, in any state. */
static inline uint32_t clients_working(const struct clients *all)
{
	return pool_in_use(&all->pool) - all->n_held;
}

static inline void *client_user(struct client *c)
{
	return c->user;
}

struct run *client_run(const struct client *c);

/* Bytes of plaintext that client_send takes now; one record more is taken as well. */
uint32_t client_room(struct client *c);
/* Sends plaintext; consumes the chain. Not after client_close. */
void client_send(struct client *c, struct rte_mbuf *plain);
void client_send_bytes(struct client *c, const void *data, uint32_t bytes);
/* Consumes @plain, the server's first words; true when its line is complete. */
bool client_greeting(struct client *c, struct rte_mbuf *plain);
/* close_notify and FIN; what comes until the peer's FIN is dropped, then `ended`. Once; later calls do nothing. */
void client_close(struct client *c);
/* RST, and `ended` with CLIENT_FAILED after counting the error @name. */
void client_fail(struct client *c, const char *name);
/* RST without an error: `ended` with CLIENT_CLOSED. For clients that go away like that. */
void client_abort(struct client *c);
/* `writable` is called next turn even if nothing happens. */
void client_wake(struct client *c);
