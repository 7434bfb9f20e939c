/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is served in a turn. Open connections come first, in the order in which they
 * had news, and what they send leaves; then handshakes, for as long as the turn's budget
 * lasts: a full one takes the time of some hundred requests, and when everybody reconnects
 * at once, those who are connected already shall not notice.
 *
 * Among handshakes the cheap ones go first: those that only need their end (TLS has
 * done the expensive part, and the client waits for the greeting), then those that
 * offer a ticket. But a client may offer a bad one, or make its handshake's second
 * half expensive, so none goes first for ever: a kind that waits gets its share.
 */
#include "splice_private.h"

#include <stddef.h>
#include <string.h>

#include <rte_prefetch.h>

#include "base/lines.h"
#include "mbuf_reserve.h"
#include "tls/hello.h"

/* With what may have come for each (STEP_BYTES a direction at the most) these take a millisecond or two. */
#define OPEN_PER_TURN 64u
#define NEWS_AHEAD 16u
#define HOT_LINES 3u
_Static_assert(offsetof(struct splice, server) == LINE_BYTES && offsetof(struct splice, record) +
	       offsetof(struct record, id) <= HOT_LINES * LINE_BYTES, "what is hot lies together");
/* Whatever the budget: handshakes that are refused at once take no time, but records in the log. */
#define HANDSHAKES_PER_TURN 64u
/* A ClientHello is looked at in so many bytes; the largest known, with a post-quantum key share, have some 1,800. */
#define HELLO_BYTES 4096u

/* While all wait, of so many handshakes one after another so many are of each kind. */
static const unsigned int share[HANDSHAKE_KINDS] = { [HANDSHAKE_BEGUN] = 4, [HANDSHAKE_RESUMED] = 4, [HANDSHAKE_FULL] = 1 };

void splice_queues_init(struct splices *all)
{
	TAILQ_INIT(&all->run);
	for (unsigned int i = 0; i < HANDSHAKE_KINDS; i++)
		TAILQ_INIT(&all->handshakes[i]);
}

bool splices_pending(const struct splices *all)
{
	for (unsigned int i = 0; i < HANDSHAKE_KINDS; i++) {
		if (!TAILQ_EMPTY(&all->handshakes[i]))
			return true;
	}
	return !TAILQ_EMPTY(&all->run);
}

/* NULL: there is nothing to do before more has come. */
static struct splice_list *list_of_hello(const struct splice *sp)
{
	struct splice_list *lists = sp->all->handshakes;
	uint8_t hello[HELLO_BYTES];
	uint32_t bytes = tcp_recv_peek(sp->client.conn, hello, sizeof(hello));

	switch (tls_hello_look((struct der){ hello, bytes })) {
	case TLS_HELLO_PART:
		/* What ends here, or is longer than was looked at, is for TLS to judge. */
		if (bytes == sizeof(hello))
			return &lists[HANDSHAKE_FULL];
		return sp->client.fin ? &lists[HANDSHAKE_BEGUN] : NULL;
	case TLS_HELLO_OTHER:
		return &lists[HANDSHAKE_BEGUN];
	case TLS_HELLO_RESUMES:
		return &lists[HANDSHAKE_RESUMED];
	case TLS_HELLO_FULL:
		break;
	}
	return &lists[HANDSHAKE_FULL];
}

static struct splice_list *list_of(const struct splice *sp)
{
	/* Ours with a server costs as much, and its client has done his part. */
	if (sp->state == SPLICE_STATE_SERVER_HANDSHAKE && sp->client.dead == 0 && sp->server.dead == 0)
		return &sp->all->handshakes[HANDSHAKE_BEGUN];
	if (sp->state != SPLICE_STATE_HANDSHAKE || sp->client.dead != 0)
		return &sp->all->run;
	if (sp->client.tls != NULL)
		return &sp->all->handshakes[HANDSHAKE_BEGUN];
	return sp->queue != NULL ? sp->queue : list_of_hello(sp);
}

void splice_queue(struct splice *sp)
{
	struct splice_list *list = list_of(sp);

	if (list == NULL || list == sp->queue)
		return;
	splice_unqueue(sp);
	TAILQ_INSERT_TAIL(list, sp, run_link);
	sp->queue = list;
}

void splice_unqueue(struct splice *sp)
{
	if (sp->queue == NULL)
		return;
	TAILQ_REMOVE(sp->queue, sp, run_link);
	sp->queue = NULL;
}

void splice_hear(struct leg *leg)
{
	uint32_t events = tcp_events(leg->conn);

	leg->dead |= events & TCP_DEAD;
	leg->established |= (events & TCP_ESTABLISHED) != 0;
	leg->fin |= (events & TCP_FIN) != 0;
}

/* Whose turn comes soon: what its step reads of both connections and TLS is fetched from memory meanwhile. */
static void ahead(const struct splice *sp, const struct leg *heard)
{
	const struct leg *other = heard == &sp->client ? &sp->server : &sp->client;

	if (heard->tls != NULL)
		tls_session_ahead(heard->tls);
	if (other->tls != NULL)
		tls_session_ahead(other->tls);
	if (other->conn != NULL)
		tcp_ahead_of(other->conn);
}

static void take_one(struct splices *all, const struct policy *policy, struct tcp_conn *conn, bool many, uint64_t now_us)
{
	struct leg *leg = tcp_user(conn);

	if (leg == NULL) {
		splice_accept(all, policy, conn, now_us);
		return;
	}
	splice_hear(leg);
	splice_queue(leg->splice);
	if (many)
		ahead(leg->splice, leg);
}

/* Several at once: while one is looked at, what the others lead to comes from memory. */
static void take_news(struct splices *all, const struct policy *policy, uint64_t now_us)
{
	struct tcp_conn *conns[NEWS_AHEAD];
	bool many = tcp_ahead_pays(all->config.stack);
	unsigned int n;

	do {
		for (n = 0; n < NEWS_AHEAD && (conns[n] = stack_ready(all->config.stack)) != NULL; n++) {
			const struct leg *leg = tcp_user(conns[n]);

			for (size_t at = 0; many && leg != NULL && at < HOT_LINES * LINE_BYTES; at += LINE_BYTES)
				rte_prefetch0((const char *)leg->splice + at);
		}
		for (unsigned int i = 0; i < n; i++)
			take_one(all, policy, conns[i], many, now_us);
	} while (n == NEWS_AHEAD);
}

static unsigned int run_open(struct splices *all)
{
	unsigned int served = 0;
	struct splice *sp;

	while (served < OPEN_PER_TURN && (sp = TAILQ_FIRST(&all->run)) != NULL) {
		splice_unqueue(sp);
		splice_step(sp);
		served++;
	}
	return served;
}

static struct splice *next_handshake(struct splices *all)
{
	bool waits = false;

	for (unsigned int i = 0; i < HANDSHAKE_KINDS; i++) {
		if (TAILQ_EMPTY(&all->handshakes[i]))
			continue;
		waits = true;
		if (all->turns_left[i] > 0) {
			all->turns_left[i]--;
			return TAILQ_FIRST(&all->handshakes[i]);
		}
	}
	memcpy(all->turns_left, share, sizeof(share));
	return waits ? next_handshake(all) : NULL;
}

unsigned int splices_shake(struct splices *all)
{
	unsigned int served = 0;
	struct splice *sp;
	uint64_t began_us, before_us, now_us;

	/* Without buffers for its answer none could go on, and all would be looked at in vain. */
	if (!mbuf_reserve_allows(stack_reserve(all->config.stack), MBUF_USE_RECORD) || (sp = next_handshake(all)) == NULL)
		return 0;
	now_us = began_us = all->config.clock_us();
	do {
		before_us = now_us;
		splice_unqueue(sp);
		splice_step(sp);
		served++;
		now_us = all->config.clock_us();
		/* One more that takes as long as the last one mustn't go beyond the budget. */
	} while (served < HANDSHAKES_PER_TURN &&
		 now_us - began_us + (now_us - before_us) <= all->config.handshake_budget_us &&
		 (sp = next_handshake(all)) != NULL);
	return served;
}

unsigned int splices_run(struct splices *all, const struct policy *policy, uint64_t now_us)
{
	unsigned int served;

	all->policy = policy;
	take_news(all, policy, now_us);
	served = run_open(all);
	all->policy = NULL;
	return served;
}
