/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of RFC 9293's list of requirements (appendix B) that have no other test. */
#include <rte_mbuf.h>

#include "tcp_script.h"

/* 3.8.5: urgent data is data like any other, wherever the pointer points (RFC 6093); nothing is lost or doubled by it. */
static void urgent(void **st)
{
	static const uint16_t pointers[] = { 0, 1, 5, 10, 11, 60000, 0xffff };
	struct script s = { .o = { .sack = true } };
	uint8_t raw[TCP_HDR_MIN + 10];
	uint32_t at = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	for (size_t i = 0; i < RTE_DIM(pointers); i++, at += 10) {
		struct tcp_tx tx = {
			.seq = PEER_ISS + 1 + at, .ack = s.iss + 1, .lport = s.port, .fport = 993, .wnd = 60000,
			.flags = A | TH_URG,
		};

		tcp_hdr_put(raw, &tx);
		raw[18] = (uint8_t)(pointers[i] >> 8);
		raw[19] = (uint8_t)pointers[i];
		memset(raw + TCP_HDR_MIN, (int)i, 10);
		tcp_peer_send_raw(&s.p, raw, sizeof(raw), true);
		script_step(&s, &(struct step)out(A, 0, 0, at + 10), (unsigned int)i);
		/* Without data it is an empty segment. */
		tx.seq += 10;
		tcp_hdr_put(raw, &tx);
		tcp_peer_send_raw(&s.p, raw, TCP_HDR_MIN, true);
	}
	script_step(&s, &(struct step)recv_all(at), 100);
	tcp_peer_fini(&s.p);
}

/* SHLD-2: a RST may carry data, which means nothing. */
static void reset_with_data(void **st)
{
	SCRIPT(OPTIONS(.sack = true), in(R | A, 0, 20, 0), silent, events(TCP_RESET), recv_all(0), do_release, conns(0));
}

/* 3.8.4: a peer's keepalive, with or without its octet of garbage, is answered, and the octet isn't data. */
static void keepalive_of_the_peer(void **st)
{
	SCRIPT(OPTIONS(.sack = false),
		in(P | A, 0, 5, 0), out(A, 0, 0, 5), recv_all(5),
		in(A, 4, 0, 0), out(A, 0, 0, 5), wait_ms(100), in(A, 4, 1, 0), out(A, 0, 0, 5), recv_all(0),
		state("ESTABLISHED"));
}

/* MUST-34, SHLD-16, 17: a peer that takes its window back gets nothing new, and what was sent goes again. */
static void window_taken_back(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		send_bytes(5000), out(A, 0, 1460, 0), out(A, 1460, 1460, 0), out(A, 2920, 1460, 0), out(P | A, 4380, 620, 0),
		in_wnd(A, 0, 0, 1460, 0), send_bytes(1000), silent,
		/* It opens again, and what lay beyond it has arrived all the same. */
		in_wnd(A, 0, 0, 5000, 10000), out(P | A, 5000, 1000, 0), in(A, 0, 0, 6000), wait_ms(3000), silent);
}

/* MUST-17: Nagle's algorithm isn't there; what is written in one turn leaves together, in full segments, with PSH at the end. */
static void coalesced_in_a_turn(void **st)
{
	struct script s = { .o = { .sack = true } };

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	for (uint32_t i = 0; i < 20; i++)
		tcp_send(s.p.conn, tcp_peer_chain(&s.p, i * 100, 100));
	tcp_peer_turn(&s.p);
	script_step(&s, &(struct step)out(A, 0, 1460, 0), 1);
	script_step(&s, &(struct step)out(P | A, 1460, 540, 0), 2);
	/* Not held back, though nothing of this is acknowledged. */
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 1));
	tcp_peer_turn(&s.p);
	script_step(&s, &(struct step)out(P | A, 2000, 1, 0), 3);
	script_step(&s, &(struct step)in(A, 0, 0, 2001), 4);
	tcp_peer_fini(&s.p);
}

/* MUST-15: no MSS option means 536 bytes. */
static void no_mss_option(void **st)
{
	struct script s = { .o = { .sack = false } };
	const struct tcp_peer_segment *g;
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	s.port = TCP_PEER_PORT;
	s.stack_port = 993;
	rx = (struct tcp_rx){ .seq = PEER_ISS, .flags = S, .wnd = 60000 };
	tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	g = script_next(&s);
	assert_non_null(g);
	s.iss = g->rx.seq;
	rx = script_segment(&s, &(struct step)in(A, 0, 0, 0));
	tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 1000));
	tcp_peer_turn(&s.p);
	script_step(&s, &(struct step)out(A, 0, 536, 0), 1);
	script_step(&s, &(struct step)out(P | A, 536, 464, 0), 2);
	tcp_peer_fini(&s.p);
}

/* 3.6: half-closed by the peer, data still flows to it; half-closed by us, from it; in either order to the end. */
static void half_closed_both_ways(void **st)
{
	SCRIPT(OPTIONS(.ts = true),
		in(F | A, 0, 0, 0), out(A, 0, 0, 1), events(TCP_FIN), send_bytes(2000), out(A, 0, 1448, 1),
		out(P | A, 1448, 552, 1), in(A, 1, 0, 2000), send_bytes(10), do_shutdown, out(P | A, 2000, 10, 1),
		out(F | A, 2010, 0, 1), in(A, 1, 0, 2011), state("CLOSED"), do_release, conns(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urgent), cmocka_unit_test(reset_with_data), cmocka_unit_test(keepalive_of_the_peer),
		cmocka_unit_test(window_taken_back), cmocka_unit_test(coalesced_in_a_turn), cmocka_unit_test(no_mss_option),
		cmocka_unit_test(half_closed_both_ways),
	};

	return cmocka_run_group_tests_name("tcp_rules", tests, NULL, NULL);
}
