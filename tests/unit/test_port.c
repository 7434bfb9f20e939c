/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ports without a device: what is asked of the driver is answered here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "eal.h"
#include "port.h"

#define FRAMES 6
#define BAD 0xbad

/* A driver that marks what it has made ready and stops at a frame that it can't send. */
static uint16_t driver_prepare(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t i;

	(void)queue;
	for (i = 0; i < n && mbufs[i]->vlan_tci != BAD; i++)
		mbufs[i]->vlan_tci_outer++;
	return i;
}

/* Frames at the bits of @bad can't be sent; the others are all made ready, once, in their order. */
static void prepare(struct port *p, struct rte_mempool *pool, unsigned int bad)
{
	struct rte_mbuf *m[FRAMES], *good[FRAMES];
	uint16_t n_good = 0;

	for (unsigned int i = 0; i < FRAMES; i++) {
		m[i] = rte_pktmbuf_alloc(pool);
		assert_non_null(m[i]);
		m[i]->vlan_tci_outer = 0;
		m[i]->vlan_tci = bad >> i & 1 ? BAD : 0;
		if (!(bad >> i & 1))
			good[n_good++] = m[i];
	}
	assert_int_equal(port_prepare(p, 0, m, FRAMES), n_good);
	for (unsigned int i = 0; i < n_good; i++) {
		assert_ptr_equal(m[i], good[i]);
		assert_int_equal(m[i]->vlan_tci_outer, 1);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), n_good);
	rte_pktmbuf_free_bulk(m, n_good);
}

static void test_prepare(void **state)
{
	struct port p = { .device = 3, .is_nic = true };
	struct rte_mempool *pool;

	(void)state;
	test_eal_init();
	pool = test_mbuf_pool("port", 64);
	rte_eth_fp_ops[p.device].tx_pkt_prepare = driver_prepare;
	for (unsigned int bad = 0; bad < 1u << FRAMES; bad++)
		prepare(&p, pool, bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prepare),
	};

	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
