/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A splice's birth and death; splice_move.c is its life, splice_turn.c when it is served. */
#include "splice_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ring_elem.h>

#include "base/assert.h"
#include "base/lines.h"
#include "mbuf_reserve.h"

struct splices *splices_new(const struct splices_config *config)
{
	struct splices *all = lines_alloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	all->config = *config;
	TAILQ_INIT(&all->open);
	splice_queues_init(all);
	if (pool_init(&all->pool, sizeof(struct splice), config->max_splices) != 0) {
		free(all);
		return NULL;
	}
	return all;
}

void splices_free(struct splices *all)
{
	splices_close_all(all);
	pool_fini(&all->pool);
	free(all);
}

uint32_t splices_open(const struct splices *all)
{
	return pool_in_use(&all->pool);
}

enum stack_verdict splices_syn(struct splices *all, const struct policy *policy, const struct tuple *t)
{
	enum stack_verdict refusal = all->config.ignore_unpublished ? STACK_IGNORE : STACK_REFUSE;
	struct counters *counters = all->config.counters;
	struct rule *rule = policy != NULL ? policy_lookup(policy, &t->laddr, t->lport) : NULL;

	if (rule == NULL) {
		count_drop(counters, DROP_TCP_NO_LISTENER);
		return refusal;
	}
	if (!policy_allows(policy, rule, &t->faddr) && !policy_trusts(policy, rule, &t->faddr)) {
		count_drop(counters, DROP_TCP_DENIED);
		counter_add(&rule->counts[all->config.worker].refused, 1);
		return refusal;
	}
	if (all->draining) {
		count_drop(counters, DROP_DRAINING);
		return STACK_REFUSE;
	}
	/* Full isn't for ever: without an answer the client tries again by itself. */
	if (all->pool.n_free == 0 || !mbuf_reserve_allows(stack_reserve(all->config.stack), MBUF_USE_CONNECTION)) {
		count_drop(counters, all->pool.n_free == 0 ? DROP_SPLICE_FULL : DROP_NO_MBUF);
		counter_add(&rule->counts[all->config.worker].refused, 1);
		return STACK_IGNORE;
	}
	return STACK_ACCEPT;
}

static uint64_t wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void record_begin(struct splice *sp, const struct tuple *t)
{
	struct record *r = &sp->record;

	r->id = (uint64_t)sp->all->config.worker << 56 | ++sp->all->next_id;
	r->start_us = wall_us();
	r->version = r->cipher = r->group = r->server_version = r->server_cipher = r->server_error = "";
	r->server_alert = TLS_ALERT_NONE;
	r->client = t->faddr;
	r->client_port = t->fport;
	r->listen = t->laddr;
	r->listen_port = t->lport;
	memcpy(r->rule, sp->rule->name, sizeof(r->rule));
	r->passthrough = sp->rule->passthrough;
}

static struct rule_slot *rule_slot(const struct splice *sp)
{
	return &sp->rule->slots[sp->all->config.worker];
}

static struct rule_count *rule_count(const struct splice *sp)
{
	return &sp->rule->counts[sp->all->config.worker];
}

/* When the present state's time is over; silence is measured from the last byte that reached its other side. */
static uint64_t deadline(const struct splice *sp)
{
	uint64_t silence_us = sp->rule->idle_timeout_us;

	if (sp->state < SPLICE_STATE_CONNECTING)
		return sp->accepted_us + sp->rule->handshake_timeout_us;
	if (sp->state == SPLICE_STATE_SERVER_HANDSHAKE)
		return sp->active_us + sp->rule->handshake_timeout_us;
	if ((sp->client.done || sp->server.done || sp->last_steps) && silence_us > HALF_CLOSED_TIMEOUT_US)
		silence_us = HALF_CLOSED_TIMEOUT_US;
	return sp->active_us + silence_us;
}

/* The timer isn't moved with every byte: it fires, looks, and is armed for the rest. */
static void timer_fire(struct wheel_timer *t, uint64_t now_us)
{
	struct splice *sp = (struct splice *)((char *)t - offsetof(struct splice, timer));
	uint64_t due_us = deadline(sp);

	if (now_us < due_us) {
		wheel_arm(stack_wheel(sp->all->config.stack), t, due_us);
	} else if (sp->last_steps) {
		splice_end(sp, (enum splice_end)sp->record.end);
	} else if (sp->state == SPLICE_STATE_SERVER_HANDSHAKE) {
		wheel_arm(stack_wheel(sp->all->config.stack), t, now_us + sp->rule->idle_timeout_us);
		splice_server_failed(sp, "timeout");
	} else if (sp->state < SPLICE_STATE_CONNECTING) {
		count_event(sp->all->config.counters, EVENT_HANDSHAKE_TIMEOUT);
		splice_end(sp, SPLICE_HANDSHAKE_TIMEOUT);
	} else {
		count_event(sp->all->config.counters, EVENT_IDLE_TIMEOUT);
		splice_end(sp, SPLICE_IDLE_TIMEOUT);
	}
}

static void refuse(struct splices *all, struct tcp_conn *conn, enum drop reason)
{
	count_drop(all->config.counters, reason);
	tcp_reset(conn);
	tcp_release(conn);
}

/* The handshake took time: what held for the SYN is looked up again for the connection. */
void splice_accept(struct splices *all, const struct policy *policy, struct tcp_conn *conn, uint64_t now_us)
{
	const struct tuple *t = tcp_tuple(conn);
	struct rule *rule = policy != NULL ? policy_lookup(policy, &t->laddr, t->lport) : NULL;
	struct splice *sp;
	bool trusted;

	trusted = rule != NULL && policy_trusts(policy, rule, &t->faddr);
	if (rule == NULL || (!trusted && !policy_allows(policy, rule, &t->faddr))) {
		refuse(all, conn, DROP_RULE_GONE);
		return;
	}
	sp = pool_get(&all->pool);
	if (sp == NULL) {
		counter_add(&rule->counts[all->config.worker].refused, 1);
		refuse(all, conn, DROP_SPLICE_FULL);
		return;
	}
	sp->all = all;
	sp->rule = rule;
	sp->client = (struct leg){ .splice = sp, .conn = conn };
	sp->server = (struct leg){ .splice = sp };
	sp->state = trusted ? SPLICE_STATE_PROXY_HEADER : splice_first_state(rule);
	sp->target = t->laddr;
	sp->target_port = t->lport;
	sp->accepted_us = sp->active_us = now_us;
	record_begin(sp, t);
	tcp_set_user(conn, &sp->client);
	tcp_set_keepalive(conn, true);
	/* It may have ended in the burst that completed it, and that is told only once. */
	splice_hear(&sp->client);
	counter_add(&rule_slot(sp)->connections, 1);
	if (!rule->passthrough)	/* else it isn't known yet whether it is this one's */
		counter_add(&rule_count(sp)->accepted, 1);
	counter_add(&rule_count(sp)->open, 1);
	TAILQ_INSERT_TAIL(&all->open, sp, open_link);
	wheel_timer_init(&sp->timer, timer_fire);
	wheel_arm(stack_wheel(all->config.stack), &sp->timer, deadline(sp));
	splice_queue(sp);
}

void splice_release(struct leg *leg, bool reset)
{
	if (leg->conn == NULL)
		return;
	if (reset)
		tcp_reset(leg->conn);
	tcp_release(leg->conn);
	leg->conn = NULL;
}

/* Something has come from the client that its server will never get. */
static bool client_cut(const struct splice *sp, enum splice_end end)
{
	if (sp->client.done)
		return false;
	return end == SPLICE_TLS_FAILED || end == SPLICE_TRUNCATED || sp->client.dead != 0 ||
	       (sp->client.tls != NULL && tls_input_bytes(sp->client.tls) > 0) || tcp_recv_bytes(sp->client.conn) > 0;
}

/*
 * What each peer is told. A stream that was cut must not look whole to the other
 * side, which may be in the middle of a message: the server gets a RST, the client
 * a FIN without close_notify, or a RST, too, when the server's leg has died and
 * splice_last.c owed it nothing.
 */
static void tell_peers(struct splice *sp, enum splice_end end)
{
	bool moving = sp->state == SPLICE_STATE_MOVING;
	bool reset_client = (moving && sp->server.dead != 0 && !sp->server.done && !sp->client.shut) ||
			    end == SPLICE_PROXY_HEADER || end == SPLICE_DENIED;
	bool reset_server = client_cut(sp, end);
	bool server_cut = end == SPLICE_SERVER_TLS_FAILED || end == SPLICE_SERVER_TRUNCATED ||
			  (moving && !sp->server.done &&
			   (tcp_recv_bytes(sp->server.conn) > 0 ||
			    (sp->server.tls != NULL && tls_input_bytes(sp->server.tls) > 0)));

	if (sp->client.dead == 0 && !reset_client) {
		if (sp->state >= SPLICE_STATE_CONNECTING && !sp->client.shut && !server_cut && end != SPLICE_TLS_FAILED &&
		    end != SPLICE_TRUNCATED && sp->client.tls != NULL)
			tls_close(sp->client.tls);
		splice_flush(&sp->client);
	}
	if (sp->server.tls != NULL && sp->server.dead == 0 && !reset_server) {
		if (moving && !sp->server.shut && end != SPLICE_SERVER_TLS_FAILED)
			tls_close(sp->server.tls);
		splice_flush(&sp->server);
	}
	splice_release(&sp->client, reset_client);
	splice_release(&sp->server, reset_server);
}

static void record_end(struct splice *sp, enum splice_end end)
{
	struct splices *all = sp->all;
	struct record_told told;

	sp->record.end = (uint8_t)end;
	if (sp->client.tls != NULL)
		sp->record.tls_error = (uint8_t)tls_session_error(sp->client.tls);
	sp->record.tls_alert = sp->client.tls != NULL ? tls_session_alert(sp->client.tls) : TLS_ALERT_NONE;
	if (end == SPLICE_SERVER_TLS_FAILED)
		splice_blame_server(sp, tls_error_name(tls_session_error(sp->server.tls)));
	sp->record.duration_us = stack_now_us(all->config.stack) - sp->accepted_us;
	told.record = sp->record;
	record_take_peer(&told, sp->client.tls);
	if (rte_ring_enqueue_elem(all->config.log, &told, sizeof(told)) != 0)
		count_drop(all->config.counters, DROP_LOG_FULL);
}

void splice_end(struct splice *sp, enum splice_end end)
{
	struct splices *all = sp->all;

	/* Whoever ends the last steps, it was the leg's death that ended the connection. */
	if (sp->last_steps && end != SPLICE_TLS_FAILED && end != SPLICE_TRUNCATED)
		end = (enum splice_end)sp->record.end;
	record_end(sp, end);
	tell_peers(sp, end);
	tls_session_free(sp->client.tls);
	tls_session_free(sp->server.tls);
	wheel_cancel(stack_wheel(all->config.stack), &sp->timer);
	counter_add(&rule_count(sp)->open, (uint64_t)-1);
	if (sp->rule->passthrough && sp->state < SPLICE_STATE_CONNECTING)
		counter_add(&rule_count(sp)->accepted, 1);
	if (end == SPLICE_TLS_FAILED || end == SPLICE_BACKEND_TLS || end == SPLICE_BACKEND_REFUSED || end == SPLICE_BACKEND_UNREACHABLE ||
	    end == SPLICE_HANDSHAKE_TIMEOUT || end == SPLICE_PROXY_HEADER)
		counter_add(&rule_count(sp)->failed, 1);
	/* Last: from here on control may free the rule. */
	counter_add(&rule_slot(sp)->connections, (uint64_t)-1);
	splice_unqueue(sp);
	TAILQ_REMOVE(&all->open, sp, open_link);
	pool_put(&all->pool, sp);
}

void splices_close_all(struct splices *all)
{
	struct splice *sp;

	while ((sp = TAILQ_FIRST(&all->open)) != NULL)
		splice_end(sp, SPLICE_DRAINED);
}
