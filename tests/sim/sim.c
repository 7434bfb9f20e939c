/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/eal.h"
#include "check.h"
#include "stack_private.h"
#include "tcp_limits.h"

#define POOL_MBUFS 8191

/* One event may lead to another at the same time; more than this means that time stands still. */
#define EVENTS_AT_ONCE 2000

void sim_fail(struct sim *s, const char *format, ...)
{
	va_list args;

	if (s->failed)
		return;
	s->failed = true;
	va_start(args, format);
	vsnprintf(s->failure, sizeof(s->failure), format, args);
	va_end(args);
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void sim_pcap_begin(FILE *f)
{
	uint8_t h[24] = { [4] = 2, [6] = 4 };

	put_le32(h, 0xa1b2c3d4);
	put_le32(h + 16, 65535);
	put_le32(h + 20, 1);
	fwrite(h, sizeof(h), 1, f);
}

static void pcap_frame(FILE *f, uint64_t now_us, const uint8_t *frame, size_t bytes)
{
	uint8_t h[16];

	put_le32(h, (uint32_t)(now_us / 1000000));
	put_le32(h + 4, (uint32_t)(now_us % 1000000));
	put_le32(h + 8, (uint32_t)bytes);
	put_le32(h + 12, (uint32_t)bytes);
	fwrite(h, sizeof(h), 1, f);
	fwrite(frame, bytes, 1, f);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ (h >> 29);
}

void sim_frame(struct sim *s, int host, const uint8_t *frame, size_t bytes)
{
	uint64_t h = mix(mix(s->frame_hash, s->now_us), (uint64_t)host << 32 | bytes), v;
	size_t at = 0;

	for (; at + 8 <= bytes; at += 8) {
		memcpy(&v, frame + at, 8);
		h = mix(h, v);
	}
	for (; at < bytes; at++)
		h = mix(h, frame[at]);
	s->frame_hash = h;
	s->frames++;
	s->frame_bytes += bytes;
	if (s->pcap)
		pcap_frame(s->pcap, s->now_us, frame, bytes);
	if (s->check)
		watch_sent(&s->watch, host, frame, bytes);
}

/* Made once: a pool in DPDK's memory takes longer than a scenario. */
static struct rte_mempool *pool(int index, unsigned int small)
{
	static struct rte_mempool *pools[2][1 + SIM_SMALL_POOLS];
	char name[16];

	if (!pools[index][small]) {
		snprintf(name, sizeof(name), "sim%d.%u", index, small);
		pools[index][small] = test_mbuf_pool(name, small ? (SIM_SMALL_MBUFS << small) - 1 : POOL_MBUFS);
	}
	return pools[index][small];
}

static void init_flow(struct sim *s, unsigned int i)
{
	struct flow *f = &s->flows[i];

	f->sim = s;
	f->index = i;
	f->client = s->scenario.flows[i].client;
	f->v6 = s->scenario.flows[i].v6;
	f->start_us = s->start_us + s->scenario.flows[i].start_us;
	f->port = s->scenario.flows[i].port;
	f->may_die = s->scenario.flows[i].may_die;
	for (int side = 0; side < 2; side++) {
		f->ends[side].flow = f;
		f->ends[side].host = &s->hosts[side == 0 ? f->client : !f->client];
		f->ends[side].plan = s->scenario.flows[i].ends[side];
	}
}

void sim_init(struct sim *s, uint64_t seed, const struct scenario *sc, FILE *pcap)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->scenario = *sc;
	s->pcap = pcap;
	s->rng.state = seed ^ 0x5bd1e995;
	s->now_us = s->start_us = sc->start_us;
	s->check = true;
	watch_init(&s->watch, s);
	for (int i = 0; i < 2; i++) {
		wire_init(&s->wires[i], rng_next(&s->rng));
		wire_set(&s->wires[i], &sc->faults[i], s->now_us);
	}
	for (int i = 0; i < 2; i++) {
		host_init(&s->hosts[i], s, i, &sc->hosts[i], pool(i, sc->hosts[i].small_pool), &s->wires[i], s->now_us);
		if (sc->thief)
			s->hosts[i].thief_us = s->now_us;
		if (sc->origin)
			s->hosts[i].stack->tcp.origin = &s->scenario.tcp_origin;
	}
	for (unsigned int i = 0; i < sc->n_flows; i++)
		init_flow(s, i);
}

static void heal(struct sim *s)
{
	s->healed = true;
	for (int i = 0; i < 2; i++) {
		s->hosts[i].thief_us = UINT64_MAX;
		if (s->hosts[i].stolen)
			host_thief(&s->hosts[i]);
		wire_set(&s->wires[i], &s->scenario.healed[i], s->now_us);
	}
}

static uint64_t host_next_us(struct sim *s, int i)
{
	return RTE_MIN(stack_next_us(s->hosts[i].stack), wire_next_us(&s->wires[!i]));
}

static uint64_t next_event_us(struct sim *s)
{
	uint64_t next = RTE_MIN(host_next_us(s, 0), host_next_us(s, 1));

	next = RTE_MIN(next, sim_app_next_us(s));
	next = RTE_MIN(next, RTE_MIN(s->hosts[0].thief_us, s->hosts[1].thief_us));
	if (!s->healed)
		next = RTE_MIN(next, s->start_us + s->scenario.heal_us);
	return next;
}

static void run_events(struct sim *s)
{
	if (!s->healed && s->now_us >= s->start_us + s->scenario.heal_us)
		heal(s);
	for (int i = 0; i < 2; i++) {
		if (s->now_us >= s->hosts[i].thief_us) {
			host_thief(&s->hosts[i]);
			s->hosts[i].thief_us = s->now_us + rng_between(&s->rng, 1000, 100000);
		}
		host_turn(&s->hosts[i], &s->wires[!i], s->now_us);
		if (s->check) {
			watch_turn(&s->watch, i);
			tcp_check(s->hosts[i].stack);
		}
	}
	s->events++;
}

bool sim_run(struct sim *s)
{
	uint64_t end_us = s->start_us + s->scenario.heal_us + s->scenario.limit_us;
	/* Orphans and TIME-WAIT go away by themselves. */
	uint64_t empty_us = end_us + TCP_ORPHAN_US + TCP_TIME_WAIT_US + 1000000;
	unsigned int at_once = 0;
	bool done = false;

	while (!s->failed) {
		uint64_t next = next_event_us(s);

		at_once = next <= s->now_us ? at_once + 1 : 0;
		if (at_once > EVENTS_AT_ONCE)
			sim_fail(s, "time stands still at %llu us", (unsigned long long)(s->now_us - s->start_us));
		s->now_us = RTE_MAX(s->now_us, next);
		if (!done && s->now_us > end_us)
			sim_fail(s, "a transfer didn't finish in time");
		if (s->now_us > empty_us)
			sim_fail(s, "connections are left over");
		if (next == UINT64_MAX)
			sim_fail(s, "nothing happens any more");
		if (s->failed)
			break;
		run_events(s);
		done = done || sim_app_done(s);
		if (done && stack_conns(s->hosts[0].stack) == 0 && stack_conns(s->hosts[1].stack) == 0)
			break;
	}
	if (!s->failed)
		sim_app_verify(s);
	return !s->failed;
}

bool sim_fini(struct sim *s)
{
	for (int i = 0; i < 2; i++)
		host_fini(&s->hosts[i]);
	for (int i = 0; i < 2; i++)
		wire_fini(&s->wires[i]);
	watch_fini(&s->watch);
	return !s->failed;
}
