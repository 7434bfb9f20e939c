/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passthrough: TLS is the internal servers' own. Of what a client sends only the
 * ClientHello is read, for the host name that chooses among the rules of its listener;
 * nothing of it is taken, and the server gets it as it came.
 */
#include "splice_private.h"

#include <string.h>

#include <rte_mbuf.h>

#include "mbuf_reserve.h"

/* So few bytes are always looked at: a stranger who speaks another protocol hears so at once. */
#define FIRST_BYTES 16u

enum splice_state splice_first_state(const struct rule *rule)
{
	return rule->passthrough ? SPLICE_STATE_NAME : SPLICE_STATE_HANDSHAKE;
}

enum tls_sni_status splice_read_name(struct splice *sp, struct tls_sni *sni)
{
	uint8_t *hello = sp->all->hello;

	return tls_sni_read(hello, tcp_recv_peek(sp->client.conn, hello, sizeof(sp->all->hello)), sni);
}

static void send_alert(struct splice *sp, uint8_t alert)
{
	struct rte_mbuf *m = NULL;

	if (mbuf_reserve_allows(stack_reserve(sp->all->config.stack), MBUF_USE_RECORD))
		m = rte_pktmbuf_alloc(sp->all->config.mbufs);
	if (m == NULL)
		return;
	tls_alert_record(rte_pktmbuf_mtod(m, uint8_t *), alert);
	m->data_len = TLS_ALERT_RECORD_BYTES;
	m->pkt_len = TLS_ALERT_RECORD_BYTES;
	tcp_send(sp->client.conn, m);
}

static void refuse(struct splice *sp, enum drop reason, enum tls_error error, uint8_t alert)
{
	count_drop(sp->all->config.counters, reason);
	sp->record.tls_error = (uint8_t)error;
	send_alert(sp, alert);
	splice_cut(sp, SPLICE_TLS_FAILED);
}

/* From the rule that it was accepted under to the one that its name chose. */
static void move_to(struct splice *sp, struct rule *rule)
{
	uint16_t worker = sp->all->config.worker;
	struct rule *before = sp->rule;

	sp->rule = rule;
	memcpy(sp->record.rule, rule->name, sizeof(sp->record.rule));
	counter_add(&rule->counts[worker].accepted, 1);
	counter_add(&rule->counts[worker].open, 1);
	counter_add(&rule->slots[worker].connections, 1);
	counter_add(&before->counts[worker].open, (uint64_t)-1);
	/* Last: from here on control may free it. */
	counter_add(&before->slots[worker].connections, (uint64_t)-1);
}

/* Each rule says by itself who may connect, and which proxies' word it takes. */
static bool lets_in(const struct splice *sp)
{
	const struct record *r = &sp->record;

	return rule_allows(sp->rule, &r->client) && (r->proxy_port == 0 || rule_trusts(sp->rule, &r->proxy));
}

static void choose(struct splice *sp, const char *name)
{
	struct rule *rule = NULL;

	memcpy(sp->record.sni, name, strnlen(name, sizeof(sp->record.sni) - 1));
	if (sp->all->policy != NULL)
		rule = policy_route(sp->all->policy, &sp->record.listen, sp->record.listen_port, name);
	if (rule == NULL) {
		refuse(sp, DROP_PASSTHROUGH_NAME, TLS_ERR_SNI, TLS_ALERT_UNRECOGNIZED_NAME);
		return;
	}
	move_to(sp, rule);
	if (!lets_in(sp)) {
		splice_deny(sp);
		return;
	}
	count_event(sp->all->config.counters, EVENT_PASSED_THROUGH);
	splice_dial(sp);
}

void splice_step_name(struct splice *sp)
{
	uint32_t bytes = tcp_recv_bytes(sp->client.conn);
	struct tls_sni sni;

	if (bytes >= FIRST_BYTES && bytes < sp->hello_bytes && !sp->client.fin)
		return;
	switch (splice_read_name(sp, &sni)) {
	case TLS_SNI_PART:
		sp->hello_bytes = (uint32_t)sni.least_bytes;
		if (sp->client.fin && bytes > 0)
			splice_cut(sp, SPLICE_TRUNCATED);
		else if (sp->client.fin)
			splice_end(sp, SPLICE_CLIENT_CLOSED);
		return;
	case TLS_SNI_BAD:
		refuse(sp, DROP_PASSTHROUGH_HELLO, sni.error, sni.alert);
		return;
	case TLS_SNI_READ:
		choose(sp, sni.name);
		return;
	}
}
