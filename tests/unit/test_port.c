/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ports without a device: what is asked of the driver is answered here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <rte_dev.h>
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

/* A port whose device has RSS with @key, as port_open leaves it. */
static void open_with_key(struct port *p, struct netif *nif, struct rte_mempool *pool, const char *device, uint8_t *key)
{
	struct rte_eth_conf conf = {
		.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS,
		.rx_adv_conf.rss_conf = {
			.rss_key = key,
			.rss_key_len = 40,
			.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP,
		},
	};

	*p = (struct port){ .nif = nif, .hash_in_device = true };
	steer_init(&p->steer, 2, 40, 128);
	assert_int_equal(rte_dev_probe(device), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(device, &p->device), 0);
	assert_int_equal(rte_eth_dev_configure(p->device, 2, 2, &conf), 0);
	for (uint16_t q = 0; q < 2; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(p->device, q, 64, 0, NULL, pool), 0);
		assert_int_equal(rte_eth_tx_queue_setup(p->device, q, 64, 0, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_rss_hash_update(p->device, &conf.rx_adv_conf.rss_conf), 0);
}

/* A device that spreads by another key than it was given would take servers' replies to the wrong worker. */
static void test_rss_key_is_read_back(void **state)
{
	struct netif nif = { .name = "null", .mtu = 1500 };
	uint8_t key[STEER_KEY_BYTES];
	struct rte_mempool *pool;
	struct steer ours;
	struct port p;
	char err[512];

	(void)state;
	test_eal_init();
	pool = test_mbuf_pool("queues", 1024);
	steer_init(&ours, 2, 40, 128);
	memcpy(key, ours.key, sizeof(key));
	open_with_key(&p, &nif, pool, "net_null0", key);
	assert_int_equal(port_start(&p, err, sizeof(err)), 0);
	assert_true(p.hash_in_device);
	port_close(&p);

	key[39] ^= 1;
	open_with_key(&p, &nif, pool, "net_null1", key);
	assert_int_equal(port_start(&p, err, sizeof(err)), 0);
	assert_false(p.hash_in_device);
	port_close(&p);
}

/* net_null receives into one buffer each: 2048 bytes, of which 18 are for Ethernet and a VLAN tag. */
static void test_mtu_beyond_a_buffer(void **state)
{
	struct netif nif = { .name = "outside", .mtu = 2031 };
	struct rte_mempool *pool;
	char err[512] = "";
	struct port p;

	(void)state;
	test_eal_init();
	pool = test_mbuf_pool("mtu", 4096);
	assert_int_equal(port_open(&p, &nif, "net_null2", 1, pool, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "mtu 2031"));
	assert_non_null(strstr(err, "\"net_null2\" (driver net_null) can't receive"));
	assert_non_null(strstr(err, "Set mtu to 2030 or less"));
	nif.mtu = 2030;
	assert_int_equal(port_open(&p, &nif, "net_null2", 1, pool, err, sizeof(err)), 0);
	assert_int_equal(nif.mtu, 2030);
	port_close(&p);
}

/* net_memif takes frames of 1514 bytes at the most, and says so only by refusing more. */
static void test_mtu_that_the_device_lowers(void **state)
{
	struct netif nif = { .name = "outside", .mtu = 2000 };
	struct rte_mempool *pool;
	char err[512] = "";
	struct port p;

	(void)state;
	test_eal_init();
	pool = test_mbuf_pool("memif", 4096);
	if (port_open(&p, &nif, "net_memif0,role=client,socket-abstract=yes,socket=postern-test-port", 1, pool, err,
		      sizeof(err)) != 0)
		fail_msg("%s", err);
	assert_int_equal(nif.mtu, 1500);
	port_close(&p);
}

/* A null device's link is up from its start; one that comes later is seen by control, and counted for workers. */
static void test_link_is_watched(void **state)
{
	struct netif nif = { .name = "outside", .mtu = 1500 };
	struct rte_mempool *pool;
	char err[512] = "";
	struct port p;

	(void)state;
	test_eal_init();
	pool = test_mbuf_pool("link", 4096);
	assert_int_equal(port_open(&p, &nif, "net_null3", 1, pool, err, sizeof(err)), 0);
	assert_int_equal(port_link_ups(&p), 0);
	assert_int_equal(port_start(&p, err, sizeof(err)), 0);
	assert_true(p.link_up);
	assert_int_equal(port_link_ups(&p), 1);
	assert_false(port_watch_link(&p));
	assert_int_equal(rte_eth_dev_stop(p.device), 0);
	assert_true(port_watch_link(&p));
	assert_false(p.link_up);
	assert_false(port_watch_link(&p));
	assert_int_equal(port_link_ups(&p), 1);
	assert_int_equal(rte_eth_dev_start(p.device), 0);
	assert_true(port_watch_link(&p));
	assert_true(p.link_up);
	assert_int_equal(port_link_ups(&p), 2);
	port_close(&p);
}

static bool link_came(struct port *p)
{
	for (int i = 0; i < 500; i++) {
		if (port_watch_link(p))
			return true;
		usleep(10000);
	}
	return false;
}

/* Two ends of a memif: the first has no link before the second is there, as a NIC whose cable comes late. */
static void test_link_that_comes_late(void **state)
{
	struct netif nif = { .name = "one", .mtu = 1500 }, other = { .name = "other", .mtu = 1500 };
	char one[128], two[128], err[512] = "";
	struct rte_mempool *pool;
	struct port p, q;

	(void)state;
	test_eal_init();
	pool = test_mbuf_pool("late", 16384);
	snprintf(one, sizeof(one), "net_memif1,role=server,id=1,socket-abstract=yes,socket=postern-late-%d", getpid());
	snprintf(two, sizeof(two), "net_memif2,role=client,id=1,socket-abstract=yes,socket=postern-late-%d", getpid());
	assert_int_equal(port_open(&p, &nif, one, 1, pool, err, sizeof(err)), 0);
	assert_int_equal(port_start(&p, err, sizeof(err)), 0);
	assert_false(p.link_up);
	assert_int_equal(port_link_ups(&p), 1);	/* it is announced to in any case */
	assert_false(port_watch_link(&p));
	assert_int_equal(port_open(&q, &other, two, 1, pool, err, sizeof(err)), 0);
	assert_int_equal(port_start(&q, err, sizeof(err)), 0);
	assert_true(link_came(&p));
	assert_true(p.link_up);
	assert_int_equal(port_link_ups(&p), 2);
	port_close(&q);
	assert_true(link_came(&p));
	assert_false(p.link_up);
	assert_int_equal(port_link_ups(&p), 2);
	port_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prepare),
		cmocka_unit_test(test_rss_key_is_read_back),
		cmocka_unit_test(test_mtu_beyond_a_buffer),
		cmocka_unit_test(test_link_is_watched),
		cmocka_unit_test(test_link_that_comes_late),
		cmocka_unit_test(test_mtu_that_the_device_lowers),
	};

	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
