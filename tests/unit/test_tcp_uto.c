/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The user time-out: R2 of RFC 9293 section 3.8.3, and the option of RFC 5482. */
#include <rte_mbuf.h>

#include "tcp_script.h"

#define MINUTES 0x8000u

/* Opens with the option in the SYN (0: none), sends, and says after how many seconds the peer's silence ends it. */
static unsigned int lasts_s(const struct tcp_peer_options *o, uint16_t syn_uto, uint16_t later_uto)
{
	struct script s = { .o = { .sack = true, .stack = *o } };
	const struct tcp_peer_segment *g;
	unsigned int seconds = 0;
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	s.port = TCP_PEER_PORT;
	s.stack_port = 993;
	rx = script_peer_syn(&s);
	rx.opts.has_uto = syn_uto != 0;
	rx.opts.uto = syn_uto;
	tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	g = script_next(&s);
	assert_non_null(g);
	assert_int_equal(g->rx.opts.has_uto, o->user_timeout_limit_us != 0);
	if (g->rx.opts.has_uto)
		assert_int_equal(g->rx.opts.uto, o->user_timeout_us / 1000000);
	s.iss = g->rx.seq;
	rx = script_segment(&s, &(struct step)in(A, 0, 0, 0));
	tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	if (later_uto != 0) {
		rx.opts.has_uto = true;
		rx.opts.uto = later_uto;
		tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	}
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 10));
	tcp_peer_turn(&s.p);
	/* RFC 5482 section 3.3: in the first segment behind the SYN too, and then no more. */
	g = script_next(&s);
	assert_non_null(g);
	assert_int_equal(g->rx.opts.has_uto, o->user_timeout_limit_us != 0);
	while (!(tcp_events(s.p.conn) & TCP_TIMED_OUT) && seconds < 5000) {
		tcp_peer_run(&s.p, 1000);
		seconds++;
		while ((g = script_next(&s)) != NULL)
			assert_false(g->rx.opts.has_uto);
	}
	tcp_release(s.p.conn);
	assert_int_equal(stack_conns(s.p.stack), 0);
	tcp_peer_fini(&s.p);
	return seconds;
}

static void about(unsigned int got, unsigned int expected)
{
	if (got < expected || got > expected + 2)
		fail_msg("%u s instead of %u", got, expected);
}

static void configured(void **st)
{
	about(lasts_s(&(struct tcp_peer_options){ 0 }, 0, 0), 120);
	about(lasts_s(&(struct tcp_peer_options){ .user_timeout_us = 300000000 }, 0, 0), 300);
}

/* Not enabled: the peer's wish isn't heard. */
static void not_enabled(void **st)
{
	about(lasts_s(&(struct tcp_peer_options){ .user_timeout_us = 120000000 }, MINUTES | 30, 1000), 120);
}

/* min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)): the peer may extend it, up to our limit, and never shorten it. */
static void agreed(void **st)
{
	struct tcp_peer_options o = { .user_timeout_us = 120000000, .user_timeout_limit_us = 600000000 };

	about(lasts_s(&o, 200, 0), 200);
	about(lasts_s(&o, 0, MINUTES | 5), 300);
	about(lasts_s(&o, 200, 400), 400);
	about(lasts_s(&o, 10, 1), 120);
	about(lasts_s(&o, 0x7fff, 0), 600);
	about(lasts_s(&o, MINUTES | 0x7fff, 0xffff), 600);
	/* 0 is reserved. */
	about(lasts_s(&o, MINUTES, 0), 120);
}

/*
 * A peer that acknowledges nothing new but answers can't stay either, as long as its
 * window has room for what it doesn't take; a closed window is another matter.
 */
static void answering_isnt_taking(void **st)
{
	struct script s = { .o = { .sack = true, .wnd = 100 } };
	unsigned int seconds = 0;
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 50));
	while (!(tcp_events(s.p.conn) & TCP_TIMED_OUT) && seconds < 1000) {
		tcp_peer_run(&s.p, 1000);
		seconds++;
		while (script_next(&s))
			;
		rx = script_segment(&s, &(struct step)in_wnd(A, 0, 0, 0, 100));
		tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	}
	about(seconds, 120);
	tcp_release(s.p.conn);
	tcp_peer_fini(&s.p);
}

static void closed_window_may_stay(void **st)
{
	struct script s = { .o = { .sack = true, .wnd = 100 } };
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 200));
	for (unsigned int i = 0; i < 600; i++) {
		tcp_peer_run(&s.p, 1000);
		while (script_next(&s))
			;
		rx = script_segment(&s, &(struct step)in_wnd(A, 0, 0, 100, 0));
		tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	}
	assert_int_equal(tcp_events(s.p.conn) & TCP_DEAD, 0);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configured), cmocka_unit_test(not_enabled), cmocka_unit_test(agreed),
		cmocka_unit_test(answering_isnt_taking), cmocka_unit_test(closed_window_may_stay),
	};

	return cmocka_run_group_tests_name("tcp_uto", tests, NULL, NULL);
}
