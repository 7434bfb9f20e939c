/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way to an internal server: the rule's servers are dialled in turn until one
 * accepts, and that one is told of the client first, if it wants to be.
 */
#include "splice_private.h"

#include <errno.h>

#include "tls/remember.h"

/* Which of the rule's servers is being tried, or serves. */
unsigned int splice_server_index(const struct splice *sp)
{
	return (sp->first_server + sp->servers_tried - 1u) % sp->rule->n_servers;
}

/* Dials the rule's servers in turn until one is being connected; else @sp ends. */
static void dial_next(struct splice *sp, enum splice_end last_failure)
{
	struct rule_slot *slot = &sp->rule->slots[sp->all->config.worker];

	/* Each connection goes round by itself: beside others' turns one server could come twice. */
	if (sp->servers_tried == 0)
		sp->first_server = slot->next_server++;
	while (sp->servers_tried < sp->rule->n_servers) {
		const struct rule_server *server =
			&sp->rule->servers[(sp->first_server + sp->servers_tried++) % sp->rule->n_servers];
		int why;

		sp->record.server = server->addr;
		sp->record.server_port = server->port;
		sp->server = (struct leg){ .splice = sp };
		sp->server.conn = tcp_connect(sp->all->config.stack, &server->addr, server->port, &sp->server, &why);
		if (sp->server.conn != NULL) {
			tcp_set_keepalive(sp->server.conn, true);
			return;
		}
		last_failure = why == -ENOMEM ? SPLICE_NO_MEMORY : SPLICE_BACKEND_UNREACHABLE;
	}
	count_event(sp->all->config.counters, EVENT_BACKEND_FAILED);
	splice_end(sp, last_failure);
}

void splice_dial(struct splice *sp)
{
	sp->state = SPLICE_STATE_CONNECTING;
	dial_next(sp, SPLICE_BACKEND_UNREACHABLE);
}

static struct tls_ctx *server_ctx(const struct splice *sp)
{
	return sp->rule->slots[sp->all->config.worker].server_tls;
}

/* Not before it is connected: what was handed to this server couldn't be handed to the next. */
static void connected(struct splice *sp)
{
	if (sp->rule->proxy == PROXY_OFF || splice_introduce(sp)) {
		sp->state = server_ctx(sp) != NULL ? SPLICE_STATE_SERVER_HANDSHAKE : SPLICE_STATE_MOVING;
		sp->active_us = stack_now_us(sp->all->config.stack);
	}
	if (sp->state == SPLICE_STATE_SERVER_HANDSHAKE)	/* the time allowed has become shorter */
		wheel_arm(stack_wheel(sp->all->config.stack), &sp->timer, sp->active_us);
	/* On at once: what the client sent meanwhile brings no news of its own. */
	splice_queue(sp);
}

void splice_step_dial(struct splice *sp)
{
	enum splice_end failure = sp->server.dead & TCP_REFUSED ? SPLICE_BACKEND_REFUSED : SPLICE_BACKEND_UNREACHABLE;

	if (sp->server.dead == 0) {
		if (sp->server.established)
			connected(sp);
		return;
	}
	splice_release(&sp->server, false);
	dial_next(sp, failure);
}

void splice_blame_server(struct splice *sp, const char *why)
{
	sp->record.server_error = why;
	sp->record.server_alert = sp->server.tls != NULL ? tls_session_alert(sp->server.tls) : TLS_ALERT_NONE;
	sp->record.failed_server = sp->record.server;
	sp->record.failed_server_port = sp->record.server_port;
}

void splice_server_failed(struct splice *sp, const char *why)
{
	splice_blame_server(sp, why);
	count_event(sp->all->config.counters, EVENT_BACKEND_TLS_FAILED);
	if (sp->server.dead == 0)
		splice_flush(&sp->server);	/* an alert */
	splice_release(&sp->server, false);
	tls_session_free(sp->server.tls);
	sp->server.tls = NULL;
	sp->state = SPLICE_STATE_CONNECTING;
	dial_next(sp, SPLICE_BACKEND_TLS);
}

static bool begin_server_tls(struct splice *sp)
{
	sp->server.tls = tls_session_new(server_ctx(sp));
	if (sp->server.tls == NULL) {
		count_drop(sp->all->config.counters, DROP_SPLICE_FULL);
		splice_end(sp, SPLICE_NO_MEMORY);
		return false;
	}
	tls_recall(sp->server.tls, splice_server_index(sp));
	return true;
}

static void server_shaken(struct splice *sp)
{
	struct tls_info info;

	tls_session_info(sp->server.tls, &info);
	sp->record.server_version = info.version;
	sp->record.server_cipher = info.cipher;
	sp->record.server_resumed = info.resumed;
	count_event(sp->all->config.counters, EVENT_BACKEND_TLS_HANDSHAKES);
	if (info.resumed)
		count_event(sp->all->config.counters, EVENT_BACKEND_TLS_RESUMED);
	sp->state = SPLICE_STATE_MOVING;
	sp->active_us = stack_now_us(sp->all->config.stack);
	splice_queue(sp);
}

void splice_step_server_handshake(struct splice *sp)
{
	enum tls_status status;

	if (sp->server.dead != 0) {
		splice_server_failed(sp, "reset");
		return;
	}
	if (!splice_may_convert(sp) || (sp->server.tls == NULL && !begin_server_tls(sp)))
		return;
	do {
		splice_feed(&sp->server);
		status = tls_handshake(sp->server.tls);
		splice_flush(&sp->server);
	} while (status == TLS_WANT_INPUT && tcp_recv_bytes(sp->server.conn) > 0);

	if (status == TLS_OK)
		server_shaken(sp);
	else if (status == TLS_FAILED)
		splice_server_failed(sp, tls_error_name(tls_session_error(sp->server.tls)));
	else if (tcp_recv_finished(sp->server.conn))
		splice_server_failed(sp, "closed");
}
