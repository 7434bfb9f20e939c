/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway in virtual time: what is refused, what control orders, what is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <rte_mbuf.h>

#include "peer.h"
#include "tcp.h"
#include "world.h"

#define SECOND 1000000ull

static bool client_shaken(struct world *w)
{
	return peer_of(w, CLIENT, 0)->shaken;
}

static void test_full(void **state)
{
	struct world_config c = world_usual;
	struct world *w;

	(void)state;
	c.max_splices = 2;
	w = world_new(&c);
	peer_listen(w, &(struct peer){ .send_bytes = 10, .close = CLOSE_WHEN_PEER_DOES });
	for (unsigned int i = 0; i < 3; i++) {
		peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
		world_wait(w, SECOND / 10);
	}
	assert_int_equal(splices_open(w->splices), 2);
	assert_true(peer_of(w, CLIENT, 1)->shaken);
	assert_false(peer_of(w, CLIENT, 2)->shaken);
	assert_true(w->nodes[GATEWAY].counters.drops[DROP_SPLICE_FULL] > 0);
	/* One goes: the third, still trying, gets its place. */
	peer_reset(peer_of(w, CLIENT, 0));
	world_wait(w, 5 * SECOND);
	assert_true(peer_of(w, CLIENT, 2)->shaken);
	assert_int_equal(peer_of(w, CLIENT, 2)->got_bytes, 10);
	assert_int_equal(peer_of(w, CLIENT, 1)->got_bytes, 10);
	world_free(w);
}

static void test_refusals_at_syn(void **state)
{
	struct world *w = world_new(&world_usual);
	struct policy *p = w->policy;
	struct prefix all;
	struct addr_set *set;

	(void)state;
	w->policy = NULL;
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	assert_int_equal(peer_of(w, CLIENT, 0)->dead, TCP_REFUSED);
	assert_int_equal(w->nodes[GATEWAY].counters.drops[DROP_TCP_NO_LISTENER], 1);

	w->policy = p;
	assert_int_equal(prefix_parse("192.0.2.0/24", &all), 0);
	set = addr_set_new(&all, 1);
	w->rule.deny = set;
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	assert_int_equal(peer_of(w, CLIENT, 1)->dead, TCP_REFUSED);
	assert_int_equal(w->nodes[GATEWAY].counters.drops[DROP_TCP_DENIED], 1);
	assert_int_equal(counter_read(&w->rule_count.refused), 1);
	w->rule.deny = NULL;
	free(set);
	world_free(w);
}

/* Accepted as a SYN, unpublished before the handshake's last ACK: refused at once. */
static void test_rule_gone_during_handshake(void **state)
{
	struct world *w = world_new(&world_usual);
	struct policy *p = w->policy;

	(void)state;
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	world_wait(w, 27000);	/* ARP both ways, SYN, SYN/ACK; the ACK is on its way */
	w->policy = NULL;
	world_wait(w, SECOND);
	assert_int_equal(splices_open(w->splices), 0);
	assert_true(peer_of(w, CLIENT, 0)->dead & (TCP_RESET | TCP_REFUSED));
	assert_int_equal(w->nodes[GATEWAY].counters.drops[DROP_RULE_GONE], 1);
	w->policy = p;
	world_free(w);
}

static uint32_t order(struct world *w, struct order *o)
{
	while (!splices_order(w->splices, o))
		;
	return o->done;
}

static void test_orders(void **state)
{
	struct world *w = world_new(&world_usual);
	struct record_told records[32];
	struct order list = { .verb = ORDER_LIST, .records = records, .max = 32 };
	struct order kill = { .verb = ORDER_KILL };
	struct order other = { .verb = ORDER_KILL_RULE, .name = "other", .max = 4 };
	struct order rule = { .verb = ORDER_KILL_RULE, .name = "imap", .max = 4 };
	struct order some = { .verb = ORDER_CLOSE_SOME, .max = 3 };

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 10, .close = CLOSE_WHEN_PEER_DOES });
	for (unsigned int i = 0; i < 10; i++)
		peer_connect(w, &(struct peer){ .close = CLOSE_WHEN_PEER_DOES });
	world_wait(w, 5 * SECOND);	/* only a few SYNs wait for ARP; the others come again */
	assert_int_equal(order(w, &list), 10);
	list.cursor = 0;
	assert_string_equal(records[0].record.state, "open");
	assert_int_equal(records[9].record.bytes_to_client, 10);

	/* In parts, from where the last one stopped; nothing behind the end. */
	list.max = 4;
	for (unsigned int i = 0; i < 3; i++) {
		list.done = 0;
		assert_int_equal(order(w, &list), i < 2 ? 4 : 2);
	}
	list.done = 0;
	list.cursor = UINT32_MAX;
	assert_int_equal(order(w, &list), 0);
	list = (struct order){ .verb = ORDER_LIST, .records = records, .max = 32, .name = "other" };
	assert_int_equal(order(w, &list), 0);

	kill.id = records[1].record.id;
	assert_int_equal(order(w, &kill), 1);
	world_wait(w, SECOND);
	assert_int_equal(splices_open(w->splices), 9);
	assert_int_equal(w->records[0].id, kill.id);
	assert_int_equal(w->records[0].end, SPLICE_KILLED);
	assert_int_equal(order(w, &other), 0);

	assert_int_equal(order(w, &some), 3);
	world_wait(w, SECOND);
	assert_int_equal(w->records[1].end, SPLICE_DRAINED);
	assert_true(w->records[1].id < w->records[2].id);
	assert_int_equal(order(w, &rule), 4);	/* a share, then the rest from where it stopped */
	assert_int_equal(splices_open(w->splices), 2);
	rule.done = 0;
	assert_int_equal(order(w, &rule), 2);
	assert_true(world_run(w, world_ended, SECOND));
	for (unsigned int i = 0; i < 10; i++)
		assert_true(peer_of(w, CLIENT, i)->got_close_notify);
	world_free(w);
}

static void test_drain(void **state)
{
	struct world *w = world_new(&world_usual);
	struct order on = { .verb = ORDER_DRAIN, .on = true }, off = { .verb = ORDER_DRAIN };

	(void)state;
	peer_listen(w, &(struct peer){ .send_bytes = 10, .close = CLOSE_WHEN_PEER_DOES });
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	assert_true(world_run(w, client_shaken, SECOND));
	order(w, &on);
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	assert_int_equal(peer_of(w, CLIENT, 1)->dead, TCP_REFUSED);
	assert_int_equal(w->nodes[GATEWAY].counters.drops[DROP_DRAINING], 1);
	assert_int_equal(peer_of(w, CLIENT, 0)->got_bytes, 10);
	order(w, &off);
	peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	assert_int_equal(peer_of(w, CLIENT, 2)->got_bytes, 10);
	world_free(w);
}

static void test_full_log_is_counted(void **state)
{
	struct world_config c = world_usual;
	struct world *w;

	(void)state;
	c.log_records = 4;	/* of which a ring of this kind holds 3 */
	w = world_new(&c);
	peer_listen(w, &(struct peer){ .close = CLOSE_NEVER });
	for (unsigned int i = 0; i < 6; i++)
		peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	world_wait(w, 5 * SECOND);
	splices_close_all(w->splices);
	assert_int_equal(w->nodes[GATEWAY].counters.drops[DROP_LOG_FULL], 3);
	world_free(w);
}

#define STALLED 30u
#define OTHERS_MBUFS 9200u

static bool late_has_all(struct world *w)
{
	const struct peer *late = peer_of(w, CLIENT, STALLED + 1);

	return late->got_bytes == late->expect_bytes;
}

/*
 * Clients that load and never read hold all the packet buffers that other workers left.
 * When another one needs some, who has taken nothing for a minute gives way (RFC 6429,
 * tcp_stall.h), and the log says so; who is idle stays.
 */
static void test_stalled_give_way(void **state)
{
	const struct peer loads = { .expect_bytes = 2000000, .close = CLOSE_NEVER };
	struct world *w = world_new(&world_usual);
	const uint64_t *stalled = &w->nodes[GATEWAY].counters.events[EVENT_TCP_STALLED];
	static struct rte_mbuf *others[OTHERS_MBUFS];
	struct peer *idle;

	(void)state;
	assert_int_equal(rte_pktmbuf_alloc_bulk(w->gateway_mbufs, others, OTHERS_MBUFS), 0);
	peer_listen(w, &(struct peer){ .send_bytes = 100, .close = CLOSE_WHEN_PEER_DOES });
	idle = peer_connect(w, &(struct peer){ .close = CLOSE_NEVER });
	world_wait(w, SECOND);
	peer_listen(w, &(struct peer){ .send_bytes = 2000000, .close = CLOSE_WHEN_PEER_DOES });
	for (unsigned int i = 0; i < STALLED; i++)
		peer_connect(w, &(struct peer){ .close = CLOSE_NEVER, .paused = true });
	world_wait(w, 70 * SECOND);
	assert_int_equal(w->n_records, 0);
	peer_connect(w, &loads);
	/* A worker polls; this world has turns when something is to be done, and at the end of each of these runs. */
	for (unsigned int i = 0; i < 3000 && !world_run(w, late_has_all, SECOND / 100); i++)
		;
	assert_true(late_has_all(w));
	assert_in_range(*stalled, 1, STALLED);
	assert_int_equal(w->n_records, *stalled);
	for (unsigned int i = 0; i < w->n_records; i++)
		assert_int_equal(w->records[i].end, SPLICE_CLIENT_STALLED);
	assert_int_equal(idle->dead, 0);
	splices_close_all(w->splices);
	rte_pktmbuf_free_bulk(others, OTHERS_MBUFS);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_refusals_at_syn),
		cmocka_unit_test(test_rule_gone_during_handshake),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_full_log_is_counted),
		cmocka_unit_test(test_stalled_give_way),
	};

	return cmocka_run_group_tests_name("gateway_orders", tests, NULL, NULL);
}
