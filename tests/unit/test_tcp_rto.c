/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The retransmission time-out where nothing, or only nonsense, was measured (RFC 6298 section 5), and what many time-outs mean. */
#include "tcp_script.h"

#define ISN UINT32_MAX		/* of a SYN: one before the first byte */

/* (5.7), as the server: a SYN-ACK was sent again and nothing tells which one was answered: 3 s from the first data on. */
static void syn_lost_passive(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 1100),
		out(S | A, ISN, 0, 0), wait_ms(400), send_bytes(100), out(P | A, 0, 100, 0), wait_ms(2990), silent,
		wait_ms(20), out(A, 0, 100, 0), wait_ms(5980), silent, wait_ms(40), out(A, 0, 100, 0),
		in(A, 0, 0, 100));
}

/* (5.7), as the client. */
static void syn_lost_active(void **st)
{
	SCRIPT(OPTIONS(.active = true),
		wait_ms(1010), out(S, ISN, 0, 0), wait_ms(50), in(S | A, ISN, 0, 0), out(A, 0, 0, 0),
		send_bytes(100), out(P | A, 0, 100, 0), wait_ms(2990), silent, wait_ms(20), out(A, 0, 100, 0),
		/* The first that was sent once is measured (2.2), and that is what counts from then on. */
		in(A, 0, 0, 100), send_bytes(100), out(P | A, 100, 100, 0), wait_ms(100), in(A, 0, 0, 200),
		send_bytes(100), out(P | A, 200, 100, 0), wait_ms(290), silent, wait_ms(20), out(A, 200, 100, 0));
}

/* With timestamps the very acknowledgment that completes the handshake is a measurement (3), so (2.2) follows at once. */
static void syn_lost_and_measured(void **st)
{
	SCRIPT(OPTIONS(.active = true, .ts = true),
		wait_ms(1010), out(S, ISN, 0, 0), wait_ms(92), in(S | A, ISN, 0, 0), out(A, 0, 0, 0),
		send_bytes(100), out(P | A, 0, 100, 0), wait_ms(290), silent, wait_ms(30), out(A, 0, 100, 0));
}

/* The same as the server: it is the first of two SYN-ACKs that is answered, so the path is slow. */
static void slow_and_measured(void **st)
{
	SCRIPT(OPTIONS(.ts = true, .rtt_ms = 1100),
		out(S | A, ISN, 0, 0), send_bytes(100), out(P | A, 0, 100, 0), wait_ms(3290), silent, wait_ms(20),
		out(A, 0, 100, 0));
}

/* Nothing was sent again: what the handshake took is the first measurement (2.2), for both roles. */
static void syn_not_lost(void **st)
{
	SCRIPT(OPTIONS(.rtt_ms = 100),
		send_bytes(100), out(P | A, 0, 100, 0), wait_ms(290), silent, wait_ms(20), out(A, 0, 100, 0));
	SCRIPT(OPTIONS(.active = true),
		wait_ms(100), in(S | A, ISN, 0, 0), out(A, 0, 0, 0), send_bytes(100), out(P | A, 0, 100, 0),
		wait_ms(290), silent, wait_ms(20), out(A, 0, 100, 0));
}

static uint64_t doubts(const struct script *s)
{
	return s->p.counters.events[EVENT_NEIGH_DOUBTED];
}

static void discard(struct script *s)
{
	while (script_next(s))
		;
}

/*
 * RFC 9293 3.8.3 MUST-20, SHLD-10: R1 is three time-outs (0.2, 0.6, 1.4 s here); from then on each asks the next hop,
 * whose last answer is older than 3 s from the one at 3 s on. What is acknowledged speaks for it.
 */
static void next_hop_in_doubt(void **st)
{
	struct script s = { .o = { .sack = false } };
	uint64_t asked;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	asked = s.p.counters.events[EVENT_ARP_SENT];
	STEPS(&s, send_bytes(100), out(P | A, 0, 100, 0), wait_ms(2900));
	assert_int_equal(doubts(&s), 0);
	STEPS(&s, out(A, 0, 100, 0), out(A, 0, 100, 0), out(A, 0, 100, 0), wait_ms(200), out(A, 0, 100, 0));
	assert_int_equal(doubts(&s), 1);
	assert_int_equal(s.p.counters.events[EVENT_ARP_SENT], asked + 1);
	STEPS(&s, wait_ms(3200), out(A, 0, 100, 0));
	assert_int_equal(doubts(&s), 2);
	/* An answer: a client that loses three segments in a row right after it blames nobody else. */
	STEPS(&s, in(A, 0, 0, 100), send_bytes(100), out(P | A, 100, 100, 0), wait_ms(2900));
	assert_int_equal(doubts(&s), 2);
	discard(&s);
	STEPS(&s, in(A, 0, 0, 200));
	tcp_peer_fini(&s.p);
}

/* The same for a SYN of ours ("in the general way", 3.8.3); not for an answer to a SYN, which anybody may have forged. */
static void syn_and_the_next_hop(void **st)
{
	struct script dialled = { .o = { .active = true } }, half_open = { .o = { .sack = true } };
	struct tcp_rx rx;

	tcp_peer_init(&dialled.p, &dialled.o.stack);
	script_dial(&dialled, 0);
	STEPS(&dialled, wait_ms(6900));
	assert_int_equal(doubts(&dialled), 0);
	STEPS(&dialled, wait_ms(200));
	assert_int_equal(doubts(&dialled), 1);
	discard(&dialled);
	tcp_peer_fini(&dialled.p);
	tcp_peer_init(&half_open.p, &half_open.o.stack);
	rx = script_peer_syn(&half_open);
	tcp_peer_send(&half_open.p, TCP_PEER_PORT, 993, &rx, NULL);
	STEPS(&half_open, wait_ms(19000));
	assert_int_equal(doubts(&half_open), 0);
	discard(&half_open);
	tcp_peer_fini(&half_open.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_lost_passive), cmocka_unit_test(syn_lost_active), cmocka_unit_test(syn_lost_and_measured),
		cmocka_unit_test(slow_and_measured), cmocka_unit_test(syn_not_lost),
		cmocka_unit_test(next_hop_in_doubt), cmocka_unit_test(syn_and_the_next_hop),
	};

	return cmocka_run_group_tests_name("tcp_rto", tests, NULL, NULL);
}
