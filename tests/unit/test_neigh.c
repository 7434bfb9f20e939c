/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neighbours: asking, waiting, ageing, failing; who is believed; bounds. Through ARP, and ND at the end. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "neigh_box.h"
#include "tcp_fake.h"

static void the_first_packet_asks_and_waits(void **state)
{
	struct box b;

	box_init(&b, NULL);
	out_to(&b, "192.0.2.7", 100);
	assert_int_equal(b.n_sent, 1);
	assert_true(asks(&b, 0, "192.0.2.7", 0));
	out_to(&b, "192.0.2.7", 101);
	assert_int_equal(b.n_sent, 1);	/* it has been asked already */
	answers(&b, "192.0.2.7", 7);
	assert_int_equal(b.n_sent, 3);
	assert_true(carries(&b, 1, 100, 7));
	assert_true(carries(&b, 2, 101, 7));
	out_to(&b, "192.0.2.7", 102);
	assert_true(carries(&b, 3, 102, 7));
	assert_int_equal(box_all_drops(&b), 0);
	box_fini(&b);
}

static void off_link_goes_to_the_router(void **state)
{
	struct box b;

	box_init(&b, NULL);
	out_to(&b, "203.0.113.9", 100);
	assert_true(asks(&b, 0, "192.0.2.254", 0));
	answers(&b, "192.0.2.254", 0xfe);
	assert_true(carries(&b, 1, 100, 0xfe));
	box_fini(&b);
}

static void three_wait_the_newest(void **state)
{
	struct box b;

	box_init(&b, NULL);
	for (uint32_t seq = 1; seq <= 5; seq++)
		out_to(&b, "192.0.2.7", seq);
	assert_int_equal(box_drops(&b, DROP_NEIGH_UNRESOLVED), 2);
	answers(&b, "192.0.2.7", 7);
	assert_int_equal(b.n_sent, 4);
	for (unsigned int i = 1; i <= 3; i++)
		assert_true(carries(&b, i, i + 2, 7));
	box_fini(&b);
}

static void silence_fails_after_three_questions(void **state)
{
	struct ip_path p;
	struct box b;

	box_init(&b, NULL);
	path_to(&b, &p, "192.0.2.7");
	out(&b, &p, 77);
	box_run(&b, 900000);
	assert_int_equal(b.n_sent, 1);
	box_run(&b, 2000000);
	assert_int_equal(b.n_sent, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(asks(&b, i, "192.0.2.7", 0));
	assert_int_equal(tcp_fake.errors, 0);
	box_run(&b, 200000);
	assert_int_equal(b.n_sent, 3);
	assert_int_equal(tcp_fake.errors, 1);
	assert_int_equal(tcp_fake.kind, TCP_ICMP_UNREACHABLE);
	assert_int_equal(tcp_fake.seq, 77);
	assert_int_equal(tcp_fake.tuple.lport, 40000);
	assert_int_equal(tcp_fake.tuple.fport, 143);
	assert_true(addr_equal(&tcp_fake.tuple.faddr, &p.dst));
	assert_true(addr_equal(&tcp_fake.tuple.laddr, &p.src));
	assert_int_equal(box_drops(&b, DROP_NEIGH_UNRESOLVED), 1);

	/* For a while others fail at once, in the turn after their own, and nobody is asked. */
	out(&b, &p, 78);
	assert_int_equal(tcp_fake.errors, 1);
	box_run(&b, TURN);
	assert_int_equal(tcp_fake.errors, 2);
	assert_int_equal(tcp_fake.seq, 78);
	out_to(&b, "192.0.2.7", 79);
	out_to(&b, "192.0.2.7", 80);
	box_run(&b, TURN);
	assert_int_equal(tcp_fake.errors, 4);
	assert_int_equal(b.n_sent, 3);

	/* Then it is tried again. */
	box_run(&b, NEIGH_HOLD_US);
	assert_int_equal(state_of(&b, "192.0.2.7"), GONE);
	out(&b, &p, 81);
	assert_int_equal(b.n_sent, 4);
	answers(&b, "192.0.2.7", 7);
	assert_true(carries(&b, 4, 81, 7));
	box_fini(&b);
}

static void failed_comes_back_when_heard(void **state)
{
	struct box b;

	box_init(&b, NULL);
	out_to(&b, "192.0.2.7", 1);
	box_run(&b, 3 * SECOND + TURN);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_FAILED);
	claims(&b, "192.0.2.7", 7);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_STALE);
	box_clear(&b);
	out_to(&b, "192.0.2.7", 2);
	/* A claim isn't an answer: used and asked at once. */
	assert_int_equal(b.n_sent, 2);
	assert_true(asks(&b, 0, "192.0.2.7", 7));
	assert_true(carries(&b, 1, 2, 7));
	box_fini(&b);
}

static void stale_is_probed_when_used(void **state)
{
	struct ip_path p;
	struct box b;

	box_init(&b, NULL);
	path_to(&b, &p, "192.0.2.7");
	out(&b, &p, 1);
	answers(&b, "192.0.2.7", 7);
	box_clear(&b);
	box_run(&b, 29 * SECOND);
	out(&b, &p, 2);
	assert_int_equal(b.n_sent, 1);
	box_run(&b, 2 * SECOND);
	assert_int_equal(b.n_sent, 1);	/* unused: no question */
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_STALE);
	out(&b, &p, 3);
	assert_int_equal(b.n_sent, 3);
	assert_true(asks(&b, 1, "192.0.2.7", 7));
	assert_true(carries(&b, 2, 3, 7));
	out(&b, &p, 4);
	assert_int_equal(b.n_sent, 4);	/* one question a second, however many packets */
	answers(&b, "192.0.2.7", 7);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_REACHABLE);
	box_fini(&b);
}

static void a_dead_neighbour_is_found_out(void **state)
{
	struct ip_path p;
	struct box b;

	box_init(&b, NULL);
	path_to(&b, &p, "192.0.2.7");
	out(&b, &p, 1);
	answers(&b, "192.0.2.7", 7);
	box_run(&b, 31 * SECOND);
	box_clear(&b);
	out(&b, &p, 2);
	box_run(&b, 3 * SECOND + TURN);
	/* Three questions to the known MAC, then to all. */
	assert_int_equal(b.n_sent, 5);
	assert_true(asks(&b, 0, "192.0.2.7", 7));
	assert_true(carries(&b, 1, 2, 7));
	assert_true(asks(&b, 2, "192.0.2.7", 7));
	assert_true(asks(&b, 3, "192.0.2.7", 7));
	assert_true(asks(&b, 4, "192.0.2.7", 0));
	out(&b, &p, 3);
	box_run(&b, 3 * SECOND + TURN);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_FAILED);
	assert_int_equal(tcp_fake.errors, 1);
	assert_int_equal(tcp_fake.seq, 3);
	box_fini(&b);
}

static void unused_is_forgotten(void **state)
{
	struct box b;

	box_init(&b, NULL);
	resolve(&b, "192.0.2.7", 7);
	box_run(&b, NEIGH_REACHABLE_US + NEIGH_FORGET_US - SECOND);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_STALE);
	box_run(&b, 2 * SECOND);
	assert_int_equal(state_of(&b, "192.0.2.7"), GONE);
	assert_int_equal(stack_next_us(b.stack), UINT64_MAX);
	assert_int_equal(b.n_sent, 0);
	box_fini(&b);
}

static void strangers_make_no_entries(void **state)
{
	char who[20];
	struct box b;

	box_init(&b, NULL);
	for (unsigned int i = 2; i < 250; i++) {
		snprintf(who, sizeof(who), "192.0.2.%u", i == 100 ? 2 : i);
		answers(&b, who, (uint8_t)i);
		claims(&b, who, (uint8_t)i);
		assert_int_equal(state_of(&b, who), GONE);
	}
	box_fini(&b);
}

static void another_mac_must_win_by_an_answer(void **state)
{
	struct ip_path p;
	struct box b;

	box_init(&b, NULL);
	resolve(&b, "192.0.2.7", 7);
	path_to(&b, &p, "192.0.2.7");

	/* The owner is alive: it keeps its place, whatever is claimed, also as an "answer" that nobody asked for. */
	claims(&b, "192.0.2.7", 66);
	answers(&b, "192.0.2.7", 66);
	claims(&b, "192.0.2.7", 66);
	assert_int_equal(b.n_sent, 1);
	assert_true(asks(&b, 0, "192.0.2.7", 7));
	out(&b, &p, 1);
	assert_true(carries(&b, 1, 1, 7));
	answers(&b, "192.0.2.7", 7);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_REACHABLE);
	out(&b, &p, 2);
	assert_true(carries(&b, 2, 2, 7));
	box_clear(&b);

	/* The owner is gone (failover): everybody is asked soon, and the new MAC answers. */
	claims(&b, "192.0.2.7", 8);
	assert_true(asks(&b, 0, "192.0.2.7", 7));
	box_run(&b, NEIGH_DOUBT_US + TURN);
	assert_int_equal(b.n_sent, 2);
	assert_true(asks(&b, 1, "192.0.2.7", 0));
	answers(&b, "192.0.2.7", 8);
	out(&b, &p, 3);
	assert_true(carries(&b, 2, 3, 8));
	box_fini(&b);
}

static void scans_push_out_nobody(void **state)
{
	const struct box_options options = { .max_neighbours = 8 };
	char who[20];
	struct box b;

	box_init(&b, &options);
	resolve(&b, "192.0.2.7", 7);
	resolve(&b, "192.0.2.8", 8);
	for (unsigned int i = 20; i < 90; i++) {
		snprintf(who, sizeof(who), "192.0.2.%u", i);
		out_to(&b, who, i);
		assert_true(b.stack->neigh.n_pending <= 4);
		box_clear(&b);
	}
	assert_int_equal(box_drops(&b, DROP_NEIGH_FULL), 66);	/* the packets that waited there */
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_REACHABLE);
	assert_int_equal(state_of(&b, "192.0.2.8"), NEIGH_REACHABLE);
	/* The last one asked for still works. */
	out_to(&b, "192.0.2.89", 5);
	answers(&b, "192.0.2.89", 89);
	assert_true(carries(&b, 0, 89, 89));
	box_fini(&b);
}

static void full_of_used_ones_refuses_and_stale_ones_give_way(void **state)
{
	const struct box_options options = { .max_neighbours = 8 };
	char who[20];
	struct box b;

	box_init(&b, &options);
	for (unsigned int i = 10; i < 18; i++) {
		snprintf(who, sizeof(who), "192.0.2.%u", i);
		resolve(&b, who, (uint8_t)i);
	}
	out_to(&b, "192.0.2.50", 1);
	assert_int_equal(box_drops(&b, DROP_NEIGH_FULL), 1);
	assert_int_equal(b.n_sent, 0);
	box_run(&b, 31 * SECOND);
	out_to(&b, "192.0.2.11", 1);	/* in use again */
	box_clear(&b);
	out_to(&b, "192.0.2.50", 1);
	out_to(&b, "192.0.2.51", 1);
	assert_int_equal(b.n_sent, 2);
	assert_int_equal(state_of(&b, "192.0.2.10"), GONE);
	assert_int_equal(state_of(&b, "192.0.2.11"), NEIGH_PROBE);
	assert_int_equal(state_of(&b, "192.0.2.12"), GONE);
	assert_int_equal(state_of(&b, "192.0.2.13"), NEIGH_STALE);
	box_fini(&b);
}

/* A path keeps its hint while the entry behind it becomes another's. */
static void a_hint_that_went_stale_is_noticed(void **state)
{
	const struct box_options options = { .max_neighbours = 2 };
	struct ip_path p, q;
	struct box b;

	box_init(&b, &options);
	path_to(&b, &p, "192.0.2.7");
	path_to(&b, &q, "192.0.2.8");
	out(&b, &p, 1);
	out(&b, &q, 2);	/* at most one is unresolved: takes the other's place */
	assert_int_equal(p.hop.neigh, q.hop.neigh);
	answers(&b, "192.0.2.8", 8);
	box_clear(&b);
	out(&b, &p, 3);
	assert_true(asks(&b, 0, "192.0.2.7", 0));
	answers(&b, "192.0.2.7", 7);
	assert_true(carries(&b, 1, 3, 7));
	out(&b, &q, 4);
	assert_true(carries(&b, 2, 4, 8));
	box_fini(&b);
}

static void the_same_address_on_two_ports_is_two_neighbours(void **state)
{
	struct rte_ether_addr mac = { { 2, 0, 0, 0, 0xff, 9 } };
	const struct box_options options = { .max_neighbours = 4 };
	char who[20];

	/* Many addresses and few buckets: some of the pairs meet in one chain. */
	for (unsigned int i = 10; i < 90; i++) {
		struct ip_path p, q;
		struct box b;

		box_init(&b, &options);
		snprintf(who, sizeof(who), "192.0.2.%u", i);
		path_to(&b, &p, who);
		q = p;
		q.hop.nif = 1;
		out(&b, &p, 1);
		out(&b, &q, 2);
		assert_int_equal(b.n_sent, 2);
		assert_ptr_equal(b.sent_on[0], &b.netifs.netifs[0]);
		assert_ptr_equal(b.sent_on[1], &b.netifs.netifs[1]);
		neigh_heard(b.stack, &b.netifs.netifs[1], &q.dst, &mac, true);
		assert_int_equal(b.n_sent, 3);
		assert_ptr_equal(b.sent_on[2], &b.netifs.netifs[1]);
		assert_int_equal(state_of(&b, who), NEIGH_INCOMPLETE);
		box_fini(&b);
	}
}

static void the_longest_unconfirmed_gives_way(void **state)
{
	const struct box_options options = { .max_neighbours = 8 };
	char who[20];
	struct box b;

	box_init(&b, &options);
	for (unsigned int i = 10; i < 18; i++) {
		snprintf(who, sizeof(who), "192.0.2.%u", i);
		resolve(&b, who, (uint8_t)i);
	}
	box_run(&b, 20 * SECOND);
	answers(&b, "192.0.2.10", 10);
	box_run(&b, 31 * SECOND);	/* all are stale */
	out_to(&b, "192.0.2.50", 1);
	assert_int_equal(state_of(&b, "192.0.2.10"), NEIGH_STALE);
	assert_int_equal(state_of(&b, "192.0.2.11"), GONE);
	box_fini(&b);
}

/* Replies to others reach us where a switch floods them: they are claims. */
static void an_answer_to_another_is_a_claim(void **state)
{
	struct frame f;
	struct box b;

	box_init(&b, NULL);
	out_to(&b, "192.0.2.7", 1);
	frame_arp(&f, NULL, 2, 7, "192.0.2.7", 33, "192.0.2.1");	/* our address, another's MAC */
	box_give(&b, 0, &f);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_STALE);
	out_to(&b, "192.0.2.8", 1);
	frame_arp(&f, NULL, 2, 8, "192.0.2.8", 1, "192.0.2.99");
	box_give(&b, 0, &f);
	assert_int_equal(state_of(&b, "192.0.2.8"), NEIGH_STALE);
	/* Nor does one confirm what we know. */
	resolve(&b, "192.0.2.9", 9);
	box_run(&b, 31 * SECOND);
	frame_arp(&f, NULL, 2, 9, "192.0.2.9", 33, "192.0.2.33");
	box_give(&b, 0, &f);
	assert_int_equal(state_of(&b, "192.0.2.9"), NEIGH_STALE);
	box_fini(&b);
}

static void no_buffer_for_the_question(void **state)
{
	struct rte_mbuf *all[BOX_MBUFS], *m;
	unsigned int n = 0;
	struct ip_path p;
	struct box b;

	box_init(&b, NULL);
	path_to(&b, &p, "192.0.2.7");
	while (n < BOX_MBUFS && (m = rte_pktmbuf_alloc(b.mbufs)) != NULL)
		all[n++] = m;
	m = all[--n];
	ip_output(b.stack, &p, m, IPPROTO_ICMP, 8, 0);
	assert_int_equal(box_drops(&b, DROP_NO_MBUF), 1);
	rte_pktmbuf_free_bulk(all, n);
	/* It is asked again a second later, when there are buffers. */
	box_run(&b, SECOND + TURN);
	assert_int_equal(b.n_sent, 1);
	answers(&b, "192.0.2.7", 7);
	assert_int_equal(b.n_sent, 2);
	box_fini(&b);
}

static void v6_in_short(void **state)
{
	struct rte_ether_addr mac = { { 2, 0, 0, 0, 0xff, 9 } };
	struct ip_path p;
	struct box b;
	size_t n;
	const uint8_t *s;

	box_init(&b, NULL);
	path_to(&b, &p, "2001:db8:1::7");
	out(&b, &p, 1);
	assert_int_equal(b.n_sent, 1);
	neigh_heard(b.stack, ip_hop_netif(b.stack, &p.hop), ip_next_hop(b.stack, &p.hop, &p.dst), &mac, true);
	assert_int_equal(b.n_sent, 2);
	s = box_sent(&b, 1, &n);
	assert_int_equal(n, 14 + 40 + 20);
	assert_memory_equal(s, &mac, 6);
	assert_int_equal(s[12] << 8 | s[13], 0x86dd);
	/* Unanswered, it fails like the others. */
	box_clear(&b);
	path_to(&b, &p, "2001:db8:1::8");
	out(&b, &p, 5);
	box_run(&b, 4 * SECOND);
	assert_int_equal(b.n_sent, 3);
	assert_int_equal(tcp_fake.errors, 1);
	assert_int_equal(tcp_fake.seq, 5);
	assert_true(addr_equal(&tcp_fake.tuple.faddr, &p.dst));
	box_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_packet_asks_and_waits),
		cmocka_unit_test(off_link_goes_to_the_router),
		cmocka_unit_test(three_wait_the_newest),
		cmocka_unit_test(silence_fails_after_three_questions),
		cmocka_unit_test(failed_comes_back_when_heard),
		cmocka_unit_test(stale_is_probed_when_used),
		cmocka_unit_test(a_dead_neighbour_is_found_out),
		cmocka_unit_test(unused_is_forgotten),
		cmocka_unit_test(strangers_make_no_entries),
		cmocka_unit_test(another_mac_must_win_by_an_answer),
		cmocka_unit_test(scans_push_out_nobody),
		cmocka_unit_test(full_of_used_ones_refuses_and_stale_ones_give_way),
		cmocka_unit_test(a_hint_that_went_stale_is_noticed),
		cmocka_unit_test(the_same_address_on_two_ports_is_two_neighbours),
		cmocka_unit_test(the_longest_unconfirmed_gives_way),
		cmocka_unit_test(an_answer_to_another_is_a_claim),
		cmocka_unit_test(no_buffer_for_the_question),
		cmocka_unit_test(v6_in_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
