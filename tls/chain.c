/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/chain.h"

#include <string.h>

#include "dataplane/base/assert.h"

void chain_append(struct chain *c, struct rte_mbuf *m)
{
	m->next = NULL;
	m->nb_segs = 1;
	if (c->tail)
		c->tail->next = m;
	else
		c->head = m;
	c->tail = m;
	c->bytes += m->data_len;
}

void chain_join(struct chain *c, struct chain *from)
{
	if (!from->head)
		return;
	if (c->tail)
		c->tail->next = from->head;
	else
		c->head = from->head;
	c->tail = from->tail;
	c->bytes += from->bytes;
	*from = (struct chain){ 0 };
}

struct rte_mbuf *chain_shift(struct chain *c)
{
	struct rte_mbuf *m = c->head;

	c->head = m->next;
	if (!c->head)
		c->tail = NULL;
	c->bytes -= m->data_len;
	m->next = NULL;
	m->nb_segs = 1;
	return m;
}

uint32_t chain_peek(const struct chain *c, uint8_t *to, uint32_t bytes)
{
	const struct rte_mbuf *m;
	uint32_t at = 0, n;

	for (m = c->head; m && at < bytes; m = m->next) {
		n = m->data_len < bytes - at ? m->data_len : bytes - at;
		memcpy(to + at, rte_pktmbuf_mtod(m, const uint8_t *), n);
		at += n;
	}
	return at;
}

void chain_peek_end(const struct chain *c, uint8_t *to, uint32_t bytes)
{
	const struct rte_mbuf *m = c->tail;
	uint32_t skip, n;

	ASSERT(bytes <= c->bytes);
	if (bytes > 0 && m->data_len >= bytes) {
		memcpy(to, rte_pktmbuf_mtod_offset(m, const uint8_t *, m->data_len - bytes), bytes);
		return;
	}
	skip = c->bytes - bytes;
	for (m = c->head; bytes > 0; m = m->next) {
		if (skip >= m->data_len) {
			skip -= m->data_len;
			continue;
		}
		n = m->data_len - skip < bytes ? m->data_len - skip : bytes;
		memcpy(to, rte_pktmbuf_mtod_offset(m, const uint8_t *, skip), n);
		to += n;
		bytes -= n;
		skip = 0;
	}
}

void chain_skip(struct chain *c, uint32_t bytes)
{
	struct rte_mbuf *m;

	ASSERT(bytes <= c->bytes);
	while (bytes > 0) {
		m = c->head;
		if (m->data_len <= bytes) {
			bytes -= m->data_len;
			rte_pktmbuf_free_seg(chain_shift(c));
			continue;
		}
		m->data_off = (uint16_t)(m->data_off + bytes);
		m->data_len = (uint16_t)(m->data_len - bytes);
		c->bytes -= bytes;
		bytes = 0;
	}
}

static void free_list(struct rte_mbuf *m)
{
	struct rte_mbuf *next;

	for (; m; m = next) {
		next = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
	}
}

void chain_trim(struct chain *c, uint32_t bytes)
{
	struct rte_mbuf *m = c->head;
	uint32_t keep;

	ASSERT(bytes <= c->bytes);
	if (bytes == c->bytes) {
		chain_free(c);
		return;
	}
	c->bytes -= bytes;
	if (c->tail->data_len > bytes) {
		c->tail->data_len = (uint16_t)(c->tail->data_len - bytes);
		return;
	}
	for (keep = c->bytes; keep > m->data_len; m = m->next)
		keep -= m->data_len;
	m->data_len = (uint16_t)keep;
	free_list(m->next);
	m->next = NULL;
	c->tail = m;
}

void chain_free(struct chain *c)
{
	free_list(c->head);
	*c = (struct chain){ 0 };
}

struct rte_mbuf *chain_packet(struct chain *c)
{
	struct rte_mbuf *head = c->head, *m;
	uint16_t segments = 0;

	if (!head)
		return NULL;
	for (m = head; m; m = m->next)
		segments++;
	head->nb_segs = segments;
	head->pkt_len = c->bytes;
	*c = (struct chain){ 0 };
	return head;
}
