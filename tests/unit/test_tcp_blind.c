/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who can't see our segments: what he can neither disturb nor find out. */
#include <string.h>

#include <netinet/in.h>
#include <rte_mbuf.h>

#include "box.h"
#include "stack_private.h"
#include "tcp_conn.h"
#include "tcp_limits.h"
#include "tcp_script.h"

static struct box box;

/* An ACK of no connection, from @src. */
static void stray_ack(const char *src)
{
	struct frame f = { .n = 0 };
	bool v6 = strchr(src, ':');

	frame_eth(&f, NULL, 9, v6 ? 0x86dd : 0x0800);
	frame_ip(&f, src, v6 ? "2001:db8:1::1" : "192.0.2.1", IPPROTO_TCP);
	frame_tcp(&f, 1111, 993, 42);
	f.bytes[f.l4 + 13] = A;
	frame_end(&f);
	box_give(&box, 0, &f);
	box_clear(&box);
}

static uint64_t rsts(void)
{
	return box_events(&box, EVENT_TCP_RST_SENT);
}

/* As many as the second allows. */
static uint64_t exhaust(const char *src)
{
	uint64_t before = rsts();

	for (unsigned int i = 0; i < 2 * TCP_RST_RATE; i++)
		stray_ack(src);
	return rsts() - before;
}

/* RFC 9293 3.10.7.1 bounded without a side channel (CVE-2016-5696): nobody's budget tells of another's. */
static void rst_budget_of_each(void **st)
{
	static const char *const others[] = { "192.0.2.10", "192.0.2.11", "198.51.100.7", "8.8.8.8", "2001:db8:1::9",
					      "2001:db8:51::7" };
	uint64_t first, before, again;
	bool varies = false;

	box_init(&box, NULL);
	first = exhaust("192.0.2.9");
	assert_in_range(first, TCP_RST_RATE / 2, TCP_RST_RATE * 3 / 2 - 1);
	assert_int_equal(box_drops(&box, DROP_TCP_RST_RATE), 2 * TCP_RST_RATE - first);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		before = rsts();
		stray_ack(others[i]);
		assert_int_equal(rsts(), before + 1);
	}
	/* The same network of IPv6 is one stranger. */
	exhaust("2001:db8:1::9");
	before = rsts();
	stray_ack("2001:db8:1::a");
	assert_int_equal(rsts(), before);
	/* How many there are next time isn't known. */
	for (int i = 0; i < 6; i++) {
		box_run(&box, 1000000);
		box_clear(&box);
		again = exhaust("192.0.2.9");
		assert_in_range(again, TCP_RST_RATE / 2, TCP_RST_RATE * 3 / 2 - 1);
		varies |= again != first;
	}
	assert_true(varies);
	box_fini(&box);
}

/* RFC 5961 section 7: challenge ACKs are counted for each connection; one's flood doesn't silence another's. */
static void challenges_of_each(void **st)
{
	static struct script s = { .o = { .sack = true } };
	struct tcp_rx rx = { .seq = PEER_ISS + 1 + 100, .flags = R };
	uint32_t first_iss;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	first_iss = s.iss;
	s.port_first = 1;
	s.p.conn = NULL;
	script_open_passive(&s);
	for (int i = 0; i < 100; i++)
		tcp_peer_send(&s.p, TCP_PEER_PORT, 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.seq, first_iss + 1);
	assert_null(script_next(&s));
	assert_int_equal(s.p.counters.drops[DROP_TCP_CHALLENGE_RATE], 99);
	tcp_peer_send(&s.p, TCP_PEER_PORT + 1, 993, &rx, NULL);
	assert_int_equal(script_next(&s)->rx.seq, s.iss + 1);
	assert_int_equal(stack_conns(s.p.stack), 2);
	tcp_peer_fini(&s.p);
}

struct impossible {
	uint8_t flags;
	const char *section;
};

/* RFC 9293 3.5 and 3.10.7: a segment has SYN, or ACK, or is a RST; SYN, FIN and RST exclude each other. */
static const struct impossible impossibles[] = {
	{ 0, "null: 3.10.7.4 fifth, and no scan's answer" },
	{ F | TH_URG | P, "xmas" },
	{ F | S | R | P | A | TH_URG, "xmas with all its lights" },
	{ F, "FIN without ACK, 3.10.4" },
	{ P, "data without ACK, 3.10.7.4 fifth" },
	{ TH_URG, "urgent without ACK" },
	{ S | F, "3.10.7.2: RFC 1379's experiment, historic by RFC 6247" },
	{ S | F | A, "the same" },
	{ S | R, "SYN and RST" },
	{ S | R | A, "the same" },
	{ F | R, "FIN and RST" },
	{ F | R | A, "the same" },
};

/* Dropped under its name, on a connection, at a listener, and where nothing is; never answered. */
static void impossible_flags(void **st)
{
	static const struct { uint16_t from, to; } places[] = { { TCP_PEER_PORT, 993 }, { 5000, 993 }, { 5000, 25 } };
	static struct script s = { .o = { .sack = true } };
	uint64_t dropped = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	script_open_passive(&s);
	for (size_t i = 0; i < sizeof(impossibles) / sizeof(impossibles[0]); i++) {
		for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
			struct tcp_rx rx = { .seq = PEER_ISS + 1, .ack = s.iss + 1, .flags = impossibles[i].flags, .wnd = 1000 };

			tcp_peer_send(&s.p, places[k].from, places[k].to, &rx, NULL);
			if (script_next(&s))
				fail_msg("%s was answered", impossibles[i].section);
			if (s.p.counters.drops[DROP_TCP_FLAGS] != ++dropped)
				fail_msg("%s wasn't counted", impossibles[i].section);
		}
	}
	script_step(&s, &(struct step)in(P | A, 0, 5, 0), 1);
	script_step(&s, &(struct step)out(A, 0, 0, 5), 2);
	script_step(&s, &(struct step)conns(1), 3);
	tcp_peer_fini(&s.p);
}

/* RFC 1122 3.2.1.3, RFC 9293 3.10.7: a SYN from us to us. */
static void land(void **st)
{
	struct frame f = { .n = 0 };

	box_init(&box, NULL);
	frame_eth(&f, NULL, 9, 0x0800);
	frame_ip(&f, "192.0.2.1", "192.0.2.1", IPPROTO_TCP);
	frame_tcp(&f, 993, 993, 42);
	f.bytes[f.l4 + 13] = S;
	frame_end(&f);
	box_give(&box, 0, &f);
	assert_int_equal(box_drops(&box, DROP_IP_LAND), 1);
	assert_int_equal(box.n_sent, 0);
	assert_int_equal(stack_conns(box.stack), 0);
	box_fini(&box);
}

static uint32_t isn(struct script *s, uint16_t port)
{
	const struct tcp_peer_segment *g;
	struct tcp_rx rx = script_peer_syn(s), rst = { .seq = PEER_ISS + 1, .flags = R };
	uint32_t seq;

	tcp_peer_send(&s->p, port, 993, &rx, NULL);
	g = script_next(s);
	assert_non_null(g);
	seq = g->rx.seq;
	tcp_peer_send(&s->p, port, 993, &rst, NULL);
	assert_int_equal(stack_conns(s->p.stack), 0);
	return seq;
}

/* RFC 6528 section 3: one tuple's numbers follow a clock of 4 us, and say nothing of another's. */
static void initial_sequence_numbers(void **st)
{
	static struct script s = { .o = { .sack = true } };
	uint32_t first, last, near = 0;

	tcp_peer_init(&s.p, &s.o.stack);
	first = isn(&s, 1000);
	tcp_peer_run(&s.p, 1000);
	assert_in_range(isn(&s, 1000) - first, 250000, 250010);
	last = isn(&s, 2000);
	for (uint16_t i = 1; i < 500; i++) {
		uint32_t next = isn(&s, (uint16_t)(2000 + i));

		near += next - last + 0x1000000 < 0x2000000;
		last = next;
	}
	/* A hundred and twenty-eighth of them by chance. */
	assert_in_range(near, 0, 20);
	tcp_peer_fini(&s.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rst_budget_of_each), cmocka_unit_test(challenges_of_each),
		cmocka_unit_test(impossible_flags), cmocka_unit_test(land), cmocka_unit_test(initial_sequence_numbers),
	};

	return cmocka_run_group_tests_name("tcp_blind", tests, NULL, NULL);
}
