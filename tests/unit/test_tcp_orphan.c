/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections that nobody owns any more (tcp_orphan.h): how many, how long, who goes first. */
#include <rte_mbuf.h>

#include "tcp_limits.h"
#include "tcp_script.h"

static struct step none_in(uint32_t seq, uint32_t ack)
{
	return (struct step)in(A, seq, 0, ack);
}

static uint64_t evicted(const struct script *s)
{
	return s->p.counters.events[EVENT_TCP_ORPHAN_EVICTED];
}

/* Opens one more connection and releases it; @bytes of data stay unacknowledged, 0: only the FIN is. */
static void orphan(struct script *s, uint32_t bytes)
{
	s->p.conn = NULL;
	script_open_passive(s);
	if (bytes > 0)
		tcp_send(s->p.conn, tcp_peer_chain(&s->p, 0, bytes));
	tcp_release(s->p.conn);
	tcp_peer_turn(&s->p);
	script_step(s, &(struct step)out(bytes > 0 ? F | P | A : F | A, 0, bytes, 0), s->port_first);
	s->port_first++;
}

/* The same, and its FIN is acknowledged: FIN-WAIT-2. */
static void orphan_done(struct script *s)
{
	struct step ack = none_in(0, 1);

	orphan(s, 0);
	script_step(s, &ack, s->port_first);
}

static void share_is_bounded(void **st)
{
	struct script s = { .o = { .sack = true, .stack = { .max_conns = 16 } } };
	const struct tcp_peer_segment *g;

	tcp_peer_init(&s.p, &s.o.stack);
	for (unsigned int i = 0; i < 16 / TCP_ORPHAN_SHARE; i++)
		orphan(&s, 100);
	assert_int_equal(evicted(&s), 0);
	/* One more: the oldest hears that its stream was cut. */
	s.p.conn = NULL;
	script_open_passive(&s);
	tcp_release(s.p.conn);
	tcp_peer_turn(&s.p);
	g = script_next(&s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags, R | A);
	assert_int_equal(g->dport, TCP_PEER_PORT);
	assert_int_equal(script_next(&s)->rx.flags, F | A);
	assert_int_equal(evicted(&s), 1);
	assert_int_equal(stack_conns(s.p.stack), 16 / TCP_ORPHAN_SHARE);
	tcp_peer_fini(&s.p);
}

/* Who has delivered everything goes before one with data outstanding, however old that is, and without a word. */
static void delivered_goes_first(void **st)
{
	struct script s = { .o = { .sack = true, .stack = { .max_conns = 12 } } };

	tcp_peer_init(&s.p, &s.o.stack);
	orphan(&s, 100);
	orphan_done(&s);
	orphan(&s, 100);
	orphan(&s, 100);
	assert_null(script_next(&s));
	assert_int_equal(evicted(&s), 1);
	assert_int_equal(stack_conns(s.p.stack), 3);
	tcp_peer_fini(&s.p);
}

/* 100 a second for a minute, each with an answer that the client never takes: clients still get in. */
static void newcomers_are_never_refused(void **st)
{
	struct script s = { .o = { .stack = { .max_conns = 12 } } };
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	for (unsigned int i = 0; i < 6000; i++) {
		const struct tcp_peer_segment *g;
		bool answered = false;

		s.port = (uint16_t)(TCP_PEER_PORT + s.port_first++);
		rx = script_peer_syn(&s);
		tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
		while ((g = script_next(&s)) != NULL)
			if (g->rx.flags == (S | A) && g->dport == s.port) {
				answered = true;
				s.iss = g->rx.seq;
			}
		assert_true(answered);
		s.p.conn = NULL;
		rx = script_segment(&s, &(struct step)in(A, 0, 0, 0));
		tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
		assert_non_null(s.p.conn);
		tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 200));
		tcp_release(s.p.conn);
		tcp_peer_run(&s.p, 10);
		while (script_next(&s))
			;
	}
	assert_int_equal(s.p.counters.drops[DROP_TCP_TABLE_FULL], 0);
	assert_int_equal(stack_conns(s.p.stack), 3);
	assert_int_equal(evicted(&s), 5997);
	tcp_peer_fini(&s.p);
}

/* A table full of owned connections but for its orphans: a SYN finds room, the next one none. */
static void full_table_takes_an_orphan(void **st)
{
	struct script s = { .o = { .stack = { .max_conns = 4 } } };
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	orphan(&s, 10);
	for (unsigned int i = 0; i < 3; i++, s.port_first++) {
		s.p.conn = NULL;
		script_open_passive(&s);
	}
	assert_int_equal(stack_conns(s.p.stack), 4);
	rx = script_peer_syn(&s);
	tcp_peer_send(&s.p, 5000, 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.flags, R | A);
	assert_int_equal(script_next(&s)->rx.flags, S | A);
	tcp_peer_send(&s.p, 5001, 993, &rx, NULL);
	assert_null(script_next(&s));
	assert_int_equal(s.p.counters.drops[DROP_TCP_TABLE_FULL], 1);
	tcp_peer_fini(&s.p);
}

static void forget_output(struct script *s)
{
	while (script_next(s))
		;
}

/* Over half of the share, who is older than 30 s goes; fewer may stay for their 240 s. */
static void old_ones_go_when_many(void **st)
{
	struct script s = { .o = { .stack = { .max_conns = 16 } } };

	tcp_peer_init(&s.p, &s.o.stack);
	orphan(&s, 10);
	orphan(&s, 10);
	tcp_peer_run(&s.p, 31000);
	forget_output(&s);
	assert_int_equal(stack_conns(s.p.stack), 2);
	s.p.conn = NULL;
	script_open_passive(&s);
	tcp_release(s.p.conn);
	tcp_peer_turn(&s.p);
	assert_int_equal(evicted(&s), 1);
	tcp_peer_run(&s.p, 31000);
	assert_int_equal(evicted(&s), 1);
	assert_int_equal(stack_conns(s.p.stack), 2);
	tcp_peer_run(&s.p, 240000);
	assert_int_equal(stack_conns(s.p.stack), 0);
	assert_int_equal(evicted(&s), 1);
	forget_output(&s);
	tcp_peer_fini(&s.p);
}

static void old_ones_go_when_buffers_are_few(void **st)
{
	struct script s = { .o = { .stack = { .max_conns = 16 } } };
	struct rte_mbuf *taken[2048];
	unsigned int n = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	orphan(&s, 10);
	tcp_peer_run(&s.p, 20000);
	while (n < 2048 && rte_mempool_avail_count(s.p.mbufs) > s.p.mbufs->size / 10)
		taken[n++] = rte_pktmbuf_alloc(s.p.mbufs);
	tcp_peer_run(&s.p, 5000);
	assert_int_equal(evicted(&s), 0);
	tcp_peer_run(&s.p, 6000);
	assert_int_equal(evicted(&s), 1);
	assert_int_equal(stack_conns(s.p.stack), 0);
	while (n > 0)
		rte_pktmbuf_free(taken[--n]);
	forget_output(&s);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(share_is_bounded), cmocka_unit_test(delivered_goes_first),
		cmocka_unit_test(newcomers_are_never_refused), cmocka_unit_test(full_table_takes_an_orphan),
		cmocka_unit_test(old_ones_go_when_many), cmocka_unit_test(old_ones_go_when_buffers_are_few),
	};

	return cmocka_run_group_tests_name("tcp_orphan", tests, NULL, NULL);
}
