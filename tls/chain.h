/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A queue of mbufs linked by next, each with its own data_len: ciphertext that
 * came or that is to go, a record's text. Every mbuf in one holds at least a byte.
 *
 * Threads: one. Ownership: a chain has its mbufs; what is put in is consumed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

struct chain {
	struct rte_mbuf *head, *tail;
	uint32_t bytes;
};

/* Nobody else looks at its data. */
static inline bool chain_writable(struct rte_mbuf *m)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

/* Bytes that fit behind the last mbuf's data; 0 where they aren't ours to write. */
static inline uint32_t chain_room(const struct chain *c)
{
	return c->tail && chain_writable(c->tail) ? rte_pktmbuf_tailroom(c->tail) : 0;
}

/* Puts one mbuf, its next ignored, at the end. */
void chain_append(struct chain *c, struct rte_mbuf *m);
/* Puts all of @from at the end of @c. */
void chain_join(struct chain *c, struct chain *from);
/* Takes the first mbuf out. */
struct rte_mbuf *chain_shift(struct chain *c);
/* Copies the first @bytes, or what there is of them; how many. */
uint32_t chain_peek(const struct chain *c, uint8_t *to, uint32_t bytes);
/* The same from the end; @bytes are there. */
void chain_peek_end(const struct chain *c, uint8_t *to, uint32_t bytes);
/* Drops the first or the last @bytes, which are there. */
void chain_skip(struct chain *c, uint32_t bytes);
void chain_trim(struct chain *c, uint32_t bytes);
void chain_free(struct chain *c);
/* As one packet, for those who take mbufs; the chain is empty afterwards. NULL: it was. */
struct rte_mbuf *chain_packet(struct chain *c);
