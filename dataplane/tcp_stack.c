/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TCP within the stack: its memory, and the end of a turn (tcp_private.h). */
#include <errno.h>

#include "tcp_cookie.h"
#include "tcp_list.h"
#include "tcp_orphan.h"
#include "tcp_output.h"
#include "tcp_rcvq.h"
#include "tcp_sndq.h"
#include "tcp_stall.h"
#include "tcp_table.h"

/* Keys of different use must differ: each is derived from the secret by its own label. */
static struct siphash_key derive_key(const uint64_t secret[2], uint64_t label)
{
	struct siphash_key from = { secret[0], secret[1] };
	uint64_t in[2] = { label, 0 };
	struct siphash_key key;

	key.k0 = siphash(&from, in, sizeof(in));
	in[1] = 1;
	key.k1 = siphash(&from, in, sizeof(in));
	return key;
}

int tcp_stack_init(struct stack *s)
{
	struct tcp_stack *t = &s->tcp;
	uint32_t max_conns = s->config.max_conns;

	memset(t, 0, sizeof(*t));
	t->table_key = derive_key(s->config.secret, 1);
	t->isn_key = derive_key(s->config.secret, 2);
	t->ts_key = derive_key(s->config.secret, 3);
	t->random_key = derive_key(s->config.secret, 4);
	t->cookies.secret = derive_key(s->config.secret, 5);
	t->rst_limit.key = derive_key(s->config.secret, 6);
	tcp_cookie_init(s);
	if (tcp_table_init(t, max_conns) == 0 && tcp_sndq_init(t, max_conns) == 0 &&
	    tcp_rcvq_init(t, max_conns, s->config.rcv_buffer_bytes) == 0)
		return 0;
	tcp_rcvq_fini(t);
	tcp_sndq_fini(t);
	tcp_table_fini(t);
	return -ENOMEM;
}

void tcp_stack_fini(struct stack *s)
{
	struct tcp_stack *t = &s->tcp;

	for (uint32_t i = 0; i < t->conns.capacity; i++) {
		struct tcp_conn *c = pool_at(&t->conns, i);

		if (!c)
			continue;
		tcp_sndq_purge(c);
		tcp_rcvq_purge(c);
		tcp_conn_free(c);
	}
	tcp_rcvq_fini(t);
	tcp_sndq_fini(t);
	tcp_table_fini(t);
}

void tcp_turn_end(struct stack *s)
{
	struct tcp_stack *t = &s->tcp;
	struct tcp_conn *c;

	while ((c = tcp_list_output_next(t)) != NULL)
		tcp_output(c);
	tcp_lists_turn(t);
	tcp_cookie_update(s);
	if (!mbuf_reserve_allows(&s->reserve, MBUF_USE_QUEUE)) {
		tcp_orphans_trim(s);
		tcp_stall_trim(s);
	}
}

bool tcp_busy(const struct stack *s)
{
	return (s->tcp.output | s->tcp.ready | s->tcp.woken) != 0;
}

struct tcp_conn *tcp_next_ready(struct stack *s)
{
	struct tcp_conn *c = tcp_list_first(&s->tcp, s->tcp.ready);

	if (c)
		tcp_list_ready_leave(c);
	return c;
}

uint32_t tcp_conns(const struct stack *s)
{
	return pool_in_use(&s->tcp.conns);
}

struct tcp_conn *tcp_conn_at(const struct stack *s, uint32_t index)
{
	return pool_at(&s->tcp.conns, index);
}
