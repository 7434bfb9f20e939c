/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way to an internal server: the rule's servers are dialled in turn until one
 * accepts, and that one is told of the client first, if it wants to be.
 */
#include "splice_private.h"

#include <errno.h>

/* Dials the rule's servers in turn until one is being connected; else @sp ends. */
static void dial_next(struct splice *sp, enum splice_end last_failure)
{
	struct rule_slot *slot = &sp->rule->slots[sp->all->config.worker];

	/* Each connection goes round by itself: beside others' turns one server could come twice. */
	if (sp->servers_tried == 0)
		sp->first_server = slot->next_server++;
	while (sp->servers_tried < sp->rule->n_servers) {
		const struct rule_server *server =
			&sp->rule->servers[(sp->first_server + sp->servers_tried) % sp->rule->n_servers];
		int why;

		sp->servers_tried++;
		sp->record.server = server->addr;
		sp->record.server_port = server->port;
		sp->server.dead = 0;
		sp->server.established = false;
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

/* Not before it is connected: what was handed to this server couldn't be handed to the next. */
static void connected(struct splice *sp)
{
	if (sp->rule->proxy == PROXY_OFF || splice_introduce(sp))
		sp->state = SPLICE_STATE_MOVING;
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
	tcp_release(sp->server.conn);
	sp->server.conn = NULL;
	dial_next(sp, failure);
}
