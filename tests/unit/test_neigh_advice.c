/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What TCP tells the neighbour cache of the next hop: that it works (RFC 4861 7.3.1), that it may not (RFC 1122 3.3.1.4). */
#include "neigh_box.h"

/* RFC 4861 7.3.1: while TCP says that what is sent arrives, no question is needed; 30 s after the last word one is. */
static void good_advice_keeps_it_reachable(void **state)
{
	struct ip_path p;
	struct box b;

	box_init(&b, NULL);
	path_to(&b, &p, "192.0.2.7");
	/* Nobody is made by advice. */
	neigh_advise_good(b.stack, &p.hop, &p.dst);
	neigh_advise_bad(b.stack, &p.hop, &p.dst);
	assert_int_equal(state_of(&b, "192.0.2.7"), GONE);
	out(&b, &p, 1);
	/* Nor believed before it has an address. */
	neigh_advise_good(b.stack, &p.hop, &p.dst);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_INCOMPLETE);
	answers(&b, "192.0.2.7", 7);
	box_clear(&b);
	for (unsigned int i = 0; i < 10; i++) {
		box_run(&b, 20 * SECOND);
		neigh_advise_good(b.stack, &p.hop, &p.dst);
	}
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_REACHABLE);
	assert_int_equal(b.n_sent, 0);
	box_run(&b, 29 * SECOND);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_REACHABLE);
	box_run(&b, 1 * SECOND + TURN);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_STALE);
	/* Advice about a stale one doesn't bring it back: the next packet asks. */
	neigh_advise_good(b.stack, &p.hop, &p.dst);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_STALE);
	box_fini(&b);
}

/* RFC 1122 3.3.1.4: bad advice is a question to the known MAC, at once, however many give it; then as with any question. */
static void bad_advice_asks(void **state)
{
	struct ip_path p;
	struct box b;

	box_init(&b, NULL);
	path_to(&b, &p, "192.0.2.7");
	out(&b, &p, 1);
	answers(&b, "192.0.2.7", 7);
	box_clear(&b);
	/* It has just answered. */
	neigh_advise_bad(b.stack, &p.hop, &p.dst);
	box_run(&b, 2 * SECOND);
	neigh_advise_bad(b.stack, &p.hop, &p.dst);
	assert_int_equal(b.n_sent, 0);
	box_run(&b, 1 * SECOND);
	for (unsigned int i = 0; i < 1000; i++)
		neigh_advise_bad(b.stack, &p.hop, &p.dst);
	assert_int_equal(b.n_sent, 1);
	assert_true(asks(&b, 0, "192.0.2.7", 7));
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_PROBE);
	/* Packets go on, and good advice doesn't answer for it. */
	out(&b, &p, 2);
	assert_true(carries(&b, 1, 2, 7));
	neigh_advise_good(b.stack, &p.hop, &p.dst);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_PROBE);
	answers(&b, "192.0.2.7", 7);
	assert_int_equal(state_of(&b, "192.0.2.7"), NEIGH_REACHABLE);
	/* What arrives for others speaks for the router. */
	box_clear(&b);
	box_run(&b, 4 * SECOND);
	neigh_advise_good(b.stack, &p.hop, &p.dst);
	neigh_advise_bad(b.stack, &p.hop, &p.dst);
	assert_int_equal(b.n_sent, 0);
	assert_int_equal(b.counters.events[EVENT_NEIGH_DOUBTED], 1);
	/* No answer: everybody is asked after three seconds, long before the 30 are over. */
	box_run(&b, 3 * SECOND);
	neigh_advise_bad(b.stack, &p.hop, &p.dst);
	box_run(&b, 3 * SECOND + TURN);
	assert_true(asks(&b, b.n_sent - 1, "192.0.2.7", 0));
	answers(&b, "192.0.2.7", 8);
	out(&b, &p, 3);
	assert_true(carries(&b, b.n_sent - 1, 3, 8));
	assert_int_equal(b.counters.events[EVENT_NEIGH_DOUBTED], 2);
	box_fini(&b);
}

/* A stale hint is about somebody else by now: advice by it is about nobody. */
static void advice_by_an_old_hint(void **state)
{
	struct ip_path p, other;
	struct box b;

	box_init(&b, NULL);
	path_to(&b, &p, "192.0.2.7");
	path_to(&b, &other, "192.0.2.8");
	out(&b, &other, 1);
	answers(&b, "192.0.2.8", 8);
	p.hop.neigh = other.hop.neigh;
	box_clear(&b);
	box_run(&b, 5 * SECOND);
	neigh_advise_bad(b.stack, &p.hop, &p.dst);
	assert_int_equal(b.n_sent, 0);
	assert_int_equal(state_of(&b, "192.0.2.8"), NEIGH_REACHABLE);
	box_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_advice_keeps_it_reachable), cmocka_unit_test(bad_advice_asks),
		cmocka_unit_test(advice_by_an_old_hint),
	};

	return cmocka_run_group_tests_name("neigh_advice", tests, NULL, NULL);
}
