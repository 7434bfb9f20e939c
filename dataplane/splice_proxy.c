/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PROXY protocol on both sides: a proxy in front that is trusted says who the
 * client is, and we tell the internal server.
 */
#include "splice_private.h"

#include <rte_mbuf.h>

#include "mbuf_reserve.h"
#include "proxy.h"

static void refuse(struct splice *sp, enum drop reason, enum splice_end end)
{
	count_drop(sp->all->config.counters, reason);
	splice_end(sp, end);
}

void splice_deny(struct splice *sp)
{
	counter_add(&sp->rule->counts[sp->all->config.worker].refused, 1);
	refuse(sp, DROP_CLIENT_DENIED, SPLICE_DENIED);
}

/* Who connected was the proxy; from now on the client is whom it told of. */
static void believe(struct splice *sp, const struct proxy_ends *ends)
{
	struct record *r = &sp->record;

	r->proxy = r->client;
	r->proxy_port = r->client_port;
	r->client = ends->client;
	r->client_port = ends->client_port;
	sp->target = ends->target;
	sp->target_port = ends->target_port;
}

/* No more will come. A proxy that looks whether anybody is there says nothing at all. */
static void step_end(struct splice *sp, uint32_t bytes)
{
	if (bytes == 0)
		splice_end(sp, SPLICE_CLIENT_CLOSED);
	else
		refuse(sp, DROP_PROXY_HEADER, SPLICE_PROXY_HEADER);
}

void splice_step_proxy_header(struct splice *sp)
{
	uint8_t header[PROXY_READ_MAX_BYTES];
	uint32_t bytes = tcp_recv_peek(sp->client.conn, header, sizeof(header));
	struct proxy_ends ends;
	size_t header_bytes;

	switch (proxy_read(header, bytes, &ends, &header_bytes)) {
	case PROXY_READ_PART:
		if (sp->client.fin)
			step_end(sp, bytes);
		return;
	case PROXY_READ_BAD:
		refuse(sp, DROP_PROXY_HEADER, SPLICE_PROXY_HEADER);
		return;
	case PROXY_READ_ENDS:
		believe(sp, &ends);
		break;
	case PROXY_READ_LOCAL:
		break;
	}
	/* Whose client it would be isn't known yet with passthrough: splice_pass.c asks then. */
	if (!sp->rule->passthrough && !rule_allows(sp->rule, &sp->record.client)) {
		splice_deny(sp);
		return;
	}
	tcp_recv_skip(sp->client.conn, (uint32_t)header_bytes);
	sp->state = splice_first_state(sp->rule);
	splice_queue(sp);
}

/* The record has room for a part of it only. */
static const char *name_of(struct splice *sp, struct tls_sni *sni)
{
	if (!sp->record.passthrough)
		return tls_session_name(sp->client.tls);
	return splice_read_name(sp, sni) == TLS_SNI_READ ? sni->name : "";
}

bool splice_introduce(struct splice *sp)
{
	const struct record *r = &sp->record;
	const struct proxy_ends ends = { r->client, sp->target, r->client_port, sp->target_port };
	const struct tls_peer *peer = r->passthrough ? NULL : tls_session_peer(sp->client.tls);
	struct tls_sni sni;
	const struct proxy_tls tls = {
		.terminated = !r->passthrough, .name = name_of(sp, &sni), .alpn = r->alpn, .version = r->version,
		.cipher = r->cipher, .certified = peer != NULL && peer->verified, .resumed = r->resumed,
		.client_name = peer != NULL ? peer->common_name : NULL,
	};
	struct rte_mbuf *m = NULL;

	if (mbuf_reserve_allows(stack_reserve(sp->all->config.stack), MBUF_USE_RECORD))
		m = rte_pktmbuf_alloc(sp->all->config.mbufs);
	if (m == NULL)
		return false;
	m->data_len = (uint16_t)proxy_write(rte_pktmbuf_mtod(m, uint8_t *), sp->rule->proxy, &ends, &tls);
	m->pkt_len = m->data_len;
	tcp_send(sp->server.conn, m);
	return true;
}
