/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Peers that take nothing while packet buffers run low (tcp_stall.h; RFC 6429): who goes, who stays. */
#include <rte_mbuf.h>

#include "stack_private.h"
#include "tcp_conn.h"
#include "tcp_limits.h"
#include "tcp_script.h"

#define MBUF 1800u		/* bytes of one in tcp_peer_chain */
#define SECOND 1000u

static void step(struct script *s, struct step st)
{
	script_step(s, &st, 0);
}

/* Takes what the stack has sent. Returns the RSTs among it; *port: of the last one. */
static unsigned int discard(struct script *s, uint16_t *port)
{
	const struct tcp_peer_segment *g;
	unsigned int n = 0;

	while ((g = script_next(s)) != NULL) {
		n += (g->rx.flags & R) != 0;
		if (g->rx.flags & R)
			*port = g->dport;
	}
	return n;
}

static void pass(struct script *s, unsigned int seconds, unsigned int *rsts, uint16_t *port)
{
	for (unsigned int i = 0; i < seconds; i++) {
		tcp_peer_run(&s->p, SECOND);
		*rsts += discard(s, port);
	}
}

/* One more connection, whose peer closes its window at once; @mbufs of data wait. */
static struct tcp_conn *closed_window(struct script *s, uint32_t mbufs)
{
	unsigned int rsts = 0;
	uint16_t port;

	s->p.conn = NULL;
	script_open_passive(s);
	step(s, (struct step)in_wnd(A, 0, 0, 0, 0));
	tcp_send(s->p.conn, tcp_peer_chain(&s->p, 0, mbufs * MBUF));
	tcp_peer_turn(&s->p);
	pass(s, 1, &rsts, &port);
	assert_int_equal(rsts, 0);
	s->port_first++;
	return s->p.conn;
}

static uint64_t stalled(const struct script *s)
{
	return s->p.counters.events[EVENT_TCP_STALLED];
}

/* The one that has waited longest, and no more than make room for others. It is told, and so is the user. */
static void oldest_goes(void **st)
{
	struct script s = { .o = { .sack = true, .stack = { .queue_mbufs = 64 } } };
	struct tcp_conn *conns[6];
	unsigned int rsts = 0;
	uint16_t port = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	for (unsigned int i = 0; i < RTE_DIM(conns); i++)
		conns[i] = closed_window(&s, 10);
	assert_false(mbuf_reserve_allows(&s.p.stack->reserve, MBUF_USE_CONNECTION));
	pass(&s, 53, &rsts, &port);
	assert_int_equal(stalled(&s), 0);
	pass(&s, 5, &rsts, &port);
	assert_int_equal(stalled(&s), 1);
	assert_int_equal(rsts, 1);
	assert_int_equal(port, TCP_PEER_PORT);
	assert_int_equal(tcp_events(conns[0]) & TCP_DEAD, TCP_STALLED);
	tcp_release(conns[0]);
	assert_true(mbuf_reserve_allows(&s.p.stack->reserve, MBUF_USE_CONNECTION));
	/* There is room now: the others may wait, as RFC 9293 3.8.6.1 has it. */
	pass(&s, 30, &rsts, &port);
	assert_int_equal(stalled(&s), 1);
	assert_int_equal(tcp_events(conns[1]) & TCP_DEAD, 0);
	for (unsigned int i = 1; i < RTE_DIM(conns); i++)
		tcp_release(conns[i]);
	discard(&s, &port);
	tcp_peer_fini(&s.p);
}

/* Buffers enough: nobody goes, for as long as the peer answers. */
static void room_for_all(void **st)
{
	struct script s = { .o = { .sack = true, .stack = { .queue_mbufs = 128 } } };
	unsigned int rsts = 0;
	uint16_t port = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	closed_window(&s, 30);
	for (unsigned int i = 0; i < 30; i++) {
		pass(&s, 10, &rsts, &port);
		step(&s, (struct step)in_wnd(A, 0, 0, 0, 0));
	}
	assert_int_equal(stalled(&s), 0);
	assert_string_equal(s.o.active ? "" : "ESTABLISHED", "ESTABLISHED");
	assert_int_equal(tcp_events(s.p.conn) & TCP_DEAD, 0);
	tcp_release(s.p.conn);
	discard(&s, &port);
	tcp_peer_fini(&s.p);
}

/* A peer that takes @bytes every five seconds, of a queue that the user keeps full; for how many seconds it lives. */
static unsigned int lives(uint32_t bytes, unsigned int most)
{
	struct script s = { .o = { .sack = true, .stack = { .queue_mbufs = 16 } } };
	unsigned int rsts = 0, seconds = 0;
	uint16_t port = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	closed_window(&s, 15);
	for (; seconds < most && !(tcp_events(s.p.conn) & TCP_DEAD); seconds += 5) {
		uint32_t acked = s.p.conn->snd_nxt - s.iss - 1;

		step(&s, (struct step)in_wnd(A, 0, 0, acked, bytes));
		pass(&s, 5, &rsts, &port);
		while (s.p.stack->reserve.held < 15 && !(s.p.conn->events & TCP_DEAD)) {
			tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, MBUF));
			tcp_peer_turn(&s.p);
			discard(&s, &port);
		}
	}
	assert_int_equal(stalled(&s), rsts);
	tcp_release(s.p.conn);
	discard(&s, &port);
	tcp_peer_fini(&s.p);
	return seconds;
}

/* A little now and then is no way out; slow, but steady, is. */
static void age_is_what_counts(void **st)
{
	assert_in_range(lives(100, 600), 55, 75);
	assert_int_equal(lives(5000, 600), 600);
}

/* Early data whose hole stays open is given back, and the connection goes on. */
static void holes_are_emptied(void **st)
{
	struct script s = { .o = { .sack = true, .stack = { .queue_mbufs = 32 } } };
	struct tcp_conn *hole;
	unsigned int rsts = 0;
	uint16_t port = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	hole = s.p.conn;
	for (uint32_t i = 1; i <= 8; i++) {
		step(&s, (struct step)in(A, i * 1460, 1460, 0));
		discard(&s, &port);
	}
	assert_int_equal(s.p.stack->reserve.held, 8);
	/* As long as there is room it may stay. */
	pass(&s, 30, &rsts, &port);
	assert_int_equal(s.p.stack->reserve.held, 8);
	s.port_first++;
	closed_window(&s, 21);
	assert_int_equal(s.p.counters.events[EVENT_TCP_RENEGED], 1);
	assert_int_equal(s.p.stack->reserve.held, 21);
	assert_int_equal(stalled(&s), 0);
	assert_int_equal(tcp_events(hole) & TCP_DEAD, 0);
	assert_null(hole->ooo);
	tcp_release(hole);
	tcp_release(s.p.conn);
	discard(&s, &port);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oldest_goes), cmocka_unit_test(room_for_all), cmocka_unit_test(age_is_what_counts),
		cmocka_unit_test(holes_are_emptied),
	};

	return cmocka_run_group_tests_name("tcp_stall", tests, NULL, NULL);
}
