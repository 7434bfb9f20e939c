/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SYN cookies (RFC 4987 section 3.6): when they are used, what they carry, and what is no cookie. */
#include <rte_mbuf.h>

#include "stack_private.h"
#include "tcp_conn.h"
#include "tcp_limits.h"
#include "tcp_rtt.h"
#include "tcp_script.h"

#define HALF_OPEN_HIGH 6u	/* of 8: where cookies begin */
#define HALF_OPEN_LOW 2u	/* and end */
#define FLOOD_PORT 1000

/* A stack, under pressure by so many SYNs that nobody completes. */
static void begin(struct script *s, unsigned int syns)
{
	tcp_peer_init(&s->p, &s->o.stack);
	for (unsigned int i = 0; i < syns; i++) {
		struct tcp_rx rx = script_peer_syn(s);

		tcp_peer_send(&s->p, (uint16_t)(FLOOD_PORT + i), 993, &rx, NULL);
		assert_int_equal(script_next(s)->rx.flags, S | A);
	}
}

/* The SYN-ACK for @syn from @port. */
static struct tcp_rx answer(struct script *s, uint16_t port, const struct tcp_rx *syn)
{
	const struct tcp_peer_segment *g;

	tcp_peer_send(&s->p, port, 993, syn, NULL);
	g = script_next(s);
	assert_non_null(g);
	assert_int_equal(g->rx.flags, S | A);
	assert_int_equal(g->rx.ack, syn->seq + 1);
	return g->rx;
}

/* The ACK that completes the handshake, as a client makes it. */
static struct tcp_rx completing(const struct tcp_rx *syn, const struct tcp_rx *syn_ack)
{
	struct tcp_rx rx = { .seq = syn->seq + 1, .ack = syn_ack->seq + 1, .flags = A, .wnd = 1000 };

	rx.opts.has_ts = syn_ack->opts.has_ts;
	rx.opts.ts_val = syn->opts.ts_val + 7;
	rx.opts.ts_ecr = syn_ack->opts.ts_val;
	return rx;
}

/* The same with a cookie out, to port 2000; the segment that completes its handshake. */
static struct tcp_rx begin_answered(struct script *s, struct tcp_rx *syn, struct tcp_rx *syn_ack)
{
	begin(s, HALF_OPEN_HIGH);
	*syn = script_peer_syn(s);
	*syn_ack = answer(s, 2000, syn);
	return completing(syn, syn_ack);
}

static uint64_t event(const struct script *s, enum event e)
{
	return s->p.counters.events[e];
}

static uint64_t drop(const struct script *s, enum drop d)
{
	return s->p.counters.drops[d];
}

/* Section 3.6: no state until the backlog is three quarters full; then none at all for newcomers. */
static void used_under_pressure(void **st)
{
	struct script s = { .o = { .ts = true, .sack = true, .wscale = true } };
	struct tcp_rx syn;

	begin(&s, HALF_OPEN_HIGH);
	assert_int_equal(stack_conns(s.p.stack), HALF_OPEN_HIGH);
	assert_int_equal(event(&s, EVENT_TCP_COOKIE_SENT), 0);
	for (uint16_t i = 0; i < 100; i++) {
		syn = script_peer_syn(&s);
		answer(&s, (uint16_t)(2000 + i), &syn);
	}
	assert_int_equal(stack_conns(s.p.stack), HALF_OPEN_HIGH);
	assert_int_equal(event(&s, EVENT_TCP_COOKIE_SENT), 100);
	assert_int_equal(event(&s, EVENT_TCP_COOKIES_ON), 1);
	assert_true(stack_syn_cookies(s.p.stack));
	tcp_peer_fini(&s.p);
}

/* Who was there first isn't given up for those who come later. */
static void nobody_is_evicted(void **st)
{
	struct script s = { .o = { .sack = true } };
	struct tcp_rx first, syn_ack, syn, rx;

	tcp_peer_init(&s.p, &s.o.stack);
	first = script_peer_syn(&s);
	syn_ack = answer(&s, FLOOD_PORT, &first);
	for (uint16_t i = 1; i < 500; i++) {
		syn = script_peer_syn(&s);
		answer(&s, (uint16_t)(FLOOD_PORT + i), &syn);
	}
	rx = completing(&first, &syn_ack);
	tcp_peer_send(&s.p, FLOOD_PORT, 993, &rx, NULL);
	assert_non_null(s.p.conn);
	assert_true(s.p.conn->sack_ok);
	assert_false(s.p.conn->by_cookie);
	tcp_peer_fini(&s.p);
}

/* Hysteresis: they go off when a quarter is left, also when no SYN comes any more. */
static void off_again(void **st)
{
	struct script s = { .o = { .sack = true } };
	struct tcp_rx syn, rst = { .seq = PEER_ISS + 1, .flags = R };

	begin(&s, HALF_OPEN_HIGH);
	syn = script_peer_syn(&s);
	answer(&s, 2000, &syn);
	for (unsigned int i = HALF_OPEN_HIGH; i > HALF_OPEN_LOW; i--) {
		assert_true(stack_syn_cookies(s.p.stack));
		tcp_peer_send(&s.p, (uint16_t)(FLOOD_PORT + i - 1), 993, &rst, NULL);
	}
	assert_false(stack_syn_cookies(s.p.stack));
	answer(&s, 2001, &syn);
	assert_int_equal(event(&s, EVENT_TCP_COOKIE_SENT), 1);
	assert_int_equal(stack_conns(s.p.stack), HALF_OPEN_LOW + 1);
	tcp_peer_fini(&s.p);
}

/* Left alone, half-open connections end, and pressure with them. */
static void off_by_time(void **st)
{
	struct script s = { .o = { .sack = true } };
	struct tcp_rx syn;

	begin(&s, HALF_OPEN_HIGH);
	syn = script_peer_syn(&s);
	answer(&s, 2000, &syn);
	tcp_peer_run(&s.p, 21000);
	assert_false(stack_syn_cookies(s.p.stack));
	assert_int_equal(stack_conns(s.p.stack), 0);
	tcp_peer_fini(&s.p);
}

struct carried {
	bool ts, sack, wscale;
	uint8_t shift;
	uint16_t mss, want_mss;	/* 0: no option */
};

static void carries_one(const struct carried *w)
{
	struct script s = { .o = { .ts = w->ts } };
	struct tcp_rx syn, syn_ack, rx;
	const struct tcp_conn *c;

	begin(&s, HALF_OPEN_HIGH);
	syn = script_peer_syn(&s);
	syn.opts.sack_permitted = w->sack;
	syn.opts.has_wscale = w->wscale;
	syn.opts.wscale = w->shift;
	syn.opts.has_mss = w->mss != 0;
	syn.opts.mss = w->mss;
	syn_ack = answer(&s, 2000, &syn);
	/* Only what can be remembered is agreed to. */
	assert_int_equal(syn_ack.opts.has_ts, w->ts);
	assert_int_equal(syn_ack.opts.sack_permitted, w->ts && w->sack);
	assert_int_equal(syn_ack.opts.has_wscale, w->ts && w->wscale);
	rx = completing(&syn, &syn_ack);
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	c = s.p.conn;
	assert_non_null(c);
	assert_int_equal(tcp_events(s.p.conn), TCP_ESTABLISHED);
	assert_int_equal(c->ts_ok, w->ts);
	assert_int_equal(c->sack_ok, w->ts && w->sack);
	assert_int_equal(c->wscale_ok, w->ts && w->wscale);
	assert_int_equal(c->snd_wscale, w->ts && w->wscale ? w->shift : 0);
	assert_int_equal(c->rcv_wscale, w->ts && w->wscale ? syn_ack.opts.wscale : 0);
	assert_int_equal(c->peer_mss, w->want_mss);
	assert_int_equal(c->snd_wnd, 1000u << c->snd_wscale);
	assert_true(seq_geq(c->rcv_adv, syn.seq + 1 + syn_ack.wnd));
	/* No time was measured by the handshake (RFC 6298 section 3: better none than a wrong one). */
	assert_int_equal(c->srtt_us, 0);
	assert_int_equal(event(&s, EVENT_TCP_COOKIE_ACCEPTED), 1);
	assert_int_equal(event(&s, EVENT_TCP_ACCEPTED), 1);
	tcp_peer_fini(&s.p);
}

/* RFC 4987 section 3.6: MSS by a table, rounded down; the rest in the timestamp (RFC 7323 section 3). */
static void carries_options(void **st)
{
	static const struct carried all[] = {
		{ true, true, true, 7, 1460, 1460 },
		{ true, true, true, 0, 1452, 1440 },
		{ true, false, true, 14, 8960, 8960 },
		{ true, true, false, 0, 65535, 8960 },
		{ true, false, false, 0, 1380, 1360 },
		{ false, true, true, 7, 1400, 1400 },
		{ false, false, false, 0, 1459, 1440 },
		{ true, true, true, 5, 536, 536 },
		{ true, true, true, 3, 0, TCP_MSS_DEFAULT_V4 },
		{ false, false, false, 0, 535, TCP_MSS_MIN },
		{ false, false, false, 0, 1, TCP_MSS_MIN },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		carries_one(&all[i]);
}

/* Data on the completing segment counts, and a FIN. */
static void data_is_kept(void **st)
{
	struct script s = { .o = { .ts = true } };
	struct tcp_rx syn, syn_ack, rx;
	const struct tcp_peer_segment *g;
	struct rte_mbuf *m;

	rx = begin_answered(&s, &syn, &syn_ack);
	rx.bytes = 300;
	rx.flags = P | A | F;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_non_null(s.p.conn);
	assert_int_equal(tcp_events(s.p.conn), TCP_ESTABLISHED | TCP_READABLE | TCP_FIN);
	m = tcp_recv(s.p.conn, UINT32_MAX);
	assert_int_equal(m->pkt_len, 300);
	assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[299], (uint8_t)(syn.seq + 1 + 299));
	rte_pktmbuf_free(m);
	g = script_next(&s);
	assert_int_equal(g->rx.flags, A);
	assert_int_equal(g->rx.ack, syn.seq + 302);
	tcp_peer_fini(&s.p);
}

/* Young: through the next period, not through the one after it, whatever its parity. */
static void age(void **st)
{
	static const struct { uint64_t seconds; bool good; } ages[] = {
		{ 1, true }, { 62, true }, { 64, true }, { 129, false }, { 193, false }, { 257, false },
	};

	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		/* Half a second into a period. */
		struct script s = { .o = { .ts = true, .stack = { .start_us = 10ull * TCP_COOKIE_PERIOD_US + 500000 } } };
		struct tcp_rx syn, syn_ack, rx;

		begin(&s, HALF_OPEN_HIGH);
		syn = script_peer_syn(&s);
		syn_ack = answer(&s, 2000, &syn);
		tcp_peer_run(&s.p, ages[i].seconds * 1000);
		while (script_next(&s))
			;
		/* So that it isn't for lack of newer ones. */
		for (uint16_t k = 0; k <= HALF_OPEN_HIGH; k++) {
			struct tcp_rx other = script_peer_syn(&s);

			answer(&s, (uint16_t)(3000 + k), &other);
		}
		rx = completing(&syn, &syn_ack);
		tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
		assert_int_equal(s.p.conn != NULL, ages[i].good);
		assert_int_equal(drop(&s, DROP_TCP_COOKIE), !ages[i].good);
		tcp_peer_fini(&s.p);
	}
}

/* RSTs to one address are few in a second. */
static void next_second(struct script *s)
{
	tcp_peer_run(&s->p, 1001);
	while (script_next(s))
		;
}

/* Section 4: what was not answered so is no handshake; each field of the ACK is under the hash. */
static void forged(void **st)
{
	struct script s = { .o = { .ts = true, .sack = true, .wscale = true } };
	const struct tcp_peer_segment *g;
	struct tcp_rx syn, syn_ack, good, rx;
	uint64_t bad = 0;

	begin(&s, HALF_OPEN_HIGH);
	syn = script_peer_syn(&s);
	syn_ack = answer(&s, 2000, &syn);
	good = completing(&syn, &syn_ack);
	for (unsigned int bit = 0; bit < 32; bit++) {
		/* Three bits choose the MSS: any of them is one that we take. */
		if (bit >= 28 && bit < 31)
			continue;
		rx = good;
		rx.ack ^= 1u << bit;
		tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
		g = script_next(&s);
		assert_int_equal(g->rx.flags, R);
		assert_int_equal(g->rx.seq, rx.ack);
		bad++;
	}
	next_second(&s);
	for (unsigned int bit = 0; bit < 32; bit++, bad++) {
		rx = good;
		rx.seq ^= 1u << bit;
		tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
		assert_int_equal(script_next(&s)->rx.flags, R);
	}
	next_second(&s);
	for (unsigned int bit = 0; bit < 6; bit++, bad++) {
		rx = good;
		rx.opts.ts_ecr ^= 1u << bit;
		tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
		assert_int_equal(script_next(&s)->rx.flags, R);
	}
	rx = good;
	rx.opts.has_ts = false;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.flags, R);
	tcp_peer_send(&s.p, 2001, 993, &good, NULL);
	assert_int_equal(script_next(&s)->rx.flags, R);
	bad += 2;
	assert_int_equal(drop(&s, DROP_TCP_COOKIE), bad);
	assert_int_equal(drop(&s, DROP_TCP_NO_CONNECTION), 0);
	assert_int_equal(stack_conns(s.p.stack), HALF_OPEN_HIGH);
	assert_null(s.p.conn);
	tcp_peer_send(&s.p, 2000, 993, &good, NULL);
	assert_non_null(s.p.conn);
	tcp_peer_fini(&s.p);
}

/* Data that overtakes the handshake's lost ACK isn't answered by a RST: the first data will come again. */
static void later_data_first(void **st)
{
	struct script s = { .o = { .ts = true } };
	struct tcp_rx syn, syn_ack, rx;

	rx = begin_answered(&s, &syn, &syn_ack);
	rx.seq += 1448;
	rx.bytes = 100;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_null(script_next(&s));
	assert_int_equal(drop(&s, DROP_TCP_COOKIE), 1);
	rx.seq -= 1448;
	rx.bytes = 1448;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_non_null(s.p.conn);
	assert_int_equal(tcp_recv_bytes(s.p.conn), 1448);
	tcp_peer_fini(&s.p);
}

/* The SYN's answer isn't the last word: the rule may be gone, or the client no longer allowed. */
static void asked_again(void **st)
{
	struct script s = { .o = { .ts = true } };
	struct tcp_rx syn, syn_ack, rx;

	rx = begin_answered(&s, &syn, &syn_ack);
	s.p.verdict = STACK_REFUSE;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.flags, R);
	assert_int_equal(drop(&s, DROP_TCP_COOKIE_REFUSED), 1);
	/* Full for the moment: no answer, and the client's data asks again. */
	s.p.verdict = STACK_IGNORE;
	rx.bytes = 20;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_null(script_next(&s));
	assert_null(s.p.conn);
	s.p.verdict = STACK_ACCEPT;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_non_null(s.p.conn);
	tcp_peer_fini(&s.p);
}

/* A table without room: the same, until there is some. */
static void table_full(void **st)
{
	struct script s = { .o = { .ts = true, .stack = { .max_conns = HALF_OPEN_HIGH } } };
	struct tcp_rx syn, syn_ack, rx, rst = { .seq = PEER_ISS + 1, .flags = R };

	rx = begin_answered(&s, &syn, &syn_ack);
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_null(script_next(&s));
	assert_int_equal(drop(&s, DROP_TCP_TABLE_FULL), 1);
	tcp_peer_send(&s.p, FLOOD_PORT, 993, &rst, NULL);
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_non_null(s.p.conn);
	tcp_peer_fini(&s.p);
}

/* Without cookies out, an ACK of no connection is what it was before: one RST (RFC 9293 3.10.7.1). */
static void none_out(void **st)
{
	struct script s = { .o = { .ts = true } };
	struct tcp_rx rx = { .seq = 1, .ack = 77, .flags = A, .wnd = 100 }, syn, syn_ack;

	begin(&s, HALF_OPEN_HIGH);
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.flags, R);
	assert_int_equal(drop(&s, DROP_TCP_NO_CONNECTION), 1);
	syn = script_peer_syn(&s);
	syn_ack = answer(&s, 2000, &syn);
	/* Two periods after the last one, none can be good. */
	tcp_peer_run(&s.p, 2 * TCP_COOKIE_PERIOD_US / 1000 + 10);
	while (script_next(&s))
		;
	rx = completing(&syn, &syn_ack);
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.flags, R);
	assert_int_equal(drop(&s, DROP_TCP_NO_CONNECTION), 2);
	assert_int_equal(drop(&s, DROP_TCP_COOKIE), 0);
	tcp_peer_fini(&s.p);
}

/*
 * RFC 7323 section 5.4 and appendix B.2: what the connection sends after its cookie never
 * looks older than it, and a cookie looks at most 63 ms older than what went before to
 * that address.
 */
static void timestamps_ascend(void **st)
{
	for (uint64_t ms = 0; ms < 130; ms += 13) {
		struct script s = { .o = { .ts = true, .stack = { .start_us = 5000000 + ms * 1000 } } };
		struct tcp_rx syn, plain, syn_ack, rx;
		const struct tcp_peer_segment *g;

		tcp_peer_init(&s.p, &s.o.stack);
		syn = script_peer_syn(&s);
		plain = answer(&s, FLOOD_PORT, &syn);
		for (uint16_t i = 1; i < HALF_OPEN_HIGH; i++)
			answer(&s, (uint16_t)(FLOOD_PORT + i), &syn);
		syn_ack = answer(&s, 2000, &syn);
		assert_int_equal(event(&s, EVENT_TCP_COOKIE_SENT), 1);
		assert_true(plain.opts.ts_val - syn_ack.opts.ts_val < 64);
		rx = completing(&syn, &syn_ack);
		rx.bytes = 10;
		tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
		g = script_next(&s);
		assert_true(seq_geq(g->rx.opts.ts_val, syn_ack.opts.ts_val));
		assert_int_equal(g->rx.opts.ts_ecr, rx.opts.ts_val);
		/* PAWS works from the ACK on: R1 of section 5.3. */
		rx.seq += 10;
		rx.opts.ts_val--;
		tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
		assert_int_equal(drop(&s, DROP_TCP_PAWS), 1);
		assert_int_equal(script_next(&s)->rx.flags, A);
		tcp_peer_fini(&s.p);
	}
}

/* RFC 6298 section 2: the first time-out is the initial one, the first measurement the first data's. */
static void first_rtt(void **st)
{
	struct script s = { .o = { .ts = true } };
	struct tcp_rx syn, syn_ack, rx;
	const struct tcp_peer_segment *g;

	begin(&s, HALF_OPEN_HIGH);
	syn = script_peer_syn(&s);
	syn_ack = answer(&s, 2000, &syn);
	tcp_peer_run(&s.p, 30);
	rx = completing(&syn, &syn_ack);
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_int_equal(tcp_rto_us(s.p.conn), TCP_RTO_INITIAL_US);
	tcp_send(s.p.conn, tcp_peer_chain(&s.p, 0, 100));
	tcp_peer_turn(&s.p);
	g = script_next(&s);
	assert_int_equal(g->rx.bytes, 100);
	tcp_peer_run(&s.p, 40);
	rx.ack += 100;
	rx.opts.ts_ecr = g->rx.opts.ts_val;
	tcp_peer_send(&s.p, 2000, 993, &rx, NULL);
	assert_int_equal(s.p.conn->srtt_us / 1000, 40);
	tcp_peer_fini(&s.p);
}

/* The same SYN again gets the same number, another client or another ISN a different one (RFC 6528). */
static void numbers_differ(void **st)
{
	struct script s = { .o = { .ts = true } };
	struct tcp_rx syn, a, b;

	begin(&s, HALF_OPEN_HIGH);
	syn = script_peer_syn(&s);
	a = answer(&s, 2000, &syn);
	b = answer(&s, 2000, &syn);
	assert_int_equal(a.seq, b.seq);
	b = answer(&s, 2001, &syn);
	assert_int_not_equal(a.seq & 0xfffffff, b.seq & 0xfffffff);
	syn.seq++;
	b = answer(&s, 2000, &syn);
	assert_int_not_equal(a.seq & 0xfffffff, b.seq & 0xfffffff);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(used_under_pressure), cmocka_unit_test(nobody_is_evicted), cmocka_unit_test(off_again),
		cmocka_unit_test(off_by_time), cmocka_unit_test(carries_options), cmocka_unit_test(data_is_kept),
		cmocka_unit_test(age), cmocka_unit_test(forged), cmocka_unit_test(later_data_first),
		cmocka_unit_test(asked_again), cmocka_unit_test(table_full), cmocka_unit_test(none_out),
		cmocka_unit_test(timestamps_ascend), cmocka_unit_test(first_rtt), cmocka_unit_test(numbers_differ),
	};

	return cmocka_run_group_tests_name("tcp_cookie", tests, NULL, NULL);
}
