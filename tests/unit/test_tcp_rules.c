/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of RFC 9293's list of requirements (appendix B) that have no other test. */
#include <rte_mbuf.h>

#include "tcp_conn.h"
#include "tcp_script.h"

#define URGENT_BYTES 10

/* A segment of ten bytes, each of its place in the stream, with URG and @pointer. */
static void give_urgent(struct script *s, uint32_t at, uint8_t flags, uint16_t pointer, uint16_t bytes)
{
	uint8_t raw[TCP_HDR_MIN + URGENT_BYTES];
	struct tcp_tx tx = {
		.seq = PEER_ISS + 1 + at, .ack = s->iss + 1, .lport = s->port, .fport = 993, .wnd = 60000,
		.flags = (uint8_t)(A | TH_URG | flags),
	};

	tcp_hdr_put(raw, &tx);
	raw[18] = (uint8_t)(pointer >> 8);
	raw[19] = (uint8_t)pointer;
	for (uint16_t i = 0; i < bytes; i++)
		raw[TCP_HDR_MIN + i] = (uint8_t)(at + i);
	tcp_peer_send_raw(&s->p, raw, (uint16_t)(TCP_HDR_MIN + bytes), true);
	while (script_next(s))
		;
}

/* Takes what waits: the stream from @from on, each byte in its place and once. Returns its end. */
static uint32_t take_stream(struct script *s, uint32_t from)
{
	struct rte_mbuf *chain;

	while ((chain = tcp_recv(s->p.conn, UINT32_MAX)) != NULL) {
		for (const struct rte_mbuf *m = chain; m; m = m->next)
			for (uint16_t i = 0; i < m->data_len; i++, from++)
				assert_int_equal(rte_pktmbuf_mtod(m, const uint8_t *)[i], (uint8_t)from);
		rte_pktmbuf_free(chain);
	}
	tcp_peer_turn(&s->p);
	while (script_next(s))
		;
	return from;
}

static const uint16_t pointers[] = { 0, 1, 5, 9, 10, 11, 20, 60000, 0xffff };

/* 3.8.5: urgent data is data like any other, wherever the pointer points (RFC 6093 3.2); nothing is lost or doubled by it. */
static void urgent(void **st)
{
	struct script s = { .o = { .sack = true } };
	uint32_t at = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	for (size_t i = 0; i < RTE_DIM(pointers); i++, at += URGENT_BYTES) {
		give_urgent(&s, at, i % 2 ? P : 0, pointers[i], URGENT_BYTES);
		assert_int_equal(s.p.conn->rcv_nxt, PEER_ISS + 1 + at + URGENT_BYTES);
		/* Without data it is an empty segment. */
		give_urgent(&s, at + URGENT_BYTES, 0, pointers[i], 0);
		assert_int_equal(s.p.conn->rcv_nxt, PEER_ISS + 1 + at + URGENT_BYTES);
	}
	assert_int_equal(take_stream(&s, 0), at);
	tcp_peer_fini(&s.p);
}

/* The same early, again, over the window's edge, and last of all with a FIN. */
static void urgent_out_of_order(void **st)
{
	for (size_t i = 0; i < RTE_DIM(pointers); i++) {
		struct script s = { .o = { .sack = true, .stack = { .rcv_buffer_bytes = 64 } } };
		uint32_t end;

		tcp_peer_init(&s.p, &s.o.stack);
		script_open_passive(&s);
		give_urgent(&s, 20, P, pointers[i], URGENT_BYTES);
		give_urgent(&s, 10, 0, pointers[i], URGENT_BYTES);
		give_urgent(&s, 15, 0, pointers[i], URGENT_BYTES);
		assert_int_equal(s.p.conn->rcv_nxt, PEER_ISS + 1);
		give_urgent(&s, 0, 0, pointers[i], URGENT_BYTES);
		assert_int_equal(s.p.conn->rcv_nxt, PEER_ISS + 1 + 30);
		give_urgent(&s, 5, 0, pointers[i], URGENT_BYTES);
		for (uint32_t at = 30; at < 80; at += URGENT_BYTES)
			give_urgent(&s, at, 0, pointers[i], URGENT_BYTES);
		assert_int_equal(s.p.conn->rcv_nxt, PEER_ISS + 1 + 64);
		end = take_stream(&s, 0);
		assert_int_equal(end, 64);
		give_urgent(&s, end, F, pointers[i], URGENT_BYTES);
		assert_int_equal(s.p.conn->rcv_nxt, PEER_ISS + 1 + end + URGENT_BYTES + 1);
		assert_int_equal(take_stream(&s, end), end + URGENT_BYTES);
		assert_true(tcp_recv_finished(s.p.conn));
		tcp_peer_fini(&s.p);
	}
}

/* A pointer without URG, and URG on SYN and RST, mean nothing; we never send either (RFC 6093 section 5). */
static void urgent_elsewhere(void **st)
{
	struct script s = { .o = { .sack = true } };
	const struct tcp_peer_segment *g;
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	rx = script_peer_syn(&s);
	rx.flags |= TH_URG;
	s.port = TCP_PEER_PORT;
	s.stack_port = 993;
	tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	g = script_next(&s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags, S | A);
	s.iss = g->rx.seq;
	give_urgent(&s, 0, 0, 7, URGENT_BYTES);	/* completes the handshake */
	assert_non_null(s.p.conn);
	assert_int_equal(take_stream(&s, 0), URGENT_BYTES);
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 100));
	tcp_peer_turn(&s.p);
	g = script_next(&s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags & TH_URG, 0);
	give_urgent(&s, URGENT_BYTES, R, 0xffff, 0);
	assert_true(tcp_events(s.p.conn) & TCP_RESET);
	tcp_release(s.p.conn);
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

/* Frames wait in front of the device (txq.h): no data until they are gone, but acknowledgments; nothing is lost or doubled. */
static void device_full(void **st)
{
	struct script s = { .o = { .sack = true } };
	const struct netif *nif = &s.p.netifs.netifs[0];

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	stack_set_tx_full(s.p.stack, nif, true);
	STEPS(&s, send_bytes(3000), silent, in(P | A, 0, 5, 0), out(A, 0, 0, 5), wait_ms(200), silent);
	stack_set_tx_full(s.p.stack, nif, false);
	STEPS(&s, wait_ms(1), out(A, 0, 1460, 5), out(A, 1460, 1460, 5), out(P | A, 2920, 80, 5), in(A, 5, 0, 3000), wait_ms(3000),
		silent);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urgent), cmocka_unit_test(urgent_out_of_order), cmocka_unit_test(urgent_elsewhere),
		cmocka_unit_test(reset_with_data), cmocka_unit_test(keepalive_of_the_peer),
		cmocka_unit_test(window_taken_back), cmocka_unit_test(coalesced_in_a_turn), cmocka_unit_test(no_mss_option),
		cmocka_unit_test(half_closed_both_ways), cmocka_unit_test(device_full),
	};

	return cmocka_run_group_tests_name("tcp_rules", tests, NULL, NULL);
}
