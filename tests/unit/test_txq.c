/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue in front of a device: a driver that takes what the test lets it take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "eal.h"
#include "txq.h"

#define DEVICE 5
#define REFUSED 0xffff

static struct {
	uint16_t takes;		/* frames that it still takes */
	unsigned int calls;
	uint16_t next;		/* vlan_tci of the frame that must come now */
} device;

static struct port port = { .device = DEVICE, .is_nic = true };
static struct rte_mempool *pool;
static struct counters counters;
static struct txq q;
static uint16_t made;

static uint16_t device_tx(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t taken = n < device.takes ? n : device.takes;

	(void)queue;
	device.calls++;
	for (uint16_t i = 0; i < taken; i++) {
		assert_int_equal(mbufs[i]->vlan_tci, device.next++);
		assert_int_equal(mbufs[i]->vlan_tci_outer, 1);
		rte_pktmbuf_free(mbufs[i]);
	}
	device.takes = (uint16_t)(device.takes - taken);
	return taken;
}

/* Marks what it has made ready, and stops at what it refuses. */
static uint16_t device_prepare(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t i;

	(void)queue;
	for (i = 0; i < n && mbufs[i]->vlan_tci != REFUSED; i++)
		mbufs[i]->vlan_tci_outer++;
	return i;
}

static int setup(void **state)
{
	(void)state;
	test_eal_init();
	if (!pool)
		pool = test_mbuf_pool("txq", 2048);
	rte_eth_fp_ops[DEVICE].tx_pkt_burst = device_tx;
	rte_eth_fp_ops[DEVICE].tx_pkt_prepare = device_prepare;
	device.takes = device.next = made = 0;
	device.calls = 0;
	q = (struct txq){ 0 };
	counters = (struct counters){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	txq_clear(&q);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static bool put(uint16_t tag)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	m->vlan_tci = tag;
	m->vlan_tci_outer = 0;
	if (txq_put(&q, m))
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static void put_many(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		assert_true(put(made++));
}

static unsigned int flush(uint16_t takes, uint64_t now_us)
{
	device.takes = takes;
	return txq_flush(&q, &port, 0, &counters, now_us);
}

/* Whatever it takes at a time, everything leaves once, in order, and was made ready once. */
static void test_order(void **state)
{
	(void)state;
	for (uint16_t takes = 1; takes < 200; takes = (uint16_t)(takes * 3)) {
		put_many(100);
		while (txq_frames(&q) > 0)
			assert_in_range(flush(takes, 1), 1, takes);
	}
	assert_int_equal(device.next, made);
	assert_int_equal(counters.drops[DROP_TX_FULL], 0);
}

/* A device that is slower than what comes: the queue goes round, and refuses what is beyond it. */
static void test_slow_device(void **state)
{
	unsigned int refused = 0;

	(void)state;
	for (unsigned int turn = 0; turn < 100; turn++) {
		for (unsigned int i = 0; i < 50; i++) {
			if (put(made))
				made++;
			else
				refused++;
		}
		assert_int_equal(flush(30, turn), 30);
	}
	assert_int_equal(made, 100 * 30 + txq_frames(&q));
	assert_int_equal(refused, 100 * 50 - made);
	assert_true(txq_frames(&q) > TXQ_FRAMES - 50);
	assert_int_equal(counters.drops[DROP_TX_FULL], 0);
	flush(UINT16_MAX, 200);
	assert_int_equal(device.next, made);
}

static void test_full_is_told(void **state)
{
	(void)state;
	put_many(TXQ_BURST - 1);
	assert_false(txq_flush_due(&q));
	put_many(1);
	assert_true(txq_flush_due(&q));
	flush(0, 1);
	assert_false(txq_flush_due(&q));
	assert_false(txq_full(&q));
	put_many(1);
	assert_true(txq_full(&q));
	flush(1, 2);
	assert_false(txq_full(&q));
}

/* Nothing is kept for a device that takes nothing for long; taking one frame begins the time anew. */
static void test_stale(void **state)
{
	(void)state;
	put_many(10);
	assert_int_equal(flush(0, 1000), 0);
	assert_int_equal(flush(0, 1000 + TXQ_STALE_US - 1), 0);
	assert_int_equal(flush(1, 1000 + TXQ_STALE_US), 1);
	assert_int_equal(flush(0, 5000 + TXQ_STALE_US), 0);
	assert_int_equal(txq_frames(&q), 9);
	assert_int_equal(flush(0, 5000 + 2 * TXQ_STALE_US), 0);
	assert_int_equal(txq_frames(&q), 0);
	assert_int_equal(counters.drops[DROP_TX_FULL], 9);
	/* And what comes afterwards has all the time again. */
	device.next = made;
	put_many(1);
	assert_int_equal(flush(0, 9000 + 2 * TXQ_STALE_US), 0);
	assert_int_equal(txq_frames(&q), 1);
}

static void test_refused(void **state)
{
	(void)state;
	put_many(3);
	assert_true(put(REFUSED));
	put_many(3);
	assert_int_equal(flush(UINT16_MAX, 1), 6);
	assert_int_equal(counters.drops[DROP_TX_REFUSED], 1);
	assert_int_equal(device.next, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("txq", tests, NULL, NULL);
}
