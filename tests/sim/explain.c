/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A scenario in words: which faults are on, and who does what. */
#include <stdio.h>

#include "sim.h"

static void explain_faults(const char *name, const struct wire_faults *f)
{
	printf("# wire from %s: %llu us", name, (unsigned long long)f->delay_us);
	if (f->jitter_us > 0)
		printf(", jitter %llu us", (unsigned long long)f->jitter_us);
	if (f->loss > 0)
		printf(", loss %.1f %%", f->loss * 100);
	if (f->burst_begin > 0)
		printf(", bursts lost: begin %.1f %%, end %.1f %%", f->burst_begin * 100, f->burst_end * 100);
	if (f->duplicate > 0)
		printf(", duplicates %.1f %%", f->duplicate * 100);
	if (f->reorder > 0)
		printf(", reordering %.1f %% by up to %llu us", f->reorder * 100, (unsigned long long)f->reorder_us);
	if (f->corrupt > 0)
		printf(", corruption %.1f %%", f->corrupt * 100);
	if (f->bytes_per_s > 0)
		printf(", %llu bytes/s with a queue of %u", (unsigned long long)f->bytes_per_s, f->queue_bytes);
	if (f->change_us > 0)
		printf(", at times %llu bytes/s", (unsigned long long)f->slow_bytes_per_s);
	if (f->hole_bytes > 0)
		printf(", nothing over %u bytes from %llu us on", f->hole_bytes, (unsigned long long)f->hole_us);
	if (f->cut_every_us > 0)
		printf(", cut for %llu us each %llu us (plan %llx)", (unsigned long long)f->cut_us,
		       (unsigned long long)f->cut_every_us, (unsigned long long)f->plan_seed);
	printf("\n");
}

static void explain_host(const char *name, const struct host_config *h)
{
	printf("# %s: MTU %u, offloads %#x", name, h->mtu, h->offloads);
	if (h->tso_max_bytes > 0)
		printf(", TSO up to %u", h->tso_max_bytes);
	printf(", %u connections, %u half-open, buffers %u and %u", h->max_conns, h->max_half_open,
	       h->rcv_buffer_bytes, h->snd_buffer_bytes);
	if (h->small_pool > 0)
		printf(", only %u packet buffers", (SIM_SMALL_MBUFS << h->small_pool) - 1);
	printf("\n");
}

static void explain_end(const char *name, const struct end_plan *e)
{
	printf("; %s sends %llu by %u", name, (unsigned long long)e->tx_bytes, e->write_max);
	if (e->write_gap_us > 0)
		printf(" each %llu us", (unsigned long long)e->write_gap_us);
	if (e->read_gap_us > 0)
		printf(", reads %u each %llu us", e->read_max, (unsigned long long)e->read_gap_us);
	if (e->reset_at_us > 0)
		printf(", resets at %llu us", (unsigned long long)e->reset_at_us);
	printf("%s%s", e->fin_last ? ", FIN last" : "", e->linger ? ", lingers" : "");
}

void scenario_explain(const struct scenario *sc)
{
	printf("# begins at %llu us, is healed %llu us later", (unsigned long long)sc->start_us,
	       (unsigned long long)sc->heal_us);
	if (sc->origin)
		printf(", numbers from %#x, timestamps moved by %#x", sc->tcp_origin.isn, sc->tcp_origin.ts_offset);
	printf("%s\n", sc->thief ? ", buffers are stolen" : "");
	for (int i = 0; i < 2; i++) {
		explain_host(i ? "host 1" : "host 0", &sc->hosts[i]);
		explain_faults(i ? "host 1" : "host 0", &sc->faults[i]);
	}
	for (unsigned int i = 0; i < sc->n_flows; i++) {
		printf("# flow %u: host %d dials port %u by IPv%d at %llu us%s", i, sc->flows[i].client, sc->flows[i].port,
		       sc->flows[i].v6 ? 6 : 4, (unsigned long long)sc->flows[i].start_us,
		       sc->flows[i].may_die ? ", may die" : "");
		explain_end("client", &sc->flows[i].ends[0]);
		explain_end("server", &sc->flows[i].ends[1]);
		printf("\n");
	}
}
