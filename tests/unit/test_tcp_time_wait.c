/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TIME-WAIT: who may follow it (RFC 6191, RFC 9293 3.6.1), and that nothing cuts it short (RFC 1337). */
#include <rte_mbuf.h>

#include "tcp_conn.h"
#include "tcp_private.h"
#include "tcp_script.h"

/* A connection that we closed first, released, in TIME-WAIT; @bytes were sent on it. */
static void begin(struct script *s, uint32_t bytes)
{
	tcp_peer_init(&s->p, &s->o.stack);
	script_open_passive(s);
	for (uint32_t sent = 0; sent < bytes;) {
		uint32_t n = RTE_MIN(bytes - sent, 1000u);
		struct tcp_rx rx;

		tcp_send(s->p.conn, tcp_peer_chain(&s->p, sent, n));
		tcp_peer_turn(&s->p);
		while (script_next(s))
			;
		sent += n;
		rx = script_segment(s, &(struct step)in(A, 0, 0, sent));
		tcp_peer_send(&s->p, s->port, 993, &rx, NULL);
	}
	tcp_shutdown(s->p.conn);
	tcp_peer_turn(&s->p);
	script_step(s, &(struct step)out(F | A, bytes, 0, 0), 1);
	script_step(s, &(struct step)in(F | A, 0, 0, bytes + 1), 2);
	script_step(s, &(struct step)out(A, bytes + 1, 0, 1), 3);
	script_step(s, &(struct step)state("TIME-WAIT"), 4);
	tcp_release(s->p.conn);
	s->p.conn = NULL;
}

/* The whole of RFC 6191 section 2. @seq: the new SYN's, from what would be next; @ts: from the last timestamp. */
static void who_may_follow(void **st)
{
	static const struct {
		bool old_ts, new_ts;
		int32_t ts;
		int32_t seq;
		bool follows;
	} rows[] = {
		{ true, true, 1, -50000, true }, { true, true, 1, 50000, true },
		{ true, true, 0, 1, true }, { true, true, 0, -1, false }, { true, true, 0, 0, false },
		{ true, true, -1, 50000, false }, { true, true, -100000, -1, false },
		{ true, false, 0, 1, true }, { true, false, 0, -1, false },
		{ false, true, 0, -1, true }, { false, true, 0, 1, true },
		{ false, false, 0, 1, true }, { false, false, 0, 0, false }, { false, false, 0, -50000, false },
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct script s = { .o = { .ts = rows[i].old_ts } };
		const struct tcp_peer_segment *g;
		struct tcp_rx rx;

		begin(&s, 0);
		rx = script_peer_syn(&s);
		rx.opts.has_ts = rows[i].new_ts;
		rx.opts.ts_val = (uint32_t)(s.p.now_us / 1000) + 5000 + (uint32_t)rows[i].ts;
		rx.seq = PEER_ISS + 2 + (uint32_t)rows[i].seq;
		tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
		g = script_next(&s);
		assert_non_null(g);
		if (g->rx.flags != (rows[i].follows ? (S | A) : A))
			fail_msg("row %zu: %#x", i, g->rx.flags);
		assert_int_equal(stack_conns(s.p.stack), 1);
		tcp_peer_fini(&s.p);
	}
}

/* RFC 9293 3.6.1 MAY-2: the new ISN lies behind all that the old connection has sent, however fast that was. */
static void numbers_go_on(void **st)
{
	struct script s = { .o = { .sack = true } };
	const struct tcp_peer_segment *g;
	struct tcp_rx rx;
	uint32_t last;

	/* In no time: the clock of the ISNs has not moved. */
	begin(&s, 100000);
	last = s.iss + 1 + 100000;
	rx = script_peer_syn(&s);
	rx.seq = PEER_ISS + 1000;
	tcp_peer_send(&s.p, s.port, 993, &rx, NULL);
	g = script_next(&s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags, S | A);
	assert_true((int32_t)(g->rx.seq - last) > 0);
	tcp_peer_fini(&s.p);
}

/* RFC 1337: no RST ends it, and no old segment; only the peer's own FIN, sent again, begins it anew. */
static void nothing_cuts_it_short(void **st)
{
	struct script s = { .o = { .sack = true } };
	unsigned int n = 0;

	begin(&s, 0);
	script_step(&s, &(struct step)in(R, 1, 0, 0), ++n);
	script_step(&s, &(struct step)in(R, 100, 0, 0), ++n);
	script_step(&s, &(struct step)silent, ++n);
	script_step(&s, &(struct step)in(A, 0, 0, 5), ++n);
	script_step(&s, &(struct step)out(A, 1, 0, 1), ++n);
	tcp_peer_run(&s.p, 100);
	/* Data long received: acknowledged, as its FIN is. */
	script_step(&s, &(struct step)in(F | A, 0, 0, 1), ++n);
	script_step(&s, &(struct step)out(A, 1, 0, 1), ++n);
	tcp_peer_run(&s.p, 59000);
	/* Something else that calls itself a FIN doesn't keep it alive. */
	script_step(&s, &(struct step)in(F | A, (uint32_t)-30000, 10, 1), ++n);
	script_step(&s, &(struct step)out(A, 1, 0, 1), ++n);
	assert_int_equal(stack_conns(s.p.stack), 1);
	tcp_peer_run(&s.p, 2000);
	assert_int_equal(stack_conns(s.p.stack), 0);
	tcp_peer_fini(&s.p);
}

/* We dial the same port again when no other is left: only with timestamps and after a second (RFC 6191's other side). */
static void we_follow_ourselves(void **st)
{
	struct script s = { .o = { .ts = true } };
	struct addr to;
	int why = 0;

	begin(&s, 0);
	/* A port in TIME-WAIT isn't taken while others are free. */
	assert_int_equal(addr_parse("192.0.2.2", &to), 0);
	s.p.conn = tcp_connect(s.p.stack, &to, TCP_PEER_PORT, NULL, &why);
	assert_non_null(s.p.conn);
	assert_int_not_equal(tcp_tuple(s.p.conn)->lport, 993);
	assert_int_equal(stack_conns(s.p.stack), 2);
	tcp_reset(s.p.conn);
	tcp_release(s.p.conn);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_may_follow), cmocka_unit_test(numbers_go_on),
		cmocka_unit_test(nothing_cuts_it_short), cmocka_unit_test(we_follow_ourselves),
	};

	return cmocka_run_group_tests_name("tcp_time_wait", tests, NULL, NULL);
}
