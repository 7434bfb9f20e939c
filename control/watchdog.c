/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/watchdog.h"

#include <string.h>

#include "control/log.h"
#include "dataplane/dataplane.h"

void watchdog_init(struct watchdog *w, uint16_t n_workers)
{
	memset(w, 0, sizeof(*w));
	w->n_workers = n_workers;
}

static double seconds(uint64_t us)
{
	return (double)us / 1e6;
}

void watchdog_tick(struct watchdog *w, uint64_t now_us)
{
	w->now_us = now_us;
	for (uint16_t i = 0; i < w->n_workers; i++) {
		struct dataplane_gauges g;
		bool moved;

		dataplane_gauges(i, &g);
		moved = w->workers[i].moved_us == 0 || g.quiesced_us != w->workers[i].quiesced_us ||
			g.turns != w->workers[i].turns;
		if (moved) {
			if (w->workers[i].stuck)
				log_say(LOG_WARNING_LEVEL, "worker %u on CPU %u turns again, after %.1f s", i, g.cpu,
					seconds(now_us - w->workers[i].moved_us));
			w->workers[i].stuck = false;
			w->workers[i].moved_us = now_us;
			w->workers[i].quiesced_us = g.quiesced_us;
			w->workers[i].turns = g.turns;
		} else if (!w->workers[i].stuck && now_us - w->workers[i].moved_us > WATCHDOG_PATIENCE_US) {
			w->workers[i].stuck = true;
			w->stalls++;
			log_say(LOG_ERROR_LEVEL, "worker %u on CPU %u has not passed a quiescent state for %.1f s",
				i, g.cpu, seconds(now_us - w->workers[i].moved_us));
		}
	}
}

int watchdog_check(const struct watchdog *w, struct error *err)
{
	for (uint16_t i = 0; i < w->n_workers; i++) {
		struct dataplane_gauges g;

		if (!w->workers[i].stuck)
			continue;
		dataplane_gauges(i, &g);
		error_set(err, -EBUSY, ERROR_BUSY, "", "worker %u on CPU %u stands still since %.1f s, "
			  "and a change would have to wait for it", i, g.cpu, seconds(w->now_us - w->workers[i].moved_us));
		return error_hint(err, -EBUSY, "see what runs on that CPU (cores in the configuration, "
				  "isolcpus); if it stays so, restart posternd and report it");
	}
	return 0;
}
