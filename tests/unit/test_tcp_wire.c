/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of TCP on the wire, each a script with its section; times are milliseconds. */
#include <rte_mbuf.h>

#include "tcp_limits.h"
#include "tcp_script.h"

/* RFC 9293 3.6: both orders of closing, and what each end sees. */
static void closed_by_peer(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		in(P | A, 0, 10, 0), out(A, 0, 0, 10), events(TCP_READABLE), recv_all(10),
		in(F | A, 10, 0, 0), out(A, 0, 0, 11), events(TCP_FIN), state("CLOSE-WAIT"),
		send_bytes(5), out(P | A, 0, 5, 11), do_shutdown, out(F | A, 5, 0, 11), state("LAST-ACK"),
		in(A, 11, 0, 6), state("CLOSED"), conns(1), do_release, conns(0));
}

static void closed_by_us(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		do_shutdown, out(F | A, 0, 0, 0), state("FIN-WAIT-1"),
		in(A, 0, 0, 1), state("FIN-WAIT-2"),
		/* Half-closed: it still receives. */
		in(P | A, 0, 100, 1), out(A, 1, 0, 100), recv_all(100),
		in(F | A, 100, 0, 1), out(A, 1, 0, 101), state("TIME-WAIT"), do_release, conns(1),
		/* Its FIN again is answered, and 2 MSL begin anew. */
		wait_ms(30000), in(F | A, 100, 0, 1), out(A, 1, 0, 101), wait_ms(59000), conns(1), wait_ms(2000), conns(0));
}

static void closed_at_once(void **st)
{
	SCRIPT(OPTIONS(.ts = true),
		do_shutdown, out(F | A, 0, 0, 0), in(F | A, 0, 0, 0), out(A, 1, 0, 1), state("CLOSING"),
		in(A, 1, 0, 1), state("TIME-WAIT"), do_release, wait_ms(60100), conns(0));
}

/* RFC 9293 3.5: active open; 3.10.7.3: what doesn't fit is answered or dropped. */
static void opened_by_us(void **st)
{
	SCRIPT(OPTIONS(.active = true),
		in(A, 0, 0, 5), out(R, 5, 0, 0),
		in(R, 0, 0, 0), silent, state("SYN-SENT"), drops(DROP_TCP_RST, 1),
		in(S | A, (uint32_t)-1, 0, 0), out(A, 0, 0, 0), events(TCP_ESTABLISHED), state("ESTABLISHED"));
}

static void refused(void **st)
{
	SCRIPT(OPTIONS(.active = true), in(R | A, 0, 0, 0), events(TCP_REFUSED), do_release, conns(0));
}

static void connect_timeout(void **st)
{
	SCRIPT(OPTIONS(.active = true),
		wait_ms(1010), out(S, (uint32_t)-1, 0, 0), wait_ms(2010), out(S, (uint32_t)-1, 0, 0),
		wait_ms(4010), out(S, (uint32_t)-1, 0, 0), wait_ms(3010), events(TCP_TIMED_OUT), do_release, conns(0));
}

/* RFC 9293 figure 8. */
static void simultaneous_open(void **st)
{
	SCRIPT(OPTIONS(.active = true),
		in(S, (uint32_t)-1, 0, 0), out(S | A, (uint32_t)-1, 0, 0), state("SYN-RECEIVED"),
		in(S | A, (uint32_t)-1, 0, 0), events(TCP_ESTABLISHED), state("ESTABLISHED"),
		in(P | A, 0, 4, 0), out(A, 0, 0, 4), recv_all(4));
}

/* A SYN-ACK that got lost is sent again; the client's SYN again gets it again; then the client is forgotten. */
static void half_open(void **st)
{
	struct script s = { .o = { .sack = true } };
	const struct tcp_peer_segment *g;
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	rx = script_peer_syn(&s);
	tcp_peer_send(&s.p, TCP_PEER_PORT, 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.flags, S | A);
	tcp_peer_send(&s.p, TCP_PEER_PORT, 993, &rx, NULL);
	g = script_next(&s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags, S | A);
	tcp_peer_run(&s.p, 1100);
	assert_int_equal(script_next(&s)->rx.flags, S | A);
	assert_int_equal(stack_conns(s.p.stack), 1);
	/* A RST in sequence ends it (3.10.7.4), a stray ACK number is answered by RST. */
	rx = (struct tcp_rx){ .seq = PEER_ISS + 1, .ack = 77, .flags = A, .wnd = 100 };
	tcp_peer_send(&s.p, TCP_PEER_PORT, 993, &rx, NULL);
	g = script_next(&s);
	assert_int_equal(g->rx.flags, R);
	assert_int_equal(g->rx.seq, 77);
	rx = (struct tcp_rx){ .seq = PEER_ISS + 1, .flags = R };
	tcp_peer_send(&s.p, TCP_PEER_PORT, 993, &rx, NULL);
	assert_int_equal(stack_conns(s.p.stack), 0);
	assert_null(s.p.conn);
	rx = script_peer_syn(&s);
	tcp_peer_send(&s.p, TCP_PEER_PORT, 993, &rx, NULL);
	tcp_peer_run(&s.p, 21000);
	assert_int_equal(stack_conns(s.p.stack), 0);
	tcp_peer_fini(&s.p);
}

/* RFC 9293 3.10.7.1: a SYN that may begin nothing gets a RST, or no answer. */
static void syn_not_wanted(void **st)
{
	struct script s = { .o = { .sack = true } };
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	rx = script_peer_syn(&s);
	s.p.verdict = STACK_REFUSE;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.flags, R | A);
	s.p.verdict = STACK_IGNORE;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_null(script_next(&s));
	tcp_peer_fini(&s.p);
}

/* RFC 5961 section 3: only a RST at rcv_nxt ends a connection. */
static void reset_in_window(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		in(R, 100, 0, 0), out(A, 0, 0, 0), state("ESTABLISHED"), drops(DROP_TCP_RST, 1),
		/* The next challenge comes after a while only (section 7). */
		in(R, 200, 0, 0), silent, drops(DROP_TCP_CHALLENGE_RATE, 1),
		in(R, 70000, 0, 0), silent, in(R, (uint32_t)-1, 0, 0), silent, state("ESTABLISHED"),
		in(R, 0, 0, 0), silent, events(TCP_RESET), state("CLOSED"), do_release, conns(0));
}

/* Section 4: a SYN on a connection is challenged, wherever it lies. */
static void syn_on_connection(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		in(S, 10, 0, 0), out(A, 0, 0, 0), wait_ms(100), in(S, (uint32_t)-1, 0, 0), out(A, 0, 0, 0),
		wait_ms(100), in(S | A, 500000, 0, 0), out(A, 0, 0, 0), state("ESTABLISHED"));
}

/* Section 5: acknowledgments outside of what can be. */
static void impossible_ack(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		in(A, 0, 0, 1), out(A, 0, 0, 0), drops(DROP_TCP_ACK, 1), wait_ms(100),
		in(P | A, 0, 5, 0x80000000u), out(A, 0, 0, 0), drops(DROP_TCP_ACK, 1), recv_all(0),
		/* Old, but possible: the data counts. */
		send_bytes(10), out(P | A, 0, 10, 0), in(A, 0, 0, 10), in(P | A, 0, 5, 4), out(A, 10, 0, 5), recv_all(5));
}

/* RFC 7323 section 5: an old timestamp is answered and dropped; section 3.2: and so is none at all. */
static void paws(void **st)
{
	SCRIPT(OPTIONS(.ts = true),
		in_ts(P | A, 0, 5, 0, 0), out(A, 0, 0, 5), recv_all(5),
		in_ts(P | A, 5, 5, 0, -1000), out(A, 0, 0, 5), drops(DROP_TCP_PAWS, 1), recv_all(0),
		in_ts(P | A, 5, 5, 0, 10), out(A, 0, 0, 10), recv_all(5),
		/* RST is exempt. */
		in_ts(R, 10, 0, 0, -1000), events(TCP_RESET), do_release, conns(0));
}

/* RFC 2018: each early segment is reported at once, the newest block first. */
static void sack_blocks(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		in(A, 100, 100, 0), out_sack(A, 0, 0, 0, 100, 200),
		in(A, 300, 100, 0), out_sack(A, 0, 0, 0, 300, 400),
		in(A, 200, 50, 0), out_sack(A, 0, 0, 0, 100, 250),
		in(A, 100, 100, 0), out_sack(A, 0, 0, 0, 100, 200),	/* D-SACK: test_tcp_dsack.c */
		in(A, 0, 100, 0), out_sack(A, 0, 0, 250, 300, 400),
		in(A, 250, 50, 0), out(A, 0, 0, 400), recv_all(400));
}

/* Section 3.10.7.4: data over old and new numbers is cut, beyond the window too. */
static void trimmed(void **st)
{
	SCRIPT(OPTIONS(.stack = { .rcv_buffer_bytes = 1000 }),
		in(A, 0, 100, 0), out(A, 0, 0, 100), in(A, 50, 100, 0), out(A, 0, 0, 150),
		in(A, 20, 100, 0), out(A, 0, 0, 150), drops(DROP_TCP_SEQUENCE, 1),
		in(A, 150, 1400, 0), out_wnd(A, 0, 0, 1000, 0),
		/* The window is closed: the byte of a probe isn't taken, its ACK counts. */
		in(A, 1000, 1, 0), out_wnd(A, 0, 0, 1000, 0), recv_all(1000), out_wnd(A, 0, 0, 1000, 1000));
}

/* RFC 9293 3.8.6.3: every second segment at once, a single one after 40 ms. */
static void delayed_ack(void **st)
{
	static const uint32_t n = TCP_QUICK_ACKS;
	struct script s = { .o = { .sack = true } };
	uint32_t at = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	for (uint32_t i = 0; i < n; i++, at += 10) {
		script_step(&s, &(struct step)in(P | A, at, 10, 0), i);
		script_step(&s, &(struct step)out(A, 0, 0, at + 10), i);
	}
	script_step(&s, &(struct step)in(P | A, at, 10, 0), 100);
	script_step(&s, &(struct step)wait_ms(38), 101);
	script_step(&s, &(struct step)silent, 102);
	script_step(&s, &(struct step)wait_ms(4), 103);
	script_step(&s, &(struct step)out(A, 0, 0, at + 10), 104);
	at += 10;
	for (uint32_t i = 0; i < 4; i++, at += 1460) {
		script_step(&s, &(struct step)in(A, at, 1460, 0), 110 + i);
		if (i % 2 == 1)
			script_step(&s, &(struct step)out(A, 0, 0, at + 1460), 110 + i);
		else
			script_step(&s, &(struct step)silent, 110 + i);
	}
	tcp_peer_fini(&s.p);
}

/* RFC 9293 3.8.6.1: a closed window is probed with growing pauses, for ever while the peer answers. */
static void zero_window(void **st)
{
	SCRIPT(OPTIONS(.wnd = 100),
		send_bytes(300), out(A, 0, 100, 0), in_wnd(A, 0, 0, 100, 0), silent,
		wait_ms(210), out(A, 99, 0, 0), in_wnd(A, 0, 0, 100, 0), wait_ms(410), out(A, 99, 0, 0),
		in_wnd(A, 0, 0, 100, 0), wait_ms(810), out(A, 99, 0, 0),
		/* Opened a little: too little (3.8.6.2.1) until the persist timer says otherwise. */
		in_wnd(A, 0, 0, 100, 10), silent, wait_ms(210), out(A, 100, 10, 0),
		in_wnd(A, 0, 0, 110, 1000), out(P | A, 110, 190, 0), in_wnd(A, 0, 0, 300, 1000));
}

/*
 * RFC 9293 3.10.7.4, fifth: data sent again, of a lower number than the last window's,
 * acknowledges more and says less: the edge doesn't move with snd_una.
 */
static void window_of_an_old_segment(void **st)
{
	SCRIPT(OPTIONS(.wnd = 3000),
		send_bytes(6000), out(A, 0, 1460, 0), out(A, 1460, 1460, 0), silent,
		/* Bytes 100 to 200 come before the first 100, with an acknowledgment and the window as it is. */
		in_wnd(P | A, 100, 100, 1460, 1540), out(A, 2920, 0, 0),
		in_wnd(P | A, 0, 100, 2920, 80), out(A, 2920, 0, 200), silent,
		in_wnd(A, 200, 0, 2920, 3000), out(A, 2920, 1460, 200), out(A, 4380, 1460, 200));
}

/* RFC 6298 section 5, RFC 5681: time-outs double; the give-up comes after the user time-out. */
static void retransmission(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		send_bytes(100), out(P | A, 0, 100, 0), wait_ms(202), out(A, 0, 100, 0),	/* a tail loss probe */
		wait_ms(202), out(A, 0, 100, 0), wait_ms(402), out(A, 0, 100, 0), wait_ms(802), out(A, 0, 100, 0), in(A, 0, 0, 100), wait_ms(5000), silent);
}

static void user_timeout(void **st)
{
	struct script s = { .o = { .sack = true } };
	const struct tcp_peer_segment *g, *last = NULL;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 50));
	tcp_peer_run(&s.p, 122000);
	while ((g = script_next(&s)) != NULL)
		last = g;
	assert_non_null(last);
	assert_int_equal(last->rx.flags, R | A);
	assert_true(tcp_events(s.p.conn) & TCP_TIMED_OUT);
	tcp_release(s.p.conn);
	assert_int_equal(stack_conns(s.p.stack), 0);
	tcp_peer_fini(&s.p);
}

/* RFC 5681, RFC 6582: a loss found by duplicate acknowledgments, and a partial one. */
static void newreno(void **st)
{
	SCRIPT(OPTIONS(.sack = false),
		send_bytes(7300), out(A, 0, 1460, 0), out(A, 1460, 1460, 0), out(A, 2920, 1460, 0),
		out(A, 4380, 1460, 0), out(P | A, 5840, 1460, 0),
		in(A, 0, 0, 0), silent, in(A, 0, 0, 0), silent, in(A, 0, 0, 0), out(A, 0, 1460, 0),
		/* The second hole shows by the partial acknowledgment. */
		in(A, 0, 0, 2920), out(A, 2920, 1460, 0), in(A, 0, 0, 7300), wait_ms(3000), silent);
}

/* RFC 9293 3.6.1: data for a user who is gone is answered by RST. */
static void data_after_release(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		do_release, out(F | A, 0, 0, 0), in(A, 0, 0, 1), in(P | A, 0, 10, 1), out(R | A, 1, 0, 0), conns(0),
		/* And of a connection that isn't there (3.10.7.1). */
		in(P | A, 10, 10, 1), out(R, 1, 0, 0), drops(DROP_TCP_NO_CONNECTION, 1), in(R, 0, 0, 0), silent);
}

static void orphan(void **st)
{
	SCRIPT(OPTIONS(.sack = true), do_release, out(F | A, 0, 0, 0), in(A, 0, 0, 1), wait_ms(61000), conns(0));
}

static void reset_by_us(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		send_bytes(10), out(P | A, 0, 10, 0), do_reset, out(R | A, 10, 0, 0), do_release, conns(0));
}

/* RFC 1337: TIME-WAIT isn't cut short by a RST; RFC 6191: a new SYN with a newer timestamp may follow. */
static void time_wait(void **st)
{
	struct script s = { .o = { .ts = true } };
	const struct tcp_peer_segment *g;
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	tcp_shutdown(s.p.conn);
	tcp_peer_turn(&s.p);
	script_step(&s, &(struct step)out(F | A, 0, 0, 0), 1);
	script_step(&s, &(struct step)in(F | A, 0, 0, 1), 2);
	script_step(&s, &(struct step)out(A, 1, 0, 1), 3);
	tcp_release(s.p.conn);
	script_step(&s, &(struct step)in(R, 1, 0, 0), 4);
	assert_int_equal(stack_conns(s.p.stack), 1);
	/* Older: answered, not followed. */
	rx = script_peer_syn(&s);
	rx.opts.ts_val -= 3000;
	tcp_peer_send(&s.p, TCP_PEER_PORT, 993, &rx, NULL);
	g = script_next(&s);
	assert_int_equal(g->rx.flags, A);
	tcp_peer_run(&s.p, 10);
	rx = script_peer_syn(&s);
	tcp_peer_send(&s.p, TCP_PEER_PORT, 993, &rx, NULL);
	g = script_next(&s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags, S | A);
	tcp_peer_fini(&s.p);
}

/* A full table gives up its oldest TIME-WAIT for a new connection, and nothing else. */
static void time_wait_makes_room(void **st)
{
	struct script s = { .o = { .stack = { .max_conns = 2 } } };
	struct tcp_rx rx;

	tcp_peer_init(&s.p, &s.o.stack);
	for (uint16_t i = 0; i < 2; i++) {
		s.p.conn = NULL;
		script_open_passive(&s);
		tcp_shutdown(s.p.conn);
		tcp_peer_turn(&s.p);
		script_step(&s, &(struct step)out(F | A, 0, 0, 0), 1);
		script_step(&s, &(struct step)in(F | A, 0, 0, 1), 2);
		script_step(&s, &(struct step)out(A, 1, 0, 1), 3);
		tcp_release(s.p.conn);
		s.port_first++;
	}
	assert_int_equal(stack_conns(s.p.stack), 2);
	rx = script_peer_syn(&s);
	for (uint16_t i = 0; i < 3; i++)
		tcp_peer_send(&s.p, (uint16_t)(5000 + i), 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.flags, S | A);
	assert_int_equal(script_next(&s)->rx.flags, S | A);
	assert_null(script_next(&s));
	assert_int_equal(stack_conns(s.p.stack), 2);
	assert_int_equal(s.p.counters.drops[DROP_TCP_TABLE_FULL], 1);
	tcp_peer_fini(&s.p);
}

/* Data after a FIN, and a FIN before data that came: not believed. */
static void false_fin(void **st)
{
	SCRIPT(OPTIONS(.sack = true),
		in(A, 100, 100, 0), out_sack(A, 0, 0, 0, 100, 200),
		in(F | A, 50, 0, 0), { OUT, A, 0, 0, 0, 0, 0, NULL },
		in(A, 0, 100, 0), out(A, 0, 0, 200), recv_all(200), state("ESTABLISHED"),
		/* Early FIN; it counts once the hole is filled. */
		in(F | A, 210, 0, 0), out(A, 0, 0, 200), in(A, 200, 20, 0), silent, drops(DROP_TCP_SEQUENCE, 1),
		in(A, 200, 10, 0), out(A, 0, 0, 211), events(TCP_FIN), recv_all(10));
}

/* What no TCP sends: dropped before any state is touched, each under its name. */
static void impossible_segments(void **st)
{
	struct script s = { .o = { .sack = true } };
	uint8_t raw[TCP_HDR_MIN + 4] = { 0x9c, 0x40, 0x03, 0xe1, [12] = 0x50 };
	static const uint8_t flags[] = { 0, F, P, F | TH_URG | P, S | F, S | R, R | F, S | F | R | A };

	tcp_peer_init(&s.p, &s.o.stack);
	for (size_t i = 0; i < sizeof(flags); i++) {
		raw[13] = flags[i];
		tcp_peer_send_raw(&s.p, raw, TCP_HDR_MIN, true);
	}
	assert_int_equal(s.p.counters.drops[DROP_TCP_FLAGS], sizeof(flags));
	raw[13] = S;
	tcp_peer_send_raw(&s.p, raw, TCP_HDR_MIN, false);
	assert_int_equal(s.p.counters.drops[DROP_TCP_CHECKSUM], 1);
	for (uint16_t n = 0; n < TCP_HDR_MIN; n++)
		tcp_peer_send_raw(&s.p, raw, n, true);
	raw[12] = 0x40;
	tcp_peer_send_raw(&s.p, raw, TCP_HDR_MIN, true);
	raw[12] = 0xf0;
	tcp_peer_send_raw(&s.p, raw, TCP_HDR_MIN, true);
	assert_int_equal(s.p.counters.drops[DROP_TCP_SHORT], TCP_HDR_MIN + 2);
	raw[12] = 0x60;
	raw[TCP_HDR_MIN] = 2;	/* MSS, length 0 */
	tcp_peer_send_raw(&s.p, raw, sizeof(raw), true);
	assert_int_equal(s.p.counters.drops[DROP_TCP_OPTIONS], 1);
	assert_null(script_next(&s));
	assert_int_equal(stack_conns(s.p.stack), 0);
	tcp_peer_fini(&s.p);
}

/* A thousand 1-byte segments, in order and with holes, don't hold a thousand buffers. */
static void small_segments(void **st)
{
	struct script s = { .o = { .sack = true } };
	unsigned int held;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	for (uint32_t i = 0; i < 1000; i++) {
		script_step(&s, &(struct step)in(A, i, 1, 0), i);
		while (script_next(&s))
			;
	}
	held = s.p.mbufs->size - rte_mempool_avail_count(s.p.mbufs);
	assert_true(held <= 3);
	for (uint32_t i = 0; i < 1000; i++) {
		script_step(&s, &(struct step)in(A, 1001 + 2 * i, 1, 0), i);
		while (script_next(&s))
			;
	}
	held = s.p.mbufs->size - rte_mempool_avail_count(s.p.mbufs);
	assert_true(held <= 40);
	assert_true(s.p.counters.drops[DROP_TCP_OOO_FULL] > 900);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_by_peer), cmocka_unit_test(closed_by_us), cmocka_unit_test(closed_at_once),
		cmocka_unit_test(opened_by_us), cmocka_unit_test(refused), cmocka_unit_test(connect_timeout),
		cmocka_unit_test(simultaneous_open), cmocka_unit_test(half_open), cmocka_unit_test(syn_not_wanted),
		cmocka_unit_test(reset_in_window), cmocka_unit_test(syn_on_connection), cmocka_unit_test(impossible_ack),
		cmocka_unit_test(paws), cmocka_unit_test(sack_blocks), cmocka_unit_test(trimmed),
		cmocka_unit_test(delayed_ack), cmocka_unit_test(zero_window), cmocka_unit_test(window_of_an_old_segment),
		cmocka_unit_test(retransmission),
		cmocka_unit_test(user_timeout), cmocka_unit_test(newreno),
		cmocka_unit_test(data_after_release), cmocka_unit_test(orphan), cmocka_unit_test(reset_by_us),
		cmocka_unit_test(time_wait), cmocka_unit_test(time_wait_makes_room), cmocka_unit_test(false_fin), cmocka_unit_test(impossible_segments),
		cmocka_unit_test(small_segments),
	};

	return cmocka_run_group_tests_name("tcp_wire", tests, NULL, NULL);
}
