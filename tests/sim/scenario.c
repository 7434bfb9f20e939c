/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A scenario from a seed: which faults, how bad, which sizes, which behaviour. */
#include <string.h>
#include <rte_common.h>

#include "sim.h"
#include "tcp_limits.h"

#define ETHER_BYTES 14u

static const struct wire_faults clean = { .delay_us = 500 };

static void random_faults(struct rng *r, struct wire_faults *f)
{
	*f = clean;
	f->delay_us = rng_between(r, 10, rng_chance(r, 0.3) ? 150000 : 10000);
	if (rng_chance(r, 0.5))
		f->loss = (double)rng_between(r, 1, rng_chance(r, 0.3) ? 300 : 50) / 1000;
	if (rng_chance(r, 0.2)) {
		f->burst_begin = (double)rng_between(r, 1, 50) / 1000;
		f->burst_end = (double)rng_between(r, 50, 500) / 1000;
	}
	if (rng_chance(r, 0.3))
		f->duplicate = (double)rng_between(r, 1, 200) / 1000;
	if (rng_chance(r, 0.3)) {
		f->reorder = (double)rng_between(r, 1, 300) / 1000;
		f->reorder_us = rng_between(r, 10, 50000);
	}
	if (rng_chance(r, 0.3))
		f->jitter_us = rng_between(r, 1, 20000);
	if (rng_chance(r, 0.3))
		f->corrupt = (double)rng_between(r, 1, 100) / 1000;
	if (rng_chance(r, 0.03))
		f->loss = 1;	/* cut, until it is healed */
	if (rng_chance(r, 0.3)) {
		f->bytes_per_s = rng_between(r, 20000, 12500000);
		f->queue_bytes = (uint32_t)rng_between(r, 4000, 200000);
	}
}

/* Links that come and go, and rates that change: both directions alike, or one alone. */
static void random_changes(struct rng *r, struct scenario *sc)
{
	struct wire_faults *f = sc->faults;

	for (int i = 0; i < 2; i++) {
		f[i].plan_us = sc->start_us;
		f[i].plan_seed = rng_next(r);
	}
	if (rng_chance(r, 0.5))
		f[1].plan_seed = f[0].plan_seed;
	if (rng_chance(r, 0.15)) {
		int only = (int)rng_below(r, 4);	/* 2, 3: both */

		for (int i = 0; i < 2; i++) {
			if (only == !i)
				continue;
			f[i].cut_every_us = rng_between(r, 20000, 2000000);
			f[i].cut_us = rng_between(r, 5000, rng_chance(r, 0.2) ? 5000000 : 500000);
		}
		if (only == 3) {
			f[1].cut_every_us = f[0].cut_every_us;
			f[1].cut_us = f[0].cut_us;
		}
	}
	for (int i = 0; i < 2; i++) {
		if (f[i].bytes_per_s == 0 || !rng_chance(r, 0.4))
			continue;
		f[i].slow_bytes_per_s = RTE_MAX(f[i].bytes_per_s / rng_between(r, 2, 20), (uint64_t)10000);
		f[i].change_us = rng_between(r, 10000, 1000000);
	}
}

/* Frames over a size vanish from some time on, and nothing heals that: in one direction, or in both. */
static void random_holes(struct rng *r, struct scenario *sc)
{
	bool v6 = false, alone;

	if (!rng_chance(r, 0.15))
		return;
	for (unsigned int i = 0; i < sc->n_flows; i++)
		v6 = v6 || sc->flows[i].v6;
	/* Where other faults allow transfers to die a hole proves little. */
	alone = rng_chance(r, 0.6);
	for (int i = 0; i < 2; i++) {
		if (alone)
			sc->faults[i] = (struct wire_faults){ .delay_us = sc->faults[i].delay_us };
		if (rng_chance(r, 0.3))
			continue;
		sc->faults[i].hole_us = sc->start_us + (rng_chance(r, 0.3) ? rng_below(r, 2 * sc->heal_us) : 0);
		sc->faults[i].hole_bytes = ETHER_BYTES + (uint32_t)(!v6 && rng_chance(r, 0.2) ? rng_between(r, 576, 1279)
											   : rng_between(r, 1280, 1499));
		sc->healed[i].hole_us = sc->faults[i].hole_us;
		sc->healed[i].hole_bytes = sc->faults[i].hole_bytes;
	}
	/* It takes up to four time-outs, each twice the one before, until segments are small enough. */
	sc->limit_us += 120000000;
}

/* Queues that mark, and paths and peers that get ECN wrong. */
static void random_ecn(struct rng *r, struct scenario *sc)
{
	static const enum wire_ecn_fault wrong[] = { WIRE_ECN_BLEACH, WIRE_ECN_CE, WIRE_ECN_ECHO };

	for (int i = 0; i < 2; i++) {
		sc->hosts[i].ecn = (uint8_t)rng_below(r, 3);
		if (sc->faults[i].bytes_per_s > 0 && rng_chance(r, 0.5))
			sc->faults[i].mark_bytes = sc->faults[i].queue_bytes / 4;
		if (rng_chance(r, 0.1))
			sc->faults[i].ecn = sc->healed[i].ecn = wrong[rng_below(r, 3)];
	}
}

static void random_host(struct rng *r, struct host_config *c)
{
	static const uint16_t mtus[] = { 1500, 1500, 1500, 1492, 1400, 1280 };
	static const uint32_t buffers[] = { 65536, 65536, 4194304, 32768, 16384, 4096, 262144, 1000000 };

	c->mtu = mtus[rng_below(r, 6)];
	if (rng_chance(r, 0.5))
		c->offloads |= NETIF_TX_SCATTER;
	if (rng_chance(r, 0.5))
		c->offloads |= NETIF_TX_IP_CHECKSUM | NETIF_TX_TCP_CHECKSUM;
	if (rng_chance(r, 0.25)) {
		c->offloads |= NETIF_TX_SCATTER | NETIF_TX_IP_CHECKSUM | NETIF_TX_TCP_CHECKSUM | NETIF_TX_TSO;
		c->tso_max_bytes = (uint32_t)rng_between(r, 2000, 65000);
		if (c->tso_max_bytes % 2 == 1)	/* cut before the device (cut.h), as by its own TSO otherwise */
			c->offloads &= ~(uint32_t)NETIF_TX_TSO;
	}
	c->max_conns = rng_chance(r, 0.1) ? (uint32_t)rng_between(r, 2, 8) : 64;
	c->max_half_open = rng_chance(r, 0.1) ? 1 : 32;
	c->rcv_buffer_bytes = buffers[rng_below(r, 8)];
	c->snd_buffer_bytes = buffers[rng_below(r, 8)];
	if (rng_chance(r, 0.2))
		c->queue_mbufs = (uint32_t)rng_between(r, 64, rng_chance(r, 0.5) ? 200 : 2000);
	if (rng_chance(r, 0.2))
		c->small_pool = (unsigned int)rng_between(r, 1, SIM_SMALL_POOLS);
	c->secret[0] = rng_next(r);
	c->secret[1] = rng_next(r);
	c->congestion = (uint8_t)(c->secret[0] >> 32 & 3);	/* no draw of its own: seeds stay what they were */
}

static void random_end(struct rng *r, struct end_plan *e, uint64_t heal_us)
{
	static const uint64_t sizes[] = { 0, 1, 100, 5000, 30000, 100000, 400000 };
	static const uint32_t writes[] = { 10, 1000, 4000, 16384, 16384 };

	e->tx_bytes = rng_below(r, sizes[rng_below(r, 7)] + 1);
	e->write_max = writes[rng_below(r, 5)];
	e->mbuf_max = rng_chance(r, 0.2) ? 100 : 1900;
	if (e->write_max == 10 && e->tx_bytes > 5000)
		e->tx_bytes = 5000;
	if (rng_chance(r, 0.2))
		e->write_gap_us = rng_between(r, 100, 20000);
	if (rng_chance(r, 0.3)) {
		e->read_max = (uint32_t)rng_between(r, 1, 10000);
		e->read_gap_us = rng_between(r, 100, 100000);
	}
	/* So slow that the window stays closed and is probed. */
	if (rng_chance(r, 0.1)) {
		e->read_max = (uint32_t)rng_between(r, 10000, 60000);
		e->read_gap_us = rng_between(r, 500000, 5000000);
	}
	e->fin_last = rng_chance(r, 0.3);
	e->linger = rng_chance(r, 0.5);
	if (rng_chance(r, 0.05))
		e->reset_at_us = 1 + rng_below(r, heal_us + 1000000);
}

static void random_flow(struct rng *r, struct scenario *sc, unsigned int i)
{
	sc->flows[i].client = rng_chance(r, 0.8) ? 0 : 1;
	sc->flows[i].v6 = rng_chance(r, 0.4);
	sc->flows[i].start_us = rng_below(r, sc->heal_us / 2 + 1);
	sc->flows[i].port = SIM_PORT;
	if (rng_chance(r, 0.03))
		sc->flows[i].port = rng_chance(r, 0.5) ? SIM_SILENT_PORT : 1;
	random_end(r, &sc->flows[i].ends[0], sc->heal_us);
	random_end(r, &sc->flows[i].ends[1], sc->heal_us);
	/* Both waiting for the other's FIN would wait for ever. */
	if (sc->flows[i].ends[0].fin_last)
		sc->flows[i].ends[1].fin_last = false;
}

/* May a flow that begins under faults, or with too little memory, give up? */
static bool may_die(const struct scenario *sc, unsigned int i)
{
	bool small = sc->hosts[0].max_conns < 64 || sc->hosts[1].max_conns < 64 ||
		     sc->hosts[0].max_half_open < 32 || sc->hosts[1].max_half_open < 32;
	bool bad = false;

	for (int k = 0; k < 2; k++)
		bad = bad || sc->faults[k].loss > 0.01 || sc->faults[k].burst_begin > 0 ||
		      sc->faults[k].corrupt > 0.01 || sc->faults[k].bytes_per_s > 0 || sc->faults[k].cut_every_us > 0 || sc->hosts[k].small_pool > 0;
	return small || bad || sc->thief || sc->flows[i].port != SIM_PORT;
}

/* How long a slow reader takes: each read makes room for at most a buffer. */
static uint64_t reading_us(const struct scenario *sc, unsigned int flow, int side)
{
	const struct end_plan *reader = &sc->flows[flow].ends[side], *writer = &sc->flows[flow].ends[!side];
	int host = side == 0 ? sc->flows[flow].client : !sc->flows[flow].client;
	uint64_t a_read = RTE_MIN(sc->hosts[host].rcv_buffer_bytes, sc->hosts[!host].snd_buffer_bytes);

	/* Where packet buffers run low, less is promised. */
	if (sc->hosts[host].small_pool > 0 || sc->hosts[host].queue_mbufs > 0)
		a_read = RTE_MIN(a_read, TCP_PRESSURE_BYTES);
	if (reader->read_max > 0)
		a_read = RTE_MIN(a_read, reader->read_max);
	/* A window that opens by less than a segment is used only at the persist timer's pace. */
	return writer->tx_bytes / RTE_MAX(a_read / 2, 1u) * (reader->read_gap_us + 200000);
}

static uint64_t longest_reading_us(const struct scenario *sc)
{
	uint64_t longest = 0;

	for (unsigned int i = 0; i < sc->n_flows; i++)
		longest = RTE_MAX(longest, RTE_MAX(reading_us(sc, i, 0), reading_us(sc, i, 1)));
	return longest;
}

void scenario_from_seed(struct scenario *sc, uint64_t seed)
{
	/* What came later has numbers of its own, so that old seeds keep most of what they were. */
	struct rng r = { seed * 0x2545f4914f6cdd1du + 1 }, later = { seed * 0x9fb21c651e98df25u + 1 };

	memset(sc, 0, sizeof(*sc));
	sc->start_us = rng_chance(&r, 0.5) ? rng_below(&r, 1ull << 50) : rng_below(&r, 5000000);
	sc->heal_us = rng_between(&r, 10000, rng_chance(&r, 0.1) ? 60000000 : 6000000);
	sc->thief = rng_chance(&r, 0.1);
	sc->origin = rng_chance(&r, 0.3);
	sc->tcp_origin.isn = (uint32_t)(0 - rng_below(&r, 60000));
	sc->tcp_origin.ts_offset = (uint32_t)(0 - sc->start_us / 1000 - rng_below(&r, 5000));
	for (int i = 0; i < 2; i++) {
		random_host(&r, &sc->hosts[i]);
		if (sc->thief)
			sc->hosts[i].small_pool = SIM_SMALL_POOLS;	/* quick to empty */
		random_faults(&r, &sc->faults[i]);
		sc->healed[i] = clean;
	}
	random_changes(&later, sc);
	sc->origin = sc->origin || rng_chance(&later, 0.3);
	for (int i = 0; i < 2; i++) {
		if (rng_chance(&later, 0.3))
			sc->hosts[i].keepalive_us = rng_between(&later, 2000000, 30000000);
		if (rng_chance(&later, 0.2))
			sc->hosts[i].user_timeout_limit_us = rng_between(&later, 100000000, 600000000);
	}
	sc->n_flows = (unsigned int)rng_between(&r, 1, 8);
	for (unsigned int i = 0; i < sc->n_flows; i++)
		random_flow(&r, sc, i);
	random_holes(&later, sc);
	random_ecn(&later, sc);
	for (unsigned int i = 0; i < sc->n_flows; i++)
		sc->flows[i].may_die = may_die(sc, i);
	sc->limit_us += 100000000 + longest_reading_us(sc);
}
